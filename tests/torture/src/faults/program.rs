//! The program on a disk that fails at one operation after the other: while it starts, and while
//! it is written to. After each fault it is killed, and the power goes: at once, or after the next
//! server has written too.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Client;
use crate::door::Door;
use crate::fuse::{Disk, Errno, Mood, Of};
use crate::kill_storm::after_a_kill;
use crate::random::Random;
use crate::run::{Counts, Run, demand};
use crate::server::Server;
use crate::writes::{Step, Worker, make_shared};

/// How many operations of a start have their turn, and how many of the writes after it.
const OPERATIONS_OF_A_START: u64 = 40;
const OPERATIONS_OF_WRITES: u64 = 60;
/// How many writes are made at most until the fault comes.
const MOST_STEPS: usize = 60;
/// How many writes are made once the disk is well again.
const STEPS_AFTERWARDS: usize = 3;
/// A server that takes no call by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at whether it has recovered.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One who writes, and the key that it shares with nobody here.
struct Writer {
    workers: [Worker; 1],
    shared: String,
}

#[derive(Clone, Copy, Debug)]
struct Fault {
    of: Of,
    at: u64,
    errno: Errno,
    for_ever: bool,
    /// Whether it comes while the server starts.
    at_start: bool,
    cut: Cut,
}

/// When the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// With the server that the fault hit.
    AtOnce,
    /// After the next one has written behind what the fault left.
    Later,
}

/// One site, whose disk fails at one operation after the other; whether there is such a disk here.
pub(super) fn every_operation(seed: u64, run: &Run, counts: &mut Counts) -> Result<bool, String> {
    let Some(mut disk) = Disk::new(seed)? else { return Ok(false) };
    let (server, address, _) = disk.site.start()?;
    let mut client = Client::connect(address, &disk.site.root).map_err(|lost| lost.0)?;
    let shared = make_shared(&mut client, &disk.site.account)?;
    server.kill()?;
    let worker = Worker::new("w", &disk.site.account, &shared, seed);
    let mut writer = Writer { workers: [worker], shared };
    let mut first = true;
    for fault in all(seed) {
        if !first && !run.goes_on(100) {
            break;
        }
        first = false;
        one(&mut disk, fault, &mut writer, counts).map_err(|error| {
            let said = std::fs::read_to_string(disk.site.log()).unwrap_or_default();
            let last: Vec<_> = said.lines().rev().take(8).collect();
            format!("{fault:?}: {error}; it said, from the end: {last:?}")
        })?;
    }
    Ok(true)
}

/// All faults, in an order by chance; first those after which a system shows what never reached
/// the disk.
fn all(seed: u64) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at_start, operations) in [(true, OPERATIONS_OF_A_START), (false, OPERATIONS_OF_WRITES)] {
        for at in 1..=operations {
            for of in [Of::Store, Of::Journal] {
                for errno in [Errno::Io, Errno::Full] {
                    for (for_ever, cut) in [
                        (false, Cut::AtOnce),
                        (false, Cut::Later),
                        (true, Cut::AtOnce),
                        (true, Cut::Later),
                    ] {
                        faults.push(Fault { of, at, errno, for_ever, at_start, cut });
                    }
                }
            }
        }
    }
    let mut random = Random::new(seed);
    for last in (1..faults.len()).rev() {
        faults.swap(last, random.below(last + 1));
    }
    let hides = |fault: &Fault| {
        let once = fault.errno == Errno::Io && !fault.for_ever;
        fault.of == Of::Store && once && fault.cut == Cut::Later && !fault.at_start
    };
    faults.sort_by_key(|fault| !hides(fault));
    faults
}

