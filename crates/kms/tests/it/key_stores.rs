//! External key stores: their states, their keys, and a proxy that does not do its part.

use std::sync::Arc;

use base64_simd::STANDARD as BASE64;
use bulla_kms::hsm::NoTokens;
use bulla_plane::OutgoingError;
use serde_json::{Value, json};

use crate::house::{Answer, House, code, message, text};
use crate::people::{A, B};
use crate::proxy::{ID, Mood, Proxy, SECRET};

const INVALID: &str = "KMSInvalidStateException";
const BAD_ANSWER: &str = "AWS KMS cannot interpret the response from the external key store proxy. \
    If you see this error repeatedly, report it to your external key store proxy administrator.";

struct World {
    house: House,
    proxy: Arc<Proxy>,
}

fn store(name: &str) -> Value {
    json!({
        "CustomKeyStoreName": name,
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        "XksProxyUriEndpoint": "https://proxy.example",
        "XksProxyUriPath": "/kms/xks/v1",
        "XksProxyAuthenticationCredential": { "AccessKeyId": ID, "RawSecretAccessKey": SECRET },
    })
}

impl World {
    async fn new() -> Self {
        let proxy = Arc::new(Proxy::new());
        let house = House::with_key_stores(Arc::clone(&proxy) as _, Arc::new(NoTokens)).await;
        Self { house, proxy }
    }

    async fn call(&self, operation: &str, input: Value) -> Answer {
        self.house.call(A, operation, input).await
    }

    async fn on(&self, operation: &str, store: &str) -> Answer {
        self.call(operation, json!({ "CustomKeyStoreId": store })).await
    }

    async fn state(&self, store: &str) -> (String, String) {
        let answer = self.on("DescribeCustomKeyStores", store).await.unwrap();
        let entry = &answer["CustomKeyStores"][0];
        let member = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        (member("ConnectionState"), member("ConnectionErrorCode"))
    }

    /// A store that is connected.
    async fn store(&self) -> String {
        let id = text(&self.call("CreateCustomKeyStore", store("s")).await, "CustomKeyStoreId");
        self.on("ConnectCustomKeyStore", &id).await.unwrap();
        assert_eq!(self.state(&id).await.0, "CONNECTED");
        id
    }

    async fn make(&self, store: &str, external: &str) -> Answer {
        let input = json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store,
                            "XksKeyId": external });
        self.call("CreateKey", input).await
    }

    async fn key(&self, store: &str, external: &str) -> String {
        let made = self.make(store, external).await.unwrap();
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    async fn encrypt(&self, key: &str) -> Answer {
        let context = json!({ "tenant": "blue" });
        let input = json!({ "KeyId": key, "Plaintext": "aGVsbG8=", "EncryptionContext": context });
        self.call("Encrypt", input).await
    }

    async fn decrypt(&self, blob: &str) -> Answer {
        let context = json!({ "tenant": "blue" });
        self.call("Decrypt", json!({ "CiphertextBlob": blob, "EncryptionContext": context })).await
    }
}

#[tokio::test]
async fn a_key_encrypts_twice_and_the_proxy_sees_neither_plaintext_nor_context() {
    let world = World::new().await;
    let store = world.store().await;
    let made = world.make(&store, "one").await.unwrap()["KeyMetadata"].clone();
    assert_eq!(made["Origin"], "EXTERNAL_KEY_STORE");
    assert_eq!(made["CustomKeyStoreId"], Value::from(store.as_str()));
    assert_eq!(made["XksKeyConfiguration"], json!({ "Id": "one" }));
    assert_eq!(made["KeyState"], "Enabled");
    assert!(made.get("CurrentKeyMaterialId").is_none());
    let arn = made["Arn"].as_str().unwrap();
    let blob = text(&world.encrypt(arn).await, "CiphertextBlob");
    let (path, body) = world.proxy.last();
    assert_eq!(path, "/kms/xks/v1/keys/one/encrypt");
    let told = &body["requestMetadata"];
    assert_eq!(told["kmsOperation"], "Encrypt");
    assert_eq!(told["kmsKeyArn"], arn);
    assert_eq!(told["awsPrincipalArn"], format!("arn:aws:iam::{A}:root"));
    assert_eq!(told["kmsRequestId"].as_str().unwrap().len(), 36);
    let sent = body.to_string();
    assert!(!sent.contains("aGVsbG8") && !sent.contains("tenant") && !sent.contains("blue"));
    let opened = world.decrypt(&blob).await.unwrap();
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
    assert_eq!(opened["KeyId"], arn);
    assert_eq!(world.proxy.last().1["requestMetadata"]["kmsOperation"], "Decrypt");
    // In another context the proxy, which authenticates a digest of it, refuses.
    let wrong = world.call("Decrypt", json!({ "CiphertextBlob": blob })).await;
    assert_eq!(code(&wrong), INVALID);
    assert!(message(&wrong).contains("corrupted, missing, or otherwise invalid"));
}

