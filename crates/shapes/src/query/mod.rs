//! AWS's Query protocol: form parameters in, XML out.

mod params;
mod read;
mod scalar;
mod write;
mod xml;

pub(crate) use params::unescape;
pub use params::{MAX_PARAMETERS, Params};
pub use read::{MAX_DEPTH, MAX_SKIPPED, decode};
pub(crate) use scalar::scalar;
pub use write::{FAULT_NAMESPACE, encode, encode_fault};
