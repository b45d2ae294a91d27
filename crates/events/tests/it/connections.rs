//! Connections and API destinations: made, changed, shown without their secrets, and used.

use serde_json::{Value, json};

use crate::house::{House, basic, code, message};
use crate::people::A;

fn oauth() -> (&'static str, Value) {
    let given = json!({ "OAuthParameters": {
        "ClientParameters": { "ClientID": "id", "ClientSecret": "client-secret" },
        "AuthorizationEndpoint": "https://auth.example/token", "HttpMethod": "POST",
        "OAuthHttpParameters": { "BodyParameters": [
            { "Key": "scope", "Value": "a b", "IsValueSecret": false },
        ] },
    } });
    ("OAUTH_CLIENT_CREDENTIALS", given)
}

#[tokio::test]
async fn no_secret_is_shown() {
    let house = House::new().await;
    let secret = json!([{ "Key": "X-Key", "Value": "header-secret", "IsValueSecret": true },
        { "Key": "X-Open", "Value": "open", "IsValueSecret": false }]);
    let (kind, mut given) = basic();
    given["InvocationHttpParameters"] = json!({ "HeaderParameters": secret });
    house.destination("b", (kind, given)).await;
    let key = json!({ "ApiKeyAuthParameters": { "ApiKeyName": "x-api-key", "ApiKeyValue": "key-secret" } });
    house.destination("k", ("API_KEY", key)).await;
    house.destination("o", oauth()).await;
    for (name, open) in [("b", "ann"), ("k", "x-api-key"), ("o", "https://auth.example/token")] {
        let shown = house.done("DescribeConnection", json!({ "Name": name })).await.to_string();
        assert!(shown.contains(open), "{shown}");
        for secret in ["pass-word", "header-secret", "key-secret", "client-secret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let shown = house.done("DescribeConnection", json!({ "Name": "b" })).await;
    let headers = &shown["AuthParameters"]["InvocationHttpParameters"]["HeaderParameters"];
    assert_eq!(headers[0], json!({ "Key": "X-Key", "IsValueSecret": true }));
    assert_eq!(headers[1]["Value"], "open");
    assert_eq!(shown["ConnectionState"], "AUTHORIZED");
    let listed = house.done("ListConnections", json!({})).await;
    assert_eq!(listed["Connections"].as_array().unwrap().len(), 3);
    assert!(!listed.to_string().contains("secret"), "{listed}");
}

#[tokio::test]
async fn an_api_key_and_parameters_go_into_each_request() {
    let house = House::new().await;
    let given = json!({
        "ApiKeyAuthParameters": { "ApiKeyName": "x-api-key", "ApiKeyValue": "key-secret" },
        "InvocationHttpParameters": {
            "HeaderParameters": [{ "Key": "X-H", "Value": "h" }],
            "QueryStringParameters": [{ "Key": "q", "Value": "1 2" }],
            "BodyParameters": [{ "Key": "extra", "Value": "e" }],
        },
    });
    let arn = house.destination("k", ("API_KEY", given)).await;
    let change = json!({
        "Name": "k", "InvocationEndpoint": "https://hooks.example/*/in", "HttpMethod": "PUT",
    });
    house.done("UpdateApiDestination", change).await;
    let target = json!({
        "Id": "t", "Arn": arn,
        "HttpParameters": { "PathParameterValues": ["a b"], "HeaderParameters": { "X-T": "t" } },
    });
    house.rule("r", target).await;
    house.put(json!({ "n": 1 })).await;
    house.settle().await;
    let [seen] = <[_; 1]>::try_from(house.world.seen()).unwrap();
    assert_eq!(seen.method, "PUT");
    assert_eq!(seen.url, "https://hooks.example/a%20b/in?q=1%202");
    let headers = [("x-api-key", "key-secret"), ("X-H", "h"), ("X-T", "t")];
    for (name, value) in headers {
        assert_eq!(seen.header(name), Some(value));
    }
    assert_eq!(seen.json()["extra"], "e");
}

#[tokio::test]
async fn a_token_is_fetched_once_and_anew_when_it_is_refused() {
    let house = House::new().await;
    let token = |text: &str| format!(r#"{{"access_token":"{text}","expires_in":3600}}"#);
    house.world.answers(200, &token("one"));
    let arn = house.destination("o", oauth()).await;
    let state = |shown: Value| shown["ConnectionState"].as_str().unwrap().to_owned();
    let named = json!({ "Name": "o" });
    assert_eq!(state(house.done("DescribeConnection", named.clone()).await), "AUTHORIZING");
    house.settle().await;
    assert_eq!(state(house.done("DescribeConnection", named).await), "AUTHORIZED");
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    house.put(json!({ "n": 1 })).await;
    house.settle().await;
    house.world.answers(401, "");
    house.world.answers(200, &token("two"));
    house.put(json!({ "n": 2 })).await;
    house.settle().await;
    house.pass(10);
    house.settle().await;
    let seen = house.world.seen();
    let urls: Vec<_> = seen.iter().map(|seen| seen.url.as_str()).collect();
    let (auth, hook) = ("https://auth.example/token", "https://hooks.example/in");
    assert_eq!(urls, [auth, hook, hook, auth, hook]);
    assert_eq!(
        seen[0].body,
        "scope=a%20b&grant_type=client_credentials&client_id=id&client_secret=client-secret"
    );
    assert_eq!(seen[1].header("authorization"), Some("Bearer one"));
    assert_eq!(seen[4].header("authorization"), Some("Bearer two"));
}

#[tokio::test]
async fn a_connection_without_a_token_is_not_authorized() {
    let house = House::new().await;
    house.world.answers(403, "");
    let arn = house.destination("o", oauth()).await;
    house.settle().await;
    let shown = house.done("DescribeConnection", json!({ "Name": "o" })).await;
    assert_eq!(shown["ConnectionState"], "DEAUTHORIZED");
    assert_eq!(shown["StateReason"], "no token was given: status 403");
    let name = arn.split('/').nth(1).unwrap();
    let shown = house.done("DescribeApiDestination", json!({ "Name": name })).await;
    assert_eq!(shown["ApiDestinationState"], "INACTIVE");
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_speak_of() {
    let house = House::new().await;
    let arn = house.destination("b", basic()).await;
    let change = json!({ "Name": "b", "AuthParameters": {
        "BasicAuthParameters": { "Username": "bob" },
    } });
    house.done("UpdateConnection", change).await;
    house.rule("r", json!({ "Id": "t", "Arn": arn })).await;
    house.put(json!({})).await;
    house.settle().await;
    // bob:pass-word
    assert_eq!(house.world.seen()[0].header("authorization"), Some("Basic Ym9iOnBhc3Mtd29yZA=="));
    house.done("DeauthorizeConnection", json!({ "Name": "b" })).await;
    let shown = house.done("DescribeConnection", json!({ "Name": "b" })).await;
    assert_eq!(shown["ConnectionState"], "DEAUTHORIZED");
    house.put(json!({})).await;
    house.settle().await;
    assert_eq!((house.world.seen().len(), house.rows("events.delivery").await), (1, 1));
}

#[tokio::test]
async fn what_there_is_not_and_can_not_be_is_refused() {
    let house = House::new().await;
    house.destination("b", basic()).await;
    let gone = "arn:aws:events:eu-central-1:111122223333:connection/b/0";
    let (kind, given) = basic();
    for (operation, input, expected) in [
        ("DescribeConnection", json!({ "Name": "x" }), "ResourceNotFoundException"),
        ("DeleteConnection", json!({ "Name": "x" }), "ResourceNotFoundException"),
        ("DescribeApiDestination", json!({ "Name": "x" }), "ResourceNotFoundException"),
        ("DeleteApiDestination", json!({ "Name": "x" }), "ResourceNotFoundException"),
        (
            "CreateConnection",
            json!({ "Name": "b", "AuthorizationType": kind, "AuthParameters": given }),
            "ResourceAlreadyExistsException",
        ),
        (
            "CreateConnection",
            json!({ "Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": given }),
            "ValidationException",
        ),
        (
            "CreateApiDestination",
            json!({ "Name": "c", "ConnectionArn": gone, "HttpMethod": "POST",
                "InvocationEndpoint": "https://x.example" }),
            "ResourceNotFoundException",
        ),
        (
            "UpdateApiDestination",
            json!({ "Name": "b", "InvocationEndpoint": "http://127.0.0.1/" }),
            "ValidationException",
        ),
    ] {
        let refused = house.call(A, operation, input.clone()).await;
        assert_eq!(code(&refused), expected, "{operation} {input}: {}", message(&refused));
    }
    house.done("DeleteApiDestination", json!({ "Name": "b" })).await;
    let gone = house.done("DeleteConnection", json!({ "Name": "b" })).await;
    assert_eq!(gone["ConnectionState"], "DELETING");
}
