//! Parameters in numbers: what many of them cost, what a write costs beside the store alone, and
//! what calls cost while very many parameters expire.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bulla_store::{Batch, Expect, Key, Space, Sqlite, Store};
use serde_json::json;

use crate::error::BenchError;
use crate::machine::dashed;
use crate::process::Server;
use crate::request::Call;
use crate::rounds::{Budget, Effort, Rounds, Sample, Side, interleave};
use crate::scenarios::{get_parameter, put_parameter};
use crate::signer::amz_date;
use crate::site::{self, Mode, Site};

/// PutParameter runs over this many connections while a store is filled.
const FILL_CONNECTIONS: usize = 256;
/// How many calls are made ready at once.
const CHUNK: u64 = 20_000;
/// How many parameters a path has.
const A_PATH: u64 = 100;
/// Calls take turns over this many names at most.
const NAMES: u64 = 10_000;
/// The store of few has this many.
const FEW: u64 = 10;
/// As long as the row of the parameter that is put.
const ROW_BYTES: usize = 512;
/// So long before the parameters expire they must all be there.
const CALM: Duration = Duration::from_secs(20);
/// How long parameters may take to expire, in times what they took to be made.
const PATIENCE: u32 = 10;

/// What many parameters cost.
pub(crate) struct Many {
    pub(crate) count: u64,
    pub(crate) fill: Duration,
    /// First: many parameters. Second: ten.
    pub(crate) rounds: Vec<Rounds>,
    pub(crate) alone: Alone,
}

/// How many commits a second the store alone makes, by as many writers as there are connections.
pub(crate) struct Alone {
    /// Of one row.
    pub(crate) one: f64,
    /// Of as many rows as a put changes.
    pub(crate) alike: f64,
}

impl Alone {
    /// Measures it in a directory of their own.
    pub(crate) fn measure(directory: &Path, effort: Effort) -> Result<Self, BenchError> {
        let one = commits(&directory.join("alone"), effort, one_row)?;
        let alike = commits(&directory.join("alike"), effort, rows_of_a_put)?;
        Ok(Self { one, alike })
    }
}

/// What calls cost while parameters expire.
pub(crate) struct Expiring {
    pub(crate) count: u64,
    /// From the time they were due to when the last one was gone.
    pub(crate) took: Duration,
    /// Before, and meanwhile.
    pub(crate) get: (Vec<Sample>, Vec<Sample>),
    pub(crate) put: (Vec<Sample>, Vec<Sample>),
}

fn name(at: u64) -> String {
    format!("/app-{}/key-{at}", at / A_PATH)
}

/// Fills a store with `count` parameters and another with ten, and compares.
pub(crate) fn many(program: &Path, count: u64, effort: Effort) -> Result<Many, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let site = |name: &str| {
        let dir = dir.path().join(name);
        std::fs::create_dir(&dir).map_err(BenchError::io("make a directory for a server"))?;
        Site::init(program, &dir, "data")
    };
    let (few_site, many_site) = (site("few")?, site("many")?);
    let (few, many) = (few_site.start(Mode::Dev)?, many_site.start(Mode::Dev)?);
    fill(&few, &few_site, FEW, "/Tier", |at| put_parameter(&name(at), true))?;
    eprintln!("  putting {count} parameters");
    let started = Instant::now();
    fill(&many, &many_site, count, "/Tier", |at| put_parameter(&name(at), true))?;
    let fill = started.elapsed();
    eprintln!("  put in {:.1} s", fill.as_secs_f64());
    let step = (count / NAMES).max(1);
    let spread: Vec<u64> = (0..count).step_by(usize::try_from(step).unwrap_or(1)).collect();
    let path = |at: u64| {
        Call::ssm("GetParametersByPath", &json!({ "Path": format!("/app-{}", at / A_PATH) }))
    };
    let describe = [Call::ssm("DescribeParameters", &json!({}))];
    let one_path = [path(0)];
    let few_gets: Vec<Call> = (0..FEW).map(|at| get_parameter(&name(at))).collect();
    let gets: Vec<Call> = spread.iter().map(|at| get_parameter(&name(*at))).collect();
    let paths: Vec<Call> = spread.iter().map(|at| path(*at)).collect();
    let few_puts: Vec<Call> = (0..FEW).map(|at| put_parameter(&name(at), true)).collect();
    let puts: Vec<Call> = spread.iter().map(|at| put_parameter(&name(*at), true)).collect();
    let mut rounds = Vec::new();
    for (name, calls, few_calls) in [
        ("GetParameter", gets.as_slice(), few_gets.as_slice()),
        ("GetParametersByPath", &paths, &one_path),
        ("DescribeParameters", &describe, &describe),
        ("PutParameter", &puts, &few_puts),
    ] {
        let side = |label, server, site: &Site, calls| {
            let credentials = site.credentials().clone();
            (label, server, credentials, calls)
        };
        let first = side("many", &many, &many_site, calls);
        let second = side("few", &few, &few_site, few_calls);
        let [first, second] = [&first, &second].map(|(label, server, credentials, calls)| Side {
            label,
            server,
            credentials,
            calls,
        });
        let budget = Budget::None;
        rounds.push(interleave(name, budget, Some(&first), Some(&second), effort)?);
    }
    drop((few, many));
    let alone = Alone::measure(dir.path(), effort)?;
    Ok(Many { count, fill, rounds, alone })
}

