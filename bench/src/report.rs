//! The figures as Markdown tables, which are also what the terminal shows.

use crate::keys::Keys;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::parameters::{Alone, Expiring, Many};
use crate::primes::Primes;
use crate::rounds::{Budget, Effort, Rounds, Sample};
use crate::secrets::ManySecrets;
use crate::threads::Uses;

/// Most CPU that a call may cost, in times the bare server's.
const CPU_LIMIT: f64 = 2.0;
/// The same of a call that has a call to another service within it.
const CPU_WITHIN_LIMIT: f64 = 2.5;
/// Longest p99 of a call, in times the bare server's.
const P99_LIMIT: f64 = 2.0;
/// Least rate that a call must reach, in times the bare server's.
const RATE_LIMIT: f64 = 0.5;
/// Most resident memory when idle, in KiB.
const IDLE_LIMIT_KIB: u64 = 40 * 1024;
/// Most that memory may move over a long run, up or down, in KiB.
const FLAT_LIMIT_KIB: u64 = 5 * 1024;
/// Longest start with many keys, in milliseconds.
const READY_LIMIT_MS: f64 = 100.0;
/// Decrypt with many keys may differ by the noise of two equal servers.
const SAME_LIMIT: f64 = 1.05;

/// Most that the p99 of Encrypt may be while RSA keys are made, in times its own.
const BESIDE_LIMIT: f64 = 2.0;

/// What threads use less than this of a request is not shown.
const LEAST_SHOWN_MICROS: f64 = 0.05;

/// Everything that a run measured.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) effort: Effort,
    pub(crate) calls: Vec<Rounds>,
    pub(crate) memory: Option<Memory>,
    pub(crate) keys: Option<Keys>,
    pub(crate) primes: Option<Primes>,
    pub(crate) parameters: Option<Many>,
    pub(crate) expiring: Option<Expiring>,
    pub(crate) secrets: Option<ManySecrets>,
}

impl Report {
    /// The whole page.
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::from("# Results\n");
        let m = &self.machine;
        let e = &self.effort;
        line(&mut out, "");
        line(
            &mut out,
            &format!(
                "{}, {} cores, {:.1} GiB, Linux {}, {}. {} connections, {} rounds of {:.1} s; \
                 the client runs on the same cores.",
                m.cpu,
                m.cores,
                m.memory_mib as f64 / 1024.0,
                m.kernel,
                m.date,
                e.connections,
                e.rounds,
                e.round.as_secs_f64(),
            ),
        );
        line(&mut out, "Medians of the rounds. How to read them: [README.md](README.md).");
        if !self.calls.is_empty() {
            calls(&mut out, &self.calls);
            threads(&mut out, &self.calls, ("Bulla", "bare"));
        }
        if let Some(memory) = &self.memory {
            self::memory(&mut out, memory);
        }
        if let Some(keys) = &self.keys {
            self::keys(&mut out, keys);
        }
        if let Some(primes) = &self.primes {
            self::primes(&mut out, primes);
        }
        if let Some(many) = &self.parameters {
            self::parameters(&mut out, many);
        }
        if let Some(expiring) = &self.expiring {
            self::expiring(&mut out, expiring);
        }
        if let Some(many) = &self.secrets {
            self::secrets(&mut out, many);
        }
        out
    }
}

/// Least rate of PutParameter and PutSecretValue, in times the store's own.
const PUT_LIMIT: f64 = 0.5;

fn parameters(out: &mut String, many: &Many) {
    let (count, fill) = (many.count, many.fill.as_secs_f64());
    line(out, "\n## Many parameters\n");
    line(out, &format!("{count} parameters, 100 to a path, put in {fill:.0} s; beside ten.\n"));
    sample_head(out);
    for rounds in &many.rounds {
        sample_row(out, &rounds.name, "many", &rounds.first);
        sample_row(out, &rounds.name, "ten", &rounds.second);
    }
    if let Some(put) = many.rounds.last() {
        beside_the_store(out, "PutParameter", &put.first, &many.alone);
    }
}

