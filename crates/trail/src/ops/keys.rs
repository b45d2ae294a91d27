//! ListPublicKeys: what digests can be checked with.

use bulla_plane::Call;
use bulla_plane::gate::permit_account;
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::cloudtrail::{ListPublicKeysRequest, ListPublicKeysResponse, PublicKey};

use super::Answer;
use crate::{Trail, fault};

pub(crate) async fn list_public_keys(
    trail: &Trail,
    call: &mut Call,
    input: &ListPublicKeysRequest<'_>,
) -> Answer {
    permit_account(call, "cloudtrail:ListPublicKeys", "*", &Context::new())?;
    // A time that is not given is the present one.
    let from_ms = input.start_time().unwrap_or(call.now_ms);
    let to_ms = input.end_time().unwrap_or(call.now_ms);
    if from_ms > to_ms {
        return Err(fault::times().into());
    }
    // One page has all of them, and a token is not looked at (recorded).
    let keys = trail.keys(&call.region).await?.into_iter();
    let keys = keys.filter(|key| key.from_ms <= to_ms && key.to_ms >= from_ms).map(|key| {
        PublicKey::new()
            .with_value(key.public)
            .with_validity_start_time(key.from_ms)
            .with_validity_end_time(key.to_ms)
            .with_fingerprint(key.fingerprint)
    });
    Ok(Some(ListPublicKeysResponse::new().with_public_key_list(keys).into_record()))
}
