//! Style that rustfmt and clippy have no rule for, as TigerBeetle's tidy has it.

mod markdown;
mod mask;
mod rust;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::paths;

/// Endings of the files that are read as text.
const TEXT: [&str; 10] = ["rs", "md", "toml", "py", "js", "mjs", "sh", "in", "yml", "json"];

/// Text this long is data, whatever its ending.
const MAX_TEXT_BYTES: usize = 4 << 20;

/// One fault: where, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    file: PathBuf,
    /// 1-based; 0 speaks of the whole file.
    line: usize,
    what: String,
}

impl Fault {
    fn new(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.what),
        }
    }
}

/// `cargo xtask tidy`.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    if !args.is_empty() {
        return Err(Failure::Usage("usage: cargo xtask tidy".to_owned()));
    }
    check()?;
    println!("tidy");
    Ok(())
}

/// Checks every file that git knows or would add; an error that lists the faults.
pub(crate) fn check() -> Result<(), Failure> {
    let root = paths::root();
    let mut faults = Vec::new();
    for file in files(&root)? {
        let bytes = match fs::read(root.join(&file)) {
            Ok(bytes) => bytes,
            // Deleted, and the deletion not committed yet.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(Failure::file(&file, e)),
        };
        examine(&root, &file, &bytes, &mut faults);
    }
    if faults.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
    Err(Failure::Found(format!("{} fault(s)\n{}", lines.len(), lines.join("\n"))))
}

/// The files of the repository, relative to its root.
fn files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let output = git.stdin(Stdio::null()).output();
    let output = output.map_err(|source| Failure::Start { program: "git".to_owned(), source })?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::Setup(format!("git ls-files: {errors}")));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

fn examine(root: &Path, file: &Path, bytes: &[u8], faults: &mut Vec<Fault>) {
    // A corpus holds what the fuzzer found, and nothing is a fine thing to find.
    if file.starts_with("fuzz/corpus") {
        return;
    }
    if bytes.is_empty() {
        faults.push(Fault::new(file, 0, "the file is empty"));
        return;
    }
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if !TEXT.contains(&ending) || bytes.len() > MAX_TEXT_BYTES {
        return;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        faults.push(Fault::new(file, 0, "not UTF-8"));
        return;
    };
    for (index, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            faults.push(Fault::new(file, index + 1, "white space at the end of the line"));
        }
    }
    match ending {
        "rs" => rust::check(file, text, faults),
        "md" => markdown::check(root, file, text, faults),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(file: &str, text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        examine(&paths::root(), Path::new(file), text.as_bytes(), &mut faults);
        faults.iter().map(Fault::to_string).collect()
    }

    #[test]
    fn an_empty_file_and_trailing_blanks_are_faults() {
        assert_eq!(faults("a.py", ""), ["a.py: the file is empty"]);
        assert_eq!(faults("fuzz/corpus/x/1", ""), Vec::<String>::new());
        assert_eq!(faults("a.py", "a\nb \n"), ["a.py:2: white space at the end of the line"]);
    }

    #[test]
    fn this_repository_is_listed() {
        let files = files(&paths::root()).unwrap();
        assert!(files.contains(&PathBuf::from("xtask/Cargo.toml")));
        assert!(!files.iter().any(|file| file.starts_with("target")));
    }
}