/// What a write reaches of the store's own commits.
fn beside_the_store(out: &mut String, name: &str, samples: &[Sample], alone: &Alone) {
    let put = median(samples.iter().map(|sample| sample.rate)).unwrap_or(f64::NAN);
    let Alone { one, alike } = alone;
    let (part, of_alike) = (put / one, put / alike);
    line(
        out,
        &format!(
            "\n{name} reaches {put:.0}/s, the store's commits alone {one:.0}/s: {part:.2} (at least \
             {PUT_LIMIT:.1}: {}). Commits with as many rows as a put changes reach {alike:.0}/s: \
             {of_alike:.2}.",
            verdict(part >= PUT_LIMIT)
        ),
    );
}

fn secrets(out: &mut String, many: &ManySecrets) {
    let (count, fill) = (many.count, many.fill.as_secs_f64());
    line(out, "\n## Many secrets\n");
    line(out, &format!("{count} secrets, created in {fill:.0} s; beside ten.\n"));
    sample_head(out);
    sample_row(out, "GetSecretValue, first", "many", std::slice::from_ref(&many.first));
    for rounds in &many.rounds {
        sample_row(out, &rounds.name, "many", &rounds.first);
        sample_row(out, &rounds.name, "ten", &rounds.second);
    }
    if let Some(put) = many.rounds.last() {
        beside_the_store(out, &put.name, &put.first, &many.alone);
    }
    threads(out, &many.rounds, ("many", "ten"));
}

fn expiring(out: &mut String, expiring: &Expiring) {
    let (count, took) = (expiring.count, expiring.took.as_secs_f64());
    line(out, "\n## While parameters expire\n");
    line(
        out,
        &format!("{count} parameters expired at one time, and were gone after {took:.0} s.\n"),
    );
    sample_head(out);
    let mut notes = Vec::new();
    for (name, (before, meanwhile)) in
        [("GetParameter", &expiring.get), ("PutParameter", &expiring.put)]
    {
        sample_row(out, name, "before", before);
        sample_row(out, name, "meanwhile", meanwhile);
        let p99 = |samples: &[Sample]| {
            median(samples.iter().map(|sample| sample.p99)).unwrap_or(f64::NAN)
        };
        let times = p99(meanwhile) / p99(before);
        let met = verdict(times <= BESIDE_LIMIT);
        notes.push(format!("{name}'s p99 is {times:.2} times its own ({met})"));
    }
    line(out, &format!("\n{}.", notes.join("; ")));
}

fn calls(out: &mut String, all: &[Rounds]) {
    line(out, "\n## Calls\n");
    sample_head(out);
    for rounds in all {
        sample_row(out, &rounds.name, "Bulla", &rounds.first);
        sample_row(out, &rounds.name, "bare", &rounds.second);
    }
    if all.iter().all(|rounds| rounds.first.is_empty()) {
        return;
    }
    line(out, "\n| Bulla to bare, pair by pair | CPU | rate | p99 | budget |");
    line(out, "|---|---:|---:|---:|---|");
    for rounds in all {
        let (cpu, rate) = (ratio(rounds, |s| s.cpu), ratio(rounds, |s| s.rate));
        let p99 = ratio(rounds, |s| s.p99);
        let met = match rounds.budget {
            Budget::None => "for information",
            Budget::Rate => verdict(rate >= RATE_LIMIT),
            Budget::Whole => verdict(cpu <= CPU_LIMIT && rate >= RATE_LIMIT && p99 <= P99_LIMIT),
            Budget::Within => verdict(cpu <= CPU_WITHIN_LIMIT),
        };
        line(out, &format!("| {} | {cpu:.2} | {rate:.2} | {p99:.2} | {met} |", rounds.name));
    }
    line(
        out,
        &format!(
            "\nBudget: CPU at most {CPU_LIMIT:.1}, rate at least {RATE_LIMIT:.1}, p99 at most \
             {P99_LIMIT:.1}; of Sign the rate alone; of a decrypting GetParameter CPU at most {CPU_WITHIN_LIMIT:.1}."
        ),
    );
}

