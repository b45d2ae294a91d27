//! Access keys of users and of root users.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::iam::{
    AccessKey, AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyRequest,
    CreateAccessKeyResponse, DeleteAccessKeyRequest, GetAccessKeyLastUsedRequest,
    GetAccessKeyLastUsedResponse, ListAccessKeysRequest, ListAccessKeysResponse,
    UpdateAccessKeyRequest,
};
use bulla_shapes::{Fault, View};
use bulla_store::{Expected, Opened, SealedBatch};

use super::gate::{Live, On, permit, permit_arn};
use super::page;
use super::users::{Whose, whose};
use super::{Answer, Iam, fault};
use crate::access_key::{self, AccessKeyRow, IssuedKey, OwnerKind};
use crate::records::{PARTITION, ROOTS, RootRecord, Stored, USER_KEYS, bytes, load};

/// The most access keys of one user, the root user included ("IAM and AWS STS quotas").
pub(crate) const MAX_KEYS: usize = 2;
/// What `GetAccessKeyLastUsed` answers for a key whose use is not known.
const NOT_KNOWN: &str = "N/A";

/// Whose keys an operation is about, once the caller may do it.
enum Owner {
    Root(Stored<RootRecord>),
    NewRoot,
    User(Box<Live>),
}

impl Owner {
    fn keys(&self) -> &[String] {
        match self {
            Self::Root(root) => &root.record.keys,
            Self::NewRoot => &[],
            Self::User(live) => &live.record.keys,
        }
    }

    /// What answers call it; a root user has no name.
    fn name(&self) -> Option<String> {
        match self {
            Self::User(live) => Some(live.record.name.clone()),
            Self::Root(_) | Self::NewRoot => None,
        }
    }
}

async fn owner(
    iam: &Iam,
    call: &Call,
    named: Option<&str>,
    action: &'static str,
) -> Result<Owner, Stop> {
    match whose(call, named)? {
        Whose::User(name) => {
            let live = iam.entity(call, On::user(&name, action), Context::new()).await?;
            Ok(Owner::User(Box::new(live)))
        }
        Whose::Root => {
            permit_arn(call, action, &call.principal().arn, &Context::new())?;
            let view = iam.principals.barrier.view().await?;
            let found = load::<RootRecord>(&view, ROOTS, call.account()).await?;
            Ok(found.map_or(Owner::NewRoot, Owner::Root))
        }
    }
}

