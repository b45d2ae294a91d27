//! Grants in the store and in memory.
//!
//! A grant is one row, `<key's row>/<grant id>`, and the first half of its id is a keyed digest of
//! its key and grantee: so the grants of one grantee on one key lie side by side, and one row
//! serves every look-up (by id, by grantee, by key). A key's record counts its grants, so that for
//! a key without any nothing is looked up; for others a call reads, once, the few rows that name
//! its caller, however many name others. Every change of a grant changes its key's record in the
//! same commit: what is kept in memory is kept by the record's version and never outlives it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bulla_crypto::hex;
use bulla_plane::{Call, Stop};
use bulla_policy::{GrantRef, Grantee, Principal, PrincipalKind};
use bulla_store::{Expected, Range, SealedBatch, Space, View};
use quick_cache::sync::Cache as Lru;
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

use crate::grant::{GrantRecord, Party};
use crate::live::LiveKey;
use crate::{Kms, fault};

/// One row a grant: `<key's row>/<grant id>`.
pub(crate) const GRANTS: Space = Space::new("kms.grant");
/// One row a grant that has a name: `<key's row>/<digest of its parameters>`, holding its id.
pub(crate) const GRANT_NAMES: Space = Space::new("kms.grant-name");
/// One row a grant that has a retiring principal:
/// `<region>/<digest of the principal>/<account>/<key id>/<grant id>`, empty.
pub(crate) const RETIRABLE: Space = Space::new("kms.retirable");

/// How many grants stay in memory, at about 700 bytes each. One grantee's grants on one key must
/// fit, or each call would read them all.
const MAX_CACHED_GRANTS: u64 = 100_000;
/// Of an average grantee; for the cache's first allocation only.
const GRANTS_A_GRANTEE: usize = 16;
const ROWS_A_READ: usize = 1_000;
/// Bytes of a digest that names a grantee; 64 bits would do against chance.
const TAG_BYTES: usize = 16;
const LABEL: &str = "kms grants";

/// The rows of an index are written once, so that they always have their first version.
pub(crate) const WRITTEN_ONCE: Expected = Expected::At(1);

/// The grants of one grantee on one key.
type List = Arc<[GrantRecord]>;

/// The grants on one key that name one caller, strongest first.
#[derive(Clone, Default)]
pub(crate) struct CallersGrants(Vec<(Grantee, List)>);

impl CallersGrants {
    /// The first grant of which something is true.
    pub(crate) fn first(&self, is: impl Fn(&GrantRecord) -> bool) -> Option<GrantRef<'_>> {
        self.0.iter().find_map(|(grantee, list)| {
            let grant = list.iter().find(|grant| is(grant))?;
            Some(GrantRef { grant_id: &grant.id, grantee: *grantee })
        })
    }
}

/// The names that a grant can have a caller by, strongest first.
pub(crate) fn names(caller: &Principal) -> impl Iterator<Item = (Grantee, &str)> {
    let own = match &caller.kind {
        PrincipalKind::Service { name } => Some(name.as_str()),
        PrincipalKind::WebIdentity { .. } | PrincipalKind::Anonymous => None,
        _ => Some(caller.unique_id.as_str()),
    };
    let entity = match &caller.kind {
        PrincipalKind::AssumedRole { .. } => caller.unique_id.split(':').next(),
        PrincipalKind::FederatedUser { user_id, .. } => Some(user_id.as_str()),
        _ => None,
    };
    let account = match &caller.kind {
        PrincipalKind::User
        | PrincipalKind::AssumedRole { .. }
        | PrincipalKind::FederatedUser { .. } => Some(caller.account.as_str()),
        _ => None,
    };
    let named = |grantee, name: Option<_>| name.map(|name| (grantee, name));
    [named(Grantee::Caller, own), named(Grantee::Role, entity), named(Grantee::Account, account)]
        .into_iter()
        .flatten()
        .filter(|(_, name)| !name.is_empty())
}

/// Grants in memory.
pub(crate) struct GrantCache(Lru<ListKey, List, Weigh>);

struct ListKey {
    path: String,
    version: u64,
    grantee: String,
}

#[derive(PartialEq, Eq)]
struct ListKeyRef<'a> {
    path: &'a str,
    version: u64,
    grantee: &'a str,
}

impl Hash for ListKeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path.hash(state);
        self.version.hash(state);
        self.grantee.hash(state);
    }
}

