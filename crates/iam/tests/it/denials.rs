//! Who may not: the resources that refusals print, and conditions. That every operation asks is
//! torture test 12.

use crate::house::House;

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

/// Whoever gives a role to an instance profile passes it to EC2.
#[tokio::test]
async fn a_role_is_passed_to_the_service_that_a_policy_names() {
    let house = House::new().await;
    let trust = crate::house::trust("*");
    for (name, service, status) in
        [("ann", "ec2.amazonaws.com", 200), ("bob", "lambda.amazonaws.com", 403)]
    {
        let key = house.user(name).await;
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"}},
            {{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{{"StringEquals":{{"iam:PassedToService":"{service}"}}}}}}
        ]}}"#
        );
        let policy = [("UserName", name), ("PolicyName", "p"), ("PolicyDocument", &*document)];
        house.root("PutUserPolicy", &policy).await;
        let role = [("RoleName", name), ("AssumeRolePolicyDocument", &*trust)];
        house.root("CreateRole", &role).await;
        house.root("CreateInstanceProfile", &[("InstanceProfileName", name)]).await;
        let both = [("InstanceProfileName", name), ("RoleName", name)];
        let reply = house.call(&key, "AddRoleToInstanceProfile", &both).await;
        assert_eq!(reply.status, status, "{}", reply.body);
    }
}
