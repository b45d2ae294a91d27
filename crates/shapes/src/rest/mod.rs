//! AWS's REST-JSON protocol: members in the path, the query, headers and the status, the rest in a
//! JSON body, or one member as the whole body.

mod path;
mod read;
mod write;

pub use path::operation;
pub use read::decode;
pub use write::{encode, encode_fault, head};
