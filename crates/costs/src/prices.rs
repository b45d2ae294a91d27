//! AWS's list prices, and what each is paid for.
//!
//! Gathered in November 2026 from notes that cite AWS's Price List API and from recorded bills;
//! each price names what it comes from and when that was written. They are those of us-east-1;
//! other regions' differ by little, and are not told apart. Where a usage type was not seen, it is
//! made after its likes.

/// When the list was gathered.
pub const DATE: &str = "2026-11-28";
/// The region whose prices they are.
pub const REGION: &str = "us-east-1";

const NOTE: &str = "price note citing AWS's Price List API, 2025-10-28";
const PARAMETERS: &str = "price notes of 2026";
const EVENTS: &str = "price list snapshot, 2026-10-08";
const EXPLORER: &str = "price note of 2026";

/// How something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Per {
    /// By its uses.
    Use,
    /// By the hours that it is there, in parts of the month that they are in.
    Month,
    /// By the hours that it is there, in parts of 720 hours.
    Hours720,
}

/// How a usage type begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// With the region: `eu-west-1-`.
    Region,
    /// With the region's short name: `EUW1-`.
    Short,
    /// With the region's short name, but not in us-east-1.
    ShortElsewhere,
}

/// Something that AWS charges for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its name in the rows of uses.
    pub(crate) code: &'static str,
    /// The service as Cost Explorer calls it, and its code.
    pub(crate) service: &'static str,
    pub(crate) service_code: &'static str,
    pub(crate) prefix: Prefix,
    /// The usage type, without the region.
    pub(crate) usage: &'static str,
    /// What is counted, as Cost Explorer has it.
    pub(crate) unit: &'static str,
    pub(crate) per: Per,
    /// The price of one, in ten-billionths of a dollar.
    pub(crate) steps: u64,
    /// How many an account has free in a month, over all regions.
    pub(crate) free: u64,
    /// Where the price comes from.
    pub(crate) source: &'static str,
}

const KMS: (&str, &str) = ("AWS Key Management Service", "awskms");
const SECRETS: (&str, &str) = ("AWS Secrets Manager", "AWSSecretsManager");
const SYSTEMS: (&str, &str) = ("AWS Systems Manager", "AWSSystemsManager");

const fn item(
    code: &'static str,
    (service, service_code): (&'static str, &'static str),
    (prefix, usage, unit): (Prefix, &'static str, &'static str),
    (per, steps, free): (Per, u64, u64),
    source: &'static str,
) -> Item {
    Item { code, service, service_code, prefix, usage, unit, per, steps, free, source }
}

const fn kms(code: &'static str, usage: &'static str, steps: u64, free: u64) -> Item {
    item(code, KMS, (Prefix::Region, usage, "Requests"), (Per::Use, steps, free), NOTE)
}

/// Keys of customers, replicas too.
pub(crate) static KEY: Item = item(
    "kms.key",
    KMS,
    (Prefix::Region, "KMS-Keys", "Keys"),
    (Per::Month, 10_000_000_000, 0),
    NOTE,
);
/// Symmetric keys, HMAC and management.
pub(crate) static REQUESTS: Item = kms("kms.requests", "KMS-Requests", 30_000, 20_000);
pub(crate) static RSA_2048: Item =
    kms("kms.rsa-2048", "KMS-Requests-Asymmetric-RSA_2048", 30_000, 0);
/// All other asymmetric keys.
pub(crate) static ASYMMETRIC: Item = kms("kms.asymmetric", "KMS-Requests-Asymmetric", 150_000, 0);
pub(crate) static ECC_PAIRS: Item =
    kms("kms.pairs-ecc", "KMS-Requests-GenerateDatakeyPair-ECC", 100_000, 0);
pub(crate) static RSA_PAIRS: Item =
    kms("kms.pairs-rsa", "KMS-Requests-GenerateDatakeyPair-RSA", 12_000_000, 0);
