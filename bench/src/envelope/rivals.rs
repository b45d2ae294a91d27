//! Others' implementations of the format beside ours: the same messages, under a key of one's own,
//! by CPU time of the whole process.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bulla_envelope::cache::{CachingSource, LocalCache};
use bulla_envelope::{Committing, DefaultSource, EncryptionContext, Envelope};

use super::{
    Clock, FRAME_LEN, Unit, Work, block_on, envelope, failed, keyring, median, rate, shown,
};
use crate::error::BenchError;

/// Bytes of plaintext of a large message. `aws-esdk` aborts on 256 MiB, and earlier on small
/// stacks.
const LARGE: usize = 4 << 20;

/// What is measured: how the others call it, how the table does, and in what.
const ROWS: [(&str, &str, Unit); 6] = [
    ("large-encrypt", "4 MiB, encrypting", Unit::Bytes),
    ("large-decrypt", "4 MiB, decrypting", Unit::Bytes),
    ("small-encrypt", "4 KiB, encrypting", Unit::Messages),
    ("small-decrypt", "4 KiB, decrypting", Unit::Messages),
    ("cached-encrypt", "4 KiB, encrypting, cached", Unit::Messages),
    ("cached-decrypt", "4 KiB, decrypting, cached", Unit::Messages),
];

/// Where the others are, as far as there are any.
#[derive(clap::Args)]
pub(crate) struct Rivals {
    /// The program of bench/rivals, which is `aws-esdk`.
    #[arg(long, value_name = "PROGRAM")]
    aws_esdk: Option<PathBuf>,
    /// A Python that has the AWS Encryption SDK.
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Node.js.
    #[arg(long, value_name = "PROGRAM", requires = "node_packages")]
    node: Option<PathBuf>,
    /// The folder whose packages have the AWS Encryption SDK.
    #[arg(long, value_name = "FOLDER")]
    node_packages: Option<PathBuf>,
}

/// What an implementation reaches, by what [`ROWS`] calls it.
type Rates = BTreeMap<String, f64>;

/// All that are there, in a table. Those that are not are named below it.
pub(super) fn table(rivals: &Rivals, rounds: usize) -> Result<String, BenchError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals");
    let script = |program: &Option<PathBuf>, script: &str| {
        program.as_ref().map(|program| {
            let mut command = Command::new(program);
            command.arg(folder.join(script));
            command
        })
    };
    let mut node = script(&rivals.node, "node.mjs");
    if let (Some(node), Some(packages)) = (&mut node, &rivals.node_packages) {
        node.current_dir(packages);
    }
    let others = [
        ("aws-esdk 1.2.4", rivals.aws_esdk.as_ref().map(Command::new)),
        ("Python SDK", script(&rivals.python, "python.py")),
        ("JavaScript SDK", node),
    ];
    let mut columns = vec![("ours", ours(rounds)?)];
    let mut skipped = Vec::new();
    for (name, command) in others {
        match command {
            Some(mut command) => columns.push((name, measured(name, &mut command)?)),
            None => skipped.push(name),
        }
    }
    Ok(written(&columns, &skipped))
}

fn written(columns: &[(&str, Rates)], skipped: &[&str]) -> String {
    let mut text = "| messages of 04 78 |".to_owned();
    for (name, _) in columns {
        text += &format!(" {name} |");
    }
    text += &format!("\n|---|{}\n", "---|".repeat(columns.len()));
    for (key, name, unit) in ROWS {
        text += &format!("| {name} |");
        for (_, rates) in columns {
            let rate = rates.get(key).map_or("no cache".to_owned(), |rate| shown(unit, *rate));
            // Writing to a string cannot fail.
            let _infallible = write!(text, " {rate} |");
        }
        text.push('\n');
    }
    for name in skipped {
        let _infallible = writeln!(text, "\n{name} was not there, and is left out.");
    }
    text
}

/// Runs another implementation, which writes lines `NAME RATE`.
fn measured(name: &'static str, command: &mut Command) -> Result<Rates, BenchError> {
    eprintln!("{name}");
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(BenchError::io(format!("start {name}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let what = format!("ended with {}", output.status);
        return Err(BenchError::Server { name: name.to_owned(), what, log: text.into_owned() });
    }
    let rates = text.lines().map(|line| {
        let (key, rate) = line.split_once(' ')?;
        Some((key.to_owned(), rate.parse().ok()?))
    });
    let rates: Option<Rates> = rates.collect();
    rates.ok_or_else(|| BenchError::malformed(format!("{name} wrote something else than rates")))
}

fn ours(rounds: usize) -> Result<Rates, BenchError> {
    let fresh = envelope()?;
    let cache = LocalCache::new(std::num::NonZeroUsize::MIN.saturating_add(9));
    let source = DefaultSource::new(keyring()?);
    let source = CachingSource::new(source, cache, Duration::from_secs(600)).map_err(failed)?;
    let cached = Envelope::from_source(source).suite(Committing::Unsigned);
    let mut rates = Rates::new();
    for (name, envelope, len, each) in [
        ("large", &fresh, LARGE, LARGE as u64),
        ("small", &fresh, FRAME_LEN, 1),
        ("cached", &cached, FRAME_LEN, 1),
    ] {
        let context = EncryptionContext::from_pairs([("purpose", "bench")]);
        let context = context.map_err(|error| failed(error.into()))?;
        let plain = vec![5; len];
        let message = block_on(envelope.encrypt(&plain, &context))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(BenchError::io("start a runtime"))?;
        let sealing = || {
            let message = runtime.block_on(envelope.encrypt(&plain, &context)).map_err(failed)?;
            std::hint::black_box(message);
            Ok(each)
        };
        let opening = || {
            let opened = runtime.block_on(envelope.decrypt(&message, &context)).map_err(failed)?;
            std::hint::black_box(opened);
            Ok(each)
        };
        rates.insert(format!("{name}-encrypt"), typical(rounds, Box::new(sealing))?);
        rates.insert(format!("{name}-decrypt"), typical(rounds, Box::new(opening))?);
    }
    Ok(rates)
}

fn typical(rounds: usize, mut work: Work<'_>) -> Result<f64, BenchError> {
    work()?;
    let rates = (0..rounds).map(|_| rate(Clock::Cpu, &mut work));
    Ok(median(rates.collect::<Result<Vec<_>, _>>()?.into_iter()))
}
