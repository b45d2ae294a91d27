//! JSON as patterns and events are read: bounded in depth, numbers as written, and with the places
//! that AWS's reader would be at, which its refusals tell.

use std::fmt;

/// How deep arrays and objects may lie within each other. Our choice; no AWS event comes near.
const MAX_DEPTH: usize = 100;
/// How many characters of a text a refusal shows.
const MAX_SHOWN: usize = 500;

/// A value, and where it stands.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: Value<'a>,
    /// The byte after as much of it as a reader takes that does not yet want it: all of a number
    /// or word, the first character of all else.
    pub(crate) begun: usize,
    /// The byte after it.
    pub(crate) end: usize,
}

/// A value. Members stand in the order of the text, also those of one name.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(String),
    Array(Vec<Node<'a>>),
    Object(Vec<(String, Node<'a>)>),
}

/// Why a text is refused: in AWS's words where they are known, with the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    reason: String,
    places: Vec<usize>,
}

impl Refusal {
    /// One that tells where.
    pub(crate) fn at(reason: impl Into<String>, place: usize) -> Self {
        Self { reason: reason.into(), places: vec![place] }
    }

    /// One that tells the place twice, as AWS does for what stands in lists.
    pub(crate) fn twice(reason: impl Into<String>, place: usize) -> Self {
        Self { reason: reason.into(), places: vec![place, place] }
    }

    /// One that tells no place.
    pub(crate) fn nowhere(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), places: Vec::new() }
    }

    /// The reason, and after it where in `source` each place is.
    #[must_use]
    pub fn in_text(&self, source: &str) -> String {
        let mut text = self.reason.clone();
        for place in &self.places {
            text.push_str(&located(source, *place));
        }
        text
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// A place as AWS's reader names it.
fn located(source: &str, place: usize) -> String {
    let before = source.get(..source.floor_char_boundary(place)).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let shown: String = source.chars().take(MAX_SHOWN).collect();
    let left_out = source.chars().count().saturating_sub(MAX_SHOWN);
    let more = if left_out > 0 { format!("[truncated {left_out} chars]") } else { String::new() };
    format!("\n at [Source: (String)\"{shown}\"{more}; line: {line}, column: {column}]")
}

/// Reads a text that is one value.
pub(crate) fn parse(text: &str) -> Result<Node<'_>, Refusal> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(other) => {
            Err(unexpected(other, reader.at, "Expected space separating root-level values"))
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

fn unexpected(letter: char, at: usize, expected: &str) -> Refusal {
    let code = u32::from(letter);
    Refusal::at(format!("Unexpected character ('{letter}' (code {code})): {expected}"), at)
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn ended(&self) -> Refusal {
        Refusal::at("Unexpected end-of-input", self.at)
    }

    /// Takes a character if it comes next, after space.
    fn take(&mut self, letter: char) -> bool {
        self.space();
        let found = self.peek() == Some(letter);
        if found {
            self.at += letter.len_utf8();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Refusal> {
        self.space();
        if depth > MAX_DEPTH {
            return Err(Refusal::at("Document nesting depth exceeds the maximum allowed", self.at));
        }
        let start = self.at;
        match self.peek() {
            None => Err(self.ended()),
            Some('{') => {
                let value = self.object(depth)?;
                Ok(Node { value, begun: start + 1, end: self.at })
            }
            Some('[') => {
                let value = self.array(depth)?;
                Ok(Node { value, begun: start + 1, end: self.at })
            }
            Some('"') => {
                let value = Value::Text(self.string()?);
                Ok(Node { value, begun: start + 1, end: self.at })
            }
            Some('-' | '0'..='9') => self.number(),
            Some(_) => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.at += 1;
        let mut members = Vec::new();
        if self.take('}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            match self.peek() {
                Some('"') => {}
                Some(other) => {
                    let expected = "was expecting double-quote to start field name";
                    return Err(unexpected(other, self.at, expected));
                }
                None => return Err(self.ended()),
            }
            let name = self.string()?;
            if !self.take(':') {
                let expected = "was expecting a colon to separate field name and value";
                return Err(self
                    .peek()
                    .map_or_else(|| self.ended(), |other| unexpected(other, self.at, expected)));
            }
            members.push((name, self.value(depth + 1)?));
            if self.take('}') {
                return Ok(Value::Object(members));
            }
            self.comma("Object")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(']') {
                return Ok(Value::Array(items));
            }
            self.comma("Array")?;
        }
    }

    fn comma(&mut self, within: &str) -> Result<(), Refusal> {
        if self.take(',') {
            return Ok(());
        }
        let expected = format!("was expecting comma to separate {within} entries");
        Err(self.peek().map_or_else(|| self.ended(), |other| unexpected(other, self.at, &expected)))
    }

    /// A string, its quotes taken off and its escapes resolved by the general parser.
    fn string(&mut self) -> Result<String, Refusal> {
        let rest = self.rest();
        let mut escaped = false;
        let mut plain = true;
        for (at, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => (escaped, plain) = (true, false),
                b'"' => {
                    let token = rest.get(..=at).unwrap_or_default();
                    let start = self.at;
                    self.at += at + 1;
                    if plain {
                        return Ok(token.trim_matches('"').to_owned());
                    }
                    let read = serde_json::from_str(token);
                    return read.map_err(|_| Refusal::at("Unrecognized character escape", start));
                }
                0..0x20 => {
                    let code = u32::from(byte);
                    let reason = format!("Illegal unquoted character ((CTRL-CHAR, code {code}))");
                    return Err(Refusal::at(reason, self.at + at));
                }
                _ => {}
            }
        }
        self.at = self.text.len();
        Err(self.ended())
    }

    fn number(&mut self) -> Result<Node<'a>, Refusal> {
        let rest = self.rest();
        let end =
            rest.find(|letter: char| !matches!(letter, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let token = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if serde_json::from_str::<serde_json::Number>(token).is_err() {
            return Err(Refusal::at(format!("Invalid numeric value: {token}"), self.at));
        }
        self.at += token.len();
        Ok(Node { value: Value::Number(token), begun: self.at, end: self.at })
    }

    fn word(&mut self) -> Result<Node<'a>, Refusal> {
        let rest = self.rest();
        let end = rest.find(|letter: char| !letter.is_alphanumeric());
        let token = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let value = match token {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => {
                let expected = "was expecting (JSON String, Number, Array, Object or token 'null', \
                                'true' or 'false')";
                if token.is_empty() {
                    let other = rest.chars().next().unwrap_or_default();
                    return Err(unexpected(other, self.at, expected));
                }
                let reason = format!("Unrecognized token '{token}': {expected}");
                return Err(Refusal::at(reason, self.at + token.len()));
            }
        };
        self.at += token.len();
        Ok(Node { value, begun: self.at, end: self.at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded.
    #[test]
    fn what_is_no_json_is_refused_in_awss_words() {
        let word = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or \
                    'false')";
        for (text, reason, column) in [
            ("this is valid json but not a dict", format!("Unrecognized token 'this': {word}"), 5),
            (
                "{'bad': 'quotation'}",
                "Unexpected character (''' (code 39)): was expecting double-quote to start field \
                 name"
                    .to_owned(),
                2,
            ),
            ("{\"not\": closed mark\"", format!("Unrecognized token 'closed': {word}"), 15),
        ] {
            let told = parse(text).unwrap_err().in_text(text);
            let place = format!("\n at [Source: (String)\"{text}\"; line: 1, column: {column}]");
            assert_eq!(told, format!("{reason}{place}"));
        }
    }

    #[test]
    fn depth_is_bounded_and_ends_are_seen() {
        let deep = "[".repeat(200_000);
        assert!(parse(&deep).is_err());
        for text in [
            "",
            "{",
            "{\"a\"",
            "{\"a\":",
            "[1",
            "\"a",
            "[1 2]",
            "{\"a\" 1}",
            "1 2",
            "-",
            "1.",
            "\"\\x\"",
            "\"\u{1}\"",
            "01",
            "nul",
            "{\"a\":1,}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        let node = parse(" {\"a\\u0062\" : [1.50, -0e+1, true, null, \"\\n\", {}] } ").unwrap();
        let text = format!("{:?}", node.value);
        for part in ["\"ab\"", "\"1.50\"", "\"-0e+1\"", "Bool(true)", "Null", "Text(\"\\n\")"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_long_text_is_shown_cut() {
        let text = format!("[{}", " ".repeat(600));
        let told = parse(&text).unwrap_err().in_text(&text);
        assert!(told.ends_with("\"[truncated 101 chars]; line: 1, column: 602]"), "{told}");
    }
}
