//! What is kept of buses, rules and targets, and how it is read and written.

use bulla_plane::Stop;
use bulla_shapes::events::{SERVICE, Target};
use bulla_shapes::{Record, json};
use bulla_store::{Expected, Opened, Space, Version, View};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::place::Place;

/// One row a bus: `<account>/<region>/<bus>`. The default bus has one once something is set on it.
pub(crate) const BUSES: Space = Space::new("events.bus");
/// One row a rule with its targets: `<account>/<region>/<bus>/<rule>`.
pub(crate) const RULES: Space = Space::new("events.rule");
/// One row for each bus that ever had a rule, `<account>/<region>/<bus>`, written with each change
/// of its rules: what was compiled of them holds as long as this row stays as it was. A reset
/// leaves it, so that no version of it comes twice.
pub(crate) const EDITIONS: Space = Space::new("events.edition");
/// One row a connection: `<account>/<region>/<name>`.
pub(crate) const CONNECTIONS: Space = Space::new("events.connection");
/// One row an API destination: `<account>/<region>/<name>`.
pub(crate) const DESTINATIONS: Space = Space::new("events.destination");
/// One row for each event that is on its way to a target: `<rule's row>/<target>/<due>/<number>`.
pub(crate) const DELIVERIES: Space = Space::new("events.delivery");

/// A bus.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct BusRecord {
    pub(crate) created_ms: Option<i64>,
    pub(crate) modified_ms: Option<i64>,
    pub(crate) description: Option<String>,
    pub(crate) kms_key: Option<String>,
    /// The ARN of the queue for what can't be sent.
    pub(crate) dead_letter: Option<String>,
    /// Detail and level of its logs, as they were given. Nothing logs by them here.
    pub(crate) log: Option<(Option<String>, Option<String>)>,
    /// Its resource policy.
    pub(crate) policy: Option<String>,
    /// The users and roles that it names, by ARN, with the unique ids of who had them when it was
    /// put.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) principals: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
}

/// A rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RuleRecord {
    pub(crate) name: String,
    pub(crate) pattern: Option<String>,
    pub(crate) schedule: Option<String>,
    pub(crate) state: State,
    pub(crate) description: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    /// The account of who made it.
    pub(crate) created_by: String,
    /// In the order in which they were first put.
    pub(crate) targets: Vec<TargetRecord>,
    /// When its schedule is due next, in milliseconds since 1970; only while it is enabled.
    pub(crate) next_ms: Option<i64>,
}

/// Whether a rule sends anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Enabled,
    Disabled,
    /// AWS sends read-only management events of CloudTrail to such rules too.
    EnabledWithManagementEvents,
}

impl State {
    /// A state by its name; the model has refused all others.
    pub(crate) fn named(name: Option<&str>) -> Self {
        match name {
            Some("DISABLED") => Self::Disabled,
            Some("ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") => {
                Self::EnabledWithManagementEvents
            }
            _ => Self::Enabled,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
            Self::EnabledWithManagementEvents => "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        }
    }

    pub(crate) fn is_on(self) -> bool {
        self != Self::Disabled
    }
}

/// A target of a rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TargetRecord {
    pub(crate) id: String,
    pub(crate) arn: String,
    /// All of it in the wire's form, also what is for kinds of targets that nobody serves here.
    wire: String,
}

impl TargetRecord {
    pub(crate) fn new(target: &Target<'_>) -> Result<Self, Stop> {
        Ok(Self {
            id: target.id().to_owned(),
            arn: target.arn().to_owned(),
            wire: wire_text(target.record())?,
        })
    }

    /// The target as it was put.
    pub(crate) fn target(&self) -> Result<Target<'static>, Stop> {
        read_wire::<Target<'static>>(self.wire.as_bytes())
    }
}

/// A record in the wire's form.
pub(crate) fn wire_text(record: &Record<'_>) -> Result<String, Stop> {
    let mut bytes = Vec::new();
    json::encode(record, &mut bytes);
    String::from_utf8(bytes).map_err(|error| {
        tracing::error!(%error, "a record of EventBridge is no text");
        Stop::Internal
    })
}

/// Reads what [`wire_text`] wrote.
pub(crate) fn read_wire<V: bulla_shapes::View<'static>>(bytes: &[u8]) -> Result<V, Stop> {
    let record = json::decode(V::SHAPE, bytes).map_err(|error| {
        tracing::error!(%error, service = SERVICE.id, "a stored record does not read");
        Stop::Internal
    })?;
    Ok(V::from_record(record.copy()))
}

/// A record, and the version of its row.
#[derive(Clone, Debug)]
pub(crate) struct Stored<T> {
    pub(crate) record: T,
    pub(crate) version: Version,
}

/// What to expect of the row of a record that may not be there.
pub(crate) fn expected<T>(stored: Option<&Stored<T>>) -> Expected {
    Expected::from(stored.map(|stored| stored.version))
}

/// Reads a record.
pub(crate) async fn load<T: DeserializeOwned>(
    view: &View<'_>,
    space: Space,
    key: &str,
) -> Result<Option<Stored<T>>, Stop> {
    view.get(space, key.as_bytes()).await?.map(|opened| read(&opened)).transpose()
}

/// Reads a row that was opened.
pub(crate) fn read<T: DeserializeOwned>(opened: &Opened) -> Result<Stored<T>, Stop> {
    let record = serde_json::from_slice(opened.value.expose()).map_err(|error| {
        tracing::error!(%error, "a stored record of EventBridge does not read");
        Stop::Internal
    })?;
    Ok(Stored { record, version: opened.version })
}

/// A record's bytes.
pub(crate) fn bytes(record: &impl Serialize) -> Result<Vec<u8>, Stop> {
    serde_json::to_vec(record).map_err(|error| {
        tracing::error!(%error, "a record of EventBridge does not serialize");
        Stop::Internal
    })
}

/// The bus of a place, if it is there. The default one always is.
pub(crate) async fn load_bus(
    view: &View<'_>,
    place: &Place,
) -> Result<Option<(BusRecord, Expected)>, Stop> {
    let stored = load::<BusRecord>(view, BUSES, &place.row()).await?;
    let expected = expected(stored.as_ref());
    let record = stored.map(|stored| stored.record);
    let record = record.or_else(|| (place.bus == crate::place::DEFAULT).then(BusRecord::default));
    Ok(record.map(|record| (record, expected)))
}
