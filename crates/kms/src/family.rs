//! Multi-Region keys: one key in several regions, of which one is the primary (KMS guide).
//!
//! Each region has a row of its own. What related keys share (their material, its rotation, and who
//! is related) stands in every one of these rows and is changed in all of them in one commit, so
//! that there is no moment in which two regions differ.

use std::sync::Arc;

use bulla_plane::Stop;
use bulla_shapes::Fault;
use bulla_store::{Expected, SealedBatch};
use serde::{Deserialize, Serialize};

use crate::imports::reschedule;
use crate::key::{self, Import, KeyRecord, Material, OnDemand, Rotation};
use crate::keys::unreadable;
use crate::live::LiveKey;
use crate::{KEYS, Kms, fault};

/// The regions of a multi-Region key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Family {
    pub(crate) primary: String,
    /// In the order in which they came.
    pub(crate) replicas: Vec<String>,
}

impl Family {
    /// The primary's region first.
    pub(crate) fn regions(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.primary).chain(&self.replicas).map(String::as_str)
    }
}

/// What related keys have in common beside their family.
type Shared<'k> = (&'k [Material], Option<&'k Material>, Option<(i64, i64)>, Option<OnDemand>, u32);

impl KeyRecord {
    pub(crate) fn is_replica(&self) -> bool {
        self.family.as_ref().is_some_and(|family| family.primary != self.region)
    }

    /// Whether replicas of it stand in other regions.
    pub(crate) fn has_replicas(&self) -> bool {
        let family = self.family.as_ref().filter(|family| family.primary == self.region);
        family.is_some_and(|family| !family.replicas.is_empty())
    }

    /// AWS's name for its part in its family.
    pub(crate) fn part(&self) -> Option<&'static str> {
        self.family.as_ref()?;
        Some(if self.is_replica() { "REPLICA" } else { "PRIMARY" })
    }

    /// The other regions that it stands in.
    pub(crate) fn elsewhere(&self) -> impl Iterator<Item = &str> {
        let all = self.family.iter().flat_map(Family::regions);
        all.filter(|region| *region != self.region)
    }

    /// The row of the related key in a region.
    pub(crate) fn path_in(&self, region: &str) -> String {
        key::path(&self.account, region, &self.id)
    }

    pub(crate) fn arn_in(&self, region: &str) -> String {
        key::arn(&self.partition, region, &self.account, &self.id)
    }

    fn shared(&self) -> Shared<'_> {
        let rotation = self.rotation.map(|rotation| (rotation.period_days, rotation.next_ms));
        let asked = (self.on_demand, self.on_demand_count);
        (&self.materials, self.pending.as_ref(), rotation, asked.0, asked.1)
    }

    /// Takes on what the primary has for all; whether material is here, and until when, is each
    /// region's own. Gives the material that is none of the key's any more.
    fn follow(&mut self, primary: &Self) -> Vec<Material> {
        let own: Vec<_> = self.materials.drain(..).chain(self.pending.take()).collect();
        let taken_on = |theirs: &Material| {
            let mine = own.iter().find(|mine| mine.id == theirs.id);
            let mine = mine.and_then(|mine| mine.import.as_ref());
            let import = theirs.import.as_ref().map(|theirs| Import {
                held: mine.is_some_and(|mine| mine.held),
                valid_to_ms: mine.and_then(|mine| mine.valid_to_ms),
                description: theirs.description.clone(),
            });
            Material { import, ..theirs.clone() }
        };
        self.materials = primary.materials.iter().map(taken_on).collect();
        self.pending = primary.pending.as_ref().map(taken_on);
        // The one job for it is the primary's.
        self.rotation = primary.rotation.map(|shared| Rotation { scheduled: false, ..shared });
        self.on_demand = primary.on_demand;
        self.on_demand_count = primary.on_demand_count;
        self.family.clone_from(&primary.family);
        own.into_iter().filter(|material| primary.stands(&material.id).is_none()).collect()
    }

    /// A record of the same key in another region, without what is each region's own.
    pub(crate) fn replica(&self, region: &str, now_ms: i64) -> Self {
        let mut replica = Self {
            region: region.to_owned(),
            created_ms: now_ms,
            description: String::new(),
            policy: String::new(),
            principals: vec![],
            tags: vec![],
            aliases: vec![],
            grants: 0,
            materials: vec![],
            pending: None,
            custom: None,
            ..self.clone()
        };
        replica.follow(self);
        replica
    }

    fn stands(&self, id: &str) -> Option<&Material> {
        self.materials.iter().chain(&self.pending).find(|material| material.id == id)
    }
}

