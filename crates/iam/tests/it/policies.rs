//! Policies: inline and managed, versions, attachments, boundaries.

use crate::house::{House, root, statement};

#[tokio::test]
async fn inline_policies_keep_their_first_spelling() {
    let house = House::new().await;
    house.root("CreateUser", &[("UserName", "alice")]).await;
    let first = statement("Allow", "iam:GetUser", "*");
    let second = statement("Allow", "iam:ListUsers", "*");
    for (name, document) in [("MixedName", &first), ("MIXEDNAME", &second)] {
        let policy = [("UserName", "alice"), ("PolicyName", name), ("PolicyDocument", document)];
        house.root("PutUserPolicy", &policy).await;
    }
    let listed = house.root("ListUserPolicies", &[("UserName", "alice")]).await;
    assert_eq!(listed.elements("member"), ["MixedName"]);
    let named = [("UserName", "alice"), ("PolicyName", "mixedname")];
    let found = house.root("GetUserPolicy", &named).await;
    assert!(found.element("PolicyDocument").unwrap().contains("iam%3AListUsers"));
    house.root("DeleteUserPolicy", &named).await;
    house.call(&root(), "GetUserPolicy", &named).await.refused(
        "NoSuchEntity",
        404,
        "The user policy with name mixedname cannot be found.",
    );
}

#[tokio::test]
async fn documents_are_refused_as_iam_refuses_them() {
    let house = House::new().await;
    house.root("CreateUser", &[("UserName", "alice")]).await;
    let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let cases = [
        ("{", "Syntax errors in policy."),
        ("file://policy.json", "Syntax errors in policy."),
        (nested.as_str(), "Syntax errors in policy."),
        (
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}"#,
            "Policy statement must contain actions.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*"}}"#,
            "Policy statement must contain resources.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms","Resource":"*"}}"#,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:a:b","Resource":"*"}}"#,
            "Actions/Condition can contain only one colon.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"bucket"}}"#,
            r#"Resource bucket must be in ARN format or "*"."#,
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:b:s3:::x"}}"#,
            r#"Partition "b" is not valid for resource "arn:b:s3:::x"."#,
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s*:::x"}}"#,
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:${aws:username}::x"}}"#,
            "The policy failed legacy parsing",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#,
            "Policy document should not specify a principal.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"NumericEquals":{"aws:x":"NaN"}}}}"#,
            "Syntax errors in policy.",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:${x}}"}}"#,
            "Syntax errors in policy.",
        ),
    ];
    for (document, text) in cases {
        let policy = [("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", document)];
        let reply = house.call(&root(), "PutUserPolicy", &policy).await;
        reply.refused("MalformedPolicyDocument", 400, text);
    }
    let listed = house.root("ListUserPolicies", &[("UserName", "alice")]).await;
    assert!(listed.elements("member").is_empty(), "nothing is stored");
    // Not UTF-8: the body does not read at all.
    let body = b"Action=PutUserPolicy&Version=2010-05-08&UserName=alice&PolicyName=p\
                 &PolicyDocument=%ff%fe";
    let reply = house.send(&root(), "iam", body.to_vec()).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[tokio::test]
async fn inline_policies_have_a_size_together() {
    let house = House::new().await;
    house.root("CreateUser", &[("UserName", "alice")]).await;
    let document =
        statement("Allow", "iam:GetUser", &format!("arn:aws:iam::*:user/{}", "x".repeat(1200)));
    let put =
        |name| [("UserName", "alice"), ("PolicyName", name), ("PolicyDocument", document.as_str())];
    house.root("PutUserPolicy", &put("one")).await;
    house.root("PutUserPolicy", &put("one")).await;
    house.call(&root(), "PutUserPolicy", &put("two")).await.refused(
        "LimitExceeded",
        409,
        "Maximum policy size of 2048 bytes exceeded for user alice",
    );
}

#[tokio::test]
async fn the_version_in_force_decides() {
    let house = House::new().await;
    let key = house.user("alice").await;
    let allow = statement("Allow", "iam:ListUsers", "*");
    let other = statement("Allow", "iam:ListRoles", "*");
    let made = house.root("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", &allow)]).await;
    let arn = made.element("Arn").unwrap().to_owned();
    assert_eq!(arn, "arn:aws:iam::111122223333:policy/p");
    let on = [("UserName", "alice"), ("PolicyArn", arn.as_str())];
    house.root("AttachUserPolicy", &on).await;
    house.root("AttachUserPolicy", &on).await;
    house.call(&key, "ListUsers", &[]).await.ok();

    let version =
        [("PolicyArn", arn.as_str()), ("PolicyDocument", other.as_str()), ("SetAsDefault", "true")];
    house.root("CreatePolicyVersion", &version).await;
    assert_eq!(house.call(&key, "ListUsers", &[]).await.status, 403);
    house.call(&key, "ListRoles", &[]).await.ok();
    house.root("SetDefaultPolicyVersion", &[("PolicyArn", &arn), ("VersionId", "v1")]).await;
    house.call(&key, "ListUsers", &[]).await.ok();

    let reply = house
        .call(&root(), "DeletePolicyVersion", &[("PolicyArn", &arn), ("VersionId", "v1")])
        .await;
    reply.refused("DeleteConflict", 409, "Cannot delete the default version of a policy.");
    let reply = house.call(&root(), "DeletePolicy", &[("PolicyArn", &arn)]).await;
    reply.refused("DeleteConflict", 409, "Cannot delete a policy attached to entities.");
    let holders = house.root("ListEntitiesForPolicy", &[("PolicyArn", &arn)]).await;
    assert_eq!(holders.elements("UserName"), ["alice"]);
    let found = house.root("GetPolicy", &[("PolicyArn", &arn)]).await;
    assert_eq!(found.element("AttachmentCount"), Some("1"));

    house.root("DetachUserPolicy", &on).await;
    assert_eq!(house.call(&key, "ListUsers", &[]).await.status, 403);
    let reply = house.call(&root(), "DetachUserPolicy", &on).await;
    assert_eq!(reply.element("Code"), Some("NoSuchEntity"));
    house.root("DeletePolicyVersion", &[("PolicyArn", &arn), ("VersionId", "v2")]).await;
    house.root("DeletePolicy", &[("PolicyArn", &arn)]).await;
    let reply = house.call(&root(), "AttachUserPolicy", &on).await;
    let text = format!("Policy {arn} does not exist or is not attachable.");
    reply.refused("NoSuchEntity", 404, &text);
}

