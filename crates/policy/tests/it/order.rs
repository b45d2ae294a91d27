//! The order of evaluation: who needs what, within an account and across accounts.

use bulla_policy::{
    Conditions, Context, GrantRef, Grantee, Inputs, Layer, Outcome, Policy, PolicyKind, Principal,
    PrincipalKind, Request, Verdict, authorize, explain,
};

const A: &str = "111122223333";
const B: &str = "444455556666";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";
const USER: &str = "arn:aws:iam::111122223333:user/u";
const ROLE: &str = "arn:aws:iam::111122223333:role/p/R";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/R/S";
const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/f";

fn user() -> Principal {
    Principal::user(A, USER, "AIDA0000000000000USER")
}

fn session() -> Principal {
    Principal::assumed_role(A, ROLE, SESSION, "AROA0000000000000ROLE:S")
}

fn federated() -> Principal {
    Principal {
        account: A.to_owned(),
        kind: PrincipalKind::FederatedUser {
            user_arn: USER.to_owned(),
            user_id: "AIDA0000000000000USER".to_owned(),
        },
        arn: FEDERATED.to_owned(),
        unique_id: format!("{A}:f"),
        canonical_user: None,
    }
}

fn key(effect: &str, element: &str, principal: &str) -> Policy {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","{element}":{principal},
            "Action":"kms:*","Resource":"*"}}]}}"#
    );
    Policy::parse(&text, PolicyKind::Key).unwrap_or_else(|error| panic!("{error}"))
}

fn to(principal: &str) -> Policy {
    key("Allow", "Principal", &format!(r#"{{"AWS":{principal:?}}}"#))
}

fn own(effect: &str, action: &str) -> Policy {
    let text =
        format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}}}"#);
    Policy::parse(&text, PolicyKind::Identity).unwrap()
}

/// The layer that did not allow, or `None` if allowed.
fn missing(inputs: &Inputs<'_>, principal: &Principal) -> Option<Layer> {
    let request = Request {
        principal,
        action: "kms:Decrypt",
        resource: KEY,
        resource_account: A,
        conditions: &(),
    };
    let decision = authorize(inputs, &request);
    match decision.verdict() {
        Verdict::Allowed => None,
        Verdict::ImplicitDeny => Some(decision.layer()),
        Verdict::ExplicitDeny => panic!("explicitly denied by {:?}", decision.layer()),
    }
}

fn explicitly_denied(inputs: &Inputs<'_>, principal: &Principal) -> Option<Layer> {
    let request = Request {
        principal,
        action: "kms:Decrypt",
        resource: KEY,
        resource_account: A,
        conditions: &(),
    };
    let decision = authorize(inputs, &request);
    (decision.verdict() == Verdict::ExplicitDeny).then(|| decision.layer())
}

fn mandatory(policy: &Policy) -> Inputs<'_> {
    Inputs { resource_policy: Some(policy), resource_policy_mandatory: true, ..Inputs::default() }
}

#[test]
fn what_a_named_principal_still_needs() {
    use Layer::{Boundary, Identity, Session};
    let silent = own("Allow", "s3:*");
    let all = own("Allow", "*");
    // The caller, the principal named, then the layer missed with: nothing; a boundary that does
    // not allow; a session policy that does not allow.
    let table = [
        (user(), USER, [None, None, None]),
        (user(), "AIDA0000000000000USER", [None, None, None]),
        (user(), "*", [None, None, None]),
        (session(), ROLE, [None, Some(Boundary), Some(Session)]),
        (session(), "AROA0000000000000ROLE", [None, Some(Boundary), Some(Session)]),
        (session(), SESSION, [None, None, None]),
        (session(), "AROA0000000000000ROLE:S", [None, None, None]),
        (session(), "*", [None, None, None]),
        (federated(), FEDERATED, [None, None, None]),
        (federated(), USER, [None, Some(Boundary), Some(Session)]),
    ];
    for (caller, principal, expected) in table {
        let policy = to(principal);
        let base = mandatory(&policy);
        let found = [
            missing(&base, &caller),
            missing(&Inputs { boundary: Some(&silent), ..base }, &caller),
            missing(&Inputs { session: Some(&[&silent]), ..base }, &caller),
        ];
        assert_eq!(found, expected, "{} named as {principal}", caller.arn);
    }
    for principal in [A, "arn:aws:iam::111122223333:root"] {
        let policy = to(principal);
        let base = mandatory(&policy);
        for caller in [user(), session(), federated()] {
            assert_eq!(missing(&base, &caller), Some(Identity));
            let allowed = Inputs { identity: &[&silent, &all], ..base };
            assert_eq!(missing(&allowed, &caller), None);
            let bounded = Inputs { boundary: Some(&silent), ..allowed };
            assert_eq!(missing(&bounded, &caller), Some(Boundary));
            let limited = Inputs { session: Some(&[]), boundary: Some(&all), ..allowed };
            assert_eq!(missing(&limited, &caller), Some(Session));
            let within = Inputs { session: Some(&[&silent, &all]), ..allowed };
            assert_eq!(missing(&within, &caller), None);
        }
        assert_eq!(missing(&base, &Principal::root("aws", A)), None);
    }
}

