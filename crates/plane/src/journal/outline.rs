//! What is known of a packed record without what it refers to: when it was, its ids, and which
//! others it is like.
//!
//! A segment has each text once, and later records refer to it. So two records that refer to the
//! same texts are alike in them, and nobody has to read these to know.

use super::encoding::{self, ALIKE, METERED};
use super::pack::{Head, Input, MIN_SHARED_BYTES, Token, Unreadable};

/// What is known of a packed record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outline {
    pub(super) time_ms: i64,
    pub(super) event_id: [u8; 16],
    pub(super) request_id: Option<[u8; 16]>,
    /// How many units were metered.
    pub(super) units: Option<u64>,
    /// None where no other record can be told to be like it.
    pub(super) likeness: Option<Likeness>,
    /// Whether it has texts that later records may refer to.
    pub(super) is_source: bool,
}

/// What records of a segment have in common that are alike: their flags, which blocks they have,
/// and those of [`ALIKE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Likeness {
    flags: u16,
    present: u16,
    /// Where the segment has the text of each block: the record's number, and the how manieth of
    /// its shared texts it is. Zero where the block is not there, and the text itself where it is
    /// too short to be referred to.
    texts: [u64; ALIKE.len()],
}

/// How many of a record's texts can be referred to, and one more, as a power of two.
const NUMBER_BITS: u32 = 8;

/// What stands for the place of the access key of a session that was made for the call: no text is
/// there.
const SESSION_KEY: u64 = u64::MAX;

/// Reads the outline of the record with the number `sequence`; none of bytes that are as they are.
pub(super) fn outline(packed: &[u8], sequence: u64) -> Result<Option<Outline>, Unreadable> {
    let mut input = Input(packed);
    let Some(head) = Head::read(&mut input)? else { return Ok(None) };
    let ids = encoding::ids(head.flags, head.ids).ok_or(Unreadable::Malformed)?;
    let (event_id, request_id, _) = ids;
    let mut walk = Walk { input, head: &head, sequence, shared: 0 };
    let (mut texts, mut units) = ([0; ALIKE.len()], None);
    let mut can_be_alike = true;
    for number in encoding::numbers(head.present) {
        let block = walk.block()?;
        if number == METERED {
            units = block.units();
            can_be_alike &= units.is_some();
        }
        let which = ALIKE.iter().position(|alike| *alike == number);
        if let Some(text) = which.and_then(|which| texts.get_mut(which)) {
            match block {
                Block::Shared(place) => *text = place,
                Block::Own(own) => match short(own) {
                    Some(itself) => *text = itself,
                    None => can_be_alike = false,
                },
            }
        }
    }
    let is_source = walk.shared > 0;
    let Head { flags, present, time_ms, .. } = head;
    let likeness = can_be_alike.then_some(Likeness { flags, present, texts });
    Ok(Some(Outline { time_ms, event_id, request_id, units, likeness, is_source }))
}

/// A text that is too short to be referred to, as a number that is neither a place nor
/// [`SESSION_KEY`].
fn short(text: &[u8]) -> Option<u64> {
    let is_short = text.len() < MIN_SHARED_BYTES;
    let number = || text.iter().fold(1, |number, byte| number << 8 | u64::from(*byte)) | 1 << 63;
    is_short.then(number)
}

/// What stands for a block.
enum Block<'a> {
    /// A text that others have or can have too, and where.
    Shared(u64),
    /// One that no other refers to.
    Own(&'a [u8]),
}

impl Block<'_> {
    fn units(&self) -> Option<u64> {
        match self {
            Self::Own(text) => encoding::units(str::from_utf8(text).ok()?),
            Self::Shared(_) => None,
        }
    }
}

/// Goes from block to block.
struct Walk<'a> {
    input: Input<'a>,
    head: &'a Head<'a>,
    sequence: u64,
    /// How many of the record's own texts that can be referred to were passed.
    shared: u64,
}

impl<'a> Walk<'a> {
    fn token(&mut self) -> Result<Token<'a>, Unreadable> {
        let token = self.input.token()?;
        self.shared += u64::from(token.is_shared());
        Ok(token)
    }

    fn block(&mut self) -> Result<Block<'a>, Unreadable> {
        let number = self.shared;
        let token = self.token()?;
        let place = |sequence: u64, number: u64| (sequence << NUMBER_BITS) | number;
        Ok(match token {
            Token::Text(text, false) => Block::Own(text),
            Token::Reference(frame, number) => {
                let before = self.head.frames.get(frame)?.before;
                let of = self.sequence.checked_sub(before).filter(|_| before > 0);
                Block::Shared(place(of.ok_or(Unreadable::Malformed)?, number.into()))
            }
            Token::Pieces(count) => {
                // What is between the values, and the values.
                for _ in 0..=count {
                    if let Token::Pieces(_) = self.token()? {
                        return Err(Unreadable::Malformed);
                    }
                }
                Block::Shared(place(self.sequence, number))
            }
            Token::SessionKey => Block::Shared(SESSION_KEY),
            Token::Text(_, true) | Token::Uuid(_) => Block::Shared(place(self.sequence, number)),
        })
    }
}
