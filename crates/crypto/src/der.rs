//! Writing DER (X.690), and reading the few structures that keys are wrapped in.

/// Tags, as they stand in the first byte.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OBJECT: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;

    /// A constructed, context-specific tag.
    pub(crate) const fn explicit(number: u8) -> u8 {
        0xa0 | number
    }

    /// A primitive, context-specific tag.
    pub(crate) const fn implicit(number: u8) -> u8 {
        0x80 | number
    }
}

/// One element of these concatenated contents. What holds a secret must be wiped by its owner;
/// nothing of it is left behind here, as the whole length is reserved first.
pub(crate) fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let len = contents.iter().map(|part| part.len()).sum::<usize>();
    let digits = len.to_be_bytes();
    let mut out = Vec::with_capacity(len.saturating_add(digits.len()).saturating_add(2));
    out.push(tag);
    match u8::try_from(len) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            let significant: Vec<u8> =
                digits.iter().copied().skip_while(|digit| *digit == 0).collect();
            // INVARIANT: a length has at most eight digits.
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            out.extend_from_slice(&significant);
        }
    }
    for part in contents {
        out.extend_from_slice(part);
    }
    out
}

/// Reads elements one after the other.
pub(crate) struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    pub(crate) fn new(der: &'d [u8]) -> Self {
        Self(der)
    }

    /// The contents of the next element, which must have this tag; nothing if it has not, or if
    /// its length is not in DER.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        let (&[found, first], rest) = self.0.split_first_chunk::<2>()?;
        if found != tag {
            return None;
        }
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let len = digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit));
                let shortest = digits.first() != Some(&0) && len > 0x7f;
                (Some(len).filter(|_| shortest)?, rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(contents)
    }

    /// Whether everything was read.
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_whatever_its_length() {
        for len in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000] {
            let contents = vec![7; len];
            let written = element(tag::OCTET_STRING, &[&contents]);
            let mut reader = Reader::new(&written);
            assert_eq!(reader.take(tag::OCTET_STRING), Some(contents.as_slice()));
            assert!(reader.is_done());
            assert_eq!(Reader::new(&written).take(tag::SEQUENCE), None);
            assert_eq!(Reader::new(&written[..written.len() - 1]).take(tag::OCTET_STRING), None);
        }
    }

    #[test]
    fn lengths_that_are_not_the_shortest_are_refused() {
        for written in [
            &[4, 0x81, 1, 0][..],
            &[4, 0x82, 0, 0x80],
            &[4, 0x80, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 1, 0],
            &[4],
            &[],
        ] {
            assert_eq!(Reader::new(written).take(tag::OCTET_STRING), None, "{written:?}");
        }
    }
}
