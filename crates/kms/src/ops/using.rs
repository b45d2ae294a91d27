//! How an operation comes to the key that it uses.

use std::sync::Arc;

use bulla_plane::{Call, Stop};
use bulla_shapes::Strings;

use super::KEY_TYPE;
use crate::Kms;
use crate::conditions::RequestKeys;
use crate::found::Takes;
use crate::kind::Usage;
use crate::live::LiveKey;
use crate::quotas::charge_use;

/// What a request says of the key that it wants to use.
pub(crate) struct Wanted<'a> {
    /// The operation with its service, as policies name it.
    pub(crate) action: &'static str,
    /// What the key must be for.
    pub(crate) usage: Usage,
    pub(crate) key_id: &'a str,
    pub(crate) tokens: Option<Strings<'a>>,
}

/// The operation that an action stands for.
pub(crate) fn operation(action: &'static str) -> &'static str {
    action.strip_prefix("kms:").unwrap_or(action)
}

/// The key that a request wants to use, once it may, if the key is for that and enabled. In this
/// order clients notice the checks (recorded).
pub(crate) async fn key_to_use<'a>(
    kms: &Kms,
    call: &mut Call,
    wanted: &Wanted<'a>,
    keys: RequestKeys<'a>,
) -> Result<Arc<LiveKey>, Stop> {
    let found = kms.find(call, wanted.key_id, Takes::Everything).await?;
    kms.check_tokens(call, wanted.tokens).await?;
    let keys = keys.alias(found.alias);
    let key = found.permit(call, wanted.action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    key.must_be_for(operation(wanted.action), wanted.usage)?;
    charge_use(call, &key, wanted.action)?;
    kms.must_be_usable(call, &key).await?;
    Ok(key)
}
