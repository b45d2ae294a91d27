//! Keys of other kinds than symmetric ones: the condition keys that their operations set, in
//! process. What they compute, the conformance suite shows.

use serde_json::{Value, json};

use crate::condition_keys::policy;
use crate::house::{House, code, message, text};
use crate::people::{A, B};

/// Operation, kind of key, input beyond the key, and conditions: operator, key, what holds, what
/// does not.
struct Case(&'static str, Kind, Value, Vec<[&'static str; 4]>);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Symmetric,
    External,
    Of(&'static str, &'static str),
}

impl Kind {
    fn input(self) -> Value {
        match self {
            Self::Symmetric => json!({}),
            Self::External => json!({ "Origin": "EXTERNAL" }),
            Self::Of(spec, usage) => json!({ "KeySpec": spec, "KeyUsage": usage }),
        }
    }
}

const EQUALS: &str = "StringEquals";
const MAC: Kind = Kind::Of("HMAC_256", "GENERATE_VERIFY_MAC");
const SIGNING: Kind = Kind::Of("ECC_NIST_P256", "SIGN_VERIFY");
const AGREEING: Kind = Kind::Of("ECC_NIST_P256", "KEY_AGREEMENT");
const KEM: Kind = Kind::Of("ML_KEM_512", "ENCAPSULATE_DECAPSULATE");

fn signing_cases() -> Vec<Case> {
    let algorithm = [EQUALS, "kms:MacAlgorithm", "HMAC_SHA_256", "HMAC_SHA_512"];
    let of_macs = [EQUALS, "kms:KeyUsage", "GENERATE_VERIFY_MAC", "SIGN_VERIFY"];
    let signing = [EQUALS, "kms:SigningAlgorithm", "ECDSA_SHA_256", "ECDSA_SHA_384"];
    let raw = [EQUALS, "kms:MessageType", "RAW", "DIGEST"];
    let digest = [EQUALS, "kms:MessageType", "DIGEST", "RAW"];
    let spec = [EQUALS, "kms:KeySpec", "ECC_NIST_P256", "ECC_NIST_P384"];
    let alias = ["StringLike", "kms:RequestAlias", "alias/case-*", "alias/other-*"];
    let message = |more: Value| {
        let mut input = json!({ "Message": "YQ==" });
        let members = more.as_object().unwrap().clone();
        input.as_object_mut().unwrap().extend(members);
        input
    };
    vec![
        Case(
            "GenerateMac",
            MAC,
            message(json!({ "MacAlgorithm": "HMAC_SHA_256" })),
            vec![algorithm, of_macs, alias],
        ),
        Case(
            "VerifyMac",
            MAC,
            message(json!({ "MacAlgorithm": "HMAC_SHA_256", "Mac": "YQ==" })),
            vec![algorithm, of_macs, alias],
        ),
        Case(
            "Sign",
            SIGNING,
            message(json!({ "SigningAlgorithm": "ECDSA_SHA_256" })),
            vec![signing, raw, spec, alias],
        ),
        Case(
            "Verify",
            SIGNING,
            message(json!({
                "SigningAlgorithm": "ECDSA_SHA_256", "MessageType": "DIGEST", "Signature": "YQ==",
            })),
            vec![signing, digest, spec, alias],
        ),
        Case("GetPublicKey", SIGNING, json!({}), vec![spec, alias]),
    ]
}

