//! Ciphertext blobs of any bytes, through the whole way of Decrypt: what was made opens to what was
//! sealed, under its own context alone; whatever else there is is refused as the caller's fault.
//!
//! The input: which blob it starts from, which context is given, then edits of five bytes each; or
//! a blob as it is.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bulla_crypto::{Crypto, HmacKey};
use bulla_iam::{AccessKeys, Principals, Sessions};
use bulla_kms::Kms;
use bulla_plane::journal::{ChainKey, Journal, Memory, Options};
use bulla_plane::outbox::Outbox;
use bulla_plane::upkeep::Upkeep;
use bulla_plane::wire::{WireRequest, WireResponse};
use bulla_plane::{Clock, IdStock, Plane};
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use bulla_store::Barrier;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const ACCOUNT: &str = "111122223333";
/// The largest blob that Decrypt takes, in bytes.
const MOST_BYTES: usize = 6144;
const MEMORY_BYTES: u64 = 4 << 20;
/// A rotation on demand takes less, in milliseconds.
const ROTATION_MS: u64 = 60_000;

/// A blob that was made, the context that it was made with, and what was sealed.
struct Made {
    blob: Vec<u8>,
    context: Value,
    plaintext: String,
}

struct World {
    runtime: Runtime,
    plane: Plane,
    made: Vec<Made>,
}

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let crypto = Crypto::standard();
        let engine = Arc::new(bulla_store::Memory::new());
        let root = crypto.generate_key().unwrap();
        let barrier = runtime.block_on(Barrier::create(engine, crypto.clone(), root)).unwrap();
        let barrier = Arc::new(barrier);
        let medium = Memory::new(MEMORY_BYTES);
        let options = Options { segment_bytes: medium.segment_bytes(), ..Options::default() };
        let chain = Arc::new(ChainKey::new(HmacKey::new(b"a key of a fuzzed journal")));
        let journal = Arc::new(Journal::open(Arc::new(medium), chain, options).unwrap().0);
        let clock = Arc::new(Clock::default());
        let principals =
            Arc::new(Principals::new(Arc::clone(&barrier), crypto.clone(), Arc::clone(&clock)));
        let keys = AccessKeys::new(Arc::new(Sessions::new(Arc::clone(&principals))), true);
        let kms = Kms::new(Arc::clone(&barrier), crypto.clone(), principals);
        let (authenticator, services) = (Arc::new(keys), vec![Arc::new(kms) as _]);
        let (outbox, upkeep) = (Outbox::default(), Upkeep::default());
        let ids = IdStock::default();
        let plane =
            Plane { crypto, barrier, clock, journal, authenticator, services, outbox, upkeep, ids };
        let mut world = Self { runtime, plane, made: Vec::new() };
        world.make();
        world
    }

    /// Blobs of two keys and two generations, by Encrypt and by data keys, with contexts.
    fn make(&mut self) {
        for _ in 0..2 {
            let key = self.ask("CreateKey", &json!({}))["KeyMetadata"]["KeyId"].clone();
            for context in [json!({}), json!({ "a": "b" })] {
                let input =
                    json!({ "KeyId": key, "Plaintext": "AAAA", "EncryptionContext": context });
                self.keep("Encrypt", &input, &context);
                let input =
                    json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context });
                self.keep("GenerateDataKey", &input, &context);
                self.ask("RotateKeyOnDemand", &json!({ "KeyId": key }));
                self.plane.clock.advance(ROTATION_MS);
                self.runtime.block_on(self.plane.run_due()).unwrap();
            }
        }
    }

    fn keep(&mut self, operation: &str, input: &Value, context: &Value) {
        let answer = self.ask(operation, input);
        let blob = decode(answer["CiphertextBlob"].as_str().unwrap());
        let plaintext = answer["Plaintext"].as_str().unwrap_or("AAAA").to_owned();
        self.made.push(Made { blob, context: context.clone(), plaintext });
    }

    fn ask(&self, operation: &str, input: &Value) -> Value {
        let (status, answer) = self.call(operation, input);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn call(&self, operation: &str, input: &Value) -> (u16, Value) {
        let body = input.to_string();
        let target = format!("TrentService.{operation}");
        let lines = [("host", &b"kms.example"[..]), ("x-amz-target", target.as_bytes())];
        let parts = RequestParts {
            method: "POST",
            path: "/",
            query: "",
            headers: &lines,
            body: body.as_bytes(),
        };
        let credentials = Credentials { access_key_id: ACCOUNT, secret: b"any", token: None };
        let options = SignOptions::new("kms", "eu-central-1", Clock::wall_ms() / 1000);
        let signed = sign_header(&parts, &credentials, &options).unwrap();
        let signed = signed.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let mut headers = HeaderMap::new();
        for (name, value) in lines.into_iter().chain(signed) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        }
        let request = WireRequest {
            method: http::Method::POST,
            path: "/".into(),
            query: String::new(),
            headers,
            body: body.into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            secure: false,
        };
        let WireResponse { status, body, .. } = self.runtime.block_on(self.plane.call(request));
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    fn decrypt(&self, blob: &[u8], context: &Value) {
        let input = json!({ "CiphertextBlob": encode(blob), "EncryptionContext": context });
        let (status, answer) = self.call("Decrypt", &input);
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

/// Five bytes an edit: what, where (two bytes), with what, how many.
fn edited(mut blob: Vec<u8>, other: &[u8], edits: &[u8]) -> Vec<u8> {
    for edit in edits.as_chunks::<5>().0 {
        let [what, high, low, with, count] = *edit;
        let at = usize::from(u16::from_be_bytes([high, low])) % (blob.len() + 1);
        let end = (at + usize::from(count)).min(blob.len());
        match what % 5 {
            0 => blob[at..end].iter_mut().for_each(|byte| *byte ^= with),
            1 => blob.truncate(at),
            2 => blob.insert(at, with),
            3 => drop(blob.drain(at..end)),
            _ => {
                let end = end.min(other.len()).max(at.min(other.len()));
                let part = other.get(at..end).unwrap_or_default();
                blob[at..at + part.len()].copy_from_slice(part);
            }
        }
    }
    blob.truncate(MOST_BYTES);
    blob
}

fuzz_target!(|data: &[u8]| {
    let [which, context, rest @ ..] = data else { return };
    WORLD.with(|world| {
        let count = world.made.len();
        let context = &world.made[usize::from(*context) % count].context;
        let which = usize::from(*which) % (count + 1);
        let blob = match world.made.get(which) {
            Some(made) => edited(made.blob.clone(), &world.made[(which + 1) % count].blob, rest),
            None => rest[..rest.len().min(MOST_BYTES)].to_vec(),
        };
        if !blob.is_empty() {
            world.decrypt(&blob, context);
        }
    });
});

fn encode(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    base64_simd::STANDARD.decode_to_vec(text).unwrap()
}
