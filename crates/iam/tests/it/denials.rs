//! Who may not: every operation, made from the rows, and the resources that refusals print.

use crate::house::{House, statement, trust};

/// The parameters of each operation that make it reach the Gate.
fn parameters(operation: &str) -> Vec<(&'static str, &'static str)> {
    const USER: (&str, &str) = ("UserName", "bob");
    const ROLE: (&str, &str) = ("RoleName", "R");
    const GROUP: (&str, &str) = ("GroupName", "g");
    const POLICY: (&str, &str) = ("PolicyArn", "arn:aws:iam::111122223333:policy/p");
    const PROFILE: (&str, &str) = ("InstanceProfileName", "P");
    const NAME: (&str, &str) = ("PolicyName", "p");
    const TEXT: (&str, &str) = ("PolicyDocument", "{}");
    const KEY: (&str, &str) = ("AccessKeyId", "AKIAIOSFODNN7EXAMPLE");
    const TAG: [(&str, &str); 2] = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    const UNTAG: (&str, &str) = ("TagKeys.member.1", "k");
    const BOUND: (&str, &str) = ("PermissionsBoundary", "arn:aws:iam::aws:policy/IAMFullAccess");
    const SOURCE: (&str, &str) = ("PolicySourceArn", "arn:aws:iam::111122223333:user/bob");
    const ACTION: (&str, &str) = ("ActionNames.member.1", "kms:Decrypt");
    const ISSUER: (&str, &str) =
        ("OpenIDConnectProviderArn", "arn:aws:iam::111122223333:oidc-provider/issuer.example");
    const INPUT: (&str, &str) = ("PolicyInputList.member.1", "{}");
    const PRINT: &str = "0123456789012345678901234567890123456789";
    match operation {
        "AddUserToGroup" | "RemoveUserFromGroup" => vec![GROUP, USER],
        "AddRoleToInstanceProfile" | "RemoveRoleFromInstanceProfile" => vec![PROFILE, ROLE],
        "CreateRole" => vec![ROLE, ("AssumeRolePolicyDocument", "{}")],
        "UpdateAssumeRolePolicy" => vec![ROLE, TEXT],
        "UpdateRoleDescription" => vec![ROLE, ("Description", "d")],
        "CreateServiceLinkedRole" => vec![("AWSServiceName", "mrk.kms.amazonaws.com")],
        "GetServiceLinkedRoleDeletionStatus" => vec![("DeletionTaskId", "task/none")],
        "CreateAccountAlias" | "DeleteAccountAlias" => vec![("AccountAlias", "alias")],
        "CreatePolicy" => vec![NAME, TEXT],
        "CreatePolicyVersion" => vec![POLICY, TEXT],
        "GetPolicyVersion" | "SetDefaultPolicyVersion" | "DeletePolicyVersion" => {
            vec![POLICY, ("VersionId", "v1")]
        }
        "GetAccessKeyLastUsed" => vec![KEY],
        "UpdateAccessKey" => vec![USER, KEY, ("Status", "Active")],
        "DeleteAccessKey" => vec![USER, KEY],
        "CreateOpenIDConnectProvider" => vec![("Url", "https://issuer.example")],
        "AddClientIDToOpenIDConnectProvider" | "RemoveClientIDFromOpenIDConnectProvider" => {
            vec![ISSUER, ("ClientID", "c")]
        }
        "UpdateOpenIDConnectProviderThumbprint" => vec![ISSUER, ("ThumbprintList.member.1", PRINT)],
        "SimulateCustomPolicy" => vec![INPUT, ACTION],
        "GetContextKeysForCustomPolicy" => vec![INPUT],
        "SimulatePrincipalPolicy" => vec![SOURCE, ACTION],
        "GetContextKeysForPrincipalPolicy" => vec![SOURCE],
        "ListUsers"
        | "ListRoles"
        | "ListGroups"
        | "ListPolicies"
        | "ListInstanceProfiles"
        | "ListAccountAliases"
        | "ListOpenIDConnectProviders"
        | "GetAccountSummary"
        | "GetAccountAuthorizationDetails" => vec![],
        name => {
            let mut parameters = match name {
                _ if name.contains("OpenIDConnect") => vec![ISSUER],
                _ if name.contains("InstanceProfile") && !name.ends_with("ForRole") => {
                    vec![PROFILE]
                }
                "GetPolicy"
                | "DeletePolicy"
                | "ListPolicyVersions"
                | "ListPolicyTags"
                | "TagPolicy"
                | "UntagPolicy"
                | "ListEntitiesForPolicy" => vec![POLICY],
                _ if name.contains("Group") && name != "ListGroupsForUser" => vec![GROUP],
                _ if name.contains("Role") => vec![ROLE],
                _ => vec![USER],
            };
            if name.starts_with("Attach") || name.starts_with("Detach") {
                parameters.push(POLICY);
            }
            if name.starts_with("Untag") {
                parameters.push(UNTAG);
            } else if name.starts_with("Tag") {
                parameters.extend(TAG);
            }
            if name.starts_with("Put") && name.ends_with("Boundary") {
                parameters.push(BOUND);
            } else if name.starts_with("Put") {
                parameters.extend([NAME, TEXT]);
            } else if ["UserPolicy", "GroupPolicy", "RolePolicy"]
                .iter()
                .any(|end| name == format!("Get{end}") || name == format!("Delete{end}"))
            {
                parameters.push(NAME);
            }
            parameters
        }
    }
}

