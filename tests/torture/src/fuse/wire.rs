//! The kernel's FUSE protocol, as far as it is needed: version 7.31 (`linux/fuse.h`).

/// The most bytes of one write.
const MAX_WRITE: usize = 128 << 10;
/// Room for the longest request.
pub(super) const REQUEST_BYTES: usize = MAX_WRITE + 4096;
const HEADER_BYTES: usize = 40;
/// How long the kernel may keep names and attributes, in seconds: they change through it alone.
const VALID_SECONDS: u64 = 3600;

pub(super) mod op {
    pub(crate) const LOOKUP: u32 = 1;
    pub(crate) const FORGET: u32 = 2;
    pub(crate) const GETATTR: u32 = 3;
    pub(crate) const SETATTR: u32 = 4;
    pub(crate) const MKDIR: u32 = 9;
    pub(crate) const UNLINK: u32 = 10;
    pub(crate) const RMDIR: u32 = 11;
    pub(crate) const RENAME: u32 = 12;
    pub(crate) const LINK: u32 = 13;
    pub(crate) const OPEN: u32 = 14;
    pub(crate) const READ: u32 = 15;
    pub(crate) const WRITE: u32 = 16;
    pub(crate) const STATFS: u32 = 17;
    pub(crate) const RELEASE: u32 = 18;
    pub(crate) const FSYNC: u32 = 20;
    pub(crate) const FLUSH: u32 = 25;
    pub(crate) const INIT: u32 = 26;
    pub(crate) const OPENDIR: u32 = 27;
    pub(crate) const READDIR: u32 = 28;
    pub(crate) const RELEASEDIR: u32 = 29;
    pub(crate) const FSYNCDIR: u32 = 30;
    pub(crate) const CREATE: u32 = 35;
    pub(crate) const INTERRUPT: u32 = 36;
    pub(crate) const DESTROY: u32 = 38;
    pub(crate) const BATCH_FORGET: u32 = 42;
    pub(crate) const FALLOCATE: u32 = 43;
    pub(crate) const RENAME2: u32 = 45;
}

/// What the kernel asks.
pub(super) struct Request<'a> {
    pub(super) operation: u32,
    pub(super) unique: u64,
    pub(super) node: u64,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, body) = bytes.split_at_checked(HEADER_BYTES)?;
        let whole = Self { operation: 0, unique: 0, node: 0, body: header };
        let (operation, unique, node) = (whole.u32(4), whole.u64(8), whole.u64(16));
        Some(Self { operation, unique, node, body })
    }

    /// The number at this byte of the body; 0 beyond its end.
    pub(super) fn u32(&self, at: usize) -> u32 {
        let bytes = self.body.get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().map_or(0, u32::from_le_bytes)
    }

    pub(super) fn u64(&self, at: usize) -> u64 {
        let bytes = self.body.get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().map_or(0, u64::from_le_bytes)
    }

    /// The names from this byte of the body on, each ended by a zero.
    pub(super) fn names(&self, at: usize) -> impl Iterator<Item = &'a [u8]> {
        self.body.get(at..).unwrap_or_default().split(|byte| *byte == 0)
    }

    /// What stands behind this byte of the body.
    pub(super) fn rest(&self, at: usize) -> &'a [u8] {
        self.body.get(at..).unwrap_or_default()
    }
}

/// What is told of a node.
#[derive(Clone, Copy)]
pub(super) struct Attributes {
    pub(super) node: u64,
    pub(super) size: u64,
    pub(super) mode: u32,
}

/// An answer's body, or the error.
pub(super) type Answer = Result<Vec<u8>, i32>;

/// A whole answer.
pub(super) fn reply(unique: u64, answer: Answer) -> Vec<u8> {
    let (error, body) = match answer {
        Ok(body) => (0, body),
        Err(error) => (-error, Vec::new()),
    };
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let mut out = length.to_le_bytes().to_vec();
    out.extend(error.to_le_bytes());
    out.extend(unique.to_le_bytes());
    out.extend(body);
    out
}

fn put(out: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

fn put_long(out: &mut Vec<u8>, numbers: &[u64]) {
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

/// `fuse_init_out`: version 7.31, large writes, nothing else.
pub(super) fn init(readahead: u32) -> Vec<u8> {
    const BIG_WRITES: u32 = 1 << 5;
    let mut out = Vec::new();
    put(&mut out, &[7, 31, readahead, BIG_WRITES]);
    // Background requests and when they count as many; 16 bits each.
    put(&mut out, &[64 | 48 << 16, MAX_WRITE as u32, 1, 0, 0]);
    put(&mut out, &[0; 7]);
    out
}

fn attributes(out: &mut Vec<u8>, of: Attributes) {
    put_long(out, &[of.node, of.size, of.size.div_ceil(512), 0, 0, 0]);
    put(out, &[0, 0, 0, of.mode, 1, 0, 0, 0, 4096, 0]);
}

/// `fuse_attr_out`
pub(super) fn attr(of: Attributes) -> Vec<u8> {
    let mut out = Vec::new();
    put_long(&mut out, &[VALID_SECONDS, 0]);
    attributes(&mut out, of);
    out
}

/// `fuse_entry_out`
pub(super) fn entry(of: Attributes) -> Vec<u8> {
    let mut out = Vec::new();
    put_long(&mut out, &[of.node, 0, VALID_SECONDS, VALID_SECONDS, 0]);
    attributes(&mut out, of);
    out
}

/// `fuse_open_out`, of a file whose pages the kernel may keep.
pub(super) fn opened() -> Vec<u8> {
    const KEEP_CACHE: u32 = 1 << 1;
    let mut out = Vec::new();
    put_long(&mut out, &[0]);
    put(&mut out, &[KEEP_CACHE, 0]);
    out
}

/// `fuse_write_out`
pub(super) fn written(count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, &[u32::try_from(count).unwrap_or(u32::MAX), 0]);
    out
}

/// `fuse_statfs_out`, in blocks of 4096 bytes.
pub(super) fn statfs(blocks: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_long(&mut out, &[blocks, blocks, blocks, 1 << 20, 1 << 20]);
    put(&mut out, &[4096, 255, 4096, 0, 0, 0, 0, 0, 0, 0]);
    out
}

/// The entries of a folder from number `from` on, as far as `room` bytes reach.
pub(super) fn entries<'n>(
    all: impl Iterator<Item = (&'n [u8], u64, bool)>,
    from: u64,
    room: usize,
) -> Vec<u8> {
    const FOLDER: u32 = 4;
    const FILE: u32 = 8;
    let mut out = Vec::new();
    let skipped = usize::try_from(from).unwrap_or(usize::MAX);
    for (number, (name, node, is_folder)) in all.enumerate().skip(skipped) {
        let mut one = Vec::new();
        put_long(&mut one, &[node, number as u64 + 1]);
        let kind = if is_folder { FOLDER } else { FILE };
        put(&mut one, &[u32::try_from(name.len()).unwrap_or(0), kind]);
        one.extend(name);
        one.resize(one.len().next_multiple_of(8), 0);
        if out.len() + one.len() > room {
            break;
        }
        out.extend(one);
    }
    out
}
