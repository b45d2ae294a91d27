//! Reading a body by a structure's table.

use std::borrow::Cow;

use zeroize::Zeroize;

use super::reader::{Reader, Token};
use crate::decode_error::{DecodeError, DecodeErrorKind};
use crate::entries::Entries;
use crate::record::Record;
use crate::tables::{Shape, Structure};
use crate::value::{Blob, Value};

/// How deep objects and lists may nest in a body; the deepest request of AWS's models has under 20.
pub const MAX_DEPTH: usize = 64;

/// The room a list is given before its length is known.
const FIRST_ITEMS: usize = 4;

/// Reads a body. An empty one is an empty structure, as AWS's own clients send it for operations
/// without input.
///
/// Members absent from the table are passed over, a null member is absent, and of a repeated member
/// or map key the last counts.
///
/// # Errors
/// When the body is not strict JSON in UTF-8, nests deeper than [`MAX_DEPTH`], or holds a value of
/// the wrong type.
pub fn decode<'a>(
    structure: &'static Structure,
    body: &'a [u8],
) -> Result<Record<'a>, DecodeError> {
    let mut reader = Reader::new(body);
    reader.space();
    if reader.peek().is_none() {
        return Ok(Record::new(structure));
    }
    let token = reader.token()?;
    if token != Token::Object {
        // Whether it is JSON at all comes first: AWS sends a text only where it is.
        reader.skip(0, MAX_DEPTH)?;
        return Err(reader.mismatch(token, "Structure"));
    }
    let record = reader.structure(structure, 0)?;
    reader.space();
    if reader.peek().is_some() {
        return Err(reader.malformed("something follows the body's object"));
    }
    Ok(record)
}

impl<'a> Reader<'a> {
    fn structure(
        &mut self,
        table: &'static Structure,
        depth: usize,
    ) -> Result<Record<'a>, DecodeError> {
        self.open(b'{', depth)?;
        let mut record = Record::new(table);
        let mut first = true;
        // Clients mostly send members in the model's order, so the search starts after the last.
        let mut next = 0;
        while self.more(b'}', &mut first)? {
            let key = self.key()?;
            match find(table, &key, next) {
                Some(position) => {
                    next = position + 1;
                    self.member(table, position, &mut record, depth)?;
                }
                None => self.skip(depth + 1, MAX_DEPTH)?,
            }
        }
        Ok(record)
    }

    fn member(
        &mut self,
        table: &'static Structure,
        position: usize,
        record: &mut Record<'a>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        let Some(member) = table.members.get(position) else { return Ok(()) };
        match self.value(&member.shape, depth + 1)? {
            Value::Null => record.clear(position),
            value => {
                record.set(position, value);
            }
        }
        Ok(())
    }

    /// One value of a shape, or an explicit null.
    fn value(&mut self, shape: &Shape, depth: usize) -> Result<Value<'a>, DecodeError> {
        let token = self.token()?;
        if token == Token::Null {
            self.word(b"null")?;
            return Ok(Value::Null);
        }
        match (shape, token) {
            (Shape::Str(_), Token::String) => self.string().map(Value::Str),
            (Shape::Str(_), _) => Err(self.mismatch(token, "String")),
            (Shape::Blob(_), Token::String) => self.blob(),
            (Shape::Blob(_), _) => Err(self.mismatch(token, "Blob")),
            (Shape::Bool, Token::True) => self.word(b"true").map(|()| Value::Bool(true)),
            (Shape::Bool, Token::False) => self.word(b"false").map(|()| Value::Bool(false)),
            (Shape::Bool, _) => Err(self.mismatch(token, "Boolean")),
            (Shape::Int(shape), _) => self.whole(token, shape),
            (Shape::Double(shape), _) => self.double(token, shape),
            (Shape::Time(_), _) => self.time(token),
            (Shape::List(list), Token::Array) => self.list(&list.member, depth),
            (Shape::List(_), _) => Err(self.mismatch(token, "List")),
            (Shape::Map(map), Token::Object) => self.map(&map.value, depth),
            (Shape::Map(_), _) => Err(self.mismatch(token, "Map")),
            (Shape::Struct(table), Token::Object) => {
                self.structure(table, depth).map(Value::Struct)
            }
            (Shape::Struct(_), _) => Err(self.mismatch(token, "Structure")),
        }
    }

    fn blob(&mut self) -> Result<Value<'a>, DecodeError> {
        let at = self.position();
        let (raw, escaped) = self.raw_string()?;
        let decoded = if escaped {
            // Rare, as `/` is the only character of base64 that anyone escapes: read it again.
            *self = self.back_to(at);
            let text = self.string()?;
            let decoded = base64_simd::STANDARD.decode_to_vec(text.as_bytes());
            if let Cow::Owned(mut text) = text {
                text.zeroize();
            }
            decoded
        } else {
            base64_simd::STANDARD.decode_to_vec(raw)
        };
        match decoded {
            Ok(bytes) => Ok(Value::Blob(Blob::from(bytes))),
            Err(_) => {
                let text = "STRING_VALUE can not be converted to a Blob: Invalid Base64 text";
                Err(DecodeError::new(DecodeErrorKind::Mismatch(text.into()), at))
            }
        }
    }

    fn list(&mut self, shape: &Shape, depth: usize) -> Result<Value<'a>, DecodeError> {
        self.open(b'[', depth)?;
        let mut items = Vec::with_capacity(FIRST_ITEMS);
        let mut first = true;
        while self.more(b']', &mut first)? {
            items.push(self.value(shape, depth + 1)?);
        }
        Ok(Value::List(items))
    }

    fn map(&mut self, shape: &Shape, depth: usize) -> Result<Value<'a>, DecodeError> {
        self.open(b'{', depth)?;
        let mut entries = Entries::default();
        let mut first = true;
        while self.more(b'}', &mut first)? {
            let key = self.key()?;
            let value = self.value(shape, depth + 1)?;
            entries.put(key, value);
        }
        Ok(Value::Map(entries.into_list()))
    }

    fn open(&mut self, bracket: u8, depth: usize) -> Result<(), DecodeError> {
        if depth >= MAX_DEPTH {
            return Err(DecodeError::new(DecodeErrorKind::TooDeep, self.position()));
        }
        self.expect(bracket, "expected a value")
    }

    /// Whether another entry follows before the closing bracket; takes the comma or the bracket.
    fn more(&mut self, close: u8, first: &mut bool) -> Result<bool, DecodeError> {
        self.space();
        if self.takes(close) {
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(b',', "expected a comma or an end")?;
            self.space();
        }
        Ok(true)
    }

    fn key(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        let key = self.string()?;
        self.space();
        self.expect(b':', "expected a colon")?;
        Ok(key)
    }
}

/// The position of a member by its wire name, searching from a likely place on.
fn find(table: &Structure, key: &str, likely: usize) -> Option<usize> {
    if table.members.get(likely).is_some_and(|member| member.wire == key) {
        return Some(likely);
    }
    table.members.iter().position(|member| member.wire == key)
}
