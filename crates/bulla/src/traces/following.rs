//! Which requests are followed, from their head to their answer.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_crypto::Crypto;
use bulla_plane::traces::Followed;
use http::{HeaderMap, StatusCode};

use super::export::{Counts, Export};
use super::parent::Parent;
use super::settings::TraceSettings;
use super::spans::Seen;
use crate::error::Error;

/// What follows requests, and has what it saw exported.
pub(crate) struct Traces {
    export: Export,
    /// One request of so many is followed.
    every: NonZeroU64,
    requests: AtomicU64,
}

impl Traces {
    /// Begins to export. To be called within a runtime.
    pub(crate) fn start(settings: TraceSettings, crypto: Crypto) -> Result<Self, Error> {
        let every = settings.every;
        let export = Export::start(settings, crypto)?;
        Ok(Self { export, every, requests: AtomicU64::new(0) })
    }

    /// What became of spans so far.
    pub(crate) fn counts(&self) -> &Counts {
        self.export.counts()
    }

    /// Exports what there is, and ends. To be called after the last request.
    pub(crate) async fn close(&self) {
        self.export.close().await;
    }

    fn is_turn(&self) -> bool {
        self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.every.get())
    }
}

/// A request that is followed, or not.
pub(crate) struct Following(Option<Way>);

struct Way {
    traces: Arc<Traces>,
    followed: Followed,
    parent: Option<Parent>,
}

impl Following {
    /// Begins with the head of a request.
    pub(crate) fn of(traces: Option<&Arc<Traces>>, headers: &HeaderMap) -> Self {
        let traces = traces.filter(|traces| traces.is_turn());
        Self(traces.map(|traces| Way {
            traces: Arc::clone(traces),
            followed: Followed::begin(),
            parent: Parent::of(headers),
        }))
    }

    /// Work of the request.
    pub(crate) async fn within<F: Future>(&self, work: F) -> F::Output {
        match &self.0 {
            Some(way) => way.followed.within(work).await,
            None => work.await,
        }
    }

    /// Ends with the answer.
    pub(crate) fn end(self, status: StatusCode) {
        let Some(Way { traces, followed, parent }) = self.0 else { return };
        traces.export.put(Seen { course: followed.end(), parent, status: status.as_u16() });
    }
}
