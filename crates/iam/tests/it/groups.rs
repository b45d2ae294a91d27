//! Groups: membership, and what it lets users do.

use crate::house::{House, root, statement};

#[tokio::test]
async fn a_group_s_policies_are_its_members() {
    let house = House::new().await;
    let key = house.user("alice").await;
    house.root("CreateGroup", &[("GroupName", "readers")]).await;
    let document = statement("Allow", "iam:ListUsers", "*");
    let policy = [("GroupName", "readers"), ("PolicyName", "p"), ("PolicyDocument", &document)];
    house.root("PutGroupPolicy", &policy).await;
    assert_eq!(house.call(&key, "ListUsers", &[]).await.status, 403);

    let member = [("GroupName", "readers"), ("UserName", "alice")];
    house.root("AddUserToGroup", &member).await;
    house.root("AddUserToGroup", &member).await;
    house.call(&key, "ListUsers", &[]).await.ok();
    let group = house.root("GetGroup", &[("GroupName", "readers")]).await;
    assert_eq!(group.elements("UserName"), ["alice"]);
    let groups = house.root("ListGroupsForUser", &[("UserName", "alice")]).await;
    assert_eq!(groups.elements("GroupName"), ["readers"]);

    house.root("UpdateGroup", &[("GroupName", "readers"), ("NewGroupName", "lookers")]).await;
    house.call(&key, "ListUsers", &[]).await.ok();
    house.call(&root(), "DeleteGroup", &[("GroupName", "lookers")]).await.refused(
        "DeleteConflict",
        409,
        "Cannot delete entity, must remove users from group first.",
    );
    let member = [("GroupName", "lookers"), ("UserName", "alice")];
    house.root("RemoveUserFromGroup", &member).await;
    assert_eq!(house.call(&key, "ListUsers", &[]).await.status, 403);
    let reply = house.call(&root(), "RemoveUserFromGroup", &member).await;
    assert_eq!(reply.element("Code"), Some("NoSuchEntity"));
    house.root("DeleteGroupPolicy", &[("GroupName", "lookers"), ("PolicyName", "P")]).await;
    house.root("DeleteGroup", &[("GroupName", "lookers")]).await;
}

#[tokio::test]
async fn a_user_is_in_ten_groups_at_most() {
    let house = House::new().await;
    house.root("CreateUser", &[("UserName", "alice")]).await;
    for number in 0..11 {
        let name = format!("g{number}");
        house.root("CreateGroup", &[("GroupName", &name)]).await;
        let member = [("GroupName", name.as_str()), ("UserName", "alice")];
        let reply = house.call(&root(), "AddUserToGroup", &member).await;
        if number < 10 {
            reply.ok();
        } else {
            let text = "Cannot exceed quota for GroupsPerUser: 10";
            reply.refused("LimitExceeded", 409, text);
        }
    }
}
