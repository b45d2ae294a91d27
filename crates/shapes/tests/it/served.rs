//! The generated tables and views of the served services.

use bulla_shapes::kms::{
    self, EncryptRequest, EncryptResponse, KeyMetadata, Tag, TagResourceRequest,
};
use bulla_shapes::protocol::{Incoming, codec};
use bulla_shapes::tables::{Protocol, Service, Shape, Structure};
use bulla_shapes::{DecodeError, Fault, Record, View, iam, json, sts, validate};

fn input(operation: &str) -> &'static Structure {
    kms::SERVICE.operation(operation).expect("an operation").input.expect("an input")
}

fn read<'a>(operation: &str, body: &'a str) -> Result<Record<'a>, DecodeError> {
    json::decode(input(operation), body.as_bytes())
}

fn violations(operation: &str, body: &str) -> String {
    let record = read(operation, body).expect("a readable body");
    validate(&record).expect_err("violations").to_string()
}

fn refusal(operation: &str, body: &str) -> String {
    let error = read(operation, body).expect_err("a refusal");
    let fault = error.fault(Protocol::Json11);
    assert_eq!((fault.code.as_ref(), fault.status), ("SerializationException", 400));
    fault.message.map(String::from).unwrap_or_default()
}

#[test]
fn the_service_row_is_the_models() {
    let kms = &kms::SERVICE;
    assert_eq!(kms.operations.len(), 56);
    assert_eq!((kms.target_prefix, kms.signing_name), ("TrentService", "kms"));
    assert!(kms.knows("Encrypt") && !kms.knows("Encrypted"));
    assert_eq!(kms.error_status("NotFoundException"), 400);
    assert_eq!(kms.error_status("KMSInternalException"), 500);
    assert_eq!(kms.error_status("KeyUnavailableException"), 500);
    assert_eq!(kms.error_status("DependencyTimeoutException"), 503);
    assert_eq!(kms.error_status("ThrottlingException"), 400);
    assert_eq!(sts::SERVICE.xml_namespace, "https://sts.amazonaws.com/doc/2011-06-15/");
    assert_eq!(sts::SERVICE.error_status("ExpiredTokenException"), 400);
}

#[test]
fn rows_are_sorted_and_patterns_readable() {
    let services: [&Service; 3] = [&iam::SERVICE, &kms::SERVICE, &sts::SERVICE];
    for service in services {
        assert!(service.operations.is_sorted_by_key(|row| row.name));
        assert!(service.errors.is_sorted_by_key(|row| row.code));
        let ends = service.operations.iter().flat_map(|row| [row.input, row.output]);
        ends.flatten().for_each(patterns);
    }
}

fn patterns(table: &'static Structure) {
    for member in table.members {
        let mut shape = member.shape;
        loop {
            shape = match shape {
                Shape::List(list) => list.member,
                Shape::Map(map) => map.value,
                Shape::Struct(table) => return patterns(table),
                Shape::Str(text) => {
                    assert!(text.pattern.is_none_or(|pattern| pattern.is_readable()), "{text:?}");
                    break;
                }
                _ => break,
            };
        }
    }
}

#[test]
fn views_read_what_was_sent() {
    let body = r#"{"KeyId":"alias/a","Plaintext":"aGk=","EncryptionContext":{"a":"1","b":"2"},
        "GrantTokens":["t1","t2"],"DryRun":false,"Unknown":{"x":[1,{"y":null}]}}"#;
    let request = EncryptRequest::from_record(read("Encrypt", body).expect("a request"));
    assert_eq!(request.key_id(), "alias/a");
    assert_eq!(request.plaintext(), b"hi");
    let context = request.encryption_context().expect("a context");
    assert_eq!((context.len(), context.get("b")), (2, Some("2")));
    assert!(request.grant_tokens().expect("tokens").into_iter().eq(["t1", "t2"]));
    assert_eq!(request.dry_run(), Some(false));
    assert_eq!(request.encryption_algorithm(), None);
}

