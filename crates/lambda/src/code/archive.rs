//! Archives: checked when they come, unpacked when their code is to run. Both go through the same
//! reading, so that nothing is unpacked that was not checked.

use std::collections::HashSet;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bulla_shapes::Fault;
use zip::ZipArchive;

use super::{MAX_DEPTH, MAX_ENTRIES, MAX_NAME_BYTES, MAX_UNZIPPED_BYTES};
use crate::fault;

/// The mode of folders, of files, and of files that the archive calls executable.
const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const PROGRAM_MODE: u32 = 0o755;
/// The bits of a Unix mode that tell what an entry is, and their values for the kinds taken.
const KIND_BITS: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
/// The bits that make a file executable.
const EXECUTE_BITS: u32 = 0o111;
/// How much of an entry is read at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Why an archive is not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is no archive, or one that can't be read.
    Unreadable,
    /// It has no file.
    Empty,
    /// It would unpack to too much.
    TooLarge,
    /// It has too many entries.
    TooMany,
    /// An entry can't be unpacked as what it says it is. The text tells why, without the name.
    Entry(&'static str),
    /// What was unpacked can't be written.
    Write(io::Error),
}

impl Refusal {
    /// What whoever uploaded it hears. Texts of entries are ours.
    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::Unreadable => fault::not_a_zip(),
            Self::Empty => fault::invalid("Uploaded file must be a non-empty zip"),
            Self::TooLarge => {
                let text = format!("Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes");
                fault::invalid(text)
            }
            Self::TooMany => {
                let text = format!("The archive must have at most {MAX_ENTRIES} entries.");
                fault::invalid(text)
            }
            Self::Entry(why) => fault::invalid(format!("The archive has an entry that {why}.")),
            Self::Write(error) => {
                tracing::error!(%error, "an archive can't be unpacked");
                fault::internal()
            }
        }
    }
}

/// Reads an archive to its end.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    walk(bytes, |_, _, content| {
        io::copy(content, &mut io::sink()).map_err(|_| Refusal::Unreadable)?;
        Ok(())
    })
}

/// Unpacks an archive into a folder that is there and empty.
pub(crate) fn unpack(bytes: &[u8], into: &Path) -> Result<(), Refusal> {
    let mut folders: HashSet<PathBuf> = HashSet::from([into.to_owned()]);
    walk(bytes, |entry, path, content| {
        let path = into.join(path);
        if entry == Kind::Folder {
            return make(&path, &mut folders).map_err(Refusal::Write);
        }
        make(path.parent().unwrap_or(into), &mut folders).map_err(Refusal::Write)?;
        let mode = if entry == Kind::Program { PROGRAM_MODE } else { FILE_MODE };
        // An entry that comes twice, or lies where a folder does, is not written over.
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        let mut file = file.map_err(Refusal::Write)?;
        // Whatever the process takes away from new files' modes.
        file.set_permissions(Permissions::from_mode(mode)).map_err(Refusal::Write)?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = content.read(&mut buffer).map_err(|_| Refusal::Unreadable)?;
            let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else {
                return Ok(());
            };
            file.write_all(read).map_err(Refusal::Write)?;
        }
    })
}

/// Makes a folder and those that it lies in, up to one that is known.
fn make(folder: &Path, known: &mut HashSet<PathBuf>) -> io::Result<()> {
    let new: Vec<&Path> = folder.ancestors().take_while(|path| !known.contains(*path)).collect();
    for path in new.into_iter().rev() {
        DirBuilder::new().mode(FOLDER_MODE).create(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))?;
        known.insert(path.to_owned());
    }
    Ok(())
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Program,
}

/// Goes through the entries. What an entry says of its own size is not believed: all that is read
/// of all entries together is counted.
fn walk(
    bytes: &[u8],
    mut take: impl FnMut(Kind, &Path, &mut dyn Read) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Refusal::Unreadable)?;
    if archive.len() > MAX_ENTRIES {
        return Err(Refusal::TooMany);
    }
    let (mut left, mut files) = (MAX_UNZIPPED_BYTES, 0_usize);
    let mut seen: HashSet<PathBuf> = HashSet::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| Refusal::Unreadable)?;
        if entry.encrypted() {
            return Err(Refusal::Entry("is encrypted"));
        }
        let kind = kind(entry.unix_mode(), entry.is_dir())?;
        let path = path(&entry.name().map_err(|_| Refusal::Unreadable)?)?;
        if kind != Kind::Folder {
            files += 1;
            if !seen.insert(path.clone()) {
                return Err(Refusal::Entry("is there twice"));
            }
        }
        let mut counted = Counted { inner: &mut entry, left };
        let taken = take(kind, &path, &mut counted);
        left = counted.left;
        if left == 0 {
            return Err(Refusal::TooLarge);
        }
        taken?;
    }
    if files == 0 { Err(Refusal::Empty) } else { Ok(()) }
}

