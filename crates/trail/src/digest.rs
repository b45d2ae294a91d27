//! Digests: which log files there are and what is in them, signed, each with the one before.
//!
//! `aws cloudtrail validate-logs` walks their chain. As with log files, a digest is planned before
//! it is written, so that a crash leads to the same one again.

use bulla_crypto::{hex, sha256};
use bulla_plane::Stop;
use bulla_store::{Expected, Range, SealedBatch};
use serde_json::Value;

use crate::Trail;
use crate::deliver::{gzip, strftime};
use crate::place::Object;
use crate::records::{
    DELIVERIES, DIGESTS, DigestPlan, DigestRecord, FILES, FileRecord, Previous, TrailRecord, bytes,
    read,
};

const ROWS_A_LOOK: usize = 200;
/// How a digest is signed, in AWS's words.
const ALGORITHM: &str = "SHA256withRSA";
const HASH: &str = "SHA-256";
const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";

/// A digest, and what its chain goes on with.
struct Made {
    object: Object,
    previous: Previous,
}

/// A log file that no digest has yet.
struct Listed {
    row: String,
    expected: Expected,
    record: FileRecord,
}

impl Trail {
    /// Writes the digests of a trail that are due: all of them when logging has ended.
    pub(crate) async fn digest_due(
        &self,
        key: &str,
        trail: &TrailRecord,
        is_last: bool,
    ) -> Result<usize, Stop> {
        self.begin_others(key, trail).await?;
        let mut written = 0;
        for region in self.regions(DIGESTS, key).await? {
            written += usize::from(self.digest(key, trail, &region, is_last).await?);
        }
        Ok(written)
    }

    /// Begins the chains of regions that have files and none yet.
    async fn begin_others(&self, key: &str, trail: &TrailRecord) -> Result<(), Stop> {
        if !trail.validation {
            return Ok(());
        }
        for region in self.regions(FILES, key).await? {
            let row = format!("{key}/{region}");
            if self.barrier.get(DIGESTS, row.as_bytes()).await?.is_some() {
                continue;
            }
            let (delivery, _) = self.delivery(key).await?;
            let start_ms = delivery.started_ms.unwrap_or_default().div_euclid(1000) * 1000;
            let record = DigestRecord { start_ms, previous: None, plan: None };
            let batch =
                SealedBatch::new().put(DIGESTS, row.as_str(), Expected::Absent, bytes(&record)?);
            self.barrier.commit(batch).await?;
        }
        Ok(())
    }

    /// The regions of a trail that have rows in a space.
    async fn regions(&self, space: bulla_store::Space, key: &str) -> Result<Vec<String>, Stop> {
        let prefix = format!("{key}/");
        let mut range = Range::prefix(prefix.as_str());
        let view = self.barrier.view().await?;
        let mut regions: Vec<String> = Vec::new();
        loop {
            let page = view.range(space, &range, ROWS_A_LOOK).await?;
            for (row, _) in &page.rows {
                let row = String::from_utf8_lossy(row.as_bytes()).into_owned();
                let region = row.strip_prefix(&prefix).unwrap_or_default();
                let region = region.split('/').next().unwrap_or_default();
                if regions.last().is_none_or(|known| known != region) {
                    regions.push(region.to_owned());
                }
            }
            let Some(next) = page.next else { return Ok(regions) };
            range = range.resume(next);
        }
    }

