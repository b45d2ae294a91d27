//! BSON (bsonspec.org, 1.1) as far as logins and changes of users need it.

/// How deep documents lie within each other at most.
const MAX_DEPTH: usize = 16;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Document(Document),
    Array(Vec<Value>),
    Bytes(Vec<u8>),
    Bool(bool),
    Int(i32),
    Double(f64),
    /// What is not looked at.
    Other,
}

/// A document: names and values, in order.
pub(crate) type Document = Vec<(String, Value)>;

/// A text as a value.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A document, by its members.
pub(crate) fn document<const N: usize>(members: [(&str, Value); N]) -> Document {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The member of a document.
pub(crate) fn get<'d>(document: &'d Document, name: &str) -> Option<&'d Value> {
    document.iter().find_map(|(member, value)| (member == name).then_some(value))
}

impl Value {
    fn kind(&self) -> u8 {
        match self {
            Self::Double(_) => 1,
            Self::Text(_) => 2,
            Self::Document(_) => 3,
            Self::Array(_) => 4,
            Self::Bytes(_) => 5,
            Self::Bool(_) => 8,
            Self::Other => 10,
            Self::Int(_) => 16,
        }
    }

    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    pub(crate) fn as_document(&self) -> Option<&Document> {
        match self {
            Self::Document(document) => Some(document),
            _ => None,
        }
    }

    /// Zero or one, whatever kind of number it is: what commands answer as `ok`.
    pub(crate) fn as_flag(&self) -> Option<i32> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Double(number) => {
                [0, 1].into_iter().find(|whole| f64::from(*whole).total_cmp(number).is_eq())
            }
            _ => None,
        }
    }

    /// A number as errors have it.
    pub(crate) fn as_code(&self) -> Option<i32> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Double(number) => out.extend_from_slice(&number.to_le_bytes()),
            Self::Text(text) => {
                let length = i32::try_from(text.len().checked_add(1)?).ok()?;
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(text.as_bytes());
                out.push(0);
            }
            Self::Document(document) => out.extend_from_slice(&write(document)?),
            Self::Array(values) => {
                let names = (0..values.len()).map(|number| number.to_string());
                let members: Document = names.zip(values.iter().cloned()).collect();
                out.extend_from_slice(&write(&members)?);
            }
            Self::Bytes(bytes) => {
                out.extend_from_slice(&i32::try_from(bytes.len()).ok()?.to_le_bytes());
                out.push(0);
                out.extend_from_slice(bytes);
            }
            Self::Bool(is) => out.push(u8::from(*is)),
            Self::Int(number) => out.extend_from_slice(&number.to_le_bytes()),
            Self::Other => {}
        }
        Some(())
    }
}

/// The bytes of a document; nothing if a name has a zero byte, or it is too long.
pub(crate) fn write(document: &Document) -> Option<Vec<u8>> {
    let mut out = vec![0; 4];
    for (name, value) in document {
        if name.contains('\0') {
            return None;
        }
        out.push(value.kind());
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        value.write(&mut out)?;
    }
    out.push(0);
    let length = i32::try_from(out.len()).ok()?.to_le_bytes();
    out.iter_mut().zip(length).for_each(|(to, from)| *to = from);
    Some(out)
}

/// Reads a document that is all of these bytes.
pub(crate) fn read(bytes: &[u8]) -> Option<Document> {
    let mut input = Input { rest: bytes };
    let document = input.document(0)?;
    input.rest.is_empty().then_some(document)
}

struct Input<'b> {
    rest: &'b [u8],
}

impl<'b> Input<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(i32::from_le_bytes(self.array()?)).ok()
    }

    fn name(&mut self) -> Option<String> {
        let end = self.rest.iter().position(|byte| *byte == 0)?;
        let name = self.take(end)?;
        self.take(1)?;
        String::from_utf8(name.to_vec()).ok()
    }

    fn document(&mut self, depth: usize) -> Option<Document> {
        if depth > MAX_DEPTH {
            return None;
        }
        let length = self.length()?.checked_sub(4)?;
        let mut inner = Input { rest: self.take(length)? };
        let mut document = Vec::new();
        loop {
            let [kind] = inner.array()?;
            if kind == 0 {
                return inner.rest.is_empty().then_some(document);
            }
            let name = inner.name()?;
            document.push((name, inner.value(kind, depth)?));
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<Value> {
        Some(match kind {
            1 => Value::Double(f64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.length()?;
                let text = self.take(length)?.strip_suffix(&[0])?;
                Value::Text(String::from_utf8(text.to_vec()).ok()?)
            }
            3 => Value::Document(self.document(depth + 1)?),
            4 => {
                let members = self.document(depth + 1)?;
                Value::Array(members.into_iter().map(|(_, value)| value).collect())
            }
            5 => {
                let length = self.length()?;
                let [_subtype] = self.array()?;
                Value::Bytes(self.take(length)?.to_vec())
            }
            8 => Value::Bool(self.array()? != [0]),
            16 => Value::Int(i32::from_le_bytes(self.array()?)),
            // Undefined, null, the least and the greatest key.
            6 | 10 | 127 | 255 => Value::Other,
            // Object ids, times, 64-bit numbers, decimals.
            7 => self.take(12).map(|_| Value::Other)?,
            9 | 17 | 18 => self.take(8).map(|_| Value::Other)?,
            19 => self.take(16).map(|_| Value::Other)?,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of bsonspec.org.
    #[test]
    fn the_standards_example() {
        let bytes = b"\x16\x00\x00\x00\x02hello\x00\x06\x00\x00\x00world\x00\x00";
        let hello = document([("hello", text("world"))]);
        assert_eq!(write(&hello).unwrap(), bytes);
        assert_eq!(read(bytes).unwrap(), hello);
    }

    #[test]
    fn what_is_written_reads_back_and_nothing_cut_does() {
        let all = document([
            ("a", Value::Double(1.0)),
            ("b", Value::Array(vec![text(""), Value::Int(-1)])),
            ("c", Value::Bytes(vec![0, 1])),
            ("d", Value::Document(document([("e", Value::Bool(true)), ("f", Value::Other)]))),
        ]);
        let bytes = write(&all).unwrap();
        assert_eq!(read(&bytes).unwrap(), all);
        assert_eq!(get(&all, "a").unwrap().as_flag(), Some(1));
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), None, "{length}");
        }
        assert_eq!(write(&document([("a\0b", Value::Int(1))])), None);
    }

    #[test]
    fn what_lies_too_deep_is_not_read() {
        let mut deep = document([]);
        for _ in 0..=MAX_DEPTH {
            deep = document([("x", Value::Document(deep))]);
        }
        assert_eq!(read(&write(&deep).unwrap()), None);
    }
}
