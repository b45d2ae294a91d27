//! Roles: whom they trust, instance profiles, service-linked roles.

use crate::house::{House, root, trust};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

#[tokio::test]
async fn a_trusted_user_is_bound_by_its_id() {
    let house = House::new().await;
    let document = trust(ALICE);
    let role = [("RoleName", "R"), ("AssumeRolePolicyDocument", document.as_str())];
    house.call(&root(), "CreateRole", &role).await.refused(
        "MalformedPolicyDocument",
        400,
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/alice\"",
    );
    let made = house.root("CreateUser", &[("UserName", "alice")]).await;
    let id = made.element("UserId").unwrap().to_owned();
    let made = house.root("CreateRole", &role).await;
    assert!(!made.body.contains("MaxSessionDuration") && !made.body.contains("RoleLastUsed"));
    let shown = || async {
        let found = house.root("GetRole", &[("RoleName", "R")]).await;
        found.element("AssumeRolePolicyDocument").unwrap().to_owned()
    };
    assert!(shown().await.contains("user%2Falice"));
    house.root("DeleteUser", &[("UserName", "alice")]).await;
    assert!(shown().await.contains(&id) && !shown().await.contains("alice"));
    house.root("CreateUser", &[("UserName", "alice")]).await;
    assert!(shown().await.contains(&id), "a namesake is not trusted");
    let trusted = house.principals.role("arn:aws:iam::111122223333:role/R").await.unwrap().unwrap();
    assert_eq!(trusted.max_session_seconds, 3600);
    let update = [("RoleName", "R"), ("PolicyDocument", document.as_str())];
    house.root("UpdateAssumeRolePolicy", &update).await;
    assert!(shown().await.contains("user%2Falice"));
}

#[tokio::test]
async fn trust_policies_are_refused_as_iam_refuses_them() {
    let house = House::new().await;
    for (document, text) in [
        ("{", "This policy contains invalid Json"),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Resource":"*"}}"#,
            "Has prohibited field Resource",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#,
            "Missing required field Principal",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Decrypt"}}"#,
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
    ] {
        let role = [("RoleName", "R"), ("AssumeRolePolicyDocument", document)];
        let reply = house.call(&root(), "CreateRole", &role).await;
        reply.refused("MalformedPolicyDocument", 400, text);
    }
    let long = trust("*").replace("sts:AssumeRole", &format!("sts:{}", "A".repeat(2048)));
    let role = [("RoleName", "R"), ("AssumeRolePolicyDocument", long.as_str())];
    let reply = house.call(&root(), "CreateRole", &role).await;
    reply.refused("LimitExceeded", 409, "Cannot exceed quota for ACLSizePerRole: 2048");
    let reply = house.call(&root(), "GetRole", &[("RoleName", "R")]).await;
    reply.refused("NoSuchEntity", 404, "The role with name R cannot be found.");
}

#[tokio::test]
async fn an_update_leaves_what_it_does_not_name() {
    let house = House::new().await;
    let document = trust("*");
    let role = [
        ("RoleName", "R"),
        ("AssumeRolePolicyDocument", document.as_str()),
        ("MaxSessionDuration", "7200"),
    ];
    house.root("CreateRole", &role).await;
    house.root("UpdateRole", &[("RoleName", "R"), ("Description", "d")]).await;
    house.root("UpdateRole", &[("RoleName", "R")]).await;
    let found = house.root("GetRole", &[("RoleName", "R")]).await;
    assert_eq!(found.element("MaxSessionDuration"), Some("7200"));
    assert_eq!(found.element("Description"), Some("d"));
    let long = [("RoleName", "R"), ("MaxSessionDuration", "43201"), ("Description", "e")];
    let reply = house.call(&root(), "UpdateRole", &long).await;
    assert_eq!(reply.element("Code"), Some("ValidationError"));
    let found = house.root("GetRole", &[("RoleName", "R")]).await;
    assert_eq!(found.element("Description"), Some("d"));
}

