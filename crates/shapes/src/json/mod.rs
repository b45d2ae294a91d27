//! AWS's JSON protocols: a reader and a writer driven by tables, without a tree in between.

mod number;
mod read;
mod reader;
mod text;
mod write;

pub(crate) use number::special;
pub use read::{MAX_DEPTH, decode};
pub(crate) use write::encode_fault_body;
pub use write::{encode, encode_fault};
