//! What is due: rows in the store, ordered by time, carried out once and by one owner.

use bulla_store::{Barrier, BarrierError, Key, Range, Space};

/// The space of due times. Keys are `<due ms, 20 digits>/<service>/<job>/<subject>`.
pub const DUE: Space = Space::new("plane.due");

/// How many jobs one look at the store takes.
pub const MAX_JOBS_A_LOOK: usize = 256;

/// A job whose time has come.
#[derive(Debug, Clone)]
pub struct Job {
    /// The row's key; the service deletes it with the job's effect.
    pub key: Vec<u8>,
    /// The row's version.
    pub version: u64,
    /// When it fell due, in milliseconds since 1970.
    pub due_ms: i64,
    /// The service, by its model's id.
    pub service: String,
    /// The kind of job.
    pub kind: String,
    /// What it is about.
    pub subject: String,
}

/// The key of a job's row.
#[must_use]
pub fn due_key(due_ms: i64, service: &str, kind: &str, subject: &str) -> Key {
    Key::from(format!("{:020}/{service}/{kind}/{subject}", due_ms.max(0)).as_str())
}

/// The jobs that are due at a time, oldest first.
///
/// # Errors
/// When the store can't be read.
pub async fn due(barrier: &Barrier, now_ms: i64) -> Result<Vec<Job>, BarrierError> {
    let view = barrier.view().await?;
    let page = view.range(DUE, &Range::all(), MAX_JOBS_A_LOOK).await?;
    let jobs = page.rows.iter().filter_map(|(key, opened)| {
        let text = std::str::from_utf8(key.as_bytes()).ok()?;
        let mut parts = text.splitn(4, '/');
        let due_ms: i64 = parts.next()?.parse().ok()?;
        (due_ms <= now_ms).then_some(Job {
            key: key.as_bytes().to_vec(),
            version: opened.version,
            due_ms,
            service: parts.next()?.to_owned(),
            kind: parts.next()?.to_owned(),
            subject: parts.next()?.to_owned(),
        })
    });
    Ok(jobs.collect())
}
