//! Questions about access: why a principal may or may not, and who may at all.
//!
//! A service of Bulla's own, beside those it has in common with AWS. It decides nothing: it puts
//! what the Gate would see before the same evaluator, for another principal than the caller.
//! Whoever asks needs `bulla:Explain` or `bulla:WhoCan` on the resource in identity policies.

mod asked;
mod explain;
mod place;
mod subject;
mod who_can;

use std::sync::Arc;

use bulla_plane::{Directory, Row, Rows, Service, row};
use bulla_shapes::bulla::{ExplainRequest, SERVICE, WhoCanRequest};

/// The service.
pub struct Access {
    directory: Arc<dyn Directory>,
    services: Vec<Arc<dyn Service>>,
}

impl Access {
    /// Questions about the resources of these services, asked about the principals of this
    /// directory.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, services: Vec<Arc<dyn Service>>) -> Self {
        Self { directory, services }
    }
}

#[rustfmt::skip]
static ROWS: &[Row<Access>] = &[
    row!("Explain", Permissions, true, "Explain", ExplainRequest, explain::explain),
    row!("WhoCan", Permissions, true, "WhoCan", WhoCanRequest, who_can::who_can),
];

impl Rows for Access {
    const MODEL: &'static bulla_shapes::Service = &SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn forget(&self) {}
}
