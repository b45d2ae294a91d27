//! What the commits of a task carry along, without those who make them knowing of it.

use std::sync::Arc;

use bulla_crypto::SecretBytes;

use super::{Expected, SealedBatch};
use crate::{Key, Space};

tokio::task_local! {
    static COMPANION: Arc<dyn Companion>;
}

/// Adds a row to each commit of a task.
pub trait Companion: Send + Sync {
    /// The row to write along with the next commit, which must not be there yet. It is asked for
    /// each attempt, whatever comes of it.
    fn row(&self) -> (Space, Key, SecretBytes);
}

/// Runs `work` so that each commit in it that writes carries the companion's row along. Tasks that
/// it spawns have no companion.
pub async fn accompanied<F: Future>(companion: Option<Arc<dyn Companion>>, work: F) -> F::Output {
    match companion {
        Some(companion) => COMPANION.scope(companion, work).await,
        None => work.await,
    }
}

/// To be called for a batch that writes.
pub(super) fn with_companion(batch: SealedBatch) -> SealedBatch {
    match COMPANION.try_with(|companion| companion.row()) {
        Ok((space, key, value)) => batch.put(space, key, Expected::Absent, value),
        // There is none.
        Err(_) => batch,
    }
}
