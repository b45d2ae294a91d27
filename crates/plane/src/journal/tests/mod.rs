//! The journal as a whole: on a disk that fails, that is tampered with, under many callers.

mod ahead;
mod faults;
mod feed;
mod figures;
mod many;
mod packing;
mod records;
mod retention;
mod tampering;
