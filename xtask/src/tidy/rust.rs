//! Rules for Rust files: lengths, macros that must not stay, the first line.

use std::path::Path;

use super::Fault;
use super::mask::{LITERAL, mask};

const MAX_FILE_LINES: usize = 1000;
const MAX_COLUMNS: usize = 100;
const MAX_FUNCTION_LINES: usize = 70;

/// Macros for the time of writing, not for a commit.
const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];

/// In the first lines of a file that a chore writes: lengths are the chore's business then.
const GENERATED: &str = "@generated";

pub(super) fn check(file: &Path, text: &str, faults: &mut Vec<Fault>) {
    let is_root = file.ends_with("src/lib.rs") || file.ends_with("src/main.rs");
    if is_root && !text.starts_with("//!") {
        faults.push(Fault::new(file, 1, "begin with `//!`: what this crate is for"));
    }
    let masked = mask(text);
    unfinished(file, &masked, faults);
    if text.lines().take(5).any(|line| line.contains(GENERATED)) {
        return;
    }
    let lines = text.lines().count();
    if lines > MAX_FILE_LINES {
        faults.push(Fault::new(file, 0, format!("{lines} lines, more than {MAX_FILE_LINES}")));
    }
    columns(file, text, &masked, faults);
    if !file.components().any(|part| part.as_os_str() == "tests") {
        function_lengths(file, &masked, faults);
    }
}

fn unfinished(file: &Path, masked: &str, faults: &mut Vec<Fault>) {
    for (index, line) in masked.lines().enumerate() {
        for name in UNFINISHED {
            if has_word(line, name) {
                faults.push(Fault::new(file, index + 1, format!("{name} must not stay")));
            }
        }
    }
}

/// Whether `word` stands in `line` and is not the end of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn columns(file: &Path, text: &str, masked: &str, faults: &mut Vec<Fault>) {
    for (index, (line, masked)) in text.lines().zip(masked.lines()).enumerate() {
        let columns = line.chars().count();
        // A long literal or address cannot be broken without harm.
        let excepted = masked.contains(LITERAL) || line.contains("://");
        if columns > MAX_COLUMNS && !excepted {
            faults.push(Fault::new(file, index + 1, format!("{columns} columns wide")));
        }
    }
}

/// A function or test module whose body is being read.
struct Open {
    name: String,
    line: usize,
    depth: usize,
}

/// Reads a file's tokens, keeping the functions that are open.
struct Reader<'a> {
    file: &'a Path,
    faults: &'a mut Vec<Fault>,
    depth: usize,
    parens: usize,
    /// `fn name` seen, its body not begun.
    pending: Option<(String, usize)>,
    open: Vec<Open>,
    /// Depth at which the test module that is being read began.
    test_depth: Option<usize>,
    test_next: bool,
}

fn function_lengths(file: &Path, masked: &str, faults: &mut Vec<Fault>) {
    let mut reader = Reader {
        file,
        faults,
        depth: 0,
        parens: 0,
        pending: None,
        open: Vec::new(),
        test_depth: None,
        test_next: false,
    };
    let mut after_fn = false;
    for (index, line) in masked.lines().enumerate() {
        reader.test_next |= line.contains("#[cfg(test)]");
        for token in tokens(line) {
            if after_fn && token.starts_with(is_name) {
                reader.pending = Some((token.to_owned(), index + 1));
                reader.parens = 0;
            }
            after_fn = token == "fn";
            reader.punctuation(token, index + 1);
        }
    }
}