/// Makes `count` calls that each answer a text at `pointer`.
pub(crate) fn fill(
    server: &Server,
    site: &Site,
    count: u64,
    pointer: &'static str,
    call: impl Fn(u64) -> Call,
) -> Result<(), BenchError> {
    let mut from = 0;
    while from < count {
        let to = count.min(from + CHUNK);
        let calls: Vec<Call> = (from..to).map(&call).collect();
        let connections = FILL_CONNECTIONS.min(calls.len());
        site::collect(server, site.credentials(), &calls, connections, to - from, pointer)?;
        from = to;
    }
    Ok(())
}

const ROWS: Space = Space::new("bench");

/// A batch of one row.
fn one_row(writer: usize, made: u64) -> Batch {
    let key = Key::from(format!("{writer}/{made}"));
    let batch = Batch::new().expect(ROWS, key.clone(), Expect::Absent);
    batch.put(ROWS, key, 1, vec![7; ROW_BYTES])
}

/// What PutParameter and PutSecretValue change: the row of the parameter or secret, a new one of a
/// version, and one that carries the record along, again and again.
fn rows_of_a_put(writer: usize, made: u64) -> Batch {
    let row = Key::from(format!("p/{writer}"));
    let version = Key::from(format!("v/{writer}/{made}"));
    let carried = Key::from(format!("o/{writer}"));
    let before = if made == 0 { Expect::Absent } else { Expect::Version(made) };
    Batch::new()
        .expect(ROWS, row.clone(), before)
        .expect(ROWS, version.clone(), Expect::Absent)
        .expect(ROWS, carried.clone(), before)
        .put(ROWS, row, made + 1, vec![7; ROW_BYTES])
        .put(ROWS, version, 1, vec![7; ROW_BYTES])
        .put(ROWS, carried, made + 1, vec![7; ROW_BYTES])
}

/// How many commits a second the store alone makes, by as many writers.
fn commits(
    directory: &Path,
    effort: Effort,
    batch: fn(usize, u64) -> Batch,
) -> Result<f64, BenchError> {
    let failed = |error: &dyn std::fmt::Display| BenchError::malformed(format!("store: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(BenchError::io("start a runtime"))?;
    runtime.block_on(async {
        let store = Sqlite::open(directory).map_err(|error| failed(&error))?;
        let store: Arc<dyn Store> = Arc::new(store);
        let until = Instant::now() + effort.round;
        let writers = (0..effort.connections).map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut made = 0_u64;
                while Instant::now() < until {
                    let batch = batch(writer, made);
                    store.commit(batch).await.map_err(|error| error.to_string())?;
                    made += 1;
                }
                Ok::<u64, String>(made)
            })
        });
        let mut made = 0;
        for writer in writers.collect::<Vec<_>>() {
            let done = writer.await.map_err(|error| failed(&error))?;
            made += done.map_err(|error| failed(&error))?;
        }
        store.close().await.map_err(|error| failed(&error))?;
        Ok(made as f64 / effort.round.as_secs_f64())
    })
}