/// The matrix: whoever has no policy is refused every operation, whether or not its subject exists,
/// and nothing comes of it.
#[tokio::test]
async fn nobody_may_anything_without_a_policy() {
    let house = House::new().await;
    let key = house.user("alice").await;
    for exists in [false, true] {
        if exists {
            let (text, document) = (statement("Allow", "kms:*", "*"), trust("*"));
            house.root("CreateUser", &[("UserName", "bob")]).await;
            house.root("CreateGroup", &[("GroupName", "g")]).await;
            let role = [("RoleName", "R"), ("AssumeRolePolicyDocument", document.as_str())];
            house.root("CreateRole", &role).await;
            house.root("CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", &text)]).await;
            house.root("CreateInstanceProfile", &[("InstanceProfileName", "P")]).await;
        }
        let before = house.root("GetAccountAuthorizationDetails", &[]).await.body;
        for operation in house.operations() {
            let reply = house.call(&key, operation, &parameters(operation)).await;
            let code = reply.element("Code");
            assert_eq!(
                (code, reply.status),
                (Some("AccessDenied"), 403),
                "{operation}: {}",
                reply.body
            );
            let text = reply.element("Message").unwrap();
            let begins = format!(
                "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                 iam:{operation} on resource: "
            );
            let ends =
                format!("because no identity-based policy allows the iam:{operation} action");
            assert!(text.starts_with(&begins) && text.ends_with(&ends), "{text}");
        }
        let after = house.root("GetAccountAuthorizationDetails", &[]).await.body;
        let lists =
            |body: &str| body.split_once("<ResponseMetadata>").map(|(lists, _)| lists.to_owned());
        assert_eq!(lists(&before), lists(&after));
    }
}

#[tokio::test]
async fn refusals_print_the_resource_as_iam_does() {
    let house = House::new().await;
    let key = house.user("alice").await;
    for (action, parameters, resource) in [
        ("GetRole", vec![("RoleName", "R")], "role R"),
        ("ListAttachedRolePolicies", vec![("RoleName", "R")], "role R"),
        ("CreatePolicy", vec![("PolicyName", "p"), ("PolicyDocument", "{}")], "policy p"),
        (
            "CreateRole",
            vec![("RoleName", "R"), ("AssumeRolePolicyDocument", "{}"), ("Path", "/a/")],
            "arn:aws:iam::111122223333:role/a/R",
        ),
        ("CreateGroup", vec![("GroupName", "g")], "arn:aws:iam::111122223333:group/g"),
        ("ListUsers", vec![], "arn:aws:iam::111122223333:user/"),
        ("GetUser", vec![], "user alice"),
        ("GetAccountSummary", vec![], "*"),
    ] {
        let reply = house.call(&key, action, &parameters).await;
        let text = format!(
            "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:{action} \
             on resource: {resource} because no identity-based policy allows the iam:{action} \
             action"
        );
        reply.refused("AccessDenied", 403, &text);
    }
}

#[tokio::test]
async fn the_stored_arn_is_what_counts() {
    let house = House::new().await;
    let key = house.user("alice").await;
    house.root("CreateUser", &[("UserName", "Bob"), ("Path", "/team/")]).await;
    house.allow("alice", "iam:GetUser", "arn:aws:iam::111122223333:user/team/Bob").await;
    house.call(&key, "GetUser", &[("UserName", "BOB")]).await.ok();
    house.root("UpdateUser", &[("UserName", "Bob"), ("NewPath", "/other/")]).await;
    assert_eq!(house.call(&key, "GetUser", &[("UserName", "Bob")]).await.status, 403);
}

#[tokio::test]
async fn conditions_of_iam_hold() {
    let house = House::new().await;
    let key = house.user("alice").await;
    house.root("CreateUser", &[("UserName", "bob")]).await;
    let document = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/IAMFullAccess"}}},
        {"Effect":"Allow","Action":"iam:CreateUser","Resource":"arn:aws:iam::*:user/${aws:username}-*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"}}},
        {"Effect":"Allow","Action":"iam:DeleteUser","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/team":"red"}}}
    ]}"#;
    let policy = [("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", document)];
    house.root("PutUserPolicy", &policy).await;
    let attach = |arn| [("UserName", "bob"), ("PolicyArn", arn)];
    house
        .call(&key, "AttachUserPolicy", &attach("arn:aws:iam::aws:policy/IAMFullAccess"))
        .await
        .ok();
    let other = attach("arn:aws:iam::aws:policy/AdministratorAccess");
    assert_eq!(house.call(&key, "AttachUserPolicy", &other).await.status, 403);
    let create = |name, team| {
        [("UserName", name), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", team)]
    };
    house.call(&key, "CreateUser", &create("alice-1", "red")).await.ok();
    assert_eq!(house.call(&key, "CreateUser", &create("alice-2", "blue")).await.status, 403);
    assert_eq!(house.call(&key, "CreateUser", &create("bob-1", "red")).await.status, 403);
    house.call(&key, "DeleteUser", &[("UserName", "alice-1")]).await.ok();
    assert_eq!(house.call(&key, "DeleteUser", &[("UserName", "bob")]).await.status, 403);
}