#[tokio::test]
async fn every_operation_of_symmetric_keys_works_and_moves_between_keys() {
    let world = World::new().await;
    let store = world.store().await;
    let (one, two) = (world.key(&store, "one").await, world.key(&store, "two").await);
    let own = world.house.key(A, None).await;
    let data = world.call("GenerateDataKey", json!({ "KeyId": one, "KeySpec": "AES_256" })).await;
    let blob = text(&data, "CiphertextBlob");
    for to in [&two, &own, &one] {
        let input = json!({ "CiphertextBlob": blob, "DestinationKeyId": to });
        let moved = world.call("ReEncrypt", input).await;
        let opened = world
            .call("Decrypt", json!({ "CiphertextBlob": text(&moved, "CiphertextBlob") }))
            .await;
        assert_eq!(text(&opened, "Plaintext"), text(&data, "Plaintext"));
        assert_eq!(text(&opened, "KeyId"), *to);
    }
    assert_eq!(world.proxy.last().1["requestMetadata"]["kmsOperation"], "Decrypt");
    let bare = json!({ "KeyId": two, "NumberOfBytes": 1024 });
    world.call("GenerateDataKeyWithoutPlaintext", bare).await.unwrap();
    let asked = world.proxy.last().1["requestMetadata"]["kmsOperation"].clone();
    assert_eq!(asked, "GenerateDataKeyWithoutPlaintext");
    // The longest plaintext still fits into what a proxy takes.
    let longest = json!({ "KeyId": one, "Plaintext": format!("{}==", "A".repeat(5462)) });
    world.call("Encrypt", longest).await.unwrap();
    let wrong = json!({ "CiphertextBlob": blob, "KeyId": two });
    assert_eq!(code(&world.call("Decrypt", wrong).await), "IncorrectKeyException");
}

#[tokio::test]
async fn what_keys_in_a_store_do_not_do() {
    let world = World::new().await;
    let store = world.store().await;
    let key = world.key(&store, "one").await;
    let expected =
        format!("{key} origin is EXTERNAL_KEY_STORE which is not valid for this operation.");
    for (operation, more) in [
        ("EnableKeyRotation", json!({})),
        ("DisableKeyRotation", json!({})),
        ("GetKeyRotationStatus", json!({})),
        ("RotateKeyOnDemand", json!({})),
        ("ListKeyRotations", json!({})),
        ("DeleteImportedKeyMaterial", json!({})),
        (
            "GetParametersForImport",
            json!({ "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048" }),
        ),
        ("GenerateDataKeyPair", json!({ "KeyPairSpec": "ECC_NIST_P256" })),
    ] {
        let mut input = more;
        input["KeyId"] = key.as_str().into();
        let refused = world.call(operation, input).await;
        let got = (code(&refused), message(&refused));
        assert_eq!(got, ("UnsupportedOperationException", &*expected), "{operation}");
    }
    let random = json!({ "NumberOfBytes": 8, "CustomKeyStoreId": store });
    let refused = world.call("GenerateRandom", random).await;
    assert_eq!(code(&refused), "UnsupportedOperationException");
    for more in [
        json!({ "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT" }),
        json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" }),
        json!({ "MultiRegion": true }),
    ] {
        let mut input = json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store,
                                "XksKeyId": "two" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = world.call("CreateKey", input).await;
        assert_eq!(code(&refused), "UnsupportedOperationException", "{more}");
    }
    for input in [
        json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store }),
        json!({ "Origin": "EXTERNAL_KEY_STORE", "XksKeyId": "two" }),
        json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store }),
        json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store, "XksKeyId": "two" }),
        json!({ "CustomKeyStoreId": store }),
        json!({ "XksKeyId": "two" }),
    ] {
        let refused = world.call("CreateKey", input.clone()).await;
        assert_eq!(code(&refused), "ValidationException", "{input}");
    }
}

