//! The log of messages: a line of JSON each.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::copy::Done;
use super::files::{Direction, Job, Place};
use super::inspect;
use crate::error::Error;

/// A file to which lines are appended.
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        let file = file.map_err(|cause| Error::io(format!("open {}", path.display()), cause))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends what was done, in one write.
    pub(super) fn write(
        &mut self,
        direction: Direction,
        job: &Job,
        done: &Done,
    ) -> Result<(), Error> {
        let place = |place: &Place| match place {
            Place::Pipe => "-".to_owned(),
            Place::File(path) => path.display().to_string(),
        };
        let mode = match direction {
            Direction::Encrypt => "encrypt",
            Direction::Decrypt => "decrypt",
        };
        let mut line = json!({
            "mode": mode,
            "input": place(&job.input),
            "output": place(&job.output),
            "plaintextLength": done.len,
            "header": inspect::described(&done.header),
        })
        .to_string();
        line.push('\n');
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|cause| Error::io(format!("write {}", self.path.display()), cause))
    }
}
