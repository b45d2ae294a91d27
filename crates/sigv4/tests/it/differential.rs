//! Random requests, signed here and by the second signer; and random mutations of signed
//! requests, which must be refused unless the second signer says that they mean the same.

use bulla_sigv4::{
    Credentials, MAX_EXPIRES_SECONDS, ServiceRules, SignOptions, presign, sign_header,
};
use proptest::prelude::*;

use crate::naive::{self, Signed};
use crate::request::{KEY_ID, NOW, Request, SECRET};

const DATE: &str = "20150830T123600Z";
const SCOPE: &str = "20150830/us-east-1/svc/aws4_request";
const RULES: ServiceRules<'static> = ServiceRules::new("svc", "us-east-1");

fn options() -> SignOptions<'static> {
    SignOptions::new("svc", "us-east-1", NOW)
}

fn credentials(token: Option<&str>) -> Credentials<'_> {
    Credentials { access_key_id: KEY_ID, secret: SECRET.as_bytes(), token }
}

/// Text of a path or query: whatever a client may send, escapes included, all well formed.
fn encoded(extra: &'static str) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        extra.prop_map(|text: String| text),
        "[a-zA-Z0-9._~-]{1,3}",
        any::<u8>().prop_map(|byte| format!("%{byte:02X}")),
        any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        "[éሴ +*!'()]",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn requests() -> impl Strategy<Value = Request> {
    let value = prop_oneof![
        "[ \t]{0,2}[!-~]{0,6}[ \t]{0,3}[!-~]{0,6}[ ]{0,2}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..10),
    ];
    let name = "(My-|X-Amz-Meta-|x-amz-|Content-)[A-C]{1,2}";
    let headers = prop::collection::vec((name, value), 0..5);
    let query = encoded("[&=;,/]");
    let body = prop::collection::vec(any::<u8>(), 0..40);
    ("GET|POST|PUT", encoded("/|/\\.|/\\.\\.|//"), query, headers, body).prop_map(
        |(method, path, query, mut headers, body)| {
            headers.insert(headers.len() / 2, ("Host".into(), b"example.com".to_vec()));
            Request { method, path: format!("/{path}"), query, headers, body }
        },
    )
}

/// The request signed in the header, or in the query.
fn signed(mut request: Request, token: Option<&str>, expires: Option<u32>) -> Request {
    let credentials = credentials(token);
    if let Some(expires) = expires {
        let query = request.with(|parts| presign(parts, &credentials, &options(), expires));
        request.query = query.unwrap();
    } else {
        request.add(request.with(|parts| sign_header(parts, &credentials, &options())).unwrap());
    }
    request
}

#[derive(Clone, Debug)]
struct Mutation {
    place: prop::sample::Selector,
    at: prop::sample::Index,
    byte: u8,
    how: u8,
}

fn mutations() -> impl Strategy<Value = Mutation> {
    (any::<prop::sample::Selector>(), any::<prop::sample::Index>(), any::<u8>(), 0..6_u8)
        .prop_map(|(place, at, byte, how)| Mutation { place, at, byte, how })
}

/// Bytes that mean something to a parser here, more often than not.
fn telling(byte: u8) -> u8 {
    let telling = b" \t\r\n,;:=&%/.+?0a-AZ";
    telling.get(usize::from(byte)).copied().unwrap_or(byte)
}

impl Mutation {
    fn bytes(&self, bytes: &mut Vec<u8>) {
        let byte = telling(self.byte);
        let at = self.at.index(bytes.len() + 1);
        match self.how {
            0 => bytes.insert(at, byte),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] = byte,
            3 if at < bytes.len() => bytes[at] ^= 1 << (self.byte % 8),
            4 if at + 1 < bytes.len() => bytes.swap(at, at + 1),
            5 => drop(bytes.split_off(at)),
            _ => bytes.push(byte),
        }
    }

    fn text(&self, text: &mut String) {
        let mut bytes = std::mem::take(text).into_bytes();
        self.bytes(&mut bytes);
        *text = String::from_utf8_lossy(&bytes).into_owned();
    }

    fn apply(&self, request: &mut Request) {
        let count = request.headers.len();
        let place = self.place.select(0..2 * count + 7);
        match place {
            0 => self.text(&mut request.method),
            1 => self.text(&mut request.path),
            2 | 3 => self.text(&mut request.query),
            4 => self.bytes(&mut request.body),
            5 => {
                let line = request.headers[self.at.index(count)].clone();
                request.headers.insert(usize::from(self.byte) % count, line);
            }
            6 => request.headers.swap(self.at.index(count), usize::from(self.byte) % count),
            _ => {
                let (name, value) = &mut request.headers[(place - 7) / 2];
                if place.is_multiple_of(2) { self.text(name) } else { self.bytes(value) }
            }
        }
    }
}

proptest! {
    #[test]
    fn two_signers_agree(request in requests(), token in prop::option::of("[A-Za-z0-9/+=]{1,40}")) {
        let in_header = signed(request.clone(), token.as_deref(), None);
        prop_assert_eq!(in_header.authenticate(NOW, &RULES), Ok(()));
        prop_assert_eq!(naive::verify(&in_header, SECRET, SCOPE), Some(true));

        let presigned = signed(request, token.as_deref(), Some(MAX_EXPIRES_SECONDS));
        prop_assert_eq!(presigned.authenticate(NOW, &RULES), Ok(()));
        prop_assert_eq!(naive::verify(&presigned, SECRET, SCOPE), Some(true));
    }

    #[test]
    fn the_second_signers_requests_verify(request in requests()) {
        let mut request = request;
        request.headers.push(("X-Amz-Date".into(), DATE.into()));
        let mut names: Vec<String> =
            request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        let headers = names.join(";");
        let plan = Signed { headers: &headers, date: DATE, scope: SCOPE, presigned: false };
        let signature = naive::signature(&request, &plan, SECRET).unwrap();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={KEY_ID}/{SCOPE}, SignedHeaders={headers}, \
             Signature={signature}"
        );
        request.headers.push(("authorization".into(), authorization.into()));
        prop_assert_eq!(request.authenticate(NOW, &RULES), Ok(()));
    }

    #[test]
    fn no_mutation_verifies(
        request in requests(),
        token in prop::option::of("[A-Za-z0-9/+=]{1,40}"),
        expires in prop::option::of(1..MAX_EXPIRES_SECONDS),
        mutations in prop::collection::vec(prop::collection::vec(mutations(), 1..3), 1..24),
    ) {
        let original = signed(request, token.as_deref(), expires);
        for steps in mutations {
            let mut mutated = original.clone();
            steps.iter().for_each(|step| step.apply(&mut mutated));
            if mutated.authenticate(NOW, &RULES).is_ok() {
                prop_assert_eq!(naive::verify(&mutated, SECRET, SCOPE), Some(true), "{:?}", mutated);
            }
        }
    }
}
