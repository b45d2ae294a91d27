//! What is dropped on purpose is not missed, and what is removed otherwise is.

use std::sync::Arc;

use crate::journal::fixtures::{key, small};
use crate::journal::{Directory, Journal, Options, RecordRef, verify};

/// A journal in a folder whose records are a second apart.
async fn filled(folder: &std::path::Path) -> Journal {
    let medium = Arc::new(Directory::open(folder).unwrap());
    let (journal, _) = Journal::open(medium, key(), small()).unwrap();
    for number in 0..400 {
        let record = RecordRef { time_ms: number * 1_000, ..RecordRef::default() };
        journal.append(&record).await.unwrap();
    }
    journal
}

#[tokio::test]
async fn what_was_dropped_on_purpose_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = filled(&path).await;
    let before = journal.segments().unwrap();
    assert!(before.len() > 4, "{before:?}");
    assert_eq!(journal.retain(0, u64::MAX).unwrap(), None);
    // Nothing of what somebody still has to read.
    assert_eq!(journal.retain(200_000, 1).unwrap(), None);
    let oldest = journal.retain(200_000, u64::MAX).unwrap().unwrap();
    let left = journal.segments().unwrap();
    assert_eq!(left, before.into_iter().filter(|old| *old >= oldest).collect::<Vec<_>>());
    let first = journal.read_from(1).unwrap().next().unwrap().unwrap();
    assert!(first.fields().unwrap().time_ms <= 200_000);
    drop(journal);
    let medium = Directory::open_to_read(&path).unwrap();
    let report = verify(&medium, &key(), None).unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
    let medium = Arc::new(Directory::open(&path).unwrap());
    let (_, recovery) = Journal::open(medium, key(), Options::default()).unwrap();
    assert!(recovery.faults.is_empty(), "{:?}", recovery.faults);
}

#[tokio::test]
async fn what_was_removed_otherwise_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = filled(&path).await;
    let oldest = journal.retain(200_000, u64::MAX).unwrap().unwrap();
    drop(journal);
    let faults = || {
        let medium = Directory::open_to_read(&path).unwrap();
        verify(&medium, &key(), None).unwrap().faults
    };
    let note = path.join("dropped");
    let honest = std::fs::read_to_string(&note).unwrap();
    // One more segment gone, with and without a forged note.
    std::fs::remove_file(path.join(format!("{oldest:020}.segment"))).unwrap();
    assert!(!faults().is_empty());
    let forged = honest.replacen(&format!("{oldest:020}"), &format!("{:020}", oldest + 1), 1);
    std::fs::write(&note, forged).unwrap();
    assert!(!faults().is_empty());
    for text in ["", "x", "00000000000000000009 zz"] {
        std::fs::write(&note, text).unwrap();
        assert!(!faults().is_empty(), "{text}");
    }
    std::fs::remove_file(&note).unwrap();
    assert!(!faults().is_empty());
}
