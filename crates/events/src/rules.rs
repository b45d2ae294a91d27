//! Writing rules: with each goes the job of its schedule, and what is kept of its bus is forgotten.

use bulla_plane::scheduler::{DUE, due_key};
use bulla_plane::{Call, Stop};
use bulla_store::{Expected, Range, SealedBatch, View};

use crate::guard::RuleAt;
use crate::place::Place;
use crate::records::{EDITIONS, RULES, RuleRecord, bytes, expected};
use crate::schedule::Schedule;
use crate::{Events, fault, quotas};

/// The job of a schedule; its subject is the rule's row.
pub(crate) const TICK: &str = "tick";
/// How many rules one look at the store counts.
const RULES_A_LOOK: usize = 1_000;

impl Events {
    /// Writes a rule with the job of its schedule. A job of a schedule that it had before finds
    /// that it is no longer meant.
    pub(crate) async fn save_rule(
        &self,
        rule: &RuleAt,
        mut record: RuleRecord,
        now_ms: i64,
    ) -> Result<(), Stop> {
        let schedule = record.schedule.as_deref().filter(|_| record.state.is_on());
        let next_ms = schedule.and_then(Schedule::parse).and_then(|one| one.next_after(now_ms));
        record.next_ms = next_ms;
        let row = bytes(&record)?;
        let expected = expected(rule.stored.as_ref());
        let mut batch = SealedBatch::new().put(RULES, rule.row.as_str(), expected, row);
        if let Some(next_ms) = next_ms {
            let view = self.barrier.view().await?;
            batch = with_tick(&view, batch, next_ms, &rule.row).await?;
        }
        self.change_rules(&rule.place, batch).await
    }

    /// Writes a rule whose schedule stays as it is.
    pub(crate) async fn save_targets(
        &self,
        rule: &RuleAt,
        record: &RuleRecord,
    ) -> Result<(), Stop> {
        let expected = expected(rule.stored.as_ref());
        let batch = SealedBatch::new().put(RULES, rule.row.as_str(), expected, bytes(record)?);
        self.change_rules(&rule.place, batch).await
    }

    /// Commits a change of a bus's rules as a new edition, and forgets what was compiled of them
    /// before anybody is told.
    pub(crate) async fn change_rules(&self, place: &Place, batch: SealedBatch) -> Result<(), Stop> {
        let bus = place.row();
        let edition = self.barrier.get(EDITIONS, bus.as_bytes()).await?;
        let expected = Expected::from(edition.map(|opened| opened.version));
        let batch = batch.put(EDITIONS, bus.as_str(), expected, Vec::new());
        let committed = self.barrier.commit(batch).await;
        self.compiled.forget(&bus);
        committed?;
        Ok(())
    }

    /// Refuses one more rule where a bus has as many as it may.
    pub(crate) async fn must_have_room_for_a_rule(
        &self,
        call: &Call,
        place: &Place,
    ) -> Result<(), Stop> {
        let most = quotas::RULES_PER_BUS.limit(call);
        let view = self.barrier.view().await?;
        let mut range = Range::prefix(place.rule_row("").as_str());
        let mut count = 0;
        loop {
            let page = view.range(RULES, &range, RULES_A_LOOK).await?;
            count += page.rows.len();
            if count >= most {
                return Err(fault::too_many().into());
            }
            let Some(next) = page.next else { return Ok(()) };
            range = range.resume(next);
        }
    }
}

/// Adds the job of a schedule, unless one for the same rule and time is there.
pub(crate) async fn with_tick(
    view: &View<'_>,
    batch: SealedBatch,
    next_ms: i64,
    row: &str,
) -> Result<SealedBatch, Stop> {
    let key = due_key(next_ms, bulla_plane::bus::LISTENER, TICK, row);
    let known = view.get(DUE, key.as_bytes()).await?.map(|opened| opened.version);
    Ok(batch.put(DUE, key, Expected::from(known), b"{}".to_vec()))
}