impl Reader<'_> {
    fn punctuation(&mut self, token: &str, line: usize) {
        match token {
            "(" | "[" => self.parens += 1,
            ")" | "]" => self.parens = self.parens.saturating_sub(1),
            // A semicolon in `[u8; 4]` ends no signature.
            ";" if self.parens == 0 => {
                self.pending = None;
                self.test_next = false;
            }
            "{" => self.begin(),
            "}" => self.end(line),
            _ => {}
        }
    }

    fn begin(&mut self) {
        if self.test_next && self.test_depth.is_none() {
            self.test_depth = Some(self.depth);
        }
        self.test_next = false;
        if let Some((name, line)) = self.pending.take() {
            self.open.push(Open { name, line, depth: self.depth });
        }
        self.depth += 1;
    }

    fn end(&mut self, line: usize) {
        self.depth = self.depth.saturating_sub(1);
        if self.test_depth == Some(self.depth) {
            self.test_depth = None;
            self.open.retain(|open| open.depth < self.depth);
        }
        let Some(open) = self.open.pop_if(|open| open.depth == self.depth) else {
            return;
        };
        let lines = line - open.line + 1;
        if lines > MAX_FUNCTION_LINES && self.test_depth.is_none() {
            let what = format!("`{}` has {lines} lines, more than {MAX_FUNCTION_LINES}", open.name);
            self.faults.push(Fault::new(self.file, open.line, what));
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Names, and every other character by itself.
fn tokens(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = if is_name(first) {
            rest.find(|c| !is_name(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(file: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        check(Path::new(file), text, &mut faults);
        faults.iter().map(Fault::to_string).collect()
    }

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}(x: [u8; 4]) {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    #[test]
    fn a_crate_tells_what_it_is_for() {
        assert_eq!(faults("crates/a/src/lib.rs", "//! A.\n"), Vec::<String>::new());
        assert_eq!(faults("crates/a/src/lib.rs", "mod b;\n").len(), 1);
        assert_eq!(faults("crates/a/src/b.rs", "mod c;\n"), Vec::<String>::new());
    }

    #[test]
    fn functions_fit_a_screen() {
        assert_eq!(faults("a.rs", &function("fits", 70)), Vec::<String>::new());
        let text = format!("{}{}", function("fits", 9), function("long", 71));
        assert_eq!(faults("a.rs", &text), ["a.rs:10: `long` has 71 lines, more than 70"]);
    }

    #[test]
    fn a_function_in_an_impl_or_function_is_measured_by_itself() {
        let text = format!("impl A {{\n{}{}}}\n", function("one", 60), function("two", 60));
        assert_eq!(faults("a.rs", &text), Vec::<String>::new());
        let text = format!("fn outer() {{\n{}}}\n", function("inner", 71));
        assert_eq!(faults("a.rs", &text).len(), 2);
    }

    #[test]
    fn test_modules_may_have_long_functions() {
        let text = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function("long", 90));
        assert_eq!(faults("a.rs", &text), Vec::<String>::new());
        let after = format!("{text}{}", function("later", 80));
        assert_eq!(faults("a.rs", &after).len(), 1);
        let outside = format!("#[cfg(test)]\nmod tests;\n{}", function("later", 80));
        assert_eq!(faults("a.rs", &outside).len(), 1);
    }

    #[test]
    fn a_trait_method_without_body_opens_nothing() {
        let text =
            format!("trait A {{\n fn a(&self);\n}}\nstruct B {{\n{}}}\n", " c: u8,\n".repeat(90));
        assert_eq!(faults("a.rs", &text), Vec::<String>::new());
    }

    #[test]
    fn lines_are_narrow_unless_they_hold_a_literal() {
        let wide = "x".repeat(101);
        assert_eq!(faults("a.rs", &wide), ["a.rs:1: 101 columns wide"]);
        assert_eq!(faults("a.rs", &format!("let a = \"{wide}\";")), Vec::<String>::new());
        assert_eq!(faults("a.rs", &format!("// {wide}")).len(), 1);
    }

    #[test]
    fn long_files_are_faults_unless_generated() {
        let long = "//! A.\n".repeat(1001);
        assert_eq!(faults("a.rs", &long), ["a.rs: 1001 lines, more than 1000"]);
        assert_eq!(faults("a.rs", &format!("// @generated\n{long}")), Vec::<String>::new());
    }

    #[test]
    fn unfinished_macros_are_found_in_code_only() {
        let call = format!("    {}()", UNFINISHED.concat().get(..5).unwrap());
        assert_eq!(faults("a.rs", &call), [format!("a.rs:1: {} must not stay", UNFINISHED[0])]);
        assert_eq!(faults("a.rs", &format!("// {call}")), Vec::<String>::new());
        assert_eq!(faults("a.rs", &format!("my_{}", call.trim())), Vec::<String>::new());
    }
}
