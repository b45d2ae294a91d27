//! The sentences of denied requests.

use bulla_policy::{
    Inputs, Layer, Policy, PolicyKind, Principal, Request, ResourceName, Verdict, authorize,
};

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/R/S";

fn session(account: &str) -> Principal {
    Principal::assumed_role(account, "arn:aws:iam::111122223333:role/R", SESSION, "AROA1:S")
}

fn policy(effect: &str, action: &str, kind: PolicyKind) -> Policy {
    let principal = match kind {
        PolicyKind::Key | PolicyKind::Trust | PolicyKind::Resource => r#""Principal":"*","#,
        PolicyKind::ResourceControl => r#""Principal":"*","#,
        _ => "",
    };
    let resource = if kind == PolicyKind::Trust { "" } else { r#","Resource":"*""# };
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"S1","Effect":"{effect}",{principal}
            "Action":"{action}"{resource}}}]}}"#
    );
    Policy::parse(&text, kind).unwrap()
}

fn root_delegation() -> Policy {
    Policy::parse(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*",
            "Principal":{"AWS":"arn:aws:iam::111122223333:root"}}]}"#,
        PolicyKind::Key,
    )
    .unwrap()
}

fn text(inputs: &Inputs<'_>, account: &str, action: &str, name: ResourceName<'_>) -> String {
    let principal = session(account);
    let request = Request {
        principal: &principal,
        action,
        resource: KEY,
        resource_account: "111122223333",
        conditions: &(),
    };
    authorize(inputs, &request).denial_text(SESSION, action, name)
}

#[test]
fn implicit_denials_name_the_first_layer_that_does_not_allow() {
    let key = root_delegation();
    let (other, all) =
        (policy("Allow", "s3:*", PolicyKind::Identity), policy("Allow", "*", PolicyKind::Identity));
    let base = Inputs {
        resource_policy: Some(&key),
        resource_policy_mandatory: true,
        ..Inputs::default()
    };
    let level: &[&Policy] = &[&other];
    for (inputs, reason) in [
        (base, "because no identity-based policy allows the kms:Decrypt action"),
        (
            Inputs { resource_policy: None, identity: &[&all], ..base },
            "because no resource-based policy allows the kms:Decrypt action",
        ),
        (
            Inputs { identity: &[&all], boundary: Some(&other), ..base },
            "because no permissions boundary allows the kms:Decrypt action",
        ),
        (
            Inputs { identity: &[&all], session: Some(&[&other]), ..base },
            "because no session policy allows the kms:Decrypt action",
        ),
        (
            Inputs { identity: &[&all], scps: &[level], ..base },
            "because no service control policy allows the kms:Decrypt action",
        ),
    ] {
        let expected = format!(
            "User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {KEY} {reason}"
        );
        assert_eq!(text(&inputs, "111122223333", "kms:Decrypt", ResourceName::Key(KEY)), expected);
    }
}

#[test]
fn explicit_denials_name_the_policy_if_it_has_an_arn() {
    let key = root_delegation();
    let all = policy("Allow", "*", PolicyKind::Identity);
    let base = Inputs {
        resource_policy: Some(&key),
        resource_policy_mandatory: true,
        identity: &[&all],
        ..Inputs::default()
    };
    let deny = |kind| policy("Deny", "kms:Decrypt", kind);
    let rcp_arn = "arn:aws:organizations::1:policy/o-1/resource_control_policy/p-1";
    let rcp = deny(PolicyKind::ResourceControl).named("guard", Some(rcp_arn));
    let inline = deny(PolicyKind::Identity).named("inline", None);
    let managed = deny(PolicyKind::Identity)
        .named("managed", Some("arn:aws:iam::111122223333:policy/managed"));
    let (boundary, session) = (deny(PolicyKind::Boundary), deny(PolicyKind::Session));
    let (scp, resource) = (deny(PolicyKind::ServiceControl), deny(PolicyKind::Key));
    for (inputs, reason) in [
        (
            Inputs { rcps: &[&rcp], ..base },
            "a resource control policy: arn:aws:organizations::1:policy/o-1/resource_control_policy/p-1",
        ),
        (Inputs { identity: &[&all, &inline], ..base }, "an identity-based policy"),
        (
            Inputs { identity: &[&all, &managed], ..base },
            "an identity-based policy: arn:aws:iam::111122223333:policy/managed",
        ),
        (Inputs { boundary: Some(&boundary), ..base }, "a permissions boundary"),
        (Inputs { session: Some(&[&session]), ..base }, "a session policy"),
        (Inputs { scps: &[&[&scp]], ..base }, "a service control policy"),
        (Inputs { resource_policy: Some(&resource), ..base }, "a resource-based policy"),
    ] {
        let expected = format!(
            "User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {KEY} with an explicit deny in {reason}"
        );
        assert_eq!(text(&inputs, "111122223333", "kms:Decrypt", ResourceName::Key(KEY)), expected);
    }
}

