//! Bracketed character classes of Java's regular expressions, as a set of ranges.

/// The most ranges a class may have; the models' longest has under twenty.
const MAX_RANGES: usize = 128;

/// A set of characters.
#[derive(Debug, Default)]
pub(crate) struct CharSet {
    ranges: Vec<(char, char)>,
    letters: bool,
    separators: bool,
    numbers: bool,
}

/// One item of a class: a character that may begin a range, or a whole class.
enum Item {
    One(char),
    Class,
}

impl CharSet {
    /// Reads `[...]`; `None` where the text is not exactly one plain, positive class.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        let mut set = Self::default();
        let mut rest = inner.chars().peekable();
        if rest.peek() == Some(&'^') {
            return None;
        }
        while let Some(c) = rest.next() {
            let Item::One(from) = set.item(c, &mut rest)? else { continue };
            let mut ahead = rest.clone();
            let to = match (ahead.next(), ahead.next()) {
                (Some('-'), Some(next)) => {
                    rest = ahead;
                    match set.item(next, &mut rest)? {
                        Item::One(to) => to,
                        Item::Class => {
                            set.add('-', '-')?;
                            from
                        }
                    }
                }
                _ => from,
            };
            set.add(from, to)?;
        }
        Some(set)
    }

    /// Whether a character is in the set.
    pub(crate) fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&c))
            || (self.letters && is_letter(c))
            || (self.separators && is_separator(c))
            || (self.numbers && c.is_numeric())
    }

    fn add(&mut self, from: char, to: char) -> Option<()> {
        if from > to || self.ranges.len() >= MAX_RANGES {
            return None;
        }
        self.ranges.push((from, to));
        Some(())
    }

    fn item(
        &mut self,
        c: char,
        rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    ) -> Option<Item> {
        match c {
            '\\' => self.escape(rest),
            // Nested classes and intersections are not read here.
            '[' | ']' | '&' if c != '&' || rest.peek() == Some(&'&') => None,
            _ => Some(Item::One(c)),
        }
    }

    fn escape(&mut self, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Item> {
        match rest.next()? {
            'w' => {
                for (from, to) in [('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')] {
                    self.add(from, to)?;
                }
                Some(Item::Class)
            }
            'd' => self.add('0', '9').map(|()| Item::Class),
            's' => {
                for c in [' ', '\t', '\n', '\u{b}', '\u{c}', '\r'] {
                    self.add(c, c)?;
                }
                Some(Item::Class)
            }
            'u' => hex(rest, 4).map(Item::One),
            'x' => hex(rest, 2).map(Item::One),
            't' => Some(Item::One('\t')),
            'n' => Some(Item::One('\n')),
            'r' => Some(Item::One('\r')),
            'p' => self.property(rest),
            c if c.is_ascii_alphanumeric() => None,
            c => Some(Item::One(c)),
        }
    }

    fn property(&mut self, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Item> {
        let name: String = match rest.next()? {
            '{' => rest.take_while(|c| *c != '}').collect(),
            c => c.into(),
        };
        match name.as_str() {
            "L" | "IsL" => self.letters = true,
            "Z" => self.separators = true,
            "N" => self.numbers = true,
            "Nd" | "Digit" => self.add('0', '9')?,
            "Graph" => self.add('!', '~')?,
            "Alnum" => {
                self.add('a', 'z')?;
                self.add('A', 'Z')?;
                self.add('0', '9')?;
            }
            "Alpha" => {
                self.add('a', 'z')?;
                self.add('A', 'Z')?;
            }
            "ASCII" => self.add('\0', '\u{7f}')?,
            _ => return None,
        }
        Some(Item::Class)
    }
}

fn hex(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, digits: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + rest.next()?.to_digit(16)?;
    }
    char::from_u32(code)
}

/// Close to the category L: alphabetic, without the letter-like numbers and circled letters that
/// the standard library counts in. Vowel signs of Indic scripts (category M) are still let in.
fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !c.is_numeric() && !('\u{24b6}'..='\u{24e9}').contains(&c)
}

/// The category Z: spaces, and the line and paragraph separators.
fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}