#[tokio::test]
async fn while_the_store_is_disconnected_its_keys_are_unavailable() {
    let world = World::new().await;
    let store = world.store().await;
    let (key, off) = (world.key(&store, "one").await, world.key(&store, "two").await);
    world.call("DisableKey", json!({ "KeyId": off })).await.unwrap();
    let blob = text(&world.encrypt(&key).await, "CiphertextBlob");
    world.on("DisconnectCustomKeyStore", &store).await.unwrap();
    let described = world.call("DescribeKey", json!({ "KeyId": key })).await.unwrap();
    assert_eq!(described["KeyMetadata"]["KeyState"], "Unavailable");
    assert_eq!(described["KeyMetadata"]["Enabled"], false);
    let asked = world.proxy.count();
    let text_of_it = "This KMS key is in a custom key store that is not connected to its external \
        key store proxy. Connect the external key store and try the request again.";
    let data = json!({ "KeyId": key, "KeySpec": "AES_256" });
    for refused in [
        world.encrypt(&key).await,
        world.encrypt(&off).await,
        world.decrypt(&blob).await,
        world.call("GenerateDataKey", data).await,
    ] {
        assert_eq!((code(&refused), message(&refused)), (INVALID, text_of_it));
    }
    let refused = world.make(&store, "three").await;
    assert_eq!(code(&refused), "CustomKeyStoreInvalidStateException");
    assert_eq!(world.proxy.count(), asked, "nobody asks the proxy");
    // The state of its own shows again afterwards; a deletion shows all the time.
    world.call("EnableKey", json!({ "KeyId": off })).await.unwrap();
    world.call("ScheduleKeyDeletion", json!({ "KeyId": key })).await.unwrap();
    let described = world.call("DescribeKey", json!({ "KeyId": key })).await.unwrap();
    assert_eq!(described["KeyMetadata"]["KeyState"], "PendingDeletion");
    let refused = world.encrypt(&key).await;
    assert_eq!(message(&refused), format!("{key} is pending deletion."));
    world.call("CancelKeyDeletion", json!({ "KeyId": key })).await.unwrap();
    world.on("ConnectCustomKeyStore", &store).await.unwrap();
    let described = world.call("DescribeKey", json!({ "KeyId": off })).await.unwrap();
    assert_eq!(described["KeyMetadata"]["KeyState"], "Enabled");
    assert_eq!(code(&world.encrypt(&key).await), "DisabledException");
    world.call("EnableKey", json!({ "KeyId": key })).await.unwrap();
    assert_eq!(text(&world.decrypt(&blob).await, "Plaintext"), "aGVsbG8=");
}

