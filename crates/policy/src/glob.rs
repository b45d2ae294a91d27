//! Patterns with `*`, `?` and variables, compiled to tokens and matched without allocating.
//!
//! Matching keeps at most two places to fall back to, never a stack of them, so its time is bounded
//! by the product of pattern and text and no pattern is exponential. `?` matches one UTF-16 unit: a
//! character above U+FFFF has two, which here are its first and second pair of UTF-8 bytes.

use crate::context::Conditions;
use crate::variables::{BadVariable, Piece, Variable, split};

/// Which colons wildcards may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colons {
    /// Any colon: plain text.
    Cross,
    /// Those of the sixth field only: the ARN operators.
    Fields,
    /// As `Fields`, but a star that ends a field matches beyond it: the Resource element.
    FieldEnds,
}

/// How to read a pattern's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Syntax {
    pub(crate) wildcards: bool,
    pub(crate) variables: bool,
    pub(crate) colons: Colons,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(Box<str>),
    Variable(u32),
    One { colon: bool },
    Many { colon: bool },
}

#[derive(Clone, Debug)]
struct Tokens {
    tokens: Box<[Token]>,
    variables: Box<[Variable]>,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    Tokens(Tokens),
}

/// What a match found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matched {
    Yes,
    No,
    /// A variable has no value.
    Unresolved,
}

impl From<bool> for Matched {
    fn from(yes: bool) -> Self {
        if yes { Matched::Yes } else { Matched::No }
    }
}

/// Variables of one pattern whose values fit on the stack.
const INLINE_VARIABLES: usize = 8;
/// Fields of an ARN before the one whose colons are free.
const ARN_COLONS: usize = 5;

impl Pattern {
    pub(crate) fn compile(text: &str, syntax: Syntax) -> Result<Self, BadVariable> {
        let mut builder = Builder::new(syntax);
        if syntax.variables {
            for piece in split(text)? {
                match piece {
                    Piece::Text(text) => builder.text(text),
                    Piece::Literal(text) => builder.literal(text),
                    Piece::Variable(variable) => builder.variable(variable),
                }
            }
        } else {
            builder.text(text);
        }
        Ok(Self { shape: builder.finish() })
    }

    pub(crate) fn has_variables(&self) -> bool {
        matches!(&self.shape, Shape::Tokens(tokens) if !tokens.variables.is_empty())
    }

    /// The text of a pattern without wildcards and variables.
    pub(crate) fn exact(&self) -> Option<&str> {
        match &self.shape {
            Shape::Exact(text) => Some(text),
            Shape::Any | Shape::Prefix(_) | Shape::Tokens(_) => None,
        }
    }

    pub(crate) fn variables(&self) -> &[Variable] {
        match &self.shape {
            Shape::Tokens(tokens) => &tokens.variables,
            Shape::Any | Shape::Exact(_) | Shape::Prefix(_) => &[],
        }
    }

    /// Matches with letter case.
    pub(crate) fn matches(&self, text: &str, conditions: &dyn Conditions) -> Matched {
        match &self.shape {
            Shape::Any => Matched::Yes,
            Shape::Exact(exact) => (**exact == *text).into(),
            Shape::Prefix(prefix) => text.starts_with(&**prefix).into(),
            Shape::Tokens(tokens) => tokens.resolve(conditions, |values| {
                tokens.run::<false>(text.as_bytes(), values, &mut |_| {}).into()
            }),
        }
    }

    /// Matches ignoring the case of ASCII letters; for actions, which have no variables.
    pub(crate) fn matches_action(&self, action: &str) -> bool {
        let (text, same) = (action.as_bytes(), <[u8]>::eq_ignore_ascii_case);
        match &self.shape {
            Shape::Any => true,
            Shape::Exact(exact) => same(exact.as_bytes(), text),
            Shape::Prefix(prefix) => {
                text.get(..prefix.len()).is_some_and(|start| same(prefix.as_bytes(), start))
            }
            Shape::Tokens(tokens) => tokens.run::<true>(text, &[], &mut |_| {}),
        }
    }

    /// The text with variables replaced; wildcards are kept as written.
    pub(crate) fn render(&self, conditions: &dyn Conditions) -> Option<String> {
        match &self.shape {
            Shape::Any => Some("*".to_owned()),
            Shape::Exact(text) => Some(text.to_string()),
            Shape::Prefix(text) => Some(format!("{text}*")),
            Shape::Tokens(tokens) => tokens.render(conditions),
        }
    }

    /// The pattern with the values of its variables as literal text.
    pub(crate) fn bind(&self, conditions: &dyn Conditions, syntax: Syntax) -> Option<Self> {
        let Shape::Tokens(tokens) = &self.shape else { return Some(self.clone()) };
        let mut builder = Builder::new(syntax);
        for token in &tokens.tokens {
            match token {
                Token::Literal(literal) => builder.literal(literal),
                Token::Variable(index) => {
                    let variable = tokens.variables.get(*index as usize)?;
                    builder.literal(variable.resolve(conditions)?);
                }
                Token::One { .. } => builder.text("?"),
                Token::Many { .. } => builder.text("*"),
            }
        }
        Some(Self { shape: builder.finish() })
    }

