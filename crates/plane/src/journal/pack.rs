//! Records as a segment has them: what an earlier record of the segment has is only referred to.
//!
//! ```text
//! packed = version u8 | flags u16 | present u16 | time | ids | session's creation? | count u8
//!          | count frames | tokens
//!        | 0 u8 | bytes                                          (anything else, as it is)
//! frame  = distance | records before
//! token  = length << 2     | bytes                               a text
//!        | length << 2 | 1 | bytes                               the same, to be referred to
//!        | frame << 2 | 2 | number u8                            a text that is referred to
//!        | 3 | 16 bytes                                          a UUID, to be referred to
//!        | 11                                                    the key of the call's own session
//!        | count << 3 | 7 | token | count tokens                 JSON, to be referred to
//! ```
//! Numbers are varints (LEB128), signed ones in zigzag. The time is told from [`EPOCH_MS`] on, a
//! session's creation from the record's time back. A token stands for each block of a record, see
//! `encoding.rs`. JSON is cut into its values and what is between them, in which a zero byte
//! stands for each value. The key of a session that was made for the call follows from the event's
//! id (`session_key.rs`). Frames are those that are referred to: how many bytes before this one
//! they begin, and which record they must hold, so that none that was put in its place is taken for
//! it. A reference names one of them, and the how manieth of its texts to be referred to is meant.
//!
//! So a segment is read alone, a record with the few before it that it refers to, and whoever
//! writes has nothing to recover: it may forget what it wrote, and writes it again.

use std::ops::Range;

use super::encoding::{self, ACCESS_KEY, ENCODING_VERSION, FIRST_JSON, Parts};
use super::json;
use super::session_key::{is_session_key, session_key};

/// 2026-01-01, from which times are told, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_767_225_600_000;
/// How far back a record refers, 2 MiB: a damaged record makes none unreadable beyond that.
pub(super) const REACH_BYTES: u64 = 2 << 20;
/// How often a text is referred to before it is written again: with a record that is damaged so
/// many are lost for each of its texts at most, and those that refer to JSON among them. It costs
/// less than a byte in a hundred.
pub(super) const MAX_REFERENCES: u32 = 256;
/// The shortest text that is referred to: a reference takes about as much.
pub(super) const MIN_SHARED_BYTES: usize = 6;
/// The longest.
const MAX_SHARED_BYTES: usize = 2048;
/// The most texts of a record that can be referred to.
const MAX_SHARED: usize = 255;
/// The most frames that a record refers to.
const MAX_FRAMES: usize = 255;
/// The most values that JSON is cut into.
const MAX_VALUES: usize = 64;
/// Sets of known texts, each of [`WAYS`]; the one that was not needed for longest is forgotten.
const SETS: usize = 2048;
const WAYS: usize = 4;
/// The texts that became known since all were forgotten, 2 MiB; once there are more, all are again.
const KNOWN_BYTES: usize = 2 << 20;

const OPAQUE: u8 = 0;
const REFERENCE: u64 = 2;
const SHARED: u64 = 1;
const UUID: u64 = 3;
const PIECES: u64 = 7;
const SESSION_KEY: u64 = 11;

/// Why a packed record can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is none.
    Malformed,
    /// What it refers to is not there any more, or was altered.
    Lost,
}

/// Whether a text is JSON that was cut up, or as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Json,
}

/// Where a record stands: its number, and where its frame begins in the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) sequence: u64,
    pub(super) offset: u64,
}

/// A text that an earlier record has.
struct Known {
    hash: u64,
    at: At,
    number: u8,
    /// How often it was referred to.
    references: u32,
    kind: Kind,
    /// Where it stands in [`Packer::texts`].
    text: Range<usize>,
}

/// What the end of a segment can refer to.
#[derive(Default)]
pub(super) struct Packer {
    sets: Vec<[Option<Known>; WAYS]>,
    /// The known texts and those that were, one behind the other: blocks of memory of their own,
    /// which come and go at different times, would leave holes among those of the calls.
    texts: Vec<u8>,
    /// What the record that is packed can be referred to for.
    fresh: Vec<Known>,
    /// What it refers to.
    frames: Vec<At>,
    tokens: Vec<u8>,
    /// Whether the text that was looked for last was referred to too often.
    is_worn: bool,
}

