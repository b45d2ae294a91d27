//! What a cell is to become.

use std::io::{self, Read};
use std::path::PathBuf;

use bulla_plane::SecretText;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::group::Group;

/// A function's program, and the walls around it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// All of its environment.
    pub(crate) environment: Vec<(String, SecretText)>,
    /// Its working directory.
    pub(crate) folder: PathBuf,
    /// Whom it runs as; nobody else than Bulla where that is not root.
    pub(crate) user: Option<User>,
    pub(crate) limits: Limits,
    /// What limits all of its processes together, where the system can.
    pub(crate) group: Option<Group>,
    /// What it may read and run, and what it may write.
    pub(crate) readable: Vec<PathBuf>,
    pub(crate) writable: Vec<PathBuf>,
}

/// A user and its only group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Limits of each of a function's processes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// Private memory that can be written, in bytes.
    pub(crate) memory: u64,
    /// How many processes and threads the function may have.
    pub(crate) processes: u64,
    /// The largest file, in bytes.
    pub(crate) file: u64,
    /// How many open files.
    pub(crate) files: u64,
}

/// The group of a specification.
pub(super) fn group(spec: &[u8]) -> io::Result<Option<Group>> {
    #[derive(Deserialize)]
    struct Grouped {
        group: Option<Group>,
    }
    Ok(serde_json::from_slice::<Grouped>(spec)?.group)
}

/// Reads a length in four bytes, and so many bytes.
pub(crate) fn read_framed(from: &mut impl Read, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too long a specification"));
    }
    let mut bytes = Zeroizing::new(vec![0; length]);
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A specification with its length before it.
pub(crate) fn framed(spec: &Spec) -> io::Result<Zeroizing<Vec<u8>>> {
    let json = Zeroizing::new(serde_json::to_vec(spec)?);
    let length = u32::try_from(json.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(json.len().saturating_add(4)));
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&json);
    Ok(bytes)
}