#[test]
fn a_stranger_learns_nothing_of_the_key() {
    let hidden = "because the resource does not exist in this Region, no resource-based policies \
                  allow access, or a resource-based policy explicitly denies access";
    let all = policy("Allow", "*", PolicyKind::Identity);
    let (closed, denying) = (root_delegation(), policy("Deny", "*", PolicyKind::Key));
    for resource_policy in [None, Some(&closed), Some(&denying)] {
        let inputs = Inputs {
            resource_policy,
            resource_policy_mandatory: true,
            identity: &[&all],
            ..Inputs::default()
        };
        let told = |name| text(&inputs, "444455556666", "kms:Decrypt", name);
        let prefix = format!("User: {SESSION} is not authorized to perform: kms:Decrypt");
        assert_eq!(told(ResourceName::Key(KEY)), format!("{prefix} on this resource {hidden}"));
        assert_eq!(
            told(ResourceName::Ciphertext(KEY)),
            format!("{prefix} on the resource associated with this ciphertext {hidden}")
        );
        // Without permission of its own, the text is the same whatever the key's policy says.
        let own = Inputs { identity: &[], ..inputs };
        assert_eq!(
            text(&own, "444455556666", "kms:Decrypt", ResourceName::Key(KEY)),
            format!(
                "{prefix} on this resource because no identity-based policy allows the \
                 kms:Decrypt action"
            )
        );
    }
}

#[test]
fn trust_policies_and_services() {
    let trust = policy("Deny", "sts:AssumeRole", PolicyKind::Trust);
    let all = policy("Allow", "*", PolicyKind::Identity);
    let role = "arn:aws:iam::111122223333:role/x";
    let base = Inputs { resource_policy_mandatory: true, identity: &[&all], ..Inputs::default() };
    let plain =
        format!("User: {SESSION} is not authorized to perform: sts:AssumeRole on resource: {role}");
    let told = |inputs: &Inputs<'_>, account: &str| {
        text(inputs, account, "sts:AssumeRole", ResourceName::Named(role))
    };
    assert_eq!(told(&base, "111122223333"), plain);
    let denied = Inputs { resource_policy: Some(&trust), ..base };
    assert_eq!(
        told(&denied, "111122223333"),
        format!("{plain} with an explicit deny in the role trust policy")
    );
    assert_eq!(told(&denied, "444455556666"), plain);

    let service = Principal::service("events.amazonaws.com");
    let request = Request {
        principal: &service,
        action: "sqs:sendmessage",
        resource: "arn:aws:sqs:us-east-1:111122223333:q",
        resource_account: "111122223333",
        conditions: &(),
    };
    let decision = authorize(&Inputs::default(), &request);
    assert_eq!((decision.verdict(), decision.layer()), (Verdict::ImplicitDeny, Layer::Resource));
    assert_eq!(
        decision.denial_text(&service.arn, request.action, request.resource),
        "User: events.amazonaws.com is not authorized to perform: sqs:sendmessage on resource: \
         arn:aws:sqs:us-east-1:111122223333:q because no resource-based policy allows the \
         sqs:sendmessage action"
    );
    let list = decision.denial_text(&service.arn, "kms:ListKeys", ResourceName::None);
    assert!(list.contains("perform: kms:ListKeys because"), "{list}");
}
