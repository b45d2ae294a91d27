//! What the program counts, in Prometheus's text form. Labels come from the models alone, so that
//! no caller can make more of them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_plane::stages;
use bulla_shapes::Service;
use http::HeaderMap;

use crate::house::House;

/// The statuses that are told apart; others count as `other`.
const STATUSES: [u16; 9] = [200, 400, 403, 404, 409, 413, 429, 500, 503];
const CELLS: usize = STATUSES.len() + 1;
/// Where AWS's JSON protocols name the operation.
const TARGET: &str = "x-amz-target";
/// Where Query names it, in the form.
const ACTION: &[u8] = b"Action=";
/// How far into a form the action is looked for, in bytes. Clients send it first.
const ACTION_WITHIN: usize = 1024;

/// Requests by operation and status.
pub(crate) struct Requests {
    services: Vec<(&'static Service, Vec<[AtomicU64; CELLS]>)>,
    other: [AtomicU64; CELLS],
}

/// The operation a request is counted for: service and operation by position, if they are known.
pub(crate) type Counter = Option<(usize, usize)>;

impl Requests {
    pub(crate) fn new(models: impl Iterator<Item = &'static Service>) -> Self {
        let services = models.map(|model| {
            let rows = model.operations.iter().map(|_| <[AtomicU64; CELLS]>::default());
            (model, rows.collect())
        });
        Self { services: services.collect(), other: <[AtomicU64; CELLS]>::default() }
    }

    /// What a request says it is, before it is known to be so.
    pub(crate) fn of(&self, headers: &HeaderMap, body: &[u8]) -> Counter {
        if let Some(target) = headers.get(TARGET) {
            let (prefix, name) = target.to_str().ok()?.split_once('.')?;
            return self.position(|model| model.target_prefix == prefix, name);
        }
        let head = body.get(..ACTION_WITHIN).unwrap_or(body);
        let action = head.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(ACTION))?;
        self.position(|model| model.target_prefix.is_empty(), str::from_utf8(action).ok()?)
    }

    fn position(&self, is: impl Fn(&Service) -> bool, name: &str) -> Counter {
        self.services.iter().enumerate().find_map(|(service, (model, _))| {
            let found = is(model).then(|| {
                model.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()
            });
            found.flatten().map(|operation| (service, operation))
        })
    }

    /// Counts an answer.
    pub(crate) fn count(&self, counter: Counter, status: u16) {
        let cells = counter
            .and_then(|(service, operation)| self.services.get(service)?.1.get(operation))
            .unwrap_or(&self.other);
        let known = STATUSES.iter().position(|known| *known == status);
        if let Some(cell) = cells.get(known.unwrap_or(STATUSES.len())) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn render(&self, out: &mut String) {
        for (model, rows) in &self.services {
            for (operation, cells) in model.operations.iter().zip(rows) {
                render_cells(out, model.id, operation.name, cells);
            }
        }
        render_cells(out, "other", "other", &self.other);
    }
}

fn render_cells(out: &mut String, service: &str, operation: &str, cells: &[AtomicU64; CELLS]) {
    for (at, cell) in cells.iter().enumerate() {
        let count = cell.load(Ordering::Relaxed);
        if count == 0 {
            continue;
        }
        let status = STATUSES.get(at).map_or_else(|| "other".to_owned(), u16::to_string);
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            out,
            "bulla_requests_total{{service=\"{service}\",operation=\"{operation}\",\
             code=\"{status}\"}} {count}"
        );
    }
}

/// All metrics.
pub(crate) fn render(house: &House) -> String {
    let mut out = String::from(
        "# HELP bulla_requests_total Requests by operation and HTTP status.\n\
         # TYPE bulla_requests_total counter\n",
    );
    house.requests.render(&mut out);
    render_quotas(&mut out, house);
    render_stages(&mut out);
    #[cfg(feature = "traces")]
    if let Some(traces) = &house.traces {
        render_traces(&mut out, traces.counts());
    }
    let journal = house.plane.journal.metrics();
    let mut add = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing to a string cannot fail.
        let _infallible =
            write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    add("bulla_journal_records_total", "counter", "Durable records.", journal.records());
    add("bulla_journal_groups_total", "counter", "Groups synced together.", journal.groups());
    add("bulla_journal_bytes_total", "counter", "Bytes of durable records.", journal.bytes());
    add("bulla_journal_failures_total", "counter", "Failed writes.", journal.failures());
    add("bulla_journal_refused_total", "counter", "Records refused.", journal.refused());
    let last = journal.last_sync_micros();
    add("bulla_journal_last_sync_microseconds", "gauge", "Time of the last sync.", last);
    if let Some(found) = house.plane.upkeep.finding() {
        let seconds = u64::try_from(found.at_ms.div_euclid(1000)).unwrap_or(0);
        let time = "bulla_store_check_timestamp_seconds";
        add(time, "gauge", "When all rows were last checked.", seconds);
        add("bulla_store_check_rows", "gauge", "Rows looked at by that check.", found.rows);
        let altered = "Rows that did not open in that check.";
        add("bulla_store_check_altered_rows", "gauge", altered, found.altered);
        let attested = "Whether the rows were those that were attested.";
        add("bulla_store_check_attested", "gauge", attested, u64::from(found.attested));
    }
    if let Some(resident) = resident_bytes() {
        add("process_resident_memory_bytes", "gauge", "Resident memory.", resident);
    }
    out
}

