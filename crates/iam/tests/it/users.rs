//! Users and their access keys.

use std::sync::Arc;

use bulla_store::{Disk, DiskFault, Faults, Simulated};

use crate::house::{ACCOUNT, House, Key, root};

#[tokio::test]
async fn a_user_s_life() {
    let house = House::new().await;
    let made = house.root("CreateUser", &[("UserName", "Alice"), ("Path", "/team/")]).await;
    assert_eq!(made.element("Arn"), Some("arn:aws:iam::111122223333:user/team/Alice"));
    let id = made.element("UserId").unwrap().to_owned();
    assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");
    house.call(&root(), "CreateUser", &[("UserName", "ALICE")]).await.refused(
        "EntityAlreadyExists",
        409,
        "User with name ALICE already exists.",
    );
    let found = house.root("GetUser", &[("UserName", "aLiCe")]).await;
    assert_eq!(found.element("UserName"), Some("Alice"));

    let rename = [("UserName", "Alice"), ("NewUserName", "Alicia"), ("NewPath", "/")];
    house.root("UpdateUser", &rename).await;
    let found = house.root("GetUser", &[("UserName", "Alicia")]).await;
    assert_eq!(found.element("Arn"), Some("arn:aws:iam::111122223333:user/Alicia"));
    assert_eq!(found.element("UserId"), Some(id.as_str()));
    house.call(&root(), "GetUser", &[("UserName", "Alice")]).await.refused(
        "NoSuchEntity",
        404,
        "The user with name Alice cannot be found.",
    );

    house.root("DeleteUser", &[("UserName", "Alicia")]).await;
    let again = house.root("CreateUser", &[("UserName", "Alicia")]).await;
    assert_ne!(again.element("UserId"), Some(id.as_str()));
}

#[tokio::test]
async fn names_and_paths_have_limits() {
    let house = House::new().await;
    let long = "u".repeat(64);
    house.root("CreateUser", &[("UserName", &long)]).await;
    let cases = [
        ("UserName", "u".repeat(65)),
        ("UserName", String::new()),
        ("UserName", "é".to_owned()),
        ("UserName", "a b".to_owned()),
        ("UserName", "a\nb".to_owned()),
        ("Path", "team/".to_owned()),
        ("Path", "/team".to_owned()),
        ("Path", "//".to_owned()),
        ("Path", "/é/".to_owned()),
        ("Path", format!("/{}/", "p".repeat(511))),
    ];
    for (name, value) in cases {
        let mut parameters = vec![(name, value.as_str())];
        if name == "Path" {
            parameters.push(("UserName", "somebody"));
        }
        let reply = house.call(&root(), "CreateUser", &parameters).await;
        assert_eq!(reply.element("Code"), Some("ValidationError"), "{name}={value:?}");
        assert!(!reply.body.contains(&"u".repeat(65)), "values are left out");
    }
    house.root("CreateUser", &[("UserName", "odd"), ("Path", "/a//b/")]).await;
}

#[tokio::test]
async fn lists_have_pages_and_prefixes() {
    let house = House::new().await;
    for (name, path) in [("a", "/x/"), ("B", "/x/"), ("c", "/y/"), ("d", "/x/")] {
        house.root("CreateUser", &[("UserName", name), ("Path", path)]).await;
    }
    let first = house.root("ListUsers", &[("PathPrefix", "/x"), ("MaxItems", "2")]).await;
    assert_eq!(first.elements("UserName"), ["a", "B"]);
    assert_eq!(first.element("IsTruncated"), Some("true"));
    let marker = first.element("Marker").unwrap();
    let second = house.root("ListUsers", &[("PathPrefix", "/x"), ("Marker", marker)]).await;
    assert_eq!(second.elements("UserName"), ["d"]);
    assert_eq!(second.element("IsTruncated"), Some("false"));
    let strange = house.call(&root(), "ListUsers", &[("Marker", "zz")]).await;
    assert_eq!(strange.element("Code"), Some("ValidationError"));
}

#[tokio::test]
async fn a_key_holds_from_the_next_request_on() {
    let house = House::new().await;
    let key = house.user("alice").await;
    assert_eq!(bulla_iam::account_of_key(&key.id).as_deref(), Some(ACCOUNT));
    house.allow("alice", "iam:GetUser", "*").await;
    let whoami = house.call(&key, "GetUser", &[]).await.ok();
    assert_eq!(whoami.element("UserName"), Some("alice"));

    let wrong = Key { secret: "wrong".to_owned(), ..key.clone() };
    let reply = house.call(&wrong, "GetUser", &[]).await;
    assert_eq!(reply.element("Code"), Some("SignatureDoesNotMatch"));

    let status =
        |status| [("UserName", "alice"), ("AccessKeyId", key.id.as_str()), ("Status", status)];
    house.root("UpdateAccessKey", &status("Inactive")).await;
    house.call(&key, "GetUser", &[]).await.refused(
        "InvalidClientTokenId",
        403,
        "The security token included in the request is invalid.",
    );
    house.root("UpdateAccessKey", &status("Active")).await;
    house.call(&key, "GetUser", &[]).await.ok();
    let expired = house.call(&root(), "UpdateAccessKey", &status("Expired")).await;
    assert_eq!(expired.element("Code"), Some("InvalidInput"), "{}", expired.body);

    let named = [("UserName", "alice"), ("AccessKeyId", key.id.as_str())];
    house.root("DeleteAccessKey", &named).await;
    let reply = house.call(&key, "GetUser", &[]).await;
    assert_eq!(reply.element("Code"), Some("InvalidClientTokenId"));
    house.call(&root(), "DeleteAccessKey", &named).await.refused(
        "NoSuchEntity",
        404,
        &format!("The Access Key with id {} cannot be found", key.id),
    );
}

