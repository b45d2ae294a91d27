//! What a signature says of the body, by `x-amz-content-sha256` and the rules of the service.

use bulla_crypto::{SHA256_LEN, ct_eq, hex, sha256};

use crate::{AuthError, Form, PayloadRule};

pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What stands for the body in the canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The hash of the body, nothing declared.
    Body,
    /// The hash of the body, and the client declared it to be this.
    Declared([u8; SHA256_LEN]),
    /// `UNSIGNED-PAYLOAD`: the signature does not cover the body.
    Unsigned,
}

/// S3's forms for bodies that are signed, or sent, in chunks. None is served: a request that
/// declares one is refused with [`AuthError::Streaming`] before anything is read from its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streaming {
    /// Each chunk bears a signature over the one before.
    Signed,
    /// The same, and a signed trailer follows.
    SignedTrailer,
    /// Chunks without signature, and a trailer.
    UnsignedTrailer,
    /// Chunks signed by SigV4A.
    Ecdsa,
    /// The same with a signed trailer.
    EcdsaTrailer,
}

impl Streaming {
    fn parse(value: &str) -> Option<Self> {
        Some(match value {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Self::Signed,
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Self::SignedTrailer,
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Self::UnsignedTrailer,
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" => Self::Ecdsa,
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER" => Self::EcdsaTrailer,
            _ => return None,
        })
    }
}

impl Payload {
    /// Reads the header, if there is one.
    pub(crate) fn read(
        header: Option<&[u8]>,
        form: Form,
        rule: PayloadRule,
    ) -> Result<Self, AuthError> {
        let Some(value) = header else {
            return match (rule, form) {
                (PayloadRule::Body, _) => Ok(Self::Body),
                (PayloadRule::Declared, Form::Presigned) => Ok(Self::Unsigned),
                (PayloadRule::Declared, Form::Header) => Err(AuthError::PayloadUndeclared),
            };
        };
        let value = crate::request::text(value).ok_or(AuthError::PayloadHash)?;
        if let Some(form) = Streaming::parse(value) {
            return Err(AuthError::Streaming(form));
        }
        match (value, rule) {
            (UNSIGNED, PayloadRule::Declared) => Ok(Self::Unsigned),
            (UNSIGNED, PayloadRule::Body) => Err(AuthError::PayloadUnsigned),
            _ => decode(value).map(Self::Declared).ok_or(AuthError::PayloadHash),
        }
    }

    /// Appends what stands for `body`. Fails if the client declared another hash than it has.
    pub(crate) fn push(self, body: &[u8], out: &mut Vec<u8>) -> Result<(), AuthError> {
        if self == Self::Unsigned {
            out.extend_from_slice(UNSIGNED.as_bytes());
            return Ok(());
        }
        let digest = sha256(body);
        out.extend_from_slice(hex::digits(&digest).as_bytes());
        match self {
            Self::Declared(declared) if !ct_eq(&declared, &digest) => Err(AuthError::PayloadHash),
            _ => Ok(()),
        }
    }
}

/// Reads 64 lower-case digits. AWS compares text, so that capitals are not the same signature.
pub(crate) fn decode(text: &str) -> Option<[u8; SHA256_LEN]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut out = [0; SHA256_LEN];
    hex::decode_into(text.as_bytes(), &mut out).ok().map(|()| out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading() {
        let digest = sha256(b"body");
        let text = hex::encode(&digest);
        let read = |value: &str, form, rule| Payload::read(Some(value.as_bytes()), form, rule);
        for rule in [PayloadRule::Body, PayloadRule::Declared] {
            for form in [Form::Header, Form::Presigned] {
                assert_eq!(read(&text, form, rule), Ok(Payload::Declared(digest)));
                assert_eq!(read(&text.to_uppercase(), form, rule), Err(AuthError::PayloadHash));
                assert_eq!(read("", form, rule), Err(AuthError::PayloadHash));
                let chunked = read("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", form, rule);
                assert_eq!(chunked, Err(AuthError::Streaming(Streaming::Signed)));
            }
        }
        let (header, presigned) = (Form::Header, Form::Presigned);
        let (body, declared) = (PayloadRule::Body, PayloadRule::Declared);
        assert_eq!(read(UNSIGNED, header, body), Err(AuthError::PayloadUnsigned));
        assert_eq!(read(UNSIGNED, header, declared), Ok(Payload::Unsigned));
        assert_eq!(Payload::read(None, header, body), Ok(Payload::Body));
        assert_eq!(Payload::read(None, presigned, declared), Ok(Payload::Unsigned));
        let none = Payload::read(None, header, declared);
        assert_eq!(none, Err(AuthError::PayloadUndeclared));
    }

    #[test]
    fn a_false_declaration_is_refused() {
        let declared = Payload::Declared(sha256(b"body"));
        let mut out = Vec::new();
        assert_eq!(declared.push(b"body", &mut out), Ok(()));
        assert_eq!(out, hex::encode(&sha256(b"body")).into_bytes());
        assert_eq!(declared.push(b"bodz", &mut out), Err(AuthError::PayloadHash));
    }
}
