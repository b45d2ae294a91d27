//! A parameter in memory, and what of it goes through the Gate.

use std::sync::Arc;

use bulla_plane::cache::Weighs;
use bulla_plane::{Protected, Stop};
use bulla_policy::{Policy, Values};

use crate::record::ParameterRecord;
use crate::sharing;

/// What of a parameter takes room beside its value, roughly.
const OVERHEAD_BYTES: usize = 1_024;

/// A parameter, ready to be answered.
pub(crate) struct Live {
    pub(crate) record: ParameterRecord,
    /// The version of the record's row.
    pub(crate) version: u64,
    pub(crate) arn: String,
    /// The row of the record.
    pub(crate) row: String,
    /// All that its resource policies say, compiled to one.
    pub(crate) policy: Option<Policy>,
}

impl Live {
    /// The parameter of a row, by the row's version and record.
    pub(crate) fn of(row: &str, version: u64, record: ParameterRecord) -> Result<Self, Stop> {
        let policy = sharing::compiled(&record.sharing)?;
        Ok(Self { arn: record.arn(), row: row.to_owned(), version, policy, record })
    }
}

impl Weighs for Live {
    fn weight(&self) -> u64 {
        let newest = &self.record.newest;
        let texts = [&newest.description, &newest.allowed_pattern];
        let texts = texts.iter().filter_map(|text| text.as_ref()).map(String::len);
        let tags =
            self.record.tags.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        let shared = self.record.sharing.iter().map(|policy| policy.text.len().saturating_mul(2));
        let plans = self.record.plans.iter().map(|plan| plan.text.len().saturating_mul(2));
        let bytes = texts.chain(tags).chain(shared).chain(plans).fold(0, usize::saturating_add);
        let bytes = bytes
            .saturating_add(newest.content.expose().len())
            .saturating_add(self.arn.len().saturating_mul(3))
            .saturating_add(OVERHEAD_BYTES);
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// What a request names, as the Gate sees it.
pub(crate) struct Held {
    /// The parameter, if there is one.
    pub(crate) parameter: Option<Arc<Live>>,
    pub(crate) arn: String,
    pub(crate) account: String,
}

impl Protected for Held {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn policy(&self) -> Option<&Policy> {
        self.parameter.as_ref()?.policy.as_ref()
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        if key == "aws:resourceaccount" {
            return Some(Values::One(&self.account));
        }
        let tag = key.strip_prefix("aws:resourcetag/");
        let tag = tag.or_else(|| key.strip_prefix("ssm:resourcetag/"))?;
        bulla_policy::tag(&self.parameter.as_ref()?.record.tags, tag)
    }
}
