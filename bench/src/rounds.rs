//! Interleaved rounds: Bulla, the bare server, Bulla, the bare server. Each ratio is taken within
//! a pair of neighbours, so that a machine that slows down for a while slows both halves.

use std::path::Path;
use std::time::Duration;

use crate::client::Until;
use crate::error::BenchError;
use crate::process::{Server, own_cpu};
use crate::request::Call;
use crate::scenarios::{Material, Scenario};
use crate::signer::Credentials;
use crate::site::{self, Mode, Site};
use crate::threads::{self, Uses};

/// Each server is driven for this long before a scenario's first round.
const WARM_UP: Duration = Duration::from_millis(500);

/// How hard and how long to drive.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) connections: usize,
    pub(crate) round: Duration,
    pub(crate) rounds: usize,
}

/// One server's figures in one round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// How many requests were answered.
    pub(crate) requests: f64,
    /// Requests a second.
    pub(crate) rate: f64,
    /// Latencies in microseconds, as the client saw them.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The server's CPU per request in microseconds.
    pub(crate) cpu: f64,
    /// The client's own CPU per request in microseconds.
    pub(crate) client_cpu: f64,
    /// The server's resident memory after the round, in KiB.
    pub(crate) resident_kib: u64,
    /// What the server's threads used.
    pub(crate) threads: Uses,
}

/// What a call is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    /// It is measured for information, or held to something of its own.
    None,
    /// The rate alone.
    Rate,
    /// CPU and rate.
    Whole,
    /// CPU and rate of a call that has another within it.
    Within,
}

/// A scenario's rounds. `first` and `second` have the same length; a pair is one index of both.
#[derive(Clone)]
pub(crate) struct Rounds {
    pub(crate) name: String,
    pub(crate) budget: Budget,
    pub(crate) first: Vec<Sample>,
    pub(crate) second: Vec<Sample>,
}

/// A running server with the calls to send it.
pub(crate) struct Side<'a> {
    pub(crate) label: &'static str,
    pub(crate) server: &'a Server,
    pub(crate) credentials: &'a Credentials,
    pub(crate) calls: &'a [Call],
}

impl Side<'_> {
    /// One round.
    pub(crate) fn sample(&self, connections: usize, until: Until) -> Result<Sample, BenchError> {
        let threads = self.server.threads()?;
        let (server, own) = (self.server.cpu()?, own_cpu()?);
        let tally = site::drive(self.server, self.credentials, self.calls, connections, until)?;
        let (server, own) = (self.server.cpu()?.saturating_sub(server), own_cpu()? - own);
        let threads = threads::between(&threads, self.server.threads()?);
        // Exact below 2^53 requests.
        let requests = tally.latency.total().max(1) as f64;
        let micros = |per_mille| tally.latency.quantile(per_mille) as f64 / 1000.0;
        Ok(Sample {
            requests,
            rate: requests / tally.elapsed.as_secs_f64(),
            p50: micros(500),
            p99: micros(990),
            cpu: server.as_secs_f64() * 1e6 / requests,
            client_cpu: own.as_secs_f64() * 1e6 / requests,
            resident_kib: self.server.resident_kib()?,
            threads,
        })
    }

    /// As [`Self::sample`], for a round of this length, and tells of it.
    pub(crate) fn told_sample(&self, name: &str, effort: Effort) -> Result<Sample, BenchError> {
        let sample = self.sample(effort.connections, Until::Elapsed(effort.round))?;
        eprintln!(
            "  {name} on {}: {:.0}/s, p50 {:.0} µs, p99 {:.0} µs, {:.1} µs CPU",
            self.label, sample.rate, sample.p50, sample.p99, sample.cpu
        );
        Ok(sample)
    }
}

/// Measures the sides in turn; one that is missing is left out.
pub(crate) fn interleave(
    name: &str,
    budget: Budget,
    first: Option<&Side<'_>>,
    second: Option<&Side<'_>>,
    effort: Effort,
) -> Result<Rounds, BenchError> {
    let mut rounds =
        Rounds { name: name.to_owned(), budget, first: Vec::new(), second: Vec::new() };
    for side in [first, second].into_iter().flatten() {
        side.sample(effort.connections, Until::Elapsed(WARM_UP))?;
    }
    for _ in 0..effort.rounds {
        if let Some(side) = first {
            rounds.first.push(side.told_sample(name, effort)?);
        }
        if let Some(side) = second {
            rounds.second.push(side.told_sample(name, effort)?);
        }
    }
    Ok(rounds)
}

/// All scenarios, or those whose name is `only`; without a program, on the bare server alone.
pub(crate) fn scenarios(
    program: Option<&Path>,
    only: Option<&str>,
    effort: Effort,
) -> Result<Vec<Rounds>, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let bare = site::start_bare(dir.path())?;
    let site = program.map(|program| Site::init(program, dir.path(), "data")).transpose()?;
    let credentials = match &site {
        Some(site) => site.credentials().clone(),
        None => stand_in_credentials(),
    };
    let mut running = site.as_ref().map(|site| site.start(Mode::Serve)).transpose()?;
    let mut mode = Mode::Serve;
    let material = match &running {
        Some(server) => Material::create(server, &credentials)?,
        None => Material::stand_in(),
    };
    let wanted = |s: &Scenario| only.is_none_or(|name| s.name.eq_ignore_ascii_case(name));
    let mut all = Vec::new();
    for scenario in material.scenarios().into_iter().filter(wanted) {
        if let Some(site) = site.as_ref().filter(|_| mode != scenario.mode) {
            // The data directory is free for the next process only once the last has ended.
            drop(running.take());
            running = Some(site.start(scenario.mode)?);
            mode = scenario.mode;
        }
        let calls = std::slice::from_ref(&scenario.call);
        let side = |label, server| Side { label, server, credentials: &credentials, calls };
        let first = running.as_ref().map(|server| side("Bulla", server));
        let second = side("bare", &bare);
        let (name, budget) = (scenario.name, scenario.budget);
        all.push(interleave(name, budget, first.as_ref(), Some(&second), effort)?);
    }
    if all.is_empty() {
        let what = format!("no scenario is called {}", only.unwrap_or_default());
        return Err(BenchError::Usage { what });
    }
    Ok(all)
}

/// Of the length that `bulla init` issues, for the bare server, which reads no signature.
fn stand_in_credentials() -> Credentials {
    Credentials { access_key_id: "AKIAAAAAAAAAAAAAAAAA".into(), secret_access_key: "a".repeat(40) }
}
