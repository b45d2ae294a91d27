//! AWS's interface models as static tables, and the reading, checking and writing of messages that
//! follow them.
//!
//! A request's bytes become a [`Record`] ([`json::decode`], [`query::decode`]), [`validate`] holds
//! it against the model's limits, and a record becomes an answer's bytes ([`json::encode`],
//! [`query::encode`], [`rest::encode`]). Services see records through generated views such as
//! [`kms::EncryptRequest`]. Every refusal becomes a [`Fault`], written in one place.

mod charset;
pub mod decode_error;
mod entries;
pub mod fault;
mod generated;
pub mod json;
pub mod pattern;
pub mod protocol;
pub mod query;
pub mod record;
pub mod rest;
pub mod tables;
mod timestamp;
pub mod validate;
pub mod value;
pub mod view;
pub mod violations;

pub use decode_error::DecodeError;
pub use fault::Fault;
pub use generated::*;
pub use record::Record;
pub use tables::{Operation, Protocol, Service, Structure};
pub use validate::validate;
pub use value::{Blob, Value};
pub use view::{NoInput, StringMap, Strings, View, Views};
pub use violations::Violations;
