//! Test 19. Here, what needs no server: bodies and policies that nest deep, or are made of huge
//! numbers, many members or half a text. Each is read or refused in a bounded time, stack and
//! memory. What a server must bear is in `flood.rs`.

use std::time::Duration;

use bulla_policy::{Policy, PolicyKind};
use bulla_shapes::{Structure, json, kms, validate};

use crate::flood;
use crate::random::Random;
use crate::run::{Counts, Run, demand, say};

const DEEP: usize = 100_000;
const LARGE: usize = 1 << 20;
const MOST_TIME: Duration = Duration::from_secs(1);
const MOST_MEMORY_KIB: u64 = 256 << 10;
/// Small enough that recursion by the input's depth would end the process.
const STACK_BYTES: usize = 256 << 10;

/// Up to which part of the time bodies are read; then the server is flooded.
const BODIES_PERCENT: u32 = 25;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = read_bodies(run)?;
    flood::run(run, &mut counts, BODIES_PERCENT, 100)?;
    counts.all_of(&["bodies", "policies", "hostile requests", "slow connections"])
}

fn read_bodies(run: &mut Run) -> Result<Counts, String> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, || on_a_small_stack(run)).map_err(say)?;
        thread.join().map_err(|_| "a reader panicked".to_owned())?
    })
}

fn on_a_small_stack(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let bodies = bodies();
    let inputs: Vec<_> =
        kms::SERVICE.operations.iter().filter_map(|operation| operation.input).collect();
    demand(!inputs.is_empty(), || "there are no operations".into())?;
    // One input with every body first, then any with any until the time is up.
    for (name, refused, body) in &bodies {
        let structure = run.random.pick(&inputs).copied().ok_or("no input")?;
        let read = bounded(name, || decode(structure, body))?;
        demand(!(read && *refused), || format!("{name} was read as a {}", structure.name))?;
        let text = String::from_utf8_lossy(body);
        let read = bounded(name, || Policy::parse(&text, PolicyKind::Resource).is_ok())?;
        demand(!read, || format!("{name} is a policy"))?;
        counts.add("bodies", 1);
        counts.add("policies", 1);
    }
    while run.goes_on(BODIES_PERCENT) {
        let structure = run.random.pick(&inputs).copied().ok_or("no input")?;
        let (name, _, body) = run.random.pick(&bodies).ok_or("no body")?;
        let body = altered(body, &mut run.random);
        bounded(name, || decode(structure, &body))?;
        counts.add("bodies", 1);
    }
    let most = peak_kib("/proc/self/status")?;
    demand(most < MOST_MEMORY_KIB, || format!("{most} KiB of memory were used"))?;
    counts.most("MiB for bodies", most >> 10);
    Ok(counts)
}

fn decode(structure: &'static Structure, body: &[u8]) -> bool {
    json::decode(structure, body).is_ok_and(|record| validate(&record).is_ok() || body.len() > 2)
}

/// Runs `read`, which must not take long: of the processor's time, as others may have it meanwhile.
fn bounded(name: &str, read: impl FnOnce() -> bool) -> Result<bool, String> {
    let start = processor_time()?;
    let outcome = read();
    let took = processor_time()?.saturating_sub(start);
    demand(took < MOST_TIME, || format!("{name} took {took:?}"))?;
    Ok(outcome)
}

/// What this thread had of a processor so far.
fn processor_time() -> Result<Duration, String> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").map_err(say)?;
    let nanoseconds = told.split_whitespace().next().and_then(|number| number.parse().ok());
    let missing = || "the system does not tell the time of a thread".to_owned();
    nanoseconds.map(Duration::from_nanos).ok_or_else(missing)
}

/// Each with its name and whether it must be refused whatever it is read as.
fn bodies() -> Vec<(&'static str, bool, Vec<u8>)> {
    let known = |value: String| format!("{{\"KeyId\":{value}}}").into_bytes();
    let unknown = |value: String| format!("{{\"Nobody\":{value}}}").into_bytes();
    let members: String = (0..LARGE / 16).map(|n| format!("\"m{n}\":0,")).collect();
    vec![
        ("lists, never closed", true, "[".repeat(DEEP).into_bytes()),
        ("objects, never closed", true, "{\"a\":".repeat(DEEP).into_bytes()),
        ("closed lists", true, unknown("[".repeat(DEEP) + &"]".repeat(DEEP))),
        ("closed objects", true, unknown("{\"a\":".repeat(DEEP) + "0" + &"}".repeat(DEEP))),
        ("deep in a member", true, known("[".repeat(DEEP) + &"]".repeat(DEEP))),
        ("a huge number", false, unknown("9".repeat(LARGE))),
        ("a huge exponent", false, unknown(format!("1e{}", "9".repeat(LARGE)))),
        ("a huge fraction", false, unknown(format!("0.{}1", "0".repeat(LARGE)))),
        ("a long text", false, known(format!("\"{}\"", "a".repeat(LARGE)))),
        ("many escapes", false, known(format!("\"{}\"", "\\u0000".repeat(LARGE / 6)))),
        ("half a pair", true, known("\"\\ud800\"".to_owned())),
        ("a text without end", true, format!("{{\"KeyId\":\"{}", "a".repeat(LARGE)).into()),
        ("many members", false, format!("{{{members}\"end\":0}}").into_bytes()),
        ("one member, many times", false, {
            format!("{{{}\"KeyId\":\"b\"}}", "\"KeyId\":\"a\",".repeat(LARGE / 12)).into_bytes()
        }),
        ("blanks", false, " ".repeat(LARGE).into_bytes()),
        ("zeros", true, vec![0; LARGE]),
        ("no UTF-8", true, b"{\"KeyId\":\"\xff\xfe\"}".to_vec()),
    ]
}

fn altered(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..1 + random.below(8) {
        let at = random.below(body.len());
        let byte = random.pick(b"{}[]\",:\\0e-. u\xff").copied().unwrap_or_default();
        if let Some(old) = body.get_mut(at) {
            *old = byte;
        }
    }
    body
}

/// The most memory that the process with this status ever held, in KiB.
pub(crate) fn peak_kib(status: &str) -> Result<u64, String> {
    let status = std::fs::read_to_string(status).map_err(say)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| "the system does not tell the peak of memory".to_owned())
}
