//! Reading CBOR (RFC 8949) as attestation documents have it: definite lengths, no floats.

/// The deepest nesting that is passed over.
const MAX_DEPTH: u8 = 8;

/// The head of an item: its major type and its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    major: u8,
    argument: u64,
}

/// Major types (RFC 8949, section 3.1).
mod major {
    pub(super) const UNSIGNED: u8 = 0;
    pub(super) const NEGATIVE: u8 = 1;
    pub(super) const BYTES: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const ARRAY: u8 = 4;
    pub(super) const MAP: u8 = 5;
    pub(super) const TAG: u8 = 6;
    pub(super) const SIMPLE: u8 = 7;
}

/// `null`, as a simple value.
const NULL: u64 = 22;

/// Reads items one after the other. Every method gives nothing when the next item is another.
pub(super) struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    pub(super) fn new(bytes: &'d [u8]) -> Self {
        Self(bytes)
    }

    fn head(&mut self) -> Option<Head> {
        let (&first, rest) = self.0.split_first()?;
        let (major, short) = (first >> 5, first & 0x1f);
        let (argument, rest) = match short {
            0..=23 => (u64::from(short), rest),
            24..=27 => {
                let (digits, rest) = rest.split_at_checked(1 << (short - 24))?;
                (digits.iter().fold(0, |all, digit| all << 8 | u64::from(*digit)), rest)
            }
            _ => return None,
        };
        self.0 = rest;
        Some(Head { major, argument })
    }

    fn expect(&mut self, major: u8) -> Option<u64> {
        let before = self.0;
        let head = self.head().filter(|head| head.major == major);
        if head.is_none() {
            self.0 = before;
        }
        head.map(|head| head.argument)
    }

    fn slice(&mut self, major: u8) -> Option<&'d [u8]> {
        let len = usize::try_from(self.expect(major)?).ok()?;
        let (contents, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(contents)
    }

    pub(super) fn unsigned(&mut self) -> Option<u64> {
        self.expect(major::UNSIGNED)
    }

    /// Minus one minus the argument is the number; this gives the argument.
    pub(super) fn negative(&mut self) -> Option<u64> {
        self.expect(major::NEGATIVE)
    }

    pub(super) fn bytes(&mut self) -> Option<&'d [u8]> {
        self.slice(major::BYTES)
    }

    pub(super) fn text(&mut self) -> Option<&'d str> {
        std::str::from_utf8(self.slice(major::TEXT)?).ok()
    }

    /// The number of items that follow.
    pub(super) fn array(&mut self) -> Option<u64> {
        self.expect(major::ARRAY)
    }

    /// The number of pairs that follow.
    pub(super) fn map(&mut self) -> Option<u64> {
        self.expect(major::MAP)
    }

    pub(super) fn tag(&mut self) -> Option<u64> {
        self.expect(major::TAG)
    }

    /// Passes over a null, if there is one.
    pub(super) fn null(&mut self) -> bool {
        let before = self.0;
        let found = self.expect(major::SIMPLE) == Some(NULL);
        if !found {
            self.0 = before;
        }
        found
    }

    /// Passes over the next item, whatever it is.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: u8) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let Head { major, argument } = self.head()?;
        let items = match major {
            major::BYTES | major::TEXT => {
                let len = usize::try_from(argument).ok()?;
                self.0 = self.0.split_at_checked(len)?.1;
                0
            }
            major::ARRAY => argument,
            major::MAP => argument.checked_mul(2)?,
            major::TAG => 1,
            _ => 0,
        };
        for _ in 0..items {
            self.skip_at(depth.saturating_add(1))?;
        }
        Some(())
    }

    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a byte string, its length in the shortest form (RFC 8949, section 4.2.1), as it is in
/// what was signed.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let head = major::BYTES << 5;
    let len = bytes.len();
    if let Ok(short @ 0..=23) = u8::try_from(len) {
        out.push(head | short);
    } else if let Ok(len) = u8::try_from(len) {
        out.extend_from_slice(&[head | 24, len]);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(head | 25);
        out.extend_from_slice(&len.to_be_bytes());
    } else if let Ok(len) = u32::try_from(len) {
        out.push(head | 26);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(head | 27);
        out.extend_from_slice(&len.to_be_bytes());
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_in_their_order() {
        let bytes = [0x83, 0x18, 0xff, 0x42, 1, 2, 0xa1, 0x61, b'k', 0xf6];
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.map(), None);
        assert_eq!(reader.array(), Some(3));
        assert_eq!(reader.unsigned(), Some(255));
        assert_eq!(reader.bytes(), Some(&[1, 2][..]));
        assert_eq!((reader.map(), reader.text()), (Some(1), Some("k")));
        assert!(reader.null() && reader.is_done());
        let mut all = Reader::new(&bytes);
        assert!(all.skip().is_some() && all.is_done());
    }

    #[test]
    fn what_is_cut_or_nests_without_end_is_refused() {
        let bytes = [0x83, 0x18, 0xff, 0x42, 1, 2, 0xa1, 0x61, b'k', 0xf6];
        for len in 0..bytes.len() {
            assert_eq!(Reader::new(&bytes[..len]).skip(), None, "{len}");
        }
        assert_eq!(Reader::new(&[0x81; 100]).skip(), None);
        assert_eq!(Reader::new(&[0x9f, 0xff]).skip(), None);
        assert_eq!(Reader::new(&[0x5b, 255, 255, 255, 255, 255, 255, 255, 255]).skip(), None);
        assert_eq!(Reader::new(&[0xbb, 255, 255, 255, 255, 255, 255, 255, 255]).skip(), None);
    }
}
