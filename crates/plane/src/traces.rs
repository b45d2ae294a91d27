//! Requests that are followed on their way, for whoever exports traces of them.
//!
//! The pipeline says here where a request is; nothing is kept of that unless the request is
//! followed, and without the feature `traces` there is no code for it at all.

#[cfg(feature = "traces")]
mod course;
#[cfg(not(feature = "traces"))]
mod nothing;

#[cfg(feature = "traces")]
pub use self::course::{Course, Facts, Followed, MAX_PARTS, Part, What};
#[cfg(feature = "traces")]
pub(crate) use self::course::{Passing, answered, inner, part};
#[cfg(not(feature = "traces"))]
pub(crate) use self::nothing::{Passing, answered, inner, part};
