//! Log files: what the journal has of a trail's events, every few minutes.
//!
//! What is about to be written is planned in the trail's row first: from which record to which, and
//! under which time. So a crash at any point leads to the same files under the same names, and what
//! a file has is in no other. A place that can't be written to holds the trail up, and loses
//! nothing.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;

use bulla_crypto::{hex, sha256};
use bulla_plane::Stop;
use bulla_plane::journal::{Journal, ReadError};
use bulla_store::{Expected, Range, SealedBatch};
use flate2::{Compression, GzBuilder};

use crate::place::{Object, PutError};
use crate::records::{
    DELIVERIES, DIGESTS, Delivery, DigestRecord, FILES, FileRecord, Plan, TRAILS, TrailRecord,
    bytes, read,
};
use crate::{Trail, told};

/// The most records of the journal that one plan reads.
const MAX_RECORDS: u64 = 50_000;
/// How much text of events ends a plan: what a file has is held in memory.
const MAX_TEXT_BYTES: usize = 16 << 20;
/// The minutes that the names of files tell are multiples of this.
const STAMP_MS: i64 = 5 * 60_000;
/// The letters and digits in the names of files.
const NAME_LETTERS: usize = 16;
const ROWS_A_LOOK: usize = 200;

/// The events of a region, and their times.
#[derive(Default)]
struct Lines {
    text: String,
    oldest_ms: i64,
    newest_ms: i64,
}

impl Lines {
    fn add(&mut self, event: &str, time_ms: i64) {
        if self.text.is_empty() {
            (self.oldest_ms, self.newest_ms) = (time_ms, time_ms);
        } else {
            self.text.push(',');
        }
        self.text.push_str(event);
        self.oldest_ms = self.oldest_ms.min(time_ms);
        self.newest_ms = self.newest_ms.max(time_ms);
    }
}

impl Trail {
    /// Writes the files that are due. Answers how many it wrote.
    ///
    /// # Errors
    /// When the store can't be used.
    pub async fn deliver_due(&self) -> Result<usize, Stop> {
        let mut range = Range::all();
        let mut written = 0;
        loop {
            let page = self.barrier.view().await?.range(DELIVERIES, &range, ROWS_A_LOOK).await?;
            for (key, _) in &page.rows {
                let key = String::from_utf8_lossy(key.as_bytes()).into_owned();
                match self.deliver(&key).await {
                    Ok(count) => written += count,
                    // Somebody changed the trail meanwhile: the next look sees it.
                    Err(Stop::Again) => {}
                    Err(stop) => tracing::error!(trail = key, error = %told(stop), "not delivered"),
                }
            }
            let Some(next) = page.next else { return Ok(written) };
            range = range.resume(next);
        }
    }

    /// The number of the first record that a trail still has to deliver.
    pub(crate) async fn undelivered(&self) -> Result<u64, Stop> {
        let mut range = Range::all();
        let mut first = u64::MAX;
        loop {
            let page = self.barrier.view().await?.range(DELIVERIES, &range, ROWS_A_LOOK).await?;
            for (_, opened) in &page.rows {
                let delivery: Delivery = read(opened)?;
                let planned = delivery.plan.map(|plan| plan.from);
                let waiting = delivery.stretches.first().map(|stretch| stretch.next);
                first = planned.into_iter().chain(waiting).fold(first, u64::min);
            }
            let Some(next) = page.next else { return Ok(first) };
            range = range.resume(next);
        }
    }

    async fn deliver(&self, key: &str) -> Result<usize, Stop> {
        let now_ms = self.clock.now_ms();
        let mut written = 0;
        loop {
            let (delivery, expected) = self.delivery(key).await?;
            let current = self.barrier.get(TRAILS, key.as_bytes()).await?;
            let current = current.map(|opened| read::<TrailRecord>(&opened)).transpose()?;
            let is_gone = current.is_none();
            let Some(trail) = current.or_else(|| delivery.trail.clone()) else {
                return Ok(written);
            };
            let Some(stretch) = delivery.stretches.first().copied() else {
                if is_gone {
                    let row = SealedBatch::new().delete(DELIVERIES, key, expected);
                    self.barrier.commit(row).await?;
                }
                return Ok(written);
            };
            let is_ending = stretch.to.is_some();
            let due_ms = delivery.attempted_ms.unwrap_or(i64::MIN);
            let interval = i64::try_from(self.intervals.delivery.as_millis()).unwrap_or(i64::MAX);
            // A clock that was set back must not put the next delivery off.
            let is_due = is_ending || !(due_ms..due_ms.saturating_add(interval)).contains(&now_ms);
            if !is_due && delivery.plan.is_none() {
                written += self.digest_due(key, &trail, false).await?;
                return Ok(written);
            }
            if stretch.is_done() && delivery.plan.is_none() {
                written += self.digest_due(key, &trail, true).await?;
                self.end_stretch(key).await?;
                continue;
            }
            let had_failed = delivery.error.is_some();
            match self.deliver_some(key, &trail, (delivery, expected), now_ms).await? {
                Some(count) => written += count,
                None => {
                    if had_failed || !is_ending {
                        written += self.digest_due(key, &trail, false).await?;
                    }
                    return Ok(written);
                }
            }
        }
    }

