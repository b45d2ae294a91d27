//! Old records are dropped, but none that others have still to read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_ground::Ground;
use bulla_plane::journal::{ChainKey, Directory, Feed, Journal, Options, RecordRef};
use bulla_trail::index::Index;
use bulla_trail::{Intervals, Nowhere, Trail};

const RECORDS: u64 = 200;

/// The number of the oldest record that is left.
fn oldest(journal: &Journal) -> u64 {
    journal.read_from(1).unwrap().next().unwrap().unwrap().sequence()
}

#[tokio::test]
async fn what_others_have_still_to_read_is_not_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let medium = Arc::new(Directory::open(folder.path().join("journal")).unwrap());
    let chain = Arc::new(ChainKey::new(bulla_crypto::HmacKey::new(b"a key for tests")));
    let options = Options { segment_bytes: 1024, ..Options::default() };
    let (journal, _) = Journal::open(medium, chain, options).unwrap();
    let ground = Ground::in_memory().await.unwrap().with_journal(journal);
    for second in 0..RECORDS {
        let time_ms = i64::try_from(second).unwrap() * 1_000;
        ground.journal.append(&RecordRef { time_ms, ..RecordRef::default() }).await.unwrap();
    }
    let feed = Arc::new(Feed::new(Arc::clone(&ground.journal)));
    let needed = Arc::new(AtomicU64::new(0));
    let trail = Trail::new(
        (Arc::clone(&ground.barrier), ground.crypto.clone()),
        Arc::clone(&ground.clock),
        (Arc::clone(&ground.journal), Arc::new(Index::new(feed, None))),
        Arc::new(Nowhere),
        Intervals::default(),
    );
    let trail = trail.with_retention(Some(Duration::from_secs(60)), Arc::clone(&needed));
    trail.drop_old().await.unwrap();
    assert_eq!(oldest(&ground.journal), 1, "nobody knows yet what is needed");
    needed.store(RECORDS / 2, Ordering::Release);
    trail.drop_old().await.unwrap();
    let left = oldest(&ground.journal);
    assert!((2..=RECORDS / 2).contains(&left), "{left}");
    needed.store(RECORDS + 1, Ordering::Release);
    trail.drop_old().await.unwrap();
    assert!(oldest(&ground.journal) > RECORDS / 2, "{}", oldest(&ground.journal));
}
