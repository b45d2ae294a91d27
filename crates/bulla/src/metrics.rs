//! What the program counts, in Prometheus's text form.

use std::fmt::Write as _;
#[cfg(feature = "traces")]
use std::sync::atomic::Ordering;

use bulla_plane::stages;

use crate::house::House;

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
