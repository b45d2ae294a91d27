//! MD5 (RFC 1321), which AWS names its public keys with. Nothing rests on it: who trusts a key
//! trusts whom it has the key from.

const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
const BLOCK: usize = 64;

/// The digest of a message.
pub(crate) fn digest(message: &[u8]) -> [u8; 16] {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % BLOCK != BLOCK - 8 {
        padded.push(0);
    }
    let bits = (message.len() as u64).wrapping_mul(8);
    padded.extend_from_slice(&bits.to_le_bytes());
    let mut state = START;
    let (blocks, _) = padded.as_chunks::<BLOCK>();
    for block in blocks {
        mix(&mut state, block);
    }
    let mut out = [0; 16];
    let (words, _) = out.as_chunks_mut::<4>();
    for (to, word) in words.iter_mut().zip(state) {
        *to = word.to_le_bytes();
    }
    out
}

fn mix(state: &mut [u32; 4], block: &[u8; BLOCK]) {
    let (bytes, _) = block.as_chunks::<4>();
    let word = |at: usize| bytes.get(at % 16).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..BLOCK {
        let (round, at) = (step / 16, step % 16);
        let (mixed, number) = match round {
            0 => ((b & c) | (!b & d), at),
            1 => ((d & b) | (!d & c), 5 * at + 1),
            2 => (b ^ c ^ d, 3 * at + 5),
            _ => (c ^ (b | !d), 7 * at),
        };
        let shift = SHIFTS.get(round).and_then(|shifts| shifts.get(step % 4)).copied();
        let sum = a.wrapping_add(mixed).wrapping_add(constant(step)).wrapping_add(word(number));
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(shift.unwrap_or_default()));
    }
    for (to, more) in state.iter_mut().zip([a, b, c, d]) {
        *to = to.wrapping_add(more);
    }
}

/// The whole part of 2^32 times the sine of the step's number, which a double holds exactly enough.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "RFC 1321 defines the constants so; each is below 2^32"
)]
fn constant(step: usize) -> u32 {
    (((step + 1) as f64).sin().abs() * 4_294_967_296.0).floor() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1321, appendix A.5.
    #[test]
    fn the_rfcs_answers() {
        for (message, expected) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            assert_eq!(bulla_crypto::hex::encode(&digest(message.as_bytes())), expected);
        }
    }
}
