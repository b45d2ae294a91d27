//! Authorizing a connection with client credentials, once it was made or changed: it becomes
//! authorized with its first token.

use std::sync::Arc;

use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, Job};
use bulla_store::{Expected, Key, SealedBatch};

use super::{Sender, lock};
use crate::connection::{Access, ConnectionRecord, State};
use crate::records::{CONNECTIONS, bytes, load};

/// The job that authorizes a connection; its subject is the connection's row.
pub(crate) const AUTHORIZE: &str = "authorize";
/// How many connections are authorized at once; more wait for the next look at the schedule.
const MAX_AUTHORIZING: usize = 32;

impl Sender {
    /// Authorizes a connection, in a task of its own.
    pub(crate) fn authorize(self: &Arc<Self>, job: &Job) {
        let mut authorizing = lock(&self.authorizing);
        if authorizing.len() >= MAX_AUTHORIZING || !authorizing.insert(job.subject.clone()) {
            return;
        }
        drop(authorizing);
        let (sender, job) = (Arc::clone(self), job.clone());
        tokio::spawn(async move {
            if let Err(Stop::Internal | Stop::Fault(_)) = sender.try_to_authorize(&job).await {
                tracing::error!(connection = job.subject, "a connection was not authorized");
            }
            lock(&sender.authorizing).remove(&job.subject);
        });
    }

    async fn try_to_authorize(&self, job: &Job) -> Result<(), Stop> {
        let view = self.barrier.view().await?;
        let stored = load::<ConnectionRecord>(&view, CONNECTIONS, &job.subject).await?;
        drop(view);
        let row = Key::from(job.key.clone());
        let mut batch = SealedBatch::new().delete(DUE, row, Expected::At(job.version));
        if let Some(mut stored) = stored
            && stored.record.state == State::Authorizing
            && let Access::OAuth(oauth) = stored.record.access()?
        {
            let connection = &mut stored.record;
            match self.token(connection, &oauth).await {
                Ok(_) => {
                    connection.state = State::Authorized;
                    connection.reason = None;
                    connection.authorized_ms = Some(self.clock.now_ms());
                }
                Err(trouble) => {
                    connection.state = State::Deauthorized;
                    connection.reason = Some(trouble.text().to_owned());
                }
            }
            let value = bytes(&stored.record)?;
            let expected = Expected::At(stored.version);
            batch = batch.put(CONNECTIONS, job.subject.as_str(), expected, value);
        }
        self.barrier.commit(batch).await?;
        Ok(())
    }
}