fn one(
    disk: &mut Disk,
    fault: Fault,
    writer: &mut Writer,
    counts: &mut Counts,
) -> Result<(), String> {
    let Fault { of, at, errno, for_ever, at_start, cut } = fault;
    let mood = Mood::FailAt { of, at, errno, for_ever };
    let server = if at_start {
        disk.faults().set(mood);
        started(disk)?
    } else {
        let (server, address, _) = disk.site.start()?;
        disk.faults().set(mood);
        Some((server, address))
    };
    if let Some((mut server, address)) = server {
        let hit = write(disk, &mut server, address, fault, writer)?;
        counts.add("faults of the program", u64::from(hit));
        kill(server)?;
    } else {
        counts.add("starts that failed", 1);
        disk.faults().set(Mood::Well);
    }
    if cut == Cut::AtOnce {
        disk.cut_power()?;
        return go_on(disk, writer, counts);
    }
    go_on(disk, writer, counts)?;
    disk.cut_power()?;
    go_on(disk, writer, counts).map_err(|error| format!("after the power cut: {error}"))
}

/// A server's life on a sound disk: all is there that was answered, and more is written.
fn go_on(disk: &Disk, writer: &mut Writer, counts: &mut Counts) -> Result<(), String> {
    let (server, address, _) = disk.site.start()?;
    after_a_kill(&disk.site, address, &mut writer.workers, counts)?;
    let mut client = Client::connect(address, &disk.site.root).map_err(|lost| lost.0)?;
    for _ in 0..STEPS_AFTERWARDS {
        let [worker] = &mut writer.workers;
        let step = worker.step(&mut client)?;
        demand(step == Step::Acknowledged, || "a write is lost on a sound disk".into())?;
    }
    server.kill()
}

/// A server on a disk that may fail while it starts; nothing if it ended over that.
fn started(disk: &Disk) -> Result<Option<(Server, SocketAddr)>, String> {
    match disk.site.start() {
        Ok((server, address, _)) => Ok(Some((server, address))),
        Err(_) if disk.faults().failed() > 0 => Ok(None),
        Err(error) => Err(error),
    }
}

/// Kills a server, which may have ended before.
fn kill(mut server: Server) -> Result<(), String> {
    if server.runs()? { server.kill() } else { server.end().map(drop) }
}

/// Writes until the fault comes, holds the server to failing for as long as it lasts, and then to
/// recovering. Whether the fault came.
fn write(
    disk: &Disk,
    server: &mut Server,
    address: SocketAddr,
    fault: Fault,
    writer: &mut Writer,
) -> Result<bool, String> {
    let [worker] = &mut writer.workers;
    let Ok(mut client) = Client::connect(address, &disk.site.root) else { return Ok(true) };
    let mut lost = false;
    for _ in 0..MOST_STEPS {
        lost = worker.step(&mut client)? == Step::Lost;
        if lost || disk.faults().failed() > 0 {
            break;
        }
    }
    let hit = disk.faults().failed() > 0;
    demand(!lost || hit, || "a write is lost, and no fault came".into())?;
    if lost && fault.for_ever {
        for _ in 0..3 {
            let refused = probe(&mut client, &writer.shared) == Probe::Refused;
            demand(refused, || "a write was answered on a disk that fails".into())?;
        }
    }
    disk.faults().set(Mood::Well);
    recovered(disk, server, address, &writer.shared)?;
    Ok(hit)
}

#[derive(PartialEq, Eq)]
enum Probe {
    Answered,
    /// By a fault of the server's, or not at all, since it has ended.
    Refused,
}

/// A write that can be made over and over.
fn probe(client: &mut Client, shared: &str) -> Probe {
    let input = json!({ "KeyId": shared, "Tags": [{ "TagKey": "probe", "TagValue": "x" }] });
    match client.call("TagResource", &input) {
        Ok(reply) if !reply.is_our_fault() => Probe::Answered,
        _ => Probe::Refused,
    }
}

/// The server takes calls again by itself, or it has ended, which its supervisor notices.
fn recovered(
    disk: &Disk,
    server: &mut Server,
    address: SocketAddr,
    shared: &str,
) -> Result<(), String> {
    let since = Instant::now();
    while server.runs()? {
        let client = Client::connect(address, &disk.site.root);
        if client.is_ok_and(|mut client| probe(&mut client, shared) == Probe::Answered) {
            return Ok(());
        }
        demand(since.elapsed() < PATIENCE, || "it neither recovers nor ends".into())?;
        std::thread::park_timeout(LOOK_EVERY);
    }
    Ok(())
}
