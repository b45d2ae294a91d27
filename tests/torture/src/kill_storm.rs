//! Test 1: `kill -9` under mixed writes from several connections, again and again.
//!
//! After each restart all that was acknowledged is there and in the record, of what was under
//! way each write as a whole or not at all, every key works, and the journal's chain holds.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{AccessKey, Client};
use crate::random::Random;
use crate::run::{Counts, Run, demand, say};
use crate::server::Site;
use crate::writes::{Step, Worker, World, make_shared};

const WORKERS: usize = 5;
/// After so many rounds everything begins anew, so that looking at it stays quick.
const ROUNDS_OF_A_SITE: u64 = 25;
/// How long a server may work before it is killed, at most.
const MOST_WORK: Duration = Duration::from_millis(400);
/// Every third server or so is killed while it still starts, within this time.
const MOST_START: Duration = Duration::from_millis(40);
/// How many of a journal's last records are looked through beyond those that must be there.
const MORE_RECORDS: usize = 64;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    while run.goes_on(100) {
        let seed = run.random.next();
        rounds(seed, run, &mut counts).map_err(|error| format!("site {seed}: {error}"))?;
    }
    counts.all_of(&["kills under load", "acknowledged writes", "uses of keys after a kill"])
}

/// A data directory's life: begun, written to and killed, again and again.
fn rounds(seed: u64, run: &Run, counts: &mut Counts) -> Result<(), String> {
    let mut random = Random::new(seed);
    // What was written and not synced outlives a process too.
    let durability = if random.next().is_multiple_of(2) { "before-answer" } else { "within-5ms" };
    let site = Site::new("keyfile", vec![("BULLA_JOURNAL", durability.to_owned())], None)?;
    let (server, address, _) = site.start()?;
    let mut client = Client::connect(address, &site.root).map_err(|lost| lost.0)?;
    let shared = make_shared(&mut client, &site.account)?;
    let mut workers: Vec<_> = (0..WORKERS)
        .map(|number| Worker::new(&format!("w{number}"), &site.account, &shared, random.next()))
        .collect();
    server.kill()?;
    for round in 0..ROUNDS_OF_A_SITE {
        if !run.goes_on(100) {
            break;
        }
        one(&site, &mut workers, &mut random, counts)
            .map_err(|error| format!("round {round}: {error}"))?;
    }
    // What the last kill left is looked at too.
    let (server, address, _) = site.start()?;
    after_a_kill(&site, address, &mut workers, counts)?;
    let status = server.end_by("TERM")?;
    demand(status.success(), || format!("asked to end, it ended with {status}"))
}

fn one(
    site: &Site,
    workers: &mut [Worker],
    random: &mut Random,
    counts: &mut Counts,
) -> Result<(), String> {
    if random.below(3) == 0 {
        let server = site.begin()?;
        wait_by_chance(MOST_START, random)?;
        server.kill()?;
        counts.add("kills at a start", 1);
    }
    let (server, address, took) = site.start()?;
    let took = u64::try_from(took.as_millis()).map_err(say)?;
    counts.most("ms to start at most", took);
    counts.add("ms for all starts", took);
    after_a_kill(site, address, workers, counts)?;
    let writes = std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter_mut()
            .map(|worker| scope.spawn(|| write_until_killed(address, &site.root, worker)))
            .collect();
        wait_by_chance(MOST_WORK, random)?;
        server.kill()?;
        let mut writes = 0;
        for thread in threads {
            writes += thread.join().map_err(|_| "a writer panicked".to_owned())??;
        }
        Ok::<u64, String>(writes)
    })?;
    counts.add("acknowledged writes", writes);
    counts.add("kills under load", 1);
    Ok(())
}

/// The kill comes at a moment by chance: the one wait that waits for nothing.
fn wait_by_chance(most: Duration, random: &mut Random) -> Result<(), String> {
    let micros = random.below(usize::try_from(most.as_micros()).map_err(say)?);
    let until = Instant::now() + Duration::from_micros(u64::try_from(micros).map_err(say)?);
    while let Some(rest) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(rest);
    }
    Ok(())
}

fn write_until_killed(
    address: SocketAddr,
    key: &AccessKey,
    worker: &mut Worker,
) -> Result<u64, String> {
    let mut writes = 0;
    let Ok(mut client) = Client::connect(address, key) else { return Ok(0) };
    while worker.step(&mut client)? == Step::Acknowledged {
        writes += 1;
    }
    Ok(writes)
}

/// Looks at everything, before anything else is asked of the server.
pub(crate) fn after_a_kill(
    site: &Site,
    address: SocketAddr,
    workers: &mut [Worker],
    counts: &mut Counts,
) -> Result<(), String> {
    let verified = site.run(&["audit", "verify"])?;
    demand(verified.status.success(), || {
        format!("the journal does not hold: {}", String::from_utf8_lossy(&verified.stderr))
    })?;
    recorded(site, workers)?;
    let mut client = Client::connect(address, &site.root).map_err(|lost| lost.0)?;
    let world = World::observe(&mut client)?;
    for worker in workers.iter_mut() {
        worker.reconcile(&world)?;
        counts.add("uses of keys after a kill", worker.use_keys(&mut client)?);
    }
    Ok(())
}

/// Every call that was answered is in the record.
fn recorded(site: &Site, workers: &mut [Worker]) -> Result<(), String> {
    let answered: Vec<_> =
        workers.iter_mut().flat_map(|worker| std::mem::take(&mut worker.answered)).collect();
    let count = (answered.len() + MORE_RECORDS).to_string();
    let tail = site.run(&["audit", "tail", "--count", &count])?;
    demand(tail.status.success(), || String::from_utf8_lossy(&tail.stderr).into_owned())?;
    let mut known = HashSet::new();
    for line in tail.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Value = serde_json::from_slice(line).map_err(say)?;
        // What a service does by itself, such as a rotation, is nobody's request.
        known.extend(record.pointer("/requestID").and_then(Value::as_str).map(str::to_owned));
    }
    let missing = answered.iter().find(|id| !known.contains(*id));
    missing.map_or(Ok(()), |id| Err(format!("the call {id} was answered and is not recorded")))
}
