//! Tiers, and what a value may be in each.

use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;

use crate::record::Tier;
use crate::settings::{DEFAULT_TIER, INTELLIGENT};
use crate::{Ssm, data_type, fault};

/// The most bytes of a value in the standard tier, as KMS's Encrypt takes them. AWS's texts count
/// characters; values of others than ASCII were not recorded.
const STANDARD_BYTES: usize = 4_096;
/// The most bytes of a value in the advanced tier.
const ADVANCED_BYTES: usize = 8_192;

const TOO_LARGE_FOR_STANDARD: &str = "Standard tier parameters support a maximum parameter value \
    of 4096 characters. To create a larger parameter value, upgrade the parameter to use the \
    advanced-parameter tier. For more information, see \
    https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html";
const TOO_LARGE: &str = "The specified parameter value is too large. Advanced-tier parameters \
                         support a maximum parameter value of 8192 characters.";
const NO_POLICIES: &str = "You can't assign parameter policies to a standard-parameter tier. You \
    must upgrade the parameter to use the advanced-parameter tier. For more information, see \
    https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html";
const NO_DOWNGRADE: &str = "This parameter uses the advanced-parameter tier. You can't downgrade \
                            a parameter from the advanced-parameter tier to the \
                            standard-parameter tier. If necessary, you can delete the advanced \
                            parameter and recreate it as a standard parameter. Be aware that \
                            standard parameters have a value limit of 4096 characters.";

/// What decides the tier of a parameter.
pub(crate) struct Wants<'a> {
    pub(crate) value: &'a str,
    pub(crate) data_type: &'a str,
    pub(crate) has_policies: bool,
}

impl Ssm {
    /// The tier that a request puts a parameter in: the one it names, else the one that the
    /// parameter has, else the account's default.
    pub(crate) async fn tier(
        &self,
        call: &Call,
        named: Option<&str>,
        before: Option<Tier>,
        wants: &Wants<'_>,
    ) -> Result<Tier, Stop> {
        let name = match (named, before) {
            (Some("Standard"), Some(Tier::Advanced)) => {
                return Err(fault::validation(NO_DOWNGRADE).into());
            }
            (_, Some(Tier::Advanced)) => return Ok(Tier::Advanced),
            (Some(name), _) => name,
            (None, _) => self.setting(call, DEFAULT_TIER).await?,
        };
        match name {
            "Advanced" => Ok(Tier::Advanced),
            INTELLIGENT => {
                let advanced = wants.value.len() > STANDARD_BYTES
                    || wants.has_policies
                    || data_type::is_advanced(wants.data_type)
                    || (before.is_none() && !self.has_room(call, Tier::Standard).await?);
                Ok(if advanced { Tier::Advanced } else { Tier::Standard })
            }
            _ => Ok(Tier::Standard),
        }
    }
}

/// Refuses what is too large for its tier, and policies in the standard tier.
pub(crate) fn fits(tier: Tier, wants: &Wants<'_>) -> Result<(), Fault> {
    match tier {
        Tier::Standard if wants.has_policies => Err(fault::validation(NO_POLICIES)),
        Tier::Standard if wants.value.len() > STANDARD_BYTES => {
            Err(fault::validation(TOO_LARGE_FOR_STANDARD))
        }
        Tier::Advanced if wants.value.len() > ADVANCED_BYTES => Err(fault::validation(TOO_LARGE)),
        Tier::Standard | Tier::Advanced => Ok(()),
    }
}

/// Refuses an empty value, in the words of the shapes' limits (recorded; the model has no limit).
pub(crate) fn not_empty(value: &str) -> Result<(), Fault> {
    if !value.is_empty() {
        return Ok(());
    }
    Err(fault::constraint("value", "Member must have length greater than or equal to 1"))
}

/// Refuses a value that names other parameters. AWS repeats the value; the record does not.
pub(crate) fn not_nested(value: &str) -> Result<(), Fault> {
    let nests = value.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"));
    if !nests {
        return Ok(());
    }
    let text = |value: &str| {
        format!(
            "Parameter value: '{value}' failed to satisfy constraint: Parameter value can't nest \
             another parameter. Do not use \"{{{{}}}}\" in the value."
        )
    };
    Err(fault::validation(text(value)).recorded_as(text(HIDDEN)))
}

/// What CloudTrail has in place of a parameter's value.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
