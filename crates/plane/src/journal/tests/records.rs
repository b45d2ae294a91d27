//! Records: what is encoded is decoded, any bytes are answered, and the shape is CloudTrail's.

use proptest::prelude::*;

use super::super::fixtures::decrypt;
use super::super::{
    Category, EventType, Identity, MAX_ELEMENTS_BYTES, MAX_RECORD_BYTES, MAX_RESOURCES,
    MAX_TEXT_BYTES, Record, RecordRef, Resource, Session, SessionIssuer, Tls, encoding,
};

fn encoded(record: &RecordRef<'_>) -> Record {
    let mut bytes = Vec::new();
    encoding::encode(record, &mut bytes);
    Record::new(1, bytes)
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        texts in prop::collection::vec("\\PC{0,40}", 24),
        optional in prop::collection::vec(prop::option::of("\\PC{0,40}"), 18),
        ids in any::<([u8; 16], Option<[u8; 16]>, Option<[u8; 16]>)>(),
        (time_ms, created_ms) in any::<(i64, i64)>(),
        on in any::<[bool; 7]>(),
        resources in 0_usize..4,
    ) {
        let o = |index: usize| optional[index].as_deref();
        let issuer = on[4].then(|| SessionIssuer {
            kind: &texts[0], principal_id: &texts[1], arn: &texts[2], account_id: &texts[3],
            user_name: &texts[4],
        });
        let session = on[3].then(|| Session {
            issuer, created_ms, mfa_authenticated: on[5], source_identity: o(0),
            federated_provider: o(16),
        });
        let resource = Resource { account_id: &texts[5], kind: o(1), arn: &texts[6] };
        let record = RecordRef {
            time_ms,
            event_id: ids.0,
            request_id: ids.1.filter(|_| !on[5]),
            request_text: o(16).filter(|_| on[5]),
            shared_event_id: ids.2,
            event_source: &texts[7],
            event_name: &texts[8],
            region: &texts[9],
            recipient_account_id: &texts[10],
            identity: Identity {
                kind: o(2), principal_id: o(3), arn: o(4), account_id: o(5), access_key_id: o(6),
                user_name: o(7), identity_provider: o(17), session, invoked_by: o(8),
            },
            source_ip: &texts[11],
            user_agent: o(9),
            read_only: on[0],
            event_type: if on[1] { EventType::ServiceEvent } else { EventType::ApiCall },
            category: if on[2] { Category::Data } else { Category::Management },
            error_code: o(10),
            error_message: o(11),
            request_parameters: o(12),
            response_elements: o(13),
            additional_event_data: o(14),
            service_event_details: o(15),
            resources: vec![resource; resources].into(),
            metered: on[6].then_some(created_ms.unsigned_abs()),
            tls: on[6].then(|| Tls {
                version: &texts[12], cipher_suite: &texts[13], host: &texts[14],
                key_exchange: o(0),
            }),
        };
        let found = encoded(&record);
        prop_assert_eq!(found.fields().unwrap(), record);
        let json = found.to_cloudtrail_json().unwrap();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Record::new(1, bytes).fields();
    }

    #[test]
    fn a_damaged_record_is_answered(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = encoded(&decrypt(5)).bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = to;
        let damaged = Record::new(1, bytes.clone());
        if let Ok(fields) = damaged.fields() {
            // What is read at all is read back the same: there are no two ways to write it.
            let again = encoded(&fields);
            prop_assert_eq!(again.bytes(), &bytes);
        }
        bytes.truncate(at);
        prop_assert!(Record::new(1, bytes).fields().is_err());
    }
}

#[test]
fn what_is_over_its_limit_is_cut_or_omitted_and_always_fits() {
    let long = "é".repeat(MAX_ELEMENTS_BYTES);
    let json = "1".repeat(MAX_ELEMENTS_BYTES);
    let resource = Resource { account_id: &long, kind: Some(&long), arn: &long };
    let resources = vec![resource; MAX_RESOURCES + 1];
    let mut record = decrypt(1);
    record.resources = (&resources[..]).into();
    record.user_agent = Some(&long);
    record.request_parameters = Some(&long);
    record.response_elements = Some(&json);
    record.service_event_details = Some(&json);
    let encoded = encoded(&record);
    let fields = encoded.fields().unwrap();
    assert_eq!(fields.user_agent.unwrap().len(), MAX_TEXT_BYTES);
    assert_eq!(fields.request_parameters, Some("{\"omitted\":true}"));
    assert_eq!(fields.response_elements, Some(json.as_str()));
    assert_eq!(fields.resources.len(), MAX_RESOURCES);
    assert!(encoded.bytes().len() < MAX_RECORD_BYTES);
}