/// What an entry is: only plain files and folders are taken, and no links of any kind.
fn kind(mode: Option<u32>, is_folder: bool) -> Result<Kind, Refusal> {
    let mode = mode.unwrap_or(0);
    match mode & KIND_BITS {
        0 | REGULAR if !is_folder && mode & EXECUTE_BITS != 0 => Ok(Kind::Program),
        0 | REGULAR if !is_folder => Ok(Kind::File),
        0 | FOLDER if is_folder => Ok(Kind::Folder),
        _ => Err(Refusal::Entry("is neither a file nor a folder")),
    }
}

/// The relative path of an entry: each part a name, none of them `.` or `..`.
fn path(name: &str) -> Result<PathBuf, Refusal> {
    if name.len() > MAX_NAME_BYTES {
        return Err(Refusal::Entry("has too long a name"));
    }
    if name.starts_with('/') || is_odd(name) {
        return Err(Refusal::Entry("has an absolute path or a name that is no path"));
    }
    let parts: Vec<&str> = name.trim_end_matches('/').split('/').collect();
    if parts.len() > MAX_DEPTH {
        return Err(Refusal::Entry("lies too deep"));
    }
    let strays = |part: &&str| matches!(*part, "" | "." | "..");
    if parts.iter().any(strays) {
        return Err(Refusal::Entry("has a path that leaves its folder"));
    }
    Ok(parts.iter().collect())
}

/// Whether a name holds what separates paths elsewhere: a backslash, a zero byte, or a drive.
fn is_odd(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    drive || name.contains(['\\', '\0'])
}

/// Reads no more than what is left to all entries.
struct Counted<'r, R> {
    inner: &'r mut R,
    left: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("more than an archive may hold"));
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..room) else { return Ok(0) };
        let count = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    use super::*;

    fn archive(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, mode, content) in entries {
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .unix_permissions(*mode);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// An archive whose names were changed after it was made, as no library writes such.
    fn renamed(from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let bytes = archive(&[(from, 0o644, b"x")]);
        let (from, to) = (from.as_bytes(), to.as_bytes());
        let mut out = bytes.clone();
        for at in 0..bytes.len().saturating_sub(from.len()) {
            if bytes[at..].starts_with(from) {
                out[at..at + to.len()].copy_from_slice(to);
            }
        }
        out
    }

    #[test]
    fn files_are_unpacked_with_their_mode() {
        let bytes = archive(&[("a.py", 0o644, b"pass"), ("bin/run", 0o755, b"#!")]);
        check(&bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        unpack(&bytes, folder.path()).unwrap();
        assert_eq!(std::fs::read(folder.path().join("a.py")).unwrap(), b"pass");
        let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!((mode("a.py") & 0o777, mode("bin/run") & 0o777), (0o644, 0o755));
    }

    #[test]
    fn what_would_leave_the_folder_is_refused() {
        for name in ["../xx.py", "/a/b/c.py", "a/../b.py", "a\\..\\b.py", "C:/a/b.py", "./a/b.py"] {
            let plain = "q".repeat(name.len());
            let refused = check(&renamed(&plain, name)).unwrap_err();
            assert!(matches!(refused, Refusal::Entry(_)), "{name}: {refused:?}");
            let folder = tempfile::tempdir().unwrap();
            assert!(unpack(&renamed(&plain, name), folder.path()).is_err(), "{name}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
        }
    }

    #[test]
    fn links_are_refused() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        assert!(matches!(check(&bytes), Err(Refusal::Entry(_))));
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let zeros = vec![0; 32 << 20];
        let names: Vec<String> = (0..9).map(|number| format!("{number}")).collect();
        let entries: Vec<_> =
            names.iter().map(|name| (name.as_str(), 0o644, zeros.as_slice())).collect();
        let bytes = archive(&entries);
        assert!(bytes.len() < 1 << 20, "{}", bytes.len());
        assert!(matches!(check(&bytes), Err(Refusal::TooLarge)));
    }

    #[test]
    fn nonsense_and_nothing_are_refused() {
        assert!(matches!(check(b"no archive"), Err(Refusal::Unreadable)));
        assert!(matches!(check(b""), Err(Refusal::Unreadable)));
        assert!(matches!(check(&archive(&[])), Err(Refusal::Empty)));
        let twice = renamed("aa", "aa");
        assert!(check(&twice).is_ok());
        let many: Vec<String> = (0..=MAX_ENTRIES).map(|number| number.to_string()).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), 0o644, &b""[..])).collect();
        assert!(matches!(check(&archive(&many)), Err(Refusal::TooMany)));
    }

    #[test]
    fn an_altered_archive_is_refused() {
        let bytes = archive(&[("a.py", 0o644, &b"def handler(event, context): pass\n".repeat(9))]);
        let mut altered = bytes.clone();
        altered[40] ^= 1;
        assert!(check(&altered).is_err());
        for end in 0..bytes.len() {
            assert!(check(&bytes[..end]).is_err(), "cut at {end}");
        }
    }
}
