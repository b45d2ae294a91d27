//! How entities come into being, change their names and go.

use bulla_plane::{Call, Stop};
use bulla_store::{Expected, SealedBatch};

use super::census::Counted;
use super::gate::Live;
use super::{Iam, fault};
use crate::ids;
use crate::records::{ARNS, Entity, Holder, IDS, Kind, RolePart, bytes, row, version_of};

impl Kind {
    fn counted(self) -> Counted {
        match self {
            Self::User => Counted::Users,
            Self::Group => Counted::Groups,
            Self::Role => Counted::Roles,
        }
    }

    /// Whether the lists of principals over all accounts have it.
    fn is_principal(self) -> bool {
        self != Self::Group
    }
}

/// A new entity, as it was asked for.
pub(crate) struct New<'a> {
    pub(crate) kind: Kind,
    pub(crate) path: &'a str,
    pub(crate) name: &'a str,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) role: Option<RolePart>,
}

impl Iam {
    /// An entity that is not in the store yet.
    pub(crate) fn fresh(&self, call: &Call, new: New<'_>) -> Result<Entity, Stop> {
        Ok(Entity {
            kind: new.kind,
            account: call.account().to_owned(),
            path: new.path.to_owned(),
            name: new.name.to_owned(),
            id: ids::unique_id(&self.principals.crypto, new.kind.prefix())?,
            created_ms: call.now_ms,
            tags: new.tags,
            inline: Vec::new(),
            attached: Vec::new(),
            boundary: None,
            groups: Vec::new(),
            keys: Vec::new(),
            role: new.role,
        })
    }

    /// Commits a new entity, unless its name is taken or the account has too many.
    pub(crate) async fn add(&self, entity: &Entity, batch: SealedBatch) -> Result<(), Stop> {
        self.must_be_free(entity.kind, &entity.account, &entity.name).await?;
        let batch = self.enter(entity, batch).await?;
        self.principals.commit(&entity.account, batch).await
    }

    /// Adds a new entity to a batch, unless the account has too many.
    pub(crate) async fn enter(
        &self,
        entity: &Entity,
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let kind = entity.kind;
        let counted = kind.counted();
        let batch = self.recount(&entity.account, batch, |census| census.add(counted)).await?;
        let batch = batch.put(kind.space(), entity.row(), Expected::Absent, bytes(entity)?).put(
            IDS,
            entity.id.as_str(),
            Expected::Absent,
            bytes(&holder(entity))?,
        );
        Ok(if kind.is_principal() {
            batch.put(ARNS, entity.arn(), Expected::Absent, bytes(&entity.id)?)
        } else {
            batch
        })
    }

    async fn must_be_free(&self, kind: Kind, account: &str, name: &str) -> Result<(), Stop> {
        let view = self.principals.barrier.view().await?;
        match version_of(&view, kind.space(), &row(account, name)).await? {
            Some(_) => Err(fault::name_taken(kind, name).into()),
            None => Ok(()),
        }
    }

    /// Commits an entity under another path or name.
    pub(crate) async fn rename(&self, live: &Live, record: &Entity) -> Result<(), Stop> {
        let before = &live.record;
        let (old_row, new_row) = (before.row(), record.row());
        if old_row != new_row {
            self.must_be_free(record.kind, &record.account, &record.name).await?;
        }
        let id = self.version(IDS, &record.id).await?;
        let holder = bytes(&holder(record))?;
        let mut batch = SealedBatch::new().put(IDS, record.id.as_str(), id, holder);
        let space = record.kind.space();
        if old_row == new_row {
            batch = batch.put(space, old_row, live.expected(), bytes(record)?);
        } else {
            batch = batch.put(space, new_row, Expected::Absent, bytes(record)?).delete(
                space,
                old_row,
                live.expected(),
            );
        }
        if record.kind.is_principal() && live.arn != record.arn() {
            let old = self.version(ARNS, &live.arn).await?;
            batch = batch.put(ARNS, record.arn(), Expected::Absent, bytes(&record.id)?).delete(
                ARNS,
                live.arn.as_str(),
                old,
            );
        }
        self.principals.commit(&record.account, batch).await
    }

    /// Commits the end of an entity, together with what else goes with it.
    pub(crate) async fn remove(&self, live: &Live, batch: SealedBatch) -> Result<(), Stop> {
        let record = &live.record;
        let counted = record.kind.counted();
        let lose = |census: &mut super::census::Census| {
            census.remove(counted, 1);
            Ok(())
        };
        let batch = self.recount(&record.account, batch, lose).await?;
        let id = self.version(IDS, &record.id).await?;
        let mut batch = batch.delete(record.kind.space(), record.row(), live.expected()).delete(
            IDS,
            record.id.as_str(),
            id,
        );
        if record.kind.is_principal() {
            let arn = self.version(ARNS, &live.arn).await?;
            batch = batch.delete(ARNS, live.arn.as_str(), arn);
        }
        self.principals.commit(&record.account, batch).await
    }

    /// The row of an index. Where it has gone, another call changed the entity meanwhile.
    async fn version(&self, space: bulla_store::Space, key: &str) -> Result<Expected, Stop> {
        let view = self.principals.barrier.view().await?;
        version_of(&view, space, key).await?.map(Expected::At).ok_or(Stop::Again)
    }
}

fn holder(entity: &Entity) -> Holder {
    Holder { kind: entity.kind, account: entity.account.clone(), name: entity.name.clone() }
}