    #[cfg(test)]
    pub(crate) fn steps(&self, text: &str) -> (bool, u64) {
        let mut steps = 0;
        let matched = match &self.shape {
            Shape::Tokens(tokens) => {
                tokens.run::<false>(text.as_bytes(), &[], &mut |n| steps += n as u64)
            }
            _ => self.matches(text, &()) == Matched::Yes,
        };
        (matched, steps)
    }
}

struct Builder {
    syntax: Syntax,
    tokens: Vec<Token>,
    variables: Vec<Variable>,
    literal: String,
    colons: usize,
}

impl Builder {
    fn new(syntax: Syntax) -> Self {
        Self { syntax, tokens: vec![], variables: vec![], literal: String::new(), colons: 0 }
    }

    fn text(&mut self, text: &str) {
        if !self.syntax.wildcards {
            return self.literal(text);
        }
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let free = self.syntax.colons == Colons::Cross || self.colons >= ARN_COLONS;
            match c {
                '*' => {
                    let ends = self.syntax.colons == Colons::FieldEnds
                        && matches!(chars.peek(), None | Some(':'));
                    self.push(Token::Many { colon: free || ends });
                }
                '?' => self.push(Token::One { colon: free }),
                ':' => {
                    self.colons += 1;
                    self.literal.push(c);
                }
                _ => self.literal.push(c),
            }
        }
    }

    fn literal(&mut self, text: &str) {
        self.colons += text.matches(':').count();
        self.literal.push_str(text);
    }

    fn variable(&mut self, variable: Variable) {
        let index = self.variables.len() as u32;
        self.variables.push(variable);
        self.push(Token::Variable(index));
    }

    fn push(&mut self, token: Token) {
        if !self.literal.is_empty() {
            let literal = std::mem::take(&mut self.literal);
            self.tokens.push(Token::Literal(literal.into()));
        }
        // A star after a star adds nothing, unless it may match a colon and the first may not.
        if self.tokens.last() == Some(&token) && matches!(token, Token::Many { .. }) {
            return;
        }
        self.tokens.push(token);
    }

    fn finish(mut self) -> Shape {
        if !self.literal.is_empty() {
            let literal = std::mem::take(&mut self.literal);
            self.tokens.push(Token::Literal(literal.into()));
        }
        match self.tokens.as_slice() {
            [] => Shape::Exact("".into()),
            [Token::Literal(text)] => Shape::Exact(text.clone()),
            [Token::Many { colon: true }] => Shape::Any,
            [Token::Literal(text), Token::Many { colon: true }] => Shape::Prefix(text.clone()),
            _ => Shape::Tokens(Tokens {
                tokens: self.tokens.into(),
                variables: self.variables.into(),
            }),
        }
    }
}

/// A place to fall back to: the token after a star, and how far the star has reached.
#[derive(Clone, Copy)]
struct Fallback {
    token: usize,
    reached: usize,
}

impl Tokens {
    fn resolve(
        &self,
        conditions: &dyn Conditions,
        matcher: impl FnOnce(&[&str]) -> Matched,
    ) -> Matched {
        let mut inline = [""; INLINE_VARIABLES];
        let mut many = Vec::new();
        let values = match inline.get_mut(..self.variables.len()) {
            Some(values) => values,
            None => {
                many.resize(self.variables.len(), "");
                many.as_mut_slice()
            }
        };
        for (value, variable) in values.iter_mut().zip(&self.variables) {
            match variable.resolve(conditions) {
                Some(found) => *value = found,
                None => return Matched::Unresolved,
            }
        }
        matcher(values)
    }

    fn render(&self, conditions: &dyn Conditions) -> Option<String> {
        let mut text = String::new();
        for token in &self.tokens {
            match token {
                Token::Literal(literal) => text.push_str(literal),
                Token::Variable(index) => {
                    text.push_str(self.variables.get(*index as usize)?.resolve(conditions)?);
                }
                Token::One { .. } => text.push('?'),
                Token::Many { .. } => text.push('*'),
            }
        }
        Some(text)
    }

