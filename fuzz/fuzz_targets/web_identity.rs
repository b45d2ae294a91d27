//! Identity providers' tokens, through the whole way of AssumeRoleWithWebIdentity: a token gets a
//! session only if the provider signed it to the letter, for the audience and in time.
//!
//! The input: a kind, then edits of a good token, five bytes each; or a header and claims, a line
//! each, which are signed as they are; or a token as it is.

#![no_main]

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64_simd::URL_SAFE_NO_PAD;
use bulla_fuzz::edits::edited;
use bulla_fuzz::iam::{House, Signer, element, encode, issued};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "sts.amazonaws.com";
const HEADER: &str = r#"{"alg":"ES256","kid":"e1"}"#;
const CLAIMS: &str =
    r#"{"iss":"https://issuer.example","sub":"repo","aud":"sts.amazonaws.com","exp":4102444800}"#;
const MOST_BYTES: usize = 20_000;
const REFUSED: [&str; 8] = [
    "AccessDenied",
    "ExpiredTokenException",
    "IDPCommunicationError",
    "InvalidIdentityToken",
    "InvalidParameterValue",
    "MalformedInput",
    "PackedPolicyTooLarge",
    "ValidationError",
];

struct World {
    house: House,
    key: EcdsaKeyPair,
    good: String,
}

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let part = |bytes| URL_SAFE_NO_PAD.encode_to_string(bytes);
        let keys = json!({ "keys": [
            { "kty": "EC", "kid": "e1", "crv": "P-256", "x": part(x), "y": part(y) },
        ] });
        let house = House::new(keys.to_string().as_bytes());
        let root = Signer { id: ACCOUNT.into(), secret: "any".into(), token: None };
        let input = format!("Url={}&ClientIDList.member.1={AUDIENCE}", encode(ISSUER));
        house.must(&root, "iam", "CreateOpenIDConnectProvider", &input);
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"],
            "Principal": { "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example") },
        }] });
        let trust = encode(&trust.to_string());
        let input = format!("RoleName=R&AssumeRolePolicyDocument={trust}");
        house.must(&root, "iam", "CreateRole", &input);
        let mut world = Self { house, key, good: String::new() };
        world.good = world.signed(HEADER, CLAIMS);
        let (status, body) = world.call(&world.good);
        assert_eq!(status, 200, "{body}");
        world
    }

    fn signed(&self, header: &str, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode_to_string(text.as_bytes());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode_to_string(signature.as_ref()))
    }

    fn call(&self, token: &str) -> (u16, String) {
        let input = format!(
            "RoleArn=arn:aws:iam::{ACCOUNT}:role/R&RoleSessionName=session&WebIdentityToken={}",
            encode(token)
        );
        let nobody = Signer::default();
        self.house.call(&nobody, "sts", "AssumeRoleWithWebIdentity", &input)
    }

    /// Whether a session came of it; whatever else there is must be the caller's fault.
    fn gets_in(&self, token: &str) -> bool {
        let (status, body) = self.call(token);
        let code = element(&body, "Code").unwrap_or_default();
        assert!(status == 200 || REFUSED.contains(&code), "{status} {body}");
        status == 200
    }
}

/// Whether claims that were signed may let their bearer in, as a second reader has it.
fn may(header: &str, claims: &str) -> bool {
    let (Ok(header), Ok(claims)) =
        (serde_json::from_str::<Value>(header), serde_json::from_str::<Value>(claims))
    else {
        return false;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let audience = match claims.get("azp") {
        None | Some(Value::Null) => claims.get("aud"),
        azp => azp,
    };
    let audience = match audience {
        Some(Value::Array(all)) => all.iter().any(|one| one == AUDIENCE),
        one => one.is_some_and(|one| one == AUDIENCE),
    };
    header["alg"] == "ES256"
        && header.get("crit").is_none_or(Value::is_null)
        && header.get("kid").is_none_or(|kid| kid.is_null() || kid == "e1")
        && claims["iss"] == ISSUER
        && claims["sub"].is_string()
        && claims["exp"].as_f64().is_some_and(|exp| exp > now - 60.0)
        && audience
}

fuzz_target!(|data: &[u8]| {
    let [kind, rest @ ..] = data else { return };
    let rest = &rest[..rest.len().min(MOST_BYTES)];
    WORLD.with(|world| match kind % 3 {
        0 => {
            let good = world.good.clone().into_bytes();
            let token = edited(good.clone(), &good, rest, MOST_BYTES);
            let Ok(token) = String::from_utf8(token) else { return };
            assert!(!world.gets_in(&token) || token == world.good, "{token}");
        }
        1 => {
            let Ok(text) = std::str::from_utf8(rest) else { return };
            let Some((header, claims)) = text.split_once('\n') else { return };
            let token = world.signed(header, claims);
            assert!(!world.gets_in(&token) || may(header, claims), "{header} {claims}");
        }
        _ => {
            let Ok(token) = std::str::from_utf8(rest) else { return };
            assert!(!world.gets_in(token), "{token}");
        }
    });
});
