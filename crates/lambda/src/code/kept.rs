//! Archives in the store: rows of at most [`CHUNK_BYTES`], sealed as all rows are.
//!
//! An archive is too large for one commit. So its rows come first, under a name that nobody knows
//! yet, together with a job that looks at a later time whether anybody uses them. The function's
//! record then names them. What a crash left over, and what a function no longer uses, that job
//! takes away.

use bulla_plane::scheduler::{DUE, Job, due_key};
use bulla_plane::{Call, Stop};
use bulla_store::{Expected, Key, MAX_VALUE_BYTES, Range, SealedBatch};

use crate::record::Code;
use crate::{CODES, Lambda};

/// How much of an archive one row holds, in bytes: below the store's limit with what its seal adds.
const CHUNK_BYTES: usize = MAX_VALUE_BYTES / 2;
/// How many rows one commit writes: some 4 MiB, half of what the store takes.
const ROWS_A_COMMIT: usize = 8;
/// How many rows one commit deletes.
const ROWS_A_SWEEP: usize = 64;
/// The job that takes away code that nobody uses.
pub(crate) const SWEEP: &str = "code";
/// How long after an upload that is looked at: longer than any call that uploads takes.
const UPLOAD_MS: i64 = 3_600_000;

/// The first key of an archive's rows, and the one behind its last.
fn range(path: &str, id: &str) -> Range {
    let begin = format!("{path}/{id}/");
    // `0` follows `/`.
    let end = format!("{path}/{id}0");
    Range { from: Key::from(begin.as_str()), to: Some(Key::from(end.as_str())) }
}

/// The job that looks whether code is used, due at a time.
pub(crate) fn sweep_at(path: &str, id: &str, due_ms: i64) -> Key {
    due_key(due_ms, "lambda", SWEEP, &format!("{path}/{id}"))
}

impl Lambda {
    /// Writes an archive's rows. They are the caller's to name in a record.
    pub(crate) async fn keep(&self, call: &Call, path: &str, archive: &[u8]) -> Result<Code, Stop> {
        let id = self.revision()?;
        let job = sweep_at(path, &id, call.now_ms.saturating_add(UPLOAD_MS));
        let mut batch = SealedBatch::new().put(DUE, job, Expected::Absent, Vec::new());
        for (number, rows) in archive.chunks(CHUNK_BYTES * ROWS_A_COMMIT).enumerate() {
            for (at, chunk) in rows.chunks(CHUNK_BYTES).enumerate() {
                let number = number * ROWS_A_COMMIT + at;
                let row = format!("{path}/{id}/{number:06}");
                batch = batch.put(CODES, row.as_str(), Expected::Absent, chunk.to_vec());
            }
            self.barrier.commit(std::mem::take(&mut batch)).await?;
        }
        let size = u64::try_from(archive.len()).unwrap_or(u64::MAX);
        let sha256 = base64_simd::STANDARD.encode_to_string(bulla_crypto::sha256(archive));
        Ok(Code { id, sha256, size })
    }

    /// An archive.
    pub(crate) async fn archive(&self, path: &str, code: &Code) -> Result<Vec<u8>, Stop> {
        let view = self.barrier.view().await?;
        let mut archive = Vec::with_capacity(usize::try_from(code.size).unwrap_or(0));
        let mut next = Some(range(path, &code.id));
        while let Some(range) = next.take() {
            let page = view.range(CODES, &range, ROWS_A_COMMIT).await?;
            for (_, opened) in &page.rows {
                archive.extend_from_slice(opened.value.expose());
            }
            next = page.next.map(|from| Range { from, to: range.to.clone() });
        }
        let digest = base64_simd::STANDARD.encode_to_string(bulla_crypto::sha256(&archive));
        if digest != code.sha256 {
            tracing::error!(path, "a function's code is not what was uploaded");
            return Err(Stop::Internal);
        }
        Ok(archive)
    }

    /// Takes code away that no version of its function uses.
    pub(crate) async fn sweep(&self, job: &Job) -> Result<(), Stop> {
        let row = Key::from(job.key.clone());
        if self.barrier.get(DUE, row.as_bytes()).await?.is_none() {
            return Ok(());
        }
        if let Some((path, id)) = job.subject.rsplit_once('/')
            && !self.is_used(path, id).await?
        {
            loop {
                let view = self.barrier.view().await?;
                let page = view.range(CODES, &range(path, id), ROWS_A_SWEEP).await?;
                let keys: Vec<Key> = page.rows.into_iter().map(|(key, _)| key).collect();
                drop(view);
                if keys.is_empty() {
                    break;
                }
                self.barrier.discard(CODES, keys).await?;
            }
        }
        let done = SealedBatch::new().delete(DUE, row, Expected::At(job.version));
        self.barrier.commit(done).await?;
        Ok(())
    }

    async fn is_used(&self, path: &str, id: &str) -> Result<bool, Stop> {
        let Some(stored) = self.stored(path).await? else { return Ok(false) };
        if stored.record.latest.code.id == id {
            return Ok(true);
        }
        for &version in &stored.record.versions {
            let config = self.published(&stored.record, version).await?;
            if config.is_some_and(|config| config.code.id == id) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
