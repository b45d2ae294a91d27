//! What a function's settings must fulfil, and what this server does not have.

use bulla_shapes::Fault;
use bulla_shapes::lambda::LoggingConfig;

use crate::fault;
use crate::record::Logging;

/// The longest a call may take, in seconds; AWS allows more to durable functions alone.
const MAX_TIMEOUT_S: i64 = 900;
/// The most memory, in MB (user guide, "Quotas").
const MAX_MEMORY_MB: i64 = 10_240;
/// What a function has unless it says otherwise (API reference, `CreateFunction`).
pub(crate) const TIMEOUT_S: i64 = 3;
pub(crate) const MEMORY_MB: i64 = 128;
pub(crate) const STORAGE_MB: i64 = 512;

/// The runtimes that run here; the versions are AWS's.
const RUNTIMES: [&str; 21] = [
    "nodejs16.x",
    "nodejs18.x",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "nodejs26.x",
    "python3.7",
    "python3.8",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "python3.15",
    "provided",
    "provided.al2",
    "provided.al2023",
    "nodejs14.x",
    "nodejs12.x",
    "python3.6",
];

/// A runtime that can be run.
pub(crate) fn runtime(given: Option<&str>) -> Result<String, Fault> {
    let Some(given) = given else {
        return Err(fault::invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment \
             packages.",
        ));
    };
    if RUNTIMES.contains(&given) {
        return Ok(given.to_owned());
    }
    // AWS lists its own in this place.
    Err(fault::invalid(format!(
        "Value {given} at 'runtime' failed to satisfy constraint: Member must satisfy enum value \
         set: [{}] or be a valid ARN",
        RUNTIMES.join(", ")
    )))
}

/// A time limit, in seconds.
pub(crate) fn timeout(given: i64) -> Result<i64, Fault> {
    at_most(given, MAX_TIMEOUT_S, "timeout")
}

/// Memory, in MB.
pub(crate) fn memory(given: i64) -> Result<i64, Fault> {
    at_most(given, MAX_MEMORY_MB, "memorySize")
}

fn at_most(given: i64, limit: i64, member: &str) -> Result<i64, Fault> {
    if given <= limit {
        return Ok(given);
    }
    let constraint = format!("Member must have value less than or equal to {limit}");
    Err(fault::violation(&given.to_string(), member, &constraint))
}

/// Refuses what this server does not have, so that nobody believes that it has.
pub(crate) fn absent(what: &[(&str, bool)]) -> Result<(), Fault> {
    match what.iter().find(|(_, asked)| *asked) {
        Some((name, _)) => Err(fault::unsupported(name)),
        None => Ok(()),
    }
}

/// Log settings, with what a function has without any.
pub(crate) fn logging(name: &str, given: Option<&LoggingConfig<'_>>) -> Logging {
    let given = |of: for<'g> fn(&'g LoggingConfig<'_>) -> Option<&'g str>| {
        given.and_then(|given| of(given).map(str::to_owned))
    };
    Logging {
        format: given(|given| given.log_format()).unwrap_or_else(|| "Text".to_owned()),
        application_level: given(|given| given.application_log_level()),
        system_level: given(|given| given.system_log_level()),
        group: given(|given| given.log_group()).unwrap_or_else(|| format!("/aws/lambda/{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_the_model_lacks_are_told_in_its_words() {
        let refused = timeout(901).unwrap_err();
        assert_eq!(
            refused.message.unwrap(),
            "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: \
             Member must have value less than or equal to 900"
        );
        assert_eq!(timeout(900).unwrap(), 900);
        assert!(memory(10_241).is_err());
    }

    #[test]
    fn runtimes_of_other_languages_are_refused() {
        assert_eq!(runtime(Some("python3.12")).unwrap(), "python3.12");
        for other in ["java21", "dotnet8", "ruby3.4", "python2.7", "custom"] {
            assert_eq!(runtime(Some(other)).unwrap_err().code, "InvalidParameterValueException");
        }
        assert!(runtime(None).is_err());
    }
}
