//! What is to be done: one input and output, or all files of a folder.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What encrypted files are called: their own name, and this.
const SEALED: &str = ".encrypted";
/// What decrypted files are called that were not called so: their own name, and this.
const OPENED: &str = ".decrypted";

/// How deep folders are followed. Links to folders are not.
const MAX_DEPTH: usize = 64;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Encrypt,
    Decrypt,
}

/// Where bytes come from, or go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Standard input or output.
    Pipe,
    File(PathBuf),
}

/// One message.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) input: Place,
    pub(super) output: Place,
    /// The input's length in bytes, where it is known.
    pub(super) len: Option<u64>,
}

impl Job {
    /// What messages call it.
    pub(super) fn name(&self) -> String {
        match &self.input {
            Place::File(path) => path.display().to_string(),
            Place::Pipe => "standard input".to_owned(),
        }
    }
}

/// All messages, in the order of their paths.
pub(super) fn jobs(
    input: Option<&Path>,
    output: Option<&Path>,
    direction: Direction,
) -> Result<Vec<Job>, Error> {
    let place = |path: Option<&Path>| match path {
        Some(path) if path != Path::new("-") => Place::File(path.to_owned()),
        _ => Place::Pipe,
    };
    let (input, output) = (place(input), place(output));
    let Place::File(path) = &input else {
        return Ok(vec![Job { input, output, len: None }]);
    };
    let metadata =
        fs::metadata(path).map_err(|cause| Error::io(format!("read {}", path.display()), cause))?;
    if !metadata.is_dir() {
        let len = metadata.is_file().then_some(metadata.len());
        let output = match output {
            // Into a folder, by the name that it would have in a folder of files.
            Place::File(folder) if folder.is_dir() => {
                Place::File(folder.join(renamed(path.file_name().unwrap_or_default(), direction)))
            }
            other => other,
        };
        return Ok(vec![Job { input, output, len }]);
    }
    let Place::File(output) = output else {
        let text = "the input is a folder: name another for the output with -o".to_owned();
        return Err(Error::Usage(text));
    };
    let mut jobs = Vec::new();
    walk(path, &output, direction, 0, &mut jobs)?;
    Ok(jobs)
}

fn walk(
    from: &Path,
    to: &Path,
    direction: Direction,
    depth: usize,
    jobs: &mut Vec<Job>,
) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        let text = format!("{} is more than {MAX_DEPTH} folders deep", from.display());
        return Err(Error::Usage(text));
    }
    let failed = |cause| Error::io(format!("list {}", from.display()), cause);
    let mut entries =
        fs::read_dir(from).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        // An output within the input would be read as it is written.
        if path == to {
            continue;
        }
        if kind.is_dir() {
            walk(&path, &to.join(entry.file_name()), direction, depth + 1, jobs)?;
            continue;
        }
        // Of links, what they lead to, if that is a file.
        let metadata = fs::metadata(&path).map_err(failed)?;
        if metadata.is_file() {
            let output = Place::File(to.join(renamed(&entry.file_name(), direction)));
            jobs.push(Job { input: Place::File(path), output, len: Some(metadata.len()) });
        }
    }
    Ok(())
}

/// What a file's message is called, or a message's file.
fn renamed(name: &std::ffi::OsStr, direction: Direction) -> OsString {
    let suffix = match direction {
        Direction::Encrypt => SEALED,
        Direction::Decrypt => {
            let plain = name.to_str().and_then(|name| name.strip_suffix(SEALED));
            match plain.filter(|name| !name.is_empty()) {
                Some(name) => return name.into(),
                None => OPENED,
            }
        }
    };
    let mut renamed = name.to_owned();
    renamed.push(suffix);
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_there_and_back() {
        let there = |name: &str| renamed(name.as_ref(), Direction::Encrypt);
        let back = |name: &str| renamed(name.as_ref(), Direction::Decrypt);
        assert_eq!(
            (there("a.txt"), back("a.txt.encrypted")),
            ("a.txt.encrypted".into(), "a.txt".into())
        );
        assert_eq!(
            (back("a.bin"), back(".encrypted")),
            ("a.bin.decrypted".into(), ".encrypted.decrypted".into())
        );
    }

    #[test]
    fn folders_are_followed_and_an_output_within_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        fs::create_dir(root.join("out")).unwrap();
        for file in ["z", "b/y", "b/c/x", "out/w"] {
            fs::write(root.join(file), file).unwrap();
        }
        let jobs = jobs(Some(root), Some(&root.join("out")), Direction::Encrypt).unwrap();
        let outputs: Vec<_> = jobs
            .iter()
            .map(|job| match &job.output {
                Place::File(path) => path.strip_prefix(root).unwrap().display().to_string(),
                Place::Pipe => String::new(),
            })
            .collect();
        assert_eq!(outputs, ["out/b/c/x.encrypted", "out/b/y.encrypted", "out/z.encrypted"]);
        assert_eq!(jobs[2].len, Some(1));
        assert!(super::jobs(Some(root), None, Direction::Encrypt).is_err());
    }
}
