//! Test 9: after each operation the data directory is swept for the bytes of every key.
//!
//! The services run in this process over the real store, journal and seal, with a random source
//! that remembers what it gave: all key material there is came out of it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::STANDARD;
use bulla_crypto::{Crypto, HmacKey, KEY_LEN, RandomStock, hex};
use bulla_plane::journal::{ChainKey, Directory, Journal, Options};
use bulla_plane::root::{self, Anchor, KeyFileSeal, RootKey};
use bulla_store::{Barrier, Sqlite};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::REGION;
use crate::door::{Door, text};
use crate::house::House;
use crate::random::{Random, Recording};
use crate::run::{Counts, Run, demand, say};
use crate::scanner::{LEAST_SECRET, Scanner};
use crate::writes::{Step, Worker, make_shared};

const ACCOUNT: &str = "111122223333";
/// Small, so that a sweep reads little but records.
const SEGMENT_BYTES: u64 = 64 << 10;
/// Nothing here depends on how long a sync takes.
const NO_STALL: Duration = Duration::from_secs(600);
/// After so many operations everything begins anew.
const OPERATIONS_OF_A_SITE: usize = 150;
/// More than a rotation on demand takes, in milliseconds.
const ROTATION_MS: u64 = 11_000;
/// More than the shortest period of a rotation and of a deletion, in milliseconds.
const MONTHS_MS: u64 = 91 * 86_400_000;
const KEY_FILE: &str = "data.key";
/// A call's two ids, and what a nonce is hedged with, are drawn for several uses at once.
const PUBLIC_LEN: usize = 32;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    while run.goes_on(100) {
        let seed = run.random.next();
        site(seed, run, &mut counts).map_err(|error| format!("site {seed}: {error}"))?;
    }
    counts.all_of(&["sweeps", "secrets", "MiB swept"])
}

/// A data directory with the services on it.
struct Site {
    home: TempDir,
    house: House,
    random: Arc<Recording>,
    scanner: Scanner,
    /// What was drawn for ids and nonces to come.
    public: Vec<[u8; PUBLIC_LEN]>,
    _root: RootKey,
    anchor: Anchor,
}

impl Site {
    fn new(random: &mut Random) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(say)?;
        std::fs::set_permissions(home.path(), Permissions::from_mode(0o700)).map_err(say)?;
        let data = home.path().join("data");
        let source = Arc::new(Recording::default());
        let crypto = Crypto::on(Arc::clone(&source) as _);
        let engine = Arc::new(Sqlite::open(&data).map_err(say)?);
        let seal = KeyFileSeal::beside(&data).map_err(say)?;
        let root = root::create(&crypto, &data, &seal).map_err(say)?;
        let derive = |label: &[u8]| root.derive(&crypto, label, root.id()).map_err(say);
        let barrier = Barrier::create(engine, crypto.clone(), derive(b"barrier")?);
        let barrier = Arc::new(crate::run::wait(async { barrier.await.map_err(say) })?);
        let medium = Directory::open(data.join("journal")).map_err(say)?;
        let chain = Arc::new(ChainKey::new(HmacKey::new(derive(b"journal")?.expose())));
        let options =
            Options { segment_bytes: SEGMENT_BYTES, stall: NO_STALL, ..Options::default() };
        let (journal, _) = Journal::open(Arc::new(medium), chain, options).map_err(say)?;
        let anchor = Anchor::open(&crypto, &data, &root).map_err(say)?;
        let house = House::new(crypto, barrier, journal)?;
        let scanner = Scanner::new(random)?;
        let public = Vec::new();
        let mut site = Self { home, house, random: source, scanner, public, _root: root, anchor };
        site.watch_draws("the set-up", None)?;
        let key = std::fs::read(site.home.path().join(KEY_FILE)).map_err(say)?;
        let key = hex::decode(key.trim_ascii()).map_err(say)?;
        demand(site.scanner.find(&key).is_some(), || "the seal's key was not drawn here".into())?;
        Ok(site)
    }

    /// Looks for all that was drawn since: whatever is as long as a key is one, but for a stock of
    /// public bytes. An answered call's id must come from such a stock.
    fn watch_draws(&mut self, by: &str, request_id: Option<&str>) -> Result<(), String> {
        for draw in self.random.take() {
            let (uses, _) = draw.as_chunks::<PUBLIC_LEN>();
            if draw.len() == RandomStock::<PUBLIC_LEN>::DRAWN_BYTES {
                self.public.extend(uses);
            } else if draw.len() >= KEY_LEN {
                self.scanner.watch(format!("what {by} drew"), &draw);
            }
        }
        let Some(id) = request_id else { return Ok(()) };
        let id = hex::decode(id.replace('-', "")).map_err(say)?;
        let drawn = self.public.iter().position(|draw| is_id(draw, &id));
        let drawn = drawn.ok_or_else(|| format!("the id of {by} was not drawn for ids"))?;
        self.public.swap_remove(drawn);
        Ok(())
    }

    /// Calls, and sweeps for what was drawn and told by it and all calls before.
    fn call(&mut self, operation: &str, input: &Value) -> Result<Value, String> {
        let mut door = self.house.door(ACCOUNT, REGION);
        let reply = door.call(operation, input).map_err(|lost| lost.0)?;
        self.watch_draws(operation, Some(&reply.request_id))?;
        let answer = reply.json();
        if let Some(told) = answer.get("Plaintext").and_then(Value::as_str) {
            let told = STANDARD.decode_to_vec(told).map_err(say)?;
            if told.len() >= LEAST_SECRET {
                self.scanner.watch(format!("what {operation} told"), &told);
            }
        }
        Ok(answer)
    }

    /// A write of a worker.
    fn step(&mut self, worker: &mut Worker) -> Result<(), String> {
        let step = worker.step(&mut self.house.door(ACCOUNT, REGION))?;
        demand(step == Step::Acknowledged, || "a sound site loses a write".into())?;
        let id = worker.answered.pop();
        self.watch_draws("a write", id.as_deref())
    }

    fn sweep(&self) -> Result<u64, String> {
        self.anchor.record(1, 1).map_err(say)?;
        self.scanner.sweep(self.home.path(), &[KEY_FILE])
    }
}

