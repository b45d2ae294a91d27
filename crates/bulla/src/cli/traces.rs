//! The options of traces.

use std::num::NonZeroU64;

use clap::Args;

/// Where traces of requests go.
#[derive(Args)]
pub(crate) struct TraceOptions {
    /// The OpenTelemetry collector that takes traces of requests over OTLP/HTTP, such as
    /// `http://127.0.0.1:4318` [default: that of `OTEL_EXPORTER_OTLP_ENDPOINT`, or none].
    #[arg(long, env = "BULLA_TRACES", value_name = "URL")]
    pub(crate) traces: Option<String>,
    /// Follow one request of so many.
    #[arg(long, env = "BULLA_TRACES_EVERY", value_name = "REQUESTS", default_value = "1")]
    pub(crate) traces_every: NonZeroU64,
}
