//! A month by script, whose costs are computed by hand.

use bulla_costs::{By, Hour, Span};

use crate::script::{ACCOUNT, DAY_MS, OTHER, SEPTEMBER_MS, Said, Script, USER};

const KMS: &str = "kms.amazonaws.com";
const SECRETS: &str = "secretsmanager.amazonaws.com";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";
const RSA_KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/r";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-abcdef";
const PARAMETER: &str = "arn:aws:ssm:us-east-1:111122223333:parameter/p";
const BUS: &str = "arn:aws:events:us-east-1:111122223333:event-bus/default";

/// The beginning of a day of September.
fn on(day: i64) -> i64 {
    SEPTEMBER_MS + (day - 1) * DAY_MS
}

fn september() -> Span {
    Hour::of(SEPTEMBER_MS).month()
}

async fn keys(script: &mut Script) {
    let created = |at, arn, parameters| Said {
        parameters: Some(parameters),
        ..Said::new(at, KMS, "CreateKey", arn)
    };
    script.call(created(on(1), KEY, r#"{"keySpec":"SYMMETRIC_DEFAULT"}"#)).await;
    script.call(created(on(16), RSA_KEY, r#"{"keySpec":"RSA_3072"}"#)).await;
    for number in 0..25_000 {
        let at = on(17) + number;
        script.call(Said::new(at, KMS, "Encrypt", KEY)).await;
        if number % 5_000 == 0 {
            // As the server does every few seconds; here after a crash.
            script.restart();
            script.meter.settle().await.unwrap();
        }
    }
    for number in 0..1_000 {
        script.call(Said::new(on(18) + number, KMS, "Sign", RSA_KEY)).await;
    }
    let denied = Said { error: Some("AccessDenied"), ..Said::new(on(18), KMS, "Sign", RSA_KEY) };
    let throttled = Said { error: Some("ThrottlingException"), ..denied };
    script.call(denied).await;
    script.call(throttled).await;
    for spec in [r#"{"keyPairSpec":"RSA_2048"}"#, r#"{"keyPairSpec":"ECC_NIST_P256"}"#] {
        for number in 0..10 {
            let said = Said::new(on(19) + number, KMS, "GenerateDataKeyPair", KEY);
            script.call(Said { parameters: Some(spec), ..said }).await;
        }
    }
    script.happens(on(21), "RotateKey", KEY).await;
    script.foreign_call(Said::new(on(22), KMS, "Encrypt", KEY)).await;
    script.call(Said::new(on(26), KMS, "ScheduleKeyDeletion", RSA_KEY)).await;
    script.happens(on(30), "DeleteKey", RSA_KEY).await;
}

async fn others(script: &mut Script) {
    let replicas = Some(r#"{"addReplicaRegions":[{"region":"us-west-2"}]}"#);
    let created = Said::new(on(11), SECRETS, "CreateSecret", SECRET);
    script.call(Said { parameters: replicas, ..created }).await;
    for number in 0..1_000 {
        script.call(Said::new(on(12) + number, SECRETS, "GetSecretValue", SECRET)).await;
    }
    let put = Said::new(on(21), "ssm.amazonaws.com", "PutParameter", PARAMETER);
    script.call(Said { metered: Some(1), ..put }).await;
    for number in 0..5 {
        let got = Said::new(on(22) + number, "ssm.amazonaws.com", "GetParameter", PARAMETER);
        script.call(Said { metered: Some(1), ..got }).await;
        // A standard one costs nothing.
        script.call(got).await;
    }
    let events = Said::new(on(23), "events.amazonaws.com", "PutEvents", BUS);
    script.call(Said { metered: Some(3), ..events }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_costs_what_was_computed_by_hand() {
    let mut script = Script::new().await;
    keys(&mut script).await;
    others(&mut script).await;
    script.meter.settle().await.unwrap();
    script.meter.settle().await.unwrap();
    let month = september();
    let costs = script.meter.costs(month, By::Service, on(40)).await.unwrap();
    let told: Vec<_> = costs
        .iter()
        .map(|(keys, sum)| (keys[1].as_str(), sum.quantity.to_string(), sum.cost.to_string()))
        .collect();
    let told: Vec<_> = told.iter().map(|(k, q, c)| (*k, q.as_str(), c.as_str())).collect();
    assert_eq!(
        told,
        [
            // The key is there for 720 of 720 hours, and its rotation for 240; the other key is
            // there for 240 until its deletion was scheduled: 1200 / 720 dollars.
            ("us-east-1-KMS-Keys", "1.6666666667", "1.6666666667"),
            // 25,000 Encrypt, 2 CreateKey, 1 ScheduleKeyDeletion, less 20,000, at 0.03 by ten
            // thousand; the other account's one is free.
            ("us-east-1-KMS-Requests", "25004", "0.015009"),
            ("us-east-1-KMS-Requests-Asymmetric", "1000", "0.015"),
            ("us-east-1-KMS-Requests-GenerateDatakeyPair-ECC", "10", "0.0001"),
            ("us-east-1-KMS-Requests-GenerateDatakeyPair-RSA", "10", "0.012"),
            // 480 of 720 hours at 0.40 dollars, here and in the other region.
            ("USE1-AWSSecretsManager-Secrets", "0.6666666667", "0.2666666667"),
            ("USE1-AWSSecretsManagerAPIRequest", "1001", "0.005005"),
            ("USW2-AWSSecretsManager-Secrets", "0.6666666667", "0.2666666667"),
            // 240 of 720 hours at 0.05 dollars.
            ("USE1-PS-Advanced-Param-Tier1", "0.3333333333", "0.0166666667"),
            ("USE1-PS-Param-Processed-Tier2", "6", "0.00003"),
            ("USE1-Event-64K-Chunks", "3", "0.000003"),
        ]
    );
    let by = |by| script.meter.costs(month, by, on(40));
    let accounts: Vec<_> = by(By::Account).await.unwrap();
    let accounts: Vec<_> =
        accounts.iter().map(|(keys, sum)| (keys[0].as_str(), sum.cost.to_string())).collect();
    // 5/3 + 0.042109 + 8/15 + 0.005005 + 1/60 + 0.000033
    assert_eq!(accounts, [(ACCOUNT, "2.2638136667".to_owned()), (OTHER, "0".to_owned())]);
    let keys = by(By::Key).await.unwrap();
    let of = |arn: &str| keys.iter().find(|(keys, _)| keys[0] == arn).unwrap().1.cost.to_string();
    // 240/720 + 1,000 Sign; its CreateKey and ScheduleKeyDeletion: the former was free.
    assert_eq!(of(RSA_KEY), "0.3483363333");
    let principals = by(By::Principal).await.unwrap();
    let ana = principals.iter().find(|(keys, _)| keys[0] == format!("Principal${USER}")).unwrap();
    assert_eq!(ana.1.cost.to_string(), "0.047147");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_free_is_free_once_a_month() {
    let mut script = Script::new().await;
    for month in [0, 30] {
        for number in 0..12_000 {
            let at = on(5 + month) + number;
            script.call(Said::new(at, KMS, "Decrypt", KEY)).await;
            script.foreign_call(Said::new(at, KMS, "Decrypt", KEY)).await;
            if number % 2_000 == 0 {
                script.meter.settle().await.unwrap();
            }
        }
    }
    script.meter.settle().await.unwrap();
    for first in [on(1), on(31)] {
        let costs = script.meter.costs(Hour::of(first).month(), By::Account, on(90)).await.unwrap();
        let told: Vec<_> = costs
            .iter()
            .map(|(keys, sum)| (keys[0].as_str(), sum.quantity.to_string(), sum.cost.to_string()))
            .collect();
        let free = |account| (account, "12000".to_owned(), "0".to_owned());
        assert_eq!(told, [free(ACCOUNT), free(OTHER)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_deletion_is_charged_back_and_hours_to_come_are_not() {
    let mut script = Script::new().await;
    script.call(Said::new(on(1), KMS, "CreateKey", KEY)).await;
    script.call(Said::new(on(2), KMS, "ScheduleKeyDeletion", KEY)).await;
    script.meter.settle().await.unwrap();
    let cost = async |script: &Script, now| {
        let costs = script.meter.costs(september(), By::Key, now).await.unwrap();
        costs.iter().find(|(keys, _)| keys[0] == KEY).unwrap().1.cost.to_string()
    };
    assert_eq!(cost(&script, on(4) - 1).await, "0.0333333333");
    script.call(Said::new(on(4), KMS, "CancelKeyDeletion", KEY)).await;
    script.meter.settle().await.unwrap();
    assert_eq!(cost(&script, on(4) - 1).await, "0.1");
    assert_eq!(cost(&script, on(60)).await, "1");
}
