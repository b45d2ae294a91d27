//! What tells uses apart, and which rows they belong to.

use std::fmt::Write as _;

use bulla_crypto::{hex, sha256};

use crate::calendar::Hour;
use crate::marks::PARTS;
use crate::prices::Item;
use crate::uses::{BY_KEY, Use};

/// What is between the parts of a name; none of them has it.
const BETWEEN: &str = "\0";
/// How many bytes of a digest the key of a row has.
const DIGEST_BYTES: usize = 8;

/// What tells the uses of a kind apart from others, in whichever hour they are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    text: Box<str>,
    /// The part that its rows are in.
    pub(crate) part: usize,
}

impl Name {
    pub(crate) fn of(used: &Use<'_>) -> Self {
        let parts = [
            used.account,
            used.region,
            used.priced.code(),
            used.operation,
            used.resource,
            used.principal,
        ];
        let part = part(&digest(used.resource, used.principal));
        Self { text: parts.join(BETWEEN).into(), part }
    }

    /// Writes it with an hour, as [`Named`] reads it.
    pub(crate) fn write(&self, hour: Hour, into: &mut String) {
        into.clear();
        // Writing to a string cannot fail.
        let _infallible = write!(into, "{}{BETWEEN}{}", self.text, hour.0);
    }
}

fn digest(resource: &str, principal: &str) -> [u8; DIGEST_BYTES] {
    let digest = sha256(format!("{resource}{BETWEEN}{principal}").as_bytes());
    digest.first_chunk().copied().unwrap_or_default()
}

/// A part has a stretch of all digests: its rows of a day and an operation stand together.
fn part(digest: &[u8; DIGEST_BYTES]) -> usize {
    let [first, ..] = digest;
    usize::from(*first) * PARTS / 256
}

/// What a name with an hour says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'n> {
    pub(crate) account: &'n str,
    pub(crate) region: &'n str,
    priced: &'n str,
    operation: &'n str,
    pub(crate) resource: &'n str,
    pub(crate) principal: &'n str,
    pub(crate) hour: Hour,
}

impl<'n> Named<'n> {
    pub(crate) fn read(text: &'n str) -> Option<Self> {
        let mut parts = text.split(BETWEEN);
        let mut next = || parts.next();
        Some(Self {
            account: next()?,
            region: next()?,
            priced: next()?,
            operation: next()?,
            resource: next()?,
            principal: next()?,
            hour: Hour(next()?.parse().ok()?),
        })
    }

    pub(crate) fn is_by_key(&self) -> bool {
        self.priced == BY_KEY
    }

    /// The key of the row, of what it turns out to be charged as.
    pub(crate) fn row(&self, by_key: &Item) -> String {
        let code = if self.is_by_key() { by_key.code } else { self.priced };
        let digest = hex::encode(&digest(self.resource, self.principal));
        let Self { account, region, operation, hour, .. } = self;
        format!("{account}/{:06}/{region}/{code}/{operation}/{digest}", hour.day().0)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::uses::{Priced, by_spec};

    /// Of an Encrypt by nobody.
    pub(crate) fn used(resource: &str) -> Name {
        Name::of(&Use {
            account: "111122223333",
            region: "us-east-1",
            priced: Priced::ByKey,
            operation: "Encrypt",
            resource,
            principal: "",
        })
    }

    #[test]
    fn what_is_written_is_read_and_a_part_has_a_stretch_of_rows() {
        let mut rows: Vec<(String, usize)> = Vec::new();
        for number in 0..6_000 {
            let (resource, mut text) = (format!("key/{number}"), String::new());
            let name = used(&resource);
            name.write(Hour(500_000), &mut text);
            let named = Named::read(&text).unwrap();
            assert_eq!((named.resource, named.principal), (resource.as_str(), ""));
            assert!(named.is_by_key());
            rows.push((named.row(by_spec(None)), name.part));
        }
        rows.sort();
        assert!(rows[0].0.starts_with("111122223333/020833/us-east-1/"), "{}", rows[0].0);
        assert!(rows.is_sorted_by_key(|(_, part)| *part));
        rows.dedup_by_key(|(_, part)| *part);
        assert_eq!(rows.len(), PARTS);
    }
}
