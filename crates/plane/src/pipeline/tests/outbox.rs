//! Each change has its record, whatever happens between the two.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bulla_crypto::Crypto;
use bulla_store::{Barrier, CARRIED, Disk, Faults, MAX_PAGE_ROWS, Range, Simulated as Rows, Space};

use super::{ROWS, Sent, chain_key, house, house_over, house_with, memory, root};
use crate::Plane;
use crate::journal::{Durability, Medium, Reader, Simulated};
use crate::outbox::settle;

const NAMES: [&str; 6] =
    ["alias/a", "alias/b", "alias/twice", "alias/c", "alias/d/twice", "alias/e"];

async fn write(plane: &Plane, name: &str) -> u16 {
    let body = format!("{{\"AliasName\":\"{name}\"}}");
    let sent = Sent { target: "TrentService.DeleteAlias", body: &body, ..Sent::default() };
    sent.to(plane).await.0
}

/// Calls one after the other, until one fails, as all do when the power is gone. What was
/// acknowledged.
async fn script(plane: &Plane) -> Vec<&'static str> {
    let mut acknowledged = Vec::new();
    for (number, name) in NAMES.into_iter().enumerate() {
        if write(plane, name).await != 200 {
            return acknowledged;
        }
        acknowledged.push(name);
        if number % 2 == 1 && plane.outbox.sweep(&plane.barrier, &plane.journal).await.is_err() {
            return acknowledged;
        }
    }
    acknowledged
}

async fn rows(plane: &Plane, space: Space) -> Vec<String> {
    let view = plane.barrier.view().await.unwrap();
    let page = view.range(space, &Range::all(), MAX_PAGE_ROWS).await.unwrap();
    page.rows.iter().map(|(key, _)| key.to_string()).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    InTime,
    Late,
    /// As a call that failed.
    Failed,
}

/// The resources of all records, and how each was told of. Fails when an event or a resource has
/// two records.
fn told(medium: &Arc<dyn Medium>) -> BTreeMap<String, Told> {
    let reader = Reader::from_sequence(Arc::clone(medium), chain_key(), 1).unwrap();
    let mut told = BTreeMap::new();
    let mut events = std::collections::HashSet::new();
    for record in reader {
        let record = record.unwrap();
        let fields = record.fields().unwrap();
        assert!(events.insert(fields.event_id), "an event has two records");
        assert_eq!(fields.identity.user_name, Some("ana"));
        let [resource] = &*fields.resources else { panic!("{fields:?}") };
        let parameters = format!("{{\"aliasName\":\"{}\"}}", resource.arn);
        assert_eq!(fields.request_parameters, Some(parameters.as_str()));
        let how = match (fields.error_code, fields.additional_event_data) {
            (None, None) => Told::InTime,
            (None, Some("{\"unacknowledged\":true}")) => Told::Late,
            (Some("KMSInternalException"), None) => Told::Failed,
            other => panic!("{other:?}"),
        };
        assert_eq!(told.insert(resource.arn.to_owned(), how), None, "two records of one call");
    }
    told
}

struct Machine {
    disk: Disk,
    medium: Arc<Simulated>,
}

impl Machine {
    async fn start(seed: u64) -> (Self, Plane) {
        Self::start_with(seed, Durability::BeforeAnswer).await
    }

    async fn start_with(seed: u64, durability: Durability) -> (Self, Plane) {
        let machine = Self { disk: Disk::new(seed), medium: Arc::new(Simulated::new(seed)) };
        let engine = Arc::new(Rows::open(machine.disk.clone()).unwrap());
        let barrier = Barrier::create(engine, Crypto::standard(), root()).await.unwrap();
        let medium = Arc::clone(&machine.medium) as Arc<dyn Medium>;
        machine.disk.set_faults(Faults::default());
        (machine, house_with(durability, barrier, medium, Duration::from_secs(600)))
    }

    /// Turns the power off and on again, and checks that changes and records agree.
    async fn check(self, acknowledged: &[&str], context: &str) -> usize {
        let medium = Arc::new(self.medium.after_power_cut());
        self.check_with(medium, acknowledged, &[Told::InTime], context).await
    }

    /// As [`Machine::check`], with the journal's disk as it is found, and how what was acknowledged
    /// may be recorded.
    async fn check_with(
        self,
        medium: Arc<dyn Medium>,
        acknowledged: &[&str],
        as_which: &[Told],
        context: &str,
    ) -> usize {
        self.disk.power_cycle();
        let engine = Arc::new(Rows::open(self.disk).unwrap());
        let barrier = Barrier::open(engine, Crypto::standard(), root()).await.unwrap();
        let plane = house_over(barrier, Arc::clone(&medium), Duration::from_secs(600));
        let late = settle(&plane.barrier, &plane.journal).await.unwrap();
        assert_eq!(rows(&plane, CARRIED).await, [""; 0], "{context}");
        assert_eq!(settle(&plane.barrier, &plane.journal).await.unwrap(), 0);
        let told = told(&medium);
        for name in acknowledged {
            let how = told.get(*name);
            assert!(how.is_some_and(|how| as_which.contains(how)), "{context}: {name}: {how:?}");
        }
        assert_eq!(told.values().filter(|how| **how == Told::Late).count(), late, "{context}");
        let mut found = rows(&plane, ROWS).await;
        for name in &mut found {
            // Of two changes of a call, one may be all that was made.
            *name = name.trim_end_matches("/first").to_owned();
        }
        found.dedup();
        for (name, how) in &told {
            // Only a call that failed may have changed nothing.
            assert!(found.contains(name) || *how == Told::Failed, "{context}: {name}");
        }
        assert!(found.iter().all(|name| told.contains_key(name)), "{context}: {found:?}");
        assert_eq!(write(&plane, "alias/after").await, 200, "{context}");
        late
    }
}

