//! The calls that are measured, and what must exist before they can be sent.

use serde_json::{Value, json};

use crate::error::BenchError;
use crate::process::Server;
use crate::request::Call;
use crate::signer::Credentials;
use crate::site::{self, Mode};

/// Size of the plaintexts.
const PLAINTEXT_BYTES: usize = 1024;
/// The key id and ciphertext that stand in where only the bare server is measured; they have the
/// length of real ones, and that server never looks at them.
const STAND_IN_KEY: &str = "00000000-0000-0000-0000-000000000000";
const STAND_IN_CIPHERTEXT_BYTES: usize = PLAINTEXT_BYTES + 120;

/// One measured call.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) mode: Mode,
    /// Whether the budget binds it; the others are measured for information.
    pub(crate) bound: bool,
    pub(crate) call: Call,
}

/// The key that the scenarios use, with a ciphertext under it.
pub(crate) struct Material {
    pub(crate) key_id: String,
    ciphertext: String,
}

impl Material {
    /// Creates the key and encrypts once.
    pub(crate) fn create(server: &Server, credentials: &Credentials) -> Result<Self, BenchError> {
        let key_id = site::ask(server, credentials, &create_key(), "/KeyMetadata/KeyId")?;
        let call = encrypt(&key_id);
        let ciphertext = site::ask(server, credentials, &call, "/CiphertextBlob")?;
        Ok(Self { key_id, ciphertext })
    }

    /// What has the right size and no meaning.
    pub(crate) fn stand_in() -> Self {
        let ciphertext = base64(&[7; STAND_IN_CIPHERTEXT_BYTES]);
        Self { key_id: STAND_IN_KEY.into(), ciphertext }
    }

    /// The Decrypt of this material's ciphertext.
    pub(crate) fn decrypt(&self) -> Call {
        decrypt(&self.ciphertext)
    }

    /// All scenarios. Those that need AWS's request rates lifted come last.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        let key = json!({ "KeyId": self.key_id });
        let row = |name, mode, bound, call| Scenario { name, mode, bound, call };
        vec![
            row("GenerateDataKey", Mode::Serve, true, generate_data_key(&self.key_id)),
            row("Encrypt", Mode::Serve, true, encrypt(&self.key_id)),
            row("Decrypt", Mode::Serve, true, self.decrypt()),
            row("GetCallerIdentity", Mode::Dev, false, Call::get_caller_identity()),
            row("DescribeKey", Mode::Dev, false, Call::kms("DescribeKey", &key)),
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

fn context() -> Value {
    json!({ "purpose": "bench", "tenant": "4711" })
}

fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}
