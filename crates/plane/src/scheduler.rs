//! What is due: rows in the store, ordered by time, carried out once and by one owner.

use std::time::Duration;

use bulla_store::{Barrier, BarrierError, Key, Range, Space};

/// The space of due times. Keys are `<due ms, 20 digits>/<service>/<job>/<subject>`.
pub const DUE: Space = Space::new("plane.due");

/// The name of the plane's own jobs among those of the services.
pub(crate) const PLANE: &str = "plane";
/// The longest wait between two looks at what is due. A look costs one row.
pub const TICK: Duration = Duration::from_secs(1);
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
    /// When it is carried out: later than that, by long where the server was down.
    pub now_ms: i64,
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

/// The subject of the job that is a row's, if it is one of this service and kind.
pub(crate) fn subject_of<'k>(key: &'k Key, service: &str, kind: &str) -> Option<&'k str> {
    let (_due, rest) = std::str::from_utf8(key.as_bytes()).ok()?.split_once('/')?;
    let rest = rest.strip_prefix(service)?.strip_prefix('/')?;
    rest.strip_prefix(kind)?.strip_prefix('/')
}

/// Some of the jobs that are due, oldest first.
#[derive(Debug)]
pub struct DuePage {
    /// The jobs, at most [`MAX_JOBS_A_LOOK`].
    pub jobs: Vec<Job>,
    /// Where the next page starts; nothing when these are all.
    pub next: Option<Key>,
}

/// The jobs that are due at a time, oldest first.
///
/// # Errors
/// When the store can't be read.
pub async fn due(barrier: &Barrier, now_ms: i64) -> Result<Vec<Job>, BarrierError> {
    Ok(due_from(barrier, now_ms, None).await?.jobs)
}

/// A page of the jobs that are due at a time, oldest first, from a key on.
///
/// # Errors
/// When the store can't be read.
pub async fn due_from(
    barrier: &Barrier,
    now_ms: i64,
    from: Option<Key>,
) -> Result<DuePage, BarrierError> {
    let beyond = format!("{:020}", now_ms.max(0).saturating_add(1));
    let from = from.unwrap_or_else(|| Key::from(Vec::new()));
    let range = Range { from, to: Some(Key::from(beyond.as_str())) };
    if range.is_empty() {
        return Ok(DuePage { jobs: Vec::new(), next: None });
    }
    let view = barrier.view().await?;
    let page = view.range(DUE, &range, MAX_JOBS_A_LOOK).await?;
    let jobs =
        page.rows.iter().filter_map(|(key, opened)| job(key, opened.version, now_ms)).collect();
    Ok(DuePage { jobs, next: page.next })
}

/// When the next job is due, in milliseconds since 1970.
///
/// # Errors
/// When the store can't be read.
pub async fn next_due(barrier: &Barrier) -> Result<Option<i64>, BarrierError> {
    let view = barrier.view().await?;
    let page = view.range(DUE, &Range::all(), 1).await?;
    Ok(page.rows.first().and_then(|(key, _)| due_ms(key)))
}

fn due_ms(key: &Key) -> Option<i64> {
    let (due, _) = std::str::from_utf8(key.as_bytes()).ok()?.split_once('/')?;
    due.parse().ok()
}

fn job(key: &Key, version: u64, now_ms: i64) -> Option<Job> {
    let mut parts = std::str::from_utf8(key.as_bytes()).ok()?.splitn(4, '/').skip(1);
    Some(Job {
        key: key.as_bytes().to_vec(),
        version,
        due_ms: due_ms(key)?,
        now_ms,
        service: parts.next()?.to_owned(),
        kind: parts.next()?.to_owned(),
        subject: parts.next()?.to_owned(),
    })
}
