//! How far an engine has come, and whether it still answers: what those who wait look at.

use tokio::sync::watch;

use super::{Revision, StoreError};

/// The newest revision that is durable, and why the engine ended, once it has.
pub(crate) struct Progress(watch::Sender<(Revision, Option<StoreError>)>);

impl Progress {
    pub(crate) fn new(revision: Revision) -> Self {
        Self(watch::Sender::new((revision, None)))
    }

    pub(crate) fn advance(&self, revision: Revision) {
        self.0.send_modify(|state| state.0 = revision);
    }

    /// Refuses everything from now on. The first reason stays.
    pub(crate) fn end(&self, why: StoreError) {
        self.0.send_modify(|state| {
            state.1.get_or_insert(why);
        });
    }

    /// Fails once the engine has ended.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.0.borrow().1.clone().map_or(Ok(()), Err)
    }

    /// Waits for a revision after `after`.
    pub(crate) async fn wait(&self, after: Revision) -> Result<Revision, StoreError> {
        let mut states = self.0.subscribe();
        let state = states.wait_for(|(revision, ended)| *revision > after || ended.is_some()).await;
        match state.as_deref() {
            Ok((_, Some(why))) => Err(why.clone()),
            Ok((revision, None)) => Ok(*revision),
            Err(_) => Err(StoreError::Closed),
        }
    }
}