#[tokio::test]
async fn a_power_cut_at_any_sync_leaves_no_change_unrecorded_and_no_call_recorded_twice() {
    let (machine, plane) = Machine::start(0).await;
    let before = machine.medium.operations();
    assert_eq!(script(&plane).await, NAMES);
    let (syncs, operations) = (machine.disk.syncs(), machine.medium.operations());
    assert!(syncs >= 11 && operations - before >= 12, "{syncs}, {operations}");
    let mut late = 0;
    for seed in 0..4 {
        for cut in 1..=syncs {
            let (machine, plane) = Machine::start(seed).await;
            machine.disk.set_faults(Faults { cut_at_sync: Some(cut), ..Faults::default() });
            let acknowledged = script(&plane).await;
            drop(plane);
            machine.check(&acknowledged, &format!("sync {cut} of the store, seed {seed}")).await;
        }
        for cut in before + 1..=operations {
            let (machine, plane) = Machine::start(seed).await;
            machine.medium.cut_power_at(cut);
            let acknowledged = script(&plane).await;
            drop(plane);
            let context = format!("operation {cut} of the journal, seed {seed}");
            late += machine.check(&acknowledged, &context).await;
        }
    }
    assert!(late > 20, "the journal came late {late} times");
}

#[tokio::test]
async fn a_power_cut_takes_the_record_of_no_change_where_answers_do_not_wait_for_the_journal() {
    // No sync is due by itself: only those happen that the sweeping of rows asks for.
    let durability = Durability::Within(Duration::from_secs(6000));
    let (machine, plane) = Machine::start_with(0, durability).await;
    assert_eq!(script(&plane).await, NAMES);
    let syncs = machine.disk.syncs();
    let mut late = 0;
    for seed in 0..4 {
        for cut in 1..=syncs + 1 {
            let (machine, plane) = Machine::start_with(seed, durability).await;
            machine.disk.set_faults(Faults { cut_at_sync: Some(cut), ..Faults::default() });
            let acknowledged = script(&plane).await;
            // Before the journal is closed, which would sync it.
            let medium = Arc::new(machine.medium.after_power_cut());
            drop(plane);
            let as_which = [Told::InTime, Told::Late];
            let context = format!("sync {cut} of the store, seed {seed}");
            late += machine.check_with(medium, &acknowledged, &as_which, &context).await;
        }
    }
    assert!(late > 5, "the journal came late {late} times");
}

#[tokio::test]
async fn a_change_whose_call_could_not_be_recorded_is_recorded_once_the_journal_can_be_written() {
    let disk = Arc::new(Simulated::new(1));
    let medium = Arc::clone(&disk) as Arc<dyn Medium>;
    let engine = Arc::new(bulla_store::Memory::new());
    let barrier = Barrier::create(engine, Crypto::standard(), root()).await.unwrap();
    let plane = house_over(barrier, Arc::clone(&medium), Duration::from_micros(100));
    assert_eq!(write(&plane, "alias/a").await, 200);
    disk.fail_at(disk.operations() + 1, false, ErrorKind::StorageFull);
    assert_eq!(write(&plane, "alias/twice").await, 500);
    plane.journal.recovered().await;
    assert_eq!(rows(&plane, ROWS).await, ["alias/a", "alias/twice", "alias/twice/first"]);
    assert_eq!(rows(&plane, CARRIED).await.len(), 2);
    plane.outbox.sweep(&plane.barrier, &plane.journal).await.unwrap();
    assert_eq!(rows(&plane, CARRIED).await.len(), 0);
    let wanted = [("alias/a".to_owned(), Told::InTime), ("alias/twice".to_owned(), Told::Late)];
    assert_eq!(told(&medium), BTreeMap::from(wanted));
}

#[tokio::test]
async fn calls_that_only_read_carry_nothing_along() {
    let plane = house(memory()).await;
    let before = plane.barrier.view().await.unwrap().revision();
    assert_eq!(Sent::default().to(&plane).await.0, 200);
    assert_eq!(plane.barrier.view().await.unwrap().revision(), before);
    assert_eq!(write(&plane, "alias/a").await, 200);
    assert_eq!(rows(&plane, CARRIED).await.len(), 1);
    plane.outbox.sweep(&plane.barrier, &plane.journal).await.unwrap();
    assert_eq!(rows(&plane, CARRIED).await.len(), 0);
}
