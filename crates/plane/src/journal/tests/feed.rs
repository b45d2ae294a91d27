//! The one pass over the records: what it tells of those that are alike is what they say.

use std::sync::{Arc, Mutex};

use super::super::feed::{Extent, Feed, Follower, Heard, Listener, Pace};
use super::super::fixtures::{block_on, decrypt, key, open};
use super::super::{
    Durability, Journal, Medium, Options, RecordRef, Resource, Simulated, session_key_text,
};

/// What of a record is looked at here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    sequence: u64,
    time_ms: i64,
    ids: ([u8; 16], Option<[u8; 16]>),
    metered: Option<u64>,
    name: String,
    user: String,
    key: Option<String>,
    error: Option<String>,
    arns: Vec<String>,
}

fn seen(heard: &Heard, fields: &RecordRef<'_>) -> Seen {
    Seen {
        sequence: heard.sequence,
        time_ms: heard.time_ms,
        ids: (heard.event_id, heard.request_id),
        metered: heard.metered,
        name: fields.event_name.to_owned(),
        user: fields.identity.user_name.unwrap_or_default().to_owned(),
        key: fields.identity.access_key_id.map(str::to_owned),
        error: fields.error_code.map(str::to_owned),
        arns: fields.resources.iter().map(|resource| resource.arn.to_owned()).collect(),
    }
}

/// Remembers all, those of a kind by the first of it.
#[derive(Default)]
struct Ear(Mutex<Said>);

#[derive(Default)]
struct Said {
    all: Vec<Seen>,
    kinds: Vec<Seen>,
    again: usize,
    segments: Vec<u64>,
    ended: usize,
    /// It is full with that many.
    room: Option<usize>,
}

impl Ear {
    fn take<T>(&self, of: impl FnOnce(&mut Said) -> T) -> T {
        of(&mut self.0.lock().unwrap())
    }
}

impl Listener for Ear {
    fn begin(&self, segment: u64) {
        self.take(|said| {
            said.kinds.clear();
            said.segments.push(segment);
        });
    }

    fn end(&self) -> std::io::Result<()> {
        self.take(|said| said.ended += 1);
        Ok(())
    }

    fn hear(&self, heard: &Heard, fields: &RecordRef<'_>, kind: Option<usize>) -> Extent {
        let seen = seen(heard, fields);
        self.take(|said| {
            said.all.push(seen.clone());
            if let Some(kind) = kind {
                assert_eq!(kind, said.kinds.len());
                said.kinds.push(seen);
            }
        });
        if fields.event_name == "CreateKey" { Extent::Record } else { Extent::Kind }
    }

    fn hear_again(&self, heard: &Heard, kind: usize) {
        self.take(|said| {
            let kind = said.kinds[kind].clone();
            let is_own = kind.key == Some(session_key_text(kind.ids.0));
            let alike = Seen {
                key: if is_own { Some(session_key_text(heard.event_id)) } else { kind.key },
                sequence: heard.sequence,
                time_ms: heard.time_ms,
                ids: (heard.event_id, heard.request_id),
                metered: heard.metered,
                ..kind
            };
            assert_ne!(alike.name, "CreateKey", "each says something of its own");
            said.all.push(alike);
            said.again += 1;
        });
    }

    fn is_full(&self) -> bool {
        self.take(|said| said.room.is_some_and(|room| said.all.len() >= room))
    }
}

const NAMES: [&str; 3] = ["Decrypt", "Encrypt", "CreateKey"];

/// Appends records of a few kinds, some of which have what none other has.
fn fill(journal: &Journal, numbers: std::ops::Range<u64>) {
    let long = "x".repeat(3000);
    for number in numbers {
        let pick = |by: usize| usize::try_from(number).unwrap() % by;
        let (mut record, users) = (decrypt(number.cast_signed()), ["ana", "eve"]);
        let arn = format!("arn:aws:kms:eu-west-1:111122223333:key/{}", pick(4));
        let resource = Resource { account_id: "111122223333", kind: None, arn: &arn };
        let parameters = format!("{{\"number\":\"number {number}\"}}");
        record.event_id = u128::from(number).to_be_bytes();
        record.request_id = (pick(5) > 0).then_some(record.event_id);
        record.event_name = NAMES[pick(3)];
        record.identity.user_name = Some(users[pick(2)]);
        let session_key = session_key_text(record.event_id);
        if pick(6) == 1 {
            record.identity.access_key_id = Some(&session_key);
        }
        if pick(6) == 2 {
            record.identity.access_key_id = Some(["test", "", "tess"][pick(3)]);
        }
        record.error_code = (pick(7) == 3).then_some("AccessDeniedException");
        record.metered = (pick(11) < 3).then_some(number);
        record.request_parameters = Some(&parameters);
        if pick(50) == 20 {
            // Too long to be referred to.
            record.identity.user_name = Some(&long);
        }
        record.resources = if pick(13) == 5 { Vec::new() } else { vec![resource] }.into();
        block_on(journal.append(&record)).unwrap();
    }
}

