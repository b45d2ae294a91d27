//! Frames, the hash chain that joins them, and the header that joins one segment to the one before.
//!
//! ```text
//! frame   = length u32 | kind u32 | payload (length bytes) | chain value (32 bytes)
//! chain   = HMAC-SHA-256(journal key, previous chain value || length || kind || payload)
//! record  = sequence u64 | packed record                      (payload of a record frame)
//! header  = version u16 | reason u16 | segment u64 | first sequence u64 | previous chain value
//! ```
//! All integers are little-endian. A header's previous chain value is the one in its own payload:
//! that of the last record before, all zeros if there is none. The first record of a segment is
//! linked to the header. Zeros after the last frame are room made ahead.

use bulla_crypto::{Crypto, CryptoError, HmacKey};

use crate::root::RootKey;

/// The version of the segment format that this program writes, and the newest it reads.
pub const FORMAT_VERSION: u16 = 2;
/// Bytes of a chain value.
pub const CHAIN_BYTES: usize = 32;
/// Bytes of a frame before its payload.
pub(super) const PREFIX_BYTES: usize = 8;
/// Bytes of a frame beside its payload.
pub(super) const FRAME_OVERHEAD: usize = PREFIX_BYTES + CHAIN_BYTES;
/// Bytes of the sequence number that opens the payload of a record frame.
pub(super) const SEQUENCE_BYTES: usize = 8;
/// Bytes of a header's payload.
pub(super) const HEADER_PAYLOAD_BYTES: usize = 2 + 2 + 8 + 8 + CHAIN_BYTES;
/// Bytes of a whole header frame.
pub(super) const HEADER_FRAME_BYTES: usize = FRAME_OVERHEAD + HEADER_PAYLOAD_BYTES;

/// The kinds are odd-looking on purpose: after damage, a reader finds frames again by them.
const KIND_HEADER: [u8; 4] = *b"BJh\x01";
const KIND_RECORD: [u8; 4] = *b"BJr\x01";
const KIND_FIRST_RECORD: [u8; 4] = *b"BJg\x01";
const KIND_MARKED_RECORD: [u8; 4] = *b"BJm\x01";

/// One link of the chain.
pub type ChainValue = [u8; CHAIN_BYTES];

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// The header of a segment.
    Header,
    /// A record.
    Record,
    /// The first record of a group. That it exists proves that all before it had been synced.
    FirstRecord,
    /// The first record behind those that a sync was begun for, where answers don't wait for
    /// syncs. That it exists proves that all before the marked record before it had been synced.
    MarkedRecord,
}

impl FrameKind {
    pub(super) fn bytes(self) -> [u8; 4] {
        match self {
            Self::Header => KIND_HEADER,
            Self::Record => KIND_RECORD,
            Self::FirstRecord => KIND_FIRST_RECORD,
            Self::MarkedRecord => KIND_MARKED_RECORD,
        }
    }

    fn parse(bytes: [u8; 4]) -> Option<Self> {
        match bytes {
            KIND_HEADER => Some(Self::Header),
            KIND_RECORD => Some(Self::Record),
            KIND_FIRST_RECORD => Some(Self::FirstRecord),
            KIND_MARKED_RECORD => Some(Self::MarkedRecord),
            _ => None,
        }
    }
}

/// The first eight bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    pub(super) length: usize,
    pub(super) kind: FrameKind,
}

impl Prefix {
    /// Reads a prefix; `None` if these bytes can't open a frame of at most `max` payload bytes.
    pub(super) fn parse(bytes: [u8; PREFIX_BYTES], max: usize) -> Option<Self> {
        let [l0, l1, l2, l3, kind @ ..] = bytes;
        let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
        let kind = FrameKind::parse(kind)?;
        let least = match kind {
            FrameKind::Header => HEADER_PAYLOAD_BYTES,
            FrameKind::Record | FrameKind::FirstRecord | FrameKind::MarkedRecord => SEQUENCE_BYTES,
        };
        (least..=max).contains(&length).then_some(Self { length, kind })
    }

    /// Bytes of the whole frame.
    pub(super) fn frame_bytes(self) -> usize {
        self.length + FRAME_OVERHEAD
    }
}

/// The key of the chain: without it no frame can be forged, and none can be checked.
pub struct ChainKey(HmacKey);

