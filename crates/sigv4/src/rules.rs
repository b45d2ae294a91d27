//! What differs from one AWS service to another.

/// How a path becomes canonical. The signing suite of AWS tests each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathRule {
    /// Dot segments and repeated slashes are removed, then the path as sent is encoded once more
    /// (so `%20` becomes `%2520`). Every service but S3.
    Normalized,
    /// Encoded once more, but kept in its form.
    AsSent,
    /// Each segment is decoded and encoded once, nothing is removed: S3, whose object names may
    /// hold `..` and `//`.
    Once,
}

/// Which payloads a service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadRule {
    /// The hash of the body, computed here. `x-amz-content-sha256` may be sent, and must be true.
    Body,
    /// S3: `x-amz-content-sha256` says which, and must be there in the header form. A body hash,
    /// or `UNSIGNED-PAYLOAD`, which is also what a presigned request has without the header.
    Declared,
}

/// The regions that a credential may be scoped to.
#[derive(Clone, Copy, Debug)]
pub enum Regions<'a> {
    /// This one. IAM, for example, takes `us-east-1` wherever the client believes to be.
    Only(&'a str),
    /// Any of these.
    OneOf(&'a [&'a str]),
    /// Those of which this holds.
    Like(fn(&str) -> bool),
    /// Any: the caller looks at [`crate::Claim::region`] itself.
    Any,
}

impl Regions<'_> {
    pub(crate) fn allow(&self, region: &str) -> bool {
        match self {
            Self::Only(one) => *one == region,
            Self::OneOf(many) => many.contains(&region),
            Self::Like(ours) => ours(region),
            Self::Any => true,
        }
    }
}

/// How far the date of a request may be from the server's clock, in minutes.
///
/// Per service in AWS: 15 at STS, ECR and DynamoDB, 5 at SSM, Kinesis and Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// How old a request may be.
    pub past: u32,
    /// How far ahead of the server a request may be dated.
    pub future: u32,
}

impl Skew {
    /// The same number of minutes both ways.
    #[must_use]
    pub const fn minutes(both: u32) -> Self {
        Self { past: both, future: both }
    }
}

impl Default for Skew {
    fn default() -> Self {
        Self::minutes(15)
    }
}

/// What a service expects of a signature.
#[derive(Clone, Copy, Debug)]
pub struct ServiceRules<'a> {
    /// The signing name: `kms`, `secretsmanager`.
    pub service: &'a str,
    /// The regions that are ours.
    pub regions: Regions<'a>,
    /// How far clocks may differ.
    pub skew: Skew,
    /// How a path becomes canonical.
    pub path: PathRule,
    /// Which payloads are taken.
    pub payload: PayloadRule,
    /// Whether a session token may be added after signing (AWS IoT does so): a header that is
    /// not signed, or a query parameter that is not in the canonical request.
    pub token_after_signing: bool,
}

impl<'a> ServiceRules<'a> {
    /// What holds for almost every service: 15 minutes, normalized path, hash of the body,
    /// everything signed.
    #[must_use]
    pub const fn new(service: &'a str, region: &'a str) -> Self {
        Self {
            service,
            regions: Regions::Only(region),
            skew: Skew::minutes(15),
            path: PathRule::Normalized,
            payload: PayloadRule::Body,
            token_after_signing: false,
        }
    }

    /// What holds for S3.
    #[must_use]
    pub const fn s3(region: &'a str) -> Self {
        let rules = Self::new("s3", region);
        Self { path: PathRule::Once, payload: PayloadRule::Declared, ..rules }
    }
}