/// Where the CPU goes, by kind of thread, over all rounds of a call.
fn threads(out: &mut String, all: &[Rounds], (first, second): (&str, &str)) {
    line(out, "\n## Where the microseconds go\n");
    line(out, "| call | server | threads | CPU µs | its own | the kernel's | sleeps |");
    line(out, "|---|---|---|---:|---:|---:|---:|");
    for rounds in all {
        for (server, samples) in [(first, &rounds.first), (second, &rounds.second)] {
            let requests: f64 = samples.iter().map(|sample| sample.requests).sum();
            let mut sum = Uses::new();
            for (name, used) in samples.iter().flat_map(|sample| &sample.threads) {
                sum.entry(name.clone()).or_default().add(*used);
            }
            for (name, used) in sum {
                let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6 / requests;
                if micros(used.cpu) < LEAST_SHOWN_MICROS {
                    continue;
                }
                let (cpu, user) = (micros(used.cpu), micros(used.user()));
                let sleeps = used.sleeps as f64 / requests;
                line(
                    out,
                    &format!(
                        "| {} | {server} | {name} | {cpu:.1} | {user:.1} | {:.1} | {sleeps:.2} |",
                        rounds.name,
                        cpu - user,
                    ),
                );
            }
        }
    }
}

fn memory(out: &mut String, memory: &Memory) {
    line(out, "\n## Memory over many calls\n");
    line(out, "GenerateDataKey, Encrypt and Decrypt in turn.\n");
    line(out, "| calls | resident MiB |");
    line(out, "|---:|---:|");
    line(out, &format!("| 0 | {} |", mib(memory.idle_kib)));
    for point in &memory.points {
        line(out, &format!("| {} | {} |", point.calls, mib(point.resident_kib)));
    }
    // The first slice fills caches and buffers; flat is what comes after it.
    let first = memory.points.first().map_or(0, |p| p.resident_kib);
    let moved = memory.points.iter().map(|p| p.resident_kib.abs_diff(first)).max().unwrap_or(0);
    line(out, "");
    line(
        out,
        &format!(
            "Idle {} MiB (at most {}: {}); after the first slice it moves by {} MiB (at most {}: \
             {}). The data directory grows by {:.0} bytes a call.",
            mib(memory.idle_kib),
            mib(IDLE_LIMIT_KIB),
            verdict(memory.idle_kib <= IDLE_LIMIT_KIB),
            mib(moved),
            mib(FLAT_LIMIT_KIB),
            verdict(moved <= FLAT_LIMIT_KIB),
            memory.disk_per_call,
        ),
    );
}

fn keys(out: &mut String, keys: &Keys) {
    line(out, &format!("\n## {} keys in the store\n", keys.count));
    let millis = |times: &[std::time::Duration]| {
        median(times.iter().map(|t| t.as_secs_f64() * 1e3)).unwrap_or(f64::NAN)
    };
    let (one, many) = (millis(&keys.ready_one), millis(&keys.ready_many));
    line(out, "| | one key | many keys |");
    line(out, "|---|---:|---:|");
    line(out, &format!("| start to ready, after a kill, ms | {one:.1} | {many:.1} |"));
    let (idle_one, idle_many) = (mib(keys.idle_one_kib), mib(keys.idle_many_kib));
    line(out, &format!("| resident after the start, MiB | {idle_one} | {idle_many} |"));
    line(
        out,
        &format!(
            "\nReady in at most {READY_LIMIT_MS:.0} ms: {}. The keys were created over the wire \
             at {:.0} a second.\n",
            verdict(many <= READY_LIMIT_MS),
            keys.count as f64 / keys.fill.as_secs_f64(),
        ),
    );
    sample_head(out);
    for rounds in [&keys.same_key, &keys.random_keys] {
        sample_row(out, &rounds.name, "many keys", &rounds.first);
        sample_row(out, &rounds.name, "one key", &rounds.second);
    }
    line(out, "\n| many keys to one, pair by pair | CPU | p50 | budget |");
    line(out, "|---|---:|---:|---|");
    for rounds in [&keys.same_key, &keys.random_keys] {
        let (cpu, p50) = (ratio(rounds, |s| s.cpu), ratio(rounds, |s| s.p50));
        let met = match rounds.budget {
            Budget::None => "for information",
            Budget::Rate | Budget::Whole | Budget::Within => {
                verdict(cpu <= SAME_LIMIT && p50 <= SAME_LIMIT)
            }
        };
        line(out, &format!("| {} | {cpu:.2} | {p50:.2} | {met} |", rounds.name));
    }
    line(out, &format!("\nBudget: no slower, which allows {SAME_LIMIT:.2} for noise."));
}

