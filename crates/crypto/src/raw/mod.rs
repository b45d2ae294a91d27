//! The one module with unsafe code: the memory that keys lie in, and what of AWS-LC and of the
//! system has no safe interface yet.

pub(crate) mod aws_lc;
pub(crate) mod memory;
#[cfg(all(target_os = "linux", feature = "background"))]
pub(crate) mod scheduling;