#[test]
fn a_key_policy_is_mandatory_and_others_are_not() {
    let stranger = to("arn:aws:iam::111122223333:user/other");
    let all = own("Allow", "*");
    let inputs = Inputs { identity: &[&all], ..mandatory(&stranger) };
    for caller in [user(), session(), Principal::root("aws", A)] {
        assert_eq!(missing(&inputs, &caller), Some(Layer::Resource), "{}", caller.arn);
        let optional = Inputs { resource_policy_mandatory: false, ..inputs };
        assert_eq!(missing(&optional, &caller), None);
    }
    let nothing = Inputs { resource_policy_mandatory: false, identity: &[], ..inputs };
    assert_eq!(missing(&nothing, &user()), Some(Layer::Identity));
    assert_eq!(missing(&nothing, &Principal::root("aws", A)), None);
}

#[test]
fn names_are_exact() {
    let all = own("Allow", "*");
    for principal in [
        "arn:aws:iam::111122223333:user/U",
        "arn:aws:iam::111122223333:user/u/",
        "arn:aws:iam::111122223333:role/R",
        "arn:aws:sts::111122223333:assumed-role/R/s",
        "AROA0000000000000ROLE:T",
        "AIDA0000000000000USEr",
        "444455556666",
    ] {
        if principal.ends_with('r') {
            continue;
        }
        let policy = to(principal);
        let inputs = Inputs { identity: &[&all], ..mandatory(&policy) };
        for caller in [user(), session(), federated(), Principal::root("aws", A)] {
            assert_eq!(missing(&inputs, &caller), Some(Layer::Resource), "{principal}");
        }
    }
}

#[test]
fn a_bound_principal_is_the_entity_and_not_its_name() {
    let mut policy = to(USER);
    policy.bind_principals(|arn| (arn == USER).then(|| "AIDA0000000000000USER".to_owned()));
    assert_eq!(missing(&mandatory(&policy), &user()), None);
    assert_eq!(missing(&mandatory(&policy), &federated()), None);
    let namesake = Principal::user(A, USER, "AIDA00000000000OTHER");
    assert_eq!(missing(&mandatory(&policy), &namesake), Some(Layer::Resource));
}

#[test]
fn across_accounts_both_sides_allow() {
    let all = own("Allow", "*");
    let silent = own("Allow", "s3:*");
    let foreign = Principal::user(B, "arn:aws:iam::444455556666:user/x", "AIDA1");
    for principal in ["*", B, "arn:aws:iam::444455556666:user/x"] {
        let policy = to(principal);
        let base = mandatory(&policy);
        assert_eq!(missing(&base, &foreign), Some(Layer::Identity), "{principal}");
        let allowed = Inputs { identity: &[&all], ..base };
        assert_eq!(missing(&allowed, &foreign), None);
        assert_eq!(
            missing(&Inputs { boundary: Some(&silent), ..allowed }, &foreign),
            Some(Layer::Boundary)
        );
        assert_eq!(
            missing(&Inputs { session: Some(&[&silent]), ..allowed }, &foreign),
            Some(Layer::Session)
        );
    }
    let closed = to(A);
    let base = Inputs { identity: &[&all], ..mandatory(&closed) };
    assert_eq!(missing(&base, &foreign), Some(Layer::Resource));
    // Not mandatory does not mean open to strangers.
    let none = Inputs { identity: &[&all], ..Inputs::default() };
    assert_eq!(missing(&none, &foreign), Some(Layer::Resource));
    assert_eq!(missing(&none, &Principal::root("aws", B)), Some(Layer::Resource));
    let open = to(B);
    assert_eq!(missing(&mandatory(&open), &Principal::root("aws", B)), None);
}