fn journal() -> Arc<Journal> {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(1));
    let options = Options {
        durability: Durability::BeforeAnswer,
        segment_bytes: 64 << 10,
        stall: std::time::Duration::from_secs(600),
        ..Options::default()
    };
    Arc::new(Journal::open(medium, key(), options).unwrap().0)
}

/// What a walk over all records from one on finds, each unpacked and decoded.
fn walked(journal: &Journal, from: u64) -> Vec<Seen> {
    let records = journal.read_from(from).unwrap().map(|record| record.unwrap());
    records
        .map(|record| {
            let fields = record.fields().unwrap();
            let heard = Heard {
                sequence: record.sequence(),
                place: super::super::Place::default(),
                time_ms: fields.time_ms,
                event_id: fields.event_id,
                request_id: fields.request_id,
                metered: fields.metered,
            };
            seen(&heard, &fields)
        })
        .collect()
}

#[test]
fn what_is_told_of_records_that_are_alike_is_what_they_say() {
    let journal = journal();
    let (feed, ear) = (Feed::new(Arc::clone(&journal)), Arc::new(Ear::default()));
    feed.join(Arc::clone(&ear) as _);
    for numbers in [0..1, 1..400, 400..2_000] {
        fill(&journal, numbers);
        feed.read_on(Pace::ToTheEnd).unwrap();
        assert_eq!(ear.take(|said| said.all.clone()), walked(&journal, 1));
    }
    let segments = journal.segments().unwrap();
    ear.take(|said| {
        assert!(segments.len() > 3, "{segments:?}");
        assert_eq!((&said.segments, said.ended), (&segments, segments.len() - 1));
        assert!(said.again > 800, "only {} were told by their kind", said.again);
    });
}

#[test]
fn a_listener_that_is_full_is_told_no_more_and_misses_nothing() {
    let journal = journal();
    let (feed, ear) = (Feed::new(Arc::clone(&journal)), Arc::new(Ear::default()));
    feed.join(Arc::clone(&ear) as _);
    fill(&journal, 0..100);
    for room in [10, 50, 100] {
        ear.take(|said| said.room = Some(room));
        feed.read_on(Pace::UntilFull).unwrap();
        assert_eq!(ear.take(|said| said.all.len()), room);
        let next = room as u64 + 1;
        assert!(feed.before(next, || {}).unwrap());
        assert!(!feed.before(next - 1, || panic!("that was told")).unwrap());
    }
    assert_eq!(ear.take(|said| said.all.clone()), walked(&journal, 1));
}

#[test]
fn who_reads_alone_is_told_from_a_record_on() {
    let journal = journal();
    fill(&journal, 0..300);
    let ear = Arc::new(Ear::default());
    let mut follower = Follower::new(journal.read_from(120).unwrap());
    follower.read_on(290, &[Arc::clone(&ear) as _], Pace::ToTheEnd).unwrap();
    let mut expected = walked(&journal, 120);
    expected.truncate(171);
    assert_eq!(ear.take(|said| said.all.clone()), expected);
}

#[test]
fn who_joins_late_is_told_the_segment_from_its_start() {
    let medium: Arc<dyn Medium> = Arc::new(Simulated::new(1));
    let journal = Arc::new(open(&medium));
    let feed = Feed::new(Arc::clone(&journal));
    fill(&journal, 0..2);
    let (first, second) = (Arc::new(Ear::default()), Arc::new(Ear::default()));
    feed.join(Arc::clone(&first) as _);
    feed.read_on(Pace::ToTheEnd).unwrap();
    feed.join(Arc::clone(&second) as _);
    feed.read_on(Pace::ToTheEnd).unwrap();
    let last = *journal.segments().unwrap().last().unwrap();
    assert_eq!(first.take(|said| said.segments.clone()), [last, last]);
    let told = second.take(|said| said.all.clone());
    assert!(!told.is_empty() && walked(&journal, 1).ends_with(&told));
}