/// What the key of a data directory's journal is derived by.
const LABEL: &[u8] = b"bulla/journal/v1";

impl ChainKey {
    /// The key of the journal in the data directory under this root key. It hangs on that alone, so
    /// that the journal can be read and checked while a server has the store.
    ///
    /// # Errors
    /// Those of [`RootKey::derive`].
    pub fn of(crypto: &Crypto, root: &RootKey) -> Result<Self, CryptoError> {
        let key = root.derive(crypto, LABEL, root.id())?;
        Ok(Self::new(HmacKey::new(key.expose())))
    }

    /// A chain under this key. Derive the key from the root of trust, for this use only.
    #[must_use]
    pub fn new(key: HmacKey) -> Self {
        Self(key)
    }

    /// The chain value of a frame, `frame` being its bytes without the chain value.
    pub(super) fn link(&self, previous: &ChainValue, frame: &[u8]) -> ChainValue {
        self.0.sign(&[previous, frame])
    }
}

/// Why a segment was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is the first, or the one before was full.
    Full,
    /// Writing to the one before failed, or its end was found damaged: frames after the point
    /// where this segment goes on were never acknowledged, or are named as damaged.
    Broken,
}

/// How a segment joins the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Why this segment was begun.
    pub reason: Reason,
    /// The segment's own number.
    pub segment: u64,
    /// The sequence number of its first record.
    pub first_sequence: u64,
    /// The chain value of the last record before it.
    pub previous: ChainValue,
}

impl Header {
    /// The whole frame of this header, and its chain value.
    pub(super) fn frame(&self, key: &ChainKey) -> (Vec<u8>, ChainValue) {
        let mut out = Vec::with_capacity(HEADER_FRAME_BYTES);
        let length = u32::try_from(HEADER_PAYLOAD_BYTES).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&FrameKind::Header.bytes());
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        let reason: u16 = match self.reason {
            Reason::Full => 0,
            Reason::Broken => 1,
        };
        out.extend_from_slice(&reason.to_le_bytes());
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&self.first_sequence.to_le_bytes());
        out.extend_from_slice(&self.previous);
        let value = key.link(&self.previous, &out);
        out.extend_from_slice(&value);
        (out, value)
    }

    /// The version that a header tells which was written under this key.
    pub(super) fn version(frame: &[u8], key: &ChainKey) -> Option<u16> {
        let (prefix, rest) = frame.split_first_chunk::<PREFIX_BYTES>()?;
        let prefix = Prefix::parse(*prefix, HEADER_PAYLOAD_BYTES)?;
        let (payload, _) = rest.split_first_chunk::<HEADER_PAYLOAD_BYTES>()?;
        let previous = payload.last_chunk::<CHAIN_BYTES>()?;
        let signed = frame.get(..PREFIX_BYTES + HEADER_PAYLOAD_BYTES)?;
        let value = frame.get(signed.len()..)?.first_chunk::<CHAIN_BYTES>()?;
        let is_genuine = bulla_crypto::ct_eq(&key.link(previous, signed), value);
        let version = payload.first_chunk().copied().map(u16::from_le_bytes);
        version.filter(|_| is_genuine && prefix.kind == FrameKind::Header)
    }

    /// Reads and checks the frame of a header; answers it with its chain value. `None` if it was
    /// not written under this key, or is of another version.
    pub(super) fn open(frame: &[u8], key: &ChainKey) -> Option<(Self, ChainValue)> {
        if Self::version(frame, key)? != FORMAT_VERSION {
            return None;
        }
        let rest = frame.get(PREFIX_BYTES + 2..)?;
        let (reason, rest) = rest.split_first_chunk::<2>()?;
        let (segment, rest) = rest.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        let (previous, rest) = rest.split_first_chunk::<CHAIN_BYTES>()?;
        let (value, _) = rest.split_first_chunk::<CHAIN_BYTES>()?;
        let reason = match u16::from_le_bytes(*reason) {
            0 => Reason::Full,
            1 => Reason::Broken,
            _ => return None,
        };
        let header = Self {
            reason,
            segment: u64::from_le_bytes(*segment),
            first_sequence: u64::from_le_bytes(*first),
            previous: *previous,
        };
        Some((header, *value))
    }
}