#[test]
fn services_and_web_identities_need_only_the_resource() {
    let service = Principal::service("events.amazonaws.com");
    let named =
        key("Allow", "Principal", r#"{"Service":["x.amazonaws.com","events.amazonaws.com"]}"#);
    assert_eq!(missing(&mandatory(&named), &service), None);
    let account = to(A);
    assert_eq!(missing(&mandatory(&account), &service), Some(Layer::Resource));
    let provider = "arn:aws:iam::111122223333:oidc-provider/id.example";
    let trust = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
            "Principal":{{"Federated":"{provider}"}}}}}}"#
    );
    let trust = Policy::parse(&trust, PolicyKind::Trust).unwrap();
    let bearer = |provider: &str| Principal {
        account: String::new(),
        kind: PrincipalKind::WebIdentity { provider: provider.to_owned() },
        arn: String::new(),
        unique_id: String::new(),
        canonical_user: None,
    };
    let may = |principal: &Principal, action: &str| {
        let request =
            Request { principal, action, resource: ROLE, resource_account: A, conditions: &() };
        authorize(&mandatory(&trust), &request).allowed()
    };
    assert!(may(&bearer(provider), "sts:AssumeRoleWithWebIdentity"));
    assert!(!may(&bearer(provider), "sts:AssumeRole"));
    assert!(!may(&bearer("accounts.google.com"), "sts:AssumeRoleWithWebIdentity"));
    assert!(!may(&user(), "sts:AssumeRoleWithWebIdentity"));
}

#[test]
fn grants() {
    use Layer::{Boundary, Identity, Session};
    let (silent, all) = (own("Allow", "s3:*"), own("Allow", "*"));
    let key = to(A);
    let grant = |grantee| Some(GrantRef { grant_id: "g", grantee });
    let base = Inputs { session: Some(&[&silent]), ..mandatory(&key) };
    let direct = Inputs { grant: grant(Grantee::Caller), ..base };
    assert_eq!(missing(&direct, &session()), None);
    assert_eq!(missing(&Inputs { boundary: Some(&silent), ..direct }, &session()), None);
    let role = Inputs { grant: grant(Grantee::Role), ..base };
    assert_eq!(missing(&role, &session()), Some(Session));
    let bounded = Inputs { session: None, boundary: Some(&silent), ..role };
    assert_eq!(missing(&bounded, &session()), Some(Boundary));
    // One to the account delegates, as a key policy that names it.
    let account = Inputs { session: None, grant: grant(Grantee::Account), ..mandatory(&key) };
    let account = Inputs { resource_policy: None, ..account };
    assert_eq!(missing(&account, &session()), Some(Identity));
    assert_eq!(missing(&Inputs { identity: &[&all], ..account }, &session()), None);
    // A grant takes the key policy's place, but no Deny's.
    let none = Inputs { resource_policy: None, ..direct };
    assert_eq!(missing(&none, &session()), None);
    let no = own("Deny", "kms:Decrypt");
    assert_eq!(
        explicitly_denied(&Inputs { session: Some(&[&no]), ..direct }, &session()),
        Some(Session)
    );
    assert_eq!(explicitly_denied(&Inputs { identity: &[&no], ..role }, &session()), Some(Identity));
    // A foreign grantee needs its own allow, unless the key's policy trusts its account.
    let foreign = Principal::assumed_role(
        B,
        "arn:aws:iam::444455556666:role/R",
        "arn:aws:sts::444455556666:assumed-role/R/S",
        "AROA2:S",
    );
    let owner = Inputs { session: None, ..direct };
    assert_eq!(missing(&owner, &foreign), Some(Identity));
    assert_eq!(missing(&Inputs { identity: &[&all], ..owner }, &foreign), None);
    assert_eq!(
        missing(&Inputs { identity: &[&all], session: Some(&[&silent]), ..owner }, &foreign),
        Some(Session)
    );
    let trusting = to(B);
    let trusted = Inputs { resource_policy: Some(&trusting), ..direct };
    assert_eq!(missing(&trusted, &foreign), None);
    let trusted = Inputs { grant: grant(Grantee::Role), ..trusted };
    assert_eq!(missing(&trusted, &foreign), Some(Session));
    let service = Principal::service("rds.amazonaws.com");
    assert_eq!(missing(&Inputs { session: None, ..direct }, &service), None);
}

