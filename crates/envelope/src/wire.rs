//! Reading and writing the format's integers and counted fields, all big endian.

/// Bytes yet to be read. Each method gives nothing, and reads nothing, when too few are left.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Bytes behind their length in 16 bits.
    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let len = ahead.u16()?;
        let bytes = ahead.take(usize::from(len))?;
        *self = ahead;
        Some(bytes)
    }
}

/// Appends `bytes` behind their length in 16 bits. False, with nothing written, if they are longer.
#[must_use]
pub(crate) fn put_counted(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let Ok(len) = u16::try_from(bytes.len()) else { return false };
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_reads_nothing() {
        let mut reader = Reader(&[0, 3, 1, 2]);
        assert_eq!(reader.counted(), None);
        assert_eq!(reader.0.len(), 4);
        assert_eq!(reader.u32(), Some(0x0003_0102));
        assert_eq!((reader.u8(), reader.u16(), reader.u64()), (None, None, None));
    }

    #[test]
    fn counted_fields_lead_back() {
        let mut out = Vec::new();
        assert!(put_counted(&mut out, b"abc"));
        assert!(!put_counted(&mut out, &vec![0; 65536]));
        let mut reader = Reader(&out);
        assert_eq!(reader.counted(), Some(&b"abc"[..]));
        assert!(reader.0.is_empty());
    }
}
