//! Branch keys that KMS, of AWS or of Bulla, wraps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bulla_crypto::{Crypto, KEY_LEN};

use super::record::{
    ACTIVE, BranchKeyRecord, BranchKeyRecords, CREATED, HIERARCHY, ID, KMS_ARN, TYPE, VERSION,
    VERSION_PREFIX,
};
use super::store::{BranchKey, BranchKeyStore, VersionId, missing, new_version, parse_uuid, uuid};
use crate::keyring::KeyringError;
use crate::keyring::kms::arn::KmsArn;
use crate::kms::{Decrypt, GenerateDataKey, KmsClient, ReEncrypt};
use crate::materials::BoxFuture;

/// Branch keys under one key of KMS; only records of that key are opened.
pub struct KmsBranchKeys<R> {
    client: Arc<dyn KmsClient>,
    arn: String,
    name: String,
    records: R,
    crypto: Crypto,
}

impl<R: BranchKeyRecords> KmsBranchKeys<R> {
    /// The store of this logical name, which all records are bound to: under another name none of
    /// them opens.
    ///
    /// # Errors
    /// [`KeyringError::Configuration`] for an empty name and for what is not the ARN of a key.
    pub fn new(
        client: Arc<dyn KmsClient>,
        arn: impl Into<String>,
        name: impl Into<String>,
        records: R,
    ) -> Result<Self, KeyringError> {
        let (arn, name) = (arn.into(), name.into());
        if KmsArn::of_key(arn.as_bytes()).is_none() || name.is_empty() {
            let text = "a store of branch keys needs the ARN of a key, and a name".to_owned();
            return Err(KeyringError::Configuration(text));
        }
        Ok(Self { client, arn, name, records, crypto: Crypto::standard() })
    }

    /// Makes a branch key.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] when it is there already; [`KeyringError::Kms`].
    pub async fn create(&self, id: &str) -> Result<VersionId, KeyringError> {
        self.write(id, None).await
    }

    /// Makes a new version, which wraps from here on; older ones still unwrap.
    ///
    /// # Errors
    /// [`KeyringError::Refused`] when there is no such branch key; [`KeyringError::Kms`].
    pub async fn rotate(&self, id: &str) -> Result<VersionId, KeyringError> {
        let replaced = self.records.get(id, ACTIVE).await?.ok_or_else(|| missing(id))?;
        self.write(id, Some(&replaced)).await
    }

    async fn write(
        &self,
        id: &str,
        replaced: Option<&BranchKeyRecord>,
    ) -> Result<VersionId, KeyringError> {
        let version = new_version(&self.crypto)?;
        let kind = format!("{VERSION_PREFIX}{}", uuid(&version));
        let mut attributes: BTreeMap<String, String> =
            [(ID, id), (TYPE, &*kind), (CREATED, &*now()), (KMS_ARN, &*self.arn), (HIERARCHY, "1")]
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
        let context = BranchKeyRecord::context(&attributes, &self.name)?;
        let request = GenerateDataKey {
            key_id: &self.arn,
            number_of_bytes: KEY_LEN,
            context: &context,
            grant_tokens: &[],
        };
        let drawn = self.client.generate_data_key_without_plaintext(request).await?;
        let decrypt_only =
            BranchKeyRecord { attributes: attributes.clone(), ciphertext: drawn.ciphertext };
        attributes.insert(TYPE.to_owned(), ACTIVE.to_owned());
        attributes.insert(VERSION.to_owned(), kind);
        let request = ReEncrypt {
            key_id: &self.arn,
            ciphertext: &decrypt_only.ciphertext,
            source_context: &context,
            destination_context: &BranchKeyRecord::context(&attributes, &self.name)?,
            grant_tokens: &[],
        };
        let ciphertext = self.client.re_encrypt(request).await?.ciphertext;
        let active = BranchKeyRecord { attributes, ciphertext };
        self.records.put(&decrypt_only, &active, replaced).await?;
        Ok(version)
    }

    /// The branch key of a record.
    async fn open(&self, record: &BranchKeyRecord, kind: &str) -> Result<BranchKey, KeyringError> {
        if record.get(KMS_ARN)? != self.arn {
            let text = format!("the branch key is one of {}", record.get(KMS_ARN)?);
            return Err(KeyringError::Refused(text));
        }
        let version = kind.strip_prefix(VERSION_PREFIX).and_then(parse_uuid);
        let unread = || KeyringError::Refused(format!("{kind:?} is no version of a branch key"));
        let context = BranchKeyRecord::context(&record.attributes, &self.name)?;
        let request = Decrypt {
            key_id: &self.arn,
            ciphertext: &record.ciphertext,
            context: &context,
            algorithm: None,
            grant_tokens: &[],
        };
        let opened = self.client.decrypt(request).await?;
        BranchKey::new(version.ok_or_else(unread)?, opened.plaintext.expose())
    }

    async fn find(&self, id: &str, kind: &str) -> Result<BranchKeyRecord, KeyringError> {
        self.records.get(id, kind).await?.ok_or_else(|| missing(id))
    }
}

impl<R: BranchKeyRecords> BranchKeyStore for KmsBranchKeys<R> {
    fn active<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<BranchKey, KeyringError>> {
        Box::pin(async move {
            let record = self.find(id, ACTIVE).await?;
            self.open(&record, record.get(VERSION)?).await
        })
    }

    fn version<'a>(
        &'a self,
        id: &'a str,
        version: VersionId,
    ) -> BoxFuture<'a, Result<BranchKey, KeyringError>> {
        Box::pin(async move {
            let kind = format!("{VERSION_PREFIX}{}", uuid(&version));
            self.open(&self.find(id, &kind).await?, &kind).await
        })
    }
}

/// The time, as records have it: ISO 8601, UTC, with microseconds.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    stamp(since.as_secs(), since.subsec_micros())
}

fn stamp(seconds: u64, micros: u32) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March make a leap day their last (Hinnant's civil calendar).
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        for (seconds, micros, text) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, 7, "2000-02-28T23:59:59.000007Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, 999_999, "2024-02-29T23:59:59.999999Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(stamp(seconds, micros), text);
        }
    }
}
