//! The directory of principals, as other services ask it.

use bulla_plane::Directory;

use crate::house::{ACCOUNT, House, trust};

#[tokio::test]
async fn principals_are_found_by_all_their_names() {
    let house = House::new().await;
    let made = house.root("CreateUser", &[("UserName", "alice"), ("Path", "/team/")]).await;
    let id = made.element("UserId").unwrap();
    let arn = "arn:aws:iam::111122223333:user/team/alice";
    for name in [arn, id] {
        let found = house.principals.find(name).await.unwrap().unwrap();
        assert_eq!((found.arn.as_str(), found.unique_id.as_str()), (arn, id));
        assert_eq!(found.account, ACCOUNT);
    }
    for name in [ACCOUNT, "arn:aws:iam::111122223333:root"] {
        let found = house.principals.find(name).await.unwrap().unwrap();
        assert_eq!(found.arn, "arn:aws:iam::111122223333:root");
        assert_eq!(found.unique_id, ACCOUNT);
    }
    let abroad = "arn:aws-cn:iam::111122223333:root";
    assert_eq!(house.principals.find(abroad).await.unwrap().unwrap().arn, abroad);
    let group = house.root("CreateGroup", &[("GroupName", "g")]).await;
    for nobody in [
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::111122223333:user/team/Alice",
        "arn:aws:iam::111122223333:role/alice",
        "arn:aws:iam::111122223333:group/g",
        group.element("GroupId").unwrap(),
        "AIDAAAAAAAAAAAAAAAAAA",
        "11112222333",
        "",
    ] {
        assert_eq!(house.principals.find(nobody).await.unwrap(), None, "{nobody}");
    }
}

#[tokio::test]
async fn authorities_follow_changes_and_lists_go_on() {
    let house = House::new().await;
    let document = trust("*");
    for number in 0..5 {
        let name = format!("u{number}");
        house.user(&name).await;
        let role = format!("r{number}");
        let role = [("RoleName", role.as_str()), ("AssumeRolePolicyDocument", &document)];
        house.root("CreateRole", &role).await;
    }
    house.root("CreateAccessKey", &[]).await;
    let all = house.principals.list(None).await.unwrap();
    let arns: Vec<_> = all.iter().map(|known| known.arn.as_str()).collect();
    assert!(arns.is_sorted() && arns.len() == 11, "{arns:?}");
    for (at, known) in all.iter().enumerate() {
        let rest = house.principals.list(Some(&known.arn)).await.unwrap();
        assert_eq!(rest, all[at + 1..]);
    }
    let arn = "arn:aws:iam::111122223333:user/u0";
    let count = || async {
        let authority = house.principals.authority(arn).await.unwrap().unwrap();
        authority.identity_policies.len()
    };
    assert_eq!(count().await, 0);
    house.allow("u0", "kms:Decrypt", "*").await;
    assert_eq!(count().await, 1);
}
