//! Requests as traces of OpenTelemetry, where the program is built with the feature `traces` and
//! told where to export them.

#[cfg(feature = "traces")]
mod collector;
#[cfg(feature = "traces")]
mod export;
#[cfg(feature = "traces")]
mod following;
#[cfg(not(feature = "traces"))]
mod nothing;
#[cfg(feature = "traces")]
mod parent;
#[cfg(feature = "traces")]
mod settings;
#[cfg(feature = "traces")]
mod spans;
#[cfg(test)]
#[cfg(feature = "traces")]
mod tests;

#[cfg(feature = "traces")]
pub(crate) use self::export::Counts;
#[cfg(feature = "traces")]
pub(crate) use self::following::{Following, Traces};
#[cfg(not(feature = "traces"))]
pub(crate) use self::nothing::{Following, Traces};
#[cfg(feature = "traces")]
pub(crate) use self::settings::TraceSettings;
