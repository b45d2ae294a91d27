//! A path of the proxy, with the credential that opens it.

use std::path::PathBuf;

use bulla_crypto::SecretBytes;
use bulla_kms::xks::SIGNING_NAME;
use bulla_sigv4::{AuthError, Form, Regions, RequestParts, ServiceRules, SigningKey, Skew, parse};
use serde::Deserialize;

use crate::error::Error;

use super::credential::is_path;

/// The largest file with a credential, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024;
/// How old a request may be, and how far ahead, in minutes (XKS proxy specification, appendix A).
const SKEW_MINUTES: u32 = 5;
/// The lengths of an access key id and of a secret (XKS proxy specification, appendix A).
const ID_CHARS: std::ops::RangeInclusive<usize> = 20..=30;
const SECRET_CHARS: std::ops::RangeInclusive<usize> = 43..=64;

/// A path and what opens it. Several may have the same path, so that a credential can be replaced
/// by the next one.
pub(super) struct Door {
    pub(super) path: String,
    pub(super) access_key_id: String,
    secret: SecretBytes,
}

/// The file, as `bulla xks credential` prints it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct File {
    xks_proxy_uri_path: String,
    xks_proxy_authentication_credential: Credential,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Credential {
    access_key_id: String,
    raw_secret_access_key: String,
}

impl Door {
    /// Reads a file with a credential.
    pub(super) fn read(path: &PathBuf) -> Result<Self, Error> {
        let failed = |cause| Error::io(format!("read the credential in {}", path.display()), cause);
        let refused = |why: &str| {
            Error::Usage(format!(
                "{} is no credential of a proxy ({why}): make one with `bulla xks credential`",
                path.display()
            ))
        };
        if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE_BYTES {
            return Err(refused("it is too large"));
        }
        let text = SecretBytes::new(std::fs::read(path).map_err(failed)?);
        // The cause would quote what stands in the file.
        let file: File = serde_json::from_slice(text.expose())
            .map_err(|_| refused("it is not the JSON that is expected"))?;
        let credential = file.xks_proxy_authentication_credential;
        let secret = SecretBytes::new(credential.raw_secret_access_key.into_bytes());
        if !is_path(&file.xks_proxy_uri_path) {
            return Err(refused("its path is none"));
        }
        let id = &credential.access_key_id;
        let known = |c: char| c.is_ascii_uppercase() || ('2'..='7').contains(&c);
        if !(ID_CHARS.contains(&id.len()) && id.chars().all(known)) {
            return Err(refused("its access key id has not 20 to 30 characters of A-Z and 2-7"));
        }
        if !SECRET_CHARS.contains(&secret.len()) {
            return Err(refused("its secret has not 43 to 64 characters"));
        }
        Ok(Self { path: file.xks_proxy_uri_path, access_key_id: credential.access_key_id, secret })
    }

    /// Whether one of the doors of a path is opened by the request's signature.
    ///
    /// # Errors
    /// What is wrong with the signature; for the log.
    pub(super) fn open(
        doors: &[Self],
        path: &str,
        parts: &RequestParts<'_>,
        now: i64,
    ) -> Result<(), AuthError> {
        let rules = ServiceRules {
            regions: Regions::Any,
            skew: Skew::minutes(SKEW_MINUTES),
            ..ServiceRules::new(SIGNING_NAME, "")
        };
        let claim = parse(parts, now, &rules)?;
        if claim.form() != Form::Header || claim.session_token().is_some() {
            return Err(AuthError::Missing);
        }
        let is_meant =
            |door: &&Self| door.path == path && door.access_key_id == claim.access_key_id();
        // An unknown access key costs as much work as a known one.
        let key = doors.iter().find(is_meant).map_or_else(SigningKey::dummy, |door| {
            let (date, region) = (claim.scope_date(), claim.region());
            SigningKey::derive(door.secret.expose(), date, region, claim.service())
        });
        claim.verify(parts, &key)
    }
}

#[cfg(test)]
mod tests {
    use bulla_sigv4::{Credentials, SignOptions, sign_header};

    use super::*;

    const ID: &str = "ABCDEFGHIJKLMNOPQRST";
    const SECRET: &str = "0123456789012345678901234567890123456789012";
    const NOW: i64 = 1_800_000_000;

    fn door(path: &str, id: &str) -> Door {
        let secret = SecretBytes::from_slice(SECRET.as_bytes());
        Door { path: path.into(), access_key_id: id.into(), secret }
    }

    fn try_door(doors: &[Door], at: &str, service: &str, secret: &str, then: i64) -> bool {
        let mut lines = vec![("host".to_owned(), "proxy".to_owned())];
        let body = b"{}";
        let headers: Vec<_> = lines.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let parts = RequestParts { method: "POST", path: at, query: "", headers: &headers, body };
        let credentials = Credentials { access_key_id: ID, secret: secret.as_bytes(), token: None };
        let added =
            sign_header(&parts, &credentials, &SignOptions::new(service, "eu-west-1", then));
        lines.extend(added.unwrap());
        let headers: Vec<_> = lines.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let parts = RequestParts { method: "POST", path: at, query: "", headers: &headers, body };
        Door::open(doors, at, &parts, NOW).is_ok()
    }

    #[test]
    fn a_door_opens_to_its_credential_alone_and_for_five_minutes() {
        let doors = [door("/a/kms/xks/v1", ID), door("/b/kms/xks/v1", "ABCDEFGHIJKLMNOPQRS2")];
        let here = "/a/kms/xks/v1";
        assert!(try_door(&doors, here, SIGNING_NAME, SECRET, NOW));
        assert!(try_door(&doors, here, SIGNING_NAME, SECRET, NOW - 299));
        assert!(!try_door(&doors, here, SIGNING_NAME, SECRET, NOW - 301));
        assert!(!try_door(&doors, here, SIGNING_NAME, SECRET, NOW + 301));
        assert!(!try_door(&doors, here, SIGNING_NAME, "another", NOW));
        assert!(!try_door(&doors, here, "kms", SECRET, NOW));
        assert!(!try_door(&doors, "/b/kms/xks/v1", SIGNING_NAME, SECRET, NOW), "another's door");
        assert!(!try_door(&[], here, SIGNING_NAME, SECRET, NOW));
    }
}
