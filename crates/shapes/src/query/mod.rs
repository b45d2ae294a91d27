//! AWS's Query protocol: form parameters in, XML out.

mod params;
mod read;
mod scalar;
mod write;
mod xml;

pub use params::{MAX_PARAMETERS, Params};
pub use read::{MAX_DEPTH, MAX_SKIPPED, decode};
pub use write::{FAULT_NAMESPACE, encode, encode_fault};