fn other_cases() -> Vec<Case> {
    let agreement = [EQUALS, "kms:KeyAgreementAlgorithm", "ECDH", "DH"];
    let kem = [EQUALS, "kms:KeyUsage", "ENCAPSULATE_DECAPSULATE", "KEY_AGREEMENT"];
    let alias = ["StringLike", "kms:RequestAlias", "alias/case-*", "alias/other-*"];
    let pair = vec![
        [EQUALS, "kms:DataKeyPairSpec", "ECC_NIST_P256", "RSA_2048"],
        [EQUALS, "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1"],
        [EQUALS, "kms:EncryptionContext:team", "Blue", "blue"],
        ["ForAnyValue:StringEquals", "kms:EncryptionContextKeys", "Team", "Other"],
        alias,
    ];
    let of_pair = json!({
        "KeyPairSpec": "ECC_NIST_P256", "EncryptionContext": { "Team": "Blue" },
    });
    let origin = [EQUALS, "kms:KeyOrigin", "EXTERNAL", "AWS_KMS"];
    let wrapped =
        |more: &str| format!(r#"{{"ImportToken":"YQ==","EncryptedKeyMaterial":"YQ=="{more}}}"#);
    let import = |more: &str| serde_json::from_str(&wrapped(more)).unwrap();
    vec![
        Case(
            "DeriveSharedSecret",
            AGREEING,
            json!({ "KeyAgreementAlgorithm": "ECDH", "PublicKey": "YQ==" }),
            vec![agreement, alias],
        ),
        Case("Encapsulate", KEM, json!({ "EncapsulationAlgorithm": "ML_KEM" }), vec![kem, alias]),
        Case(
            "Decapsulate",
            KEM,
            json!({ "EncapsulationAlgorithm": "ML_KEM", "SharedSecretCiphertextBlob": "YQ==" }),
            vec![kem, alias],
        ),
        Case("GenerateDataKeyPair", Kind::Symmetric, of_pair.clone(), pair.clone()),
        Case("GenerateDataKeyPairWithoutPlaintext", Kind::Symmetric, of_pair, pair),
        Case(
            "GetParametersForImport",
            Kind::External,
            json!({ "WrappingAlgorithm": "RSAES_PKCS1_V1_5", "WrappingKeySpec": "RSA_2048" }),
            vec![
                [EQUALS, "kms:WrappingAlgorithm", "RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_256"],
                [EQUALS, "kms:WrappingKeySpec", "RSA_2048", "RSA_4096"],
                origin,
            ],
        ),
        Case(
            "ImportKeyMaterial",
            Kind::External,
            import(r#","ValidTo":1900000000"#),
            vec![
                [EQUALS, "kms:ExpirationModel", "KEY_MATERIAL_EXPIRES", "x"],
                ["DateLessThan", "kms:ValidTo", "2030-12-31T00:00:00Z", "2029-12-31T00:00:00Z"],
                origin,
            ],
        ),
        Case(
            "ImportKeyMaterial",
            Kind::External,
            import(r#","ExpirationModel":"KEY_MATERIAL_DOES_NOT_EXPIRE""#),
            vec![
                [EQUALS, "kms:ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE", "x"],
                ["Null", "kms:ValidTo", "true", "false"],
            ],
        ),
        Case("DeleteImportedKeyMaterial", Kind::External, json!({}), vec![origin]),
    ]
}

/// Whether the operation takes aliases.
fn takes_alias(operation: &str) -> bool {
    !operation.contains("Import")
}

#[tokio::test]
async fn each_operation_sets_its_condition_keys() {
    let house = House::new().await;
    house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[]);
    let cases = signing_cases().into_iter().chain(other_cases());
    for (number, Case(operation, kind, input, conditions)) in cases.enumerate() {
        for (at, [operator, key, right, wrong]) in conditions.into_iter().enumerate() {
            for (value, allowed) in [(right, true), (wrong, false)] {
                let mut made = kind.input();
                made["Policy"] = policy(operation, operator, key, value).into();
                made["BypassPolicyLockoutSafetyCheck"] = true.into();
                let made = house.call(A, "CreateKey", made).await.unwrap();
                let arn = &made["KeyMetadata"]["Arn"];
                let alias = format!("alias/case-{number}-{at}-{allowed}");
                let named = json!({ "AliasName": alias, "TargetKeyId": arn });
                house.call(A, "CreateAlias", named).await.unwrap();
                let mut input = input.clone();
                let by_alias = takes_alias(operation);
                input["KeyId"] = if by_alias { alias.into() } else { arn.clone() };
                let answer = house.call("ana", operation, input).await;
                let told = format!("{operation} under {operator} {key} {value}: {answer:?}");
                match allowed {
                    true => assert_ne!(code(&answer), "AccessDeniedException", "{told}"),
                    false => assert_eq!(code(&answer), "AccessDeniedException", "{told}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn create_key_sets_spec_usage_and_origin() {
    let house = House::new().await;
    for (kind, key, right, wrong) in [
        (SIGNING, "kms:KeySpec", "ECC_NIST_P256", "SYMMETRIC_DEFAULT"),
        (SIGNING, "kms:KeyUsage", "SIGN_VERIFY", "KEY_AGREEMENT"),
        (AGREEING, "kms:KeyUsage", "KEY_AGREEMENT", "SIGN_VERIFY"),
        (Kind::External, "kms:KeyOrigin", "EXTERNAL", "AWS_KMS"),
    ] {
        for (value, allowed) in [(right, true), (wrong, false)] {
            let own = json!({ "Statement": {
                "Effect": "Allow", "Action": "kms:CreateKey", "Resource": "*",
                "Condition": { "StringEquals": { key: value } },
            } });
            house.people.user(A, "ana", "AIDAEXAMPLEANA000001", &[&own.to_string()]);
            let mut input = kind.input();
            input["BypassPolicyLockoutSafetyCheck"] = true.into();
            let answer = house.call("ana", "CreateKey", input).await;
            assert_eq!(answer.is_ok(), allowed, "CreateKey under {key} {value}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_grant_lets_a_stranger_use_a_pair_and_nothing_more() {
    let house = House::new().await;
    let made = house.call(A, "CreateKey", SIGNING.input()).await.unwrap();
    let key = &made["KeyMetadata"]["Arn"];
    let sign = json!({ "KeyId": key, "Message": "YQ==", "SigningAlgorithm": "ECDSA_SHA_256" });
    let refused = house.call(B, "Sign", sign.clone()).await;
    assert_eq!(code(&refused), "AccessDeniedException");
    let grant = json!({ "KeyId": key, "GranteePrincipal": B, "Operations": ["Sign"] });
    house.call(A, "CreateGrant", grant).await.unwrap();
    let signature = text(&house.call(B, "Sign", sign.clone()).await, "Signature");
    let mut verify = sign;
    verify["Signature"] = signature.into();
    assert_eq!(code(&house.call(B, "Verify", verify.clone()).await), "AccessDeniedException");
    assert!(house.call(A, "Verify", verify).await.is_ok());
    let wrong = json!({ "KeyId": key, "GranteePrincipal": B, "Operations": ["GenerateMac"] });
    let refused = house.call(A, "CreateGrant", wrong).await;
    assert_eq!(
        message(&refused),
        "Operations [GenerateMac] are not supported when creating a grant for an asymmetric KMS \
         key with key usage SIGN_VERIFY. Valid operations are [CreateGrant, RetireGrant, \
         DescribeKey, Sign, Verify, GetPublicKey]"
    );
}