#[tokio::test]
async fn a_proxy_that_fails_is_told_of_and_what_it_sealed_opens_afterwards() {
    let world = World::new().await;
    let store = world.store().await;
    let key = world.key(&store, "one").await;
    let blob = text(&world.encrypt(&key).await, "CiphertextBlob");
    let nothing = String::new;
    for (mood, part) in [
        (Mood::Out(OutgoingError::Unreachable(nothing())), "cannot communicate"),
        (Mood::Out(OutgoingError::Tls(nothing())), "cannot establish a TLS connection"),
        (Mood::Out(OutgoingError::Late), "did not respond in time"),
        (Mood::Out(OutgoingError::Garbled(nothing())), BAD_ANSWER),
        (Mood::Says(200, "no JSON".to_owned()), BAD_ANSWER),
        (Mood::Says(200, "{}".to_owned()), BAD_ANSWER),
        (Mood::Says(500, "<html>".to_owned()), BAD_ANSWER),
        (Mood::Says(302, nothing()), BAD_ANSWER),
    ] {
        world.proxy.is(mood.clone());
        for refused in [world.encrypt(&key).await, world.decrypt(&blob).await] {
            assert_eq!(code(&refused), INVALID, "{mood:?}");
            assert!(message(&refused).contains(part), "{mood:?}: {}", message(&refused));
        }
    }
    for (name, part) in [
        ("ValidationException", BAD_ANSWER),
        ("InvalidStateException", "is not enabled in the external key manager"),
        ("InvalidKeyUsageException", "does not support the requested operation"),
        ("AuthenticationFailedException", "could not authenticate AWS KMS"),
        ("AccessDeniedException", "denied access to the operation"),
        ("KeyNotFoundException", "could not find the external key"),
        ("InvalidUriPathException", "invalid URI path"),
        ("ThrottlingException", "very high request rate"),
        ("UnsupportedOperationException", "does not support the requested cryptographic"),
        ("DependencyTimeoutException", "did not respond to the request in the time allotted"),
        ("InternalException", "cannot communicate with the external key manager"),
        ("Whatever", BAD_ANSWER),
    ] {
        world.proxy.refuses(name);
        for refused in [world.encrypt(&key).await, world.decrypt(&blob).await] {
            assert_eq!(code(&refused), INVALID, "{name}");
            assert!(message(&refused).contains(part), "{name}: {}", message(&refused));
        }
    }
    world.proxy.is(Mood::Well);
    assert_eq!(text(&world.decrypt(&blob).await, "Plaintext"), "aGVsbG8=");
}

