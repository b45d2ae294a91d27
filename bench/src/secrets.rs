//! Secrets in numbers: what many of them cost, and what a write costs beside the store alone.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::error::BenchError;
use crate::parameters::{Alone, fill};
use crate::request::Call;
use crate::rounds::{Budget, Effort, Rounds, Sample, Side, interleave};
use crate::scenarios::get_secret_value;
use crate::site::{Mode, Site};

/// Calls take turns over this many names at most.
const NAMES: u64 = 10_000;
/// The store of few has this many.
const FEW: u64 = 10;
/// More writes than a second sees: each has a token of its own, as none is one that was before.
const WRITES_A_SECOND: u64 = 15_000;

/// What many secrets cost.
pub(crate) struct ManySecrets {
    pub(crate) count: u64,
    pub(crate) fill: Duration,
    /// First: many secrets. Second: ten.
    pub(crate) rounds: Vec<Rounds>,
    /// PutSecretValue, beside many.
    pub(crate) put: Vec<Sample>,
    pub(crate) alone: Alone,
}

fn name(at: u64) -> String {
    format!("app-{}/secret-{at}", at / 100)
}

fn create(at: u64) -> Call {
    let body = json!({
        "Name": name(at), "SecretString": "s".repeat(64),
        "ClientRequestToken": format!("00000000-0000-4000-8000-{at:012}"),
    });
    Call::secrets("CreateSecret", &body)
}

fn put(number: u64, secrets: u64) -> Call {
    let body = json!({
        "SecretId": name(number % secrets), "SecretString": "t".repeat(64),
        "ClientRequestToken": format!("11111111-1111-4111-8111-{number:012}"),
    });
    Call::secrets("PutSecretValue", &body)
}

/// Fills a store with `count` secrets and another with ten, and compares.
pub(crate) fn many(program: &Path, count: u64, effort: Effort) -> Result<ManySecrets, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let site = |name: &str| {
        let dir = dir.path().join(name);
        std::fs::create_dir(&dir).map_err(BenchError::io("make a directory for a server"))?;
        Site::init(program, &dir, "data")
    };
    let (few_site, many_site) = (site("few")?, site("many")?);
    let (few, many) = (few_site.start(Mode::Dev)?, many_site.start(Mode::Dev)?);
    fill(&few, &few_site, FEW, "/ARN", create)?;
    eprintln!("  creating {count} secrets");
    let started = Instant::now();
    fill(&many, &many_site, count, "/ARN", create)?;
    let fill = started.elapsed();
    let step = usize::try_from((count / NAMES).max(1)).unwrap_or(1);
    let gets: Vec<Call> = (0..count).step_by(step).map(|at| get_secret_value(&name(at))).collect();
    let few_gets: Vec<Call> = (0..FEW).map(|at| get_secret_value(&name(at))).collect();
    let filters = json!({ "Filters": [{ "Key": "name", "Values": ["app-0/"] }] });
    let lists = [Call::secrets("ListSecrets", &filters)];
    let (here, there) = (many_site.credentials(), few_site.credentials());
    let mut rounds = Vec::new();
    for (name, calls, few_calls) in [
        ("GetSecretValue", gets.as_slice(), few_gets.as_slice()),
        ("ListSecrets, filtered", &lists, &lists),
    ] {
        let first = Side { label: "many", server: &many, credentials: here, calls };
        let second = Side { label: "few", server: &few, credentials: there, calls: few_calls };
        rounds.push(interleave(name, Budget::None, Some(&first), Some(&second), effort)?);
    }
    let writes = WRITES_A_SECOND.saturating_mul(effort.round.as_secs().max(1));
    let mut puts = Vec::new();
    for round in 0..effort.rounds as u64 {
        let calls: Vec<Call> =
            (round * writes..(round + 1) * writes).map(|at| put(at, count)).collect();
        let side = Side { label: "many", server: &many, credentials: here, calls: &calls };
        puts.push(side.told_sample("PutSecretValue", effort)?);
    }
    drop((few, many));
    let alone = Alone::measure(dir.path(), effort)?;
    Ok(ManySecrets { count, fill, rounds, put: puts, alone })
}
