//! A control group for all of a function's processes together: what they have of memory and how
//! many they are counts in sum (cgroup v2, Linux's "Control Group v2").
//!
//! Groups are made where the server may: in its own group, if the system lets that have groups
//! below it, or in the one above, if that was handed to the server whole. Elsewhere there are none,
//! and the limits of each process stand alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What group folders' names begin with.
const PREFIX: &str = "bulla-function-";
/// How often the removal of a busy group is tried.
const MAX_TRIES: usize = 10_000;
/// What a group must be able to limit.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];
/// The mark of a group that was handed to somebody whole, of either kind (systemd, "Control Group
/// APIs and Delegation").
const HANDED_OVER: [&str; 2] = ["trusted.delegate", "user.delegate"];

/// A group that is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    folder: PathBuf,
    /// All memory of all processes, in bytes.
    memory: u64,
    /// Processes and threads.
    processes: u64,
}

impl Group {
    /// A group in a place that [`place`] found; `name` is nobody else's.
    pub(crate) fn new(place: &Path, name: &str, memory: u64, processes: u64) -> Self {
        Self { folder: place.join(format!("{PREFIX}{name}")), memory, processes }
    }

    /// Makes the group. Whoever is in it and takes too much is ended with all others in it.
    pub(super) fn make(&self) -> io::Result<()> {
        fs::create_dir(&self.folder)?;
        let limited = self.limit();
        if limited.is_err() {
            self.remove();
        }
        limited
    }

    fn limit(&self) -> io::Result<()> {
        self.set("memory.max", &self.memory.to_string())?;
        self.set("pids.max", &self.processes.to_string())?;
        // Older kernels lack the first of these, machines without swap the second.
        for (file, value) in [("memory.oom.group", "1"), ("memory.swap.max", "0")] {
            match self.set(file, value) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Moves the calling process into it; its children are born there.
    pub(super) fn join(&self) -> io::Result<()> {
        self.set("cgroup.procs", "0")
    }

    /// Takes the group away. The system is a moment behind the end of the last process in it;
    /// until then it says that the group is busy.
    pub(super) fn remove(&self) {
        let mut left = MAX_TRIES;
        loop {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && left > 0 => {
                    left -= 1;
                    std::thread::yield_now();
                }
                Err(error) => {
                    eprintln!("bulla: {} stays: {error}", self.folder.display());
                    return;
                }
                Ok(()) => return,
            }
        }
    }

    /// Writes a file of the group, which the system must have made.
    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        write(&self.folder.join(file), value)
    }
}

/// Writes a file that is there.
fn write(path: &Path, value: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    io::Write::write_all(&mut file, value.as_bytes())
}

/// Where this process may make groups; none where the system has none for it. What an earlier
/// server left there goes.
pub(crate) fn place() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let found = place_in(&mount(&mounts)?, own(&groups)?, handed_over)?;
    sweep(&found);
    Some(found)
}

/// Where the groups are mounted: the fifth field of a line, whose type stands behind a hyphen.
fn mount(mounts: &str) -> Option<PathBuf> {
    let of = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let is_groups = after.split(' ').next() == Some("cgroup2");
        is_groups.then(|| before.split(' ').nth(4).map(PathBuf::from)).flatten()
    };
    mounts.lines().find_map(of)
}

/// The process's own group, below where they are mounted.
fn own(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::/"))
}

fn place_in(mount: &Path, own: &str, handed_over: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let own = mount.join(own);
    if may_limit(&own) {
        return Some(own);
    }
    let above = own.parent().filter(|above| above.starts_with(mount) && handed_over(above))?;
    may_limit(above).then(|| above.to_owned())
}

/// Whether groups below this one can be limited; has the system allow it where it has not yet.
fn may_limit(group: &Path) -> bool {
    let has = |file: &str| {
        let text = fs::read_to_string(group.join(file)).unwrap_or_default();
        CONTROLLERS.iter().all(|name| text.split_whitespace().any(|word| word == *name))
    };
    if !has("cgroup.controllers") {
        return false;
    }
    let control = "cgroup.subtree_control";
    // The system refuses this of a group with processes of its own.
    has(control) || write(&group.join(control), "+memory +pids").is_ok()
}

fn handed_over(group: &Path) -> bool {
    let mut value = [0; 8];
    HANDED_OVER.iter().any(|name| {
        let length = rustix::fs::getxattr(group, *name, &mut value).unwrap_or(0);
        value.get(..length) == Some(b"1")
    })
}

/// Removes groups that a killed server left; the system keeps those that live.
fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _alive = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        25 30 0:23 / /sys rw,nosuid - sysfs sysfs rw\n\
        33 25 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn the_own_group_is_found() {
        assert_eq!(mount(MOUNTS), Some(PathBuf::from("/sys/fs/cgroup")));
        assert_eq!(mount("25 30 0:23 / /sys rw - sysfs sysfs rw\n"), None);
        assert_eq!(
            own("4:memory:/a\n0::/system.slice/bulla.service\n"),
            Some("system.slice/bulla.service")
        );
        assert_eq!((own("0::/\n"), own("4:memory:/a\n")), (Some(""), None));
    }

    /// A folder that looks like a group.
    fn group(path: &Path, controllers: &str) {
        fs::create_dir_all(path).unwrap();
        fs::write(path.join("cgroup.controllers"), controllers).unwrap();
        fs::write(path.join("cgroup.subtree_control"), "").unwrap();
    }

    #[test]
    fn groups_are_made_in_the_own_one_or_in_one_that_was_handed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (above, own) = (folder.path().join("bulla"), folder.path().join("bulla/server"));
        group(&above, "cpu memory pids");
        group(&own, "cpu");
        let found = |handed: bool| place_in(folder.path(), "bulla/server", |_| handed);
        assert_eq!((found(false), found(true)), (None, Some(above.clone())));
        let control = fs::read_to_string(above.join("cgroup.subtree_control")).unwrap();
        assert_eq!(control, "+memory +pids");
        group(&own, "memory pids");
        assert_eq!(found(false), Some(own));
        assert_eq!(place_in(folder.path(), "none", |_| true), None);
    }

    #[test]
    fn what_the_system_does_not_take_for_a_group_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let group = Group::new(folder.path(), "test", 64 << 20, 10);
        assert!(group.make().is_err() && group.join().is_err());
        assert!(!group.folder.exists());
    }

    #[test]
    fn a_group_is_limited_where_the_system_has_one() {
        let Some(place) = place() else {
            eprintln!("skipped: this machine gives the tests no control groups (cgroup v2)");
            return;
        };
        let group = Group::new(&place, "test", 64 << 20, 10);
        group.make().unwrap();
        let read = |file: &str| fs::read_to_string(group.folder.join(file)).unwrap();
        assert_eq!(read("memory.max").trim(), (64 << 20).to_string());
        assert_eq!(read("pids.max").trim(), "10");
        group.remove();
        assert!(!group.folder.exists());
    }
}