#[tokio::test]
async fn a_proxy_that_lies_is_not_believed() {
    let world = World::new().await;
    let store = world.store().await;
    let key = world.key(&store, "one").await;
    let blob = text(&world.encrypt(&key).await, "CiphertextBlob");
    for (member, value) in [
        ("ciphertext", json!("AAAA")),
        ("ciphertext", json!(7)),
        ("ciphertext", Value::Null),
        ("ciphertextDataIntegrityValue", json!("AAAA")),
        ("ciphertextDataIntegrityValue", Value::Null),
        ("authenticationTag", json!("AAAAAAAAAAAAAAAAAAAAAA==")),
        ("authenticationTag", json!("AAAA")),
        ("initializationVector", json!("AAAAAAAAAAAAAAAA")),
        ("ciphertextMetadata", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
    ] {
        world.proxy.is(Mood::Member(member, value.clone()));
        let refused = world.encrypt(&key).await;
        assert_eq!((code(&refused), message(&refused)), (INVALID, BAD_ANSWER), "{member} {value}");
    }
    world.proxy.is(Mood::Member("plaintext", json!("AAAA")));
    assert_eq!(message(&world.decrypt(&blob).await), BAD_ANSWER);
    // Of the right length, but not what was sealed.
    let sealed = text(&Ok(world.proxy.last().1), "ciphertext");
    let length = BASE64.decode_to_vec(&sealed).unwrap().len();
    let lie = BASE64.encode_to_string(vec![0; length]);
    world.proxy.is(Mood::Member("plaintext", json!(lie)));
    let refused = world.decrypt(&blob).await;
    let expected = "The ciphertext that the external key store proxy submitted for decryption, or \
        the encryption context, is corrupted, missing, or otherwise invalid.";
    assert_eq!((code(&refused), message(&refused)), (INVALID, expected));
    world.proxy.is(Mood::Well);
    assert_eq!(text(&world.decrypt(&blob).await, "Plaintext"), "aGVsbG8=");
}

#[tokio::test]
async fn a_key_that_the_proxy_does_not_vouch_for_is_not_made() {
    let world = World::new().await;
    let store = world.store().await;
    let rows = world.house.rows("kms.key").await;
    let wrong = "XksKeyInvalidConfigurationException";
    for (mood, expected) in [
        (Mood::Member("keySpec", json!("RSA_2048")), wrong),
        (Mood::Member("keyStatus", json!("DISABLED")), wrong),
        (Mood::Member("keyUsage", json!(["ENCRYPT"])), wrong),
        (Mood::Member("keyStatus", json!("SO_SO")), "CustomKeyStoreInvalidStateException"),
        (Mood::Says(200, "[]".into()), "CustomKeyStoreInvalidStateException"),
        (Mood::Out(OutgoingError::Late), "CustomKeyStoreInvalidStateException"),
    ] {
        world.proxy.is(mood.clone());
        assert_eq!(code(&world.make(&store, "one").await), expected, "{mood:?}");
    }
    for (name, expected) in [
        ("KeyNotFoundException", "XksKeyNotFoundException"),
        ("InvalidStateException", wrong),
        ("InvalidKeyUsageException", wrong),
        ("AuthenticationFailedException", "CustomKeyStoreInvalidStateException"),
        ("AccessDeniedException", "CustomKeyStoreInvalidStateException"),
        ("UnsupportedOperationException", "UnsupportedOperationException"),
    ] {
        world.proxy.refuses(name);
        assert_eq!(code(&world.make(&store, "one").await), expected, "{name}");
    }
    world.proxy.is(Mood::Well);
    assert_eq!(code(&world.make(&store, "nobody").await), "XksKeyNotFoundException");
    for space in ["kms.custom-key", "kms.material"] {
        assert_eq!(world.house.rows(space).await, 0, "{space}: nothing is left half-made");
    }
    assert_eq!(world.house.rows("kms.key").await, rows);
    world.key(&store, "one").await;
    assert_eq!(code(&world.make(&store, "one").await), "XksKeyAlreadyInUseException");
}

#[tokio::test]
async fn a_store_is_made_only_of_what_works_and_is_nobodys_yet() {
    let world = World::new().await;
    for (name, expected) in [
        ("AuthenticationFailedException", "XksProxyIncorrectAuthenticationCredentialException"),
        ("InvalidUriPathException", "XksProxyInvalidConfigurationException"),
        ("DependencyTimeoutException", "XksProxyUriUnreachableException"),
        ("ThrottlingException", "XksProxyUriUnreachableException"),
        ("InternalException", "XksProxyInvalidResponseException"),
        ("ValidationException", "XksProxyInvalidResponseException"),
    ] {
        world.proxy.refuses(name);
        assert_eq!(code(&world.call("CreateCustomKeyStore", store("s")).await), expected, "{name}");
    }
    let unavailable = json!([{ "id": "1", "model": "m", "healthStatus": "UNAVAILABLE" }]);
    for (mood, expected) in [
        (Mood::Member("ekmFleetDetails", unavailable), "XksProxyUriUnreachableException"),
        (Mood::Member("ekmFleetDetails", json!([])), "XksProxyInvalidResponseException"),
        (Mood::Member("xksProxyFleetSize", json!(0)), "XksProxyInvalidResponseException"),
        (Mood::Out(OutgoingError::Late), "XksProxyUriUnreachableException"),
    ] {
        world.proxy.is(mood.clone());
        let refused = world.call("CreateCustomKeyStore", store("s")).await;
        assert_eq!(code(&refused), expected, "{mood:?}");
    }
    world.proxy.is(Mood::Well);
    let listed = world.call("DescribeCustomKeyStores", json!({})).await.unwrap();
    assert_eq!(listed["CustomKeyStores"], json!([]));
    let wrong = json!({ "AccessKeyId": ID, "RawSecretAccessKey": SECRET.replace('0', "9") });
    let mut input = store("s");
    input["XksProxyAuthenticationCredential"] = wrong;
    let refused = world.call("CreateCustomKeyStore", input).await;
    assert_eq!(code(&refused), "XksProxyIncorrectAuthenticationCredentialException");
    let id = text(&world.call("CreateCustomKeyStore", store("s")).await, "CustomKeyStoreId");
    assert!(id.starts_with("cks-") && id.len() == 21, "{id}");
    let again = world.call("CreateCustomKeyStore", store("s")).await;
    assert_eq!(code(&again), "CustomKeyStoreNameInUseException");
    let again = world.call("CreateCustomKeyStore", store("t")).await;
    assert_eq!(code(&again), "XksProxyUriInUseException");
    // Another account is another matter.
    world.house.call(B, "CreateCustomKeyStore", store("s")).await.unwrap();
    let theirs = world.house.call(B, "ConnectCustomKeyStore", json!({ "CustomKeyStoreId": id }));
    assert_eq!(code(&theirs.await), "CustomKeyStoreNotFoundException");
    for missing in ["XksProxyConnectivity", "XksProxyUriEndpoint", "XksProxyUriPath"] {
        let mut input = store("u");
        input.as_object_mut().unwrap().remove(missing);
        let refused = world.call("CreateCustomKeyStore", input).await;
        assert_eq!(code(&refused), "ValidationException", "{missing}");
    }
    let mut input = store("u");
    input["XksProxyConnectivity"] = "VPC_ENDPOINT_SERVICE".into();
    let refused = world.call("CreateCustomKeyStore", input).await;
    assert_eq!(code(&refused), "XksProxyVpcEndpointServiceNotFoundException");
    let cluster = json!({ "CustomKeyStoreName": "u", "CloudHsmClusterId": "cluster-1234567abcd",
                          "TrustAnchorCertificate": "x", "KeyStorePassword": "password" });
    let refused = world.call("CreateCustomKeyStore", cluster).await;
    assert_eq!(code(&refused), "ValidationException", "no such cluster id");
}

#[tokio::test]
async fn every_state_takes_what_it_takes_and_refuses_the_rest() {
    let world = World::new().await;
    let id = text(&world.call("CreateCustomKeyStore", store("s")).await, "CustomKeyStoreId");
    let state = "CustomKeyStoreInvalidStateException";
    let update = |more: Value| {
        let mut input = json!({ "CustomKeyStoreId": id });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.call("UpdateCustomKeyStore", input)
    };
    assert_eq!(world.state(&id).await.0, "DISCONNECTED");
    assert_eq!(code(&world.on("DisconnectCustomKeyStore", &id).await), state);
    for (name, expected) in [
        ("AuthenticationFailedException", "INVALID_CREDENTIALS"),
        ("AccessDeniedException", "XKS_PROXY_ACCESS_DENIED"),
        ("InvalidUriPathException", "XKS_PROXY_INVALID_CONFIGURATION"),
        ("DependencyTimeoutException", "XKS_PROXY_TIMED_OUT"),
        ("Whatever", "XKS_PROXY_INVALID_RESPONSE"),
    ] {
        world.proxy.refuses(name);
        world.on("ConnectCustomKeyStore", &id).await.unwrap();
        assert_eq!(world.state(&id).await, ("FAILED".into(), expected.into()));
        for operation in ["ConnectCustomKeyStore", "DeleteCustomKeyStore"] {
            assert_eq!(code(&world.on(operation, &id).await), state, "{operation}");
        }
        assert_eq!(code(&update(json!({ "NewCustomKeyStoreName": "t" })).await), state);
        world.on("DisconnectCustomKeyStore", &id).await.unwrap();
    }
    world.proxy.is(Mood::Out(OutgoingError::Tls(String::new())));
    world.on("ConnectCustomKeyStore", &id).await.unwrap();
    assert_eq!(world.state(&id).await.1, "XKS_PROXY_INVALID_TLS_CONFIGURATION");
    world.on("DisconnectCustomKeyStore", &id).await.unwrap();
    world.proxy.is(Mood::Well);
    world.on("ConnectCustomKeyStore", &id).await.unwrap();
    world.on("ConnectCustomKeyStore", &id).await.unwrap();
    assert_eq!(code(&world.on("DeleteCustomKeyStore", &id).await), state);
    // While connected, only these.
    update(json!({ "NewCustomKeyStoreName": "t" })).await.unwrap();
    update(json!({ "XksProxyUriPath": "/kms/xks/v1" })).await.unwrap();
    let endpoint = json!({ "XksProxyUriEndpoint": "https://proxy.example" });
    assert_eq!(code(&update(endpoint.clone()).await), state);
    world.on("DisconnectCustomKeyStore", &id).await.unwrap();
    update(endpoint).await.unwrap();
    world.proxy.refuses("InvalidUriPathException");
    let refused = update(json!({ "XksProxyUriPath": "/other/kms/xks/v1" })).await;
    assert_eq!(code(&refused), "XksProxyInvalidConfigurationException");
    world.proxy.is(Mood::Well);
    let found = json!({ "CustomKeyStoreName": "t" });
    let found = world.call("DescribeCustomKeyStores", found).await.unwrap();
    let configuration = &found["CustomKeyStores"][0]["XksProxyConfiguration"];
    assert_eq!(configuration["UriPath"], "/kms/xks/v1", "what was refused has changed nothing");
    assert!(!found.to_string().contains(SECRET));
    world.on("DeleteCustomKeyStore", &id).await.unwrap();
    for operation in [
        "ConnectCustomKeyStore",
        "DisconnectCustomKeyStore",
        "UpdateCustomKeyStore",
        "DeleteCustomKeyStore",
        "DescribeCustomKeyStores",
    ] {
        let refused = world.on(operation, &id).await;
        assert_eq!(code(&refused), "CustomKeyStoreNotFoundException", "{operation}");
    }
}

#[tokio::test]
async fn a_store_with_keys_stays_until_they_are_gone() {
    let world = World::new().await;
    let store = world.store().await;
    let key = world.key(&store, "one").await;
    world.on("DisconnectCustomKeyStore", &store).await.unwrap();
    let refused = world.on("DeleteCustomKeyStore", &store).await;
    assert_eq!(code(&refused), "CustomKeyStoreHasCMKsException");
    let input = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    world.call("ScheduleKeyDeletion", input).await.unwrap();
    assert_eq!(
        code(&world.on("DeleteCustomKeyStore", &store).await),
        "CustomKeyStoreHasCMKsException"
    );
    world.house.plane.clock.advance(8 * 86_400_000);
    world.house.plane.run_due().await.unwrap();
    assert_eq!(world.house.rows("kms.custom-key").await, 0);
    world.on("DeleteCustomKeyStore", &store).await.unwrap();
}

#[tokio::test]
async fn an_account_has_ten_stores_at_most() {
    let world = World::new().await;
    for number in 0..10 {
        let mut input = store(&format!("s{number}"));
        // Hosts are compared without case, paths are not.
        input["XksProxyUriPath"] = format!("/p{number}/kms/xks/v1").into();
        world.proxy.is(Mood::Says(200, HEALTH.to_owned()));
        world.call("CreateCustomKeyStore", input).await.unwrap();
    }
    let refused = world.call("CreateCustomKeyStore", store("one more")).await;
    assert_eq!(code(&refused), "LimitExceededException");
    let page = json!({ "Limit": 4 });
    let first = world.call("DescribeCustomKeyStores", page).await.unwrap();
    assert_eq!(first["CustomKeyStores"].as_array().unwrap().len(), 4);
    assert_eq!(first["Truncated"], true);
    let rest = json!({ "Marker": first["NextMarker"] });
    let rest = world.call("DescribeCustomKeyStores", rest).await.unwrap();
    assert_eq!(rest["CustomKeyStores"].as_array().unwrap().len(), 6);
    assert_eq!(rest["Truncated"], false);
    let wrong = world.call("DescribeCustomKeyStores", json!({ "Marker": "x" })).await;
    assert_eq!(code(&wrong), "InvalidMarkerException");
}

const HEALTH: &str = r#"{"xksProxyFleetSize":2,"xksProxyVendor":"v","xksProxyModel":"m",
    "ekmVendor":"v","ekmFleetDetails":[{"id":"1","model":"m","healthStatus":"ACTIVE"}]}"#;