fn primes(out: &mut String, primes: &Primes) {
    let rounds = &primes.encrypt;
    line(out, "\n## Encrypt while RSA-4096 keys are made\n");
    sample_head(out);
    sample_row(out, &rounds.name, "busy", &rounds.first);
    sample_row(out, &rounds.name, "calm", &rounds.second);
    let p99 = ratio(rounds, |s| s.p99);
    line(
        out,
        &format!(
            "\nThe p99 beside a client that has one key after the other made ({} meanwhile) is \
             {p99:.2} of the calm one, pair by pair (at most {BESIDE_LIMIT:.1}: {}).",
            primes.made,
            verdict(p99 <= BESIDE_LIMIT),
        ),
    );
}

fn sample_head(out: &mut String) {
    line(
        out,
        "| call | server | requests/s | p50 µs | p99 µs | server CPU µs | client CPU µs | \
         resident MiB |",
    );
    line(out, "|---|---|---:|---:|---:|---:|---:|---:|");
}

fn sample_row(out: &mut String, name: &str, server: &str, samples: &[Sample]) {
    let Some(last) = samples.last() else { return };
    let of = |pick: fn(&Sample) -> f64| median(samples.iter().map(pick)).unwrap_or(f64::NAN);
    line(
        out,
        &format!(
            "| {name} | {server} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {} |",
            of(|s| s.rate),
            of(|s| s.p50),
            of(|s| s.p99),
            of(|s| s.cpu),
            of(|s| s.client_cpu),
            mib(last.resident_kib),
        ),
    );
}

/// The median of first to second, each taken within one pair.
fn ratio(rounds: &Rounds, pick: fn(&Sample) -> f64) -> f64 {
    let pairs = rounds.first.iter().zip(&rounds.second);
    median(pairs.map(|(a, b)| pick(a) / pick(b))).unwrap_or(f64::NAN)
}

/// The middle value; of an even number, the mean of the two in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let high = values.get(upper)?;
    if values.len() % 2 == 1 {
        return Some(*high);
    }
    values.get(upper - 1).map(|low| (low + high) / 2.0)
}