    /// Whether the whole `text` matches. `count` is told the work done, in bytes.
    ///
    /// `wide` is the last star that may match a colon, `narrow` a later one that may not. Fields
    /// are aligned by their colons, so when `narrow` meets one, no earlier narrow star can do
    /// better and only `wide` remains; and as `wide` is followed by a colon unless it is in the
    /// last field, where no star is narrow, the two together still cost at most pattern times text.
    fn run<const FOLD: bool>(
        &self,
        text: &[u8],
        values: &[&str],
        count: &mut impl FnMut(usize),
    ) -> bool {
        let (mut token, mut at) = (0, 0);
        let (mut wide, mut narrow): (Option<Fallback>, Option<Fallback>) = (None, None);
        loop {
            count(1);
            let step = match self.tokens.get(token) {
                None if at == text.len() => return true,
                None => None,
                Some(Token::Many { colon }) => {
                    if *colon && token + 1 == self.tokens.len() {
                        return true;
                    }
                    let place = Some(Fallback { token: token + 1, reached: at });
                    if *colon {
                        (wide, narrow) = (place, None);
                    } else {
                        narrow = place;
                    }
                    Some(at)
                }
                Some(Token::One { colon }) => unit(text, at, *colon),
                Some(Token::Literal(literal)) => {
                    literal_at::<FOLD>(text, at, literal.as_bytes(), count)
                }
                Some(Token::Variable(index)) => {
                    let value = values.get(*index as usize).copied().unwrap_or("");
                    literal_at::<FOLD>(text, at, value.as_bytes(), count)
                }
            };
            if let Some(next) = step {
                (token, at) = (token + 1, next);
                continue;
            }
            if let Some(place) = &mut narrow {
                if let Some(next) = unit(text, place.reached, false) {
                    place.reached = next;
                    (token, at) = (place.token, next);
                    continue;
                }
                narrow = None;
            }
            let Some(place) = &mut wide else { return false };
            let Some(next) = unit(text, place.reached, true) else { return false };
            place.reached = next;
            (token, at) = (place.token, next);
        }
    }
}

/// The place after one UTF-16 unit at `at`.
fn unit(text: &[u8], at: usize, colon: bool) -> Option<usize> {
    let length = match text.get(at)? {
        b':' if !colon => return None,
        0x00..=0x7F => 1,
        // Continuation bytes are met only in the middle of a four-byte character.
        0x80..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xFF => 2,
    };
    Some((at + length).min(text.len()))
}

fn literal_at<const FOLD: bool>(
    text: &[u8],
    at: usize,
    literal: &[u8],
    count: &mut impl FnMut(usize),
) -> Option<usize> {
    count(literal.len());
    let end = at + literal.len();
    let found = text.get(at..end)?;
    let same = if FOLD { found.eq_ignore_ascii_case(literal) } else { found == literal };
    same.then_some(end)
}

#[cfg(test)]
mod tests {
    use super::{Colons, Pattern, Syntax};

    fn pattern(text: &str, colons: Colons) -> Pattern {
        Pattern::compile(text, Syntax { wildcards: true, variables: false, colons }).unwrap()
    }

    /// Work is counted, not timed: at most a small multiple of pattern times text.
    #[test]
    fn no_pattern_is_exponential() {
        let text = "a".repeat(2_000);
        let arn = format!("arn:aws:s3:a{text}:{text}:{text}b");
        for (head, unit, tail) in [
            ("", "*a", "*b"),
            ("", "a*", "b"),
            ("", "*?", "b"),
            ("", "?*", "*b"),
            ("", "*aaaaaaaaaaaaaaaa", "b"),
            ("", "*a?a", "b"),
            ("arn:aws:s3:", "*a", "*b:*b:*c"),
            ("arn:aws:s3:*:", "*a", "*b:*c"),
            ("arn:aws:s3:a*a*:a*", "a*a", "*:*c"),
        ] {
            for repeats in [1, 10, 100, 1_000] {
                let glob = format!("{head}{}{tail}", unit.repeat(repeats));
                for colons in [Colons::Cross, Colons::Fields, Colons::FieldEnds] {
                    for text in [&text, &arn] {
                        let (matched, steps) = pattern(&glob, colons).steps(text);
                        let bound = 2 * (glob.len() as u64 + 1) * (text.len() as u64 + 1);
                        assert!(!matched || tail == "b" || text == &arn);
                        assert!(steps <= bound, "{glob:.40} {colons:?}: {steps} > {bound}");
                    }
                }
            }
        }
    }

    #[test]
    fn many_stars_in_a_row_cost_nothing() {
        let glob = pattern(&"*".repeat(100_000), Colons::Cross);
        assert!(glob.steps("anything").0);
        let (matched, steps) =
            pattern(&format!("a{}b", "*".repeat(100_000)), Colons::Cross).steps(&"a".repeat(1_000));
        assert!(!matched && steps < 10_000, "{steps}");
    }

    #[test]
    fn fields_keep_wildcards() {
        for (text, arn, fields, ends) in [
            ("a:*:b:c:d:e", "a:x:b:c:d:e", true, true),
            ("a:*:b:c:d:e", "a:x:y:b:c:d:e", false, true),
            ("a:x*:b:c:d:e", "a:xx:y:b:c:d:e", false, true),
            ("a:*x:b:c:d:e", "a:y:x:b:c:d:e", false, false),
            ("a:*x*:b:c:d:e", "a:yx:z:b:c:d:e", false, true),
            ("a:?:b:c:d:e", "a:::b:c:d:e", false, false),
            ("a:b:c:d:e:*", "a:b:c:d:e:f:g", true, true),
            ("a:b:c:d:e:?", "a:b:c:d:e::", true, true),
        ] {
            assert_eq!(pattern(text, Colons::Fields).steps(arn).0, fields, "{text} {arn}");
            assert_eq!(pattern(text, Colons::FieldEnds).steps(arn).0, ends, "{text} {arn}");
        }
    }
}