impl Packer {
    /// Forgets everything: another segment begins.
    pub(super) fn clear(&mut self) {
        self.sets.clear();
        self.texts.clear();
    }

    /// How many bytes of texts are kept.
    #[cfg(test)]
    pub(super) fn known_bytes(&self) -> usize {
        self.texts.len()
    }

    /// Appends the packed form of a record that is to stand there.
    pub(super) fn pack(&mut self, record: &[u8], at: At, out: &mut Vec<u8>) {
        if self.texts.len() > KNOWN_BYTES {
            self.clear();
        }
        let (start, known) = (out.len(), self.texts.len());
        self.fresh.clear();
        self.frames.clear();
        self.tokens.clear();
        let is_packed = self.try_pack(record, at, out).is_some();
        if is_packed && out.len() - start <= record.len() {
            return self.remember();
        }
        self.texts.truncate(known);
        out.truncate(start);
        out.push(OPAQUE);
        out.extend_from_slice(record);
    }

    fn try_pack(&mut self, record: &[u8], at: At, out: &mut Vec<u8>) -> Option<()> {
        let mut parts = Parts::of(record).ok()?;
        out.push(ENCODING_VERSION);
        out.extend_from_slice(&parts.flags.to_le_bytes());
        out.extend_from_slice(&parts.present.to_le_bytes());
        put_signed(parts.time_ms.wrapping_sub(EPOCH_MS), out);
        out.extend_from_slice(parts.ids);
        if let Some(created_ms) = parts.created_ms {
            put_signed(parts.time_ms.wrapping_sub(created_ms), out);
        }
        for number in encoding::numbers(parts.present) {
            let block = parts.block().ok()?;
            if number == ACCESS_KEY && parts.event_id().is_some_and(|id| is_session_key(block, id))
            {
                put_number(SESSION_KEY, &mut self.tokens);
            } else if number >= FIRST_JSON {
                self.put_json(block, at);
            } else {
                self.put_text(block, at);
            }
        }
        out.push(u8::try_from(self.frames.len()).ok()?);
        for frame in &self.frames {
            put_number(at.offset.checked_sub(frame.offset)?, out);
            put_number(at.sequence.checked_sub(frame.sequence)?, out);
        }
        out.extend_from_slice(&self.tokens);
        parts.is_done().then_some(())
    }

    fn put_text(&mut self, text: &[u8], at: At) {
        if !self.put_reference(Kind::Plain, text, at) {
            self.put_own(text, at);
        }
    }

    /// Writes a text, whoever has it already.
    fn put_own(&mut self, text: &[u8], at: At) {
        let is_shared = self.share(Kind::Plain, text, at);
        match json::parse_uuid(text).filter(|_| is_shared) {
            Some(id) => {
                put_number(UUID, &mut self.tokens);
                self.tokens.extend_from_slice(&id);
            }
            None => {
                let length = (text.len() as u64) << 2;
                put_number(length | (u64::from(is_shared) * SHARED), &mut self.tokens);
                self.tokens.extend_from_slice(text);
            }
        }
    }

    fn put_json(&mut self, text: &[u8], at: At) {
        self.is_worn = false;
        if self.put_reference(Kind::Json, text, at) {
            return;
        }
        // Those that will refer to it would depend on what its parts refer to, too.
        let put = if self.is_worn { Self::put_own } else { Self::put_text };
        let cut = json::cut(text, MIN_SHARED_BYTES)
            .filter(|cut| cut.values.len() <= MAX_VALUES && self.share(Kind::Json, text, at));
        let Some(cut) = cut else { return self.put_text(text, at) };
        put_number((cut.values.len() as u64) << 3 | PIECES, &mut self.tokens);
        put(self, &cut.between, at);
        for value in cut.values {
            put(self, value, at);
        }
    }

