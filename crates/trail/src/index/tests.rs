//! The index against a walk over all records.

use bulla_crypto::HmacKey;
use bulla_plane::journal::{ChainKey, Identity, Memory, Options, RecordRef, Resource};

use super::*;

const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
const NAMES: [&str; 4] = ["Decrypt", "DisableKey", "CreateAlias", "ScheduleKeyDeletion"];

/// A journal of small segments.
fn journal() -> Arc<Journal> {
    let key = Arc::new(ChainKey::new(HmacKey::new(b"a key for tests")));
    let options = Options {
        segment_bytes: 16 << 10,
        stall: std::time::Duration::from_secs(600),
        ..Options::default()
    };
    let medium = Arc::new(Memory::new(64 << 20));
    Arc::new(Journal::open(medium, key, options).unwrap().0)
}

/// Appends the records with these numbers. Every hundredth comes late: its time is before those of
/// the others.
async fn fill(journal: &Journal, numbers: std::ops::Range<u64>) {
    let arns: Vec<String> = (0..50).map(|n| format!("arn:aws:kms:x:1:key/{n}")).collect();
    for number in numbers {
        let pick = |by: u64, from: usize| usize::try_from(number / by).unwrap() % from;
        let name = NAMES[pick(3, NAMES.len())];
        let user = format!("user-{}", number % 7);
        let late = if number % 100 == 99 { 500_000 } else { 0 };
        let resource = Resource {
            account_id: ACCOUNTS[pick(1, 2)],
            kind: Some("AWS::KMS::Key"),
            arn: &arns[pick(5, arns.len())],
        };
        let record = RecordRef {
            time_ms: i64::try_from(1_700_000_000_000 + number * 1_000 - late).unwrap(),
            event_id: (u128::from(number) + 1).to_be_bytes(),
            event_source: "kms.amazonaws.com",
            event_name: name,
            region: REGIONS[pick(2, 2)],
            recipient_account_id: ACCOUNTS[pick(1, 2)],
            identity: Identity {
                kind: Some("IAMUser"),
                user_name: Some(&user),
                access_key_id: Some("AKIAEXAMPLE"),
                ..Identity::default()
            },
            read_only: name == "Decrypt",
            resources: vec![resource].into(),
            ..RecordRef::default()
        };
        journal.append(&record).await.unwrap();
    }
}

fn index_of(journal: &Arc<Journal>, folder: Option<PathBuf>) -> Index {
    Index::new(Arc::new(Feed::new(Arc::clone(journal))), folder)
}

const EVER: Range = Range { from_ms: i64::MIN, to_ms: i64::MAX };

/// The ids of all events that are asked for, newest first, by a walk over all records.
fn walked(journal: &Journal, query: &Query<'_>) -> Vec<[u8; 16]> {
    let mut found = Vec::new();
    for record in journal.read_from(1).unwrap() {
        let record = record.unwrap();
        let fields = record.fields().unwrap();
        let is_wanted = fields.recipient_account_id == query.account
            && fields.region == query.region
            && query.range.contains(fields.time_ms)
            && terms::has(&fields, query.attribute, query.value);
        if is_wanted {
            found.push(fields.event_id);
        }
    }
    found.reverse();
    found
}

/// The same by the index, page by page.
fn looked_up(index: &Index, query: &Query<'_>, page: usize) -> Vec<[u8; 16]> {
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let answer = index.find(query, from, page).unwrap();
        assert!(answer.records.len() <= page);
        found.extend(answer.records.iter().map(|record| record.fields().unwrap().event_id));
        match answer.next {
            Some(next) => from = Some(next),
            None => return found,
        }
    }
}

fn queries() -> Vec<Query<'static>> {
    let values = [
        (Attribute::All, ""),
        (Attribute::EventName, "DisableKey"),
        (Attribute::EventName, "NoSuchName"),
        (Attribute::EventSource, "kms.amazonaws.com"),
        (Attribute::Username, "user-3"),
        (Attribute::ReadOnly, "true"),
        (Attribute::ResourceType, "AWS::KMS::Key"),
        (Attribute::ResourceName, "arn:aws:kms:x:1:key/17"),
        (Attribute::AccessKeyId, "AKIAEXAMPLE"),
        (Attribute::EventId, "00000000-0000-0000-0000-00000000002a"),
    ];
    let middle = Range { from_ms: 1_700_000_300_000, to_ms: 1_700_000_900_000 };
    let mut all = Vec::new();
    for account in ACCOUNTS {
        for region in REGIONS {
            for (attribute, value) in values {
                for range in [EVER, middle] {
                    all.push(Query { account, region, attribute, value, range });
                }
            }
        }
    }
    all
}

#[tokio::test]
async fn lookups_find_what_a_walk_finds() {
    let journal = journal();
    let folder = tempfile::tempdir().unwrap();
    let index = index_of(&journal, Some(folder.path().join("index")));
    let mut found = 0;
    for part in [0..1, 1..700, 700..1_500] {
        fill(&journal, part).await;
        for query in queries() {
            let expected = walked(&journal, &query);
            assert_eq!(looked_up(&index, &query, 7), expected, "{query:?}");
            found += expected.len();
        }
    }
    assert!(found > 1_000 && journal.segments().unwrap().len() > 10, "{found}");
}

#[tokio::test]
async fn what_is_missing_of_an_index_is_made_again() {
    let journal = journal();
    fill(&journal, 0..1_000).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let query = queries().swap_remove(2);
    let expected = walked(&journal, &query);
    index_of(&journal, Some(path.clone())).keep_up().unwrap();
    let mut files: Vec<_> =
        std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), journal.segments().unwrap().len() - 1);
    std::fs::remove_file(&files[0]).unwrap();
    let whole = std::fs::read(&files[1]).unwrap();
    std::fs::write(&files[1], &whole[..whole.len() / 2]).unwrap();
    std::fs::write(&files[2], b"something else").unwrap();
    let index = index_of(&journal, Some(path));
    assert_eq!(looked_up(&index, &query, 50), expected);
    assert_eq!(std::fs::read(&files[1]).unwrap(), whole);
}

#[tokio::test]
async fn an_index_goes_with_its_segment() {
    let key = Arc::new(ChainKey::new(HmacKey::new(b"a key for tests")));
    let medium = Memory::new(128 << 10);
    let options = Options { segment_bytes: medium.segment_bytes(), ..Options::default() };
    let journal = Arc::new(Journal::open(Arc::new(medium), key, options).unwrap().0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let index = index_of(&journal, Some(path.clone()));
    for part in 0..8 {
        fill(&journal, part * 200..(part + 1) * 200).await;
        index.keep_up().unwrap();
        let files = std::fs::read_dir(&path).map_or(0, Iterator::count);
        assert!(files < journal.segments().unwrap().len());
        let query = &queries()[0];
        assert_eq!(looked_up(&index, query, 10), walked(&journal, query));
    }
    assert!(journal.segments().unwrap()[0] > 1, "segments were dropped");
}
