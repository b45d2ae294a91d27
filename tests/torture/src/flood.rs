//! Test 19, the server's half: 10,000 slow connections, bodies and heads without end, and deep and
//! huge bodies, all without a login. The server stays within 256 MB, and those who call it
//! properly hardly notice, also when they connect anew.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{AccessKey, Client};
use crate::door::{Door, text};
use crate::run::{Counts, Run, demand, say};
use crate::server::{Server, Site};

/// Slow connections at once, as far as the system lets this process have them.
const SLOW: usize = 10_000;
/// File descriptors that this process needs beside them.
const SPARE_FILES: u64 = 200;
/// A descriptor limit as many systems have it: the server must raise it by itself.
const USUAL_FILES: u64 = 1024;
const MOST_MEMORY_KIB: u64 = 256 << 10;
/// How many times its usual time a call may take while the flood goes on, in the 99th of a hundred.
const MOST_SLOWDOWN: u32 = 2;
/// A call that takes no longer than this is not slow, whatever it took before: on a machine with
/// few processors the flood itself, and whatever else runs there, takes turns with the server.
const NOT_SLOW: Duration = Duration::from_millis(100);
/// The same for a connection and its first call: the system puts a connection off by a second when
/// many come at once, and by two more if that happens again.
const NOT_SLOW_ANEW: Duration = Duration::from_secs(4);
/// Calm and flood take turns of this length together, so that what else the machine does meanwhile
/// weighs on both.
const TURN: Duration = Duration::from_secs(120);
/// Between two calls of a good client.
const CALL_EVERY: Duration = Duration::from_millis(10);
/// How often something hostile is sent besides what the slow connections send.
const HOSTILE_EVERY: Duration = Duration::from_millis(40);
/// Between two bytes of one slow connection.
const DRIP: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer to something hostile may take; the server's own limits are 30 s.
const HOSTILE_TIMEOUT: Duration = Duration::from_secs(2);
const HUGE: usize = 64 << 20;
const CHUNK: usize = 64 << 10;

/// What good clients' calls took.
#[derive(Default)]
struct Times {
    /// Over a connection that was there before.
    kept: Vec<Duration>,
    /// With a new connection.
    anew: Vec<Duration>,
}

/// Goes on from one part of the time to another, in percent of it.
pub(crate) fn run(run: &Run, counts: &mut Counts, from: u32, to: u32) -> Result<(), String> {
    let slow = raise_files()?.min(SLOW);
    let turns = run.parts(TURN);
    let (mut calm, mut flooded) = (Times::default(), Times::default());
    for turn in 0..turns {
        let from_to = [turn, turn + 1].map(|turn| from + (to - from) * turn / turns);
        one_turn(run, from_to, slow, counts, [&mut calm, &mut flooded])?;
    }
    counts.add("calls in the flood", flooded.kept.len() as u64);
    counts.add("newcomers in the flood", flooded.anew.len() as u64);
    let names = ["µs p99 calm", "µs p99 flooded"];
    judge(names, calm.kept, flooded.kept, NOT_SLOW, counts)?;
    let names = ["µs p99 of newcomers calm", "µs p99 of newcomers flooded"];
    judge(names, calm.anew, flooded.anew, NOT_SLOW_ANEW, counts)
}

/// A server's life: a fifth of it without the flood, the rest with it.
fn one_turn(
    run: &Run,
    [from, to]: [u32; 2],
    slow: usize,
    counts: &mut Counts,
    [calm, flooded]: [&mut Times; 2],
) -> Result<(), String> {
    let site = Site::with_files(USUAL_FILES)?;
    let (server, address, _) = site.start()?;
    let mut good = Good::new(address, &site.root)?;
    good.call_until(|| !run.goes_on(from + (to - from) / 5), calm)?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| flood(address, slow, &over));
        let hostile = scope.spawn(|| hostile(address, &over));
        let called = good.call_until(|| !run.goes_on(to), flooded);
        over.store(true, Ordering::Relaxed);
        let ended = |_| "a thread panicked".to_owned();
        counts.most("slow connections", flood.join().map_err(ended)??);
        counts.add("hostile requests", hostile.join().map_err(ended)??);
        called
    })?;
    let memory = peak_kib(&server)?;
    demand(memory < MOST_MEMORY_KIB, || format!("the server took {memory} KiB"))?;
    counts.most("MiB of the server", memory >> 10);
    let status = server.end_by("TERM")?;
    demand(status.success(), || format!("asked to end, it ended with {status}"))
}

