//! CloudTrail's errors, each made in one place. Texts are AWS's where a client's report or a
//! record quotes them, and ours in their manner else.

use bulla_plane::stop;
use bulla_shapes::Fault;
use bulla_shapes::cloudtrail::SERVICE;

pub(crate) fn of(code: &'static str, text: impl Into<String>) -> Fault {
    Fault::of(&SERVICE, code).with_message(text.into())
}

pub(crate) fn internal() -> Fault {
    stop::internal(&SERVICE)
}

/// AWS's text.
pub(crate) fn unknown_trail(arn: &str, account: &str) -> Fault {
    of("TrailNotFoundException", format!("Unknown trail: {arn} for the user: {account}"))
}

/// AWS's text.
pub(crate) fn trail_exists(name: &str, account: &str) -> Fault {
    let text = format!("Trail {name} already exists for customer: {account}");
    of("TrailAlreadyExistsException", text)
}

/// AWS's text.
pub(crate) fn too_many_trails(account: &str, most: usize, region: &str) -> Fault {
    let text = format!("User: {account} already has {most} trails in {region}.");
    of("MaximumNumberOfTrailsExceededException", text)
}

pub(crate) fn name(text: impl Into<String>) -> Fault {
    of("InvalidTrailNameException", text)
}

pub(crate) fn arn(text: &str) -> Fault {
    of("CloudTrailARNInvalidException", format!("The trail ARN {text} is not valid."))
}

/// What Bulla has no counterpart of.
pub(crate) fn unsupported(what: &str) -> Fault {
    of("UnsupportedOperationException", format!("{what} is not supported here."))
}

/// AWS's text.
pub(crate) fn encryption_policy(bucket: &str, key: &str) -> Fault {
    let text = format!("Insufficient permissions to access S3 bucket {bucket} or KMS key {key}.");
    of("InsufficientEncryptionPolicyException", text)
}

pub(crate) fn unknown_key(key: &str) -> Fault {
    of("KmsKeyNotFoundException", format!("KMS key {key} does not exist."))
}

pub(crate) fn key_id(given: &str) -> Fault {
    of("InvalidKmsKeyIdException", format!("KMS key {given} is not valid."))
}

/// A key that can't be used, such as one that is disabled. (The model has
/// `KmsKeyDisabledException` too, and says that it is not used any more.)
pub(crate) fn key(key: &str, text: &str) -> Fault {
    of("KmsException", format!("KMS key {key} can't be used: {text}"))
}

pub(crate) fn home_region(arn: &str, home: &str) -> Fault {
    let text = format!("The trail {arn} can only be changed in its home region, {home}.");
    of("InvalidHomeRegionException", text)
}

pub(crate) fn bucket(name: &str) -> Fault {
    of("InvalidS3BucketNameException", format!("Bucket name {name} is not valid."))
}

pub(crate) fn prefix() -> Fault {
    of("InvalidS3PrefixException", "The S3 prefix is not valid, or longer than 200 characters.")
}

pub(crate) fn selectors(text: impl Into<String>) -> Fault {
    of("InvalidEventSelectorsException", text)
}

pub(crate) fn lookup(text: impl Into<String>) -> Fault {
    of("InvalidLookupAttributesException", text)
}

pub(crate) fn times() -> Fault {
    of(
        "InvalidTimeRangeException",
        "The start time must not be after the end time, or the present.",
    )
}

pub(crate) fn token() -> Fault {
    of("InvalidNextTokenException", "The NextToken is not valid for this request.")
}

pub(crate) fn tags(text: impl Into<String>) -> Fault {
    of("InvalidTagParameterException", text)
}

pub(crate) fn too_many_tags(arn: &str) -> Fault {
    of("TagsLimitExceededException", format!("The trail {arn} has too many tags."))
}

pub(crate) fn no_resource(arn: &str) -> Fault {
    of("ResourceNotFoundException", format!("Resource {arn} was not found."))
}
