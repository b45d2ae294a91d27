//! What becomes of a store on a disk that shows what a failed sync never brought to it.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::time::Duration;

use bulla_store::{Barrier, DATABASE_FILE, Expected, SealedBatch, Sqlite};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::*;
use crate::run::wait;
use crate::store::{KEYS, create, open, rows_of};

const SEED: u64 = 7;
/// The store of a process of its own, which this test is started in again. For SQLite maps a file
/// that its connections share: a process that waits for a page of it can't serve the page as well.
const FOLDER: &str = "BULLA_TORTURE_STORE";
/// What that process does there: write behind what a failed sync left, or find all again.
const ROLE: &str = "BULLA_TORTURE_ROLE";
/// How long that process is waited for; it takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

fn run<T>(work: impl Future<Output = T>) -> T {
    wait(async { Ok(work.await) }).unwrap()
}

async fn put(barrier: &Barrier, key: &str) {
    let batch = SealedBatch::new().put(KEYS, key, Expected::Absent, key.as_bytes().to_vec());
    barrier.commit(batch).await.unwrap();
}

/// The database and its log after one commit, and the log after one more, as a killed process
/// leaves them.
async fn killed(folder: &Path) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (database, log) = files(folder);
    let barrier = create(Arc::new(Sqlite::open(folder).unwrap()), SEED).await.unwrap();
    put(&barrier, "synced").await;
    let synced = (fs::read(database).unwrap(), fs::read(&log).unwrap());
    put(&barrier, "shown").await;
    (synced.0, synced.1, fs::read(log).unwrap())
}

fn files(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join(DATABASE_FILE), folder.join(format!("{DATABASE_FILE}-wal")))
}

#[test]
fn what_is_committed_behind_a_failed_sync_outlives_a_power_cut() {
    if let (Some(folder), Ok(role)) = (std::env::var_os(FOLDER), std::env::var(ROLE)) {
        return run(process(Path::new(&folder), &role));
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("data");
    fs::create_dir(&folder).unwrap();
    let tree = Arc::new(Tree::new(SEED));
    let mounted = match Mounted::new(&folder, Arc::clone(&tree)) {
        Ok(mounted) => mounted,
        Err(error) => return eprintln!("left out, as there is no disk of our own: {error}"),
    };
    let (rows, synced, shown) = run(killed(&place.path().join("sound")));
    let more = shown.strip_prefix(&*synced).filter(|more| !more.is_empty()).unwrap();
    let (database, log) = files(&folder);
    for (path, content) in [(&database, &rows), (&log, &synced)] {
        fs::write(path, content).unwrap();
        File::open(path).unwrap().sync_all().unwrap();
    }
    let file = OpenOptions::new().write(true).open(&log).unwrap();
    file.write_all_at(more, synced.len() as u64).unwrap();
    tree.faults.set(Mood::FailAt { of: Of::Store, at: 1, errno: Errno::Io, for_ever: false });
    file.sync_all().unwrap_err();
    tree.faults.set(Mood::Well);
    // The system tells no second time that it failed.
    file.sync_all().unwrap();
    drop(file);

    assert!(ended_well(mounted, "write"));
    tree.cut_power();
    let mounted = Mounted::new(&folder, Arc::clone(&tree)).unwrap();
    assert!(ended_well(mounted, "find"), "what was committed is lost");
}

/// Whether this test, started again in a role, ended well. The disk goes with it: a process that
/// is killed while the disk has a request of its ends only once that was answered or the disk has
/// gone, so one that hangs is killed first, and waited for when there is no disk.
fn ended_well(mounted: Mounted, role: &str) -> bool {
    let name = "fuse::tests::what_is_committed_behind_a_failed_sync_outlives_a_power_cut";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(FOLDER, &mounted.at).env(ROLE, role);
    let mut child = command.spawn().unwrap();
    let ended = ends_within(PATIENCE, Pid::from_child(&child));
    if !ended {
        child.kill().unwrap();
    }
    drop(mounted);
    let status = child.wait().unwrap();
    assert!(ended, "the process that was to {role} hangs");
    status.success()
}

/// Whether a child of this process ends in time. It is left to be reaped.
fn ends_within(most: Duration, child: Pid) -> bool {
    let child = pidfd_open(child, PidfdFlags::empty()).unwrap();
    let most = Timespec::try_from(most).unwrap();
    poll(&mut [PollFd::new(&child, PollFlags::IN)], Some(&most)).unwrap() > 0
}

async fn process(folder: &Path, role: &str) {
    let barrier = open(Arc::new(Sqlite::open(folder).unwrap()), SEED).await.unwrap();
    if role == "write" {
        put(&barrier, "behind").await;
        // Without an orderly end, which would bring all to the disk.
        std::process::exit(0);
    }
    let rows = rows_of(&barrier).await.unwrap();
    assert_eq!(Vec::from_iter(rows.keys()), ["behind", "shown", "synced"]);
}
