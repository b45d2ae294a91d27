//! The bytes of a token's claims: texts behind their length, numbers in little-endian order.

/// Writes claims.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.byte(u8::from(flag))
    }

    pub(crate) fn number(&mut self, number: i64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// A text; what is behind its 65,535th byte is lost, and then the token is too large anyway.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let end = text.floor_char_boundary(usize::from(u16::MAX));
        let bytes = text.as_bytes().get(..end).unwrap_or_default();
        self.0.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) -> &mut Self {
        self.flag(text.is_some());
        match text {
            Some(text) => self.text(text),
            None => self,
        }
    }

    /// The number of entries that follow.
    pub(crate) fn count(&mut self, entries: usize) -> &mut Self {
        self.byte(u8::try_from(entries).unwrap_or(u8::MAX))
    }

    /// The bytes, with so many zero bytes after them.
    pub(crate) fn finish(mut self, padding: usize) -> Vec<u8> {
        self.0.resize(self.0.len() + padding, 0);
        self.0
    }
}

/// Reads claims; total: any bytes give a value or nothing, within their own length.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let [byte] = self.array()?;
        Some(byte)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn number(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.array()?))
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    pub(crate) fn optional(&mut self) -> Option<Option<String>> {
        match self.flag()? {
            true => self.text().map(Some),
            false => Some(None),
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        max: u8,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.byte().filter(|count| *count <= max)?;
        (0..count).map(|_| read(self)).collect()
    }

    /// Whether nothing is left but zero bytes.
    pub(crate) fn is_padding(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}
