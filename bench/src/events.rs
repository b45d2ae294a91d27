//! EventBridge's matcher: how many events a second one core holds against all patterns of a bus.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bulla_events::index::Index;
use bulla_events::pattern::{Event, Pattern};

use crate::error::BenchError;
use crate::machine::Machine;

/// How long one mix is measured.
const ROUND: Duration = Duration::from_secs(3);
/// How many different events there are.
const EVENTS: usize = 1_000;
/// What one core must hold against a hundred thousand rules.
const TARGET: f64 = 1_000.0;

/// A kind of rules, and the events that they are held against.
struct Mix {
    name: &'static str,
    pattern: fn(usize) -> String,
    /// The event of a number, where there are so many rules.
    event: fn(usize, usize) -> String,
    /// Whether the target is asked for. Where every rule wants every event, nothing but the telling
    /// of the matches is left to measure.
    asked: bool,
}

const MIXES: [Mix; 5] = [
    Mix {
        name: "one id a rule, all of one source",
        pattern: |n| format!(r#"{{"source":["shop"],"detail":{{"id":["order-{n}"]}}}}"#),
        event: |n, rules| shop(&format!("order-{}", n * 7919 % rules), n),
        asked: true,
    },
    Mix {
        name: "every operator",
        pattern: any_operator,
        event: |n, _| shop("order-1", n),
        asked: true,
    },
    Mix {
        name: "alternatives and lists",
        pattern: |n| {
            format!(
                r#"{{"source":["shop"],"$or":[{{"detail":{{"id":["order-{n}"]}}}},{{"detail":{{"items":{{"sku":["sku-{n}"],"count":[{{"numeric":[">",{}]}}]}}}}}}]}}"#,
                n % 5
            )
        },
        event: |n, rules| shop(&format!("order-{}", n * 7919 % rules), n * 31 % rules),
        asked: true,
    },
    Mix {
        name: "a text within another",
        pattern: |n| {
            format!(r#"{{"source":["shop"],"detail":{{"path":[{{"wildcard":"*/image-{n}.*"}}]}}}}"#)
        },
        event: |n, _| shop("order-1", n),
        asked: true,
    },
    Mix {
        name: "wanted by every rule",
        pattern: |n| format!(r#"{{"source":[{{"anything-but":"shop-{n}"}}]}}"#),
        event: |n, _| shop("order-1", n),
        asked: false,
    },
];

/// An event of some 500 bytes.
fn shop(id: &str, n: usize) -> String {
    format!(
        r#"{{"version":"0","id":"{n}","detail-type":"Order Placed","source":"shop","account":"111122223333","time":"2026-11-28T12:00:00Z","region":"eu-central-1","resources":["arn:aws:shop:::order/{n}"],"detail":{{"id":"{id}","amount":{},"ip":"10.{}.{}.7","path":"/eu/{}/image-{n}.png","customer":{{"name":"Customer {n}","tier":"gold"}},"items":[{{"sku":"sku-{n}","count":3}},{{"sku":"sku-{}","count":1}}]}}}}"#,
        n % 10_000,
        n % 200,
        n % 250,
        n % 300,
        n + 1
    )
}

/// A rule by one of the operators, in turn.
fn any_operator(n: usize) -> String {
    let condition = match n % 8 {
        0 => format!(r#""path":[{{"prefix":"/eu/{n}/"}}]"#),
        1 => format!(r#""path":[{{"suffix":"image-{n}.png"}}]"#),
        2 => format!(r#""amount":[{{"numeric":[">=",{n},"<",{}]}}]"#, n + 5),
        3 => format!(r#""customer":{{"name":[{{"equals-ignore-case":"CUSTOMER {n}"}}]}}"#),
        4 => format!(r#""path":[{{"wildcard":"/eu/{n}/*.png"}}]"#),
        5 => format!(r#""customer":{{"tier":["tier-{n}"],"name":[{{"anything-but":"x"}}]}}"#),
        6 => format!(r#""items":{{"sku":["sku-{n}"]}}"#),
        _ => format!(r#""id":["order-{n}"],"gone":[{{"exists":false}}]"#),
    };
    format!(r#"{{"source":["shop"],"detail":{{{condition}}}}}"#)
}

/// What a mix comes to.
struct Figures {
    build: Duration,
    a_second: f64,
    matched: f64,
}

/// Measures every mix with so many rules, and tells it as a table.
pub(crate) fn run(rules: usize) -> Result<String, BenchError> {
    let machine = Machine::this()?;
    let mut text = format!(
        "# EventBridge's matcher\n\n{}, {} cores, {} MiB, Linux {}, {}. One thread; reading the event is \
         part of it.\n\n| {rules} rules | ready after | events a second | rules that match an event | \
         asked |\n|---|---:|---:|---:|---|\n",
        machine.cpu, machine.cores, machine.memory_mib, machine.kernel, machine.date
    );
    for mix in &MIXES {
        eprintln!("{}", mix.name);
        let figures = measure(mix, rules)?;
        let target = match (mix.asked, figures.a_second >= TARGET) {
            (true, true) => format!("{TARGET}: met"),
            (true, false) => format!("{TARGET}: missed"),
            (false, _) => "none".to_owned(),
        };
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            text,
            "| {} | {:.2} s | {:.0} | {:.1} | {target} |",
            mix.name,
            figures.build.as_secs_f64(),
            figures.a_second,
            figures.matched
        );
    }
    Ok(text)
}

fn measure(mix: &Mix, rules: usize) -> Result<Figures, BenchError> {
    let refused = |what: &str| BenchError::malformed(format!("{what} of the bench is refused"));
    let started = Instant::now();
    let patterns = (0..rules).map(|n| Pattern::parse(&(mix.pattern)(n)));
    let patterns: Result<Vec<_>, _> = patterns.collect();
    let index = Index::build(patterns.map_err(|_| refused("a pattern"))?);
    let build = started.elapsed();
    let events: Vec<String> = (0..EVENTS).map(|n| (mix.event)(n, rules)).collect();
    let (started, mut held, mut matched) = (Instant::now(), 0_u32, 0_u32);
    for text in events.iter().cycle() {
        let event = Event::parse(text).map_err(|_| refused("an event"))?;
        let found = index.matches(&event).len();
        matched = matched.saturating_add(u32::try_from(found).unwrap_or(u32::MAX));
        held += 1;
        if started.elapsed() >= ROUND {
            break;
        }
    }
    let a_second = f64::from(held) / started.elapsed().as_secs_f64();
    Ok(Figures { build, a_second, matched: f64::from(matched) / f64::from(held) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mix_matches_something() {
        for mix in &MIXES {
            let patterns = (0..500).map(|n| Pattern::parse(&(mix.pattern)(n)).unwrap()).collect();
            let index = Index::build(patterns);
            let matched = (0..EVENTS).map(|n| {
                let text = (mix.event)(n, 500);
                index.matches(&Event::parse(&text).unwrap()).len()
            });
            assert!(matched.sum::<usize>() > 0, "{}", mix.name);
        }
    }
}