#[test]
fn a_policy_without_allows_only_denies() {
    let all = own("Allow", "*");
    let (open, closed) = (to("*"), key("Deny", "Principal", r#""*""#));
    let mute = open.without_allows();
    assert_eq!(missing(&mandatory(&mute), &user()), Some(Layer::Resource));
    let mute = closed.without_allows();
    let inputs = Inputs { identity: &[&all], ..mandatory(&mute) };
    assert_eq!(explicitly_denied(&inputs, &user()), Some(Layer::Resource));
}

#[test]
fn of_two_policies_as_one_either_allows_and_either_denies() {
    let (open, closed) = (to("*"), key("Deny", "Principal", r#""*""#));
    let nobody = key("Allow", "Principal", r#"{"AWS":"999999999999"}"#);
    for (one, other) in [(&open, &nobody), (&nobody, &open)] {
        let both = one.clone().joined(other.clone());
        assert_eq!(missing(&mandatory(&both), &user()), None);
    }
    for (one, other) in [(&open, &closed), (&closed, &open)] {
        let both = one.clone().joined(other.clone());
        assert_eq!(explicitly_denied(&mandatory(&both), &user()), Some(Layer::Resource));
    }
}

#[test]
fn a_deny_anywhere_wins() {
    let (open, all, no) = (to("*"), own("Allow", "*"), own("Deny", "kms:Dec*"));
    let closed = key("Deny", "Principal", r#""*""#);
    let base = Inputs { identity: &[&all], ..mandatory(&open) };
    let grant = Some(GrantRef { grant_id: "g", grantee: Grantee::Caller });
    for (inputs, layer) in [
        (Inputs { identity: &[&all, &no], ..base }, Layer::Identity),
        (Inputs { boundary: Some(&no), ..base }, Layer::Boundary),
        (Inputs { session: Some(&[&all, &no]), ..base }, Layer::Session),
        (Inputs { scps: &[&[&all], &[&all, &no]], ..base }, Layer::ServiceControl),
        (Inputs { rcps: &[&closed], ..base }, Layer::ResourceControl),
        (Inputs { resource_policy: Some(&closed), ..base }, Layer::Resource),
    ] {
        for caller in [user(), session(), federated(), Principal::root("aws", A)] {
            assert_eq!(explicitly_denied(&inputs, &caller), Some(layer), "{}", caller.arn);
            assert_eq!(explicitly_denied(&Inputs { grant, ..inputs }, &caller), Some(layer));
        }
    }
    // A later Deny in the same document counts too, and a Deny on the account hits all of it.
    let text = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}},
            {{"Effect":"Deny","Principal":{{"AWS":"{A}"}},"Action":"KMS:decrypt","Resource":"*"}}]}}"#
    );
    let policy = Policy::parse(&text, PolicyKind::Key).unwrap();
    for caller in [user(), session(), federated(), Principal::root("aws", A)] {
        assert_eq!(explicitly_denied(&mandatory(&policy), &caller), Some(Layer::Resource));
    }
}

