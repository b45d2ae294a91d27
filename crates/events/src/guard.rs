//! What lies behind the Gate: buses with their policies, rules, connections and destinations.

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Protected, Stop};
use bulla_policy::{Conditions, Policy, PolicyKind, Values};
use bulla_shapes::Fault;
use bulla_store::Expected;

use crate::Events;
use crate::place::Place;
use crate::records::{BusRecord, RULES, RuleRecord, Stored, load, load_bus};

/// A bus that a request names, whether or not it is there.
pub(crate) struct BusAt {
    pub(crate) place: Place,
    pub(crate) arn: String,
    pub(crate) stored: Option<(BusRecord, Expected)>,
    policy: Option<Policy>,
}

/// A rule that a request names, whether or not it is there.
pub(crate) struct RuleAt {
    pub(crate) place: Place,
    pub(crate) arn: String,
    pub(crate) row: String,
    pub(crate) stored: Option<Stored<RuleRecord>>,
    /// Whether the bus is there.
    pub(crate) on_bus: bool,
}

/// Something without a policy of its own.
pub(crate) struct Plain<T> {
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) content: T,
    pub(crate) tags: Vec<(String, String)>,
}

fn tag<'t>(tags: &'t [(String, String)], key: &str) -> Option<Values<'t>> {
    bulla_policy::tag(tags, key.strip_prefix("aws:resourcetag/")?)
}

impl Protected for BusAt {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.place.account
    }

    fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:resourceaccount" => Some(Values::One(&self.place.account)),
            _ => self.stored.as_ref().and_then(|(record, _)| tag(&record.tags, key)),
        }
    }
}

impl Protected for RuleAt {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.place.account
    }

    fn policy(&self) -> Option<&Policy> {
        None
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        let record = self.stored.as_ref().map(|stored| &stored.record);
        match key {
            "aws:resourceaccount" => Some(Values::One(&self.place.account)),
            "events:creatoraccount" => record.map(|record| Values::One(&record.created_by)),
            _ => record.and_then(|record| tag(&record.tags, key)),
        }
    }
}

impl<T> Protected for Plain<T> {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn policy(&self) -> Option<&Policy> {
        None
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:resourceaccount" => Some(Values::One(&self.account)),
            _ => tag(&self.tags, key),
        }
    }
}

/// Lets a record out if the caller may do this to it.
pub(crate) fn permit<T: Protected>(
    guarded: Guarded<T>,
    call: &Call,
    action: &str,
    conditions: &dyn Conditions,
) -> Result<T, Fault> {
    guarded.permit(call, action, conditions, Named::Arn)
}

impl Events {
    /// The bus that a request names.
    pub(crate) async fn bus(
        &self,
        call: &Call,
        named: Option<&str>,
    ) -> Result<Guarded<BusAt>, Stop> {
        let place = Place::of(call, named)?;
        let view = self.barrier.view().await?;
        let stored = load_bus(&view, &place).await?;
        let text = stored.as_ref().and_then(|(record, _)| record.policy.as_deref());
        let policy = text.map(|text| Policy::parse(text, PolicyKind::Resource)).transpose();
        let mut policy = policy.map_err(|error| {
            tracing::error!(?error, bus = place.row(), "the stored policy of a bus does not parse");
            Stop::Internal
        })?;
        if let (Some(policy), Some((record, _))) = (&mut policy, &stored) {
            policy.bind_principals(|text| {
                let mut known = record.principals.iter();
                known.find(|(arn, _)| arn == text).map(|(_, id)| id.clone())
            });
        }
        Ok(Guarded::new(BusAt { arn: place.arn(), place, stored, policy }))
    }

    /// The rule that a request names.
    pub(crate) async fn rule(
        &self,
        call: &Call,
        bus: Option<&str>,
        name: &str,
    ) -> Result<Guarded<RuleAt>, Stop> {
        let place = Place::of(call, bus)?;
        let view = self.barrier.view().await?;
        let on_bus = load_bus(&view, &place).await?.is_some();
        let row = place.rule_row(name);
        let stored = load(&view, RULES, &row).await?;
        Ok(Guarded::new(RuleAt { arn: place.rule_arn(name), row, place, stored, on_bus }))
    }
}