impl ListKey {
    fn borrowed(&self) -> ListKeyRef<'_> {
        ListKeyRef { path: &self.path, version: self.version, grantee: &self.grantee }
    }
}

impl Hash for ListKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl PartialEq for ListKey {
    fn eq(&self, other: &Self) -> bool {
        self.borrowed() == other.borrowed()
    }
}

impl Eq for ListKey {}

impl Equivalent<ListKey> for ListKeyRef<'_> {
    fn equivalent(&self, key: &ListKey) -> bool {
        *self == key.borrowed()
    }
}

#[derive(Clone)]
struct Weigh;

impl Weighter<ListKey, List> for Weigh {
    fn weight(&self, _key: &ListKey, list: &List) -> u64 {
        // An empty list takes room too.
        u64::try_from(list.len()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

impl GrantCache {
    pub(crate) fn new() -> Self {
        let capacity = usize::try_from(MAX_CACHED_GRANTS).unwrap_or(usize::MAX);
        let items = capacity / GRANTS_A_GRANTEE;
        let mut options = OptionsBuilder::new();
        // In one piece, as a piece takes no list that is larger than itself.
        options.shards(1).estimated_items_capacity(items).weight_capacity(MAX_CACHED_GRANTS);
        let cache = match options.build() {
            Ok(options) => Lru::with_options(
                options,
                Weigh,
                quick_cache::DefaultHashBuilder::default(),
                quick_cache::sync::DefaultLifecycle::default(),
            ),
            Err(_) => Lru::with_weighter(items, MAX_CACHED_GRANTS, Weigh),
        };
        Self(cache)
    }

    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

/// The row of a grant.
pub(crate) fn row(path: &str, id: &str) -> String {
    format!("{path}/{id}")
}

/// Whether a text is formed as grant ids are.
pub(crate) fn is_grant_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A page of grants, and the rest of its row's name where the next page begins.
pub(crate) struct GrantPage {
    pub(crate) grants: Vec<(GrantRecord, u64)>,
    pub(crate) next: Option<String>,
}

impl Kms {
    /// The grants on a key that name this caller.
    pub(crate) async fn callers_grants(
        &self,
        call: &Call,
        key: &LiveKey,
    ) -> Result<CallersGrants, Stop> {
        if key.record.grants == 0 {
            return Ok(CallersGrants::default());
        }
        let mut grants = Vec::new();
        for (grantee, name) in names(call.principal()) {
            let list = self.list_of(key, name).await?;
            if !list.is_empty() {
                grants.push((grantee, list));
            }
        }
        Ok(CallersGrants(grants))
    }

    async fn list_of(&self, key: &LiveKey, grantee: &str) -> Result<List, Stop> {
        let wanted = ListKeyRef { path: &key.path, version: key.version, grantee };
        if let Some(list) = self.grants.0.get(&wanted) {
            return Ok(list);
        }
        let prefix = row(&key.path, &self.grantee_tag(&key.path, grantee)?);
        let view = self.barrier.view().await?;
        let mut list = Vec::new();
        let mut from = None;
        loop {
            let page = grants_from(&view, &prefix, from, ROWS_A_READ).await?;
            list.extend(page.grants.into_iter().map(|(grant, _)| grant));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let list: List = list.into();
        let kept =
            ListKey { path: key.path.clone(), version: key.version, grantee: grantee.to_owned() };
        self.grants.0.insert(kept, Arc::clone(&list));
        Ok(list)
    }

    /// A page of the grants on a key, or of those of one grantee; `from` is a page's `next`.
    pub(crate) async fn grants_on(
        &self,
        path: &str,
        grantee: Option<&Party>,
        from: Option<String>,
        limit: usize,
    ) -> Result<GrantPage, Stop> {
        let tag = match grantee {
            Some(party) => self.grantee_tag(path, party.id())?,
            None => String::new(),
        };
        let view = self.barrier.view().await?;
        grants_from(&view, &row(path, &tag), from, limit).await
    }

    /// A grant, and the version of its row.
    pub(crate) async fn grant(
        &self,
        path: &str,
        id: &str,
    ) -> Result<Option<(GrantRecord, u64)>, Stop> {
        match self.barrier.get(GRANTS, row(path, id).as_bytes()).await? {
            Some(opened) => Ok(Some((GrantRecord::read(opened.value.expose())?, opened.version))),
            None => Ok(None),
        }
    }

    /// A new id for a grant.
    pub(crate) fn new_grant_id(&self, path: &str, grantee: &Party) -> Result<String, Stop> {
        let mut id = self.grantee_tag(path, grantee.id())?;
        hex::encode_into(&self.crypto.random::<TAG_BYTES>()?, &mut id);
        Ok(id)
    }

    /// What the ids of a grantee's grants on a key begin with.
    fn grantee_tag(&self, path: &str, grantee: &str) -> Result<String, Stop> {
        self.digest(&[b"grantee", path.as_bytes(), grantee.as_bytes()])
            .map(|digest| digest.chars().take(TAG_BYTES * 2).collect())
    }

    /// What the rows of grants that a principal may retire begin with.
    pub(crate) fn retirable_prefix(&self, region: &str, party: &Party) -> Result<String, Stop> {
        let digest = self.digest(&[b"retiring", region.as_bytes(), party.id().as_bytes()])?;
        Ok(format!("{region}/{digest}/"))
    }

    /// Where a grant of these parameters stands in the index of names.
    pub(crate) fn name_row(&self, path: &str, parameters: &[u8]) -> Result<String, Stop> {
        Ok(row(path, &self.digest(&[b"name", path.as_bytes(), parameters])?))
    }

    /// A keyed digest, so that the store learns nothing of names.
    fn digest(&self, parts: &[&[u8]]) -> Result<String, Stop> {
        let key = self.barrier.service_key(LABEL)?;
        let mut message = Vec::with_capacity(256);
        for part in parts {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            message.extend_from_slice(&length.to_be_bytes());
            message.extend_from_slice(part);
        }
        Ok(hex::encode(&self.crypto.hmac(&key, &[&message])))
    }

    /// Commits a new grant on a key.
    pub(crate) async fn add_grant(
        &self,
        key: &LiveKey,
        grant: &GrantRecord,
        now_ms: i64,
    ) -> Result<(), Stop> {
        let mut record = key.record.clone();
        record.grants = record.grants.saturating_add(1);
        let new = |batch: SealedBatch, space, row: &Option<String>, value: &[u8]| match row {
            Some(row) => batch.put(space, row.as_str(), Expected::Absent, value.to_vec()),
            None => batch,
        };
        let row = row(&key.path, &grant.id);
        let batch = SealedBatch::new().put(GRANTS, row, Expected::Absent, grant.to_bytes()?);
        let batch = new(batch, GRANT_NAMES, &grant.name_row, grant.id.as_bytes());
        let batch = new(batch, RETIRABLE, &grant.retiring_row, b"");
        self.change(key, &record, batch, now_ms).await
    }

    /// Commits that a grant on a key is gone.
    pub(crate) async fn remove_grant(
        &self,
        key: &LiveKey,
        grant: &GrantRecord,
        version: u64,
        now_ms: i64,
    ) -> Result<(), Stop> {
        let mut record = key.record.clone();
        record.grants = record.grants.saturating_sub(1);
        let batch = without_grant(SealedBatch::new(), &key.path, grant, version);
        self.change(key, &record, batch, now_ms).await
    }
}

/// Deletes the rows of a grant, at most three.
pub(crate) fn without_grant(
    batch: SealedBatch,
    path: &str,
    grant: &GrantRecord,
    version: u64,
) -> SealedBatch {
    let batch = batch.delete(GRANTS, row(path, &grant.id), Expected::At(version));
    let gone = |batch: SealedBatch, space, row: &Option<String>| match row {
        Some(row) => batch.delete(space, row.as_str(), WRITTEN_ONCE),
        None => batch,
    };
    let batch = gone(batch, GRANT_NAMES, &grant.name_row);
    gone(batch, RETIRABLE, &grant.retiring_row)
}

async fn grants_from(
    view: &View<'_>,
    prefix: &str,
    from: Option<String>,
    limit: usize,
) -> Result<GrantPage, Stop> {
    let mut range = Range::prefix(prefix);
    if let Some(from) = from {
        range = range.resume(from);
    }
    let page = view.range(GRANTS, &range, limit).await?;
    for place in &page.altered {
        tracing::error!(?place, "a grant was altered outside Bulla and gives nothing");
    }
    let mut grants = Vec::with_capacity(page.rows.len());
    for (_, opened) in &page.rows {
        grants.push((GrantRecord::read(opened.value.expose())?, opened.version));
    }
    let text = |row: &bulla_store::Key| std::str::from_utf8(row.as_bytes()).map(str::to_owned);
    let next = page.next.as_ref().map(text).transpose().map_err(|_| fault::internal())?;
    Ok(GrantPage { grants, next })
}