/// Holds the slowest of a hundred calls in the flood against that in the calm.
fn judge(
    [name_calm, name_flooded]: [&'static str; 2],
    calm: Vec<Duration>,
    flooded: Vec<Duration>,
    not_slow: Duration,
    counts: &mut Counts,
) -> Result<(), String> {
    let (calm, flooded) = (percentile(calm)?, percentile(flooded)?);
    let most = (calm * MOST_SLOWDOWN).max(not_slow);
    demand(flooded <= most, || format!("{name_calm}: {calm:?} became {flooded:?} in the flood"))?;
    counts.most(name_calm, u64::try_from(calm.as_micros()).map_err(say)?);
    counts.most(name_flooded, u64::try_from(flooded.as_micros()).map_err(say)?);
    Ok(())
}

/// Lets this process have as many files as the system allows; how many connections that makes.
fn raise_files() -> Result<usize, String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .map_err(say)?;
    let files = limit.maximum.unwrap_or(u64::MAX).saturating_sub(SPARE_FILES);
    Ok(usize::try_from(files).unwrap_or(usize::MAX))
}

/// One who calls properly, over one connection and over new ones.
struct Good {
    address: SocketAddr,
    key: AccessKey,
    client: Client,
    input: serde_json::Value,
}

impl Good {
    fn new(address: SocketAddr, key: &AccessKey) -> Result<Self, String> {
        let mut client = Client::connect(address, key).map_err(|lost| lost.0)?;
        let made = client.ask("CreateKey", &json!({}))?;
        let id = text(&made, "/KeyMetadata/KeyId")?;
        let sealed = client.ask("Encrypt", &json!({ "KeyId": id, "Plaintext": "AAAA" }))?;
        let input = json!({ "CiphertextBlob": text(&sealed, "/CiphertextBlob")? });
        Ok(Self { address, key: key.clone(), client, input })
    }

    fn call_until(&mut self, over: impl Fn() -> bool, times: &mut Times) -> Result<(), String> {
        loop {
            let start = Instant::now();
            self.client.ask("Decrypt", &self.input)?;
            times.kept.push(start.elapsed());
            let start = Instant::now();
            let mut client = Client::connect(self.address, &self.key).map_err(|lost| lost.0)?;
            client.ask("Decrypt", &self.input)?;
            times.anew.push(start.elapsed());
            if over() {
                return Ok(());
            }
            pause(CALL_EVERY);
        }
    }
}

fn percentile(mut times: Vec<Duration>) -> Result<Duration, String> {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().ok_or_else(|| "no call was made in time".into())
}

