//! GenerateRandom.

use bulla_plane::Call;
use bulla_plane::gate::permit_account;
use bulla_shapes::View;
use bulla_shapes::kms::{GenerateRandomRequest, GenerateRandomResponse};

use super::Answer;
use crate::Kms;
use crate::conditions::RequestKeys;
use crate::fault;

pub(crate) async fn generate_random(
    kms: &Kms,
    call: &mut Call,
    input: &GenerateRandomRequest<'_>,
) -> Answer {
    permit_account(call, "kms:GenerateRandom", "*", &RequestKeys::none())?;
    let Some(bytes) = input.number_of_bytes().and_then(|n| usize::try_from(n).ok()) else {
        return Err(fault::validation("NumberOfBytes is required.").into());
    };
    super::crypt::no_recipient(input.recipient().is_some())?;
    if input.custom_key_store_id().is_some() {
        return Err(fault::unsupported("this server has no custom key stores").into());
    }
    let plaintext = kms.crypto.random_secret(bytes)?.into_vec();
    Ok(Some(GenerateRandomResponse::new().with_plaintext(plaintext).into_record()))
}
