//! What is told on the bus, where the service that would take it is not there.

use std::sync::{Arc, Mutex, PoisonError};

use bulla_plane::scheduler::{DUE, Job};
use bulla_plane::stop::internal;
use bulla_plane::{BoxFuture, Rows, bus};
use bulla_shapes::{Fault, Protocol};
use bulla_store::{Barrier, Expected, Key, SealedBatch};
use serde_json::Value;

static EVENTS: bulla_shapes::Service = bulla_shapes::Service {
    id: bus::LISTENER,
    service_id: "EventBridge",
    signing_name: "events",
    target_prefix: "AWSEvents",
    api_version: "2015-10-07",
    xml_namespace: "",
    protocol: Protocol::Json11,
    operations: &[],
    untabled: &[],
    errors: &[],
    message_keys: &[],
};

/// The events that were told.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<Value>>>);

impl Heard {
    /// Listens on a store's bus: what must be one of the plane's services, and what it hears.
    #[must_use]
    pub fn on(barrier: &Arc<Barrier>) -> (Self, Arc<dyn bulla_plane::Service>) {
        let heard = Self::default();
        let listener = Listener { barrier: Arc::clone(barrier), heard: heard.clone() };
        (heard, Arc::new(listener))
    }

    /// The events that came since this was asked last, in their order.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes events as the service for them would.
struct Listener {
    barrier: Arc<Barrier>,
    heard: Heard,
}

impl Listener {
    /// Takes one event; nothing if there is none or it can't be read.
    async fn take(&self, job: &Job) -> Option<()> {
        let event = self.barrier.get(DUE, &job.key).await.ok()??;
        let event = serde_json::from_slice(event.value.expose()).ok()?;
        self.heard.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        let row = Key::from(job.key.clone());
        let passed = SealedBatch::new().delete(DUE, row, Expected::At(job.version));
        self.barrier.commit(passed).await.ok()?;
        Some(())
    }
}

impl Rows for Listener {
    const MODEL: &'static bulla_shapes::Service = &EVENTS;

    fn rows() -> &'static [bulla_plane::Row<Self>] {
        &[]
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        Box::pin(async move { self.take(job).await.ok_or_else(|| internal(&EVENTS)) })
    }

    fn forget(&self) {}
}
