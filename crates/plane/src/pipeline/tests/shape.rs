//! The shape of records, as CloudTrail has it.

use serde_json::{Value, json};

use super::*;

const ARN: &str = "alias/mine";

fn delete(body: &'static str) -> Sent<'static> {
    Sent { target: "TrentService.DeleteAlias", body, ..Sent::default() }
}

/// Every record as CloudTrail writes it.
fn written(medium: &Arc<dyn Medium>) -> Vec<Value> {
    let reader = Reader::from_sequence(Arc::clone(medium), chain_key(), 1).unwrap();
    let json = reader.map(|record| record.unwrap().to_cloudtrail_json().unwrap());
    json.map(|json| serde_json::from_str(&json).unwrap()).collect()
}

#[tokio::test]
async fn what_a_known_caller_sent_is_told_and_what_a_stranger_sent_is_not() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    let body = "{\"AliasName\":\"alias/mine\"}";
    assert_eq!(delete(body).to(&plane).await.0, 200);
    assert_eq!(Sent { secret: b"wrong", ..delete(body) }.to(&plane).await.0, 400);
    let [known, stranger] = written(&medium).try_into().unwrap();
    assert_eq!(known["requestParameters"], json!({ "aliasName": "alias/mine" }));
    let resource = json!({ "accountId": "111122223333", "type": "A", "ARN": ARN });
    assert_eq!(known["resources"], json!([resource]));
    assert_eq!(stranger["requestParameters"], Value::Null);
    assert_eq!(stranger["userIdentity"]["accountId"], "ANONYMOUS_PRINCIPAL");
}

#[tokio::test]
async fn of_a_denied_call_neither_parameters_nor_resources_are_told() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    // Also not to the owner of what was asked for.
    for id in [ID, "dev"] {
        let sent = Sent { id, ..delete("{\"AliasName\":\"alias/denied\"}") };
        assert_eq!(sent.to(&plane).await.0, 400);
    }
    let records: [Value; 2] = written(&medium).try_into().unwrap();
    for record in records {
        assert_eq!(record["errorCode"], "AccessDenied");
        assert_eq!(record["errorMessage"], "not you");
        assert_eq!(record["requestParameters"], Value::Null);
        assert_eq!(record.get("resources"), None);
        assert_eq!(record.get("sharedEventID"), None);
    }
}

#[tokio::test]
async fn an_owner_has_a_copy_of_what_others_do() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    let sent = Sent { id: "dev", ..delete("{\"AliasName\":\"alias/mine\"}") };
    assert_eq!(sent.to(&plane).await.0, 200);
    let [callers, owners] = written(&medium).try_into().unwrap();
    assert_eq!(callers["userIdentity"]["type"], "Root");
    assert_eq!(callers["recipientAccountId"], "000000000000");
    let abroad = json!({
        "type": "AWSAccount", "principalId": "000000000000", "accountId": "000000000000",
    });
    assert_eq!(owners["userIdentity"], abroad);
    assert_eq!(owners["recipientAccountId"], "111122223333");
    for member in ["sharedEventID", "requestID", "eventTime", "requestParameters", "resources"] {
        assert_eq!(callers[member], owners[member], "{member}");
    }
    assert!(callers["sharedEventID"].is_string());
    assert_ne!(callers["eventID"], owners["eventID"]);
}

#[tokio::test]
async fn the_connection_is_told_where_it_is_tls() {
    let medium = memory();
    let plane = house(Arc::clone(&medium)).await;
    TLS.set(Some(TlsSession {
        version: "TLSv1.3",
        cipher_suite: "TLS_AES_256_GCM_SHA384",
        key_exchange: Some("X25519MLKEM768"),
    }));
    assert_eq!(Sent::default().to(&plane).await.0, 200);
    TLS.set(None);
    assert_eq!(Sent::default().to(&plane).await.0, 200);
    let [over, without] = written(&medium).try_into().unwrap();
    let details = json!({
        "tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_256_GCM_SHA384",
        "clientProvidedHostHeader": "kms.example", "keyExchange": "X25519MLKEM768",
    });
    assert_eq!(over["tlsDetails"], details);
    assert_eq!(without.get("tlsDetails"), None);
}

#[tokio::test]
async fn a_session_that_a_service_forwards_has_a_key_of_its_own() {
    let medium = memory();
    let plane = super::inner::porter_that_asks_once(&medium).await;
    let (status, _) =
        whoami(&plane, "sts", "", "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!(status, 200);
    let [inner, outer] = written(&medium).try_into().unwrap();
    let key = inner["userIdentity"]["accessKeyId"].as_str().unwrap();
    assert!(key.starts_with("ASIA") && key.len() == 20, "{key}");
    assert_eq!(outer["userIdentity"]["accessKeyId"], ID);
    let session = &inner["userIdentity"]["sessionContext"];
    let attributes = json!({ "creationDate": inner["eventTime"], "mfaAuthenticated": "false" });
    assert_eq!(*session, json!({ "attributes": attributes }));
    assert_eq!(outer["userIdentity"].get("sessionContext"), None);
    for member in ["sourceIPAddress", "userAgent"] {
        assert_eq!(inner[member], inner["userIdentity"]["invokedBy"]);
    }
}