    /// Writes the digest of a region, if it is due.
    async fn digest(
        &self,
        key: &str,
        trail: &TrailRecord,
        region: &str,
        is_last: bool,
    ) -> Result<bool, Stop> {
        let row = format!("{key}/{region}");
        let Some(opened) = self.barrier.get(DIGESTS, row.as_bytes()).await? else {
            return Ok(false);
        };
        let mut record: DigestRecord = read(&opened)?;
        let mut expected = Expected::At(opened.version);
        let now_ms = self.clock.now_ms().div_euclid(1000) * 1000;
        let interval = i64::try_from(self.intervals.digest.as_millis()).unwrap_or(i64::MAX);
        let due_ms = record.start_ms.saturating_add(interval);
        if record.plan.is_none() {
            // Names and times are in whole seconds: two digests must not have the same.
            let is_due = now_ms > record.start_ms && (is_last || now_ms >= due_ms);
            if !is_due {
                // The last one waits for the second to pass.
                return if is_last { Err(Stop::Again) } else { Ok(false) };
            }
            let last = self.files(&row, None).await?.pop().map(|file| file.row);
            let (bucket, prefix) = (trail.bucket.clone(), trail.prefix.clone());
            record.plan = Some(DigestPlan { end_ms: now_ms, last, bucket, prefix, ends: is_last });
            let batch = SealedBatch::new().put(DIGESTS, row.as_str(), expected, bytes(&record)?);
            self.barrier.commit(batch).await?;
            let Some(opened) = self.barrier.get(DIGESTS, row.as_bytes()).await? else {
                return Err(Stop::Again);
            };
            expected = Expected::At(opened.version);
        }
        let Some(plan) = record.plan.clone() else { return Err(Stop::Internal) };
        let files = match &plan.last {
            Some(last) => self.files(&row, Some(last)).await?,
            None => Vec::new(),
        };
        let made = self.make(trail, region, &record, &plan, &files).await?;
        let (mut delivery, of_delivery) = self.delivery(key).await?;
        if let Err(error) = self.put(trail, made.object).await {
            tracing::warn!(trail = key, region, %error, "a digest was not delivered");
            delivery.digest_error = Some(error.0);
            let batch = SealedBatch::new().put(DELIVERIES, key, of_delivery, bytes(&delivery)?);
            self.barrier.commit(batch).await?;
            return if is_last { Err(Stop::Again) } else { Ok(false) };
        }
        delivery.digest_error = None;
        delivery.digested_ms = Some(plan.end_ms);
        let mut batch = SealedBatch::new().put(DELIVERIES, key, of_delivery, bytes(&delivery)?);
        for file in &files {
            batch = batch.delete(FILES, file.row.as_str(), file.expected);
        }
        batch = if plan.ends {
            // Whatever comes later begins a chain of its own.
            batch.delete(DIGESTS, row.as_str(), expected)
        } else {
            let previous = Some(made.previous);
            let record = DigestRecord { start_ms: plan.end_ms, previous, plan: None };
            batch.put(DIGESTS, row.as_str(), expected, bytes(&record)?)
        };
        self.barrier.commit(batch).await?;
        // Files may have come since it was planned: they are in one more, which is the last.
        if is_last && !plan.ends { Err(Stop::Again) } else { Ok(true) }
    }

    /// The files of a chain that no digest has yet, oldest first, up to a row.
    async fn files(&self, chain: &str, last: Option<&str>) -> Result<Vec<Listed>, Stop> {
        let prefix = format!("{chain}/");
        let mut range = Range::prefix(prefix.as_str());
        let view = self.barrier.view().await?;
        let mut files = Vec::new();
        loop {
            let page = view.range(FILES, &range, ROWS_A_LOOK).await?;
            for (row, opened) in &page.rows {
                let row = String::from_utf8_lossy(row.as_bytes()).into_owned();
                if last.is_some_and(|last| row.as_str() > last) {
                    return Ok(files);
                }
                let expected = Expected::At(opened.version);
                files.push(Listed { row, expected, record: read(opened)? });
            }
            let Some(next) = page.next else { return Ok(files) };
            range = range.resume(next);
        }
    }

