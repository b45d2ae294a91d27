//! LookupEvents among very many events, and what a record takes on disk.
//!
//! The journal is filled without the wire, by its own writer under the server's own key, and then
//! asked over the wire.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bulla_crypto::{Crypto, HmacKey};
use bulla_plane::journal::{
    ChainKey, Directory, Identity, Journal, MAX_TOGETHER, Options, Reader, RecordRef, Resource,
};
use bulla_plane::root::{KeyFileSeal, unseal};
use serde_json::{Value, json};

use crate::client::Until;
use crate::error::BenchError;
use crate::machine::Machine;
use crate::process::Server;
use crate::request::Call;
use crate::scenarios::{Material, create_key};
use crate::signer::REGION;
use crate::site::{self, Mode, Site};

/// What the program derives the key of its journal's chain with.
const JOURNAL_LABEL: &[u8] = b"bulla/journal/v1";
/// So many tasks append at once, each [`MAX_TOGETHER`] records.
const TASKS: u64 = 64;
/// The events lie within so many days before now, all of them shown.
const DAYS: u64 = 80;
/// Keys, users and addresses that take turns.
const KEYS: u64 = 2_000;
const USERS: u64 = 500;
/// One of so many events is about the key that is looked for, and one by the user.
const RARE: u64 = 100_000;
/// One of so many changes a key; the others are cryptographic operations.
const CHANGES: u64 = 10;
/// How often each question is asked.
const TURNS: usize = 15;
/// How many pages follow the first.
const PAGES: usize = 10;
/// What a lookup must keep within.
const TARGET: Duration = Duration::from_millis(50);
/// How long a group may take while the journal is filled: a machine that is busy with other things
/// is no reason to give up, as it is for a server.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many calls are made to see what a record takes.
const CALLS: u64 = 60_000;
/// As many different encryption contexts are among them.
const CONTEXTS: u64 = 5_000;

/// Fills a journal with so many records, and measures.
pub(crate) fn run(program: &Path, records: u64) -> Result<String, BenchError> {
    let machine = Machine::this()?;
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let site = Site::init(program, dir.path(), "data")?;
    let journal = Place::of(&site)?;
    let begun = Instant::now();
    journal.fill(site.account(), records)?;
    let filled = begun.elapsed();
    let (count, bytes) = journal.size()?;
    let mut text = format!(
        "# LookupEvents among {records} events\n\n{}, {} cores, {} MiB, Linux {}, {}. Filled in {:.0} s, \
         {:.0} bytes a record, frames and chain included.\n\n",
        machine.cpu,
        machine.cores,
        machine.memory_mib,
        machine.kernel,
        machine.date,
        filled.as_secs_f64(),
        bytes as f64 / count as f64
    );
    let server = site.start(Mode::Serve)?;
    let begun = Instant::now();
    // Whoever looks makes what is missing of the index, and is answered when it is whole.
    ask(&server, &site, "nothing", Some("EventName"), "Nothing", 1)?;
    let (indexed, with_index) = (begun.elapsed(), server.peak_kib()?);
    // Writing to a string cannot fail.
    let _infallible = writeln!(
        text,
        "The index was made in {:.0} s, {} MiB of memory at most.\n\n| by | first page ms, median \
         (most) | next pages ms, median (most) | asked |\n|---|---:|---:|---|",
        indexed.as_secs_f64(),
        with_index >> 10
    );
    for (name, attribute, value) in questions() {
        let row = ask(&server, &site, name, attribute, &value, TURNS)?;
        let _infallible = writeln!(text, "{row}");
    }
    let _infallible =
        writeln!(text, "\n{} MiB of memory at most, after all of them.", server.peak_kib()? >> 10);
    drop(server);
    text.push_str(&on_disk(program)?);
    Ok(text)
}

fn rare_key() -> String {
    key_arn("000000000000", u64::MAX)
}

fn key_arn(account: &str, key: u64) -> String {
    format!("arn:aws:kms:{REGION}:{account}:key/00000000-0000-4000-8000-{key:012x}")
}

fn event_id(at: u64) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h] = at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    [a, b, c, d, e, f, 0x40 | g >> 4, h, 0x80, 1, 2, 3, 4, 5, 6, 7]
}

/// What is asked, in the order of the table.
fn questions() -> Vec<(&'static str, Option<&'static str>, String)> {
    let id = event_id(RARE);
    let hex: String = id.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    });
    let part = |range| hex.get(range).unwrap_or_default();
    let id = [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-");
    vec![
        ("one key of few events", Some("ResourceName"), rare_key()),
        ("one user of few events", Some("Username"), "rare".to_owned()),
        ("one user of many", Some("Username"), "user-7".to_owned()),
        ("event name, every other event", Some("EventName"), "Decrypt".to_owned()),
        ("event id", Some("EventId"), id),
        ("a name that no event has", Some("EventName"), "Nothing".to_owned()),
        ("no attribute", None, String::new()),
    ]
}

