//! A parameter as it stands in the store.

use std::io;

use bulla_plane::{Call, Stop};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::fault;
use crate::place;

/// The most versions of a parameter that are kept (user guide, "Working with parameter versions").
pub(crate) const MAX_VERSIONS: u64 = 100;

/// A parameter, with its newest version.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ParameterRecord {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) partition: String,
    /// As it was spelled when it was made.
    pub(crate) name: String,
    /// The newest version.
    pub(crate) newest: Version,
    /// The oldest version that is kept.
    pub(crate) oldest: u64,
    /// Labels, in the order in which they were given, and the version that each is on.
    pub(crate) labels: Vec<(String, u64)>,
    /// In the order in which they were set.
    pub(crate) tags: Vec<(String, String)>,
    /// What its policies have in store; those of the newest version.
    pub(crate) plans: Vec<Plan>,
    /// Who else may read it.
    pub(crate) sharing: Vec<ResourcePolicy>,
}

/// One version.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    pub(crate) tier: Tier,
    pub(crate) content: Content,
    /// The key that a secure string is under, as its caller named it.
    pub(crate) key_id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) allowed_pattern: Option<String>,
    pub(crate) data_type: String,
    pub(crate) modified_ms: i64,
    pub(crate) modified_by: String,
    /// The texts and types of its policies.
    pub(crate) policies: Vec<(String, String)>,
}

/// A version's value: as it was given, or in base64 what a secure string was encrypted to.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Content(String);

impl Content {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The types of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    String,
    StringList,
    SecureString,
}

impl Kind {
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::String, Self::StringList, Self::SecureString]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}

/// The tiers that a parameter can be in. The third that requests know chooses one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tier {
    Standard,
    Advanced,
}

impl Tier {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Advanced => "Advanced",
        }
    }

    /// Notes a call that gives or takes a parameter of this tier: AWS charges for advanced ones.
    pub(crate) fn metered(self, call: &mut Call) {
        if self == Self::Advanced {
            call.metered(1);
        }
    }
}

/// What a policy of the newest version has in store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) kind: PlanKind,
    /// As it is shown.
    pub(crate) text: String,
    /// When it is due, in milliseconds since 1970.
    pub(crate) due_ms: i64,
    /// Whether it was carried out.
    pub(crate) done: bool,
}

/// The types of policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PlanKind {
    Expiration,
    ExpirationNotification,
    NoChangeNotification,
}

impl PlanKind {
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Expiration, Self::ExpirationNotification, Self::NoChangeNotification]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Expiration => "Expiration",
            Self::ExpirationNotification => "ExpirationNotification",
            Self::NoChangeNotification => "NoChangeNotification",
        }
    }
}

/// A resource policy of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResourcePolicy {
    pub(crate) id: String,
    pub(crate) hash: String,
    pub(crate) text: String,
}

impl ParameterRecord {
    /// Its row.
    pub(crate) fn row(&self) -> String {
        place::row(&self.account, &self.region, self.path())
    }

    /// Its name without the slash that it begins with.
    pub(crate) fn path(&self) -> &str {
        crate::name::path(&self.name)
    }

    pub(crate) fn arn(&self) -> String {
        let Self { partition, region, account, .. } = self;
        format!("arn:{partition}:ssm:{region}:{account}:parameter/{}", self.path())
    }

    /// The labels of a version, in the order in which they were given.
    pub(crate) fn labels_of(&self, version: u64) -> impl Iterator<Item = &str> {
        let of_it = self.labels.iter().filter(move |(_, at)| *at == version);
        of_it.map(|(label, _)| label.as_str())
    }

    /// Whether a version is kept.
    pub(crate) fn has(&self, version: u64) -> bool {
        (self.oldest..=self.newest.number).contains(&version)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Stop> {
        serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        written(self)
    }
}

impl Version {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Stop> {
        serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        written(self)
    }
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A record as it is stored. Its length is measured first, as a buffer that grows would leave
/// copies of the value behind.
fn written<T: Serialize>(record: &T) -> Result<Vec<u8>, Stop> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, record).map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut bytes, record).map_err(|error| unreadable(&error))?;
    Ok(bytes)
}

fn unreadable(error: &serde_json::Error) -> Stop {
    tracing::error!(%error, "a stored parameter does not read");
    fault::internal().into()
}
