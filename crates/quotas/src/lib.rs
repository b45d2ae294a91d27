//! Quotas: AWS's defaults as data, the Service Quotas API over them, and what an operator decides.
//!
//! The values that hold live in the plane ([`bulla_plane::Quotas`]), which charges every call to
//! them. Here they are listed, asked for, granted and kept.

mod applied;
mod catalog;
mod fault;
mod ops;
mod record;
mod rows;

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_plane::Quotas;
use bulla_plane::quotas::Limits;
use bulla_store::{Barrier, Space};
use tokio::sync::Mutex;

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[record::SET, record::REQUESTS];

/// Who grants what accounts ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Grants {
    /// Nobody needs to: what is asked for holds at once.
    AtOnce,
    /// An operator does, by `bulla quota approve`.
    #[default]
    ByOperator,
}

/// AWS's quotas, whose default request rates hold from the beginning or not at all.
#[must_use]
pub fn quotas(defaults: bool) -> Quotas {
    Quotas::new(catalog::known(), defaults)
}

/// The name of a quota, by its place among those that [`quotas`] has.
#[must_use]
pub fn name(place: usize) -> Option<&'static str> {
    let mut all = catalog::SERVICES.iter().flat_map(|service| service.quotas);
    all.nth(place).map(|quota| quota.name)
}

/// The names by which services know what accounts may have, and AWS's defaults.
pub fn resources() -> impl Iterator<Item = (&'static str, f64)> {
    catalog::known().into_iter().filter_map(|known| match known.limits {
        Limits::Resources(name) => Some((name, known.value)),
        _ => None,
    })
}

/// What both services stand on.
pub(crate) struct Desk {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    quotas: Arc<Quotas>,
    grants: Grants,
    /// Held from the commit of a decision until the plane knows of it, so that the plane hears of
    /// decisions in the order of the store. They are rare.
    deciding: Mutex<()>,
}

/// Service Quotas, as AWS has it.
#[derive(Clone)]
pub struct ServiceQuotas {
    desk: Arc<Desk>,
}

/// What an operator decides; a service of Bulla's own.
pub struct Operator {
    desk: Arc<Desk>,
}

impl ServiceQuotas {
    /// The service over the quotas that the plane charges, which [`quotas`] made.
    #[must_use]
    pub fn new(
        barrier: &Arc<Barrier>,
        crypto: &Crypto,
        quotas: &Arc<Quotas>,
        grants: Grants,
    ) -> Self {
        let (barrier, quotas) = (Arc::clone(barrier), Arc::clone(quotas));
        let (crypto, deciding) = (crypto.clone(), Mutex::new(()));
        Self { desk: Arc::new(Desk { barrier, crypto, quotas, grants, deciding }) }
    }

    /// The operator's side of the same.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator { desk: Arc::clone(&self.desk) }
    }
}

/// Every quota by service and code, with what became of the calls that were charged to it, for
/// metrics. Quotas that nothing was charged to are left out.
pub fn usage(quotas: &Quotas) -> Vec<(&'static str, &'static str, bulla_plane::quotas::Usage)> {
    let listed = catalog::SERVICES
        .iter()
        .flat_map(|service| service.quotas.iter().map(move |quota| (service.code, quota.name)));
    let used = listed.zip(quotas.usage());
    let used = used.map(|((service, name), (_, usage))| (service, name, usage));
    used.filter(|(_, _, usage)| usage.admitted > 0 || usage.throttled > 0).collect()
}
