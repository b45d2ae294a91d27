//! SQLite's own matters: the directory, its files, restarts, groups.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bulla_store::{
    AttestError, Attestor, Batch, Change, DATABASE_FILE, Expected, LOCK_FILE, Revision, RowChange,
    Sqlite, Store, StoreError,
};

use crate::{KEYS, create, open, read, run, write};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_second_process_is_refused_with_the_first_ones_number() {
    let directory = tempfile::tempdir().unwrap();
    let first = Sqlite::open(directory.path()).unwrap();
    let error = Sqlite::open(directory.path()).err().unwrap();
    let expected = StoreError::InUse {
        directory: directory.path().to_path_buf(),
        pid: Some(std::process::id()),
    };
    assert_eq!(error, expected);
    let text = error.to_string();
    assert!(text.contains("is in use by process") && text.contains("stop it first"), "{text}");
    drop(first);
    Sqlite::open(directory.path()).unwrap();
}

#[test]
fn files_are_the_owners_only() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("deep/data");
    let engine = Sqlite::open(&directory).unwrap();
    run(async { engine.commit(Batch::new().put(KEYS, "k", 1, "x")).await.unwrap() });
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        assert_eq!(mode(&entry.path()), 0o600, "{names:?}");
    }
    names.sort();
    let wal = format!("{DATABASE_FILE}-wal");
    assert_eq!(names, [DATABASE_FILE, &format!("{DATABASE_FILE}-shm"), &wal, LOCK_FILE]);
}

#[test]
fn every_acknowledged_commit_survives_an_end_without_warning() {
    let directory = tempfile::tempdir().unwrap();
    let (live, dead) = (directory.path().join("live"), directory.path().join("dead"));
    run(async {
        let barrier = create(Arc::new(Sqlite::open(&live).unwrap())).await;
        for number in 0..50u64 {
            write(&barrier, &number.to_string(), Expected::Absent, "x").await;
            if number % 10 == 9 {
                // The files as a killed process leaves them.
                let dead = dead.join(number.to_string());
                copy(&live, &dead);
                let reopened = open(Arc::new(Sqlite::open(&dead).unwrap())).await.unwrap();
                assert!(reopened.verify_all().await.unwrap().is_intact());
                for acknowledged in 0..=number {
                    let row = read(&reopened, &acknowledged.to_string()).await;
                    assert_eq!(row, Some((1, "x".into())));
                }
                let next = (number + 1).to_string();
                assert_eq!(read(&reopened, &next).await, None);
            }
        }
        drop(barrier);
        let barrier = open(Arc::new(Sqlite::open(&live).unwrap())).await.unwrap();
        assert_eq!(barrier.attested().await.unwrap().rows, 53);
    });
}

/// Counts how often it is asked: once for each transaction.
#[derive(Default)]
struct Counter(AtomicU64);

impl Attestor for Counter {
    fn attest(
        &self,
        _: (Revision, Option<&[u8]>),
        _: Revision,
        _: &[RowChange<'_>],
    ) -> Result<Vec<u8>, AttestError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Vec::new())
    }
}

#[test]
fn many_commits_share_a_sync() {
    const COMMITS: u64 = 1000;
    let directory = tempfile::tempdir().unwrap();
    let engine = Arc::new(Sqlite::open(directory.path()).unwrap());
    let counter = Arc::new(Counter::default());
    let revisions = run(async {
        engine.attest_with(Arc::clone(&counter) as _).await.unwrap();
        let tasks: Vec<_> = (0..COMMITS)
            .map(|number| {
                let engine = Arc::clone(&engine);
                tokio::spawn(async move {
                    let batch = Batch::new().put(KEYS, number.to_string(), 1, "x");
                    engine.commit(batch).await.unwrap().0
                })
            })
            .collect();
        let mut revisions = Vec::new();
        for task in tasks {
            revisions.push(task.await.unwrap());
        }
        revisions.sort_unstable();
        revisions
    });
    assert_eq!(revisions, (1..=COMMITS).collect::<Vec<_>>(), "each its own revision");
    let groups = counter.0.load(Ordering::SeqCst);
    assert!(groups < COMMITS / 4, "{groups} transactions for {COMMITS} commits");
}

fn closed_store(directory: &Path) {
    run(async {
        let barrier = create(Arc::new(Sqlite::open(directory).unwrap())).await;
        write(&barrier, "k", Expected::Absent, "x").await;
        barrier.engine().close().await.unwrap();
    });
}

fn refused_untouched(directory: &Path) -> StoreError {
    let database = directory.join(DATABASE_FILE);
    let before = fs::read(&database).unwrap();
    let error = Sqlite::open(directory).err().unwrap();
    assert_eq!(fs::read(&database).unwrap(), before);
    assert!(error.to_string().contains(DATABASE_FILE), "{error}");
    error
}

