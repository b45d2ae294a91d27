//! GenerateRandom.

use bulla_crypto::SecretBytes;
use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::kms::{GenerateRandomRequest, GenerateRandomResponse};

use super::Answer;
use super::store::{not_found, wrong_state};
use crate::Kms;
use crate::conditions::RequestKeys;
use crate::fault;
use crate::stores::{Behind, Connection};

pub(crate) async fn generate_random(
    kms: &Kms,
    call: &mut Call,
    input: &GenerateRandomRequest<'_>,
) -> Answer {
    let recipient = kms.recipient(call, input.recipient()).await?;
    let keys = RequestKeys::none().recipient(recipient.as_ref());
    permit_account(call, "kms:GenerateRandom", "*", &keys)?;
    let Some(bytes) = input.number_of_bytes().and_then(|n| usize::try_from(n).ok()) else {
        return Err(fault::validation("NumberOfBytes is required.").into());
    };
    let plaintext = match input.custom_key_store_id() {
        None => kms.crypto.random_secret(bytes)?,
        Some(store) => kms.random_of_store(call, store, bytes).await?,
    };
    let answer = GenerateRandomResponse::new();
    let answer = match &recipient {
        Some(to) => answer.with_ciphertext_for_recipient(kms.enveloped(to, plaintext.expose())?),
        None => answer.with_plaintext(plaintext.into_vec()),
    };
    Ok(Some(answer.into_record()))
}

impl Kms {
    /// Random bytes of the token behind a CloudHSM key store.
    async fn random_of_store(
        &self,
        call: &Call,
        id: &str,
        bytes: usize,
    ) -> Result<SecretBytes, Stop> {
        let stores = self.stores(call.account(), &call.region).await?;
        let store = stores.find(id).ok_or_else(|| not_found(id))?;
        let Behind::Cluster(cluster) = &store.behind else {
            let text = "External key stores make no random bytes.";
            return Err(fault::unsupported(text).into());
        };
        if store.connection != Connection::Connected {
            return Err(wrong_state(store).into());
        }
        let token = self.tokens.find(&cluster.id).ok_or_else(fault::internal)?;
        Ok(token.random(bytes).await.map_err(|error| {
            tracing::error!(?error, "a token gave no random bytes");
            fault::internal()
        })?)
    }
}
