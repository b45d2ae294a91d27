//! What brought-in material makes of a key's record, and of the rows beside it.

use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, due_key};
use bulla_store::{Expected, Key, SealedBatch};

use crate::key::{self, Import, KeyRecord, Material, State};
use crate::keys::material_row;
use crate::{Kms, MATERIALS};

/// The job that takes material away again.
pub(crate) const EXPIRE: &str = "expire-material";

/// Where in a key's record a material stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Among those that the key had or has as its current one.
    Known(usize),
    /// It waits for a rotation.
    Pending,
}

impl KeyRecord {
    /// Where the material with this id stands.
    pub(crate) fn place_of(&self, id: &str) -> Option<Place> {
        if let Some(at) = self.materials.iter().position(|material| material.id == id) {
            return Some(Place::Known(at));
        }
        self.pending.as_ref().filter(|pending| pending.id == id).map(|_| Place::Pending)
    }

    pub(crate) fn material_at(&mut self, place: Place) -> Option<&mut Material> {
        match place {
            Place::Known(at) => self.materials.get_mut(at),
            Place::Pending => self.pending.as_mut(),
        }
    }

    /// Whether every generation of its material is here: only then it can be used.
    pub(crate) fn is_whole(&self) -> bool {
        !self.materials.is_empty() && self.materials.iter().all(Material::is_held)
    }

    /// Brings the state in line with the material that is here. What awaits its end goes on
    /// awaiting it.
    pub(crate) fn settle(&mut self) {
        self.state = match self.state {
            going if going.going().is_some() => going,
            _ if !self.is_whole() => State::PendingImport,
            // A disabled key is enabled by it as well (recorded).
            _ => State::Enabled,
        };
    }

    /// Forgets that a material is here, and gives the time it would have expired at.
    pub(crate) fn take_away(&mut self, place: Place) -> Option<i64> {
        let import = self.material_at(place)?.import.as_mut()?;
        import.held = false;
        import.valid_to_ms.take()
    }
}

/// The row of the job that takes a material away at a time.
pub(crate) fn expiry_key(path: &str, id: &str, at_ms: i64) -> Key {
    due_key(at_ms, "kms", EXPIRE, &format!("{path}/{id}"))
}

/// Brings the schedule in line with a changed time of expiry.
pub(crate) fn reschedule(
    batch: SealedBatch,
    path: &str,
    id: &str,
    old: Option<i64>,
    new: Option<i64>,
) -> SealedBatch {
    if old == new {
        return batch;
    }
    let batch = match old {
        // A job's row is written once, so that it always has its first version.
        Some(at_ms) => batch.delete(DUE, expiry_key(path, id, at_ms), Expected::At(1)),
        None => batch,
    };
    match new {
        Some(at_ms) => {
            batch.put(DUE, expiry_key(path, id, at_ms), Expected::Absent, b"{}".to_vec())
        }
        None => batch,
    }
}

impl Kms {
    /// Writes a material's row, new or again; without material it says whose it was, so that a
    /// ciphertext still finds its key.
    pub(crate) async fn put_material(
        &self,
        batch: SealedBatch,
        record: &KeyRecord,
        id: &str,
        material: &[u8],
    ) -> Result<SealedBatch, Stop> {
        let row = key::material_path(&record.region, id);
        let known = self.barrier.get(MATERIALS, row.as_bytes()).await?;
        let expected = known.map_or(Expected::Absent, |opened| Expected::At(opened.version));
        Ok(batch.put(MATERIALS, row.as_str(), expected, material_row(&record.path(), material)))
    }

    /// Removes a material's row.
    pub(crate) async fn drop_material(
        &self,
        batch: SealedBatch,
        record: &KeyRecord,
        id: &str,
    ) -> Result<SealedBatch, Stop> {
        let row = key::material_path(&record.region, id);
        Ok(match self.barrier.get(MATERIALS, row.as_bytes()).await? {
            Some(opened) => batch.delete(MATERIALS, row.as_str(), Expected::At(opened.version)),
            None => batch,
        })
    }
}

impl Material {
    /// Material that was just brought in.
    pub(crate) fn brought_in(id: String, import: Import) -> Self {
        Self { id, rotated_ms: None, rotated_by: None, import: Some(import) }
    }

    /// Whether it is here: what was brought in can be taken away again.
    pub(crate) fn is_held(&self) -> bool {
        self.import.as_ref().is_none_or(|import| import.held)
    }
}
