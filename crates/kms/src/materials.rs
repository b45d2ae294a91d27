//! Making key material, and giving it to a key.

use bulla_crypto::{Hash, SecretBytes, hex};
use bulla_plane::Stop;
use bulla_store::{Expected, SealedBatch};

use crate::key::{self, KeyRecord, Material};
use crate::keys::material_row;
use crate::kind::{Form, Kind};
use crate::{Kms, MATERIALS};

/// The length of material that further keys are derived from, in bytes.
const SYMMETRIC_LEN: usize = 32;

impl Kms {
    /// Fresh material for a kind of key.
    pub(crate) fn new_material(&self, kind: &'static Kind) -> Result<SecretBytes, Stop> {
        let len = match kind.form {
            Form::Symmetric => SYMMETRIC_LEN,
            Form::Mac(hash) => hash.output_len(),
        };
        Ok(self.crypto.random_secret(len)?)
    }

    /// Adds material to a key, as its current one.
    pub(crate) fn with_material(
        &self,
        mut record: KeyRecord,
        batch: SealedBatch,
        material: &SecretBytes,
        rotated: Option<(i64, &str)>,
    ) -> (KeyRecord, SealedBatch) {
        let id = self.material_id(&record, material);
        let row = key::material_path(&record.region, &id);
        let value = material_row(&record.path(), material.expose());
        let batch = batch.put(MATERIALS, row.as_str(), Expected::Absent, value);
        record.materials.push(Material {
            id,
            rotated_ms: rotated.map(|(at, _)| at),
            rotated_by: rotated.map(|(_, by)| by.to_owned()),
        });
        (record, batch)
    }

    /// The id of a key's material. It tells nothing of the material, and is the same whenever the
    /// same material is given to the same key again.
    fn material_id(&self, record: &KeyRecord, material: &SecretBytes) -> String {
        let named = [b"bulla/kms/material-id/v1", record.id.as_bytes()].concat();
        hex::encode(&self.crypto.tag(Hash::Sha256, material, &named))
    }
}
