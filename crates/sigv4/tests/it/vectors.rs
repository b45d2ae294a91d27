//! AWS's signing test suite: each case's canonical request, string to sign and signature, in the
//! header and in the query form, from the signer and from the verifier.
//!
//! The cases are looked for in `$BULLA_VECTORS/sigv4`; without them the test says so and passes.

use std::fs;
use std::path::{Path, PathBuf};

use bulla_sigv4::{
    Credentials, PathRule, ServiceRules, SignOptions, SigningKey, Stamp, parse, presign,
    sign_header,
};

use crate::request::Request;

const CASES: usize = 38;

struct Case {
    folder: PathBuf,
    context: serde_json::Value,
}

impl Case {
    fn read(&self, name: &str) -> String {
        let path = self.folder.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.context.pointer(pointer)?.as_str()
    }

    fn flag(&self, pointer: &str) -> bool {
        self.context.pointer(pointer).and_then(serde_json::Value::as_bool).unwrap_or(false)
    }

    fn stamp(&self) -> Stamp {
        let text = self.text("/timestamp").unwrap().replace(['-', ':'], "");
        Stamp::parse_basic(&text).unwrap()
    }

    fn path(&self) -> PathRule {
        if self.flag("/normalize") { PathRule::Normalized } else { PathRule::AsSent }
    }

    fn rules(&self) -> ServiceRules<'_> {
        ServiceRules {
            path: self.path(),
            token_after_signing: self.flag("/omit_session_token"),
            ..ServiceRules::new(self.text("/service").unwrap(), self.text("/region").unwrap())
        }
    }

    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            access_key_id: self.text("/credentials/access_key_id").unwrap(),
            secret: self.text("/credentials/secret_access_key").unwrap().as_bytes(),
            token: self.text("/credentials/token"),
        }
    }

    fn options(&self) -> SignOptions<'_> {
        let (service, region) = (self.text("/service").unwrap(), self.text("/region").unwrap());
        SignOptions {
            path: self.path(),
            declare_body: self.flag("/sign_body"),
            token_after_signing: self.flag("/omit_session_token"),
            ..SignOptions::new(service, region, self.stamp().unix())
        }
    }

    /// The suite's signed request is accepted, by way of its canonical request and string.
    fn check_verifier(&self, form: &str) {
        let request = read_request(&self.read(&format!("{form}-signed-request.txt")));
        let credentials = self.credentials();
        request.with(|parts| {
            let claim = parse(parts, self.stamp().unix(), &self.rules()).unwrap();
            assert_eq!(claim.access_key_id(), credentials.access_key_id);
            assert_eq!(claim.session_token(), credentials.token);
            if !(form == "query" && self.flag("/omit_session_token")) {
                let explained = claim.explain(parts).unwrap();
                let canonical = self.read(&format!("{form}-canonical-request.txt"));
                assert_eq!(String::from_utf8(explained.canonical_request).unwrap(), canonical);
                let string = self.read(&format!("{form}-string-to-sign.txt"));
                assert_eq!(String::from_utf8(explained.string_to_sign).unwrap(), string);
            }
            let (date, region) = (claim.scope_date(), claim.region());
            let key = SigningKey::derive(credentials.secret, date, region, claim.service());
            claim.verify(parts, &key).unwrap();
        });
    }

    /// Signing the suite's plain request gives the suite's signature.
    fn check_signer(&self) {
        let request = read_request(&self.read("request.txt"));
        let (credentials, options) = (self.credentials(), self.options());
        let added = request.with(|parts| sign_header(parts, &credentials, &options)).unwrap();
        let (_, authorization) = added.last().unwrap();
        let signature = self.read("header-signature.txt");
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{authorization}");
        let signed = read_request(&self.read("header-signed-request.txt"));
        assert!(signed.headers.iter().any(|(_, value)| value == authorization.as_bytes()));

        let expires = self.context["expiration_in_seconds"].as_u64().unwrap();
        let expires = u32::try_from(expires).unwrap();
        let query = request.with(|parts| presign(parts, &credentials, &options, expires)).unwrap();
        let signature = self.read("query-signature.txt");
        assert!(query.ends_with(&format!("&X-Amz-Signature={signature}")), "{query}");
    }
}

/// Takes a request of the suite apart. Folded header lines stay folded.
fn read_request(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, rest) = lines.next().unwrap().split_once(' ').unwrap();
    let (target, _version) = rest.rsplit_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    for line in lines {
        if line.starts_with(' ') {
            let (_, value) = headers.last_mut().unwrap();
            value.extend([b"\r\n", line.as_bytes()].concat());
        } else {
            let (name, value) = line.split_once(':').unwrap();
            headers.push((name.into(), value.into()));
        }
    }
    // The suite ends a request without body by one or two line breaks.
    let body = if body.trim().is_empty() { Vec::new() } else { body.into() };
    Request { method: method.into(), path: path.into(), query: query.into(), headers, body }
}

fn cases(folder: &Path) -> Vec<Case> {
    let mut cases: Vec<Case> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|folder| {
            let context = fs::read_to_string(folder.join("context.json")).unwrap();
            Case { context: serde_json::from_str(&context).unwrap(), folder }
        })
        .collect();
    cases.sort_by(|a, b| a.folder.cmp(&b.folder));
    cases
}

#[test]
fn the_suite_of_aws() {
    let Some(folder) = std::env::var_os("BULLA_VECTORS").map(|root| Path::new(&root).join("sigv4"))
    else {
        println!("skipped: BULLA_VECTORS is not set");
        return;
    };
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let cases = cases(&folder);
    assert_eq!(cases.len(), CASES);
    for case in cases {
        println!("{}", case.folder.display());
        case.check_verifier("header");
        case.check_verifier("query");
        case.check_signer();
    }
}
