//! How many secrets there may be (user guide, "AWS Secrets Manager quotas").

use std::collections::BTreeMap;

use bulla_plane::counts::{Counted, Counts, Lease};
use bulla_plane::quotas::Resource;
use bulla_plane::{Call, Stop};
use bulla_store::{Key, Range, SealedBatch, Space};

use crate::{SECRETS, Secrets, fault};

/// Secrets of an account in a region, replicas and those that are to be deleted among them.
const SECRETS_OF_REGION: Resource = Resource::new("secrets", 500_000);

/// All resource quotas.
pub const RESOURCES: &[Resource] = &[SECRETS_OF_REGION];

/// Rows whose sum is how many secrets an account has in a region.
pub(crate) const COUNTS: Space = Space::new("secrets.count");

/// What counts secrets.
pub(crate) type SecretCounts = Counts<SecretRows, 1>;

/// Secrets, as they are counted.
pub(crate) struct SecretRows;

impl Counted<1> for SecretRows {
    const COUNTS: Space = COUNTS;
    const ROWS: Space = SECRETS;

    fn ranges(home: &str) -> Vec<Range> {
        vec![Range::prefix(format!("{home}/"))]
    }

    fn tally(_: &[u8]) -> Result<[i64; 1], Stop> {
        Ok([1])
    }
}

/// The account and region in the key of a secret's row.
fn home(key: &Key) -> Option<&str> {
    let text = std::str::from_utf8(key.as_bytes()).ok()?;
    let (at, _) = text.match_indices('/').nth(1)?;
    text.get(..at)
}

impl Secrets {
    /// Refuses one more secret in a region where there are as many as there may be. Calls that run
    /// at the same time may go over by one each. AWS's text is not recorded; this is what the API
    /// Reference says of the exception.
    pub(crate) async fn must_have_room(
        &self,
        call: &Call,
        (account, region): (&str, &str),
    ) -> Result<(), Stop> {
        let home = format!("{account}/{region}");
        let [there_are] = self.counts.total(&self.barrier, &home).await?;
        if usize::try_from(there_are).unwrap_or(0) < SECRETS_OF_REGION.limit_in(call, region) {
            return Ok(());
        }
        let text = "The request failed because it would exceed one of the Secrets Manager quotas.";
        Err(fault::limit_exceeded(text).into())
    }

    /// Adds to a batch what it changes of the counts; they are known once the leases end.
    pub(crate) async fn counted(
        &self,
        mut batch: SealedBatch,
    ) -> Result<(SealedBatch, Vec<Lease<1>>), Stop> {
        let mut changes = BTreeMap::<String, i64>::new();
        for (key, more) in batch.more_and_fewer(SECRETS) {
            let Some(home) = home(key) else { continue };
            *changes.entry(home.to_owned()).or_default() += if more { 1 } else { -1 };
        }
        let mut leases = Vec::new();
        for (home, change) in changes.into_iter().filter(|(_, change)| *change != 0) {
            let lease = self.counts.lease(&self.barrier, &home, [change]).await?;
            batch = lease.write(batch);
            leases.push(lease);
        }
        Ok((batch, leases))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_what_comes_before_the_name() {
        let home_of = |text: &str| home(&Key::from(text)).map(str::to_owned);
        assert_eq!(home_of("1/eu/a/b").as_deref(), Some("1/eu"));
        assert_eq!(home_of("1/eu/").as_deref(), Some("1/eu"));
        assert_eq!(home_of("1/eu"), None);
    }
}
