//! What many keys in the store cost: at the start of the program, and at each Decrypt.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::process::Server;
use crate::request::Call;
use crate::rounds::{Budget, Effort, Rounds, Side, interleave};
use crate::scenarios::{Material, create_key, decrypt, encrypt};
use crate::site::{self, Mode, Site};

/// CreateKey runs over this many connections: each waits for the disk, and one sync serves many.
const FILL_CONNECTIONS: usize = 256;
/// The program is started this often; an odd number, so that the median is one of them.
const STARTS: usize = 9;
/// Decrypt with random keys takes turns over this many at most.
const RANDOM_KEYS: usize = 10_000;

/// What the run showed.
pub(crate) struct Keys {
    pub(crate) count: u64,
    /// How long the filling took.
    pub(crate) fill: Duration,
    /// Starts of the program, each after the last process was killed: with one key, with many.
    pub(crate) ready_one: Vec<Duration>,
    pub(crate) ready_many: Vec<Duration>,
    /// Resident memory right after a start, in KiB.
    pub(crate) idle_one_kib: u64,
    pub(crate) idle_many_kib: u64,
    /// First: many keys in the store, one in use. Second: one key in the store.
    pub(crate) same_key: Rounds,
    /// First: many keys, a different one at each call. Second: one key in the store.
    pub(crate) random_keys: Rounds,
}

/// Fills one store with `count` keys and another with one, and compares.
pub(crate) fn run(program: &Path, count: u64, effort: Effort) -> Result<Keys, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let (one_dir, many_dir) = (dir.path().join("one"), dir.path().join("many"));
    for dir in [&one_dir, &many_dir] {
        std::fs::create_dir(dir).map_err(BenchError::io("make a directory for a server"))?;
    }
    let one = Site::init(program, &one_dir, "data")?;
    let many = Site::init(program, &many_dir, "data")?;

    let server = one.start(Mode::Dev)?;
    let one_call = Material::create(&server, one.credentials())?.decrypt();
    drop(server);
    let server = many.start(Mode::Dev)?;
    eprintln!("  creating {count} keys");
    let started = Instant::now();
    let ids = create_keys(&server, &many, count)?;
    let fill = started.elapsed();
    eprintln!("  created in {:.1} s", fill.as_secs_f64());
    let many_call = Material::create(&server, many.credentials())?.decrypt();
    let random_calls = ciphertexts_of(&server, &many, &ids, effort.connections)?;
    drop(server);

    let (ready_one, one_server) = starts(&one)?;
    let (ready_many, many_server) = starts(&many)?;
    let (idle_one_kib, idle_many_kib) = (one_server.resident_kib()?, many_server.resident_kib()?);
    let one_side = Side {
        label: "one key",
        server: &one_server,
        credentials: one.credentials(),
        calls: std::slice::from_ref(&one_call),
    };
    let many_side =
        |label, calls| Side { label, server: &many_server, credentials: many.credentials(), calls };
    let same = many_side("many keys", std::slice::from_ref(&many_call));
    let random = many_side("random keys", &random_calls);
    let compare =
        |name, budget, side| interleave(name, budget, Some(side), Some(&one_side), effort);
    let same_key = compare("Decrypt, same key", Budget::Whole, &same)?;
    let random_keys = compare("Decrypt, random keys", Budget::None, &random)?;
    Ok(Keys {
        count,
        fill,
        ready_one,
        ready_many,
        idle_one_kib,
        idle_many_kib,
        same_key,
        random_keys,
    })
}

fn create_keys(server: &Server, site: &Site, count: u64) -> Result<Vec<String>, BenchError> {
    let connections = FILL_CONNECTIONS.min(usize::try_from(count).unwrap_or(FILL_CONNECTIONS));
    let pointer = "/KeyMetadata/KeyId";
    site::collect(server, site.credentials(), &[create_key()], connections, count, pointer)
}

/// A Decrypt for each of at most `RANDOM_KEYS` keys, spread evenly over those that exist.
fn ciphertexts_of(
    server: &Server,
    site: &Site,
    ids: &[String],
    connections: usize,
) -> Result<Vec<Call>, BenchError> {
    let step = ids.len().div_ceil(RANDOM_KEYS).max(1);
    let calls: Vec<Call> = ids.iter().step_by(step).map(|id| encrypt(id)).collect();
    let count = calls.len() as u64;
    let pointer = "/CiphertextBlob";
    let found = site::collect(server, site.credentials(), &calls, connections, count, pointer)?;
    Ok(found.iter().map(|ciphertext| decrypt(ciphertext)).collect())
}

/// Starts the program again and again; the last process stays.
fn starts(site: &Site) -> Result<(Vec<Duration>, Server), BenchError> {
    let mut server = site.start(Mode::Dev)?;
    let mut times = vec![server.ready()];
    while times.len() < STARTS {
        drop(server);
        server = site.start(Mode::Dev)?;
        times.push(server.ready());
    }
    Ok((times, server))
}
