//! Events as a Parquet file, as far as that takes: flat columns, plain values, gzip pages.
//!
//! The format is that of <https://parquet.apache.org/docs/file-format/>; its headers are in Thrift's
//! compact protocol. Rows are held in memory until a group of them is complete.

use std::io::{self, Write};

use crate::deliver::gzip;

const MAGIC: &[u8; 4] = b"PAR1";
/// The most rows of a group.
const GROUP_ROWS: usize = 50_000;
/// How many bytes of values end a group.
const GROUP_BYTES: usize = 32 << 20;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// A whole number.
    Number,
    /// Milliseconds since 1970.
    Millis,
    /// A truth.
    Truth,
}

impl Kind {
    /// `Type` of the format.
    fn physical(self) -> i64 {
        match self {
            Self::Truth => 0,
            Self::Number | Self::Millis => 2,
            Self::Text => 6,
        }
    }

    /// `ConvertedType` of the format.
    fn converted(self) -> Option<i64> {
        match self {
            Self::Text => Some(0),
            Self::Millis => Some(9),
            Self::Number | Self::Truth => None,
        }
    }
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'c> {
    /// Of [`Kind::Text`]; nothing where there is none.
    Text(Option<&'c str>),
    /// Of [`Kind::Number`] and [`Kind::Millis`].
    Number(i64),
    /// Of [`Kind::Truth`].
    Truth(bool),
}

struct Column {
    name: &'static str,
    kind: Kind,
    /// Which rows have a value; those that do not take no room in `values`.
    present: Vec<bool>,
    values: Vec<u8>,
    truths: Vec<bool>,
}

/// Where a column of a group lies.
struct Chunk {
    name: &'static str,
    kind: Kind,
    at: i64,
    rows: i64,
    plain: i64,
    packed: i64,
}

/// Writes a file.
pub struct Writer<W: Write> {
    out: W,
    at: i64,
    columns: Vec<Column>,
    rows: usize,
    groups: Vec<(i64, Vec<Chunk>)>,
}

impl<W: Write> Writer<W> {
    /// Begins a file with these columns.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn new(mut out: W, columns: &[(&'static str, Kind)]) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        let column = |(name, kind): &(&'static str, Kind)| Column {
            name,
            kind: *kind,
            present: Vec::new(),
            values: Vec::new(),
            truths: Vec::new(),
        };
        let columns = columns.iter().map(column).collect();
        Ok(Self { out, at: count(MAGIC.len()), columns, rows: 0, groups: Vec::new() })
    }

    /// Adds a row: a cell for each column, of its kind.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let mut size = 0;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match cell {
                Cell::Text(text) => {
                    column.present.push(text.is_some());
                    if let Some(text) = text {
                        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
                        column.values.extend_from_slice(&length.to_le_bytes());
                        column.values.extend_from_slice(text.as_bytes());
                    }
                }
                Cell::Number(time) => {
                    column.present.push(true);
                    column.values.extend_from_slice(&time.to_le_bytes());
                }
                Cell::Truth(is_so) => {
                    column.present.push(true);
                    column.truths.push(*is_so);
                }
            }
            size += column.values.len();
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || size >= GROUP_BYTES { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(());
        }
        let mut chunks = Vec::new();
        for column in &mut self.columns {
            let mut page = levels(&std::mem::take(&mut column.present))?;
            page.append(&mut column.values);
            page.extend(bits(&std::mem::take(&mut column.truths)));
            let packed = gzip(&page)?;
            let header = page_header(rows, page.len(), packed.len());
            self.out.write_all(&header)?;
            self.out.write_all(&packed)?;
            let (plain, packed) = (header.len() + page.len(), header.len() + packed.len());
            chunks.push(Chunk {
                name: column.name,
                kind: column.kind,
                at: self.at,
                rows: count(rows),
                plain: count(plain),
                packed: count(packed),
            });
            self.at += count(packed);
        }
        self.groups.push((count(rows), chunks));
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_group()?;
        let footer = self.footer();
        self.out.write_all(&footer)?;
        let length = u32::try_from(footer.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// `FileMetaData`
    fn footer(&self) -> Vec<u8> {
        let mut out = Thrift::default();
        out.integer(1, TYPE_I32, 1);
        out.list(2, TYPE_STRUCT, 1 + self.columns.len());
        let mut root = Thrift::default();
        root.text(4, "event");
        root.integer(5, TYPE_I32, count(self.columns.len()));
        out.element(root);
        for column in &self.columns {
            let mut element = Thrift::default();
            element.integer(1, TYPE_I32, column.kind.physical());
            // OPTIONAL
            element.integer(3, TYPE_I32, 1);
            element.text(4, column.name);
            if let Some(converted) = column.kind.converted() {
                element.integer(6, TYPE_I32, converted);
            }
            out.element(element);
        }
        out.integer(3, TYPE_I64, self.groups.iter().map(|(rows, _)| rows).sum());
        out.list(4, TYPE_STRUCT, self.groups.len());
        for (rows, chunks) in &self.groups {
            let mut group = Thrift::default();
            group.list(1, TYPE_STRUCT, chunks.len());
            for chunk in chunks {
                group.element(chunk.element());
            }
            group.integer(2, TYPE_I64, chunks.iter().map(|chunk| chunk.plain).sum());
            group.integer(3, TYPE_I64, *rows);
            out.element(group);
        }
        out.text(6, concat!("bulla ", env!("CARGO_PKG_VERSION")));
        out.end()
    }
}

