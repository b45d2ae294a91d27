//! `bulla xks credential`: a new credential, in the form of the configuration file that AWS's
//! console takes (XKS proxy specification, "XKS proxy configuration in AWS KMS console").

use base64_simd::STANDARD as BASE64;
use bulla_crypto::Crypto;

use crate::error::Error;
use crate::stdout::line;

/// What every path ends in.
pub(super) const API: &str = "/kms/xks/v1";
/// The longest path.
const MAX_PATH_CHARS: usize = 128;
/// RFC 4648's base32, of which access key ids are made.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// How long an access key id is.
const ID_CHARS: usize = 26;
/// How long a secret is before it is text, in bytes.
const SECRET_BYTES: usize = 32;

/// Prints a new credential for a path.
pub(super) fn print(prefix: Option<&str>) -> Result<(), Error> {
    let path = path(prefix)?;
    let crypto = Crypto::standard();
    let random = crypto.random::<ID_CHARS>()?;
    let digit = |byte: &u8| BASE32.get(usize::from(byte % 32)).copied().map(char::from);
    let id: String = random.iter().filter_map(digit).collect();
    let secret = crypto.random_secret(SECRET_BYTES)?;
    let file = serde_json::json!({
        "XksProxyUriPath": path,
        "XksProxyAuthenticationCredential": {
            "AccessKeyId": id,
            "RawSecretAccessKey": BASE64.encode_to_string(secret.expose()),
        },
    });
    line(format_args!("{file:#}"))?;
    Ok(())
}

fn path(prefix: Option<&str>) -> Result<String, Error> {
    let prefix = prefix.map(|prefix| format!("/{}", prefix.trim_matches('/'))).unwrap_or_default();
    let path = format!("{prefix}{API}");
    if is_path(&path) {
        return Ok(path);
    }
    Err(Error::Usage(format!(
        "{path} is no path of a proxy: of letters, digits, / - and _, at most {MAX_PATH_CHARS}"
    )))
}

/// Whether this is a path that a key store may have.
pub(super) fn is_path(path: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    path.starts_with('/')
        && path.ends_with(API)
        && path.len() <= MAX_PATH_CHARS
        && !path.contains("//")
        && path.chars().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_becomes_a_path() {
        assert_eq!(path(None).unwrap(), "/kms/xks/v1");
        assert_eq!(path(Some("/a/b_c/")).unwrap(), "/a/b_c/kms/xks/v1");
        for wrong in ["a b", "a//b", "..", "ä", &"x".repeat(200)] {
            assert!(path(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
