//! How buses and rules are named: by name within the caller's account and region, or by ARN.

use bulla_plane::bus::Bus;
use bulla_plane::{Call, bus};
use bulla_shapes::Fault;

use crate::fault;

/// The bus that every account has in every region.
pub(crate) const DEFAULT: &str = bus::DEFAULT_BUS;

/// Where a bus is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) bus: String,
}

impl Place {
    /// The bus that a request names, or the default one.
    pub(crate) fn of(call: &Call, named: Option<&str>) -> Result<Self, Fault> {
        let named = named.unwrap_or(DEFAULT);
        let here = |bus: &str| Self {
            partition: call.partition.to_owned(),
            region: call.region.clone(),
            account: call.account().to_owned(),
            bus: bus.to_owned(),
        };
        if !named.starts_with("arn:") {
            return Ok(here(named));
        }
        let place = Self::of_arn(named).filter(|place| place.region == call.region);
        // The text is ours: what AWS says of such ARNs is not recorded.
        place.ok_or_else(|| fault::validation("Parameter EventBusName is not valid."))
    }

    /// `arn:<partition>:events:<region>:<account>:event-bus/<name>`.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let (partition, region, account, rest) = parts(arn)?;
        let bus = rest.strip_prefix("event-bus/")?;
        Some(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            bus: bus.to_owned(),
        })
    }

    /// The bus of an event.
    pub(crate) fn of_bus(bus: &Bus<'_>) -> Self {
        Self {
            partition: bus.partition.to_owned(),
            region: bus.region.to_owned(),
            account: bus.account.to_owned(),
            bus: bus.name.to_owned(),
        }
    }

    /// The same, for the rows of events.
    pub(crate) fn as_bus(&self) -> Bus<'_> {
        let Self { partition, region, account, bus } = self;
        Bus { partition, account, region, name: bus }
    }

    pub(crate) fn arn(&self) -> String {
        self.arn_of(&format!("event-bus/{}", self.bus))
    }

    /// The ARN of a rule on it.
    pub(crate) fn rule_arn(&self, rule: &str) -> String {
        if self.bus == DEFAULT {
            self.arn_of(&format!("rule/{rule}"))
        } else {
            self.arn_of(&format!("rule/{}/{rule}", self.bus))
        }
    }

    pub(crate) fn arn_of(&self, rest: &str) -> String {
        format!("arn:{}:events:{}:{}:{rest}", self.partition, self.region, self.account)
    }

    /// The row of the bus, and the beginning of the rows of what lies on it.
    pub(crate) fn row(&self) -> String {
        Self::row_of(&self.as_bus())
    }

    /// The same of the bus of an event.
    pub(crate) fn row_of(bus: &Bus<'_>) -> String {
        format!("{}/{}/{}", bus.account, bus.region, bus.name)
    }

    /// The row of a rule on it.
    pub(crate) fn rule_row(&self, rule: &str) -> String {
        format!("{}/{rule}", self.row())
    }
}

/// Partition, region, account and the rest of an ARN of EventBridge's.
pub(crate) fn parts(arn: &str) -> Option<(&str, &str, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some("events"), Some(region), Some(account), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    Some((partition, region, account, rest))
}
