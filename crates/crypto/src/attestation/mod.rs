//! Attestation documents, in the form of AWS's Nitro Enclaves: a COSE_Sign1 (RFC 9052) over a CBOR
//! map, signed with a P-384 key whose certificate leads to a root that is trusted.

mod cbor;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::PublicEncryptingKey;
use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, aws_lc_rs as algorithms};

use self::cbor::Reader;
use crate::der::{element, tag};

/// COSE's tag of a COSE_Sign1.
const COSE_SIGN1: u64 = 18;
/// COSE's number of ES384, minus 35 (RFC 9053): the argument of a negative number.
const ES384: u64 = 34;
/// The length of one of the two numbers of an ES384 signature, in bytes.
const SCALAR_LEN: usize = 48;
/// The most certificates between the signer's and the root.
const MAX_CHAIN: u64 = 16;
/// The most registers that a document has (the Nitro Security Module has 32).
const MAX_REGISTERS: u64 = 64;
/// How old a document may be, in milliseconds. KMS takes them for some minutes; how many is our
/// choice.
const MAX_AGE_MS: i64 = 5 * 60 * 1_000;
/// How far ahead of us its clock may be, in milliseconds.
const MAX_AHEAD_MS: i64 = 60 * 1_000;

/// Why a document is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttestationError {
    /// It has not the form of one.
    Malformed,
    /// Its certificate does not lead to the root, or is not valid now.
    Certificate,
    /// The signature is not that of its certificate.
    Signature,
    /// It is too old, or of the future.
    Stale,
    /// It brings no RSA public key to encrypt under.
    PublicKey,
}

/// A certificate that attestation documents must lead to.
#[derive(Clone)]
pub struct AttestationRoot(TrustAnchor<'static>);

impl AttestationRoot {
    /// Reads an X.509 certificate, DER.
    ///
    /// # Errors
    /// [`AttestationError::Certificate`]
    pub fn from_der(der: &[u8]) -> Result<Self, AttestationError> {
        let certificate = CertificateDer::from(der);
        let anchor = webpki::anchor_from_trusted_cert(&certificate);
        anchor.map(|anchor| Self(anchor.to_owned())).map_err(|_| AttestationError::Certificate)
    }
}

/// What a document says, all of it verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The RSA public key to encrypt under, as `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
    /// The registers: number and value.
    pub registers: Vec<(u64, Vec<u8>)>,
}

/// The parts of a COSE_Sign1.
struct Envelope<'d> {
    protected: &'d [u8],
    payload: &'d [u8],
    signature: &'d [u8],
}

/// What a payload holds, as far as it matters.
#[derive(Default)]
struct Payload<'d> {
    timestamp_ms: Option<u64>,
    registers: Vec<(u64, &'d [u8])>,
    certificate: Option<&'d [u8]>,
    bundle: Vec<&'d [u8]>,
    public_key: Option<&'d [u8]>,
}

/// Verifies a document at a time, in milliseconds since 1970.
///
/// # Errors
/// [`AttestationError`] says what is wrong with it.
pub fn verify_attestation(
    root: &AttestationRoot,
    document: &[u8],
    now_ms: i64,
) -> Result<Attested, AttestationError> {
    let envelope = envelope(document).ok_or(AttestationError::Malformed)?;
    let payload = payload(envelope.payload).ok_or(AttestationError::Malformed)?;
    let certificate = payload.certificate.ok_or(AttestationError::Malformed)?;
    let certificate = CertificateDer::from(certificate);
    let signer =
        EndEntityCert::try_from(&certificate).map_err(|_| AttestationError::Certificate)?;
    let bundle: Vec<_> = payload.bundle.iter().copied().map(CertificateDer::from).collect();
    let seconds = u64::try_from(now_ms / 1_000).map_err(|_| AttestationError::Stale)?;
    let algorithm = algorithms::ECDSA_P384_SHA384;
    signer
        .verify_for_usage(
            &[algorithm],
            std::slice::from_ref(&root.0),
            &bundle,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            KeyUsage::client_auth(),
            None,
            None,
        )
        .map_err(|_| AttestationError::Certificate)?;
    let (message, signature) = signed(&envelope).ok_or(AttestationError::Signature)?;
    signer
        .verify_signature(algorithm, &message, &signature)
        .map_err(|_| AttestationError::Signature)?;
    let made = payload.timestamp_ms.and_then(|ms| i64::try_from(ms).ok());
    let age = made.and_then(|made| now_ms.checked_sub(made)).ok_or(AttestationError::Malformed)?;
    if !(-MAX_AHEAD_MS..=MAX_AGE_MS).contains(&age) {
        return Err(AttestationError::Stale);
    }
    let public_key = payload.public_key.and_then(rsa_key).ok_or(AttestationError::PublicKey)?;
    let registers = payload.registers.iter().map(|(at, value)| (*at, value.to_vec())).collect();
    Ok(Attested { public_key, registers })
}

