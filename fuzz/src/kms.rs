//! KMS in this process, and ciphertext blobs that it must open to what was sealed, or refuse.

use std::collections::HashMap;
use std::sync::Arc;

use bulla_ground::{Ground, Signer};
use bulla_iam::{AccessKeys, Principals, Sessions};
use bulla_kms::Kms;
use bulla_plane::Plane;
use bulla_plane::outgoing::Nowhere;
use bulla_plane::wire::WireResponse;
use bulla_shapes::kms::SERVICE;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::edits::edited;
use crate::token::{Clusters, MemoryToken, PASSWORD};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const CLUSTER: &str = "cluster-2a34b5cdefg";
/// The largest blob that Decrypt takes, in bytes.
const MOST_BYTES: usize = 6144;
/// A rotation on demand takes less, in milliseconds.
const ROTATION_MS: u64 = 60_000;

/// The service, with one CloudHSM cluster beside it.
pub struct House {
    runtime: Runtime,
    plane: Plane,
}

impl House {
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let ground = runtime.block_on(Ground::in_memory()).unwrap();
        let (barrier, crypto) = (&ground.barrier, &ground.crypto);
        let clock = Arc::clone(&ground.clock);
        let principals = Arc::new(Principals::new(Arc::clone(barrier), crypto.clone(), clock));
        let keys = AccessKeys::new(Arc::new(Sessions::new(Arc::clone(&principals))), true);
        let clusters = Clusters(HashMap::from([(CLUSTER, Arc::new(MemoryToken::new(None)))]));
        let kms = Kms::new(Arc::clone(barrier), crypto.clone(), principals);
        let kms = kms.with_key_stores(Arc::new(Nowhere), Arc::new(clusters));
        let plane = ground.plane(Arc::new(keys), vec![Arc::new(kms)]);
        Self { runtime, plane }
    }

    /// Calls an operation; the status and the answer.
    pub fn call(&self, operation: &str, input: &Value) -> (u16, Value) {
        let body = input.to_string().into_bytes();
        let request = Signer::of(ACCOUNT).request(&SERVICE, operation, REGION, body).unwrap();
        let WireResponse { status, body, .. } = self.runtime.block_on(self.plane.call(request));
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// As [`call`](Self::call), which must succeed.
    pub fn ask(&self, operation: &str, input: &Value) -> Value {
        let (status, answer) = self.call(operation, input);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Gives a key new material.
    pub fn rotate(&self, key: &str) {
        self.ask("RotateKeyOnDemand", &json!({ "KeyId": key }));
        self.plane.clock.advance(ROTATION_MS);
        self.runtime.block_on(self.plane.run_due()).unwrap();
    }

    /// A new key.
    pub fn key(&self, input: &Value) -> String {
        let made = self.ask("CreateKey", input);
        made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    /// A custom key store on the cluster, connected.
    pub fn store(&self) -> String {
        let input = json!({
            "CustomKeyStoreName": "s", "CustomKeyStoreType": "AWS_CLOUDHSM",
            "CloudHsmClusterId": CLUSTER, "KeyStorePassword": PASSWORD,
            "TrustAnchorCertificate": "any",
        });
        let made = self.ask("CreateCustomKeyStore", &input);
        let store = made["CustomKeyStoreId"].as_str().unwrap().to_owned();
        self.ask("ConnectCustomKeyStore", &json!({ "CustomKeyStoreId": store }));
        store
    }
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

/// A blob that was made, the context that it was made with, and what was sealed.
struct Made {
    blob: Vec<u8>,
    context: Value,
    plaintext: String,
}

/// Blobs, and the service that made them.
pub struct Blobs {
    house: House,
    made: Vec<Made>,
}

impl Blobs {
    /// Blobs of version 1, of two keys and two generations.
    pub fn own() -> Self {
        let mut blobs = Self { house: House::new(), made: Vec::new() };
        for _ in 0..2 {
            let key = blobs.house.key(&json!({}));
            blobs.make(&key);
            blobs.house.rotate(&key);
            blobs.make(&key);
        }
        blobs
    }

    /// Blobs of version 2, of two keys in a custom key store.
    pub fn in_a_store() -> Self {
        let mut blobs = Self { house: House::new(), made: Vec::new() };
        let store = blobs.house.store();
        for _ in 0..2 {
            let input = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
            let key = blobs.house.key(&input);
            blobs.make(&key);
        }
        blobs
    }

    /// By Encrypt and by data keys, with a context and without.
    fn make(&mut self, key: &str) {
        for context in [json!({}), json!({ "a": "b" })] {
            let input = json!({ "KeyId": key, "Plaintext": "AAAA", "EncryptionContext": context });
            self.keep("Encrypt", &input, &context);
            let input = json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context });
            self.keep("GenerateDataKey", &input, &context);
        }
    }

    fn keep(&mut self, operation: &str, input: &Value, context: &Value) {
        let answer = self.house.ask(operation, input);
        let blob = decode(answer["CiphertextBlob"].as_str().unwrap());
        let plaintext = answer["Plaintext"].as_str().unwrap_or("AAAA").to_owned();
        self.made.push(Made { blob, context: context.clone(), plaintext });
    }

    /// The input: which blob it starts from, which context is given, then edits of five bytes each;
    /// or a blob as it is.
    pub fn try_one(&self, data: &[u8]) {
        let [which, context, rest @ ..] = data else { return };
        let count = self.made.len();
        let context = &self.made[usize::from(*context) % count].context;
        let which = usize::from(*which) % (count + 1);
        let other = &self.made[(which + 1) % count].blob;
        let blob = match self.made.get(which) {
            Some(made) => edited(made.blob.clone(), other, rest, MOST_BYTES),
            None => rest[..rest.len().min(MOST_BYTES)].to_vec(),
        };
        if !blob.is_empty() {
            self.decrypt(&blob, context);
        }
    }

    fn decrypt(&self, blob: &[u8], context: &Value) {
        let input = json!({ "CiphertextBlob": encode(blob), "EncryptionContext": context });
        let (status, answer) = self.house.call("Decrypt", &input);
        let made = self.made.iter().find(|made| made.blob == blob && made.context == *context);
        match made {
            Some(made) => {
                assert_eq!(status, 200, "{answer}");
                assert_eq!(answer["Plaintext"].as_str(), Some(&*made.plaintext));
            }
            None => {
                assert_eq!(status, 400, "{answer}");
                let code = answer["__type"].as_str().unwrap();
                let known = ["InvalidCiphertextException", "AccessDeniedException"];
                assert!(known.contains(&code), "{answer}");
            }
        }
    }
}

/// Bytes as JSON has them.
pub fn encode(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// Bytes out of JSON.
pub fn decode(text: &str) -> Vec<u8> {
    base64_simd::STANDARD.decode_to_vec(text).unwrap()
}
