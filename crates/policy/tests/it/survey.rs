//! Who may in principle: what a request's own keys leave open.

use bulla_policy::{
    Context, Inputs, Layer, Policy, PolicyKind, Principal, Request, Survey, survey,
};

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";

fn policy(statements: &str, kind: PolicyKind) -> Policy {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    Policy::parse(&text, kind).unwrap_or_else(|error| panic!("{error}"))
}

fn key(statements: &str) -> Policy {
    policy(statements, PolicyKind::Key)
}

/// `ana` asks to decrypt; every key but those of `aws:Principal…` is open.
fn of<'a>(key: &'a Policy, identity: &'a [&'a Policy]) -> Survey<'a> {
    let arn = "arn:aws:iam::111122223333:user/ana";
    let ana = Principal::user("111122223333", arn, "AIDA0000000000000000A");
    let request = Request {
        principal: &ana,
        action: "kms:Decrypt",
        resource: KEY,
        resource_account: "111122223333",
        conditions: &Context::new().with("aws:principaltag/team", "payments"),
    };
    let inputs = Inputs {
        resource_policy: Some(key),
        resource_policy_mandatory: true,
        identity,
        ..Inputs::default()
    };
    survey(&inputs, &request, &|key| !key.starts_with("aws:principal"))
}

const DELEGATES: &str = r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},
    "Action":"kms:*","Resource":"*"}"#;

#[test]
fn what_no_condition_limits_has_no_proviso() {
    let key = key(DELEGATES);
    let own = policy(
        r#"{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"},
           {"Effect":"Allow","Action":"kms:*","Resource":"*",
            "Condition":{"StringEquals":{"kms:ViaService":"ssm.us-east-1.amazonaws.com"}}}"#,
        PolicyKind::Identity,
    );
    let own = [&own];
    let survey = of(&key, &own);
    assert!(survey.allowed && survey.only_if.is_empty() && survey.unless.is_empty());
    let layers: Vec<_> = survey.by.iter().map(|by| (by.layer, by.index)).collect();
    assert_eq!(layers, [(Layer::Resource, 0), (Layer::Identity, 0)]);
}

#[test]
fn open_conditions_are_told_closed_ones_decide() {
    let key = key(r#"{"Sid":"app","Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Decrypt",
            "Resource":"*","Condition":{
                "StringEquals":{"kms:EncryptionContext:app":["a","b"]},
                "StringLike":{"aws:PrincipalTag/team":"pay*"}}},
           {"Sid":"tls","Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*",
            "Condition":{"Bool":{"aws:SecureTransport":"false"}}},
           {"Sid":"others","Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*",
            "Condition":{"StringNotLike":{"aws:PrincipalTag/team":"pay*"},
                         "Bool":{"aws:SecureTransport":"true"}}},
           {"Sid":"writers","Effect":"Deny","Principal":"*","Action":"kms:Encrypt",
            "Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#);
    let survey = of(&key, &[]);
    assert!(survey.allowed);
    let [only_if] = &survey.only_if[..] else { panic!("{survey:#?}") };
    assert_eq!(only_if.statement.sid(), Some("app"));
    let [condition] = &only_if.conditions[..] else { panic!("{survey:#?}") };
    assert_eq!(condition.operator, "StringEquals");
    assert_eq!(condition.key, "kms:encryptioncontext:app");
    assert_eq!(condition.operands, ["a", "b"]);
    let unless: Vec<_> = survey.unless.iter().filter_map(|of| of.statement.sid()).collect();
    assert_eq!(unless, ["tls"]);
}

#[test]
fn a_closed_condition_that_fails_and_a_plain_deny_leave_nothing_open() {
    let other_team =
        key(r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Decrypt","Resource":"*",
            "Condition":{"StringEquals":{"aws:PrincipalTag/team":"sales"}}}"#);
    assert!(!of(&other_team, &[]).allowed);
    let denied = key(&format!(
        r#"{DELEGATES},{{"Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*"}}"#
    ));
    let own = policy(r#"{"Effect":"Allow","Action":"kms:*","Resource":"*"}"#, PolicyKind::Identity);
    assert!(!of(&denied, &[&own]).allowed);
    assert!(!of(&key(DELEGATES), &[]).allowed);
}

#[test]
fn a_foreign_root_user_may_as_far_as_the_resource_lets_its_account() {
    let key = key(r#"{"Sid":"partner","Effect":"Allow","Principal":{"AWS":"444455556666"},
            "Action":"kms:Decrypt","Resource":"*",
            "Condition":{"StringEquals":{"kms:EncryptionContext:tenant":"a"}}}"#);
    let root = Principal::root("aws", "444455556666");
    let request = Request {
        principal: &root,
        action: "kms:Decrypt",
        resource: KEY,
        resource_account: "111122223333",
        conditions: &Context::new(),
    };
    let inputs = Inputs {
        resource_policy: Some(&key),
        resource_policy_mandatory: true,
        ..Inputs::default()
    };
    let survey = survey(&inputs, &request, &|_| true);
    assert!(survey.allowed);
    assert_eq!(survey.only_if.len(), 1);
}
