//! Code: what an archive may hold, where it is kept, and how it is laid out to be run.

pub(crate) mod archive;
pub(crate) mod kept;

/// The largest archive that can be uploaded, in bytes (Lambda user guide, "Quotas").
pub(crate) const MAX_ZIPPED_BYTES: usize = 50 << 20;
/// The most that an archive may unpack to, in bytes (Lambda user guide, "Quotas").
pub(crate) const MAX_UNZIPPED_BYTES: u64 = 262_144_000;
/// The most files and folders that an archive may have. AWS states no number; this one is ours.
pub(crate) const MAX_ENTRIES: usize = 32_768;
/// The longest name in an archive, in bytes, and how deep folders may nest in it. Ours.
pub(crate) const MAX_NAME_BYTES: usize = 1_024;
pub(crate) const MAX_DEPTH: usize = 64;
