//! From events to deliveries: what the scheduler has this service carry out.
//!
//! An event's row goes in the commit that puts its deliveries, and with each delivery stands a row
//! in the schedule that wakes its lane ([`crate::send`]). So whatever crashes, an event is there
//! until its deliveries are, and a delivery until its target has it.

use std::collections::BTreeSet;

use bulla_plane::bus::{self, Bus, LISTENER};
use bulla_plane::scheduler::{DUE, Job, due_key};
use bulla_plane::service::MAX_ATTEMPTS;
use bulla_plane::{BoxFuture, Stop};
use bulla_shapes::Fault;
use bulla_store::{Expected, Key, SealedBatch, View};

use crate::compiled::{Sending, sending};
use crate::delivery::{self, Delivery};
use crate::input::Surroundings;
use crate::pattern::Event;
use crate::place::{DEFAULT, Place};
use crate::records::{DELIVERIES, RULES, RuleRecord, bytes, load};
use crate::rules::{TICK, with_tick};
use crate::schedule::Schedule;
use crate::send::{AUTHORIZE, LANE};
use crate::{Events, fault};

/// The most deliveries of one commit. Each with the waking of a lane of its own, and all the events
/// of one look at the schedule taken off, they must fit in a batch of the store.
const DELIVERIES_A_COMMIT: usize = 350;
/// The most bytes of them.
const BYTES_A_COMMIT: usize = 2 << 20;
/// How far apart the rows are that wake a lane.
const WAKE_EVERY_MS: i64 = 100;

/// The bus of an event.
fn place(subject: &str, event: &Event<'_>) -> Option<Place> {
    if let Some(bus) = Bus::of(subject) {
        return Some(Place::of_bus(&bus));
    }
    let region = event.text("region")?;
    Some(Place {
        partition: bulla_plane::region::partition(region).to_owned(),
        region: region.to_owned(),
        account: event.text("account")?.to_owned(),
        bus: DEFAULT.to_owned(),
    })
}

/// Carries out a job, or drops it when it no longer applies.
pub(crate) async fn run(events: &Events, job: &Job) -> Result<(), Fault> {
    match job.kind.as_str() {
        bus::DELIVER => persist(|| deliver(events, std::slice::from_ref(job))).await,
        _ => persist(|| attempt(events, job)).await,
    }
}

/// Carries out jobs of one kind together, if they are events.
pub(crate) fn run_together<'e>(
    events: &'e Events,
    jobs: &'e [Job],
) -> Option<BoxFuture<'e, Result<(), Fault>>> {
    let are_events = jobs.iter().all(|job| job.kind == bus::DELIVER);
    are_events.then(|| Box::pin(persist(move || deliver(events, jobs))) as _)
}

/// Tries until nobody else was quicker.
async fn persist<F>(attempt: impl Fn() -> F) -> Result<(), Fault>
where
    F: Future<Output = Result<(), Stop>>,
{
    for _ in 0..MAX_ATTEMPTS {
        match attempt().await {
            Ok(()) => return Ok(()),
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Again) => {}
            Err(Stop::Internal) => return Err(fault::internal()),
        }
    }
    Err(fault::internal())
}

async fn attempt(events: &Events, job: &Job) -> Result<(), Stop> {
    match job.kind.as_str() {
        LANE => {
            events.sender.wake(job);
            return Ok(());
        }
        AUTHORIZE => {
            events.sender.authorize(job);
            return Ok(());
        }
        _ => {}
    }
    let Some(opened) = events.barrier.get(DUE, &job.key).await? else { return Ok(()) };
    let row = Key::from(job.key.clone());
    let done = SealedBatch::new().delete(DUE, row, Expected::At(opened.version));
    match job.kind.as_str() {
        TICK => tick(events, job, done).await,
        kind => {
            tracing::warn!(kind, "a job of a kind that is not known is dropped");
            Ok(events.barrier.commit(done).await.map(drop)?)
        }
    }
}

/// Takes events off the schedule, as many in one commit as their deliveries allow. One that is gone
/// already was delivered.
async fn deliver(events: &Events, jobs: &[Job]) -> Result<(), Stop> {
    let mut rows = Vec::with_capacity(jobs.len());
    let view = events.barrier.view().await?;
    for job in jobs {
        rows.push(view.get(DUE, &job.key).await?);
    }
    drop(view);
    let mut load = Load::default();
    for (job, opened) in jobs.iter().zip(rows) {
        let Some(opened) = opened else { continue };
        let row = Key::from(job.key.clone());
        load.done = load.done.delete(DUE, row, Expected::At(opened.version));
        let text = std::str::from_utf8(opened.value.expose()).ok();
        let event = text.and_then(|text| Some((text, Event::parse(text).ok()?)));
        let placed =
            event.and_then(|(text, event)| Some((text, place(&job.subject, &event)?, event)));
        let Some((text, place, event)) = placed else {
            tracing::error!(subject = job.subject, "an event that does not read is dropped");
            continue;
        };
        let compiled = events.compiled.of(&events.barrier, &place).await?;
        for rule in compiled.matches(&event) {
            load.add(of_rule(rule, text, job.now_ms));
        }
        if load.is_full() {
            events.dispatch(std::mem::take(&mut load), job.now_ms).await?;
        }
    }
    match jobs.last() {
        Some(job) if !load.done.is_empty() => events.dispatch(load, job.now_ms).await,
        _ => Ok(()),
    }
}

/// Deliveries, each with its lane, and what is done once they are put.
#[derive(Default)]
struct Load {
    deliveries: Vec<(String, Delivery)>,
    /// The bytes of their payloads.
    size: usize,
    done: SealedBatch,
}

