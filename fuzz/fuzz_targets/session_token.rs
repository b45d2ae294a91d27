//! Session tokens of any bytes, through the whole way of a signed request: a token opens as it was
//! made, with the access key that it was made for; whatever else there is is refused as the
//! caller's fault.
//!
//! The input: which token it starts from, whose key signs, then edits of five bytes each; or a
//! token as it is.

#![no_main]

use bulla_fuzz::edits::edited;
use bulla_fuzz::iam::{House, Signer, element, encode, issued};
use libfuzzer_sys::fuzz_target;

const ACCOUNT: &str = "111122223333";
/// Longer ones are refused by their length; what is in them does not matter then.
const MOST_BYTES: usize = 6144;
const REFUSED: [&str; 3] = ["InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken"];

/// A session: what signs for it, and who it is.
struct Made {
    signer: Signer,
    arn: String,
}

struct World {
    house: House,
    made: Vec<Made>,
}

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    /// Sessions of a root user, a user, a federated user, and a role with a session policy.
    fn new() -> Self {
        let house = House::new(b"");
        let root = Signer { id: ACCOUNT.into(), secret: "any".into(), token: None };
        let iam = |operation: &str, input: &str| house.must(&root, "iam", operation, input);
        iam("CreateUser", "UserName=u");
        let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let policy = encode(everything);
        iam("PutUserPolicy", &format!("UserName=u&PolicyName=p&PolicyDocument={policy}"));
        let user = issued(&iam("CreateAccessKey", "UserName=u"));
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":["sts:AssumeRole","sts:TagSession"]}}}}"#
        );
        let trust = encode(&trust);
        iam("CreateRole", &format!("RoleName=R&AssumeRolePolicyDocument={trust}"));
        let role = format!(
            "RoleArn=arn:aws:iam::{ACCOUNT}:role/R&RoleSessionName=session&Policy={policy}&\
             Tags.member.1.Key=team&Tags.member.1.Value=a&TransitiveTagKeys.member.1=team"
        );
        let mut made = Vec::new();
        for (signer, operation, input) in [
            (&root, "GetSessionToken", ""),
            (&user, "GetSessionToken", ""),
            (&user, "GetFederationToken", "Name=fed"),
            (&user, "AssumeRole", role.as_str()),
        ] {
            let signer = issued(&house.must(signer, "sts", operation, input));
            let who = house.must(&signer, "sts", "GetCallerIdentity", "");
            made.push(Made { signer, arn: element(&who, "Arn").unwrap().to_owned() });
        }
        Self { house, made }
    }

    /// Asks who the caller is, as the holder of this token and of that session's key.
    fn ask(&self, token: String, key: &Made) {
        let signer = Signer { token: Some(token.clone()), ..key.signer.clone() };
        let (status, body) = self.house.call(&signer, "sts", "GetCallerIdentity", "");
        if key.signer.token.as_ref() == Some(&token) {
            assert_eq!(status, 200, "{body}");
            assert_eq!(element(&body, "Arn"), Some(&*key.arn));
        } else {
            assert_eq!(status, 403, "{body}");
            let code = element(&body, "Code").unwrap_or_default();
            assert!(REFUSED.contains(&code), "{body}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [which, key, rest @ ..] = data else { return };
    WORLD.with(|world| {
        let count = world.made.len();
        let key = &world.made[usize::from(*key) % count];
        let which = usize::from(*which) % (2 * count + 1);
        let token_of = |at: usize| world.made[at % count].signer.token.clone().unwrap();
        let token = if which < count {
            // Below the base 64, where the seal is.
            let decoded = |at| base64_simd::STANDARD.decode_to_vec(token_of(at)).unwrap();
            let bytes = edited(decoded(which), &decoded(which + 1), rest, MOST_BYTES);
            base64_simd::STANDARD.encode_to_string(bytes)
        } else if which < 2 * count {
            let (one, other) = (token_of(which).into_bytes(), token_of(which + 1).into_bytes());
            String::from_utf8_lossy(&edited(one, &other, rest, MOST_BYTES)).into_owned()
        } else {
            String::from_utf8_lossy(&rest[..rest.len().min(MOST_BYTES)]).into_owned()
        };
        // What no header can carry does not get as far as a token.
        if !token.is_empty() && token.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
            world.ask(token, key);
        }
    });
});