/// The journal of a site.
struct Place {
    folder: PathBuf,
    key: Arc<ChainKey>,
}

impl Place {
    fn of(site: &Site) -> Result<Self, BenchError> {
        let refused = |error: &dyn std::fmt::Display| {
            BenchError::malformed(format!("the journal can't be opened: {error}"))
        };
        let crypto = Crypto::standard();
        let data = site.data();
        let seal = KeyFileSeal::beside(data).map_err(|error| refused(&error))?;
        let root = unseal(&crypto, data, &seal).map_err(|error| refused(&error))?;
        let key = root.derive(&crypto, JOURNAL_LABEL, root.id()).map_err(|e| refused(&e))?;
        Ok(Self {
            folder: data.join("journal"),
            key: Arc::new(ChainKey::new(HmacKey::new(key.expose()))),
        })
    }

    fn fill(&self, account: &str, records: u64) -> Result<(), BenchError> {
        let doing = || format!("fill {}", self.folder.display());
        let medium = Arc::new(Directory::open(&self.folder).map_err(BenchError::io(doing()))?);
        let options = Options { stall: PATIENCE, ..Options::default() };
        let opened = Journal::open(medium, Arc::clone(&self.key), options);
        let (journal, _) = opened.map_err(|error| BenchError::malformed(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(BenchError::io("start a runtime"))?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let start_ms = u64::try_from(now_ms).unwrap_or_default() - DAYS * 86_400_000;
        let (journal, account) = (Arc::new(journal), Arc::<str>::from(account));
        let step = MAX_TOGETHER as u64;
        let mut next = 0;
        while next < records {
            let until = records.min(next + TASKS * step);
            let tasks = (next..until).step_by(MAX_TOGETHER).map(|first| {
                let (journal, account) = (Arc::clone(&journal), Arc::clone(&account));
                let numbers = first..until.min(first + step);
                let time_ms = move |at: u64| start_ms + at * (DAYS * 86_400_000) / records;
                runtime.spawn(async move {
                    let owned: Vec<Owned> = numbers.map(|at| Owned::of(&account, at)).collect();
                    let all: Vec<_> =
                        owned.iter().map(|one| one.record(&account, time_ms(one.at))).collect();
                    journal.append_all(&all).await
                })
            });
            for task in tasks.collect::<Vec<_>>() {
                let done = runtime.block_on(task);
                let done = done.map_err(|error| BenchError::malformed(error.to_string()))?;
                done.map_err(|error| BenchError::malformed(error.to_string()))?;
            }
            if next / 1_000_000 != until / 1_000_000 {
                eprintln!("  {until} records");
            }
            next = until;
        }
        Ok(())
    }

    /// How many records there are, and the bytes of their frames.
    fn size(&self) -> Result<(u64, u64), BenchError> {
        let doing = || format!("read {}", self.folder.display());
        let medium =
            Arc::new(Directory::open_to_read(&self.folder).map_err(BenchError::io(doing()))?);
        let reader = Reader::from_sequence(medium, Arc::clone(&self.key), 1);
        let mut reader = reader.map_err(BenchError::io(doing()))?;
        let (mut count, mut bytes, mut last) = (0, 0, reader.place());
        while let Some(record) = reader.next() {
            record.map_err(|error| BenchError::malformed(error.to_string()))?;
            let place = reader.place();
            // Between the starts of two records of a segment lies the first one.
            if place.segment == last.segment {
                count += 1;
                bytes += place.offset - last.offset;
            }
            last = place;
        }
        Ok((count.max(1), bytes))
    }
}

/// The texts of a record.
struct Owned {
    at: u64,
    key: String,
    user: String,
    arn: String,
    principal: String,
    address: String,
    parameters: String,
    name: &'static str,
}

impl Owned {
    fn of(account: &str, at: u64) -> Self {
        let (key, user) = (at * 7919 % KEYS, at * 104_729 % USERS);
        let is_rare = at.is_multiple_of(RARE);
        let user = if is_rare { "rare".to_owned() } else { format!("user-{user}") };
        let key = if is_rare { rare_key() } else { key_arn(account, key) };
        let name = match at % CHANGES {
            0 => "TagResource",
            n if n % 2 == 1 => "Decrypt",
            _ => "GenerateDataKey",
        };
        Self {
            at,
            name,
            arn: format!("arn:aws:iam::{account}:user/{user}"),
            principal: format!("AIDA{:016}", at % USERS),
            address: format!("10.0.{}.{}", at % 4, at % 250),
            parameters: format!(
                "{{\"encryptionContext\":{{\"tenant\":\"tenant-{}\",\"purpose\":\"orders\"}},\
                 \"encryptionAlgorithm\":\"SYMMETRIC_DEFAULT\"}}",
                at % 1000
            ),
            key,
            user,
        }
    }

    fn record<'a>(&'a self, account: &'a str, time_ms: u64) -> RecordRef<'a> {
        let kind = Some("AWS::KMS::Key");
        RecordRef {
            time_ms: i64::try_from(time_ms).unwrap_or_default(),
            event_id: event_id(self.at),
            request_id: Some(event_id(self.at ^ u64::MAX)),
            event_source: "kms.amazonaws.com",
            event_name: self.name,
            region: REGION,
            recipient_account_id: account,
            identity: Identity {
                kind: Some("IAMUser"),
                principal_id: Some(&self.principal),
                arn: Some(&self.arn),
                account_id: Some(account),
                access_key_id: Some("AKIAEXAMPLE000000001"),
                user_name: Some(&self.user),
                ..Identity::default()
            },
            source_ip: &self.address,
            user_agent: Some("aws-sdk-rust/1.3.9 os/linux lang/rust/1.91 md/http#hyper-1.x"),
            read_only: !self.at.is_multiple_of(CHANGES),
            request_parameters: Some(&self.parameters),
            resources: vec![Resource { account_id: account, kind, arn: &self.key }].into(),
            ..RecordRef::default()
        }
    }
}

/// Asks one question again and again, then for the pages that follow; tells it as a row.
fn ask(
    server: &Server,
    site: &Site,
    name: &str,
    attribute: Option<&str>,
    value: &str,
    turns: usize,
) -> Result<String, BenchError> {
    let call = |token: Option<&str>| {
        let mut body = json!({ "MaxResults": 50 });
        if let (Some(attribute), Some(members)) = (attribute, body.as_object_mut()) {
            let pair = json!([{ "AttributeKey": attribute, "AttributeValue": value }]);
            members.insert("LookupAttributes".into(), pair);
        }
        if let (Some(token), Some(members)) = (token, body.as_object_mut()) {
            members.insert("NextToken".into(), token.into());
        }
        Call::trail("LookupEvents", &body)
    };
    let timed = |call: &Call| -> Result<(Duration, Value), BenchError> {
        let begun = Instant::now();
        let answer = site::answer(server, site.credentials(), call)?;
        Ok((begun.elapsed(), answer))
    };
    let (mut first, mut next) = (Vec::new(), Vec::new());
    let mut answer = Value::Null;
    for _ in 0..turns {
        let (took, told) = timed(&call(None))?;
        first.push(took);
        answer = told;
    }
    let found = answer.pointer("/Events").and_then(Value::as_array).map_or(0, Vec::len);
    for _ in 0..PAGES {
        let Some(token) = answer.pointer("/NextToken").and_then(Value::as_str) else { break };
        let (took, told) = timed(&call(Some(token)))?;
        next.push(took);
        answer = told;
    }
    let most = first.iter().chain(&next).max().copied().unwrap_or_default();
    let met = if most <= TARGET { "met" } else { "missed" };
    Ok(format!(
        "| {name} ({found} on the first page) | {} | {} | {} ms: {met} |",
        told(first),
        told(next),
        TARGET.as_millis()
    ))
}

fn told(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    match (times.get(times.len() / 2), times.last()) {
        (Some(median), Some(most)) => format!("{:.2} ({:.2})", ms(median), ms(most)),
        _ => "–".to_owned(),
    }
}

/// What a record takes on disk, of calls over the wire with many encryption contexts.
fn on_disk(program: &Path) -> Result<String, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let site = Site::init(program, dir.path(), "data")?;
    let server = site.start(Mode::Serve)?;
    let material = Material::create(&server, site.credentials())?;
    let pointer = "/KeyMetadata/KeyId";
    let keys = site::collect(&server, site.credentials(), &[create_key()], 4, 20, pointer)?;
    let mut mix = Vec::new();
    for (at, key) in (0..CONTEXTS).zip(keys.iter().cycle()) {
        let context =
            json!({ "tenant": format!("tenant-{}", at % 300), "order": format!("{at:08}") });
        let call = |operation, more: Value| {
            let mut body = json!({ "KeyId": key, "EncryptionContext": context });
            if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
                body.extend(more);
            }
            Call::kms(operation, &body)
        };
        mix.push(call("Encrypt", json!({ "Plaintext": "c2VjcmV0" })));
        mix.push(call("GenerateDataKey", json!({ "KeySpec": "AES_256" })));
        mix.push(material.decrypt());
    }
    let journal = Place::of(&site)?;
    let drive = |calls: &[Call], count| {
        site::drive(&server, site.credentials(), calls, 16, Until::Calls(count)).map(drop)
    };
    drive(&mix, CALLS)?;
    for name in ["GetSecretValue", "GetParameter, decrypted", "GetParameter"] {
        let all = material.scenarios();
        let calls: Vec<_> = all.into_iter().filter(|s| s.name == name).map(|s| s.call).collect();
        drive(&calls, CALLS / 6)?;
    }
    drop(server);
    let (count, bytes) = journal.size()?;
    Ok(format!(
        "\nOn disk, of calls over the wire (Encrypt and GenerateDataKey with {CONTEXTS} encryption \
         contexts, Decrypt, GetSecretValue, GetParameter): {:.0} bytes a record, frames and chain \
         included.\n",
        bytes as f64 / count as f64
    ))
}
