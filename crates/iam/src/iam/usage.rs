//! Who uses a managed policy: as what it may do, or as its boundary.

use std::collections::HashMap;

use bulla_plane::{Call, Stop};
use bulla_store::{Expected, MAX_PAGE_ROWS, Range, SealedBatch, Version};
use serde::{Deserialize, Serialize};

use super::{Iam, fault, policies};
use crate::managed;
use crate::principals::managed_record;
use crate::records::{Entity, POLICIES, USAGES, USES, bytes, load, read, row, version_of};

/// How an entity uses a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is attached.
    Attached,
    /// It is the entity's permissions boundary.
    Boundary,
}

impl Use {
    fn letter(self) -> char {
        match self {
            Self::Attached => 'a',
            Self::Boundary => 'b',
        }
    }
}

/// How many use a policy. No row stands for nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) attached: i64,
    pub(crate) bounds: i64,
}

impl Usage {
    fn number(&mut self, how: Use) -> &mut i64 {
        match how {
            Use::Attached => &mut self.attached,
            Use::Boundary => &mut self.bounds,
        }
    }
}

/// A managed policy that can be used now.
pub(crate) enum Usable {
    /// AWS's, which never goes.
    Aws,
    /// The account's own, as its row stands.
    Own { row: String, version: Version },
}

impl Usable {
    /// Lets a batch fail if the policy goes or changes meanwhile.
    pub(crate) fn expected(&self, batch: SealedBatch) -> SealedBatch {
        match self {
            Self::Aws => batch,
            Self::Own { row, version } => {
                batch.expect(POLICIES, row.as_str(), Expected::At(*version))
            }
        }
    }
}

/// The rows of one way of using a policy; the user's id follows.
pub(crate) fn use_rows(account: &str, arn: &str, how: Use) -> String {
    format!("{account}/{arn}/{}/", how.letter())
}

fn usage_row(account: &str, arn: &str) -> String {
    format!("{account}/{arn}")
}

impl Iam {
    /// The policy of an ARN, if the caller's account can attach it.
    pub(crate) async fn attachable(&self, call: &Call, arn: &str) -> Result<Usable, Stop> {
        policies::check_arn(arn)?;
        if let Some(policy) = managed::find(arn) {
            if policy.is_for_services() {
                return Err(fault::for_services().into());
            }
            return Ok(Usable::Aws);
        }
        let view = self.principals.barrier.view().await?;
        let found = managed_record(&view, arn).await?;
        match found.filter(|found| found.record.account == call.account()) {
            Some(found) => Ok(Usable::Own {
                row: row(&found.record.account, &found.record.name),
                version: found.version,
            }),
            None => {
                let text = format!("Policy {arn} does not exist or is not attachable.");
                Err(fault::not_found(text).into())
            }
        }
    }

    /// How many use a policy within an account.
    pub(crate) async fn usage(&self, account: &str, arn: &str) -> Result<(Usage, Expected), Stop> {
        let view = self.principals.barrier.view().await?;
        let found = load::<Usage>(&view, USAGES, &usage_row(account, arn)).await?;
        let expected = Expected::from(found.as_ref().map(|found| found.version));
        Ok((found.map(|found| found.record).unwrap_or_default(), expected))
    }

    /// How many use each policy within an account, by the policies' ARNs.
    pub(crate) async fn usages(&self, account: &str) -> Result<HashMap<String, Usage>, Stop> {
        let prefix = format!("{account}/");
        let mut range = Range::prefix(prefix.as_str());
        let mut usages = HashMap::new();
        let view = self.principals.barrier.view().await?;
        loop {
            let page = view.range(USAGES, &range, MAX_PAGE_ROWS).await?;
            for (key, opened) in page.rows {
                let arn = str::from_utf8(key.as_bytes()).ok();
                let Some(arn) = arn.and_then(|key| key.strip_prefix(&prefix)) else { continue };
                usages.insert(arn.to_owned(), read::<Usage>(opened)?.record);
            }
            match page.next {
                Some(next) => range = range.resume(next),
                None => return Ok(usages),
            }
        }
    }

    /// Lets a batch fail if somebody uses a policy.
    pub(crate) fn expect_no_use(
        &self,
        account: &str,
        arn: &str,
        batch: SealedBatch,
    ) -> SealedBatch {
        batch.expect(USAGES, usage_row(account, arn), Expected::Absent)
    }

    /// Adds to a batch that an entity uses a policy.
    pub(crate) async fn used(
        &self,
        entity: &Entity,
        arn: &str,
        how: Use,
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let (mut usage, expected) = self.usage(&entity.account, arn).await?;
        *usage.number(how) += 1;
        let rows = use_rows(&entity.account, arn, how);
        Ok(batch.put(USAGES, usage_row(&entity.account, arn), expected, bytes(&usage)?).put(
            USES,
            format!("{rows}{}", entity.id),
            Expected::Absent,
            bytes(&entity.id)?,
        ))
    }

    /// Adds to a batch that an entity does not use a policy any more.
    pub(crate) async fn unused(
        &self,
        entity: &Entity,
        arn: &str,
        how: Use,
        batch: SealedBatch,
    ) -> Result<SealedBatch, Stop> {
        let (mut usage, expected) = self.usage(&entity.account, arn).await?;
        let number = usage.number(how);
        *number = number.saturating_sub(1);
        let row = format!("{}{}", use_rows(&entity.account, arn, how), entity.id);
        let view = self.principals.barrier.view().await?;
        let version = version_of(&view, USES, &row).await?.ok_or(Stop::Again)?;
        drop(view);
        let batch = batch.delete(USES, row, Expected::At(version));
        let counted = usage_row(&entity.account, arn);
        Ok(if usage == Usage::default() {
            batch.delete(USAGES, counted, expected)
        } else {
            batch.put(USAGES, counted, expected, bytes(&usage)?)
        })
    }
}
