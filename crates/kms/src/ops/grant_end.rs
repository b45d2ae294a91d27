//! RetireGrant and RevokeGrant.

use std::sync::Arc;

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Protected, Stop};
use bulla_policy::{Conditions, GrantRef, Grantee, Policy, Values};
use bulla_shapes::Fault;
use bulla_shapes::kms::{RetireGrantRequest, RevokeGrantRequest};

use super::{Answer, KEY_TYPE, stop_if_dry};
use crate::conditions::RequestKeys;
use crate::found::Takes;
use crate::grant::{GrantRecord, Party};
use crate::grants::{is_grant_id, names};
use crate::identifier::{self, Identifier};
use crate::live::LiveKey;
use crate::{Kms, fault, key, live};

pub(crate) async fn revoke_grant(
    kms: &Kms,
    call: &mut Call,
    input: &RevokeGrantRequest<'_>,
) -> Answer {
    let found = kms.find(call, input.key_id(), Takes::AnyKeys).await?;
    let keys = RequestKeys::none().with_flag("kms:grantisforawsresource", call.via.is_some());
    let key = found.permit(call, "kms:RevokeGrant", &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    let id = input.grant_id();
    if !is_grant_id(id) {
        return Err(fault::invalid_grant_id().into());
    }
    let Some((grant, version)) = kms.grant(&key.path, id).await? else {
        return Err(fault::no_such_grant(id).into());
    };
    stop_if_dry(input.dry_run())?;
    kms.remove_grant(&key, &grant, version, call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn retire_grant(
    kms: &Kms,
    call: &mut Call,
    input: &RetireGrantRequest<'_>,
) -> Answer {
    let (path, id) = match (input.grant_token(), input.key_id(), input.grant_id()) {
        (Some(token), None, None) => {
            let row = kms.open_token(call, token)?.ok_or_else(fault::invalid_grant_token)?;
            let (path, id) = row.rsplit_once('/').ok_or_else(fault::internal)?;
            (path.to_owned(), id.to_owned())
        }
        (None, Some(text), Some(id)) => (named_key(call, text)?, id.to_owned()),
        // Our text.
        _ => {
            let text = "Specify either GrantToken, or KeyId and GrantId.";
            return Err(fault::validation(text).into());
        }
    };
    let by_token = input.grant_token().is_some();
    let Some((retirable, version)) = retirable(kms, call, &path, &id).await? else {
        return Err(missing(kms, call, &path, &id, by_token).await?.into());
    };
    let grant = retirable.grant.clone();
    let keys = RequestKeys::none().of_grant(&grant.constraints);
    let guarded = Guarded::new(retirable);
    let Retirable { key, .. } = guarded.permit(call, "kms:RetireGrant", &keys, Named::Key)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    call.trail.additional = Some(serde_json::json!({ "grantId": id }).to_string());
    stop_if_dry(input.dry_run())?;
    kms.remove_grant(&key, &grant, version, call.now_ms).await?;
    Ok(None)
}

/// The row of a key that is named by ARN; a bare id is refused as recorded.
fn named_key(call: &Call, text: &str) -> Result<String, Fault> {
    if !text.starts_with("arn:") {
        return Err(fault::not_found(format!("Invalid arn {text}")));
    }
    match identifier::parse(call, text)? {
        Identifier::Key { account, id } => Ok(key::path(account, &call.region, id)),
        Identifier::Alias { .. } => {
            Err(fault::invalid_arn("Key Aliases are not supported for this operation."))
        }
    }
}

async fn retirable(
    kms: &Kms,
    call: &Call,
    path: &str,
    id: &str,
) -> Result<Option<(Retirable, u64)>, Stop> {
    let Some(key) = kms.live(path).await? else { return Ok(None) };
    let Some((grant, version)) = kms.grant(path, id).await? else { return Ok(None) };
    let right = right(call, &grant);
    let policy = key.policy.without_allows();
    Ok(Some((Retirable { key, policy, grant, right }, version)))
}

/// What a caller hears who names no grant. In another account that is the same as for a grant
/// which is not the caller's to retire.
async fn missing(
    kms: &Kms,
    call: &Call,
    path: &str,
    id: &str,
    by_token: bool,
) -> Result<Fault, Stop> {
    if by_token {
        return Ok(fault::invalid_grant_token());
    }
    let mut parts = path.split('/');
    let (account, key_id) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    let arn = key::arn(call.partition, &call.region, account, key_id);
    if account != call.account() {
        return Ok(kms.denied_nothing(call, account, arn, "kms:RetireGrant"));
    }
    if kms.live(path).await?.is_none() {
        return Ok(fault::not_found(format!("Key '{arn}' does not exist")));
    }
    Ok(if is_grant_id(id) { fault::no_such_grant(id) } else { fault::invalid_grant_id() })
}

/// By what right the caller may retire a grant, the strongest first (KMS guide, "Grants"): as its
/// retiring principal, as its grantee if it includes RetireGrant, or as the account that created
/// it. Whoever has the right as an account may pass it on by identity policies.
fn right(call: &Call, grant: &GrantRecord) -> Option<Grantee> {
    let retiring = grant.retiring.as_ref().map(Party::id);
    let grantee = Some(grant.grantee.id()).filter(|_| grant.has("RetireGrant"));
    let issuer = Some(grant.issuer.as_str());
    let is = |name: &str| [retiring, grantee, issuer].contains(&Some(name));
    names(call.principal()).find(|(_, name)| is(name)).map(|(how, _)| how)
}

/// A grant that someone wants to retire. The key's policy can only deny that; what allows it is
/// the grant.
struct Retirable {
    key: Arc<LiveKey>,
    policy: Policy,
    grant: GrantRecord,
    right: Option<Grantee>,
}

impl Protected for Retirable {
    fn arn(&self) -> &str {
        &self.key.arn
    }

    fn account(&self) -> &str {
        &self.key.record.account
    }

    fn policy(&self) -> Option<&Policy> {
        Some(&self.policy)
    }

    fn grant<'g>(
        &'g self,
        _call: &Call,
        _action: &str,
        _conditions: &dyn Conditions,
    ) -> Option<GrantRef<'g>> {
        let grantee = self.right?;
        Some(GrantRef { grant_id: &self.grant.id, grantee })
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        live::condition(&self.key, key)
    }
}
