//! Bulla's store: rows of sealed bytes behind compare-and-commit.
//!
//! From the bottom up:
//! - [`Store`] is the contract of an engine: a snapshot to read from, a [`Batch`] that commits in
//!   whole or not at all, and the changes since a revision. Engines are untrusted: they see sealed
//!   bytes only.
//! - [`Sqlite`] keeps rows in a directory, [`Memory`] keeps them until the process ends,
//!   [`Simulated`] keeps them on a virtual disk that fails as a seed tells it to.
//! - [`Barrier`] is what services use: it seals every value under a domain key, binds it to its
//!   space, key and version, and keeps an attestation of all rows, so that a row that was altered,
//!   swapped, rolled back, added or removed is found.
//!
//! Every engine passes the one suite in the module `conformance` (feature of the same name).

mod barrier;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod engine;
mod memory;
mod simulated;
mod sqlite;

pub use barrier::{
    Attested, Barrier, BarrierError, CARRIED, Companion, Expected, MAX_NAMED_ROWS,
    MAX_UPDATE_ATTEMPTS, Opened, OpenedPage, Rewrap, SealedBatch, Sieve, Sifted, Slot, Verified,
    View, accompanied,
};
pub use engine::*;
pub use memory::Memory;
pub use simulated::{Disk, DiskFault, Faults, Simulated};
pub use sqlite::{DATABASE_FILE, LOCK_FILE, Sqlite};
