//! The parameters of a form body, sorted so that what belongs together stands together.

use std::borrow::Cow;
use std::cmp::Ordering;

use memchr::{memchr, memchr2};
use zeroize::Zeroize;

use crate::decode_error::{DecodeError, DecodeErrorKind};

/// How many parameters a body may have.
pub const MAX_PARAMETERS: usize = 10_000;

/// One parameter.
pub(super) struct Param<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

/// All parameters of a request. Owned values are overwritten when dropped: any may be a password.
pub struct Params<'a> {
    /// By name, `.` before every other byte; equal names in the order of the body.
    sorted: Vec<Param<'a>>,
}

impl<'a> Params<'a> {
    /// Reads `application/x-www-form-urlencoded`: a body, or a query string.
    ///
    /// # Errors
    /// When there are more than [`MAX_PARAMETERS`], or an escape is not two hexadecimal digits, or
    /// the text is not UTF-8.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut params = Self { sorted: Vec::new() };
        let mut rest = body;
        let mut at = 0;
        while !rest.is_empty() {
            let end = memchr(b'&', rest).unwrap_or(rest.len());
            let (pair, tail) = rest.split_at(end);
            if !pair.is_empty() {
                if params.sorted.len() >= MAX_PARAMETERS {
                    return Err(DecodeError::new(DecodeErrorKind::TooMany("parameters"), at));
                }
                params.sorted.push(parameter(pair, at)?);
            }
            at += end + 1;
            rest = tail.get(1..).unwrap_or_default();
        }
        params.sorted.sort_by(|a, b| order(a.name.bytes(), b.name.bytes()));
        Ok(params)
    }

    /// The value of a parameter; the last where it is given more than once.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.root().child(name).value.map(|value| value.as_ref())
    }

    pub(super) fn root(&self) -> Node<'_, 'a> {
        Node { params: &self.sorted, prefix: 0, value: None }
    }
}

impl Drop for Params<'_> {
    fn drop(&mut self) {
        for param in &mut self.sorted {
            if let Cow::Owned(value) = &mut param.value {
                value.zeroize();
            }
        }
    }
}

/// What stands under one name: a value of its own, and parameters below it.
#[derive(Clone, Copy)]
pub(super) struct Node<'p, 'a> {
    params: &'p [Param<'a>],
    /// The bytes of the names that this node answers for, with the dot.
    prefix: usize,
    /// The node's own value.
    pub(super) value: Option<&'p Cow<'a, str>>,
}

impl<'p, 'a> Node<'p, 'a> {
    /// Whether nothing stands here.
    pub(super) fn is_absent(&self) -> bool {
        self.params.is_empty() && self.value.is_none()
    }

    /// Whether there are parameters below.
    pub(super) fn has_children(&self) -> bool {
        !self.params.is_empty()
    }

    /// What stands under a name below this one.
    pub(super) fn child(&self, name: &str) -> Self {
        let length = self.prefix + name.len();
        let params = self.named(name);
        // First those which are the name itself, then those below.
        let own = params.iter().take_while(|param| param.name.len() == length).count();
        let (own, below) = params.split_at_checked(own).unwrap_or_default();
        Self { params: below, prefix: length + 1, value: own.last().map(|param| &param.value) }
    }

    /// The next segments below with what stands under each, in sorted order.
    pub(super) fn children(&self) -> impl Iterator<Item = (&'p str, Self)> {
        let prefix = self.prefix;
        let mut left = *self;
        std::iter::from_fn(move || {
            let rest = left.params.first()?.name.get(prefix..).unwrap_or_default();
            let segment = rest.split_once('.').map_or(rest, |(segment, _)| segment);
            let child = left.child(segment);
            let taken = left.named(segment).len().max(1);
            left.params = left.params.get(taken..).unwrap_or_default();
            Some((segment, child))
        })
    }

    /// The parameters whose next segment is that name.
    fn named(&self, name: &str) -> &'p [Param<'a>] {
        let compare = |param: &Param<'_>| {
            let rest = param.name.as_bytes().get(self.prefix..).unwrap_or_default();
            let head = rest.get(..name.len()).unwrap_or(rest);
            order(head.iter().copied(), name.bytes()).then_with(|| match rest.get(name.len()) {
                None | Some(b'.') => Ordering::Equal,
                Some(_) => Ordering::Greater,
            })
        };
        let start = self.params.partition_point(|param| compare(param) == Ordering::Less);
        let rest = self.params.get(start..).unwrap_or_default();
        let end = rest.partition_point(|param| compare(param) != Ordering::Greater);
        rest.get(..end).unwrap_or_default()
    }
}

/// Bytewise, with `.` before everything else, so that a name is followed by what is below it.
fn order(a: impl Iterator<Item = u8>, b: impl Iterator<Item = u8>) -> Ordering {
    let rank = |byte: u8| if byte == b'.' { 0 } else { u16::from(byte) + 1 };
    a.map(rank).cmp(b.map(rank))
}

fn parameter(pair: &[u8], at: usize) -> Result<Param<'_>, DecodeError> {
    let split = memchr(b'=', pair).unwrap_or(pair.len());
    let (name, value) = pair.split_at(split);
    let value = value.get(1..).unwrap_or_default();
    Ok(Param { name: unescape(name, at)?, value: unescape(value, at + split + 1)? })
}

/// Text without percent escapes and with `+` as a space; borrowed where there are none.
pub(crate) fn unescape(raw: &[u8], at: usize) -> Result<Cow<'_, str>, DecodeError> {
    let malformed = |what| DecodeError::new(DecodeErrorKind::Malformed(what), at);
    if memchr2(b'%', b'+', raw).is_none() {
        let text = std::str::from_utf8(raw).map_err(|_| malformed("form is not UTF-8"))?;
        return Ok(Cow::Borrowed(text));
    }
    // Never longer than the input: the buffer doesn't move and leaves no copy behind.
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = (bytes.next().and_then(hex), bytes.next().and_then(hex));
                let (Some(high), Some(low)) = pair else {
                    return Err(malformed("form has a malformed escape"));
                };
                high << 4 | low
            }
            byte => *byte,
        });
    }
    match String::from_utf8(out) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(malformed("form is not UTF-8"))
        }
    }
}

fn hex(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