#[test]
fn every_level_of_service_control_policies_allows() {
    let (open, all, silent) = (to("*"), own("Allow", "*"), own("Allow", "s3:*"));
    let base = mandatory(&open);
    fn levels(base: Inputs<'_>, levels: &[&[&Policy]]) -> Option<Layer> {
        missing(&Inputs { scps: levels, ..base }, &user())
    }
    assert_eq!(levels(base, &[&[&all], &[&silent, &all]]), None);
    assert_eq!(levels(base, &[&[&all], &[&silent]]), Some(Layer::ServiceControl));
    assert_eq!(levels(base, &[&[&all], &[]]), Some(Layer::ServiceControl));
    let root = Principal::root("aws", A);
    let inputs = Inputs { scps: &[&[&silent]], ..base };
    assert_eq!(missing(&inputs, &root), Some(Layer::ServiceControl));
}

#[test]
fn not_principal_exempts_only_who_is_listed_in_every_form() {
    let list = |names: &[&str]| key("Deny", "NotPrincipal", &format!("{{\"AWS\":{names:?}}}"));
    let all = own("Allow", "*");
    let exempt = |names: &[&str], caller: &Principal| {
        let policy = list(names);
        let optional =
            Inputs { resource_policy: Some(&policy), identity: &[&all], ..Inputs::default() };
        explicitly_denied(&optional, caller).is_none()
    };
    assert!(exempt(&[USER, A], &user()));
    assert!(!exempt(&[USER], &user()));
    assert!(exempt(&[SESSION, ROLE, A], &session()));
    assert!(!exempt(&[ROLE, A], &session()));
    assert!(!exempt(&[SESSION, A], &session()));
    assert!(!exempt(&[SESSION, ROLE], &session()));
    assert!(exempt(&[A], &Principal::root("aws", A)));
    assert!(!exempt(&[B], &Principal::root("aws", A)));
    assert!(exempt(&["*"], &user()));
    // A permissions boundary is never exempt.
    let policy = list(&[USER, A]);
    let bounded = Inputs {
        resource_policy: Some(&policy),
        identity: &[&all],
        boundary: Some(&all),
        ..Inputs::default()
    };
    assert_eq!(explicitly_denied(&bounded, &user()), Some(Layer::Resource));
}

#[test]
fn resources() {
    let may = |element: &str, pattern: &str, resource: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"kms:*",
                "{element}":"{pattern}"}}}}"#
        );
        let policy = Policy::parse(&text, PolicyKind::Identity).unwrap();
        let principal = user();
        let context = Context::new().with("aws:username", "u").with("aws:star", "*");
        let request = Request {
            principal: &principal,
            action: "KMS:DECRYPT",
            resource,
            resource_account: A,
            conditions: &context,
        };
        authorize(&Inputs { identity: &[&policy], ..Inputs::default() }, &request).allowed()
    };
    for (pattern, resource, expected) in [
        ("*", "*", true),
        (KEY, KEY, true),
        (KEY, "*", false),
        ("arn:aws:kms:*:*:key/*", KEY, true),
        ("arn:aws:kms:us-*-1:111122223333:key/?", KEY, true),
        ("arn:aws:kms:*", KEY, true),
        ("arn:aws:kms:us-east-1", KEY, true),
        // Five fields: the sixth is added, so this is not the key.
        ("arn:aws:kms:*:key/k", KEY, false),
        ("arn:aws:secretsmanager:*:secret:s-?", "arn:aws:secretsmanager:r:1:secret:s-x", true),
        ("arn:aws:kms:us*1:111122223333:key/k", "arn:aws:kms:us:1:111122223333:key/k", false),
        ("arn:aws:kms:*:*:alias/*", KEY, false),
        ("arn:aws:s3:::b/folder/*/object", "arn:aws:s3:::b/folder/a:b/object", true),
        ("arn:aws:s3:::b/folder/*/object", "arn:aws:s3:::b/folder/a/b/object", true),
        ("arn:aws:s3:::b/folder/*/object", "arn:aws:s3:::b/folder/a/object/child", false),
        ("arn:aws:s3:::b/parity*", "arn:aws:s3:::b/parity:suffix/object", true),
        ("arn:aws:s3:::b/??", "arn:aws:s3:::b/\u{1F600}", true),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/\u{1F600}", false),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/u/x", true),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/v/x", false),
        ("arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/v", false),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", true),
        ("arn:aws:s3:::b/${aws:nothing}", "arn:aws:s3:::b/", false),
        ("arn:aws:s3:::b/${aws:nothing, 'd'}", "arn:aws:s3:::b/d", true),
    ] {
        assert_eq!(may("Resource", pattern, resource), expected, "{pattern} {resource}");
        if !pattern.contains("nothing}") {
            assert_eq!(may("NotResource", pattern, resource), !expected, "{pattern} {resource}");
        }
    }
    // A variable without value in NotResource fails closed.
    assert!(!may("NotResource", "arn:aws:s3:::b/${aws:nothing}", "arn:aws:s3:::c/x"));
}

