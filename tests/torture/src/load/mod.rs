//! Test 25: signed calls under policies, each recorded durably, over a store that holds many keys
//! and secrets; the rate, the 99th of a hundred times, what CreateKey costs then, and the memory.
//!
//! What is judged is that every call is answered rightly and recorded. How fast it was is printed,
//! for a goal that is held on a machine that does nothing else.

mod callers;
mod stock;

use std::time::{Duration, Instant};

use serde_json::json;

use self::callers::{Pace, call_for};
use crate::client::Client;
use crate::door::{Door, text};
use crate::run::{Counts, Run, demand, say};
use crate::server::{Server, Site};

/// How many CreateKey are timed, on the empty and on the full store.
const TIMED_KEYS: usize = 200;
/// Up to which part of the time the store is filled; then the load, which is warm after a while:
/// what a server keeps of the journal's segment that is being written, its index above all, grows
/// until the first of them are full (16 MiB each), and then stays.
const FILL_PERCENT: u32 = 30;
const WARM_PERCENT: u32 = 45;
/// A run that is long enough for its memory to be judged.
const LONG: Duration = Duration::from_secs(600);
/// How much more memory a server may take at the end than once it was warm, in a thousand.
const MOST_DRIFT: u64 = 10;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let site = Site::new("keyfile", Vec::new(), None)?;
    let before = stock::revision(&site)?;
    let (server, address, _) = site.start()?;
    let mut client = Client::connect(address, &site.root).map_err(|lost| lost.0)?;
    let empty = time_keys(&mut client)?;
    counts.add("µs of CreateKey, empty", empty);
    let key = text(&client.ask("CreateKey", &json!({}))?, "/KeyMetadata/KeyId")?;
    let secret = stock::make_secret(&mut client)?;
    stock::make_room(&mut client)?;
    ended(server)?;
    let stocked = stock::fill(&site, before, (&key, &secret), run, FILL_PERCENT)?;
    counts.add("keys in the store", stocked.keys);
    counts.add("secrets in the store", stocked.secrets);
    let (server, address, took) = site.start()?;
    counts.add("ms to start", u64::try_from(took.as_millis()).map_err(say)?);
    let mut client = Client::connect(address, &site.root).map_err(|lost| lost.0)?;
    counts.add("µs of CreateKey, filled", time_keys(&mut client)?);
    let recorded = records(&site)?;
    let warm =
        call_for(address, &site.root, &key, |calls| calls == 0 || run.goes_on(WARM_PERCENT))?;
    let memory = resident_kib(&server)?;
    let load = call_for(address, &site.root, &key, |calls| calls == 0 || run.goes_on(100))?;
    let after = resident_kib(&server)?;
    counts.add("calls", warm.calls + load.calls);
    told(&load, &mut counts)?;
    counts.add("KiB once warm", memory);
    counts.add("KiB at the end", after);
    let drift = after.saturating_sub(memory) * 1000 / memory.max(1);
    counts.add("thousandths more memory", drift);
    let now = records(&site)?;
    let calls = warm.calls + load.calls;
    demand(now == recorded + calls, || {
        format!("{calls} calls were answered, and {} recorded", now - recorded)
    })?;
    ended(server)?;
    let drifts = run.lasts(LONG) && drift > MOST_DRIFT;
    demand(!drifts, || format!("{memory} KiB became {after}: {counts}"))?;
    counts.all_of(&["calls", "keys in the store", "secrets in the store"])
}

fn told(pace: &Pace, counts: &mut Counts) -> Result<(), String> {
    let micros = u64::try_from(pace.took.as_micros()).map_err(say)?.max(1);
    counts.add("calls a second", pace.calls * 1_000_000 / micros);
    counts.add("µs at the median", pace.percentile(50));
    counts.add("µs at the 99th of a hundred", pace.percentile(99));
    Ok(())
}

/// The median of what CreateKey takes, in µs.
fn time_keys(client: &mut Client) -> Result<u64, String> {
    let mut times = Vec::with_capacity(TIMED_KEYS);
    for _ in 0..TIMED_KEYS {
        let began = Instant::now();
        client.ask("CreateKey", &json!({}))?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let median = times.get(TIMED_KEYS / 2).ok_or("no times")?;
    u64::try_from(median.as_micros()).map_err(say)
}

/// How many records the journal holds, all of which must be as they were written.
fn records(site: &Site) -> Result<u64, String> {
    let verified = site.run(&["audit", "verify"])?;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    let count = said
        .split_once("the journal: ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    let wrong = || String::from_utf8_lossy(&verified.stderr).into_owned();
    demand(verified.status.success(), wrong)?;
    count.ok_or_else(|| format!("it does not say how many records: {said}"))
}

/// The memory that a server holds now, in KiB.
fn resident_kib(server: &Server) -> Result<u64, String> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).map_err(say)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| "the system does not tell the memory of a process".to_owned())
}

fn ended(server: Server) -> Result<(), String> {
    let status = server.end_by("TERM")?;
    demand(status.success(), || format!("asked to end, it ended with {status}"))
}
