//! SM2 keys, in a region in China, against OpenSSL.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64_simd::STANDARD as BASE64;
use bulla_crypto::{RsaEncryptionKey, RsaPadding};
use serde_json::{Value, json};

use crate::house::{Answer, House, REGION, code, message, text};
use crate::people::A;

const CHINA: &str = "cn-north-1";
const IDENTIFIER: &str = "distid:1234567812345678";
const MESSAGE: &[u8] = b"message";
/// What stands before a public key's coordinates in what SM3 makes a digest of (GM/T 0003.2,
/// section 5.5): the identifier, and the curve.
const BEFORE_KEY: &str = "008031323334353637383132333435363738\
    fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc\
    28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93\
    32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7\
    bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0";

struct World {
    house: House,
    folder: tempfile::TempDir,
}

/// What a command writes; nothing when it fails.
fn openssl(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then_some(output.stdout)
}

fn sm3(parts: &[&[u8]]) -> Vec<u8> {
    openssl(&["dgst", "-sm3", "-binary"], &parts.concat()).unwrap()
}

fn bytes(answer: &Answer, name: &str) -> Vec<u8> {
    BASE64.decode_to_vec(text(answer, name)).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode_to_string(bytes)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl World {
    async fn new() -> Self {
        Self { house: House::new().await, folder: tempfile::tempdir().unwrap() }
    }

    async fn call(&self, operation: &str, input: Value) -> Answer {
        self.house.call_in(CHINA, A, operation, input).await
    }

    async fn key(&self, usage: &str) -> String {
        let made = self.call("CreateKey", json!({ "KeySpec": "SM2", "KeyUsage": usage })).await;
        made.unwrap()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    async fn public(&self, key: &str) -> Vec<u8> {
        bytes(&self.call("GetPublicKey", json!({ "KeyId": key })).await, "PublicKey")
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let at = self.folder.path().join(name);
        std::fs::write(&at, content).unwrap();
        path(&at).to_owned()
    }

    /// Whether OpenSSL takes a signature of the message.
    fn verifies(&self, public: &[u8], signature: &[u8]) -> bool {
        let (key, signature) = (self.file("pub.der", public), self.file("sig", signature));
        let message = self.file("message", MESSAGE);
        let verify = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", &key];
        let how = ["-rawin", "-digest", "sm3", "-pkeyopt", IDENTIFIER, "-in", &message];
        openssl(&[&verify[..], &how, &["-sigfile", &signature]].concat(), b"").is_some()
    }

    /// A key that OpenSSL made, and KMS has as well: its file, and its ARN here.
    async fn brought_in(&self, usage: &str) -> (String, String) {
        let made = openssl(&["genpkey", "-algorithm", "SM2", "-outform", "DER"], b"").unwrap();
        let pkcs8 =
            openssl(&["pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER"], &made);
        let pkcs8 = pkcs8.unwrap();
        let input = json!({ "KeySpec": "SM2", "KeyUsage": usage, "Origin": "EXTERNAL" });
        let key = self.call("CreateKey", input).await.unwrap();
        let key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
        let wanted = json!({ "KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
                             "WrappingKeySpec": "RSA_2048" });
        let parameters = self.call("GetParametersForImport", wanted).await;
        let by = RsaEncryptionKey::from_der(&bytes(&parameters, "PublicKey")).unwrap();
        let wrapped = by.encrypt(RsaPadding::OaepSha256, &pkcs8).unwrap();
        let import = json!({
            "KeyId": key, "ImportToken": text(&parameters, "ImportToken"),
            "EncryptedKeyMaterial": base64(&wrapped),
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        });
        self.call("ImportKeyMaterial", import).await.unwrap();
        (self.file("own.der", &pkcs8), key)
    }
}

#[tokio::test]
async fn such_keys_are_made_in_china_alone() {
    let world = World::new().await;
    let wanted = json!({ "KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY" });
    let elsewhere = world.house.call_in(REGION, A, "CreateKey", wanted).await;
    assert_eq!(code(&elsewhere), "UnsupportedOperationException");
    for (usage, list, algorithm) in [
        ("ENCRYPT_DECRYPT", "EncryptionAlgorithms", "SM2PKE"),
        ("SIGN_VERIFY", "SigningAlgorithms", "SM2DSA"),
        ("KEY_AGREEMENT", "KeyAgreementAlgorithms", "ECDH"),
    ] {
        let key = world.key(usage).await;
        let told = world.call("DescribeKey", json!({ "KeyId": key })).await.unwrap();
        assert_eq!(told["KeyMetadata"]["KeySpec"], "SM2");
        assert_eq!(told["KeyMetadata"][list], json!([algorithm]));
        let public = world.public(&key).await;
        let file = world.file("one.der", &public);
        let said =
            openssl(&["pkey", "-pubin", "-inform", "DER", "-in", &file, "-noout", "-text"], b"");
        assert!(String::from_utf8(said.unwrap()).unwrap().contains("SM2"));
    }
    let mac = json!({ "KeySpec": "SM2", "KeyUsage": "GENERATE_VERIFY_MAC" });
    assert_eq!(code(&world.call("CreateKey", mac).await), "ValidationException");
}

#[tokio::test]
async fn openssl_verifies_what_is_signed_here_whether_message_or_digest() {
    let world = World::new().await;
    let key = world.key("SIGN_VERIFY").await;
    let public = world.public(&key).await;
    // The point ends the key; its coordinates end the point.
    let coordinates = &public[public.len() - 64..];
    let before = bulla_crypto::hex::decode(BEFORE_KEY.replace(' ', "")).unwrap();
    let digest = sm3(&[&sm3(&[&before, coordinates]), MESSAGE]);
    for (kind, content) in [("RAW", MESSAGE), ("DIGEST", digest.as_slice())] {
        let input = json!({ "KeyId": key, "Message": base64(content), "MessageType": kind,
                            "SigningAlgorithm": "SM2DSA" });
        let signature = bytes(&world.call("Sign", input.clone()).await, "Signature");
        assert!(world.verifies(&public, &signature), "{kind}");
        let mut verify = input;
        verify["Signature"] = base64(&signature).into();
        assert_eq!(world.call("Verify", verify.clone()).await.unwrap()["SignatureValid"], true);
        let mut altered = signature.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(!world.verifies(&public, &altered));
        verify["Signature"] = base64(&altered).into();
        let refused = world.call("Verify", verify).await;
        assert_eq!(code(&refused), "KMSInvalidSignatureException");
    }
    let short = json!({ "KeyId": key, "Message": base64(&digest[1..]), "MessageType": "DIGEST",
                        "SigningAlgorithm": "SM2DSA" });
    let refused = world.call("Sign", short).await;
    assert_eq!(message(&refused), "Digest is invalid length for algorithm SM2DSA.");
    let other = json!({ "KeyId": key, "Message": "AA==", "SigningAlgorithm": "ECDSA_SHA_256" });
    assert_eq!(code(&world.call("Sign", other).await), "InvalidKeyUsageException");
}

#[tokio::test]
async fn what_openssl_signed_verifies_here() {
    let world = World::new().await;
    let (file, key) = world.brought_in("SIGN_VERIFY").await;
    let message = world.file("message", MESSAGE);
    let sign = ["pkeyutl", "-sign", "-keyform", "DER", "-inkey", &file, "-rawin", "-digest", "sm3"];
    let how = ["-pkeyopt", IDENTIFIER, "-in", &message];
    let signature = openssl(&[&sign[..], &how].concat(), b"").unwrap();
    let verify = json!({ "KeyId": key, "Message": base64(MESSAGE), "SigningAlgorithm": "SM2DSA",
                         "Signature": base64(&signature) });
    assert_eq!(world.call("Verify", verify).await.unwrap()["SignatureValid"], true);
}

#[tokio::test]
async fn ciphertexts_go_both_ways() {
    let world = World::new().await;
    let (file, key) = world.brought_in("ENCRYPT_DECRYPT").await;
    let public = world.file("pub.der", &world.public(&key).await);
    let by = |action: &str, key: &str, flag: &[&str], input: &[u8]| {
        let input = world.file("in", input);
        let all = ["pkeyutl", action, "-keyform", "DER", "-inkey", key, "-in", &input];
        openssl(&[&all[..], flag].concat(), b"")
    };
    let theirs = by("-encrypt", &public, &["-pubin"], MESSAGE).unwrap();
    let decrypt = |blob: &[u8]| json!({ "KeyId": key, "CiphertextBlob": base64(blob), "EncryptionAlgorithm": "SM2PKE" });
    let opened = world.call("Decrypt", decrypt(&theirs)).await;
    assert_eq!(bytes(&opened, "Plaintext"), MESSAGE);
    let encrypt = |plain: &[u8]| json!({ "KeyId": key, "Plaintext": base64(plain), "EncryptionAlgorithm": "SM2PKE" });
    for plain in [MESSAGE, &[7; 1024]] {
        let ours = bytes(&world.call("Encrypt", encrypt(plain)).await, "CiphertextBlob");
        assert_eq!(by("-decrypt", &file, &[], &ours).unwrap(), plain);
        let again = world.call("Decrypt", decrypt(&ours)).await;
        assert_eq!(bytes(&again, "Plaintext"), plain);
        let mut altered = ours;
        *altered.last_mut().unwrap() ^= 1;
        let refused = world.call("Decrypt", decrypt(&altered)).await;
        assert_eq!(code(&refused), "InvalidCiphertextException");
    }
    let long = world.call("Encrypt", encrypt(&[7; 1025])).await;
    assert!(message(&long).contains("cannot encrypt data larger than 1024 bytes"), "{long:?}");
    let mut context = encrypt(MESSAGE);
    context["EncryptionContext"] = json!({ "a": "b" });
    assert_eq!(code(&world.call("Encrypt", context).await), "ValidationException");
}

#[tokio::test]
async fn two_keys_agree_and_data_key_pairs_are_openssls() {
    let world = World::new().await;
    let (one, two) = (world.key("KEY_AGREEMENT").await, world.key("KEY_AGREEMENT").await);
    let mut secrets = Vec::new();
    for (own, other) in [(&one, &two), (&two, &one)] {
        let peer = base64(&world.public(other).await);
        let input = json!({ "KeyId": own, "KeyAgreementAlgorithm": "ECDH", "PublicKey": peer });
        secrets.push(bytes(&world.call("DeriveSharedSecret", input).await, "SharedSecret"));
    }
    assert_eq!(secrets[0].len(), 32);
    assert_eq!(secrets[0], secrets[1]);
    let by = world.call("CreateKey", json!({})).await.unwrap();
    let by = by["KeyMetadata"]["Arn"].as_str().unwrap();
    let pair = json!({ "KeyId": by, "KeyPairSpec": "SM2" });
    let made = world.call("GenerateDataKeyPair", pair).await;
    let private = bytes(&made, "PrivateKeyPlaintext");
    let public = openssl(&["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], &private);
    assert_eq!(public.unwrap(), bytes(&made, "PublicKey"));
    let opened = json!({ "CiphertextBlob": text(&made, "PrivateKeyCiphertextBlob") });
    assert_eq!(bytes(&world.call("Decrypt", opened).await, "Plaintext"), private);
}

#[tokio::test]
async fn material_wrapped_by_openssl_under_sm2_is_brought_in() {
    let world = World::new().await;
    let input =
        json!({ "Origin": "EXTERNAL", "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" });
    let key = world.call("CreateKey", input).await.unwrap();
    let key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let wanted = json!({ "KeyId": key, "WrappingAlgorithm": "SM2PKE", "WrappingKeySpec": "SM2" });
    let parameters = world.call("GetParametersForImport", wanted).await;
    let public = world.file("wrapping.der", &bytes(&parameters, "PublicKey"));
    let material = world.file("material", &[9; 32]);
    let wrap = ["pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", &public];
    let wrapped = openssl(&[&wrap[..], &["-in", &material]].concat(), b"").unwrap();
    let import = |wrapped: &[u8]| {
        json!({
            "KeyId": key, "ImportToken": text(&parameters, "ImportToken"),
            "EncryptedKeyMaterial": base64(wrapped),
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        })
    };
    let mut altered = wrapped.clone();
    *altered.last_mut().unwrap() ^= 1;
    let refused = world.call("ImportKeyMaterial", import(&altered)).await;
    assert_eq!(code(&refused), "InvalidCiphertextException");
    world.call("ImportKeyMaterial", import(&wrapped)).await.unwrap();
    let mac = json!({ "KeyId": key, "Message": base64(MESSAGE), "MacAlgorithm": "HMAC_SHA_256" });
    let ours = bytes(&world.call("GenerateMac", mac).await, "Mac");
    let message = world.file("message", MESSAGE);
    let key = format!("hexkey:{}", "09".repeat(32));
    let theirs = ["dgst", "-sha256", "-mac", "HMAC", "-macopt", &key, "-binary", &message];
    assert_eq!(ours, openssl(&theirs, b"").unwrap());
}

#[tokio::test]
async fn sm2_wraps_no_rsa_key_and_nothing_elsewhere() {
    let world = World::new().await;
    for (region, spec, usage) in
        [(CHINA, "RSA_2048", "SIGN_VERIFY"), ("eu-central-1", "HMAC_256", "GENERATE_VERIFY_MAC")]
    {
        let input = json!({ "Origin": "EXTERNAL", "KeySpec": spec, "KeyUsage": usage });
        let key = world.house.call_in(region, A, "CreateKey", input).await.unwrap();
        let key = key["KeyMetadata"]["Arn"].as_str().unwrap();
        let input =
            json!({ "KeyId": key, "WrappingAlgorithm": "SM2PKE", "WrappingKeySpec": "SM2" });
        let refused = world.house.call_in(region, A, "GetParametersForImport", input).await;
        assert_eq!(code(&refused), "ValidationException");
    }
}
