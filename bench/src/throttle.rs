//! What a decision about a request rate costs, and how exactly the rate is held.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use bulla_plane::Quotas;
use bulla_plane::quotas::{Caller, Known, Limits};

use crate::report::median;

/// The quota that is measured.
const GROUP: &str = "Cryptographic (symmetric)";
const REGION: &str = "eu-central-1";
/// AWS's default in that region.
const PER_SECOND: f64 = 20_000.0;
/// How many decisions a round takes.
const DECISIONS: u64 = 5_000_000;
/// How many accounts share them.
const ACCOUNTS: [u64; 2] = [10, 100_000];

/// Measures both, and tells them as a table.
pub(crate) fn run(rounds: u16) -> String {
    let mut table = String::from(
        "| accounts | ns a decision | admitted in 10 s, of what the rate gives |\n|---|---:|---:|\n",
    );
    for accounts in ACCOUNTS {
        let names: Vec<String> = (0..accounts).map(|n| format!("{:012}", n + 100)).collect();
        let costs: Vec<f64> = (0..rounds).map(|_| cost(&names)).collect();
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            table,
            "| {accounts} | {:.1} | {:.4} |",
            median(costs.into_iter()).unwrap_or_default(),
            held(&names)
        );
    }
    table
}

fn quotas() -> Quotas {
    let limits = Limits::Requests(&[GROUP]);
    Quotas::new(vec![Known { service: "kms", limits, value: PER_SECOND, regions: &[] }], true)
}

/// Nanoseconds a decision, over accounts in turn, at a hundred thousand calls a second.
fn cost(names: &[String]) -> f64 {
    let quotas = quotas();
    let mut account = names.iter().cycle();
    let began = Instant::now();
    for n in 0..DECISIONS {
        let now_ms = i64::try_from(n / 100).unwrap_or(0);
        let Some(account) = account.next() else { break };
        let caller = Caller { account, region: REGION, now_ms };
        let _decided = black_box(quotas.admit("kms", black_box(GROUP), &caller));
    }
    began.elapsed().as_secs_f64() * 1e9 / DECISIONS as f64
}

/// What one account of those is let through within ten seconds of asking without a pause, once what
/// a whole second holds is spent, as a share of what its rate gives.
fn held(names: &[String]) -> f64 {
    let quotas = quotas();
    for account in names {
        let _first = quotas.admit("kms", GROUP, &Caller { account, region: REGION, now_ms: 0 });
    }
    let Some(account) = names.first() else { return 0.0 };
    let at = |now_ms| Caller { account, region: REGION, now_ms };
    while quotas.admit("kms", GROUP, &at(0)).is_ok() {}
    let through = |now_ms| {
        (0..).take_while(|_: &u64| quotas.admit("kms", GROUP, &at(now_ms)).is_ok()).count()
    };
    let admitted: usize = (1..=10_000).map(through).sum();
    admitted as f64 / (PER_SECOND * 10.0)
}