    async fn make(
        &self,
        trail: &TrailRecord,
        region: &str,
        record: &DigestRecord,
        plan: &DigestPlan,
        files: &[Listed],
    ) -> Result<Made, Stop> {
        let signer = self.signing_key(region, plan.end_ms).await?;
        let key = object_key(trail, plan, region);
        let text = content(trail, record, plan, (&key, &signer.fingerprint), files);
        let hash = hex::encode(&sha256(text.as_bytes()));
        let previous = record.previous.as_ref();
        let before = previous.map_or("null", |previous| previous.signature.as_str());
        let end = strftime(plan.end_ms, TIME);
        let signed = format!("{end}\n{}/{key}\n{hash}\n{before}", plan.bucket);
        let signature = self.sign(region, &signer, &signed).await?;
        let body = gzip(text.as_bytes()).map_err(|error| {
            tracing::error!(%error, "a digest can't be made");
            Stop::Internal
        })?;
        let bucket = plan.bucket.clone();
        let previous = Previous {
            bucket: bucket.clone(),
            key: key.clone(),
            hash,
            signature: signature.clone(),
        };
        let metadata =
            vec![("signature", signature), ("signature-algorithm", ALGORITHM.to_owned())];
        Ok(Made { object: Object { bucket, key, metadata, kms_key: None, body }, previous })
    }
}

fn object_key(trail: &TrailRecord, plan: &DigestPlan, region: &str) -> String {
    let TrailRecord { account, home, name, .. } = trail;
    let (day, time) = (strftime(plan.end_ms, "%Y/%m/%d"), strftime(plan.end_ms, "%Y%m%dT%H%M%SZ"));
    let prefix = plan.prefix.as_ref().map_or_else(String::new, |prefix| format!("{prefix}/"));
    format!(
        "{prefix}AWSLogs/{account}/CloudTrail-Digest/{region}/{day}/{account}_CloudTrail-Digest_\
         {region}_{name}_{home}_{time}.json.gz"
    )
}

/// The text of a digest, members in AWS's order.
fn content(
    trail: &TrailRecord,
    record: &DigestRecord,
    plan: &DigestPlan,
    (key, fingerprint): (&str, &str),
    files: &[Listed],
) -> String {
    let newest = files.iter().map(|file| file.record.newest_ms).max();
    let oldest = files.iter().map(|file| file.record.oldest_ms).min();
    let time = |ms: Option<i64>| ms.map_or(Value::Null, |ms| strftime(ms, TIME).into());
    let previous = record.previous.as_ref();
    let of_previous = |part: fn(&Previous) -> &String| {
        previous.map_or(Value::Null, |previous| Value::from(part(previous).as_str()))
    };
    // Newest first (recorded).
    let files = files.iter().rev().map(|Listed { record: file, .. }| {
        ordered([
            ("s3Bucket", file.bucket.as_str().into()),
            ("s3Object", file.key.as_str().into()),
            ("hashValue", file.hash.as_str().into()),
            ("hashAlgorithm", HASH.into()),
            ("newestEventTime", time(Some(file.newest_ms))),
            ("oldestEventTime", time(Some(file.oldest_ms))),
        ])
    });
    let files: Vec<String> = files.collect();
    let head = ordered([
        ("awsAccountId", trail.account.as_str().into()),
        ("digestStartTime", time(Some(record.start_ms))),
        ("digestEndTime", time(Some(plan.end_ms))),
        ("digestS3Bucket", plan.bucket.as_str().into()),
        ("digestS3Object", key.into()),
        ("digestPublicKeyFingerprint", fingerprint.into()),
        ("digestSignatureAlgorithm", ALGORITHM.into()),
        ("newestEventTime", time(newest)),
        ("oldestEventTime", time(oldest)),
        ("previousDigestS3Bucket", of_previous(|previous| &previous.bucket)),
        ("previousDigestS3Object", of_previous(|previous| &previous.key)),
        ("previousDigestHashValue", of_previous(|previous| &previous.hash)),
        ("previousDigestHashAlgorithm", previous.map_or(Value::Null, |_| HASH.into())),
        ("previousDigestSignature", of_previous(|previous| &previous.signature)),
    ]);
    let head = head.strip_suffix('}').unwrap_or_default();
    format!("{head},\"logFiles\":[{}]}}", files.join(","))
}

/// An object with its members in this order.
fn ordered<const N: usize>(members: [(&str, Value); N]) -> String {
    let members = members.map(|(name, value)| format!("{}:{value}", Value::from(name)));
    format!("{{{}}}", members.join(","))
}