/// Has `count` parameters expire at one time, and measures calls before and meanwhile.
pub(crate) fn expiring(program: &Path, count: u64, effort: Effort) -> Result<Expiring, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let site = Site::init(program, dir.path(), "data")?;
    let server = site.start(Mode::Dev)?;
    let trial = CHUNK.min(count);
    let started = Instant::now();
    fill(&server, &site, trial, "/Tier", |at| put_parameter(&format!("/trial/{at}"), true))?;
    // Twice what the trial says: these are larger.
    let estimate = started.elapsed().mul_f64(2.0 * count as f64 / trial as f64) + CALM;
    let measured = effort.round * u32::try_from(effort.rounds * 2 + 2).unwrap_or(u32::MAX);
    let due = SystemTime::now() + estimate + measured;
    let seconds = due.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let at = timestamp(seconds);
    eprintln!("  putting {count} parameters that expire at {at}");
    let policy = json!([{
        "Type": "Expiration", "Version": "1.0", "Attributes": { "Timestamp": at },
    }]);
    let policy = policy.to_string();
    let mortal = |at: u64| {
        Call::ssm(
            "PutParameter",
            &json!({
                "Name": format!("/mortal/{at}"), "Type": "String", "Value": "v",
                "Tier": "Advanced", "Policies": policy,
            }),
        )
    };
    fill(&server, &site, count, "/Tier", mortal)?;
    let gets: Vec<Call> = (0..FEW).map(|at| get_parameter(&format!("/trial/{at}"))).collect();
    let puts: Vec<Call> = (0..FEW).map(|at| put_parameter(&format!("/trial/{at}"), true)).collect();
    let credentials = site.credentials();
    let side = |label, calls| Side { label, server: &server, credentials, calls };
    let (get, put) = (side("bulla", gets.as_slice()), side("bulla", puts.as_slice()));
    let (mut before, mut meanwhile) = ((vec![], vec![]), (vec![], vec![]));
    for _ in 0..effort.rounds {
        before.0.push(get.told_sample("GetParameter", effort)?);
        before.1.push(put.told_sample("PutParameter", effort)?);
    }
    let wait = due.duration_since(SystemTime::now());
    std::thread::sleep(wait.map_err(|_| BenchError::malformed("the filling took too long"))?);
    let began = Instant::now();
    let patience = estimate * PATIENCE;
    loop {
        meanwhile.0.push(get.told_sample("GetParameter, meanwhile", effort)?);
        meanwhile.1.push(put.told_sample("PutParameter, meanwhile", effort)?);
        if !any_left(&server, &site)? {
            break;
        }
        if began.elapsed() > patience {
            return Err(BenchError::malformed("parameters do not expire"));
        }
    }
    let took = began.elapsed();
    Ok(Expiring { count, took, get: (before.0, meanwhile.0), put: (before.1, meanwhile.1) })
}

/// Whether any of those that expire is still there.
fn any_left(server: &Server, site: &Site) -> Result<bool, BenchError> {
    let call = Call::ssm("GetParametersByPath", &json!({ "Path": "/mortal", "MaxResults": 1 }));
    match site::ask(server, site.credentials(), &call, "/Parameters/0/Name") {
        Ok(_) => Ok(true),
        Err(BenchError::Malformed { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A time as policies spell it.
fn timestamp(seconds: u64) -> String {
    let amz = amz_date(seconds);
    let part = |range| amz.get(range).unwrap_or_default();
    let (day, hour) = (dashed(&amz), part(9..11));
    format!("{day}T{hour}:{}:{}Z", part(11..13), part(13..15))
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn times_are_spelled_in_utc() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(1_709_210_096), "2024-02-29T12:34:56Z");
    }
}