fn mib(kib: u64) -> String {
    format!("{:.1}", kib as f64 / 1024.0)
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::memory::Point;
    use crate::threads::Use;

    fn sample(rate: f64, cpu: f64) -> Sample {
        let threads = Uses::from([("worker".into(), Use::of(Duration::from_micros(80), 3, 1, 4))]);
        Sample {
            requests: 8.0,
            rate,
            p50: 1.0,
            p99: 2.0,
            cpu,
            client_cpu: 3.0,
            resident_kib: 2048,
            threads,
        }
    }

    fn report(first: Vec<Sample>, second: Vec<Sample>) -> Report {
        let rounds = Rounds { name: "Encrypt".into(), budget: Budget::Whole, first, second };
        Report {
            machine: Machine {
                cpu: "A CPU".into(),
                cores: 2,
                memory_mib: 2048,
                kernel: "6.1".into(),
                date: "2026-11-24".into(),
            },
            effort: Effort { connections: 16, round: Duration::from_secs(5), rounds: 3 },
            calls: vec![rounds],
            memory: None,
            keys: None,
            primes: None,
            parameters: None,
            expiring: None,
            secrets: None,
        }
    }

    #[test]
    fn medians_are_of_the_middle() {
        assert_eq!(median([3.0, 1.0, 9.0].into_iter()), Some(3.0));
        assert_eq!(median([4.0, 1.0, 2.0, 9.0].into_iter()), Some(3.0));
        assert_eq!(median(std::iter::empty()), None);
    }

    #[test]
    fn ratios_are_taken_within_pairs() {
        // The machine halves its speed after the first pair; pair by pair nothing changes.
        let first = vec![sample(60.0, 15.0), sample(30.0, 30.0), sample(30.0, 30.0)];
        let second = vec![sample(100.0, 10.0), sample(50.0, 20.0), sample(50.0, 20.0)];
        let text = report(first, second).markdown();
        assert!(text.contains("| Encrypt | 1.50 | 0.60 | 1.00 | met |"), "{text}");
        assert!(text.contains("A CPU, 2 cores, 2.0 GiB, Linux 6.1, 2026-11-24."), "{text}");
        assert!(text.contains("| Encrypt | Bulla | 30 | 1 | 2 | 30.0 | 3.0 | 2.0 |"), "{text}");
    }

    #[test]
    fn a_missed_budget_is_said() {
        let slow = report(vec![sample(60.0, 21.0)], vec![sample(100.0, 10.0)]).markdown();
        assert!(slow.contains("| Encrypt | 2.10 | 0.60 | 1.00 | **missed** |"), "{slow}");
        let few = report(vec![sample(40.0, 10.0)], vec![sample(100.0, 10.0)]).markdown();
        assert!(few.contains("| Encrypt | 1.00 | 0.40 | 1.00 | **missed** |"), "{few}");
        let late = vec![Sample { p99: 4.1, ..sample(60.0, 10.0) }];
        let late = report(late, vec![sample(100.0, 10.0)]).markdown();
        assert!(late.contains("| Encrypt | 1.00 | 0.60 | 2.05 | **missed** |"), "{late}");
    }

    #[test]
    fn the_time_of_threads_is_told_per_request() {
        let text = report(vec![sample(60.0, 10.0); 2], vec![sample(100.0, 10.0)]).markdown();
        assert!(text.contains("| Encrypt | Bulla | worker | 10.0 | 7.5 | 2.5 | 0.50 |"), "{text}");
    }

    #[test]
    fn without_bulla_there_are_no_ratios() {
        let text = report(Vec::new(), vec![sample(100.0, 10.0)]).markdown();
        assert!(text.contains("| Encrypt | bare |") && !text.contains("pair by pair"), "{text}");
    }

    #[test]
    fn of_some_calls_the_rate_alone_is_bound() {
        let mut report = report(vec![sample(60.0, 90.0)], vec![sample(100.0, 10.0)]);
        report.calls[0].budget = Budget::Rate;
        assert!(report.markdown().contains("| Encrypt | 9.00 | 0.60 | 1.00 | met |"));
    }

    #[test]
    fn a_p99_that_moves_too_far_is_said() {
        let mut report = report(Vec::new(), Vec::new());
        let slow = Sample { p99: 4.1, ..sample(60.0, 10.0) };
        let mut encrypt = Rounds {
            name: "Encrypt".into(),
            budget: Budget::None,
            first: vec![slow],
            second: vec![sample(60.0, 10.0)],
        };
        report.primes = Some(Primes { encrypt: encrypt.clone(), made: 3 });
        assert!(report.markdown().contains("is 2.05 of the calm one"));
        assert!(report.markdown().contains("(at most 2.0: **missed**)"));
        encrypt.first[0].p99 = 4.0;
        report.primes = Some(Primes { encrypt, made: 3 });
        assert!(report.markdown().contains("(at most 2.0: met)"));
    }

    #[test]
    fn memory_that_creeps_is_said() {
        let point = |calls, mib: u64| Point { calls, resident_kib: mib * 1024 };
        let mut report = report(Vec::new(), Vec::new());
        let points = vec![point(1, 24), point(2, 27), point(3, 29)];
        let mut memory = Memory { idle_kib: 20 * 1024, points, disk_per_call: 100.0 };
        memory.points.push(point(4, 29));
        report.memory = Some(memory);
        let text = report.markdown();
        assert!(text.contains("moves by 5.0 MiB (at most 5.0: met)"), "{text}");
        if let Some(memory) = &mut report.memory {
            memory.points.push(point(5, 30));
        }
        assert!(report.markdown().contains("moves by 6.0 MiB (at most 5.0: **missed**)"));
    }
}
