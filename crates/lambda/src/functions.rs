//! Finding functions, the Gate before them, and the version that a call is for.

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Protected, Stop};
use bulla_policy::{Conditions, Policy, Values};
use bulla_store::{Expected, SealedBatch};

use crate::identifier::{Identifier, LATEST, is_number};
use crate::record::{self, Config, FunctionRecord};
use crate::{FUNCTIONS, Lambda, VERSIONS, fault, policies};

/// CloudTrail's type of a function.
pub(crate) const FUNCTION_TYPE: &str = "AWS::Lambda::Function";

/// A function, as it stands in the store.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) record: FunctionRecord,
    /// The version of its row.
    pub(crate) row: u64,
}

/// What a request names, as the Gate sees it.
pub(crate) struct Held {
    pub(crate) named: Identifier,
    pub(crate) stored: Option<Stored>,
    arn: String,
    policy: Option<Policy>,
}

impl Held {
    /// The function, or AWS's word that there is none.
    pub(crate) fn existing(self) -> Result<(Identifier, Stored), Stop> {
        match self.stored {
            Some(stored) => Ok((self.named, stored)),
            None => Err(fault::no_function(&self.arn).into()),
        }
    }
}

impl Protected for Held {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.named.account
    }

    fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        if key == "aws:resourceaccount" {
            return Some(Values::One(&self.named.account));
        }
        let name = key.strip_prefix("aws:resourcetag/")?;
        bulla_policy::tag(&self.stored.as_ref()?.record.tags, name)
    }
}

/// The version that a qualifier leads to.
pub(crate) struct Version {
    /// `$LATEST`, or a number.
    pub(crate) name: String,
    pub(crate) config: Config,
}

impl Lambda {
    /// What a request names, still behind the Gate.
    pub(crate) async fn find(&self, named: Identifier) -> Result<Guarded<Held>, Stop> {
        let stored = self.stored(&named.path()).await?;
        let on = named.qualifier.clone().unwrap_or_default();
        let policy = match &stored {
            Some(stored) => policies::compiled(&stored.record, &on)?,
            None => None,
        };
        let arn = named.qualified_arn();
        Ok(Guarded::new(Held { named, stored, arn, policy }))
    }

    /// The function that a request names, if the caller may do this to it.
    pub(crate) async fn permitted(
        &self,
        call: &mut Call,
        named: Identifier,
        action: &str,
        keys: &(dyn Conditions + Sync),
    ) -> Result<(Identifier, Stored), Stop> {
        let here = named.region == call.region && named.partition == call.partition;
        let arn = named.qualified_arn();
        let held = self.find(named).await?.permit(call, action, keys, Named::Arn)?;
        if !here {
            // Ours: AWS answers from the region that was called.
            return Err(fault::no_function(&arn).into());
        }
        let (named, stored) = held.existing()?;
        call.touched(&stored.record.arn(), &stored.record.account, FUNCTION_TYPE);
        Ok((named, stored))
    }

    /// A function's row.
    pub(crate) async fn stored(&self, path: &str) -> Result<Option<Stored>, Stop> {
        let Some(opened) = self.barrier.get(FUNCTIONS, path.as_bytes()).await? else {
            return Ok(None);
        };
        let record = record::read(opened.value.expose())?;
        Ok(Some(Stored { record, row: opened.version }))
    }

    /// The version that a qualifier leads to; `draw` in 0..1 decides where an alias has two.
    pub(crate) async fn version(
        &self,
        record: &FunctionRecord,
        qualifier: Option<&str>,
        draw: f64,
    ) -> Result<Version, Stop> {
        let missing = |name: &str| fault::no_function(&format!("{}:{name}", record.arn()));
        let name = match qualifier {
            None | Some(LATEST) => LATEST,
            Some(number) if is_number(number) => number,
            Some(name) => {
                let alias = record.alias(name).ok_or_else(|| missing(name))?;
                match &alias.routing {
                    Some((other, weight)) if draw < *weight => other,
                    _ => &alias.version,
                }
            }
        };
        if name == LATEST {
            return Ok(Version { name: LATEST.to_owned(), config: record.latest.clone() });
        }
        let number: u64 = name.parse().map_err(|_| missing(name))?;
        let config = self.published(record, number).await?.ok_or_else(|| missing(name))?;
        Ok(Version { name: name.to_owned(), config })
    }

    /// A published version.
    pub(crate) async fn published(
        &self,
        record: &FunctionRecord,
        number: u64,
    ) -> Result<Option<Config>, Stop> {
        if !record.versions.contains(&number) {
            return Ok(None);
        }
        let row = record.version_row(number);
        let Some(opened) = self.barrier.get(VERSIONS, row.as_bytes()).await? else {
            return Ok(None);
        };
        Ok(Some(record::read(opened.value.expose())?))
    }

    /// A batch that puts a function's record in the place of the one that was read.
    pub(crate) fn with_record(
        &self,
        batch: SealedBatch,
        before: &Stored,
        record: &FunctionRecord,
    ) -> Result<SealedBatch, Stop> {
        let expected = Expected::At(before.row);
        Ok(batch.put(FUNCTIONS, record.path().as_str(), expected, record::bytes(record)?))
    }

    /// Commits a change of a function.
    pub(crate) async fn change(
        &self,
        before: &Stored,
        record: &FunctionRecord,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        let batch = self.with_record(batch, before, record)?;
        self.barrier.commit(batch).await?;
        Ok(())
    }

    /// A new revision id.
    pub(crate) fn revision(&self) -> Result<String, Stop> {
        Ok(bulla_plane::pipeline::new_uuid(&self.crypto)?)
    }
}
