//! Rust source with its comments and string contents blanked, line for line.
//!
//! Enough of a lexer to count braces and to find macros without being fooled by text.

/// Stands for one character inside a string or character literal.
pub(super) const LITERAL: char = '\u{1}';

/// Blanks comments to spaces and literal contents to [`LITERAL`]; newlines stay.
pub(super) fn mask(source: &str) -> String {
    let mut lexer = Lexer { rest: source, out: String::with_capacity(source.len()), last: '\n' };
    while lexer.step() {}
    lexer.out
}

struct Lexer<'a> {
    rest: &'a str,
    out: String,
    /// The code character before `rest`, to tell `r"` from `bar"`.
    last: char,
}

impl Lexer<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end, ' ');
        } else if self.rest.starts_with("/*") {
            let end = block_comment_end(self.rest);
            self.blank(end, ' ');
        } else if let Some(end) = self.raw_string_end() {
            self.blank(end, LITERAL);
        } else if first == '"' {
            let end = quoted_end(self.rest, '"');
            self.blank(end, LITERAL);
        } else if let Some(end) = char_end(self.rest) {
            self.blank(end, LITERAL);
        } else {
            self.out.push(first);
            self.last = first;
            self.skip(first.len_utf8());
        }
        true
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn blank(&mut self, bytes: usize, with: char) {
        let text = self.rest.get(..bytes).unwrap_or(self.rest);
        self.out.extend(text.chars().map(|c| if c == '\n' { c } else { with }));
        self.last = ' ';
        self.skip(bytes);
    }

    /// The length of the raw string that begins here, if one does.
    fn raw_string_end(&self) -> Option<usize> {
        if self.last.is_alphanumeric() || self.last == '_' {
            return None;
        }
        let start = self.rest.strip_prefix(['b', 'c']).unwrap_or(self.rest).strip_prefix('r')?;
        let inside = start.trim_start_matches('#');
        let hashes = start.len() - inside.len();
        let inside = inside.strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let head = self.rest.len() - inside.len();
        let length = inside.find(&close).map_or(inside.len(), |at| at + close.len());
        Some(head + length)
    }
}

fn block_comment_end(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of the quoted literal at the start of `text`, quotes included.
fn quoted_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The length of a character literal at the start of `text`; none for a lifetime.
fn char_end(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let mut chars = inside.chars();
    match (chars.next()?, chars.next()) {
        ('\\', _) => Some(quoted_end(text, '\'')),
        (c, Some('\'')) => Some(c.len_utf8() + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{LITERAL, mask};

    fn shown(source: &str) -> String {
        mask(source).replace(LITERAL, "~")
    }

    #[test]
    fn comments_become_blanks() {
        assert_eq!(shown("a // {\nb /* { /* } */\n*/ c"), "a     \nb             \n   c");
    }

    #[test]
    fn strings_become_literals() {
        assert_eq!(shown(r#"x("{\"}") y"#), "x(~~~~~~) y");
        assert_eq!(shown("r#\"a\"{\"# z bar\"{\""), "~~~~~~~~ z bar~~~");
        assert_eq!(shown("\"a\nb\" c"), "~~\n~~ c");
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        assert_eq!(shown("'{' '\\'' &'a str"), "~~~ ~~~~ &'a str");
        assert_eq!(shown("'é'"), "~~~");
    }

    #[test]
    fn an_open_end_is_no_endless_loop() {
        for source in ["\"abc", "/* abc", "r#\"abc", "'\\", "'"] {
            assert_eq!(mask(source).chars().count(), source.chars().count());
        }
    }
}
