//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases.
//!
//! An alias is a row of its own, and its key's record names it: both change in one batch.

use bulla_plane::Call;
use bulla_plane::Stop;
use bulla_plane::gate::permit_account;
use bulla_shapes::kms::{
    self as shapes, AliasListEntry, CreateAliasRequest, DeleteAliasRequest, ListAliasesRequest,
    ListAliasesResponse, UpdateAliasRequest,
};
use bulla_shapes::{Fault, View};
use bulla_store::{Expected, Range, SealedBatch};

use super::{Answer, KEY_TYPE};
use crate::conditions::RequestKeys;
use crate::fault;
use crate::found::{Found, Takes};
use crate::identifier::{self, Identifier};
use crate::key::{self, KeyRecord};
use crate::keys::missing_alias;
use crate::live::LiveKey;
use crate::managed::{AliasRow, RESERVED};
use crate::quotas::ALIASES_PER_KEY;
use crate::{ALIASES, KEYS, Kms, marker};

const PREFIX: &str = "alias/";
const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 100;

pub(crate) async fn create_alias(
    kms: &Kms,
    call: &mut Call,
    input: &CreateAliasRequest<'_>,
) -> Answer {
    let action = "kms:CreateAlias";
    let name = input.alias_name();
    customers_name(name)?;
    let arn = permit_alias(call, action, name)?;
    let found = kms.find(call, input.target_key_id(), Takes::OwnKeys).await?;
    let key = found.permit(call, action, &RequestKeys::none())?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    touched_alias(call, &arn);
    key.must_be_the_customers()?;
    key.must_not_be_going()?;
    let row = key::path(call.account(), &call.region, name);
    if kms.barrier.get(ALIASES, row.as_bytes()).await?.is_some() {
        let text = format!("An alias with the name {arn} already exists");
        return Err(fault::already_exists(text).into());
    }
    let mut record = key.record.clone();
    add(call, &mut record, name)?;
    let alias =
        AliasRow { target: record.id.clone(), created_ms: call.now_ms, updated_ms: call.now_ms };
    let batch = SealedBatch::new().put(ALIASES, row, Expected::Absent, alias.to_bytes()?);
    kms.change(&key, &record, batch, call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn update_alias(
    kms: &Kms,
    call: &mut Call,
    input: &UpdateAliasRequest<'_>,
) -> Answer {
    let action = "kms:UpdateAlias";
    let name = input.alias_name();
    customers_name(name)?;
    let arn = permit_alias(call, action, name)?;
    touched_alias(call, &arn);
    let standing = standing(kms, call, name).await?;
    let found = kms.find(call, input.target_key_id(), Takes::OwnKeys).await?;
    let new = found.permit(call, action, &RequestKeys::none())?;
    let old = standing.key.permit(call, action, &RequestKeys::none())?;
    call.touched(&new.arn, &new.record.account, KEY_TYPE);
    new.must_be_the_customers()?;
    // The key that loses the alias may be in any state.
    new.must_not_be_going()?;
    alike(&old, &new)?;
    let target = new.record.id.clone();
    let alias = AliasRow { target, updated_ms: call.now_ms, ..standing.alias };
    let expected = Expected::At(standing.version);
    let batch = SealedBatch::new().put(ALIASES, standing.row, expected, alias.to_bytes()?);
    let path = new.record.path();
    if old.record.id == new.record.id {
        kms.commit(&[&path], batch.expect(KEYS, path.as_str(), Expected::At(new.version))).await?;
        return Ok(None);
    }
    let mut gains = new.record.clone();
    add(call, &mut gains, name)?;
    let mut loses = old.record.clone();
    loses.aliases.retain(|known| known != name);
    let old_path = loses.path();
    let bytes = |record: &KeyRecord| {
        record.to_bytes().map_err(|error| {
            tracing::error!(%error, "a key record does not serialize");
            fault::internal()
        })
    };
    let batch = batch.put(KEYS, path.as_str(), Expected::At(new.version), bytes(&gains)?).put(
        KEYS,
        old_path.as_str(),
        Expected::At(old.version),
        bytes(&loses)?,
    );
    kms.commit(&[&path, &old_path], batch).await?;
    Ok(None)
}

pub(crate) async fn delete_alias(
    kms: &Kms,
    call: &mut Call,
    input: &DeleteAliasRequest<'_>,
) -> Answer {
    let action = "kms:DeleteAlias";
    let name = input.alias_name();
    customers_name(name)?;
    let arn = permit_alias(call, action, name)?;
    touched_alias(call, &arn);
    let standing = standing(kms, call, name).await?;
    let key = standing.key.permit(call, action, &RequestKeys::none())?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    key.must_be_the_customers()?;
    let mut record = key.record.clone();
    record.aliases.retain(|known| known != name);
    let batch = SealedBatch::new().delete(ALIASES, standing.row, Expected::At(standing.version));
    kms.change(&key, &record, batch, call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn list_aliases(
    kms: &Kms,
    call: &mut Call,
    input: &ListAliasesRequest<'_>,
) -> Answer {
    permit_account(call, "kms:ListAliases", "*", &RequestKeys::none())?;
    let from = input.marker().map(marker::decode).transpose()?;
    let size = marker::page_size(input.limit(), DEFAULT_PAGE, MAX_PAGE);
    let page = match input.key_id() {
        Some(text) => of_key(kms, call, text, from, size).await?,
        None => of_account(kms, call, from, size).await?,
    };
    let entry = |(name, alias): (String, AliasRow)| {
        AliasListEntry::new()
            .with_alias_arn(arn(call, &name))
            .with_alias_name(name)
            .with_target_key_id(alias.target)
            .with_creation_date(alias.created_ms)
            .with_last_updated_date(alias.updated_ms)
    };
    let answer = ListAliasesResponse::new()
        .with_aliases(page.aliases.into_iter().map(entry))
        .with_truncated(page.next.is_some())
        .with_some(page.next, |this, next| this.with_next_marker(marker::encode(&next)));
    Ok(Some(answer.into_record()))
}

struct Page {
    aliases: Vec<(String, AliasRow)>,
    /// The name that the next page begins at.
    next: Option<String>,
}

/// A page of the aliases of an account and region.
async fn of_account(
    kms: &Kms,
    call: &Call,
    from: Option<String>,
    size: usize,
) -> Result<Page, Stop> {
    let prefix = key::path(call.account(), &call.region, "");
    let mut range = Range::prefix(prefix.as_str());
    if let Some(name) = from {
        range = range.resume(format!("{prefix}{name}"));
    }
    let page = kms.barrier.view().await?.range(ALIASES, &range, size).await?;
    for place in &page.altered {
        tracing::error!(?place, "an alias was altered outside Bulla and is left out of a list");
    }
    let name = |row: &[u8]| {
        let name = row.strip_prefix(prefix.as_bytes())?;
        std::str::from_utf8(name).ok().map(str::to_owned)
    };
    let mut aliases = Vec::with_capacity(page.rows.len());
    for (row, opened) in &page.rows {
        let name = name(row.as_bytes()).ok_or_else(fault::internal)?;
        aliases.push((name, AliasRow::read(opened.value.expose())?));
    }
    Ok(Page { aliases, next: page.next.and_then(|row| name(row.as_bytes())) })
}

/// A page of the aliases of one key.
async fn of_key(
    kms: &Kms,
    call: &Call,
    text: &str,
    from: Option<String>,
    size: usize,
) -> Result<Page, Stop> {
    // Refuses what names no key of the account. Which key an alias points at is the account's to
    // know, as in the list of all aliases: no key policy is asked, and nothing else is looked at.
    let found = kms.find(call, text, Takes::OwnKeys).await?;
    if found.is_nothing() {
        found.permit(call, "kms:ListAliases", &RequestKeys::none())?;
    }
    let Identifier::Key { account, id } = identifier::parse(call, text)? else {
        return Err(fault::internal().into());
    };
    let live = kms.live(&key::path(account, &call.region, id)).await?;
    let mut names = live.map(|live| live.record.aliases.clone()).unwrap_or_default();
    names.sort_unstable();
    let first = from.unwrap_or_default();
    let mut rest = names.into_iter().filter(|name| *name >= first);
    let mut aliases = Vec::new();
    for name in rest.by_ref().take(size) {
        let row = key::path(account, &call.region, &name);
        // One that went away since the key was read is left out.
        let Some(opened) = kms.barrier.get(ALIASES, row.as_bytes()).await? else { continue };
        let alias = AliasRow::read(opened.value.expose())?;
        if alias.target == id {
            aliases.push((name, alias));
        }
    }
    Ok(Page { aliases, next: rest.next() })
}

/// An alias that exists, and its key behind the Gate.
struct Standing {
    row: String,
    version: u64,
    alias: AliasRow,
    key: Found<'static>,
}

async fn standing(kms: &Kms, call: &Call, name: &str) -> Result<Standing, Stop> {
    let missing = || Stop::from(missing_alias(call, call.account(), name));
    let row = key::path(call.account(), &call.region, name);
    let opened = kms.barrier.get(ALIASES, row.as_bytes()).await?.ok_or_else(missing)?;
    let alias = AliasRow::read(opened.value.expose())?;
    // A key takes its aliases with it, so that a missing one has just been deleted.
    let live = kms.live(&key::path(call.account(), &call.region, &alias.target)).await?;
    let key = kms.hold(call, live.ok_or_else(missing)?, None).await?;
    Ok(Standing { row, version: opened.version, alias, key })
}

/// Refuses to move an alias to a key that is used otherwise (KMS API Reference, UpdateAlias). The
/// text is ours.
fn alike(old: &LiveKey, new: &LiveKey) -> Result<(), Fault> {
    let (from, to) = (old.record.kind, new.record.kind);
    if from.usage == to.usage && from.is_symmetric() == to.is_symmetric() {
        return Ok(());
    }
    Err(fault::validation(
        "The current and the new key of an alias must be of the same type (both symmetric, both \
         asymmetric, or both HMAC) and have the same key usage.",
    ))
}

/// Adds an alias to a key's record.
fn add(call: &Call, record: &mut KeyRecord, name: &str) -> Result<(), Fault> {
    let most = ALIASES_PER_KEY.limit(call);
    if record.aliases.len() >= most {
        let text = format!("{} has {most} aliases, the most possible.", record.arn());
        return Err(fault::limit_exceeded(text));
    }
    record.aliases.push(name.to_owned());
    Ok(())
}

/// Whether a customer may give or take this name.
fn customers_name(name: &str) -> Result<(), Fault> {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return Err(fault::validation(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    };
    if rest.is_empty() {
        return Err(Fault::of(&shapes::SERVICE, "InvalidAliasNameException"));
    }
    if name.starts_with(RESERVED) {
        // The code is AWS's, although the model does not have it; the text is ours.
        return Err(Fault::new("NotAuthorizedException", 400)
            .with_message("Aliases that begin with alias/aws/ belong to AWS's services"));
    }
    Ok(())
}

/// Asks for permission on the alias itself, and gives its ARN.
fn permit_alias(call: &Call, action: &str, name: &str) -> Result<String, Fault> {
    let arn = arn(call, name);
    permit_account(call, action, &arn, &RequestKeys::none())?;
    Ok(arn)
}

/// An alias stands in records as if it were a key (KMS guide, "Logging AWS KMS API calls"): after
/// the key when it is made, before it else.
fn touched_alias(call: &mut Call, arn: &str) {
    let account = call.account().to_owned();
    call.touched(arn, &account, KEY_TYPE);
}

fn arn(call: &Call, name: &str) -> String {
    format!("arn:{}:kms:{}:{}:{name}", call.partition, call.region, call.account())
}