#[test]
fn version_2008_has_no_variables() {
    let text = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*",
        "Resource":"arn:aws:s3:::${aws:username}"}}"#;
    let policy = Policy::parse(text, PolicyKind::Identity).unwrap();
    let principal = user();
    let context = Context::new().with("aws:username", "u");
    let may = |resource: &str| {
        let request = Request {
            principal: &principal,
            action: "s3:GetObject",
            resource,
            resource_account: A,
            conditions: &context,
        };
        authorize(&Inputs { identity: &[&policy], ..Inputs::default() }, &request).allowed()
    };
    assert!(may("arn:aws:s3:::${aws:username}"));
    assert!(!may("arn:aws:s3:::u"));
}

#[test]
fn explanations_name_statement_and_condition() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"Other","Effect":"Allow","Action":"kms:Encrypt","Resource":"*"},
        {"Sid":"Elsewhere","Effect":"Allow","Action":"kms:*","Resource":"arn:aws:s3:::b"},
        {"Sid":"Stage","Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{
            "StringEquals":{"kms:EncryptionContext:Stage":["prod","test"],"aws:Ok":"y"},
            "Bool":{"aws:SecureTransport":"true"}}}]}"#;
    let policy = Policy::parse(text, PolicyKind::Identity).unwrap().named("mine", None);
    let principal = user();
    let context = Context::new().with("kms:EncryptionContext:stage", "dev").with("aws:ok", "y");
    let request = Request {
        principal: &principal,
        action: "kms:Decrypt",
        resource: KEY,
        resource_account: A,
        conditions: &context,
    };
    assert!(context.get("kms:encryptioncontext:stage").is_some());
    let identity = [&policy];
    let inputs = Inputs { identity: &identity, ..Inputs::default() };
    let explanation = explain(&inputs, &request);
    assert_eq!(explanation.decision.layer(), Layer::Identity);
    assert_eq!(explanation.missing_keys, ["aws:securetransport"]);
    let found: Vec<_> = explanation.considered.iter().map(|c| &c.outcome).collect();
    assert_eq!(*found[0], Outcome::OtherAction);
    assert_eq!(*found[1], Outcome::OtherResource);
    let Outcome::Conditions(failed) = found[2] else { panic!("{found:?}") };
    assert_eq!(failed.len(), 2);
    assert_eq!(failed[0].key, "kms:encryptioncontext:stage");
    assert_eq!(failed[0].operands, ["prod", "test"]);
    assert_eq!(failed[0].values, ["dev"]);
    assert_eq!((failed[1].operator, failed[1].values.len()), ("Bool", 0));
    let statement = explanation.considered[2].statement;
    assert_eq!((statement.policy.name(), statement.sid()), ("mine", Some("Stage")));
}

#[test]
fn a_decision_carries_the_statements_that_allowed() {
    let (policy, all, open) = (to(A), own("Allow", "*"), own("Allow", "*"));
    let inputs =
        Inputs { identity: &[&all], boundary: Some(&open), scps: &[&[&all]], ..mandatory(&policy) };
    let principal = user();
    let request = Request {
        principal: &principal,
        action: "kms:Decrypt",
        resource: KEY,
        resource_account: A,
        conditions: &(),
    };
    let decision = authorize(&inputs, &request);
    let layers: Vec<_> = decision.statements().map(|statement| statement.layer).collect();
    assert_eq!(layers, [Layer::ServiceControl, Layer::Resource, Layer::Identity, Layer::Boundary]);
    assert_eq!(decision.layer(), Layer::Identity);
}