impl Load {
    fn add(&mut self, deliveries: Vec<(String, Delivery)>) {
        self.size += deliveries.iter().map(|(_, delivery)| delivery.payload.len()).sum::<usize>();
        self.deliveries.extend(deliveries);
    }

    fn is_full(&self) -> bool {
        self.deliveries.len() >= DELIVERIES_A_COMMIT || self.size >= BYTES_A_COMMIT
    }
}

/// The deliveries of an event that a rule wants, each with its lane.
fn of_rule(rule: &Sending, event: &str, now_ms: i64) -> Vec<(String, Delivery)> {
    let time = jiff::Timestamp::from_second(now_ms.div_euclid(1000)).unwrap_or_default();
    let time = time.to_string();
    let around = Surroundings { rule_arn: &rule.arn, rule_name: &rule.name, ingestion_time: &time };
    let mut deliveries = Vec::with_capacity(rule.targets.len());
    for target in &rule.targets {
        let (payload, flaw) = match target.input.apply(event, &around) {
            Ok(payload) => (payload, None),
            Err(flaw) => (event.to_owned(), Some(flaw)),
        };
        let order = target.order.clone();
        let delivery = Delivery { order, payload, flaw, created_ms: now_ms, tried: 0 };
        deliveries.push((format!("{}/{}", rule.row, target.id), delivery));
    }
    deliveries
}

/// Fires a rule's schedule, and plans it anew.
async fn tick(events: &Events, job: &Job, done: SealedBatch) -> Result<(), Stop> {
    let (place, name) = rule_of(&job.subject).ok_or(Stop::Internal)?;
    let view = events.barrier.view().await?;
    let stored = load::<RuleRecord>(&view, RULES, &job.subject).await?;
    let meant = stored
        .filter(|stored| stored.record.state.is_on() && stored.record.next_ms == Some(job.due_ms));
    let Some(mut stored) = meant else {
        drop(view);
        events.barrier.commit(done).await?;
        return Ok(());
    };
    let schedule = stored.record.schedule.as_deref().and_then(Schedule::parse);
    let next_ms = schedule.and_then(|schedule| schedule.next(job.due_ms, job.now_ms));
    stored.record.next_ms = next_ms;
    let row = bytes(&stored.record)?;
    let mut batch = done.put(RULES, job.subject.as_str(), Expected::At(stored.version), row);
    if let Some(next_ms) = next_ms {
        batch = with_tick(&view, batch, next_ms, &job.subject).await?;
    }
    drop(view);
    let arn = place.rule_arn(name);
    let event = bus::Event {
        id: &bulla_plane::pipeline::new_uuid(&events.crypto)?,
        source: "aws.events",
        detail_type: "Scheduled Event",
        account: &place.account,
        region: &place.region,
        time_ms: job.due_ms,
        resources: &[&arn],
        detail: serde_json::json!({}),
    };
    let rule = sending(&place, &stored.record)?;
    let mut load = Load { done: batch, ..Load::default() };
    load.add(of_rule(&rule, &event.to_json().to_string(), job.now_ms));
    events.dispatch(load, job.now_ms).await
}

/// The bus and name of a rule, by its row.
fn rule_of(row: &str) -> Option<(Place, &str)> {
    let parts: Vec<&str> = row.split('/').collect();
    let [account, region, bus, name] = parts.as_slice() else { return None };
    let place = Place {
        partition: bulla_plane::region::partition(region).to_owned(),
        region: (*region).to_owned(),
        account: (*account).to_owned(),
        bus: (*bus).to_owned(),
    };
    Some((place, name))
}

impl Events {
    /// Puts deliveries, with what wakes their lanes, the last of them in the batch that ends what
    /// they come of. What a crash leaves half put is put once more.
    async fn dispatch(&self, load: Load, now_ms: i64) -> Result<(), Stop> {
        let due_ms = self.sender.stamp(now_ms);
        let mut rest = load.deliveries.into_iter().peekable();
        loop {
            let (mut batch, mut lanes, mut size) = (SealedBatch::new(), BTreeSet::new(), 0);
            while let Some((lane, delivery)) =
                rest.next_if(|_| batch.len() < DELIVERIES_A_COMMIT && size < BYTES_A_COMMIT)
            {
                let row = delivery::row(&lane, due_ms, self.sender.number());
                let value = bytes(&delivery)?;
                size += value.len();
                batch = batch.put(DELIVERIES, row.as_str(), Expected::Absent, value);
                lanes.insert(lane);
            }
            let view = self.barrier.view().await?;
            for lane in &lanes {
                batch = with_wake(&view, batch, (due_ms, due_ms), lane).await?;
            }
            drop(view);
            if rest.peek().is_some() {
                self.barrier.commit(batch).await?;
                continue;
            }
            self.barrier.commit(batch.and(load.done)).await?;
            return Ok(());
        }
    }
}

/// Adds the row that wakes a lane once it is time. One that is there is written anew: a lane that
/// is about to go to sleep finds it changed. Times are rounded, so that a lane has few such rows
/// however many events come: back where it is time already, else forward.
pub(crate) async fn with_wake(
    view: &View<'_>,
    batch: SealedBatch,
    (due_ms, now_ms): (i64, i64),
    lane: &str,
) -> Result<SealedBatch, Stop> {
    let begun_ms = due_ms - due_ms.rem_euclid(WAKE_EVERY_MS);
    let wake_ms = if due_ms <= now_ms { begun_ms } else { begun_ms + WAKE_EVERY_MS };
    let key = due_key(wake_ms, LISTENER, LANE, lane);
    let known = view.get(DUE, key.as_bytes()).await?.map(|opened| opened.version);
    Ok(batch.put(DUE, key, Expected::from(known), b"{}".to_vec()))
}
