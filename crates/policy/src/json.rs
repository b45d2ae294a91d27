//! JSON with positions: a strict parser bounded in depth, which refuses duplicate members.
//!
//! Policies need what a general parser does not give: the line and column of each statement, the
//! column after the last token read (which the policy simulator reports), numbers as written, and
//! duplicates refused instead of the last one winning.

use std::borrow::Cow;
use std::fmt;

use crate::error::Reason;

/// A place in a document: line and column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A parsed value with the place it was found at.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: Value<'a>,
    /// Where the first character is.
    pub(crate) start: Position,
    /// Just after the last character.
    pub(crate) end: Position,
    /// Just after the token before this value, commas left out.
    pub(crate) after_token: Position,
}

#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) at: Position,
    pub(crate) node: Node<'a>,
}

#[derive(Debug)]
pub(crate) struct JsonError {
    pub(crate) reason: Reason,
    pub(crate) position: Position,
}

/// A policy nests six deep; more than this is no policy.
const MAX_DEPTH: usize = 32;

pub(crate) fn parse(text: &str) -> Result<Node<'_>, JsonError> {
    let mut parser = Parser { text, at: 0, line: 1, column: 1, token_end: START };
    parser.blank();
    let node = parser.value(MAX_DEPTH)?;
    parser.blank();
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.fail("text after the end of the document")),
    }
}

const START: Position = Position { line: 1, column: 1 };

struct Parser<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
    token_end: Position,
}

impl<'a> Parser<'a> {
    fn here(&self) -> Position {
        Position { line: self.line, column: self.column }
    }

    fn fail(&self, what: &'static str) -> JsonError {
        JsonError { reason: Reason::Syntax(what), position: self.here() }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(c)
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.bump();
        }
    }

    fn take(&mut self, wanted: char, what: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(wanted) {
            return Err(self.fail(what));
        }
        self.bump();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, JsonError> {
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(self.fail("nested too deeply"));
        };
        let (start, after_token) = (self.here(), self.token_end);
        let value = match self.peek() {
            Some('{') => Value::Object(self.object(deeper)?),
            Some('[') => Value::Array(self.array(deeper)?),
            Some('"') => Value::String(self.string()?),
            Some('-' | '0'..='9') => Value::Number(self.number()?),
            Some('t') => self.word("true", Value::Bool(true))?,
            Some('f') => self.word("false", Value::Bool(false))?,
            Some('n') => self.word("null", Value::Null)?,
            Some(_) => return Err(self.fail("expected a value")),
            None => return Err(self.fail("the document ends early")),
        };
        let end = self.here();
        self.token_end = end;
        Ok(Node { value, start, end, after_token })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        if !self.rest().starts_with(word) {
            return Err(self.fail("expected a value"));
        }
        for _ in word.chars() {
            self.bump();
        }
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member<'a>>, JsonError> {
        self.bump();
        self.token_end = self.here();
        let mut members: Vec<Member<'a>> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.blank();
        if self.peek() == Some('}') {
            self.bump();
            return Ok(members);
        }
        loop {
            self.blank();
            let at = self.here();
            if self.peek() != Some('"') {
                return Err(self.fail("expected a member name in quotes"));
            }
            let name = self.string()?;
            if !seen.insert(name.clone()) {
                let reason = Reason::DuplicateMember(name.into_owned());
                return Err(JsonError { reason, position: at });
            }
            self.blank();
            self.take(':', "expected a colon")?;
            self.token_end = self.here();
            self.blank();
            let node = self.value(depth)?;
            members.push(Member { name, at, node });
            self.blank();
            if self.peek() != Some(',') {
                self.take('}', "expected a comma or a closing brace")?;
                return Ok(members);
            }
            self.bump();
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Node<'a>>, JsonError> {
        self.bump();
        self.token_end = self.here();
        let mut items = Vec::new();
        self.blank();
        if self.peek() == Some(']') {
            self.bump();
            return Ok(items);
        }
        loop {
            self.blank();
            items.push(self.value(depth)?);
            self.blank();
            if self.peek() != Some(',') {
                self.take(']', "expected a comma or a closing bracket")?;
                return Ok(items);
            }
            self.bump();
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.bump();
        let from = self.at;
        let mut owned: Option<String> = None;
        loop {
            let until = self.at;
            match self.bump() {
                None => return Err(self.fail("a string is not closed")),
                Some('"') => {
                    let plain = self.text.get(from..until).unwrap_or("");
                    return Ok(owned.map_or(Cow::Borrowed(plain), Cow::Owned));
                }
                Some('\\') => {
                    let mut text = owned
                        .take()
                        .unwrap_or_else(|| self.text.get(from..until).unwrap_or("").to_owned());
                    text.push(self.escape()?);
                    owned = Some(text);
                }
                Some(c) if c < ' ' => return Err(self.fail("a control character in a string")),
                Some(c) => {
                    if let Some(text) = &mut owned {
                        text.push(c);
                    }
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        match self.bump() {
            Some(c @ ('"' | '\\' | '/')) => Ok(c),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => self.unicode_escape(),
            _ => Err(self.fail("unknown escape")),
        }
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        let code = match first {
            0xD800..0xDC00 => {
                if !self.rest().starts_with("\\u") {
                    return Err(self.fail("half a surrogate pair"));
                }
                self.bump();
                self.bump();
                let second = self.four_digits()?;
                if !(0xDC00..0xE000).contains(&second) {
                    return Err(self.fail("half a surrogate pair"));
                }
                0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.fail("half a surrogate pair"))
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.bump().and_then(|c| c.to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.fail("expected four hex digits"))?;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let from = self.at;
        if self.peek() == Some('-') {
            self.bump();
        }
        let leading_zero = self.peek() == Some('0');
        if self.digits()? > 1 && leading_zero {
            return Err(self.fail("a number with a leading zero"));
        }
        if self.peek() == Some('.') {
            self.bump();
            self.digits()?;
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.bump();
            if matches!(self.peek(), Some('+' | '-')) {
                self.bump();
            }
            self.digits()?;
        }
        Ok(self.text.get(from..self.at).unwrap_or(""))
    }

    fn digits(&mut self) -> Result<usize, JsonError> {
        let mut count = 0;
        while matches!(self.peek(), Some('0'..='9')) {
            self.bump();
            count += 1;
        }
        if count == 0 { Err(self.fail("expected a digit")) } else { Ok(count) }
    }
}
