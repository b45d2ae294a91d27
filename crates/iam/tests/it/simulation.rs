//! The policy simulator, held against recorded results.

use crate::house::{House, root, statement};

/// Recorded: a lone statement object.
#[tokio::test]
async fn positions_are_those_recorded() {
    let house = House::new().await;
    let lone = r#"{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}"#;
    let parameters = [
        ("PolicyInputList.member.1", lone),
        ("ActionNames.member.1", "s3:PutObject"),
        ("ResourceArns.member.1", "arn:aws:s3:::bucket/key"),
    ];
    let result = house.root("SimulateCustomPolicy", &parameters).await;
    assert_eq!(result.element("EvalDecision"), Some("allowed"));
    assert_eq!(result.element("EvalResourceName"), Some("arn:aws:s3:::bucket/key"));
    assert_eq!(result.element("SourcePolicyType"), Some("IAM Policy"));
    assert_eq!(result.elements("Column")[..2], ["41", "113"]);
    let array = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    let parameters =
        [("PolicyInputList.member.1", array), ("ActionNames.member.1", "s3:GetObject")];
    let result = house.root("SimulateCustomPolicy", &parameters).await;
    assert_eq!(result.elements("Column").first(), Some(&"38"));
    assert_eq!(result.element("EvalResourceName"), Some("*"));
}

#[tokio::test]
async fn one_result_an_action_with_the_strictest_on_top() {
    let house = House::new().await;
    let document = statement("Allow", "s3:GetObject", "arn:aws:s3:::open/*");
    let parameters = [
        ("PolicyInputList.member.1", document.as_str()),
        ("ActionNames.member.1", "s3:GetObject"),
        ("ResourceArns.member.1", "arn:aws:s3:::open/a"),
        ("ResourceArns.member.2", "arn:aws:s3:::closed/a"),
    ];
    let result = house.root("SimulateCustomPolicy", &parameters).await;
    assert_eq!(result.elements("EvalDecision"), ["implicitDeny"]);
    assert_eq!(result.elements("EvalResourceDecision"), ["allowed", "implicitDeny"]);
    assert_eq!(
        result.elements("EvalResourceName").first(),
        Some(&"arn:aws:s3:::${BucketName}/${KeyName}")
    );
}

#[tokio::test]
async fn a_principal_is_simulated_with_groups_and_boundary() {
    let house = House::new().await;
    house.root("CreateUser", &[("UserName", "alice"), ("Path", "/p/")]).await;
    house.root("CreateGroup", &[("GroupName", "g")]).await;
    house.root("AddUserToGroup", &[("UserName", "alice"), ("GroupName", "g")]).await;
    let document = statement("Allow", "kms:*", "*");
    let policy = [("GroupName", "g"), ("PolicyName", "p"), ("PolicyDocument", &document)];
    house.root("PutGroupPolicy", &policy).await;
    // The path does not matter.
    let source = "arn:aws:iam::111122223333:user/alice";
    let simulate = [
        ("PolicySourceArn", source),
        ("ActionNames.member.1", "kms:Decrypt"),
        ("ActionNames.member.2", "iam:GetUser"),
    ];
    let result = house.root("SimulatePrincipalPolicy", &simulate).await;
    assert_eq!(result.elements("EvalDecision"), ["allowed", "implicitDeny"]);
    let boundary = statement("Allow", "iam:*", "*");
    let mut bounded = simulate.to_vec();
    bounded.push(("PermissionsBoundaryPolicyInputList.member.1", &boundary));
    let result = house.root("SimulatePrincipalPolicy", &bounded).await;
    assert_eq!(result.elements("EvalDecision"), ["implicitDeny", "implicitDeny"]);
    assert_eq!(result.elements("AllowedByPermissionsBoundary"), ["false", "true"]);
}

#[tokio::test]
async fn missing_context_is_told() {
    let house = House::new().await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"ssm"},"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}"#;
    let keys = house
        .root("GetContextKeysForCustomPolicy", &[("PolicyInputList.member.1", document)])
        .await;
    assert_eq!(keys.elements("member"), ["aws:SourceIp", "kms:ViaService"]);
    let mut parameters =
        vec![("PolicyInputList.member.1", document), ("ActionNames.member.1", "kms:Decrypt")];
    let result = house.root("SimulateCustomPolicy", &parameters).await;
    assert_eq!(result.element("EvalDecision"), Some("implicitDeny"));
    assert!(result.body.contains("<member>kms:viaservice</member>"), "{}", result.body);
    parameters.extend([
        ("ContextEntries.member.1.ContextKeyName", "kms:ViaService"),
        ("ContextEntries.member.1.ContextKeyType", "string"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", "ssm"),
        ("ContextEntries.member.2.ContextKeyName", "aws:SourceIp"),
        ("ContextEntries.member.2.ContextKeyType", "ip"),
        ("ContextEntries.member.2.ContextKeyValues.member.1", "192.0.2.7"),
    ]);
    let result = house.root("SimulateCustomPolicy", &parameters).await;
    assert_eq!(result.element("EvalDecision"), Some("allowed"));
    parameters.last_mut().unwrap().1 = "192.0.513";
    let reply = house.call(&root(), "SimulateCustomPolicy", &parameters).await;
    assert_eq!(reply.element("Code"), Some("InvalidInput"));
}

#[tokio::test]
async fn the_simulator_refuses_as_recorded() {
    let house = House::new().await;
    let action = ("ActionNames.member.1", "kms:Decrypt");
    for (source, code, text) in [
        (
            "arn:aws:sts::111122223333:assumed-role/R/s",
            "InvalidInput",
            "Invalid Entity Arn: arn:aws:sts::111122223333:assumed-role/R/s does not clearly define \
             entity type and name.",
        ),
        (
            "arn:aws:iam::444455556666:user/alice",
            "InvalidInput",
            "Invalid Policy Source Arn: caller's account 111122223333 does not have access to \
             policies in account 444455556666",
        ),
    ] {
        let parameters = [("PolicySourceArn", source), action];
        let reply = house.call(&root(), "SimulatePrincipalPolicy", &parameters).await;
        reply.refused(code, 400, text);
    }
    let parameters = [("PolicySourceArn", "arn:aws:iam::111122223333:role/X"), action];
    let reply = house.call(&root(), "SimulatePrincipalPolicy", &parameters).await;
    reply.refused("NoSuchEntity", 404, "The role with name X cannot be found.");
    let document = statement("Allow", "*", "*");
    let parameters = [
        ("PolicyInputList.member.1", document.as_str()),
        action,
        ("ResourcePolicy", document.as_str()),
        ("CallerArn", "arn:aws:iam::111122223333:role/X"),
    ];
    let reply = house.call(&root(), "SimulateCustomPolicy", &parameters).await;
    reply.refused(
        "InvalidInput",
        400,
        "Invalid caller - Caller must be an IAM user in this context.",
    );
}
