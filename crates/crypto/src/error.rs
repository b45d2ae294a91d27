//! What can go wrong, and whose fault it is.

use std::{fmt, io};

/// A failure of a cryptographic operation. No variant ever holds a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CryptoError {
    /// The caller's data: ciphertext, nonce, associated data and key do not belong together.
    /// Deliberately says no more than that.
    Unauthentic,
    /// The caller's data: key bytes of the wrong length, in bytes.
    KeyLength {
        /// The length that the key must have.
        expected: usize,
        /// The length that it had.
        got: usize,
    },
    /// The caller's data: a number or length outside its limits, both ends allowed.
    OutOfRange {
        /// The parameter's name.
        name: &'static str,
        /// The value that was refused.
        got: u64,
        /// The smallest value allowed.
        min: u64,
        /// The largest value allowed.
        max: u64,
    },
    /// The caller's data: something is not the key that it should be. Holds what it should be.
    MalformedKey(&'static str),
    /// The environment: the operating system gave no random bytes.
    RandomSource,
    /// The environment: the random source repeated itself. It stays refused until a restart.
    RandomSourceStuck,
    /// The environment: the operating system gave no memory for keys. Holds the errno.
    KeyMemory(i32),
    /// The environment or ours: the key arena has reached its limit, in bytes.
    KeyMemoryFull {
        /// [`crate::MAX_ARENA_BYTES`].
        limit: usize,
    },
    /// The environment: no memory for the passphrase hash, in KiB.
    PasswordMemory {
        /// The memory asked for.
        kib: u32,
    },
    /// The environment: a protection of the process was refused. Holds its name and the errno.
    Hardening(&'static str, i32),
    /// Ours: the cryptographic library refused a call that should be valid.
    Library(&'static str),
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unauthentic => f.write_str("the data is not authentic under this key"),
            Self::KeyLength { expected, got } => {
                write!(f, "a key must have {expected} bytes, this one has {got}")
            }
            Self::OutOfRange { name, got, min, max } => {
                write!(f, "{name} is {got}, it must be from {min} to {max}")
            }
            Self::MalformedKey(what) => write!(f, "this is not {what}"),
            Self::RandomSource => f.write_str("the operating system's random source failed"),
            Self::RandomSourceStuck => f.write_str(
                "the random source repeated itself and is no longer used: \
                 find out why, then restart",
            ),
            Self::KeyMemory(errno) => {
                write!(f, "no memory for keys: {}", io::Error::from_raw_os_error(errno))
            }
            Self::KeyMemoryFull { limit } => {
                write!(f, "the memory for keys has reached its limit of {limit} bytes")
            }
            Self::PasswordMemory { kib } => {
                write!(f, "no memory for the passphrase hash, which needs {kib} KiB")
            }
            Self::Hardening(what, errno) => {
                write!(f, "could not {what}: {}", io::Error::from_raw_os_error(errno))
            }
            Self::Library(call) => write!(f, "the cryptographic library refused {call}"),
        }
    }
}

impl std::error::Error for CryptoError {}
