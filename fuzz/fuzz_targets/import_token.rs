//! Import tokens and wrapped key material of any bytes, through the whole way of ImportKeyMaterial:
//! what was wrapped for a token is taken by the key that the token is for; whatever else there is
//! is refused as the caller's fault.
//!
//! The input: which token, which key's material, which key is asked, whether the token or the
//! material is altered, then edits of five bytes each.

#![no_main]

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use bulla_fuzz::edits::edited;
use bulla_fuzz::kms::{House, decode, encode};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// The most bytes that a token or wrapped material has.
const MOST_BYTES: usize = 6144;
const REFUSED: [&str; 3] =
    ["InvalidImportTokenException", "InvalidCiphertextException", "IncorrectKeyMaterialException"];

/// A key that takes material, a token for it, and material that is wrapped for that token.
struct Made {
    key: String,
    token: Vec<u8>,
    wrapped: Vec<u8>,
}

struct World {
    house: House,
    made: Vec<Made>,
}

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    fn new() -> Self {
        let house = House::new();
        let aes = json!({ "Origin": "EXTERNAL" });
        let mac = json!({ "Origin": "EXTERNAL", "KeySpec": "HMAC_256",
                          "KeyUsage": "GENERATE_VERIFY_MAC" });
        let made = [&aes, &aes, &mac].into_iter().zip(1..).map(|(input, fill)| {
            let key = house.key(input);
            let wanted = json!({ "KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
                                 "WrappingKeySpec": "RSA_2048" });
            let parameters = house.ask("GetParametersForImport", &wanted);
            let bytes = |name: &str| decode(parameters[name].as_str().unwrap());
            let public = PublicEncryptingKey::from_der(&bytes("PublicKey")).unwrap();
            let public = OaepPublicEncryptingKey::new(public).unwrap();
            let mut wrapped = vec![0; public.ciphertext_size()];
            public.encrypt(&OAEP_SHA256_MGF1SHA256, &[fill; 32], &mut wrapped, None).unwrap();
            Made { key, token: bytes("ImportToken"), wrapped }
        });
        let made = made.collect();
        Self { house, made }
    }

    fn import(&self, key: usize, token: &[u8], wrapped: &[u8]) {
        let input = json!({
            "KeyId": self.made[key].key, "ImportToken": encode(token),
            "EncryptedKeyMaterial": encode(wrapped),
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        });
        let (status, answer) = self.house.call("ImportKeyMaterial", &input);
        if token == self.made[key].token && wrapped == self.made[key].wrapped {
            assert_eq!(status, 200, "{answer}");
        } else {
            assert_eq!(status, 400, "{answer}");
            let code = answer["__type"].as_str().unwrap();
            assert!(REFUSED.contains(&code), "{answer}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [token, wrapped, key, what, rest @ ..] = data else { return };
    WORLD.with(|world| {
        let count = world.made.len();
        let [token, wrapped, key] = [token, wrapped, key].map(|at| usize::from(*at) % count);
        let bytes = |at: usize| {
            let made = &world.made[at % count];
            if what % 2 == 0 { made.token.clone() } else { made.wrapped.clone() }
        };
        let (mut one, mut other) =
            (world.made[token].token.clone(), world.made[wrapped].wrapped.clone());
        if what % 2 == 0 {
            one = edited(one, &bytes(token + 1), rest, MOST_BYTES);
        } else {
            other = edited(other, &bytes(wrapped + 1), rest, MOST_BYTES);
        }
        if !one.is_empty() && !other.is_empty() {
            world.import(key, &one, &other);
        }
    });
});