#[tokio::test]
async fn a_role_goes_last() {
    let house = House::new().await;
    let document = trust("*");
    let role = [("RoleName", "R"), ("AssumeRolePolicyDocument", document.as_str())];
    house.root("CreateRole", &role).await;
    house.root("CreateInstanceProfile", &[("InstanceProfileName", "P")]).await;
    let both = [("InstanceProfileName", "P"), ("RoleName", "R")];
    house.root("AddRoleToInstanceProfile", &both).await;
    house.call(&root(), "AddRoleToInstanceProfile", &both).await.refused(
        "LimitExceeded",
        409,
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    );
    let found = house.root("GetInstanceProfile", &[("InstanceProfileName", "p")]).await;
    assert_eq!(found.element("RoleName"), Some("R"));
    let of_role = house.root("ListInstanceProfilesForRole", &[("RoleName", "R")]).await;
    assert_eq!(of_role.elements("InstanceProfileName"), ["P"]);
    let text = "Cannot delete entity, must remove roles from instance profile first.";
    for (action, parameter) in
        [("DeleteRole", ("RoleName", "R")), ("DeleteInstanceProfile", ("InstanceProfileName", "P"))]
    {
        let reply = house.call(&root(), action, &[parameter]).await;
        reply.refused("DeleteConflict", 409, text);
    }
    house.root("RemoveRoleFromInstanceProfile", &both).await;
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    house.root("AttachRolePolicy", &[("RoleName", "R"), ("PolicyArn", admin)]).await;
    house.call(&root(), "DeleteRole", &[("RoleName", "R")]).await.refused(
        "DeleteConflict",
        409,
        "Cannot delete entity, must detach all policies first.",
    );
    house.root("DetachRolePolicy", &[("RoleName", "R"), ("PolicyArn", admin)]).await;
    house.root("DeleteRole", &[("RoleName", "R")]).await;
    house.root("DeleteInstanceProfile", &[("InstanceProfileName", "P")]).await;
}

#[tokio::test]
async fn a_service_s_role_is_the_service_s() {
    let house = House::new().await;
    let service = "mrk.kms.amazonaws.com";
    let made = house.root("CreateServiceLinkedRole", &[("AWSServiceName", service)]).await;
    let name = "AWSServiceRoleForKeyManagementServiceMultiRegionKeys";
    assert_eq!(made.element("RoleName"), Some(name));
    assert_eq!(made.element("Path"), Some("/aws-service-role/mrk.kms.amazonaws.com/"));
    let again =
        house.call(&root(), "CreateServiceLinkedRole", &[("AWSServiceName", service)]).await;
    again.refused(
        "InvalidInput",
        400,
        &format!(
            "Service role name {name} has been taken in this account, please try a different \
             suffix."
        ),
    );
    house.root("CreateUser", &[("UserName", "alice")]).await;
    let arn = "arn:aws:iam::aws:policy/aws-service-role/\
               AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy";
    let on = [("UserName", "alice"), ("PolicyArn", arn)];
    house.call(&root(), "AttachUserPolicy", &on).await.refused(
        "PolicyNotAttachable",
        400,
        "Cannot attach a Service Role Policy to a Customer Role.",
    );
    let suffixed = [("AWSServiceName", service), ("CustomSuffix", "x")];
    house.call(&root(), "CreateServiceLinkedRole", &suffixed).await.refused(
        "InvalidInput",
        400,
        "Custom suffix is not allowed for mrk.kms.amazonaws.com",
    );
    house.call(&root(), "DeleteRole", &[("RoleName", name)]).await.refused(
        "UnmodifiableEntity",
        400,
        &format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only \
             modifiable by AWS"
        ),
    );
    let deleted = house.root("DeleteServiceLinkedRole", &[("RoleName", name)]).await;
    let task = deleted.element("DeletionTaskId").unwrap();
    assert!(task.starts_with(&format!("task/aws-service-role/{service}/{name}/")), "{task}");
    let status =
        house.root("GetServiceLinkedRoleDeletionStatus", &[("DeletionTaskId", task)]).await;
    assert_eq!(status.element("Status"), Some("SUCCEEDED"));
    let reply = house.call(&root(), "GetRole", &[("RoleName", name)]).await;
    assert_eq!(reply.element("Code"), Some("NoSuchEntity"));
}
