//! What was dropped from the journal on purpose, told apart from what somebody removed.
//!
//! Only whole segments go, the oldest first. Before they do, the medium remembers up to which, with
//! a value that only the holder of the chain's key can make. Without it a missing segment is named
//! as missing; an old one of it, put back, makes nothing look right that is not.

use std::io;

use super::chain::{ChainKey, HEADER_FRAME_BYTES};
use super::medium::Medium;
use super::pack;
use super::scan::{read_from, read_header};
use super::{MAX_FRAME_PAYLOAD_BYTES, scan};

/// What the proof is made for, so that no link of the chain is one.
const PURPOSE: &[u8] = b"bulla/journal/dropped/v1";

fn proof(key: &ChainKey, segment: u64) -> [u8; 32] {
    key.link(&[0; 32], &[PURPOSE, &segment.to_le_bytes()].concat())
}

/// The oldest segment that ought to be there.
pub(super) fn oldest(medium: &dyn Medium, key: &ChainKey) -> io::Result<u64> {
    let Some((segment, given)) = medium.dropped()? else { return Ok(medium.oldest()) };
    let holds = bulla_crypto::ct_eq(&proof(key, segment), &given);
    Ok(if holds { segment } else { medium.oldest() })
}

/// Drops the segments all of whose records are older than `before_ms`, and before the record with
/// the number `before`. Answers the oldest segment that is left, if any went.
pub(super) fn retain(
    medium: &dyn Medium,
    key: &ChainKey,
    before_ms: i64,
    before: u64,
) -> io::Result<Option<u64>> {
    let segments = medium.list()?;
    let mut keep = None;
    for (old, next) in segments.iter().zip(segments.iter().skip(1)) {
        // A segment goes once the next begins early enough; what is damaged stays, and is named.
        if read_header(medium, *old, key)?.is_none() {
            break;
        }
        let Some(begins) = begin(medium, key, *next)? else { break };
        if begins.time_ms >= before_ms || begins.sequence > before {
            break;
        }
        keep = Some(*next);
    }
    let Some(segment) = keep else { return Ok(None) };
    medium.drop_before(segment, &proof(key, segment))?;
    Ok(Some(segment))
}

/// With what a segment begins.
struct Begins {
    sequence: u64,
    time_ms: i64,
}

fn begin(medium: &dyn Medium, key: &ChainKey, segment: u64) -> io::Result<Option<Begins>> {
    let Some((header, chain)) = read_header(medium, segment, key)? else { return Ok(None) };
    let most = (MAX_FRAME_PAYLOAD_BYTES + super::chain::FRAME_OVERHEAD) as u64;
    let bytes = read_from(medium, segment, HEADER_FRAME_BYTES as u64, most)?;
    let first = header.first_sequence;
    let mut walk = scan::Scan::new(key, &bytes, chain, first, MAX_FRAME_PAYLOAD_BYTES);
    let scan::Step::Record { sequence, bytes, .. } = walk.step_live() else { return Ok(None) };
    Ok(pack::time_ms(bytes).map(|time_ms| Begins { sequence, time_ms }))
}
