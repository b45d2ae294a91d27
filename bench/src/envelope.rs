//! The envelope against its floors: the cipher, the hash and the copy that no implementation of
//! the format can do without, in the same run.

mod files;
pub(crate) mod memory;
mod messages;
mod rivals;
mod streams;

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::machine::Machine;

/// One measurement goes on for at least this long.
const ROUND: Duration = Duration::from_millis(150);

/// Bytes of plaintext a frame, as all implementations have it unless told otherwise.
const FRAME_LEN: usize = 4096;

/// What is compared: a floor, ours, and how near they must be.
struct Comparison {
    name: &'static str,
    /// What the floor does.
    floor: &'static str,
    unit: Unit,
    /// The least ratio of ours to the floor, where one is asked for.
    target: Option<f64>,
    rounds: Vec<(f64, f64)>,
}

#[derive(Clone, Copy)]
enum Unit {
    /// Bytes a second, told as GB/s.
    Bytes,
    /// Messages a second.
    Messages,
}

/// Something that can be done again and again; each time it says how much that was.
type Work<'a> = Box<dyn FnMut() -> Result<u64, BenchError> + 'a>;

/// Which clock counts.
#[derive(Clone, Copy)]
enum Clock {
    /// CPU time of this thread.
    Cpu,
    /// Time that passes, for work of several threads or of the kernel.
    Wall,
}

pub(crate) use rivals::Rivals;

/// Runs everything, and tells it as tables.
pub(crate) fn run(rounds: usize, rivals: &Rivals) -> Result<String, BenchError> {
    let mut all = streams::compare(rounds)?;
    all.extend(messages::compare(rounds)?);
    all.extend(files::compare(rounds)?);
    let memory = memory::told()?;
    let beside = rivals::table(rivals, rounds)?;
    let machine = Machine::this()?;
    let mut text = format!(
        "# The envelope\n\n{}, {} cores, {} MiB, Linux {}, {}. Medians of {rounds} interleaved \
         rounds.\n\n| | floor | of | ours | ratio | asked |\n|---|---|---|---|---|---|\n",
        machine.cpu, machine.cores, machine.memory_mib, machine.kernel, machine.date
    );
    for one in &all {
        let ratio = median(one.rounds.iter().map(|(floor, ours)| ours / floor));
        let side =
            |pick: fn(&(f64, f64)) -> f64| shown(one.unit, median(one.rounds.iter().map(pick)));
        let target = one.target.map_or(String::new(), |target| format!("{target}"));
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} | {ratio:.2} | {target} |",
            one.name,
            side(|(floor, _)| *floor),
            one.floor,
            side(|(_, ours)| *ours),
        );
    }
    let _infallible = writeln!(text, "\n{memory}\n\n{beside}");
    Ok(text)
}

/// Floor and ours in turn.
fn interleaved(
    clock: Clock,
    rounds: usize,
    mut floor: Work<'_>,
    mut ours: Work<'_>,
) -> Result<Vec<(f64, f64)>, BenchError> {
    // Once each before anything counts.
    floor()?;
    ours()?;
    (0..rounds).map(|_| Ok((rate(clock, &mut floor)?, rate(clock, &mut ours)?))).collect()
}

/// How much is done a second.
fn rate(clock: Clock, work: &mut Work<'_>) -> Result<f64, BenchError> {
    let began = Instant::now();
    let cpu = cpu()?;
    let mut done = 0;
    loop {
        done += work()?;
        if began.elapsed() >= ROUND {
            break;
        }
    }
    let spent = match clock {
        Clock::Cpu => self::cpu()?.saturating_sub(cpu),
        Clock::Wall => began.elapsed(),
    };
    // Exact below 2^53.
    Ok(done as f64 / spent.as_secs_f64().max(f64::EPSILON))
}

/// What this thread has used (proc(5), `schedstat`).
fn cpu() -> Result<Duration, BenchError> {
    let path = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(path).map_err(BenchError::io(format!("read {path}")))?;
    let nanos = text.split(' ').next().and_then(|field| field.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| BenchError::malformed(path))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn shown(unit: Unit, rate: f64) -> String {
    match unit {
        Unit::Bytes => format!("{:.2} GB/s", rate / 1e9),
        Unit::Messages => format!("{rate:.0} /s"),
    }
}

/// An envelope that did not do what it must.
fn failed(error: bulla_envelope::Error) -> BenchError {
    BenchError::Malformed { what: format!("the envelope: {error}") }
}

fn library(_: aws_lc_rs::error::Unspecified) -> BenchError {
    BenchError::malformed("the cryptographic library refused a call")
}

/// Runs a future that waits for nothing outside.
fn block_on<T>(
    work: impl Future<Output = Result<T, bulla_envelope::Error>>,
) -> Result<T, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(BenchError::io("start a runtime"))?.block_on(work).map_err(failed)
}

/// An envelope under a key of its own, without signature.
fn envelope() -> Result<bulla_envelope::Envelope, BenchError> {
    Ok(bulla_envelope::Envelope::new(keyring()?).suite(bulla_envelope::Committing::Unsigned))
}

fn keyring() -> Result<bulla_envelope::keyring::RawAesKeyring, BenchError> {
    let key = bulla_envelope::SecretBytes::from_slice(&[7; 32]);
    let keyring = bulla_envelope::keyring::RawAesKeyring::new("bench", "key", &key);
    keyring.map_err(|error| failed(error.into()))
}