#[test]
fn a_record_of_a_newer_program_is_named_as_such() {
    let error = Record::new(1, vec![9, 0, 0]).fields().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the record has encoding version 9, this program reads up to 2: use a newer one"
    );
}

#[test]
fn json_has_the_shape_and_order_of_cloudtrail() {
    let mut record = decrypt(1_770_091_506_999);
    record.tls = Some(Tls {
        version: "TLSv1.3",
        cipher_suite: "TLS_AES_256_GCM_SHA384",
        host: "kms.eu-west-1.amazonaws.com",
        key_exchange: Some("X25519MLKEM768"),
    });
    assert_eq!(
        record.to_cloudtrail_json(),
        concat!(
            r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","#,
            r#""principalId":"AIDAEXAMPLE0000000001","arn":"arn:aws:iam::111122223333:user/ana","#,
            r#""accountId":"111122223333","accessKeyId":"AKIAEXAMPLE000000001","userName":"ana"},"#,
            r#""eventTime":"2026-02-03T04:05:06Z","eventSource":"kms.amazonaws.com","#,
            r#""eventName":"Decrypt","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.9","#,
            r#""userAgent":"aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8 md/arch#x86_64","#,
            r#""requestParameters":{"encryptionAlgorithm":"SYMMETRIC_DEFAULT"},"#,
            r#""responseElements":null,"requestID":"09090909-0909-0909-0909-090909090909","#,
            r#""eventID":"07070707-0707-0707-0707-070707070707","readOnly":true,"#,
            r#""resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","#,
            r#""ARN":"arn:aws:kms:eu-west-1:111122223333:key/"#,
            r#"11111111-2222-4333-8444-555555555555"}],"#,
            r#""eventType":"AwsApiCall","managementEvent":true,"#,
            r#""recipientAccountId":"111122223333","eventCategory":"Management","#,
            r#""tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_256_GCM_SHA384","#,
            r#""clientProvidedHostHeader":"kms.eu-west-1.amazonaws.com","#,
            r#""keyExchange":"X25519MLKEM768"}}"#,
        )
    );
}

#[test]
fn a_service_event_and_a_session_have_their_own_members() {
    let event = RecordRef {
        event_type: EventType::ServiceEvent,
        identity: Identity {
            account_id: Some("111122223333"),
            invoked_by: Some("AWS Internal"),
            ..Identity::default()
        },
        service_event_details: Some("{\"keyId\":\"1111\"}"),
        ..RecordRef::default()
    };
    let json: serde_json::Value = serde_json::from_str(&event.to_cloudtrail_json()).unwrap();
    assert_eq!(json["eventType"], "AwsServiceEvent");
    assert_eq!(json["serviceEventDetails"]["keyId"], "1111");
    assert!(json.get("requestID").is_none() && json.get("resources").is_none());
    assert!(json["userIdentity"].get("type").is_none());

    let mut role = decrypt(0);
    role.identity.session = Some(Session {
        created_ms: 1_770_091_506_000,
        federated_provider: Some("arn:aws:iam::111122223333:oidc-provider/issuer.example"),
        ..Session::default()
    });
    role.request_parameters = Some("{broken");
    let json: serde_json::Value = serde_json::from_str(&role.to_cloudtrail_json()).unwrap();
    let context = &json["userIdentity"]["sessionContext"];
    assert_eq!(context["attributes"]["creationDate"], "2026-02-03T04:05:06Z");
    assert_eq!(context["attributes"]["mfaAuthenticated"], "false");
    let provider = &context["webIdFederationData"]["federatedProvider"];
    assert_eq!(provider, "arn:aws:iam::111122223333:oidc-provider/issuer.example");
    assert_eq!(json["requestParameters"], "{broken");
}