    /// Takes away a stretch of which everything is delivered.
    async fn end_stretch(&self, key: &str) -> Result<(), Stop> {
        let (mut delivery, expected) = self.delivery(key).await?;
        if delivery.stretches.first().is_some_and(|stretch| stretch.is_done()) {
            delivery.stretches.remove(0);
        }
        let batch = SealedBatch::new().put(DELIVERIES, key, expected, bytes(&delivery)?);
        self.barrier.commit(batch).await?;
        Ok(())
    }

    /// Writes the files of one plan; nothing if there is nothing to write, or if it failed.
    async fn deliver_some(
        &self,
        key: &str,
        trail: &TrailRecord,
        (mut delivery, mut expected): (Delivery, Expected),
        now_ms: i64,
    ) -> Result<Option<usize>, Stop> {
        let Some(stretch) = delivery.stretches.first().copied() else { return Ok(None) };
        let (from, last) = match &delivery.plan {
            Some(plan) => (plan.from, plan.to),
            None => {
                let durable = self.journal.anchor().sequence;
                let to = stretch.to.map_or(durable, |to| to.min(durable));
                (stretch.next, to.min(stretch.next.saturating_add(MAX_RECORDS)))
            }
        };
        delivery.attempted_ms = Some(now_ms);
        if last < from {
            let batch = SealedBatch::new().put(DELIVERIES, key, expected, bytes(&delivery)?);
            self.barrier.commit(batch).await?;
            return Ok(None);
        }
        let is_planned = delivery.plan.is_some();
        let (regions, to) = self.gather(trail, from, last, is_planned).await?;
        let plan = delivery.plan.clone().unwrap_or_else(|| Plan {
            from,
            to,
            time_ms: now_ms,
            bucket: trail.bucket.clone(),
            prefix: trail.prefix.clone(),
        });
        if !is_planned && !regions.is_empty() {
            delivery.plan = Some(plan.clone());
            let batch = SealedBatch::new().put(DELIVERIES, key, expected, bytes(&delivery)?);
            self.barrier.commit(batch).await?;
            (delivery, expected) = self.delivery(key).await?;
        }
        let mut batch = SealedBatch::new();
        let count = regions.len();
        for (region, lines) in regions {
            let (object, file) = log_file(trail, &plan, &region, &lines).map_err(internal)?;
            if let Err(error) = self.put(trail, object).await {
                tracing::warn!(trail = key, %error, "a log file was not delivered");
                delivery.error = Some(error.0);
                let failed = SealedBatch::new().put(DELIVERIES, key, expected, bytes(&delivery)?);
                self.barrier.commit(failed).await?;
                return Ok(None);
            }
            if trail.validation {
                let row = format!("{key}/{region}/{:020}", plan.from);
                batch = batch.put(FILES, row.as_str(), Expected::Absent, bytes(&file)?);
            }
        }
        batch = self.begin_chains(key, trail, &delivery, batch, count > 0).await?;
        if let Some(stretch) = delivery.stretches.first_mut() {
            stretch.next = plan.to.saturating_add(1);
        }
        delivery.plan = None;
        delivery.error = None;
        delivery.delivered_ms = if count > 0 { Some(now_ms) } else { delivery.delivered_ms };
        batch = batch.put(DELIVERIES, key, expected, bytes(&delivery)?);
        self.barrier.commit(batch).await?;
        Ok(Some(count))
    }

    /// Puts an object where the trail's files are, encrypted if the trail wants that.
    pub(crate) async fn put(&self, trail: &TrailRecord, object: Object) -> Result<(), PutError> {
        let object = self.sealed(trail, object).await?;
        self.place.put(object).await
    }

