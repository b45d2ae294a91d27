//! JSON Web Tokens (RFC 7519) as signatures carry them in their compact form (RFC 7515).
//!
//! The algorithm must be one of those listed here, and the key decides which of them: a token can
//! choose neither "none" nor a MAC under a public key.

use bulla_crypto::SignatureAlgorithm;
use serde::Deserialize;
use serde_json::Value;

/// A token in its parts. Nothing of it is verified yet.
pub(crate) struct Token<'a> {
    pub(crate) algorithm: SignatureAlgorithm,
    /// Which of the issuer's keys signed it.
    pub(crate) key_id: Option<String>,
    pub(crate) claims: Claims,
    /// What was signed: header and claims as they were sent.
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood; none are.
    crit: Option<Value>,
}

/// The claims that are read; there may be others.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    aud: OneOrMany,
    /// The party the token was issued to, if that is not the audience alone.
    azp: Option<String>,
    /// Seconds since 1970, fractions allowed.
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    amr: Option<OneOrMany>,
    #[serde(rename = "https://aws.amazon.com/tags")]
    pub(crate) tags: Option<TagClaim>,
    #[serde(rename = "https://aws.amazon.com/source_identity")]
    pub(crate) source_identity: Option<String>,
}

/// AWS's claim for session tags ("Passing session tags using AssumeRoleWithWebIdentity").
#[derive(Debug, Deserialize)]
pub(crate) struct TagClaim {
    #[serde(default)]
    pub(crate) principal_tags: std::collections::BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) transitive_tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// When a token is not good at this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfTime {
    /// It ended, at this second since 1970.
    Expired(i64),
    /// It begins later, or was issued later.
    Early,
}

/// How far an issuer's clock may be ahead, in seconds. The choice is ours.
const SKEW_SECONDS: f64 = 300.0;

impl Claims {
    /// Whom the token is for: the party it was issued to, else its audiences.
    pub(crate) fn audiences(&self) -> &[String] {
        match &self.azp {
            Some(party) => std::slice::from_ref(party),
            None => self.aud.as_slice(),
        }
    }

    /// The audiences that the token itself names, where it was issued to somebody else.
    pub(crate) fn original_audience(&self) -> Option<&str> {
        self.azp.as_ref().and_then(|_| self.aud.as_slice().first()).map(String::as_str)
    }

    /// How its bearer was authenticated.
    pub(crate) fn methods(&self) -> &[String] {
        self.amr.as_ref().map_or(&[], OneOrMany::as_slice)
    }

    /// Whether the token is good at this second since 1970.
    pub(crate) fn check_time(&self, now: i64) -> Result<(), OutOfTime> {
        #[expect(clippy::cast_precision_loss, reason = "seconds are exact for ages to come")]
        let at = now as f64;
        if at >= self.exp {
            #[expect(clippy::cast_possible_truncation, reason = "only told; it saturates")]
            return Err(OutOfTime::Expired(self.exp as i64));
        }
        let begun = |time: Option<f64>| time.is_none_or(|time| time <= at + SKEW_SECONDS);
        if begun(self.nbf) && begun(self.iat) { Ok(()) } else { Err(OutOfTime::Early) }
    }
}

/// Takes a token apart; nothing when it is none, or none that can be verified here.
pub(crate) fn parse(token: &str) -> Option<Token<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    if header.crit.is_some() {
        return None;
    }
    let algorithm = match header.alg.as_str() {
        "RS256" => SignatureAlgorithm::Rs256,
        "RS384" => SignatureAlgorithm::Rs384,
        "RS512" => SignatureAlgorithm::Rs512,
        "ES256" => SignatureAlgorithm::Es256,
        "ES384" => SignatureAlgorithm::Es384,
        "ES512" => SignatureAlgorithm::Es512,
        _ => return None,
    };
    Some(Token {
        algorithm,
        key_id: header.kid,
        claims: serde_json::from_slice(&decode(claims)?).ok()?,
        signed,
        signature: decode(signature)?,
    })
}

/// Base 64 for URLs without padding, as all parts of tokens and keys are.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let encode = |text: &str| base64_simd::URL_SAFE_NO_PAD.encode_to_string(text.as_bytes());
        format!("{}.{}.{}", encode(header), encode(claims), encode("signature"))
    }

    const HEADER: &str = r#"{"alg":"RS256","kid":"1","typ":"JWT"}"#;
    const CLAIMS: &str = r#"{"iss":"https://i","sub":"s","aud":["a","b"],"exp":100,"more":{}}"#;

    #[test]
    fn a_token_is_taken_apart() {
        let text = token(HEADER, CLAIMS);
        let parsed = parse(&text).unwrap();
        assert_eq!(parsed.algorithm, SignatureAlgorithm::Rs256);
        assert_eq!(parsed.key_id.as_deref(), Some("1"));
        assert_eq!(parsed.claims.audiences(), ["a", "b"]);
        assert_eq!(parsed.signature, b"signature");
        assert!(text.starts_with(parsed.signed));
    }

    #[test]
    fn only_listed_algorithms_and_no_extensions() {
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256","kid":"1"}"#,
            r#"{"alg":"rs256"}"#,
            r#"{"alg":"PS256"}"#,
            r#"{"kid":"1"}"#,
            r#"{"alg":"RS256","alg":"none"}"#,
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
            "[]",
            "",
        ] {
            assert!(parse(&token(header, CLAIMS)).is_none(), "{header}");
        }
    }

    #[test]
    fn claims_must_be_there_once_and_of_their_type() {
        for claims in [
            "{}",
            r#"{"iss":"i","sub":"s","aud":"a"}"#,
            r#"{"iss":"i","sub":"s","aud":"a","exp":"100"}"#,
            r#"{"iss":"i","sub":1,"aud":"a","exp":100}"#,
            r#"{"iss":"i","sub":"s","sub":"t","aud":"a","exp":100}"#,
            r#"{"sub":"s","aud":"a","exp":100}"#,
        ] {
            assert!(parse(&token(HEADER, claims)).is_none(), "{claims}");
        }
        for text in ["", ".", "..", "a.b.c", "not a token"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn times_are_judged_to_the_second() {
        let claims = |more: &str| {
            let text = format!(r#"{{"iss":"i","sub":"s","aud":"a","exp":1000{more}}}"#);
            parse(&token(HEADER, &text)).unwrap().claims
        };
        assert_eq!(claims("").check_time(999), Ok(()));
        assert_eq!(claims("").check_time(1000), Err(OutOfTime::Expired(1000)));
        assert_eq!(claims(r#","nbf":700"#).check_time(400), Ok(()));
        assert_eq!(claims(r#","nbf":701"#).check_time(400), Err(OutOfTime::Early));
        assert_eq!(claims(r#","iat":701"#).check_time(400), Err(OutOfTime::Early));
    }

    #[test]
    fn a_token_issued_to_another_party_is_for_that_party() {
        let text = r#"{"iss":"i","sub":"s","aud":"api","azp":"app","exp":1}"#;
        let token = token(HEADER, text);
        let claims = parse(&token).unwrap().claims;
        assert_eq!(claims.audiences(), ["app"]);
        assert_eq!(claims.original_audience(), Some("api"));
    }
}
