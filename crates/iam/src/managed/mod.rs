//! AWS managed policies that concern this plane, under AWS's ARNs; each document is a file.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bulla_policy::{Policy, PolicyKind};

/// What the ARNs of AWS's own policies begin with.
const PREFIX: &str = "arn:aws:iam::aws:policy/";

/// A policy that AWS manages.
pub(crate) struct AwsPolicy {
    /// After `policy/`, with its path.
    pub(crate) place: &'static str,
    /// AWS's unique id of it.
    pub(crate) id: &'static str,
    /// The number of the version in force.
    pub(crate) version: u32,
    pub(crate) description: &'static str,
    pub(crate) document: &'static str,
}

macro_rules! policies {
    ($($place:literal, $id:literal, $version:literal, $file:literal, $description:literal;)*) => {
        &[$(AwsPolicy {
            place: $place,
            id: $id,
            version: $version,
            description: $description,
            document: include_str!($file),
        }),*]
    };
}

/// Sorted by their place.
pub(crate) static ALL: &[AwsPolicy] = policies! {
    "AdministratorAccess", "ANPAIWMBCKSKIEE64ZLYK", 1, "AdministratorAccess.json",
        "Provides full access to AWS services and resources.";
    "IAMFullAccess", "ANPAI7XKCFMBPM3QQRRVQ", 2, "IAMFullAccess.json",
        "Provides full access to IAM via the AWS Management Console.";
};

impl AwsPolicy {
    pub(crate) fn arn(&self) -> String {
        format!("{PREFIX}{}", self.place)
    }

    /// The name without the path.
    pub(crate) fn name(&self) -> &'static str {
        self.place.rsplit('/').next().unwrap_or_default()
    }
}

/// The AWS managed policy of an ARN.
pub(crate) fn find(arn: &str) -> Option<&'static AwsPolicy> {
    let place = arn.strip_prefix(PREFIX)?;
    ALL.iter().find(|policy| policy.place == place)
}

/// All of them compiled, by their ARN, when the first is asked for.
static COMPILED: LazyLock<HashMap<String, Arc<Policy>>> = LazyLock::new(|| {
    let mut compiled = HashMap::with_capacity(ALL.len());
    for policy in ALL {
        let arn = policy.arn();
        match Policy::parse(policy.document, PolicyKind::Identity) {
            Ok(parsed) => {
                let parsed = Arc::new(parsed.named(policy.name(), Some(&arn)));
                compiled.insert(arn, parsed);
            }
            Err(error) => tracing::error!(%error, arn, "an AWS managed policy does not parse"),
        }
    }
    compiled
});

/// The AWS managed policy of an ARN, compiled.
pub(crate) fn compiled(arn: &str) -> Option<Arc<Policy>> {
    if !arn.starts_with(PREFIX) {
        return None;
    }
    COMPILED.get(arn).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_parses_and_has_an_id_of_its_own() {
        let mut ids: Vec<_> = ALL.iter().map(|policy| policy.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
        for policy in ALL {
            assert!(policy.id.starts_with("ANPA") && policy.id.len() == 21, "{}", policy.place);
            assert!(compiled(&policy.arn()).is_some(), "{}", policy.place);
        }
        assert!(ALL.is_sorted_by_key(|policy| policy.place));
        assert!(compiled("arn:aws:iam::aws:policy/None").is_none());
    }
}
