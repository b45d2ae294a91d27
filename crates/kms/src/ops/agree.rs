//! DeriveSharedSecret, Encapsulate and Decapsulate: secrets that two sides come to share.

use bulla_crypto::CryptoError;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::kms::{
    DecapsulateRequest, DecapsulateResponse, DeriveSharedSecretRequest, DeriveSharedSecretResponse,
    EncapsulateRequest, EncapsulateResponse,
};

use super::using::{Wanted, key_to_use};
use super::{Answer, stop_if_dry};
use crate::conditions::RequestKeys;
use crate::kind::Usage;
use crate::{Kms, fault};

pub(crate) async fn derive_shared_secret(
    kms: &Kms,
    call: &mut Call,
    input: &DeriveSharedSecretRequest<'_>,
) -> Answer {
    let recipient = kms.recipient(call, input.recipient()).await?;
    let wanted = Wanted {
        action: "kms:DeriveSharedSecret",
        usage: Usage::KeyAgreement,
        key_id: input.key_id(),
        tokens: input.grant_tokens(),
    };
    let algorithm = input.key_agreement_algorithm();
    let keys = RequestKeys::none()
        .recipient(recipient.as_ref())
        .with("kms:keyagreementalgorithm", algorithm);
    let key = key_to_use(kms, call, &wanted, keys).await?;
    key.must_know(algorithm)?;
    let (pair, peer) = (key.pair()?, input.public_key().to_vec());
    let derived = kms
        .workshop
        .run(move || pair.agreement().map(|agreement| agreement.agree(&peer)))
        .await?
        .ok_or_else(fault::internal)?;
    let secret = match derived {
        // Recorded without a message, whatever is wrong with the other side's key.
        Err(CryptoError::MalformedKey(_)) => return Err(fault::validation_silently().into()),
        derived => derived?,
    };
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "DeriveSharedSecret").await?;
    let answer = DeriveSharedSecretResponse::new()
        .with_key_id(key.arn.clone())
        .with_key_agreement_algorithm(algorithm.to_owned())
        .with_key_origin(key.record.origin.name());
    let answer = match &recipient {
        Some(to) => answer.with_ciphertext_for_recipient(kms.enveloped(to, secret.expose())?),
        None => answer.with_shared_secret(secret.into_vec()),
    };
    Ok(Some(answer.into_record()))
}

pub(crate) async fn encapsulate(
    kms: &Kms,
    call: &mut Call,
    input: &EncapsulateRequest<'_>,
) -> Answer {
    let wanted = Wanted {
        action: "kms:Encapsulate",
        usage: Usage::EncapsulateDecapsulate,
        key_id: input.key_id(),
        tokens: input.grant_tokens(),
    };
    let algorithm = input.encapsulation_algorithm();
    let key = key_to_use(kms, call, &wanted, RequestKeys::none()).await?;
    key.must_know(algorithm)?;
    let pair = key.pair()?;
    let (sealed, secret) = kms
        .workshop
        .run(move || pair.encapsulation().map(|kem| kem.encapsulate()))
        .await?
        .ok_or_else(fault::internal)??;
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "Encapsulate").await?;
    let answer = EncapsulateResponse::new()
        .with_key_id(key.arn.clone())
        .with_shared_secret(secret.into_vec())
        .with_shared_secret_ciphertext_blob(sealed)
        .with_encapsulation_algorithm(algorithm.to_owned());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn decapsulate(
    kms: &Kms,
    call: &mut Call,
    input: &DecapsulateRequest<'_>,
) -> Answer {
    let wanted = Wanted {
        action: "kms:Decapsulate",
        usage: Usage::EncapsulateDecapsulate,
        key_id: input.key_id(),
        tokens: input.grant_tokens(),
    };
    let algorithm = input.encapsulation_algorithm();
    let key = key_to_use(kms, call, &wanted, RequestKeys::none()).await?;
    key.must_know(algorithm)?;
    let (pair, sealed) = (key.pair()?, input.shared_secret_ciphertext_blob().to_vec());
    let opened = kms
        .workshop
        .run(move || pair.encapsulation().map(|kem| kem.decapsulate(&sealed)))
        .await?
        .ok_or_else(fault::internal)?;
    // Of the right length, any ciphertext gives a secret (FIPS 203, section 6.3).
    let secret = opened.map_err(|error| match error {
        CryptoError::Unauthentic => fault::invalid_ciphertext().into(),
        error => Stop::from(error),
    })?;
    stop_if_dry(input.dry_run())?;
    kms.used(call, call.event_id, &key, "Decapsulate").await?;
    let answer = DecapsulateResponse::new()
        .with_key_id(key.arn.clone())
        .with_shared_secret(secret.into_vec())
        .with_encapsulation_algorithm(algorithm.to_owned());
    Ok(Some(answer.into_record()))
}
