//! The calls that are measured, and what must exist before they can be sent.

use serde_json::{Value, json};

use crate::error::BenchError;
use crate::process::Server;
use crate::request::Call;
use crate::rounds::Budget;
use crate::signer::Credentials;
use crate::site::{self, Mode};

/// Size of the plaintexts.
const PLAINTEXT_BYTES: usize = 1024;
/// The key id and ciphertext that stand in where only the bare server is measured; they have the
/// length of real ones, and that server never looks at them.
const STAND_IN_KEY: &str = "00000000-0000-0000-0000-000000000000";
const STAND_IN_CIPHERTEXT_BYTES: usize = PLAINTEXT_BYTES + 120;

/// The parameters that are read and written.
const SECRET: &str = "/bench/database/password";
const PLAIN: &str = "/bench/database/host";
/// What they hold, the secret one several times.
const VALUE: &str = "db-1.eu-central-1.example.com:5432";
/// The secret that is read.
const NAME: &str = "bench/secret";

/// One measured call.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) mode: Mode,
    pub(crate) budget: Budget,
    pub(crate) call: Call,
}

/// The keys that the scenarios use, with a ciphertext under the first.
pub(crate) struct Material {
    pub(crate) key_id: String,
    signing_key_id: String,
    ciphertext: String,
}

impl Material {
    /// Creates the keys and encrypts once.
    pub(crate) fn create(server: &Server, credentials: &Credentials) -> Result<Self, BenchError> {
        let key_id = site::ask(server, credentials, &create_key(), "/KeyMetadata/KeyId")?;
        let signing = json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" });
        let signing = Call::kms("CreateKey", &signing);
        let signing_key_id = site::ask(server, credentials, &signing, "/KeyMetadata/KeyId")?;
        let call = encrypt(&key_id);
        let ciphertext = site::ask(server, credentials, &call, "/CiphertextBlob")?;
        let secret = json!({
            "Name": SECRET, "Type": "SecureString", "KeyId": key_id, "Value": VALUE.repeat(8),
        });
        site::ask(server, credentials, &Call::ssm("PutParameter", &secret), "/Tier")?;
        site::ask(server, credentials, &put_parameter(PLAIN, false), "/Tier")?;
        site::ask(server, credentials, &create_secret(), "/ARN")?;
        Ok(Self { key_id, signing_key_id, ciphertext })
    }

    /// What has the right size and no meaning.
    pub(crate) fn stand_in() -> Self {
        let ciphertext = base64(&[7; STAND_IN_CIPHERTEXT_BYTES]);
        Self { key_id: STAND_IN_KEY.into(), signing_key_id: STAND_IN_KEY.into(), ciphertext }
    }

    /// The Decrypt of this material's ciphertext.
    pub(crate) fn decrypt(&self) -> Call {
        decrypt(&self.ciphertext)
    }

    /// All scenarios. Those that need AWS's request rates lifted come last.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let key = json!({ "KeyId": self.key_id });
        let row = |name, mode, budget, call| Scenario { name, mode, budget, call };
        vec![
            row("GenerateDataKey", Mode::Serve, Budget::Whole, generate_data_key(&self.key_id)),
            row("Encrypt", Mode::Serve, Budget::Whole, encrypt(&self.key_id)),
            row("Decrypt", Mode::Serve, Budget::Whole, self.decrypt()),
            row("Sign, P-256", Mode::Serve, Budget::Rate, sign(&self.signing_key_id)),
            row("GetParameter, decrypted", Mode::Serve, Budget::Within, get_secret()),
            row("GetParameter", Mode::Serve, Budget::Whole, get_parameter(PLAIN)),
            row("PutParameter", Mode::Serve, Budget::None, put_parameter(PLAIN, true)),
            row("GetSecretValue", Mode::Serve, Budget::None, get_secret_value(NAME)),
            row("GetCallerIdentity", Mode::Dev, Budget::None, Call::get_caller_identity()),
            row("DescribeKey", Mode::Dev, Budget::None, Call::kms("DescribeKey", &key)),
        ]
    }
}

pub(crate) fn create_key() -> Call {
    Call::kms("CreateKey", &json!({ "Description": "bench" }))
}

/// An Encrypt of 1 KiB with encryption context.
pub(crate) fn encrypt(key_id: &str) -> Call {
    let plaintext: Vec<u8> = (0..PLAINTEXT_BYTES).map(|i| (i % 251) as u8).collect();
    let body = json!({
        "KeyId": key_id,
        "Plaintext": base64(&plaintext),
        "EncryptionContext": context(),
    });
    Call::kms("Encrypt", &body)
}

/// A Decrypt of what `encrypt` gave.
pub(crate) fn decrypt(ciphertext: &str) -> Call {
    let body = json!({ "CiphertextBlob": ciphertext, "EncryptionContext": context() });
    Call::kms("Decrypt", &body)
}

fn generate_data_key(key_id: &str) -> Call {
    let body = json!({ "KeyId": key_id, "KeySpec": "AES_256", "EncryptionContext": context() });
    Call::kms("GenerateDataKey", &body)
}

/// A GetParameter of a secure string of some 270 bytes.
fn get_secret() -> Call {
    Call::ssm("GetParameter", &json!({ "Name": SECRET, "WithDecryption": true }))
}

/// A GetParameter of a string.
pub(crate) fn get_parameter(name: &str) -> Call {
    Call::ssm("GetParameter", &json!({ "Name": name }))
}

/// A PutParameter of a string.
pub(crate) fn put_parameter(name: &str, overwrite: bool) -> Call {
    let body = json!({ "Name": name, "Type": "String", "Value": VALUE, "Overwrite": overwrite });
    Call::ssm("PutParameter", &body)
}

/// A Sign of a digest.
fn sign(key_id: &str) -> Call {
    let body = json!({
        "KeyId": key_id,
        "Message": base64(&[7; 32]),
        "MessageType": "DIGEST",
        "SigningAlgorithm": "ECDSA_SHA_256",
    });
    Call::kms("Sign", &body)
}

/// A secret of 1 KiB, under the AWS managed key.
fn create_secret() -> Call {
    let body = json!({
        "Name": NAME,
        "SecretString": "s".repeat(PLAINTEXT_BYTES),
        "ClientRequestToken": "00000000-0000-4000-8000-000000000000",
    });
    Call::secrets("CreateSecret", &body)
}

/// A GetSecretValue.
pub(crate) fn get_secret_value(name: &str) -> Call {
    Call::secrets("GetSecretValue", &json!({ "SecretId": name }))
}

fn context() -> Value {
    json!({ "purpose": "bench", "tenant": "4711" })
}

fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}
