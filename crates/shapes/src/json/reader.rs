//! The cursor over a JSON body: tokens, white space, and values that are passed over.

use crate::decode_error::{DecodeError, DecodeErrorKind};

/// What the next value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// A cursor over the body.
pub(super) struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { body, at: 0 }
    }

    /// A cursor over the same body at an earlier place.
    pub(super) fn back_to(&self, at: usize) -> Self {
        Self { body: self.body, at }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    pub(super) fn advance(&mut self, by: usize) {
        self.at += by;
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    #[inline]
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes the next byte if it is this one.
    #[inline]
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        let takes = self.peek() == Some(byte);
        self.at += usize::from(takes);
        takes
    }

    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), DecodeError> {
        if self.takes(byte) { Ok(()) } else { Err(self.malformed(what)) }
    }

    /// What the next value is. Skips the space before it.
    pub(super) fn token(&mut self) -> Result<Token, DecodeError> {
        self.space();
        match self.peek() {
            Some(b'{') => Ok(Token::Object),
            Some(b'[') => Ok(Token::Array),
            Some(b'"') => Ok(Token::String),
            Some(b'-' | b'0'..=b'9') => Ok(Token::Number),
            Some(b't') => Ok(Token::True),
            Some(b'f') => Ok(Token::False),
            Some(b'n') => Ok(Token::Null),
            Some(_) => Err(self.malformed("expected a value")),
            None => Err(self.malformed("body ends early")),
        }
    }

    /// Takes `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &'static [u8]) -> Result<(), DecodeError> {
        if !self.rest().starts_with(word) {
            return Err(self.malformed("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// The text of a number, checked against JSON's grammar.
    pub(super) fn number(&mut self) -> Result<&'a str, DecodeError> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') && self.digits() == 0 {
            return Err(self.malformed("malformed number"));
        }
        if self.takes(b'.') && self.digits() == 0 {
            return Err(self.malformed("malformed number"));
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            if self.digits() == 0 {
                return Err(self.malformed("malformed number"));
            }
        }
        let text = self.body.get(start..self.at).unwrap_or_default();
        std::str::from_utf8(text).map_err(|_| self.malformed("malformed number"))
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Passes over one value of any kind, checking that it is JSON.
    ///
    /// Keeps its own record of what is open, one bit a level, so that nesting costs no stack.
    pub(super) fn skip(&mut self, depth: usize, limit: usize) -> Result<(), DecodeError> {
        let mut open: Vec<bool> = Vec::new();
        loop {
            let opened = match self.token()? {
                token @ (Token::Object | Token::Array) => {
                    if depth + open.len() >= limit {
                        return Err(DecodeError::new(DecodeErrorKind::TooDeep, self.at));
                    }
                    self.at += 1;
                    open.push(token == Token::Object);
                    true
                }
                token => {
                    self.scalar(token)?;
                    false
                }
            };
            if !self.next_in(&mut open, opened)? {
                return Ok(());
            }
        }
    }

    /// Moves to the next value within what is open; `false` once everything is closed.
    fn next_in(&mut self, open: &mut Vec<bool>, mut fresh: bool) -> Result<bool, DecodeError> {
        while let Some(object) = open.last().copied() {
            self.space();
            if self.takes(if object { b'}' } else { b']' }) {
                open.pop();
                fresh = false;
                continue;
            }
            if !fresh {
                self.expect(b',', "expected a comma or an end")?;
            }
            if object {
                self.space();
                self.string()?;
                self.space();
                self.expect(b':', "expected a colon")?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn scalar(&mut self, token: Token) -> Result<(), DecodeError> {
        match token {
            Token::String => self.string().map(drop),
            Token::Number => self.number().map(drop),
            Token::True => self.word(b"true"),
            Token::False => self.word(b"false"),
            Token::Null | Token::Object | Token::Array => self.word(b"null"),
        }
    }
}