    /// Begins the chain of digests of the trail's home, when the first events are delivered. Those
    /// of other regions begin with their first file.
    async fn begin_chains(
        &self,
        key: &str,
        trail: &TrailRecord,
        delivery: &Delivery,
        batch: SealedBatch,
        has_files: bool,
    ) -> Result<SealedBatch, Stop> {
        let row = format!("{key}/{}", trail.home);
        let is_there = self.barrier.get(DIGESTS, row.as_bytes()).await?.is_some();
        if !trail.validation || is_there || !has_files {
            return Ok(batch);
        }
        let start_ms = delivery.started_ms.unwrap_or_default().div_euclid(1000) * 1000;
        let record = DigestRecord { start_ms, previous: None, plan: None };
        Ok(batch.put(DIGESTS, row.as_str(), Expected::Absent, bytes(&record)?))
    }

    /// The events of a trail among the records of the journal, by region, and the last record that
    /// was looked at. What is planned is read to its end.
    async fn gather(
        &self,
        trail: &TrailRecord,
        from: u64,
        to: u64,
        is_planned: bool,
    ) -> Result<(BTreeMap<String, Lines>, u64), Stop> {
        let (journal, trail) = (Arc::clone(&self.journal), trail.clone());
        let most = if is_planned { usize::MAX } else { MAX_TEXT_BYTES };
        let gathered =
            tokio::task::spawn_blocking(move || gather(&journal, &trail, from, to, most));
        gathered.await.map_err(internal)?.map_err(internal)
    }
}

fn internal(error: impl std::fmt::Display) -> Stop {
    tracing::error!(%error, "log files can't be made");
    Stop::Internal
}

fn gather(
    journal: &Journal,
    trail: &TrailRecord,
    from: u64,
    to: u64,
    most: usize,
) -> io::Result<(BTreeMap<String, Lines>, u64)> {
    let mut regions: BTreeMap<String, Lines> = BTreeMap::new();
    let mut size = 0;
    for record in journal.read_from(from)? {
        let record = match record {
            Ok(record) => record,
            Err(ReadError::Io(error)) => return Err(error),
            Err(ReadError::Fault(fault)) => {
                tracing::error!(%fault, "records of the journal are missing in a delivery");
                continue;
            }
        };
        if record.sequence() > to {
            break;
        }
        if let Ok(fields) = record.fields()
            && trail.takes(&fields)
        {
            let event = fields.to_cloudtrail_json();
            size += event.len();
            regions.entry(fields.region.to_owned()).or_default().add(&event, fields.time_ms);
        }
        if size >= most {
            return Ok((regions, record.sequence()));
        }
    }
    Ok((regions, to))
}

fn log_file(
    trail: &TrailRecord,
    plan: &Plan,
    region: &str,
    lines: &Lines,
) -> io::Result<(Object, FileRecord)> {
    let whole = format!("{{\"Records\":[{}]}}", lines.text);
    let stamp_ms = plan.time_ms.div_euclid(STAMP_MS) * STAMP_MS;
    let (day, minute) = (strftime(stamp_ms, "%Y/%m/%d"), strftime(stamp_ms, "%Y%m%dT%H%MZ"));
    let account = &trail.account;
    let name = unique(&format!("{} {region} {}", trail.arn(), plan.from));
    let prefix = plan.prefix.as_ref().map_or_else(String::new, |prefix| format!("{prefix}/"));
    let key = format!(
        "{prefix}AWSLogs/{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_\
         {minute}_{name}.json.gz"
    );
    let file = FileRecord {
        key: key.clone(),
        bucket: plan.bucket.clone(),
        hash: hex::encode(&sha256(whole.as_bytes())),
        oldest_ms: lines.oldest_ms,
        newest_ms: lines.newest_ms,
    };
    let object = Object {
        bucket: plan.bucket.clone(),
        key,
        metadata: Vec::new(),
        kms_key: None,
        body: gzip(whole.as_bytes())?,
    };
    Ok((object, file))
}

/// One gzip member, the same for the same bytes.
pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    writer.write_all(bytes)?;
    writer.finish()
}

/// Letters and digits that are the same for the same text, and for no other.
fn unique(text: &str) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let digest = sha256(text.as_bytes());
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied();
    digest.iter().filter_map(letter).take(NAME_LETTERS).map(char::from).collect()
}

/// A time in UTC. One outside the years that can be written is the first.
pub(crate) fn strftime(ms: i64, format: &str) -> String {
    let instant = jiff::Timestamp::from_second(ms.div_euclid(1000)).unwrap_or_default();
    instant.strftime(format).to_string()
}