/// Who calls again is known from memory: the store may be gone meanwhile.
#[tokio::test]
async fn a_known_caller_costs_no_look_at_the_store() {
    let disk = Disk::new(1);
    let house = House::on(Arc::new(Simulated::open(disk.clone()).unwrap())).await;
    let key = house.user("alice").await;
    let ask = || house.send(&key, "sts", b"Action=GetCallerIdentity&Version=2011-06-15".to_vec());
    assert_eq!(ask().await.ok().element("Arn"), Some("arn:aws:iam::111122223333:user/alice"));
    disk.set_faults(Faults { fail_at: Some((1, DiskFault::Io)), ..Faults::default() });
    // A change of the user's own account, even a failed one, would have it looked up anew.
    let stranger = Key { id: "444455556666".to_owned(), ..root() };
    assert_eq!(house.call(&stranger, "CreateUser", &[("UserName", "bob")]).await.status, 500);
    ask().await.ok();
    let own = house.call(&key, "GetUser", &[]).await;
    assert_eq!(own.status, 500, "{}", own.body);
}

#[tokio::test]
async fn a_user_has_two_keys_at_most_and_goes_without_any() {
    let house = House::new().await;
    let first = house.user("alice").await;
    house.key("alice").await;
    house.call(&root(), "CreateAccessKey", &[("UserName", "alice")]).await.refused(
        "LimitExceeded",
        409,
        "Cannot exceed quota for AccessKeysPerUser: 2",
    );
    let listed = house.root("ListAccessKeys", &[("UserName", "alice")]).await;
    assert_eq!(listed.elements("AccessKeyId").len(), 2);
    assert!(!listed.body.contains(&first.secret));
    house.call(&root(), "DeleteUser", &[("UserName", "alice")]).await.refused(
        "DeleteConflict",
        409,
        "Cannot delete entity, must delete access keys first.",
    );
}

#[tokio::test]
async fn root_has_keys_of_its_own() {
    let house = House::new().await;
    let made = house.root("CreateAccessKey", &[]).await;
    let key = Key {
        id: made.element("AccessKeyId").unwrap().to_owned(),
        secret: made.element("SecretAccessKey").unwrap().to_owned(),
    };
    let found = house.call(&key, "GetUser", &[]).await.ok();
    assert_eq!(found.element("Arn"), Some("arn:aws:iam::111122223333:root"));
    let id = key.id.as_str();
    house.root("UpdateAccessKey", &[("AccessKeyId", id), ("Status", "Inactive")]).await;
    let reply = house.call(&key, "GetUser", &[]).await;
    assert_eq!(reply.element("Code"), Some("InvalidClientTokenId"));
    house.root("DeleteAccessKey", &[("AccessKeyId", id)]).await;
    assert!(house.root("ListAccessKeys", &[]).await.elements("AccessKeyId").is_empty());
}

#[tokio::test]
async fn tags_are_one_whatever_their_letter_case() {
    let house = House::new().await;
    let tagged =
        [("UserName", "alice"), ("Tags.member.1.Key", "Team"), ("Tags.member.1.Value", "red")];
    house.root("CreateUser", &tagged).await;
    let again =
        [("UserName", "alice"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
    house.root("TagUser", &again).await;
    let listed = house.root("ListUserTags", &[("UserName", "alice")]).await;
    assert_eq!((listed.elements("Key"), listed.elements("Value")), (vec!["team"], vec!["blue"]));
    let twice = [
        ("UserName", "alice"),
        ("Tags.member.1.Key", "a"),
        ("Tags.member.1.Value", ""),
        ("Tags.member.2.Key", "A"),
        ("Tags.member.2.Value", ""),
    ];
    house.call(&root(), "TagUser", &twice).await.refused(
        "InvalidInput",
        400,
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
    house.root("UntagUser", &[("UserName", "alice"), ("TagKeys.member.1", "TEAM")]).await;
    let found = house.root("GetUser", &[("UserName", "alice")]).await;
    assert!(!found.body.contains("<Tags>"), "{}", found.body);
}
