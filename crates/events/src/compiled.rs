//! The rules of a bus made ready for events: their patterns indexed, their targets read.
//!
//! Kept in memory by bus, within [`MAX_WEIGHT`]. A change of a rule drops its bus before it is
//! acknowledged, and nothing that was read before a change is put back after it. What is kept also
//! tells commits which events nobody wants: each of them expects the edition of the rules that it
//! was judged by, and so can't miss a rule that was made meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_plane::Stop;
use bulla_plane::bus::{Bus, Listener};
use bulla_store::{Barrier, Expected, Place as Row, Range, Version};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::delivery::Order;
use crate::index::Index;
use crate::input::Input;
use crate::pattern::{Event, Pattern};
use crate::place::Place;
use crate::records::{EDITIONS, RULES, RuleRecord, TargetRecord, read};

/// What is kept: so many buses without rules, or of those with rules one for each
/// [`WEIGHT_OF_RULES`].
const MAX_WEIGHT: u64 = 4_096;
/// What the rules of a bus weigh, be they few or many: each bus must find room.
const WEIGHT_OF_RULES: u64 = 64;
/// How many rules one look at the store takes.
const RULES_A_LOOK: usize = 500;

/// The rules of a bus.
#[derive(Default)]
pub(crate) struct Compiled {
    index: Index,
    rules: Vec<Sending>,
    /// The edition of the rules.
    edition: Option<Version>,
}

/// A rule that sends.
pub(crate) struct Sending {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) row: String,
    pub(crate) targets: Vec<Plan>,
}

/// A target made ready.
pub(crate) struct Plan {
    pub(crate) id: String,
    pub(crate) input: Input,
    pub(crate) order: Order,
}

impl Compiled {
    /// The rules that want an event.
    pub(crate) fn matches(&self, event: &Event<'_>) -> impl Iterator<Item = &Sending> {
        let matched = self.index.matches(event);
        matched.into_iter().filter_map(|number| self.rules.get(number as usize))
    }
}

/// Makes a rule ready.
pub(crate) fn sending(place: &Place, record: &RuleRecord) -> Result<Sending, Stop> {
    let arn = place.rule_arn(&record.name);
    let targets = record.targets.iter().map(|target| plan(target, &arn));
    Ok(Sending {
        row: place.rule_row(&record.name),
        targets: targets.collect::<Result<_, _>>()?,
        name: record.name.clone(),
        arn,
    })
}

fn plan(record: &TargetRecord, rule_arn: &str) -> Result<Plan, Stop> {
    let target = record.target()?;
    let input = Input::of(&target).map_err(|wrong| {
        tracing::error!(wrong, rule_arn, target = record.id, "a stored target does not read");
        Stop::Internal
    })?;
    Ok(Plan { id: record.id.clone(), input, order: Order::of(&target, rule_arn) })
}

/// Asks what is kept for its weight.
#[derive(Clone)]
struct Scales;

impl Weighter<String, Arc<Compiled>> for Scales {
    fn weight(&self, _bus: &String, compiled: &Arc<Compiled>) -> u64 {
        if compiled.rules.is_empty() { 1 } else { WEIGHT_OF_RULES }
    }
}

/// What is kept.
pub(crate) struct Book {
    known: Cache<String, Arc<Compiled>, Scales>,
    changes: AtomicU64,
    /// Held while something is put in or dropped.
    writing: Mutex<()>,
}

impl Book {
    pub(crate) fn new() -> Self {
        let buses = usize::try_from(MAX_WEIGHT / WEIGHT_OF_RULES).unwrap_or_default();
        let known = Cache::with_weighter(buses, MAX_WEIGHT, Scales);
        Self { known, changes: AtomicU64::new(0), writing: Mutex::default() }
    }

    fn write(&self) -> MutexGuard<'_, ()> {
        // Nothing that can fail runs under this lock.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the rules of a bus, by its row.
    pub(crate) fn forget(&self, bus: &str) {
        let _writing = self.write();
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.known.remove(bus);
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        let _writing = self.write();
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.known.clear();
    }

    /// The rules of a bus.
    pub(crate) async fn of(&self, barrier: &Barrier, place: &Place) -> Result<Arc<Compiled>, Stop> {
        let row = place.row();
        if let Some(known) = self.known.get(&row) {
            return Ok(known);
        }
        let before = self.changes.load(Ordering::Acquire);
        let compiled = Arc::new(compile(barrier, place).await?);
        let _writing = self.write();
        if self.changes.load(Ordering::Acquire) == before {
            self.known.insert(row, Arc::clone(&compiled));
        }
        Ok(compiled)
    }
}

impl Listener for Book {
    fn unwanted(&self, bus: &Bus<'_>, event: &str) -> Option<(Row, Expected)> {
        let bus = Place::row_of(bus);
        let compiled = self.known.get(&bus)?;
        // What does not read is nothing to judge.
        let is_wanted = !compiled.rules.is_empty()
            && compiled.matches(&Event::parse(event).ok()?).next().is_some();
        (!is_wanted).then(|| (Row::new(EDITIONS, bus), Expected::from(compiled.edition)))
    }

    fn stale(&self, place: &Row) {
        if let Ok(bus) = std::str::from_utf8(place.key.as_bytes()) {
            self.forget(bus);
        }
    }
}

async fn compile(barrier: &Barrier, place: &Place) -> Result<Compiled, Stop> {
    let view = barrier.view().await?;
    let edition = view.get(EDITIONS, place.row().as_bytes()).await?.map(|opened| opened.version);
    let mut range = Range::prefix(place.rule_row("").as_str());
    let (mut patterns, mut rules) = (Vec::new(), Vec::new());
    loop {
        let page = view.range(RULES, &range, RULES_A_LOOK).await?;
        for (_, opened) in &page.rows {
            let record = read::<RuleRecord>(opened)?.record;
            let wanted = record.state.is_on() && !record.targets.is_empty();
            let Some(text) = record.pattern.as_deref().filter(|_| wanted) else { continue };
            let pattern = Pattern::parse(text).map_err(|error| {
                tracing::error!(%error, rule = record.name, "a stored pattern does not parse");
                Stop::Internal
            })?;
            patterns.push(pattern);
            rules.push(sending(place, &record)?);
        }
        let Some(next) = page.next else { break };
        range = range.resume(next);
    }
    Ok(Compiled { index: Index::build(patterns), rules, edition })
}
