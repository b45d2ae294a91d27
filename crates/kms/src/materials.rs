//! Making key material, and giving it to a key.

use std::sync::Arc;

use bulla_crypto::{Hash, KeyPair, PairSpec, SecretBytes, SecretKey, hex};
use bulla_plane::Stop;
use bulla_store::{Expected, SealedBatch};

use crate::key::{self, KeyRecord, Material, Origin, State};
use crate::keys::material_row;
use crate::kind::{Form, Kind};
use crate::live::Secret;
use crate::{Kms, MATERIALS};

/// The length of material that further keys are derived from, in bytes.
const SYMMETRIC_LEN: usize = 32;

impl Kms {
    /// Fresh material for a kind of key.
    pub(crate) async fn new_material(&self, kind: &Kind) -> Result<SecretBytes, Stop> {
        match kind.form {
            Form::Symmetric => Ok(self.crypto.random_secret(SYMMETRIC_LEN)?),
            Form::Mac(hash) => Ok(self.crypto.random_secret(hash.output_len())?),
            Form::Pair(spec) => self.new_pair(spec).await,
        }
    }

    /// Gives a new key its first material, or has it wait for it.
    pub(crate) async fn first_material(
        &self,
        mut record: KeyRecord,
    ) -> Result<(KeyRecord, SealedBatch), Stop> {
        if record.origin == Origin::External {
            record.state = State::PendingImport;
            return Ok((record, SealedBatch::new()));
        }
        let material = self.new_material(record.kind).await?;
        Ok(self.with_material(record, SealedBatch::new(), &material, None))
    }

    /// A new private key as PKCS #8.
    pub(crate) async fn new_pair(&self, spec: PairSpec) -> Result<SecretBytes, Stop> {
        let crypto = self.crypto.clone();
        let workshop = match spec {
            PairSpec::Rsa(_) => &self.prime_workshop,
            _ => &self.workshop,
        };
        Ok(workshop.run(move || crypto.pairs.generate(&*crypto.rng, spec)).await??)
    }

    /// Reads material of a kind of key, as its row has it.
    pub(crate) async fn read_secret(&self, kind: &Kind, bytes: &[u8]) -> Result<Secret, Stop> {
        Ok(match kind.form {
            Form::Symmetric => Secret::Symmetric(SecretKey::from_slice(bytes)?),
            Form::Mac(hash) => Secret::Mac(hash, SecretBytes::from_slice(bytes)),
            Form::Pair(spec) => Secret::Pair(self.open_pair(spec, bytes).await?),
        })
    }

    /// Reads a private key of ours.
    pub(crate) async fn open_pair(
        &self,
        spec: PairSpec,
        pkcs8: &[u8],
    ) -> Result<Arc<dyn KeyPair>, Stop> {
        let (pairs, der) = (self.crypto.pairs, SecretBytes::from_slice(pkcs8));
        let opened = self.workshop.run(move || pairs.open(spec, der.expose())).await?;
        Ok(Arc::from(opened?))
    }

    /// Adds material to a key, as its current one, in every region that the key stands in.
    pub(crate) fn with_material(
        &self,
        mut record: KeyRecord,
        batch: SealedBatch,
        material: &SecretBytes,
        rotated: Option<(i64, &str)>,
    ) -> (KeyRecord, SealedBatch) {
        let id = self.material_id(&record, material);
        let mut batch = batch;
        for region in std::iter::once(record.region.as_str()).chain(record.elsewhere()) {
            let row = key::material_path(region, &id);
            let value = material_row(&record.path_in(region), material.expose());
            batch = batch.put(MATERIALS, row.as_str(), Expected::Absent, value);
        }
        record.materials.push(Material {
            id,
            rotated_ms: rotated.map(|(at, _)| at),
            rotated_by: rotated.map(|(_, by)| by.to_owned()),
            import: None,
        });
        (record, batch)
    }

    /// The id of a key's material. It tells nothing of the material, and is the same whenever the
    /// same material is given to the same key again.
    pub(crate) fn material_id(&self, record: &KeyRecord, material: &SecretBytes) -> String {
        let named = [b"bulla/kms/material-id/v1", record.id.as_bytes()].concat();
        hex::encode(&self.crypto.tag(Hash::Sha256, material, &named))
    }
}
