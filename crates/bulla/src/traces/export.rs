//! From requests that have ended to a collector, beside the calls: what it can't take in time is
//! left out and counted, and no call ever waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bulla_crypto::Crypto;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::collector::{Collector, Told};
use super::settings::{Limits, TraceSettings};
use super::spans::{self, Seen};
use crate::error::Error;

/// What the program is called, unless `OTEL_SERVICE_NAME` says otherwise.
const SERVICE: &str = "bulla";
const SERVICE_VARIABLE: &str = "OTEL_SERVICE_NAME";

/// What became of spans, and of exports.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Spans that the collector took.
    pub(crate) exported: AtomicU64,
    /// Spans for which no room was left.
    pub(crate) left_out: AtomicU64,
    /// Spans that the collector did not take.
    pub(crate) lost: AtomicU64,
    /// Exports that failed, in whole or in part.
    pub(crate) failures: AtomicU64,
}

/// The way of requests to the collector.
pub(super) struct Export {
    waiting: mpsc::Sender<Seen>,
    counts: Arc<Counts>,
    task: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
    close: Duration,
}

impl Export {
    pub(super) fn start(settings: TraceSettings, crypto: Crypto) -> Result<Self, Error> {
        let TraceSettings { endpoint, proxies, limits, .. } = settings;
        let counts = Arc::new(Counts::default());
        let told = Arc::new(Told::default());
        let client = Collector { proxies, timeout: limits.timeout, told: Arc::clone(&told) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(endpoint.to_string())
            .with_timeout(limits.timeout)
            .build();
        let mut exporter =
            exporter.map_err(|error| Error::Usage(format!("traces can't be exported: {error}")))?;
        exporter.set_resource(&resource());
        let (waiting, ended) = mpsc::channel(limits.waiting);
        let (stop, stopped) = oneshot::channel();
        let own = Arc::clone(&counts);
        let sender = Sender { exporter, crypto, limits, counts: own, told, failing: false };
        let task = tokio::spawn(sender.run(Queue { ended, stopped: Some(stopped) }));
        let task = Mutex::new(Some((stop, task)));
        Ok(Self { waiting, counts, task, close: limits.close })
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Takes a request that has ended, if there is room.
    pub(super) fn put(&self, seen: Seen) {
        let spans = seen.spans();
        if self.waiting.try_send(seen).is_err() {
            add(&self.counts.left_out, spans);
        }
    }

    /// Exports what waits, for a limited time.
    pub(super) async fn close(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((stop, task)) = task else { return };
        // A task that has ended has nothing to be told.
        let _ended = stop.send(());
        let abort = task.abort_handle();
        match timeout(self.close, task).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the export of traces ended early"),
            Err(_) => {
                abort.abort();
                tracing::warn!("the last traces were not exported in time");
            }
        }
    }
}

fn add(count: &AtomicU64, spans: usize) {
    count.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// What the spans are of.
fn resource() -> Resource {
    let resource = Resource::builder();
    let named = std::env::var_os(SERVICE_VARIABLE).is_some_and(|name| !name.is_empty());
    let resource = if named { resource } else { resource.with_service_name(SERVICE) };
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    resource.with_attribute(version).build()
}

/// Requests that wait.
struct Queue {
    ended: mpsc::Receiver<Seen>,
    /// Resolves when there will be no more; taken once it has.
    stopped: Option<oneshot::Receiver<()>>,
}

impl Queue {
    /// The next requests, as many as go together or as come within a time; none after the last.
    async fn gather(&mut self, limits: Limits) -> Vec<Seen> {
        let mut batch = Vec::new();
        if self.more(&mut batch, limits.batch).await == 0 {
            return batch;
        }
        let until = Instant::now() + limits.gather;
        while batch.len() < limits.batch {
            let room = limits.batch.saturating_sub(batch.len());
            match timeout_at(until, self.more(&mut batch, room)).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        batch
    }

    async fn more(&mut self, batch: &mut Vec<Seen>, most: usize) -> usize {
        if let Some(stopped) = &mut self.stopped {
            tokio::select! {
                count = self.ended.recv_many(batch, most) => return count,
                _told = stopped => {}
            }
            self.stopped = None;
            self.ended.close();
        }
        self.ended.recv_many(batch, most).await
    }
}

/// Sends what waits.
struct Sender {
    exporter: SpanExporter,
    crypto: Crypto,
    limits: Limits,
    counts: Arc<Counts>,
    /// What the collector told beside success and failure.
    told: Arc<Told>,
    /// Whether the last export failed: only the first of several is told.
    failing: bool,
}

impl Sender {
    async fn run(mut self, mut queue: Queue) {
        loop {
            let batch = queue.gather(self.limits).await;
            if batch.is_empty() {
                return;
            }
            self.send(&batch).await;
        }
    }

    async fn send(&mut self, batch: &[Seen]) {
        let count = batch.iter().map(Seen::spans).sum();
        let spans = match self.spans(batch) {
            Ok(spans) => spans,
            Err(error) => return self.failed(count, &error),
        };
        let outcome = timeout(self.limits.timeout, self.exporter.export(spans)).await;
        let (refused, cause) = self.told.take();
        match (outcome, cause) {
            (Ok(Ok(())), _) if refused == 0 => {
                add(&self.counts.exported, count);
                if std::mem::take(&mut self.failing) {
                    tracing::warn!("the collector takes traces again");
                }
            }
            (Ok(Ok(())), cause) => {
                let refused = usize::try_from(refused).unwrap_or(usize::MAX).min(count);
                add(&self.counts.exported, count.saturating_sub(refused));
                self.failed(refused, &cause.unwrap_or_default());
            }
            (Ok(Err(_)), Some(cause)) => self.failed(count, &cause),
            (Ok(Err(error)), None) => self.failed(count, &error),
            (Err(_), _) => self.failed(count, &"the collector did not answer in time"),
        }
    }

    fn failed(&mut self, spans: usize, cause: &dyn std::fmt::Display) {
        add(&self.counts.lost, spans);
        add(&self.counts.failures, 1);
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(%cause, "traces are lost until the collector takes them");
        }
    }

    fn spans(&self, batch: &[Seen]) -> Result<Vec<SpanData>, bulla_crypto::CryptoError> {
        let mut all = Vec::new();
        for seen in batch {
            all.extend(spans::of(seen, &self.crypto)?);
        }
        Ok(all)
    }
}