    /// Refers to a text, if an earlier record has it.
    fn put_reference(&mut self, kind: Kind, text: &[u8], at: At) -> bool {
        let Some((earlier, number)) = self.find(kind, text) else { return false };
        let distance = at.offset.saturating_sub(earlier.offset);
        if distance == 0 || distance > REACH_BYTES {
            return false;
        }
        let frame = self.frames.iter().position(|frame| *frame == earlier);
        let frame = frame.unwrap_or_else(|| {
            self.frames.push(earlier);
            self.frames.len() - 1
        });
        if frame >= MAX_FRAMES {
            self.frames.truncate(MAX_FRAMES);
            return false;
        }
        put_number((frame as u64) << 2 | REFERENCE, &mut self.tokens);
        self.tokens.push(number);
        true
    }

    /// Which record has a text, and as the how manieth.
    fn find(&mut self, kind: Kind, text: &[u8]) -> Option<(At, u8)> {
        if !(MIN_SHARED_BYTES..=MAX_SHARED_BYTES).contains(&text.len()) {
            return None;
        }
        let hash = hash(kind, text);
        let (set, texts) = (self.sets.get_mut(set_of(hash))?, &self.texts);
        let is_it = |known: &Known| {
            known.hash == hash
                && known.kind == kind
                && texts.get(known.text.clone()).is_some_and(|known| known == text)
        };
        let found = set.iter().position(|way| way.as_ref().is_some_and(is_it))?;
        // The one that was needed last comes first.
        set.get_mut(..=found)?.rotate_right(1);
        let known = set.first_mut()?.as_mut()?;
        known.references += 1;
        self.is_worn = known.references > MAX_REFERENCES;
        (!self.is_worn).then_some((known.at, known.number))
    }

    /// Has a text of this record be known to later ones, if it is worth that.
    fn share(&mut self, kind: Kind, text: &[u8], at: At) -> bool {
        let number = self.fresh.len();
        if !(MIN_SHARED_BYTES..=MAX_SHARED_BYTES).contains(&text.len()) || number >= MAX_SHARED {
            return false;
        }
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        let (hash, start) = (hash(kind, text), self.texts.len());
        self.texts.extend_from_slice(text);
        let text = start..self.texts.len();
        self.fresh.push(Known { hash, at, number, references: 0, kind, text });
        true
    }

    fn remember(&mut self) {
        if self.sets.is_empty() && !self.fresh.is_empty() {
            self.sets.resize_with(SETS, Default::default);
        }
        for known in self.fresh.drain(..) {
            let Some(set) = self.sets.get_mut(set_of(known.hash)) else { continue };
            let may_go = |way: &Option<Known>| {
                let other = way.as_ref();
                other.is_none_or(|way| way.hash == known.hash && way.kind == known.kind)
            };
            // An older place of the same text goes, else what was not needed for longest.
            let at = set.iter().position(may_go).unwrap_or(WAYS - 1);
            if let Some(newer) = set.get_mut(..=at) {
                newer.rotate_right(1);
            }
            if let Some(first) = set.first_mut() {
                *first = Some(known);
            }
        }
    }
}

fn set_of(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or_default() % SETS
}

/// A quick hash. Whoever makes texts meet on purpose has them written again, and is told nothing.
fn hash(kind: Kind, text: &[u8]) -> u64 {
    // An odd number without a pattern.
    const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;
    let mix = |state: u64, word: u64| {
        let wide = u128::from(state ^ word) * u128::from(FACTOR);
        let high = u64::try_from(wide >> 64).unwrap_or_default();
        // INVARIANT: the low half of a number of 128 bits fits in 64.
        let low = u64::try_from(wide & u128::from(u64::MAX)).unwrap_or_default();
        (low ^ high).rotate_left(23)
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let start = mix(text.len() as u64, kind as u64);
    let state = words.iter().fold(start, |state, word| mix(state, u64::from_le_bytes(*word)));
    mix(mix(state, u64::from_le_bytes(last)), FACTOR)
}

fn put_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        // INVARIANT: seven bits fit in a byte.
        out.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or_default());
}

