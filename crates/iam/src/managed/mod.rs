//! AWS managed policies that concern this plane, under AWS's ARNs; each document is a file.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bulla_policy::{Policy, PolicyKind};

use crate::ids;

/// What the ARNs of AWS's own policies begin with.
const PREFIX: &str = "arn:aws:iam::aws:policy/";
/// What unique ids of managed policies begin with.
pub(crate) const ID_PREFIX: &str = "ANPA";

/// A policy that AWS manages.
pub(crate) struct AwsPolicy {
    /// After `policy/`, with its path.
    pub(crate) place: &'static str,
    /// The number of the version in force.
    pub(crate) version: u32,
    pub(crate) description: &'static str,
    pub(crate) document: &'static str,
}

macro_rules! policies {
    ($($place:literal, $version:literal, $file:literal, $description:literal;)*) => {
        &[$(AwsPolicy {
            place: $place,
            version: $version,
            description: $description,
            document: include_str!($file),
        }),*]
    };
}

/// Sorted by their place. What they allow and the numbers of their versions are stated in the "AWS
/// Managed Policy Reference Guide"; the descriptions are ours. Of `ReadOnlyAccess`,
/// `AmazonSSMFullAccess` and `AWSCloudTrail_FullAccess`, which reach far beyond this plane, there
/// are the statements that concern it; the first changes too often for its number to mean anything.
pub(crate) static ALL: &[AwsPolicy] = policies! {
    "AWSCloudTrail_FullAccess", 3, "AWSCloudTrail_FullAccess.json",
        "Everything in CloudTrail, and what trails need.";
    "AWSCloudTrail_ReadOnlyAccess", 1, "AWSCloudTrail_ReadOnlyAccess.json",
        "Reads all of CloudTrail.";
    "AWSKeyManagementServicePowerUser", 2, "AWSKeyManagementServicePowerUser.json",
        "Makes and lists KMS keys and aliases.";
    "AdministratorAccess", 1, "AdministratorAccess.json",
        "Everything.";
    "AmazonSSMFullAccess", 4, "AmazonSSMFullAccess.json",
        "Everything in Systems Manager.";
    "AmazonSSMReadOnlyAccess", 1, "AmazonSSMReadOnlyAccess.json",
        "Reads all of Systems Manager.";
    "IAMFullAccess", 2, "IAMFullAccess.json",
        "Everything in IAM.";
    "IAMReadOnlyAccess", 4, "IAMReadOnlyAccess.json",
        "Reads all of IAM.";
    "PowerUserAccess", 12, "PowerUserAccess.json",
        "Everything but users, groups, the organization and the account.";
    "ReadOnlyAccess", 1, "ReadOnlyAccess.json",
        "Reads everything but what is secret.";
    "SecretsManagerReadWrite", 5, "SecretsManagerReadWrite.json",
        "Everything in Secrets Manager, and what its console looks at.";
    "aws-service-role/AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy", 2,
        "AWSKeyManagementServiceCustomKeyStoresServiceRolePolicy.json",
        "What KMS does for custom key stores.";
    "aws-service-role/AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy", 2,
        "AWSKeyManagementServiceMultiRegionKeysServiceRolePolicy.json",
        "What KMS does for multi-Region keys.";
    "aws-service-role/BullaSecretsRotationServiceRolePolicy", 1,
        "BullaSecretsRotationServiceRolePolicy.json",
        "What the rotators of Bulla do with secrets.";
    "service-role/AWSLambdaBasicExecutionRole", 1, "AWSLambdaBasicExecutionRole.json",
        "Writes a function's logs.";
    "service-role/ROSAKMSProviderPolicy", 1, "ROSAKMSProviderPolicy.json",
        "Encrypts and decrypts under keys that are tagged for it.";
};

impl AwsPolicy {
    pub(crate) fn arn(&self) -> String {
        format!("{PREFIX}{}", self.place)
    }

    /// A unique id of the form of AWS's own. AWS's are not written down anywhere, so these are
    /// ours, the same in every account and after every start.
    pub(crate) fn id(&self) -> String {
        ids::derived_id(ID_PREFIX, self.place.as_bytes())
    }

    /// Whether only the service's own role can have it.
    pub(crate) fn is_for_services(&self) -> bool {
        self.place.starts_with("aws-service-role/")
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
        let mut ids: Vec<_> = ALL.iter().map(AwsPolicy::id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
        for policy in ALL {
            assert!(policy.id().starts_with("ANPA") && policy.id().len() == 21);
            assert!(compiled(&policy.arn()).is_some(), "{}", policy.place);
        }
        assert!(ALL.is_sorted_by_key(|policy| policy.place));
        assert!(compiled("arn:aws:iam::aws:policy/None").is_none());
    }
}
