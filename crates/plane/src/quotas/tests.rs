//! How rates refuse, and whom.

use super::*;

const KMS: &str = "kms";
const SHARED: &str = "Cryptographic (symmetric)";

fn rates(defaults: bool) -> Quotas {
    let rate = |groups, value, regions| Known {
        service: KMS,
        limits: Limits::Requests(groups),
        value,
        regions,
    };
    Quotas::new(
        vec![
            rate(&[SHARED, "Shared too"], 50.0, &[("us-east-1", 500.0)]),
            rate(&["CreateKey"], 0.25, &[]),
        ],
        defaults,
    )
}

fn asked<'a>(account: &'a str, region: &'a str, now_ms: i64) -> Caller<'a> {
    Caller { account, region, now_ms }
}

const ME: &str = "111122223333";

fn admitted(rates: &Quotas, group: &str, asked: &Caller<'_>) -> usize {
    (0..2_000).filter(|_| rates.admit(KMS, group, asked).is_ok()).count()
}

#[test]
fn a_bucket_holds_what_comes_in_a_second() {
    let rates = rates(true);
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-central-1", 1_000)), 50);
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-central-1", 1_100)), 5);
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-central-1", 9_000)), 50, "not more");
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "us-east-1", 1_000)), 500);
}

#[test]
fn accounts_regions_and_quotas_are_charged_apart() {
    let rates = rates(true);
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-central-1", 1_000)), 50);
    assert_eq!(admitted(&rates, "Shared too", &asked(ME, "eu-central-1", 1_000)), 0);
    assert_eq!(admitted(&rates, SHARED, &asked("444455556666", "eu-central-1", 1_000)), 50);
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-west-3", 1_000)), 50);
    assert_eq!(admitted(&rates, "CreateKey", &asked(ME, "eu-central-1", 1_000)), 1);
    assert_eq!(admitted(&rates, "no such quota", &asked(ME, "eu-central-1", 1_000)), 2_000);
}

#[test]
fn a_rate_of_each_operation_is_charged_apart() {
    let limits = Limits::RequestsOfEach(&["PutRule", "DeleteRule"]);
    let rates = Quotas::new(vec![Known { service: KMS, limits, value: 5.0, regions: &[] }], true);
    for group in ["PutRule", "DeleteRule"] {
        assert_eq!(admitted(&rates, group, &asked(ME, "eu-central-1", 1_000)), 5);
    }
}

#[test]
fn the_one_who_waits_as_told_is_let_through() {
    let rates = rates(true);
    for group in [SHARED, "CreateKey"] {
        let mut now = 5_000;
        let wait = loop {
            if let Err(wait) = rates.admit(KMS, group, &asked(ME, "eu-central-1", now)) {
                break wait;
            }
        };
        now += i64::try_from(wait).unwrap();
        assert_eq!(rates.admit(KMS, group, &asked(ME, "eu-central-1", now - 1)), Err(1));
        assert_eq!(rates.admit(KMS, group, &asked(ME, "eu-central-1", now)), Ok(()));
    }
}

#[test]
fn over_ten_seconds_the_rate_holds_within_two_in_a_hundred() {
    for (per_second, step) in [(50.0, 1), (500.0, 7), (10_000.0, 10), (100_000.0, 100)] {
        let limits = Limits::Requests(&[SHARED]);
        let rate = Known { service: KMS, limits, value: per_second, regions: &[] };
        let rates = Quotas::new(vec![rate], true);
        // What a whole second gives at once is spent first.
        while rates.admit(KMS, SHARED, &asked(ME, "eu-central-1", 0)).is_ok() {}
        let mut through = 0.0;
        for now in (1..=10_000_i64).filter(|now| now % step == 0) {
            while rates.admit(KMS, SHARED, &asked(ME, "eu-central-1", now)).is_ok() {
                through += 1.0;
            }
        }
        let wanted = per_second * 10.0;
        let off: f64 = (through - wanted) / wanted;
        assert!(off.abs() < 0.02, "{through} of {wanted}");
    }
}

#[test]
fn a_clock_set_back_locks_nobody_out() {
    let rates = rates(true);
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-central-1", 86_400_000)), 50);
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-central-1", 1_000)), 0);
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-central-1", 2_000)), 50);
}

#[test]
fn without_defaults_only_what_was_set_refuses() {
    let rates = rates(false);
    let here = asked(ME, "eu-central-1", 1_000);
    assert_eq!(admitted(&rates, SHARED, &here), 2_000);
    let place = Place { account: ME.into(), region: "eu-central-1".into(), quota: 0 };
    rates.set(place.clone(), Some(7.0)).unwrap();
    assert_eq!(rates.was_set(&place), Some(7.0));
    assert_eq!(admitted(&rates, SHARED, &here), 7);
    assert_eq!(admitted(&rates, SHARED, &asked("444455556666", "eu-central-1", 1_000)), 2_000);
    rates.set(place.clone(), Some(0.0)).unwrap();
    assert_eq!(admitted(&rates, SHARED, &asked(ME, "eu-central-1", 9_000)), 0);
    rates.set(place, None).unwrap();
    assert_eq!(admitted(&rates, SHARED, &here), 2_000);
    let (_, usage) = rates.usage().next().unwrap();
    assert_eq!((usage.admitted, usage.throttled), (7, 3_993));
}

#[test]
fn each_service_says_it_in_its_own_words() {
    let told = |model| {
        let fault = too_fast(model, 7);
        (fault.code.into_owned(), fault.status, fault.retry_after_ms)
    };
    use bulla_shapes::{kms, organizations, ssm, sts};
    assert_eq!(told(&kms::SERVICE), ("ThrottlingException".into(), 400, Some(7)));
    assert_eq!(told(&ssm::SERVICE), ("ThrottlingException".into(), 400, Some(7)));
    assert_eq!(told(&organizations::SERVICE), ("TooManyRequestsException".into(), 400, Some(7)));
    assert_eq!(told(&sts::SERVICE), ("Throttling".into(), 400, Some(7)));
}

#[test]
fn nobody_is_charged_for_what_nobody_signed() {
    assert_eq!(admitted(&rates(true), SHARED, &asked("", "eu-central-1", 1_000)), 2_000);
}

#[test]
fn each_part_of_a_quota_has_its_own_rate_whoever_calls() {
    let limits = Limits::RequestsOfEach(&["Store"]);
    let rates = Quotas::new(vec![Known { service: KMS, limits, value: 5.0, regions: &[] }], true);
    let now = asked(ME, "eu-central-1", 1_000);
    let through = |part| {
        (0..20).filter(|_| rates.admit_part(KMS, ("Store", part), &now, None).is_ok()).count()
    };
    assert_eq!((through("cks-1"), through("cks-2")), (5, 5));
    assert_eq!(through("cks-1"), 0);
}
