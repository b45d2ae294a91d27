//! Aliases in use: known without reading, and never for what they no longer name.

use serde_json::{Value, json};

use crate::house::{House, code, text};
use crate::people::A;

const NAME: &str = "alias/app";

fn input(key: &str) -> Value {
    json!({ "AliasName": NAME, "TargetKeyId": key })
}

async fn used(house: &House) -> String {
    let data_key = json!({ "KeyId": NAME, "KeySpec": "AES_256" });
    text(&house.call(A, "GenerateDataKeyWithoutPlaintext", data_key).await, "KeyId")
}

#[tokio::test]
async fn an_alias_in_use_is_not_read_again_and_names_another_key_at_once() {
    let house = House::new().await;
    let (one, other) = (house.key(A, None).await, house.key(A, None).await);
    house.call(A, "CreateAlias", input(&one)).await.unwrap();
    assert_eq!(used(&house).await, one);
    house.reads.take();
    assert_eq!(used(&house).await, one);
    assert_eq!(house.reads.take(), (0, 0));
    house.call(A, "UpdateAlias", input(&other)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(used(&house).await, other);
    }
    house.call(A, "DeleteAlias", json!({ "AliasName": NAME })).await.unwrap();
    let gone = house.call(A, "DescribeKey", json!({ "KeyId": NAME })).await;
    assert_eq!(code(&gone), "NotFoundException");
    house.call(A, "CreateAlias", input(&one)).await.unwrap();
    assert_eq!(used(&house).await, one);
}
