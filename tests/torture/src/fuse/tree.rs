//! Folders and files in memory, and what the kernel may ask of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::content::Content;
use super::faults::{Faults, Of};
use super::wire::{self, Answer, Attributes, Request, op};
use crate::random::Random;

const ROOT: u64 = 1;
const FOLDER: u32 = 0o40_000;
const FILE: u32 = 0o100_000;
const PERMISSIONS: u32 = 0o7777;
const NOENT: i32 = 2;
const EXIST: i32 = 17;
const NOTDIR: i32 = 20;
const NOSYS: i32 = 38;
const NOTEMPTY: i32 = 39;
/// The folder whose files are the journal's.
const JOURNAL: &[u8] = b"journal";
/// What the names of files end in that SQLite's connections share memory by.
const SHARED_MEMORY: &[u8] = b"-shm";
/// The room that is told, in blocks of 4 KiB.
const BLOCKS: u64 = 1 << 22;

/// A file system. It can be mounted, unmounted, and mounted again.
pub(crate) struct Tree {
    pub(crate) faults: Faults,
    nodes: Mutex<Nodes>,
}

struct Nodes {
    all: BTreeMap<u64, Node>,
    next: u64,
    random: Random,
}

struct Node {
    permissions: u32,
    of: Of,
    what: What,
}

enum What {
    Folder(BTreeMap<Vec<u8>, u64>),
    File { content: Content, opened: u64, names: u64 },
}

impl Node {
    fn folder(of: Of, permissions: u32) -> Self {
        Self { permissions, of, what: What::Folder(BTreeMap::new()) }
    }

    fn attributes(&self, node: u64) -> Attributes {
        let (size, kind) = match &self.what {
            What::Folder(_) => (0, FOLDER),
            What::File { content, .. } => (content.len() as u64, FILE),
        };
        Attributes { node, size, mode: kind | self.permissions }
    }
}

