//! The one module with unsafe code: the memory that keys lie in, and what of AWS-LC has no safe
//! interface yet.

pub(crate) mod aws_lc;
pub(crate) mod memory;