/// The key in its one form, whichever the document has it in.
fn rsa_key(der: &[u8]) -> Option<Vec<u8>> {
    let key = PublicEncryptingKey::from_der(der).ok()?;
    let info: PublicKeyX509Der<'_> = key.as_der().ok()?;
    Some(info.as_ref().to_vec())
}

fn envelope(document: &[u8]) -> Option<Envelope<'_>> {
    let mut reader = Reader::new(document);
    if reader.tag().is_some_and(|tag| tag != COSE_SIGN1) || reader.array() != Some(4) {
        return None;
    }
    let protected = reader.bytes()?;
    let mut header = Reader::new(protected);
    // The algorithm, 1, is the one entry.
    let known = header.map() == Some(1) && header.unsigned() == Some(1);
    if !known || header.negative() != Some(ES384) || !header.is_done() {
        return None;
    }
    reader.skip()?;
    let (payload, signature) = (reader.bytes()?, reader.bytes()?);
    reader.is_done().then_some(Envelope { protected, payload, signature })
}

fn payload(bytes: &[u8]) -> Option<Payload<'_>> {
    let mut reader = Reader::new(bytes);
    let mut payload = Payload::default();
    for _ in 0..reader.map()? {
        match reader.text()? {
            "digest" => (reader.text()? == "SHA384").then_some(())?,
            "timestamp" => payload.timestamp_ms = Some(reader.unsigned()?),
            "certificate" => payload.certificate = Some(reader.bytes()?),
            "pcrs" => {
                for _ in 0..reader.map().filter(|number| *number <= MAX_REGISTERS)? {
                    payload.registers.push((reader.unsigned()?, reader.bytes()?));
                }
            }
            "cabundle" => {
                for _ in 0..reader.array().filter(|number| *number <= MAX_CHAIN)? {
                    payload.bundle.push(reader.bytes()?);
                }
            }
            "public_key" if !reader.null() => payload.public_key = Some(reader.bytes()?),
            "public_key" => {}
            _ => reader.skip()?,
        }
    }
    reader.is_done().then_some(payload)
}

/// What was signed (RFC 9052, section 4.4), and the signature as DER.
fn signed(envelope: &Envelope<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut message = vec![0x84, 0x6a];
    message.extend_from_slice(b"Signature1");
    for part in [envelope.protected, b"", envelope.payload] {
        cbor::write_bytes(&mut message, part);
    }
    let (r, s) = envelope.signature.split_at_checked(SCALAR_LEN)?;
    if s.len() != SCALAR_LEN {
        return None;
    }
    Some((message, element(tag::SEQUENCE, &[&integer(r), &integer(s)])))
}

/// An unsigned number as DER.
fn integer(digits: &[u8]) -> Vec<u8> {
    let significant: Vec<u8> = digits.iter().copied().skip_while(|digit| *digit == 0).collect();
    let sign: &[u8] = match significant.first() {
        Some(0..=0x7f) => &[],
        _ => &[0],
    };
    element(tag::INTEGER, &[sign, &significant])
}