/// What a slow connection begins with, and what it adds byte by byte: a head without end, a body
/// without end, chunks without end, nothing at all.
const SLOWLY: [(&str, &str); 4] = [
    ("POST / HTTP/1.1\r\nhost: x\r\nx-endless: ", "a"),
    ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n{", " "),
    ("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\na\r\n"),
    ("", ""),
];

/// Holds slow connections; answers how many there were at once.
fn flood(address: SocketAddr, slow: usize, over: &AtomicBool) -> Result<u64, String> {
    let mut held = Vec::with_capacity(slow);
    while held.len() < slow && !over.load(Ordering::Relaxed) {
        let mut stream =
            TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(|error| {
                format!("after {} connections no more are taken: {error}", held.len())
            })?;
        let (begin, _) = slowly(held.len());
        stream.write_all(begin.as_bytes()).map_err(say)?;
        held.push(stream);
    }
    let most = held.len() as u64;
    while !over.load(Ordering::Relaxed) {
        let start = Instant::now();
        for (number, stream) in held.iter_mut().enumerate() {
            let (begin, more) = slowly(number);
            if stream.write_all(more.as_bytes()).is_err() {
                // The server had enough of it; another one takes its place.
                *stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(say)?;
                stream.write_all(begin.as_bytes()).map_err(say)?;
            }
            if over.load(Ordering::Relaxed) {
                break;
            }
        }
        while start.elapsed() < DRIP && !over.load(Ordering::Relaxed) {
            pause(HOSTILE_EVERY);
        }
    }
    Ok(most)
}

fn slowly(number: usize) -> (&'static str, &'static str) {
    SLOWLY.get(number % SLOWLY.len()).copied().unwrap_or_default()
}

/// Sends one hostile thing after the other; answers how many.
fn hostile(address: SocketAddr, over: &AtomicBool) -> Result<u64, String> {
    let kinds: [fn(&mut TcpStream) -> std::io::Result<()>; 7] =
        [huge, chunks, header, headers, deep, garbage, half];
    let mut sent = 0;
    for kind in kinds.iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(say)?;
        stream.set_write_timeout(Some(HOSTILE_TIMEOUT)).map_err(say)?;
        stream.set_read_timeout(Some(HOSTILE_TIMEOUT)).map_err(say)?;
        // However it ends, what counts is what becomes of the others.
        let ended = kind(&mut stream);
        let mut answer = Vec::new();
        let read = stream.take(CHUNK as u64).read_to_end(&mut answer);
        if ended.is_ok() && read.is_ok() {
            let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
            demand(refused, || String::from_utf8_lossy(&answer).into_owned())?;
        }
        sent += 1;
        pause(HOSTILE_EVERY);
    }
    Ok(sent)
}

const TARGET: &str =
    "content-type: application/x-amz-json-1.1\r\nx-amz-target: TrentService.Encrypt\r\n";

/// 64 MB of body.
fn huge(stream: &mut TcpStream) -> std::io::Result<()> {
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\n{TARGET}content-length: {HUGE}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    (0..HUGE / CHUNK).try_for_each(|_| stream.write_all(&[b'['; CHUNK]))
}

/// Chunks, until they are refused.
fn chunks(stream: &mut TcpStream) -> std::io::Result<()> {
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\n{TARGET}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let chunk = format!("{CHUNK:x}\r\n{}\r\n", "a".repeat(CHUNK));
    (0..HUGE / CHUNK).try_for_each(|_| stream.write_all(chunk.as_bytes()))
}

/// One header, until it is refused.
fn header(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nx-large: ")?;
    (0..HUGE / CHUNK).try_for_each(|_| stream.write_all(&[b'a'; CHUNK]))
}

fn headers(stream: &mut TcpStream) -> std::io::Result<()> {
    let many: String = (0..5000).map(|number| format!("x-{number}: y\r\n")).collect();
    stream.write_all(format!("POST / HTTP/1.1\r\nhost: x\r\n{many}\r\n").as_bytes())
}

/// JSON as deep as a body may be long.
fn deep(stream: &mut TcpStream) -> std::io::Result<()> {
    let body = "[".repeat((1 << 20) - 1);
    let length = body.len();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{TARGET}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn garbage(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(&[0x16, 0x03, 0x01, 0xff, 0xff, 0x00, 0x0d, 0x0a, 0x0d, 0x0a])
}

/// A body that ends before its length.
fn half(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")?;
    stream.shutdown(std::net::Shutdown::Write)
}

fn pause(time: Duration) {
    std::thread::park_timeout(time);
}

/// The most memory that the server ever held, in KiB.
fn peak_kib(server: &Server) -> Result<u64, String> {
    crate::hostile::peak_kib(&format!("/proc/{}/status", server.id()))
}