/// Whether a draw became this id: version 4 of a UUID changes six of its bits.
fn is_id(draw: &[u8], id: &[u8]) -> bool {
    let same = |at: usize, bits: u8| {
        draw.get(at).zip(id.get(at)).is_some_and(|(a, b)| (a ^ b) & bits == 0)
    };
    id.len() == 16
        && (0..16).all(|at| match at {
            6 => same(at, 0x0f),
            8 => same(at, 0x3f),
            _ => same(at, 0xff),
        })
}

fn site(seed: u64, run: &Run, counts: &mut Counts) -> Result<(), String> {
    let mut random = Random::new(seed);
    let mut site = Site::new(&mut random)?;
    let shared = make_shared(&mut site.house.door(ACCOUNT, REGION), ACCOUNT)?;
    site.watch_draws("the shared key", None)?;
    let mut worker = Worker::new("w", ACCOUNT, &shared, random.next());
    let made = site.call("CreateKey", &json!({}))?;
    let key = text(&made, "/KeyMetadata/KeyId")?;
    let mut bytes = 0;
    for operation in 0..OPERATIONS_OF_A_SITE {
        if operation > 0 && !run.goes_on(100) {
            break;
        }
        match random.below(3) {
            0 => cryptography(&mut site, &key, &mut random)?,
            1 if random.below(8) == 0 => {
                site.call("RotateKeyOnDemand", &json!({ "KeyId": key }))?;
                due(&mut site, ROTATION_MS)?;
            }
            _ => site.step(&mut worker)?,
        }
        bytes += site.sweep().map_err(|error| format!("operation {operation}: {error}"))?;
        counts.add("sweeps", 1);
    }
    jobs(&mut site)?;
    bytes += site.sweep().map_err(|error| format!("jobs: {error}"))?;
    site.house.wait(site.house.plane.barrier.engine().close()).map_err(say)?;
    bytes += site.sweep().map_err(|error| format!("closed: {error}"))?;
    counts.add("secrets", site.scanner.secrets());
    counts.add("MiB swept", bytes >> 20);
    Ok(())
}

/// Keys that rotate and that go, those of the worker among them.
fn jobs(site: &mut Site) -> Result<(), String> {
    for (operation, member, value) in [
        ("EnableKeyRotation", "RotationPeriodInDays", 90),
        ("ScheduleKeyDeletion", "PendingWindowInDays", 7),
    ] {
        let made = site.call("CreateKey", &json!({}))?;
        let key = text(&made, "/KeyMetadata/KeyId")?;
        site.call(operation, &json!({ "KeyId": key, member: value }))?;
    }
    due(site, MONTHS_MS)
}

/// Lets time pass, and does what is due.
fn due(site: &mut Site, ms: u64) -> Result<(), String> {
    let done = site.house.pass(ms)?;
    demand(done > 0, || "nothing was due".into())?;
    site.watch_draws("a job", None)
}

fn cryptography(site: &mut Site, key: &str, random: &mut Random) -> Result<(), String> {
    let size = LEAST_SECRET + random.below(100);
    let plaintext = random.bytes(size);
    site.scanner.watch("a plaintext".into(), &plaintext);
    let encoded = STANDARD.encode_to_string(&plaintext);
    let context = json!({ "tenant": "a" });
    let input = json!({ "KeyId": key, "Plaintext": encoded, "EncryptionContext": context });
    let sealed = text(&site.call("Encrypt", &input)?, "/CiphertextBlob")?;
    let mut input = json!({ "CiphertextBlob": sealed, "EncryptionContext": context });
    match random.below(5) {
        0 => site.call("GenerateRandom", &json!({ "NumberOfBytes": 32 }))?,
        1 => site.call("GenerateDataKey", &json!({ "KeyId": key, "KeySpec": "AES_128" }))?,
        2 => {
            let spec = json!({ "KeyId": key, "KeySpec": "AES_256" });
            site.call("GenerateDataKeyWithoutPlaintext", &spec)?
        }
        3 => {
            if let Some(input) = input.as_object_mut() {
                input.insert("DestinationKeyId".into(), key.into());
                input.insert("SourceEncryptionContext".into(), context);
                input.remove("EncryptionContext");
            }
            site.call("ReEncrypt", &input)?
        }
        _ => site.call("Decrypt", &input)?,
    };
    Ok(())
}