#[test]
fn a_newer_or_foreign_or_damaged_database_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join(DATABASE_FILE);
    closed_store(directory.path());
    let good = fs::read(&database).unwrap();
    let alter = |pragma: &str| {
        fs::write(&database, &good).unwrap();
        rusqlite::Connection::open(&database).unwrap().execute_batch(pragma).unwrap();
    };
    alter("PRAGMA user_version = 3");
    let newer = refused_untouched(directory.path());
    assert_eq!(newer, StoreError::Newer { file: database.clone(), found: 3, known: 2 });
    alter("PRAGMA application_id = 7");
    let foreign = refused_untouched(directory.path());
    assert_eq!(foreign, StoreError::Foreign { file: database.clone() });
    fs::write(&database, "not a database, but long enough to be looked at".repeat(10)).unwrap();
    assert!(matches!(refused_untouched(directory.path()), StoreError::Corrupt { .. }));
    fs::write(&database, &good[..50]).unwrap();
    assert!(matches!(refused_untouched(directory.path()), StoreError::Corrupt { .. }));
    fs::write(&database, &good[..good.len() / 2]).unwrap();
    assert!(matches!(Sqlite::open(directory.path()), Err(StoreError::Corrupt { .. })));
    fs::write(&database, &good).unwrap();
    let reopened = run(async {
        let barrier = open(Arc::new(Sqlite::open(directory.path()).unwrap())).await.unwrap();
        read(&barrier, "k").await
    });
    assert_eq!(reopened, Some((1, "x".into())));
}

#[test]
fn changes_that_are_forgotten_are_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    drop(Sqlite::open(directory.path()).unwrap());
    let database = rusqlite::Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    let kept = bulla_store::CHANGELOG_REVISIONS;
    database.execute("UPDATE head SET rev = ?1", [kept + 4]).unwrap();
    drop(database);
    let engine = Sqlite::open(directory.path()).unwrap();
    run(async {
        engine.commit(Batch::new().put(KEYS, "k", 1, "x")).await.unwrap();
        let forgotten = engine.changes(Revision(4)).await;
        assert_eq!(forgotten, Err(StoreError::ChangesForgotten { oldest: Revision(5) }));
        assert_eq!(engine.changes(Revision(5)).await.unwrap().changes.len(), 1);
    });
}

#[test]
fn the_changelog_forgets_now_and_then() {
    let directory = tempfile::tempdir().unwrap();
    drop(Sqlite::open(directory.path()).unwrap());
    let file = directory.path().join(DATABASE_FILE);
    let database = rusqlite::Connection::open(&file).unwrap();
    let kept = bulla_store::CHANGELOG_REVISIONS;
    let soon = kept.next_multiple_of(1024) - 2;
    database.execute("UPDATE head SET rev = ?1", [soon]).unwrap();
    database.execute("INSERT INTO changelog (rev, places) VALUES (1, x'')", []).unwrap();
    drop(database);
    for (rows, key) in [(2, "k"), (2, "l")] {
        let engine = Sqlite::open(directory.path()).unwrap();
        run(async { engine.commit(Batch::new().put(KEYS, key, 1, "x")).await.unwrap() });
        drop(engine);
        let database = rusqlite::Connection::open(&file).unwrap();
        let count = database.query_row("SELECT COUNT(*) FROM changelog", [], |row| row.get(0));
        assert_eq!(count, Ok(rows), "{key}");
    }
}

/// The tables as version 1 had them, of a store of this version.
fn as_version_1(directory: &Path, changes: &[Change]) {
    let database = rusqlite::Connection::open(directory.join(DATABASE_FILE)).unwrap();
    let tables = "DROP TABLE changelog;
        CREATE TABLE changelog (
            rev INTEGER NOT NULL, nr INTEGER NOT NULL, space TEXT NOT NULL, key BLOB NOT NULL,
            PRIMARY KEY (rev, nr)
        ) WITHOUT ROWID, STRICT;
        PRAGMA user_version = 1;";
    database.execute_batch(tables).unwrap();
    for (number, Change { revision, place }) in changes.iter().enumerate() {
        let row = (revision.0, number, place.space.as_str(), place.key.as_bytes());
        let insert = "INSERT INTO changelog (rev, nr, space, key) VALUES (?1, ?2, ?3, ?4)";
        database.execute(insert, row).unwrap();
    }
}

#[test]
fn a_store_of_version_1_is_migrated_and_keeps_its_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let changes = async |engine: &Sqlite| engine.changes(Revision(0)).await.unwrap();
    let before = run(async {
        let engine = Sqlite::open(path).unwrap();
        for keys in [["a", "b"], ["c", "a"]] {
            let batch = keys.iter().fold(Batch::new(), |batch, key| batch.put(KEYS, *key, 1, "x"));
            engine.commit(batch).await.unwrap();
        }
        engine.commit(Batch::new().delete(KEYS, "b")).await.unwrap();
        changes(&engine).await
    });
    assert_eq!(before.changes.len(), 5);
    as_version_1(path, &before.changes);
    for _ in 0..2 {
        run(async { assert_eq!(changes(&Sqlite::open(path).unwrap()).await, before) });
        let header = fs::read(path.join(DATABASE_FILE)).unwrap();
        assert_eq!(header[60..64], [0, 0, 0, 2]);
    }
    run(async {
        let engine = Sqlite::open(path).unwrap();
        engine.commit(Batch::new().put(KEYS, "d", 1, "x")).await.unwrap();
        let after = changes(&engine).await;
        assert_eq!((after.changes.len(), after.upto), (6, Revision(4)));
    });
}