fn put_signed(number: i64, out: &mut Vec<u8>) {
    put_number((number << 1 ^ number >> 63).cast_unsigned(), out);
}

/// A record that is referred to, seen from the one that refers to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earlier {
    /// How many bytes before it its frame begins.
    pub(super) distance: u64,
    /// How many records before it it is.
    pub(super) before: u64,
}

/// Where the texts are found that a record refers to.
pub(super) trait Shared {
    /// Why a text could not be had: [`Unreadable`], or what the environment answers.
    type Error: From<Unreadable>;

    /// Appends the text with this number of an earlier record.
    ///
    /// # Errors
    /// If it can't be had.
    fn text(&mut self, of: Earlier, number: u8, out: &mut Vec<u8>) -> Result<(), Self::Error>;
}

/// Appends the record that was packed; total: any bytes give one or an error.
///
/// # Errors
/// If these bytes are no packed record, or what it refers to can't be had.
pub(super) fn unpack<S: Shared>(
    packed: &[u8],
    shared: &mut S,
    out: &mut Vec<u8>,
) -> Result<(), S::Error> {
    let mut input = Input(packed);
    let Some(head) = Head::read(&mut input)? else {
        out.extend_from_slice(input.0);
        return Ok(());
    };
    encoding::put_head(&[ENCODING_VERSION], (head.flags, head.present), head.time_ms, out);
    out.extend_from_slice(head.ids);
    out.extend(head.created_ms.map(i64::to_le_bytes).into_iter().flatten());
    for _ in encoding::numbers(head.present) {
        let mut done = Ok(());
        encoding::put_block(out, |out| {
            done = put_next(&mut input, &head, true, shared, out);
        });
        done?;
    }
    if input.0.is_empty() { Ok(()) } else { Err(Unreadable::Malformed.into()) }
}

/// The time of a packed record, in milliseconds since 1970.
pub(super) fn time_ms(packed: &[u8]) -> Option<i64> {
    match Head::read(&mut Input(packed)) {
        Ok(Some(head)) => Some(head.time_ms),
        Ok(None) => encoding::decode(packed.get(1..)?).ok().map(|record| record.time_ms),
        Err(_) => None,
    }
}

/// Appends a text of a record that another record refers to.
///
/// # Errors
/// As [`unpack`], and if there is no such text. JSON is none where `may_be_json` is not set: so a
/// reference leads to a text in two steps at most.
pub(super) fn put_shared<S: Shared>(
    packed: &[u8],
    number: u8,
    may_be_json: bool,
    shared: &mut S,
    out: &mut Vec<u8>,
) -> Result<(), S::Error> {
    let mut input = Input(packed);
    let Some(head) = Head::read(&mut input)? else { return Err(Unreadable::Malformed.into()) };
    let mut left = number;
    while !input.0.is_empty() {
        let before = input;
        if !input.token()?.is_shared() {
            continue;
        }
        if left == 0 {
            let mut at = before;
            return put_next(&mut at, &head, may_be_json, shared, out);
        }
        left -= 1;
    }
    Err(Unreadable::Malformed.into())
}

/// Appends what the next token stands for.
fn put_next<S: Shared>(
    input: &mut Input<'_>,
    head: &Head<'_>,
    may_be_json: bool,
    shared: &mut S,
    out: &mut Vec<u8>,
) -> Result<(), S::Error> {
    match input.token()? {
        Token::Text(text, _) => out.extend_from_slice(text),
        Token::Uuid(id) => json::put_uuid(id, out),
        Token::SessionKey => out.extend(head.event_id().map(session_key).into_iter().flatten()),
        Token::Reference(frame, number) => {
            shared.text(head.frames.get(frame)?, number, out)?;
        }
        Token::Pieces(count) if may_be_json => {
            let mut between = Vec::new();
            put_next(input, head, false, shared, &mut between)?;
            if between.iter().filter(|byte| **byte == json::HOLE).count() as u64 != count {
                return Err(Unreadable::Malformed.into());
            }
            for byte in between {
                match byte {
                    json::HOLE => put_next(input, head, false, shared, out)?,
                    byte => out.push(byte),
                }
            }
        }
        Token::Pieces(_) => return Err(Unreadable::Malformed.into()),
    }
    Ok(())
}