impl Chunk {
    /// `ColumnChunk`
    fn element(&self) -> Thrift {
        let mut data = Thrift::default();
        data.integer(1, TYPE_I32, self.kind.physical());
        // PLAIN, and RLE for the levels.
        data.list(2, TYPE_I32, 2);
        data.varint(zigzag(0));
        data.varint(zigzag(3));
        data.list(3, TYPE_BINARY, 1);
        data.bytes(self.name.as_bytes());
        // GZIP
        data.integer(4, TYPE_I32, 2);
        data.integer(5, TYPE_I64, self.rows);
        data.integer(6, TYPE_I64, self.plain);
        data.integer(7, TYPE_I64, self.packed);
        data.integer(9, TYPE_I64, self.at);
        let mut chunk = Thrift::default();
        chunk.integer(2, TYPE_I64, self.at);
        chunk.field(3, TYPE_STRUCT);
        chunk.element(data);
        chunk
    }
}

/// `PageHeader` of a data page.
fn page_header(rows: usize, plain: usize, packed: usize) -> Vec<u8> {
    let mut page = Thrift::default();
    page.integer(1, TYPE_I32, 0);
    page.integer(2, TYPE_I32, count(plain));
    page.integer(3, TYPE_I32, count(packed));
    page.field(5, TYPE_STRUCT);
    let mut data = Thrift::default();
    data.integer(1, TYPE_I32, count(rows));
    for (field, encoding) in [(2, 0), (3, 3), (4, 3)] {
        data.integer(field, TYPE_I32, encoding);
    }
    page.element(data);
    page.end()
}

/// Definition levels: one bit-packed run of bits, with its length before it.
fn levels(present: &[bool]) -> io::Result<Vec<u8>> {
    let packed = bits(present);
    let mut run = Thrift::default();
    run.varint((packed.len() as u64) << 1 | 1);
    let length = u32::try_from(run.out.len() + packed.len()).map_err(io::Error::other)?;
    let mut out = length.to_le_bytes().to_vec();
    out.append(&mut run.out);
    out.extend(packed);
    Ok(out)
}

/// Eight truths a byte, the first in the lowest bit.
fn bits(truths: &[bool]) -> Vec<u8> {
    let byte =
        |eight: &[bool]| eight.iter().rev().fold(0_u8, |byte, is_so| byte << 1 | u8::from(*is_so));
    truths.chunks(8).map(byte).collect()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

const TYPE_I32: u8 = 5;
const TYPE_I64: u8 = 6;
const TYPE_BINARY: u8 = 8;
const TYPE_LIST: u8 = 9;
const TYPE_STRUCT: u8 = 12;

/// A struct in Thrift's compact protocol. Fields come in ascending order.
#[derive(Default)]
struct Thrift {
    out: Vec<u8>,
    last: u8,
}

impl Thrift {
    fn varint(&mut self, mut number: u64) {
        loop {
            let low = u8::try_from(number & 0x7f).unwrap_or_default();
            number >>= 7;
            if number == 0 {
                return self.out.push(low);
            }
            self.out.push(low | 0x80);
        }
    }

    /// No struct here has a gap of more than 15 between two fields.
    fn field(&mut self, id: u8, kind: u8) {
        self.out.push(id.saturating_sub(self.last) << 4 | kind);
        self.last = id;
    }

    fn integer(&mut self, id: u8, kind: u8, value: i64) {
        self.field(id, kind);
        self.varint(zigzag(value));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    fn text(&mut self, id: u8, text: &str) {
        self.field(id, TYPE_BINARY);
        self.bytes(text.as_bytes());
    }

    fn list(&mut self, id: u8, kind: u8, length: usize) {
        self.field(id, TYPE_LIST);
        match u8::try_from(length) {
            Ok(length) if length < 15 => self.out.push(length << 4 | kind),
            _ => {
                self.out.push(0xf0 | kind);
                self.varint(length as u64);
            }
        }
    }

    /// A struct within: of a field, or of a list.
    fn element(&mut self, inner: Self) {
        self.out.extend(inner.end());
    }

    fn end(mut self) -> Vec<u8> {
        self.out.push(0);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_thrift_writes_them() {
        let mut out = Thrift::default();
        out.integer(1, TYPE_I32, 1);
        out.integer(3, TYPE_I64, -1);
        out.varint(300);
        assert_eq!(out.end(), [0x15, 0x02, 0x26, 0x01, 0xac, 0x02, 0x00]);
        assert_eq!(bits(&[true, false, true, true, false, false, false, false, true]), [13, 1]);
    }

    #[test]
    fn a_file_has_its_frame() {
        let columns = [("name", Kind::Text), ("time", Kind::Millis), ("reads", Kind::Truth)];
        let mut writer = Writer::new(Vec::new(), &columns).unwrap();
        for number in 0..100_001 {
            let name = (number % 3 > 0).then_some("a name");
            let cells = [Cell::Text(name), Cell::Number(number), Cell::Truth(number % 2 == 0)];
            writer.row(&cells).unwrap();
        }
        assert_eq!(writer.groups.len(), 2);
        let file = writer.finish().unwrap();
        assert!(file.starts_with(MAGIC) && file.ends_with(MAGIC));
        let [.., a, b, c, d, _, _, _, _] = file.as_slice() else { panic!("too short") };
        let footer = u32::from_le_bytes([*a, *b, *c, *d]);
        assert!((100..2_000).contains(&footer), "{footer}");
    }
}
