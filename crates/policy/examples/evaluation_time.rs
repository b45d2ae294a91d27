//! Times the decision over a key policy of 20 statements and an identity policy of 20:
//! `cargo run --release -p bulla-policy --example evaluation_time`.

use std::hint::black_box;
use std::time::Instant;

use bulla_policy::{
    Context, Inputs, Policy, PolicyError, PolicyKind, Principal, Request, authorize,
};

const ACCOUNT: &str = "111122223333";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROUNDS: u32 = 1_000_000;

fn document(statement: impl Fn(usize) -> String) -> String {
    let statements: Vec<String> = (0..20).map(statement).collect();
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn key_policy() -> String {
    document(|n| match n {
        19 => format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},
                "Action":"kms:*","Resource":"*"}}"#
        ),
        _ => format!(
            r#"{{"Effect":"{}","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:role/service-{n}"}},
                "Action":["kms:Encrypt","kms:Decrypt","kms:GenerateDataKey*"],"Resource":"*",
                "Condition":{{"StringEquals":{{"kms:EncryptionContext:app":"a{n}"}}}}}}"#,
            if n % 5 == 0 { "Deny" } else { "Allow" }
        ),
    })
}

fn identity_policy() -> String {
    document(|n| match n {
        19 => format!(
            r#"{{"Effect":"Allow","Action":["kms:Decrypt"],
                "Resource":"arn:aws:kms:*:{ACCOUNT}:key/*",
                "Condition":{{"StringLike":{{"kms:EncryptionContext:app":"pay*"}}}}}}"#
        ),
        _ => format!(
            r#"{{"Effect":"{}","Action":["kms:De*","s3:Get*","secretsmanager:*"],
                "Resource":"arn:aws:kms:us-east-1:{ACCOUNT}:key/{n}*",
                "Condition":{{"IpAddress":{{"aws:SourceIp":"10.{n}.0.0/16"}}}}}}"#,
            if n % 5 == 0 { "Deny" } else { "Allow" }
        ),
    })
}

fn main() -> Result<(), PolicyError> {
    let key = Policy::parse(&key_policy(), PolicyKind::Key)?;
    let identity = Policy::parse(&identity_policy(), PolicyKind::Identity)?;
    let principal = Principal::user(ACCOUNT, format!("arn:aws:iam::{ACCOUNT}:user/app"), "AIDA1");
    let context = Context::new()
        .with("aws:SourceIp", "203.0.113.7")
        .with("kms:EncryptionContext:app", "payments");
    let identities = [&identity];
    let inputs = Inputs {
        resource_policy: Some(&key),
        resource_policy_mandatory: true,
        identity: &identities,
        ..Inputs::default()
    };
    let request = Request {
        principal: &principal,
        action: "kms:Decrypt",
        resource: KEY,
        resource_account: ACCOUNT,
        conditions: &context,
    };
    let mut allowed = 0u32;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        allowed += u32::from(authorize(black_box(&inputs), black_box(&request)).allowed());
    }
    let each = start.elapsed() / ROUNDS;
    println!("20 + 20 statements: {each:?} a decision, {allowed} of {ROUNDS} allowed");
    Ok(())
}