pub(crate) async fn create_access_key(
    iam: &Iam,
    call: &mut Call,
    input: &CreateAccessKeyRequest<'_>,
) -> Answer {
    let owner = owner(iam, call, input.user_name(), "iam:CreateAccessKey").await?;
    if owner.keys().len() >= MAX_KEYS {
        return Err(fault::limit("AccessKeysPerUser", MAX_KEYS).into());
    }
    let issued = match &owner {
        Owner::User(live) => iam.user_key(call, live).await?,
        Owner::Root(_) | Owner::NewRoot => iam.principals.root_key(call.account()).await?,
    };
    let secret = issued.secret_text().to_owned();
    let key = AccessKey::new()
        .with_some(owner.name(), AccessKey::with_user_name)
        .with_access_key_id(issued.access_key_id)
        .with_status("Active")
        .with_secret_access_key(secret)
        .with_create_date(call.now_ms);
    let answer = CreateAccessKeyResponse::new().with_access_key(key);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

impl Iam {
    /// Makes an access key of a user.
    async fn user_key(&self, call: &Call, live: &Live) -> Result<IssuedKey, Stop> {
        let mut record = live.record.clone();
        let key = IssuedKey::draw(&self.principals.crypto, &record.account)?;
        let row = AccessKeyRow {
            account: &live.record.account,
            kind: OwnerKind::User,
            secret: key.secret_text(),
            created: call.now_ms,
            user: Some(&live.record.id),
            inactive: false,
        };
        record.keys.push(key.access_key_id.clone());
        let batch = SealedBatch::new().put(
            USER_KEYS,
            key.access_key_id.as_str(),
            Expected::Absent,
            row.to_bytes(),
        );
        self.save(live, &record, batch).await?;
        Ok(key)
    }

    async fn key_row(&self, id: &str) -> Result<Option<Opened>, Stop> {
        Ok(access_key::find(&self.principals.barrier.view().await?, id).await?)
    }
}

/// A key of this owner.
async fn own_key(iam: &Iam, owner: &Owner, id: &str) -> Result<Opened, Stop> {
    if !owner.keys().iter().any(|key| key == id) {
        return Err(fault::no_access_key(id).into());
    }
    // It went between the two reads.
    iam.key_row(id).await?.ok_or(Stop::Again)
}

pub(crate) async fn list_access_keys(
    iam: &Iam,
    call: &mut Call,
    input: &ListAccessKeysRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let owner = owner(iam, call, input.user_name(), "iam:ListAccessKeys").await?;
    let mut ids = owner.keys().to_vec();
    ids.sort_unstable();
    let page = page::cut(ids, &wanted, String::clone);
    let mut shown = Vec::with_capacity(page.entries.len());
    for id in &page.entries {
        let Some(opened) = iam.key_row(id).await? else { continue };
        let row = AccessKeyRow::read(opened.value.expose())?;
        let key = AccessKeyMetadata::new()
            .with_some(owner.name(), AccessKeyMetadata::with_user_name)
            .with_access_key_id(id.clone())
            .with_status(if row.inactive { "Inactive" } else { "Active" })
            .with_create_date(row.created);
        shown.push(key);
    }
    let answer = ListAccessKeysResponse::new()
        .with_access_key_metadata(shown)
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListAccessKeysResponse::with_marker);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn update_access_key(
    iam: &Iam,
    call: &mut Call,
    input: &UpdateAccessKeyRequest<'_>,
) -> Answer {
    let id = input.access_key_id();
    let owner = owner(iam, call, input.user_name(), "iam:UpdateAccessKey").await?;
    let inactive = status(input.status())?;
    let opened = own_key(iam, &owner, id).await?;
    let row = AccessKeyRow::read(opened.value.expose())?;
    let (account, space) = (row.account.to_owned(), row.kind.space());
    let bytes = AccessKeyRow { inactive, ..row }.to_bytes();
    let batch = SealedBatch::new().put(space, id, Expected::At(opened.version), bytes);
    iam.principals.commit(&account, batch).await?;
    Ok(None)
}

/// Whether a status switches a key off.
fn status(status: &str) -> Result<bool, Fault> {
    match status {
        "Active" => Ok(false),
        "Inactive" => Ok(true),
        // The model has it, the operation does not take it. The text is ours.
        _ => Err(fault::invalid_input(format!("The status {status} can't be set."))),
    }
}

pub(crate) async fn delete_access_key(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteAccessKeyRequest<'_>,
) -> Answer {
    let id = input.access_key_id();
    let owner = owner(iam, call, input.user_name(), "iam:DeleteAccessKey").await?;
    let opened = own_key(iam, &owner, id).await?;
    let space = AccessKeyRow::read(opened.value.expose())?.kind.space();
    let batch = SealedBatch::new().delete(space, id, Expected::At(opened.version));
    let batch = iam.principals.forget_use(id, batch).await?;
    match owner {
        Owner::User(live) => {
            let mut record = live.record.clone();
            record.keys.retain(|key| key != id);
            iam.save(&live, &record, batch).await?;
        }
        Owner::Root(Stored { mut record, version }) => {
            record.keys.retain(|key| key != id);
            let expected = Expected::At(version);
            let batch = batch.put(ROOTS, call.account(), expected, bytes(&record)?);
            iam.principals.commit(call.account(), batch).await?;
        }
        Owner::NewRoot => {}
    }
    Ok(None)
}

/// Authorized on the owner, whatever user the request names.
pub(crate) async fn get_access_key_last_used(
    iam: &Iam,
    call: &mut Call,
    input: &GetAccessKeyLastUsedRequest<'_>,
) -> Answer {
    let (id, action) = (input.access_key_id(), "iam:GetAccessKeyLastUsed");
    let row = match iam.key_row(id).await? {
        Some(opened) => {
            let row = AccessKeyRow::read(opened.value.expose())?;
            Some((row.account.to_owned(), row.user.map(str::to_owned)))
        }
        None => None,
    };
    let name = match row.filter(|(account, _)| account == call.account()) {
        None => {
            let anybody = format!("arn:{PARTITION}:iam::{}:user/*", call.account());
            permit(call, action, &anybody, "*", &Context::new())?;
            return Err(fault::no_access_key(id).into());
        }
        Some((account, None)) => {
            let root = format!("arn:{PARTITION}:iam::{account}:root");
            permit_arn(call, action, &root, &Context::new())?;
            None
        }
        Some((_, Some(user))) => {
            let view = iam.principals.barrier.view().await?;
            let user = crate::principals::entity_by_id(&view, &user).await?;
            drop(view);
            let name = user.ok_or(Stop::Again)?.record.name;
            iam.entity(call, On::user(&name, action), Context::new()).await?;
            Some(name)
        }
    };
    let mut used = AccessKeyLastUsed::new().with_service_name(NOT_KNOWN).with_region(NOT_KNOWN);
    if let Some(last) = iam.principals.last_use(id).await? {
        used = used
            .with_last_used_date(last.at_ms)
            .with_service_name(last.service)
            .with_region(last.region);
    }
    let answer = GetAccessKeyLastUsedResponse::new()
        .with_some(name, GetAccessKeyLastUsedResponse::with_user_name)
        .with_access_key_last_used(used);
    Ok(Some(answer.into_record()))
}