#[test]
fn views_write_what_was_set() {
    let metadata = KeyMetadata::new()
        .with_key_id("1")
        .with_enabled(true)
        .with_creation_date(1_732_406_400_123)
        .with_some(None::<&str>, KeyMetadata::with_description)
        .with_encryption_algorithms(["SYMMETRIC_DEFAULT"]);
    let response = kms::DescribeKeyResponse::new().with_key_metadata(metadata);
    assert_eq!(response.key_metadata().expect("metadata").key_id(), "1");
    let mut out = Vec::new();
    json::encode(response.record(), &mut out);
    assert_eq!(
        String::from_utf8(out).expect("UTF-8"),
        r#"{"KeyMetadata":{"KeyId":"1","CreationDate":1732406400.123,"Enabled":true,"EncryptionAlgorithms":["SYMMETRIC_DEFAULT"]}}"#,
    );
}

#[test]
fn constraint_texts_are_awss() {
    assert_eq!(
        violations("DescribeKey", "{}"),
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: \
         Member must not be null",
    );
    let long = "v".repeat(257);
    let tags = format!(r#"{{"KeyId":"k","Tags":[{{"TagKey":"k","TagValue":"{long}"}}]}}"#);
    assert_eq!(
        violations("TagResource", &tags),
        format!(
            "1 validation error detected: Value '{long}' at 'tags.1.member.tagValue' failed to \
             satisfy constraint: Member must have length less than or equal to 256"
        ),
    );
    assert_eq!(
        violations("GenerateMac", r#"{"KeyId":"k","MacAlgorithm":"HMAC_SHA_256","Message":""}"#),
        "1 validation error detected: Value at 'message' failed to satisfy constraint: \
         Member must have length greater than or equal to 1",
    );
    assert_eq!(
        violations("EnableKeyRotation", r#"{"KeyId":"k","RotationPeriodInDays":2561}"#),
        "1 validation error detected: Value '2561' at 'rotationPeriodInDays' failed to satisfy \
         constraint: Member must have value less than or equal to 2560",
    );
    assert_eq!(
        violations("GenerateDataKey", r#"{"KeyId":"k","KeySpec":"AES"}"#),
        "1 validation error detected: Value 'AES' at 'keySpec' failed to satisfy constraint: \
         Member must satisfy enum value set: [AES_256, AES_128]",
    );
    assert_eq!(
        violations("CreateAlias", r#"{"AliasName":"alias/ä b","TargetKeyId":""}"#),
        "2 validation errors detected: Value 'alias/ä b' at 'aliasName' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$; \
         Value '' at 'targetKeyId' failed to satisfy constraint: Member must have length greater \
         than or equal to 1",
    );
}

#[test]
fn elements_are_judged_as_a_list() {
    assert_eq!(
        violations("UntagResource", r#"{"KeyId":"k","TagKeys":["a",""]}"#),
        "1 validation error detected: Value '[a, ]' at 'tagKeys' failed to satisfy constraint: \
         Member must satisfy constraint: [Member must have length less than or equal to 128, \
         Member must have length greater than or equal to 1]",
    );
    assert!(violations("CreateGrant", r#"{"KeyId":"k","Operations":[null]}"#).starts_with(
        "1 validation error detected: Value '[null]' at 'operations' failed to satisfy \
         constraint: Member must satisfy constraint: [Member must satisfy enum value set: ["
    ));
}

#[test]
fn sensitive_values_stay_hidden() {
    let body =
        r#"{"CustomKeyStoreName":"n","KeyStorePassword":"hunter2-and-far-too-long-to-be-one"}"#;
    let record = read("CreateCustomKeyStore", body).expect("a request");
    let shown = format!("{record:?}");
    assert!(shown.contains("KeyStorePassword: ***") && !shown.contains("hunter"), "{shown}");
    let text = validate(&record).expect_err("a violation").to_string();
    assert_eq!(
        text,
        "1 validation error detected: Value at 'keyStorePassword' failed to satisfy constraint: \
         Member must have length less than or equal to 32",
    );
}

#[test]
fn lengths_count_code_points() {
    let body = format!(r#"{{"KeyId":"k","Description":"{}"}}"#, "\u{1f511}".repeat(8_192));
    let record = read("UpdateKeyDescription", &body).expect("a request");
    assert!(validate(&record).is_ok());
}

#[test]
fn many_violations_are_counted_and_cut() {
    let tags = vec![r#"{"TagKey":"","TagValue":"v"}"#; 1_000].join(",");
    let text = violations("TagResource", &format!(r#"{{"KeyId":"k","Tags":[{tags}]}}"#));
    assert!(text.starts_with("1000 validation errors detected: "));
    assert_eq!(text.matches("failed to satisfy").count(), 100);
}

#[test]
fn type_errors_have_awss_texts() {
    for (body, text) in [
        (r#"{"KeyId":1}"#, "NUMBER_VALUE can not be converted to a String"),
        (r#"{"KeyId":true}"#, "TRUE_VALUE can not be converted to a String"),
        (r#"{"KeyId":[]}"#, "Start of list found where not expected"),
        (r#"{"KeyId":{}}"#, "Start of structure or map found where not expected."),
        (r#"{"NumberOfBytes":"32"}"#, "STRING_VALUE can not be converted to an Integer"),
        (r#"{"NumberOfBytes":1.5}"#, "NUMBER_VALUE can not be converted to an Integer"),
        (r#"{"NumberOfBytes":4294967296}"#, "NUMBER_VALUE can not be converted to an Integer"),
        (r#"{"DryRun":"true"}"#, "STRING_VALUE can not be converted to a Boolean"),
        (r#"{"GrantTokens":"x"}"#, "Expected list or null"),
        (r#"{"EncryptionContext":1}"#, "Expected map or null"),
        (r#"{"Recipient":"x"}"#, "Expected null"),
        ("[]", "Start of list found where not expected"),
        ("{\"KeyId\":", ""),
        ("{\"KeyId\":\"\\ud800\"}", ""),
        ("{\"KeyId\":\"a\tb\"}", ""),
        ("{\"KeyId\":\"a\",}", ""),
        ("{} {}", ""),
        ("nul", ""),
    ] {
        assert_eq!(refusal("GenerateDataKey", body), text, "{body}");
    }
    let text = refusal("Encrypt", r#"{"Plaintext":"aGk"}"#);
    assert!(text.starts_with("STRING_VALUE can not be converted to a Blob"), "{text}");
}

#[test]
fn the_last_of_a_repeated_member_counts() {
    let record = read("DescribeKey", r#"{"KeyId":"a","KeyId":"b"}"#).expect("a request");
    assert_eq!(kms::DescribeKeyRequest::from_record(record).key_id(), "b");
    let record = read("DescribeKey", r#"{"KeyId":"a","KeyId":null}"#).expect("a request");
    assert!(record.is_empty());
    let entries: Vec<_> = (0..40).map(|n| format!(r#""k{}":"{n}""#, n % 20)).collect();
    let body = format!(r#"{{"EncryptionContext":{{{}}}}}"#, entries.join(","));
    let request = EncryptRequest::from_record(read("Encrypt", &body).expect("a request"));
    let context = request.encryption_context().expect("a context");
    assert_eq!((context.len(), context.get("k7")), (20, Some("27")));
}

#[test]
fn escapes_are_undone() {
    let body = "{\"Key\\u0049d\":\"\\ud83d\\udd11\\n\\/\",\"Plaintext\":\"aG\\u006b=\"}";
    let request = EncryptRequest::from_record(read("Encrypt", body).expect("a request"));
    assert_eq!(request.key_id(), "\u{1f511}\n/");
    assert_eq!(request.plaintext(), b"hi");
}

#[test]
fn nesting_is_bounded() {
    for open in ["[", "{\"a\":"] {
        let body = format!("{{\"Unknown\":{}", open.repeat(100_000));
        assert_eq!(refusal("Encrypt", &body), "");
    }
}

#[test]
fn faults_are_written_once_per_protocol() {
    let json = codec(Protocol::Json11).expect("a codec");
    let mut out = Vec::new();
    let fault = Fault::of(&kms::SERVICE, "NotFoundException").with_message("no \"key\"\u{1}");
    json.encode_fault(&kms::SERVICE, &fault, "id", &mut out);
    assert_eq!(out, br#"{"__type":"NotFoundException","message":"no \"key\"\u0001"}"#);
    out.clear();
    json.encode_fault(
        &kms::SERVICE,
        &Fault::of(&kms::SERVICE, "InvalidCiphertextException"),
        "id",
        &mut out,
    );
    assert_eq!(out, br#"{"__type":"InvalidCiphertextException"}"#);
    out.clear();
    let query = codec(Protocol::Query).expect("a codec");
    let fault = Fault::new("InvalidAction", 400).with_message("a < b").from_front();
    query.encode_fault(&sts::SERVICE, &fault, "id", &mut out);
    assert_eq!(
        String::from_utf8_lossy(&out),
        "<ErrorResponse xmlns=\"http://webservices.amazon.com/AWSFault/2005-15-09\"><Error>\
         <Type>Sender</Type><Code>InvalidAction</Code><Message>a &lt; b</Message></Error>\
         <RequestId>id</RequestId></ErrorResponse>",
    );
    assert!(codec(Protocol::RestXml).is_err());
}

#[test]
fn query_answers_carry_their_metadata() {
    let operation = sts::SERVICE.operation("GetCallerIdentity").expect("an operation");
    let answer = sts::GetCallerIdentityResponse::new().with_account("000000000000");
    let mut out = Vec::new();
    let codec = codec(Protocol::Query).expect("a codec");
    codec.encode(&sts::SERVICE, operation, Some(answer.record()), "id", &mut out);
    assert_eq!(
        String::from_utf8_lossy(&out),
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><Account>000000000000</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>",
    );
}

#[test]
fn query_inputs_follow_iams_recorded_rules() {
    let operation = sts::SERVICE.operation("AssumeRole").expect("an operation");
    let codec = codec(Protocol::Query).expect("a codec");
    let read = |body: &'static str| codec.decode(operation, &Incoming::body(body.as_bytes()));
    let refusal = |body: &'static str| {
        let fault = read(body).expect_err("a refusal").fault(Protocol::Query);
        assert_eq!((fault.code.as_ref(), fault.status), ("MalformedInput", 400));
        fault.message.map(String::from).unwrap_or_default()
    };
    for good in ["01", "%2B1", "0900", "-1", "0"] {
        let body = format!("DurationSeconds={good}");
        assert!(codec.decode(operation, &Incoming::body(body.as_bytes())).is_ok(), "{good}");
    }
    for bad in ["+1", "1.0", "1e0", "2147483648", "", "%091"] {
        let body = format!("DurationSeconds={bad}");
        assert!(codec.decode(operation, &Incoming::body(body.as_bytes())).is_err(), "{bad}");
    }
    assert_eq!(refusal("PolicyArns.member.0.arn=a"), "0 is not a valid index");
    assert_eq!(refusal("PolicyArns.member.-1.arn=a"), "Key -1 may not have a leading '-'");
    for list in ["PolicyArns.member.%2B1.arn=a", "PolicyArns.member.one.arn=a"] {
        assert_eq!(refusal(list), "Start of list found where not expected");
    }
    assert_eq!(
        refusal("PolicyArns.member.40.arn=a&PolicyArns.member.12.arn=a"),
        "Excessively sparse input would skip 11 list elements",
    );
    let record = read("PolicyArns.member.03.arn=b&PolicyArns.member.1.arn=a&Extra=x").expect("ok");
    let Some(bulla_shapes::Value::List(items)) = record.named("PolicyArns") else {
        panic!("a list");
    };
    assert_eq!(items.len(), 3);
    assert!(matches!(items[1], bulla_shapes::Value::Null));
}

#[test]
fn requests_are_built_from_views_too() {
    let tags = [Tag::new().with_tag_key("k").with_tag_value("v")];
    let request = TagResourceRequest::new().with_key_id("id").with_tags(tags);
    assert!(validate(request.record()).is_ok());
    let tags = request.tags().expect("tags");
    assert_eq!(tags.iter().next().expect("a tag").tag_value(), "v");
    let response = EncryptResponse::new().with_ciphertext_blob(vec![1, 2, 3]);
    assert!(response.record().copy().named("CiphertextBlob").is_some());
}
