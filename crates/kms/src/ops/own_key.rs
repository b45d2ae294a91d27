//! A key of the caller's own account, which is all that most changes take.

use std::sync::Arc;

use bulla_plane::{Call, Stop};

use super::KEY_TYPE;
use crate::Kms;
use crate::conditions::RequestKeys;
use crate::found::Takes;
use crate::live::LiveKey;

/// Finds a key of the caller's account for a change, past the Gate.
pub(crate) async fn own_key(
    kms: &Kms,
    call: &mut Call,
    key_id: &str,
    action: &str,
    keys: &RequestKeys<'_>,
) -> Result<Arc<LiveKey>, Stop> {
    let found = kms.find(call, key_id, Takes::OwnKeys).await?;
    let held = found.permit(call, action, keys)?;
    call.touched(&held.arn, &held.record.account, KEY_TYPE);
    Ok(held)
}