fn long(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Tree {
    /// An empty folder, closed to others.
    pub(crate) fn new(seed: u64) -> Self {
        let all = BTreeMap::from([(ROOT, Node::folder(Of::Store, 0o700))]);
        let nodes = Nodes { all, next: ROOT + 1, random: Random::new(seed) };
        Self { faults: Faults::default(), nodes: Mutex::new(nodes) }
    }

    fn lock(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loses what was not synced. Nothing may be mounted meanwhile, for the kernel remembers.
    pub(crate) fn cut_power(&self) {
        let Nodes { all, random, .. } = &mut *self.lock();
        for node in all.values_mut() {
            if let What::File { content, .. } = &mut node.what {
                content.cut_power(random);
            }
        }
    }

    /// Answers a request; nothing if none is expected.
    pub(super) fn answer(&self, request: &Request<'_>) -> Option<Answer> {
        match request.operation {
            op::FORGET | op::BATCH_FORGET | op::INTERRUPT | op::DESTROY => None,
            op::INIT => Some(Ok(wire::init(request.u32(8)))),
            op::STATFS => Some(Ok(wire::statfs(BLOCKS))),
            op::FLUSH | op::RELEASEDIR => Some(Ok(Vec::new())),
            op::OPENDIR => Some(Ok(wire::opened())),
            _ => Some(self.change_or_read(request)),
        }
    }

    fn change_or_read(&self, request: &Request<'_>) -> Answer {
        if let Some(of) = self.changes(request)
            && let Err(errno) = self.faults.operate(of)
        {
            self.lock().failed(request);
            return Err(errno.number());
        }
        let mut nodes = self.lock();
        match request.operation {
            op::LOOKUP => nodes.lookup(request),
            op::GETATTR => {
                nodes.node(request.node).map(|node| wire::attr(node.attributes(request.node)))
            }
            op::SETATTR => nodes.set(request),
            op::MKDIR => nodes.make_folder(request),
            op::UNLINK | op::RMDIR => nodes.remove(request),
            op::RENAME => nodes.rename(request, 8),
            op::RENAME2 => nodes.rename(request, 16),
            op::LINK => nodes.link(request),
            op::OPEN => nodes.open(request),
            op::CREATE => nodes.create(request),
            op::READ => nodes.read(request),
            op::WRITE => nodes.write(request),
            op::RELEASE => nodes.release(request),
            op::FSYNC => nodes.content(request.node).map(|content| {
                content.sync();
                Vec::new()
            }),
            op::FSYNCDIR => Ok(Vec::new()),
            op::READDIR => nodes.list(request),
            op::FALLOCATE => nodes.content(request.node).map(|content| {
                let end = long(request.u64(8).saturating_add(request.u64(16)));
                content.resize(end.max(content.len()));
                Vec::new()
            }),
            _ => Err(NOSYS),
        }
    }

    /// Whose disk a request changes or syncs; nothing if it does neither.
    fn changes(&self, request: &Request<'_>) -> Option<Of> {
        const SIZE: u32 = 1 << 3;
        let nodes = self.lock();
        let of = nodes.all.get(&request.node).map(|node| node.of);
        match request.operation {
            op::SETATTR if request.u32(0) & SIZE == 0 => None,
            op::CREATE => of.map(|of| of.named(request.names(16).next().unwrap_or_default())),
            op::UNLINK => of.map(|of| of.named(request.names(0).next().unwrap_or_default())),
            op::SETATTR
            | op::WRITE
            | op::FSYNC
            | op::FSYNCDIR
            | op::FALLOCATE
            | op::MKDIR
            | op::RMDIR
            | op::RENAME
            | op::RENAME2
            | op::LINK => of,
            _ => None,
        }
    }
}

impl Of {
    /// Whose a file of this name is in a folder.
    fn named(self, name: &[u8]) -> Self {
        if name.ends_with(SHARED_MEMORY) { Self::Neither } else { self }
    }
}

impl Nodes {
    fn node(&mut self, node: u64) -> Result<&mut Node, i32> {
        self.all.get_mut(&node).ok_or(NOENT)
    }

    fn names(&mut self, folder: u64) -> Result<&mut BTreeMap<Vec<u8>, u64>, i32> {
        match &mut self.node(folder)?.what {
            What::Folder(names) => Ok(names),
            What::File { .. } => Err(NOTDIR),
        }
    }

    fn content(&mut self, node: u64) -> Result<&mut Content, i32> {
        match &mut self.node(node)?.what {
            What::File { content, .. } => Ok(content),
            What::Folder(_) => Err(NOSYS),
        }
    }

    /// What a change or sync that failed did all the same.
    fn failed(&mut self, request: &Request<'_>) {
        let mut random = self.random.clone();
        match (request.operation, self.content(request.node)) {
            (op::FSYNC, Ok(content)) => content.fail_to_sync(&mut random),
            (op::WRITE, Ok(content)) => {
                let bytes = request.rest(40);
                let part = random.below(bytes.len() + 1);
                content.write(long(request.u64(8)), bytes.get(..part).unwrap_or_default());
            }
            _ => {}
        }
        self.random = random;
    }

    fn lookup(&mut self, request: &Request<'_>) -> Answer {
        let name = request.names(0).next().unwrap_or_default();
        let found = self.names(request.node)?.get(name).copied().ok_or(NOENT)?;
        Ok(wire::entry(self.node(found)?.attributes(found)))
    }

    fn set(&mut self, request: &Request<'_>) -> Answer {
        const MODE: u32 = 1 << 0;
        const SIZE: u32 = 1 << 3;
        let valid = request.u32(0);
        if valid & SIZE != 0 {
            self.content(request.node)?.resize(long(request.u64(16)));
        }
        let node = self.node(request.node)?;
        if valid & MODE != 0 {
            node.permissions = request.u32(68) & PERMISSIONS;
        }
        Ok(wire::attr(node.attributes(request.node)))
    }

    fn add(&mut self, folder: u64, name: &[u8], node: Node) -> Answer {
        let number = self.next;
        let names = self.names(folder)?;
        if names.contains_key(name) {
            return Err(EXIST);
        }
        names.insert(name.to_vec(), number);
        self.next += 1;
        let told = wire::entry(node.attributes(number));
        self.all.insert(number, node);
        Ok(told)
    }

    fn make_folder(&mut self, request: &Request<'_>) -> Answer {
        let name = request.names(8).next().unwrap_or_default();
        let of = if name == JOURNAL { Of::Journal } else { self.node(request.node)?.of };
        let node = Node::folder(of, request.u32(0) & !request.u32(4) & PERMISSIONS);
        self.add(request.node, name, node)
    }

    fn create(&mut self, request: &Request<'_>) -> Answer {
        let name = request.names(16).next().unwrap_or_default();
        let of = self.node(request.node)?.of.named(name);
        let permissions = request.u32(4) & !request.u32(8) & PERMISSIONS;
        let what = What::File { content: Content::default(), opened: 1, names: 1 };
        let mut told = self.add(request.node, name, Node { permissions, of, what })?;
        told.extend(wire::opened());
        Ok(told)
    }

    fn link(&mut self, request: &Request<'_>) -> Answer {
        let (linked, name) = (request.u64(0), request.names(8).next().unwrap_or_default());
        if self.names(request.node)?.contains_key(name) {
            return Err(EXIST);
        }
        let node = self.node(linked)?;
        if let What::File { names, .. } = &mut node.what {
            *names += 1;
        }
        let told = wire::entry(node.attributes(linked));
        self.names(request.node)?.insert(name.to_vec(), linked);
        Ok(told)
    }

    fn remove(&mut self, request: &Request<'_>) -> Answer {
        let name = request.names(0).next().unwrap_or_default();
        let found = self.names(request.node)?.get(name).copied().ok_or(NOENT)?;
        if self.names(found).is_ok_and(|names| !names.is_empty()) {
            return Err(NOTEMPTY);
        }
        self.names(request.node)?.remove(name);
        self.forget(found);
        Ok(Vec::new())
    }

    /// Drops a node that lost its last name, unless it is open.
    fn forget(&mut self, node: u64) {
        let held = self.all.get_mut(&node).is_some_and(|node| match &mut node.what {
            What::File { opened, names, .. } => {
                *names = names.saturating_sub(1);
                *opened > 0 || *names > 0
            }
            What::Folder(_) => false,
        });
        if !held {
            self.all.remove(&node);
        }
    }

    fn rename(&mut self, request: &Request<'_>, names_at: usize) -> Answer {
        let mut names = request.names(names_at);
        let (old, new) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        let target = request.u64(0);
        self.names(target)?;
        let moved = self.names(request.node)?.remove(old).ok_or(NOENT)?;
        if let Some(replaced) = self.names(target)?.insert(new.to_vec(), moved) {
            self.forget(replaced);
        }
        Ok(Vec::new())
    }

    fn open(&mut self, request: &Request<'_>) -> Answer {
        if let What::File { opened, .. } = &mut self.node(request.node)?.what {
            *opened += 1;
        }
        Ok(wire::opened())
    }

    fn release(&mut self, request: &Request<'_>) -> Answer {
        if let What::File { opened, names, .. } = &mut self.node(request.node)?.what {
            *opened = opened.saturating_sub(1);
            if *opened == 0 && *names == 0 {
                self.all.remove(&request.node);
            }
        }
        Ok(Vec::new())
    }

    fn read(&mut self, request: &Request<'_>) -> Answer {
        let (offset, size) = (long(request.u64(8)), request.u32(16) as usize);
        Ok(self.content(request.node)?.read(offset, size).to_vec())
    }

    fn write(&mut self, request: &Request<'_>) -> Answer {
        let (offset, size) = (long(request.u64(8)), request.u32(16) as usize);
        let bytes = request.rest(40);
        let bytes = bytes.get(..size).unwrap_or(bytes);
        self.content(request.node)?.write(offset, bytes);
        Ok(wire::written(bytes.len()))
    }

    fn list(&mut self, request: &Request<'_>) -> Answer {
        let (from, room) = (request.u64(8), request.u32(16) as usize);
        let names = self.names(request.node)?.clone();
        let is_folder =
            |node| self.all.get(&node).is_some_and(|node| matches!(node.what, What::Folder(_)));
        let all = names.iter().map(|(name, node)| (name.as_slice(), *node, is_folder(*node)));
        Ok(wire::entries(all, from, room))
    }
}
