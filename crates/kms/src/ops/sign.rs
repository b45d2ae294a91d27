//! Sign and Verify.

use std::sync::Arc;

use bulla_crypto::{Hash, KeyPair, PairSpec, Scheme, Signed};
use bulla_plane::Call;
use bulla_shapes::kms::{SignRequest, SignResponse, VerifyRequest, VerifyResponse};
use bulla_shapes::{Fault, View};

use super::using::{Wanted, key_to_use};
use super::{Answer, stop_if_dry};
use crate::conditions::RequestKeys;
use crate::kind::{Form, Usage};
use crate::live::LiveKey;
use crate::{Kms, fault};

/// The length of ML-DSA's representative of a message, in bytes.
const MU_LEN: usize = 64;
/// The length of a digest of SM3, which SM2 signs, in bytes.
const SM3_LEN: usize = 32;

pub(crate) async fn sign(kms: &Kms, call: &mut Call, input: &SignRequest<'_>) -> Answer {
    let wanted = Wanted {
        action: "kms:Sign",
        usage: Usage::SignVerify,
        key_id: input.key_id(),
        tokens: input.grant_tokens(),
    };
    let algorithm = input.signing_algorithm();
    let kind = MessageType::of(input.message_type());
    let key = key_to_use(kms, call, &wanted, conditions(algorithm, kind)).await?;
    let job = job(&key, algorithm, kind, input.message())?;
    let signature = kms
        .workshop
        .run(move || job.pair.signing().map(|signing| signing.sign(job.scheme, job.signed())))
        .await?
        .ok_or_else(fault::internal)??;
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "Sign").await?;
    let answer = SignResponse::new()
        .with_key_id(key.arn.clone())
        .with_signature(signature)
        .with_signing_algorithm(algorithm.to_owned());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn verify(kms: &Kms, call: &mut Call, input: &VerifyRequest<'_>) -> Answer {
    let wanted = Wanted {
        action: "kms:Verify",
        usage: Usage::SignVerify,
        key_id: input.key_id(),
        tokens: input.grant_tokens(),
    };
    let algorithm = input.signing_algorithm();
    let kind = MessageType::of(input.message_type());
    let key = key_to_use(kms, call, &wanted, conditions(algorithm, kind)).await?;
    let job = job(&key, algorithm, kind, input.message())?;
    let signature = input.signature().to_vec();
    let verified = move || {
        let signing = job.pair.signing();
        signing.is_some_and(|signing| signing.verify(job.scheme, job.signed(), &signature))
    };
    // A wrong signature is an error, never an answer that says false (recorded), dry run or not.
    if !kms.workshop.run(verified).await? {
        return Err(fault::invalid_signature().into());
    }
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "Verify").await?;
    let answer = VerifyResponse::new()
        .with_key_id(key.arn.clone())
        .with_signature_valid(true)
        .with_signing_algorithm(algorithm.to_owned());
    Ok(Some(answer.into_record()))
}

fn conditions(algorithm: &str, kind: MessageType) -> RequestKeys<'_> {
    RequestKeys::none().with("kms:signingalgorithm", algorithm).with("kms:messagetype", kind.name())
}

/// What the message of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageType {
    Raw,
    Digest,
    ExternalMu,
}

impl MessageType {
    /// The validated names are the model's.
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("DIGEST") => Self::Digest,
            Some("EXTERNAL_MU") => Self::ExternalMu,
            _ => Self::Raw,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Raw => "RAW",
            Self::Digest => "DIGEST",
            Self::ExternalMu => "EXTERNAL_MU",
        }
    }
}

/// What is done off the async workers, with all that it needs.
struct Job {
    pair: Arc<dyn KeyPair>,
    scheme: Scheme,
    kind: MessageType,
    message: Vec<u8>,
}

impl Job {
    fn signed(&self) -> Signed<'_> {
        match (self.kind, self.scheme) {
            // What comes is a digest, and is hashed once more (KMS API Reference, Sign).
            (MessageType::Digest, Scheme::Ed25519ph) => Signed::Message(&self.message),
            (MessageType::Digest, _) => Signed::Digest(&self.message),
            (MessageType::ExternalMu, _) => Signed::Mu(&self.message),
            (MessageType::Raw, _) => Signed::Message(&self.message),
        }
    }
}

/// Checks that key, algorithm, type and message go together, in the order that was recorded.
fn job(key: &LiveKey, algorithm: &str, kind: MessageType, message: &[u8]) -> Result<Job, Fault> {
    let of_key = key.record.kind;
    let takes_mu = matches!(of_key.form, Form::Pair(PairSpec::MlDsa(_)));
    if kind == MessageType::ExternalMu && !takes_mu {
        let (kind, spec) = (kind.name(), of_key.spec);
        let text = format!("Message type {kind} is incompatible with key spec {spec}.");
        return Err(fault::validation(text));
    }
    key.must_know(algorithm)?;
    let scheme = scheme(algorithm).ok_or_else(fault::internal)?;
    let takes = match scheme {
        Scheme::Ed25519 => kind == MessageType::Raw,
        Scheme::Ed25519ph => kind == MessageType::Digest,
        Scheme::MlDsa => kind != MessageType::Digest,
        _ => true,
    };
    if !takes {
        return Err(fault::validation(format!(
            "Message type {} is incompatible with algorithm {algorithm}.",
            kind.name()
        )));
    }
    let needed = match kind {
        MessageType::Raw => None,
        MessageType::Digest => digest_len(scheme),
        MessageType::ExternalMu => Some(MU_LEN),
    };
    if needed.is_some_and(|len| len != message.len()) {
        let text = format!("Digest is invalid length for algorithm {algorithm}.");
        return Err(fault::validation(text));
    }
    Ok(Job { pair: key.pair()?, scheme, kind, message: message.to_vec() })
}

fn digest_len(scheme: Scheme) -> Option<usize> {
    match scheme {
        Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) | Scheme::Ecdsa(hash) => {
            Some(hash.output_len())
        }
        Scheme::Ed25519ph => Some(Hash::Sha512.output_len()),
        Scheme::Sm2 => Some(SM3_LEN),
        Scheme::Ed25519 | Scheme::MlDsa => None,
    }
}

/// How an algorithm signs.
fn scheme(algorithm: &str) -> Option<Scheme> {
    Some(match algorithm {
        "RSASSA_PKCS1_V1_5_SHA_256" => Scheme::RsaPkcs1(Hash::Sha256),
        "RSASSA_PKCS1_V1_5_SHA_384" => Scheme::RsaPkcs1(Hash::Sha384),
        "RSASSA_PKCS1_V1_5_SHA_512" => Scheme::RsaPkcs1(Hash::Sha512),
        "RSASSA_PSS_SHA_256" => Scheme::RsaPss(Hash::Sha256),
        "RSASSA_PSS_SHA_384" => Scheme::RsaPss(Hash::Sha384),
        "RSASSA_PSS_SHA_512" => Scheme::RsaPss(Hash::Sha512),
        "ECDSA_SHA_256" => Scheme::Ecdsa(Hash::Sha256),
        "ECDSA_SHA_384" => Scheme::Ecdsa(Hash::Sha384),
        "ECDSA_SHA_512" => Scheme::Ecdsa(Hash::Sha512),
        "ED25519_SHA_512" => Scheme::Ed25519,
        "ED25519_PH_SHA_512" => Scheme::Ed25519ph,
        "ML_DSA_SHAKE_256" => Scheme::MlDsa,
        "SM2DSA" => Scheme::Sm2,
        _ => return None,
    })
}