/// What is in front of a packed record's tokens.
pub(super) struct Head<'a> {
    pub(super) flags: u16,
    pub(super) present: u16,
    pub(super) time_ms: i64,
    pub(super) ids: &'a [u8],
    created_ms: Option<i64>,
    pub(super) frames: Frames<'a>,
}

impl<'a> Head<'a> {
    /// Reads it; none in front of bytes that are as they are.
    pub(super) fn read(input: &mut Input<'a>) -> Result<Option<Self>, Unreadable> {
        let [version] = input.array()?;
        match version {
            OPAQUE => return Ok(None),
            ENCODING_VERSION => {}
            _ => return Err(Unreadable::Malformed),
        }
        let flags = u16::from_le_bytes(input.array()?);
        let present = u16::from_le_bytes(input.array()?);
        if !encoding::is_known(flags, present) {
            return Err(Unreadable::Malformed);
        }
        let time_ms = input.signed()?.wrapping_add(EPOCH_MS);
        let (ids, has_created) = encoding::fixed(flags);
        let ids = input.bytes(ids as u64)?;
        let created_ms = has_created.then(|| input.signed()).transpose()?;
        let created_ms = created_ms.map(|before| time_ms.wrapping_sub(before));
        let [count] = input.array()?;
        let frames = Frames { count, input: *input };
        for _ in 0..count {
            input.earlier()?;
        }
        Ok(Some(Self { flags, present, time_ms, ids, created_ms, frames }))
    }

    fn event_id(&self) -> Option<[u8; 16]> {
        self.ids.first_chunk().copied()
    }
}

/// The frames that a record refers to. They are few, and looked for where they stand.
#[derive(Clone, Copy)]
pub(super) struct Frames<'a> {
    count: u8,
    input: Input<'a>,
}

impl Frames<'_> {
    pub(super) fn get(self, number: u64) -> Result<Earlier, Unreadable> {
        let mut input = self.input;
        for _ in 0..number.min(self.count.into()) {
            input.earlier()?;
        }
        if number < self.count.into() { input.earlier() } else { Err(Unreadable::Malformed) }
    }
}

pub(super) enum Token<'a> {
    /// And whether it can be referred to.
    Text(&'a [u8], bool),
    Uuid([u8; 16]),
    Reference(u64, u8),
    Pieces(u64),
    /// The access key of the session that was made for the call.
    SessionKey,
}

impl Token<'_> {
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::Text(_, true) | Self::Uuid(_) | Self::Pieces(_))
    }
}

/// What is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Unreadable::Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], Unreadable> {
        let length = usize::try_from(length).map_err(|_| Unreadable::Malformed)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Unreadable::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unreadable::Malformed)
    }

    fn signed(&mut self) -> Result<i64, Unreadable> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn earlier(&mut self) -> Result<Earlier, Unreadable> {
        Ok(Earlier { distance: self.number()?, before: self.number()? })
    }

    pub(super) fn token(&mut self) -> Result<Token<'a>, Unreadable> {
        let number = self.number()?;
        Ok(match number & 3 {
            REFERENCE => {
                let [which] = self.array()?;
                Token::Reference(number >> 2, which)
            }
            0 | SHARED => Token::Text(self.bytes(number >> 2)?, number & SHARED != 0),
            _ if number == UUID => Token::Uuid(self.array()?),
            _ if number == SESSION_KEY => Token::SessionKey,
            _ if number & PIECES == PIECES => Token::Pieces(number >> 3),
            _ => return Err(Unreadable::Malformed),
        })
    }
}