#[tokio::test]
async fn a_policy_has_five_versions_at_most() {
    let house = House::new().await;
    let document = statement("Allow", "iam:ListUsers", "*");
    house.root("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", &document)]).await;
    let arn = "arn:aws:iam::111122223333:policy/p";
    for _ in 0..4 {
        house
            .root("CreatePolicyVersion", &[("PolicyArn", arn), ("PolicyDocument", &document)])
            .await;
    }
    let reply = house
        .call(&root(), "CreatePolicyVersion", &[("PolicyArn", arn), ("PolicyDocument", &document)])
        .await;
    reply.refused(
        "LimitExceeded",
        409,
        "A managed policy can have up to 5 versions. Before you create a new version, you must \
         delete an existing version.",
    );
    house.root("DeletePolicyVersion", &[("PolicyArn", arn), ("VersionId", "v5")]).await;
    house.root("CreatePolicyVersion", &[("PolicyArn", arn), ("PolicyDocument", &document)]).await;
    let listed = house.root("ListPolicyVersions", &[("PolicyArn", arn)]).await;
    assert_eq!(listed.elements("VersionId"), ["v6", "v4", "v3", "v2", "v1"], "v5 never again");
    let fifth = [("PolicyArn", arn), ("VersionId", "v5")];
    let reply = house.call(&root(), "GetPolicyVersion", &fifth).await;
    assert_eq!(reply.element("Code"), Some("NoSuchEntity"));
    let reply = house.call(&root(), "GetPolicy", &[("PolicyArn", "AdministratorAccess!!")]).await;
    reply.refused("ValidationError", 400, "Invalid ARN:  Could not be parsed!");
}

#[tokio::test]
async fn aws_s_own_policies_are_there_and_stay() {
    let house = House::new().await;
    let key = house.user("alice").await;
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    house.root("AttachUserPolicy", &[("UserName", "alice"), ("PolicyArn", arn)]).await;
    house.call(&key, "CreateUser", &[("UserName", "bob")]).await.ok();
    let listed = house.root("ListPolicies", &[("OnlyAttached", "true")]).await;
    assert_eq!(listed.elements("Arn"), [arn]);
    let local = house.root("ListPolicies", &[("Scope", "Local")]).await;
    assert!(local.elements("Arn").is_empty());
    let mut all = Vec::new();
    let mut marker: Option<String> = None;
    loop {
        let mut parameters = vec![("MaxItems", "3")];
        if let Some(marker) = &marker {
            parameters.push(("Marker", marker));
        }
        let page = house.root("ListPolicies", &parameters).await;
        all.extend(page.elements("Arn").into_iter().map(str::to_owned));
        marker = page.element("Marker").map(str::to_owned);
        if marker.is_none() {
            break;
        }
    }
    let whole = house.root("ListPolicies", &[]).await;
    assert_eq!(all, whole.elements("Arn"));
    let reply = house.call(&root(), "DeletePolicy", &[("PolicyArn", arn)]).await;
    assert_eq!(reply.element("Code"), Some("AccessDenied"));
}

#[tokio::test]
async fn a_boundary_limits_what_policies_allow() {
    let house = House::new().await;
    let key = house.user("alice").await;
    house.allow("alice", "iam:*", "*").await;
    let document = statement("Allow", "iam:ListRoles", "*");
    house.root("CreatePolicy", &[("PolicyName", "b"), ("PolicyDocument", &document)]).await;
    let arn = "arn:aws:iam::111122223333:policy/b";
    let bound = [("UserName", "alice"), ("PermissionsBoundary", arn)];
    house.root("PutUserPermissionsBoundary", &bound).await;
    house.call(&key, "ListRoles", &[]).await.ok();
    house.call(&key, "ListUsers", &[]).await.refused(
        "AccessDenied",
        403,
        "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:ListUsers on \
         resource: arn:aws:iam::111122223333:user/ because no permissions boundary allows the \
         iam:ListUsers action",
    );
    let reply = house.call(&root(), "DeletePolicy", &[("PolicyArn", arn)]).await;
    reply.refused("DeleteConflict", 409, "Cannot delete a policy attached to entities.");
    let found = house.root("GetPolicy", &[("PolicyArn", arn)]).await;
    assert_eq!(found.element("AttachmentCount"), Some("0"));
    assert_eq!(found.element("PermissionsBoundaryUsageCount"), Some("1"));
    house.root("DeleteUserPermissionsBoundary", &[("UserName", "alice")]).await;
    house.call(&key, "ListUsers", &[]).await.ok();
    let named = [("UserName", "alice")];
    let reply = house.call(&root(), "DeleteUserPermissionsBoundary", &named).await;
    assert_eq!(reply.element("Code"), Some("NoSuchEntity"));
    house.root("DeletePolicy", &[("PolicyArn", arn)]).await;
}
