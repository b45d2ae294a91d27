//! Resource policies of parameters, and who finds the shared ones in a list.
//!
//! A policy that names other accounts has a row for each of them, so that
//! `DescribeParameters` with `Shared` reads what is shared with the caller and nothing else.

use std::collections::BTreeSet;

use bulla_plane::Stop;
use bulla_policy::{Policy, PolicyKind, PrincipalType};
use bulla_store::{Expected, Range, SealedBatch, Space};

use crate::fault;
use crate::record::{ParameterRecord, ResourcePolicy};

/// One row for each account that a parameter is shared with:
/// `<that account>/<region>//<row of the parameter>`.
pub(crate) const SHARED: Space = Space::new("ssm.shared");

/// What the policies say, compiled.
pub(crate) fn compiled(policies: &[ResourcePolicy]) -> Result<Option<Policy>, Stop> {
    let policy = policies.first().map(|policy| Policy::parse(&policy.text, PolicyKind::Resource));
    policy.transpose().map_err(|error| {
        tracing::error!(%error, "a stored resource policy does not parse");
        fault::internal().into()
    })
}

/// The rows of what is shared with an account.
pub(crate) fn shared_with(account: &str, region: &str) -> Range {
    Range::prefix(format!("{account}/{region}//"))
}

/// The row of the parameter that a row of this space leads to.
pub(crate) fn target(row: &[u8]) -> Option<&str> {
    std::str::from_utf8(row).ok()?.split_once("//").map(|(_, target)| target)
}

/// Changes the rows of a record's policies to those of others, in the commit of the change.
pub(crate) fn reindexed(
    mut batch: SealedBatch,
    record: &ParameterRecord,
    after: &[ResourcePolicy],
) -> SealedBatch {
    let (old, new) = (accounts(&record.sharing), accounts(after));
    let row = |account: &str| format!("{account}/{}//{}", record.region, record.row());
    for account in old.difference(&new) {
        // These rows are written once.
        batch = batch.delete(SHARED, row(account), Expected::At(1));
    }
    for account in new.difference(&old) {
        batch = batch.put(SHARED, row(account), Expected::Absent, b"{}".to_vec());
    }
    batch
}

/// The accounts that policies name, by number or within an ARN.
fn accounts(policies: &[ResourcePolicy]) -> BTreeSet<String> {
    let parsed =
        policies.iter().filter_map(|policy| Policy::parse(&policy.text, PolicyKind::Resource).ok());
    let mut accounts = BTreeSet::new();
    for policy in parsed {
        for named in policy.principals() {
            let text = named.text;
            let number = text.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(3));
            let number = number.unwrap_or(text);
            let is_number = number.len() == 12 && number.bytes().all(|b| b.is_ascii_digit());
            if named.principal_type == PrincipalType::Aws && is_number {
                accounts.insert(number.to_owned());
            }
        }
    }
    accounts
}