pub(crate) static SECRET: Item = item(
    "secrets.secret",
    SECRETS,
    (Prefix::Short, "AWSSecretsManager-Secrets", "Secrets"),
    (Per::Month, 4_000_000_000, 0),
    NOTE,
);
pub(crate) static SECRET_REQUESTS: Item = item(
    "secrets.requests",
    SECRETS,
    (Prefix::Short, "AWSSecretsManagerAPIRequest", "API Requests"),
    (Per::Use, 50_000, 0),
    NOTE,
);
/// Standard parameters cost nothing, nor do calls for them.
pub(crate) static PARAMETER: Item = item(
    "ssm.advanced",
    SYSTEMS,
    (Prefix::Short, "PS-Advanced-Param-Tier1", "Parameters"),
    (Per::Hours720, 500_000_000, 0),
    PARAMETERS,
);
/// One for each advanced parameter that a call gives or takes.
pub(crate) static INTERACTIONS: Item = item(
    "ssm.interactions",
    SYSTEMS,
    (Prefix::Short, "PS-Param-Processed-Tier2", "Interactions"),
    (Per::Use, 50_000, 0),
    PARAMETERS,
);
/// One for each 64 KiB of an event that was put, begun ones in full.
pub(crate) static CHUNKS: Item = item(
    "events.chunks",
    ("CloudWatch Events", "AWSEvents"),
    (Prefix::Short, "Event-64K-Chunks", "64K Chunks"),
    (Per::Use, 10_000, 0),
    EVENTS,
);
/// The time that functions run for is not metered.
pub(crate) static INVOCATIONS: Item = item(
    "lambda.requests",
    ("AWS Lambda", "AWSLambda"),
    (Prefix::ShortElsewhere, "Request", "Requests"),
    (Per::Use, 2_000, 1_000_000),
    NOTE,
);
pub(crate) static EXPLORER_REQUESTS: Item = item(
    "ce.requests",
    ("AWS Cost Explorer", "AWSCostExplorer"),
    (Prefix::Short, "APIRequest", "Requests"),
    (Per::Use, 100_000_000, 0),
    EXPLORER,
);

/// All of them.
pub(crate) static ITEMS: [&Item; 13] = [
    &KEY,
    &REQUESTS,
    &RSA_2048,
    &ASYMMETRIC,
    &ECC_PAIRS,
    &RSA_PAIRS,
    &SECRET,
    &SECRET_REQUESTS,
    &PARAMETER,
    &INTERACTIONS,
    &CHUNKS,
    &INVOCATIONS,
    &EXPLORER_REQUESTS,
];

/// The short names that usage types have for regions.
const SHORT: [(&str, &str); 22] = [
    ("us-east-1", "USE1"),
    ("us-east-2", "USE2"),
    ("us-west-1", "USW1"),
    ("us-west-2", "USW2"),
    ("af-south-1", "AFS1"),
    ("ap-east-1", "APE1"),
    ("ap-northeast-1", "APN1"),
    ("ap-northeast-2", "APN2"),
    ("ap-northeast-3", "APN3"),
    ("ap-south-1", "APS3"),
    ("ap-southeast-1", "APS1"),
    ("ap-southeast-2", "APS2"),
    ("ap-southeast-3", "APS4"),
    ("ca-central-1", "CAN1"),
    ("eu-central-1", "EUC1"),
    ("eu-north-1", "EUN1"),
    ("eu-south-1", "EUS1"),
    ("eu-west-1", "EUW1"),
    ("eu-west-2", "EUW2"),
    ("eu-west-3", "EUW3"),
    ("me-south-1", "MES1"),
    ("sa-east-1", "SAE1"),
];

impl Item {
    /// The item of a code.
    pub(crate) fn find(code: &str) -> Option<&'static Self> {
        ITEMS.into_iter().find(|item| item.code == code)
    }

    /// The usage type in a region. One that has no short name here stands with its full one.
    pub(crate) fn usage_type(&self, region: &str) -> String {
        let short = SHORT.iter().find(|(name, _)| *name == region);
        let short = short.map_or(region, |(_, short)| short);
        match self.prefix {
            Prefix::Region => format!("{region}-{}", self.usage),
            Prefix::ShortElsewhere if region == REGION => self.usage.to_owned(),
            Prefix::Short | Prefix::ShortElsewhere => format!("{short}-{}", self.usage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_types_are_those_of_aws() {
        assert_eq!(REQUESTS.usage_type("us-east-1"), "us-east-1-KMS-Requests");
        assert_eq!(SECRET.usage_type("us-east-1"), "USE1-AWSSecretsManager-Secrets");
        assert_eq!(CHUNKS.usage_type("eu-central-1"), "EUC1-Event-64K-Chunks");
        assert_eq!(INVOCATIONS.usage_type("us-east-1"), "Request");
    }

    #[test]
    fn each_item_is_found_by_its_own_code_and_tells_its_source() {
        for item in ITEMS {
            assert_eq!(Item::find(item.code), Some(item));
            assert!(item.steps > 0 && item.source.contains("202"), "{}", item.code);
        }
    }
}