impl LiveKey {
    /// Refuses what is done to a primary key only; a key of one region is none either (recorded for
    /// ReplicateKey).
    pub(crate) fn must_be_primary(&self) -> Result<(), Fault> {
        match self.record.part() {
            Some("PRIMARY") => Ok(()),
            _ => Err(self.no_primary()),
        }
    }

    /// Refuses what replicas have from their primary.
    pub(crate) fn must_not_be_replica(&self) -> Result<(), Fault> {
        if self.record.is_replica() { Err(self.no_primary()) } else { Ok(()) }
    }

    fn no_primary(&self) -> Fault {
        fault::unsupported(format!("{} is not a multi-region primary key.", self.arn))
    }
}

impl Kms {
    /// The related keys in other regions.
    pub(crate) async fn relatives(&self, record: &KeyRecord) -> Result<Vec<Arc<LiveKey>>, Stop> {
        let mut all = Vec::new();
        for region in record.elsewhere() {
            // One that is gone has gone since the record was read.
            all.push(self.live(&record.path_in(region)).await?.ok_or(Stop::Again)?);
        }
        Ok(all)
    }

    /// Whether material that waits for a rotation is here, and in every other region of the key.
    pub(crate) async fn is_everywhere(&self, record: &KeyRecord, id: &str) -> Result<bool, Stop> {
        let held = |record: &KeyRecord| record.stands(id).is_some_and(Material::is_held);
        let relatives = self.relatives(record).await?;
        Ok(held(record) && relatives.iter().all(|relative| held(&relative.record)))
    }

    /// Has the relatives of a primary follow what it shares, if that changed, and tells the record
    /// of it. Gives the rows that the batch touches by it.
    pub(crate) async fn spread(
        &self,
        before: &KeyRecord,
        primary: &KeyRecord,
        mut batch: SealedBatch,
        now_ms: i64,
    ) -> Result<(SealedBatch, Vec<String>), Stop> {
        let same = before.shared() == primary.shared();
        if (same && before.family == primary.family) || before.is_replica() {
            return Ok((batch, vec![]));
        }
        let comes = primary.elsewhere().any(|region| before.elsewhere().all(|old| old != region));
        if primary.has_replicas() && (comes || !same) {
            batch = self.tell_synchronized(batch, primary, now_ms)?;
        }
        let mut paths = Vec::new();
        for relative in self.relatives(before).await? {
            let mut record = relative.record.clone();
            for gone in record.follow(primary) {
                let until = gone.import.and_then(|import| import.valid_to_ms);
                batch = self.drop_material(batch, &record, &gone.id).await?;
                batch = reschedule(batch, &relative.path, &gone.id, until, None);
            }
            batch = with_record(batch, &relative, &record)?;
            paths.push(relative.path.clone());
        }
        Ok((batch, paths))
    }
}

/// Adds a key's record, as changed, to a batch.
pub(crate) fn with_record(
    batch: SealedBatch,
    before: &LiveKey,
    record: &KeyRecord,
) -> Result<SealedBatch, Stop> {
    let bytes = record.to_bytes().map_err(|error| unreadable(&error))?;
    Ok(batch.put(KEYS, before.path.as_str(), Expected::At(before.version), bytes))
}
