//! Secrets in numbers: what many of them cost, and what a write costs beside the store alone.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Until;
use crate::error::BenchError;
use crate::parameters::{Alone, fill};
use crate::request::Call;
use crate::rounds::{Budget, Effort, Rounds, Sample, Side, interleave};
use crate::scenarios::get_secret_value;
use crate::site::{Mode, Site};

/// The store of few has this many.
const FEW: u64 = 10;
/// More writes than a second sees: each has a token of its own, as none is one that was before.
const WRITES_A_SECOND: u64 = 15_000;
/// What writes are called.
const PUT: &str = "PutSecretValue";

/// What many secrets cost.
pub(crate) struct ManySecrets {
    pub(crate) count: u64,
    pub(crate) fill: Duration,
    /// Each secret read once, for the first time since it was made.
    pub(crate) first: Sample,
    /// First: many secrets, all of which were read before. Second: ten. Then writes, beside many.
    pub(crate) rounds: Vec<Rounds>,
    pub(crate) alone: Alone,
}

fn name(at: u64) -> String {
    format!("app-{}/secret-{at}", at / 100)
}

/// All numbers below `count` once, so that neighbours lie far from each other.
fn spread(count: u64) -> impl Iterator<Item = u64> {
    let strides = [7919, 7907, 7901];
    let stride = strides.into_iter().find(|stride| !count.is_multiple_of(*stride)).unwrap_or(1);
    (0..count).map(move |at| at * stride % count)
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
    let gets: Vec<Call> = spread(count).map(|at| get_secret_value(&name(at))).collect();
    let few_gets: Vec<Call> = (0..FEW).map(|at| get_secret_value(&name(at))).collect();
    let lists = |filters: Value| [Call::secrets("ListSecrets", &json!({ "Filters": filters }))];
    let prefix = lists(json!([{ "Key": "name", "Values": ["app-0/"] }]));
    let words = lists(json!([
        { "Key": "all", "Values": ["app secret"] },
        { "Key": "name", "Values": ["!app-0/"] },
    ]));
    let (here, there) = (many_site.credentials(), few_site.credentials());
    let side = |calls| Side { label: "many", server: &many, credentials: here, calls };
    let first = side(&gets).sample(effort.connections, Until::Calls(count))?;
    let mut rounds = Vec::new();
    for (name, calls, few_calls) in [
        ("GetSecretValue", gets.as_slice(), few_gets.as_slice()),
        ("ListSecrets, few names", &prefix, &prefix),
        ("ListSecrets, common words", &words, &words),
    ] {
        let second = Side { label: "few", server: &few, credentials: there, calls: few_calls };
        rounds.push(interleave(name, Budget::None, Some(&side(calls)), Some(&second), effort)?);
    }
    let writes = WRITES_A_SECOND.saturating_mul(effort.round.as_secs().max(1));
    let (put_name, budget) = (PUT.to_owned(), Budget::None);
    let mut puts = Rounds { name: put_name, budget, first: Vec::new(), second: Vec::new() };
    for round in 0..effort.rounds as u64 {
        let calls: Vec<Call> =
            (round * writes..(round + 1) * writes).map(|at| put(at, count)).collect();
        let side = Side { label: "many", server: &many, credentials: here, calls: &calls };
        puts.first.push(side.told_sample(PUT, effort)?);
    }
    rounds.push(puts);
    drop((few, many));
    let alone = Alone::measure(dir.path(), effort)?;
    Ok(ManySecrets { count, fill, first, rounds, alone })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::spread;

    #[test]
    fn each_number_comes_once() {
        for count in [1, 10, 7919, 7919 * 7907, 20_000] {
            let all: BTreeSet<u64> = spread(count).take(100_000).collect();
            assert_eq!(all.len() as u64, count.min(100_000));
        }
    }
}
