//! A file system of our own, in memory, whose disk fails as a test wants it to: full, failing,
//! slow, not answering at all, or once at one write or sync; and that loses what was never synced.
//!
//! It speaks the kernel's FUSE protocol, so that the program under test runs on it unchanged. It
//! needs the right to mount; where that is missing, [`Mounted::new`] tells.

mod content;
mod faults;
mod site;
#[cfg(test)]
mod tests;
mod tree;
mod wire;

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

pub(crate) use self::faults::{Errno, Faults, Mood, Of};
pub(crate) use self::site::Disk;
use self::tree::Tree;
use self::wire::{REQUEST_BYTES, Request, reply};
use crate::run::{at, say};

const DEVICE: &str = "/dev/fuse";
/// How many requests may be held up at once.
const THREADS: usize = 8;

/// A file system that is mounted for as long as this lives.
struct Mounted {
    at: PathBuf,
    tree: Arc<Tree>,
    threads: Vec<JoinHandle<()>>,
}

impl Mounted {
    /// Mounts a tree on a folder, which must be there.
    ///
    /// # Errors
    /// Where this process has no right to.
    fn new(at_path: &Path, tree: Arc<Tree>) -> Result<Self, String> {
        let device = OpenOptions::new().read(true).write(true).open(DEVICE).map_err(at(DEVICE))?;
        let options = format!("fd={},rootmode=40700,user_id=0,group_id=0", device.as_raw_fd());
        let options = CString::new(options).map_err(say)?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("bulla-torture", at_path, "fuse", flags, Some(options.as_c_str()))
            .map_err(at("mount a file system of our own"))?;
        let device = Arc::new(device);
        let serve = |_| {
            let (device, tree) = (Arc::clone(&device), Arc::clone(&tree));
            std::thread::spawn(move || serve(&device, &tree))
        };
        let threads = (0..THREADS).map(serve).collect();
        Ok(Self { at: at_path.to_owned(), tree, threads })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nobody may be left who waits for an answer.
        self.tree.faults.set(Mood::Well);
        // Whoever still has a file open there sees it end.
        let _gone = unmount(&self.at, UnmountFlags::DETACH | UnmountFlags::FORCE);
        for thread in self.threads.drain(..) {
            let _ended = thread.join();
        }
    }
}

/// Answers requests until the file system is unmounted.
fn serve(device: &File, tree: &Tree) {
    let mut room = vec![0; REQUEST_BYTES];
    let mut device = device;
    loop {
        let length = match device.read(&mut room) {
            Ok(0) => return,
            Ok(length) => length,
            // An interrupted request, or one that was taken back.
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::Interrupted | std::io::ErrorKind::NotFound
                ) =>
            {
                continue;
            }
            Err(_) => return,
        };
        let Some(request) = room.get(..length).and_then(Request::parse) else { return };
        if let Some(answer) = tree.answer(&request) {
            // Whoever asked may have gone meanwhile.
            let _sent = device.write_all(&reply(request.unique, answer));
        }
    }
}