/// How long the stages of requests took (Prometheus's histograms: each bucket has what those before
/// it have).
fn render_stages(out: &mut String) {
    let name = "bulla_stage_seconds";
    out.push_str(
        "# HELP bulla_stage_seconds How long the stages of requests took.\n\
         # TYPE bulla_stage_seconds histogram\n",
    );
    for stage in stages::ALL {
        let (taken, stage) = (stage.taken(), stage.name());
        let ends = stages::BUCKETS_NS.map(|ns| seconds(ns).to_string());
        let ends = ends.iter().map(String::as_str).chain(["+Inf"]);
        for (end, count) in ends.zip(taken.within) {
            // Writing to a string cannot fail.
            let _infallible =
                writeln!(out, "{name}_bucket{{stage=\"{stage}\",le=\"{end}\"}} {count}");
        }
        let all = taken.within.last().copied().unwrap_or_default();
        let sum = seconds(taken.sum_ns);
        let _infallible = writeln!(out, "{name}_sum{{stage=\"{stage}\"}} {sum}");
        let _infallible = writeln!(out, "{name}_count{{stage=\"{stage}\"}} {all}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody misses a nanosecond in a year")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// What became of the calls that request quotas were charged with.
fn render_quotas(out: &mut String, house: &House) {
    out.push_str(
        "# HELP bulla_quota_calls_total Calls charged to request quotas.\n\
         # TYPE bulla_quota_calls_total counter\n",
    );
    for (service, quota, usage) in bulla_quotas::usage(&house.plane.quotas) {
        for (outcome, count) in [("admitted", usage.admitted), ("throttled", usage.throttled)] {
            // Writing to a string cannot fail.
            let _infallible = writeln!(
                out,
                "bulla_quota_calls_total{{service=\"{service}\",quota=\"{quota}\",\
                 outcome=\"{outcome}\"}} {count}"
            );
        }
    }
}

/// What became of the spans of requests that were followed.
#[cfg(feature = "traces")]
fn render_traces(out: &mut String, counts: &crate::traces::Counts) {
    let spans =
        [("exported", &counts.exported), ("left-out", &counts.left_out), ("lost", &counts.lost)];
    out.push_str(
        "# HELP bulla_trace_spans_total Spans of requests, by what became of them.\n\
         # TYPE bulla_trace_spans_total counter\n",
    );
    for (outcome, count) in spans {
        let count = count.load(Ordering::Relaxed);
        // Writing to a string cannot fail.
        let _infallible = writeln!(out, "bulla_trace_spans_total{{outcome=\"{outcome}\"}} {count}");
    }
    let failures = counts.failures.load(Ordering::Relaxed);
    let _infallible = write!(
        out,
        "# HELP bulla_trace_export_failures_total Exports of traces that failed.\n\
         # TYPE bulla_trace_export_failures_total counter\n\
         bulla_trace_export_failures_total {failures}\n"
    );
}

/// The resident memory, where the system tells it (proc(5), `VmRSS`).
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use bulla_shapes::{kms, sts};

    use super::*;

    #[test]
    fn requests_are_counted_by_what_the_models_know() {
        let requests = Requests::new([&kms::SERVICE, &sts::SERVICE].into_iter());
        let mut headers = HeaderMap::new();
        let form = b"Version=2011-06-15&Action=GetCallerIdentity";
        requests.count(requests.of(&headers, form), 200);
        headers.insert(TARGET, "TrentService.Encrypt".parse().unwrap());
        requests.count(requests.of(&headers, b""), 400);
        headers.insert(TARGET, "TrentService.\"} 1".parse().unwrap());
        requests.count(requests.of(&headers, b""), 418);
        let mut out = String::new();
        requests.render(&mut out);
        let line = |service, operation, code| {
            format!(
                "bulla_requests_total{{service=\"{service}\",operation=\"{operation}\",\
                 code=\"{code}\"}} 1\n"
            )
        };
        let expected = line("kms", "Encrypt", "400")
            + &line("sts", "GetCallerIdentity", "200")
            + &line("other", "other", "other");
        assert_eq!(out, expected);
    }
}
