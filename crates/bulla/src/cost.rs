//! `bulla cost`: what the same use would cost in AWS, by list price.

use std::sync::Arc;

use bulla_costs::prices::{DATE, REGION};
use bulla_costs::{By, Exact, Hour, Meter, PRINCIPAL, Span};
use bulla_crypto::{Crypto, harden_process};
use bulla_plane::Clock;
use bulla_plane::journal::{Durability, Feed};
use serde_json::{Value, json};

use crate::cli::cost::{CostBy, CostOptions};
use crate::client::{self, Client, Target};
use crate::error::Error;
use crate::foundation::Foundation;
use crate::{server, stdout};

const EXPLORER: Target = Target { service: "ce", prefix: "AWSInsightsIndexService" };

/// A line of the answer.
struct Line {
    keys: Vec<String>,
    cost: String,
    quantity: String,
    unit: String,
}

/// Prints what a month came to.
pub(crate) fn run(options: &CostOptions) -> Result<(), Error> {
    let month = month(options.month.as_deref())?;
    let (total, lines) = server::runtime()?.block_on(async {
        match &options.place.data {
            Some(_) => of_data(options, month).await,
            None => asked(options.by, month).await,
        }
    })?;
    eprintln!(
        "bulla: an estimate by AWS's list prices of {REGION}, gathered {DATE}; no bill. US dollars"
    );
    for Line { keys, cost, quantity, unit } in lines {
        stdout::line(format_args!("{cost}\t{quantity} {unit}\t{}", keys.join("\t")))?;
    }
    stdout::line(format_args!("{total}\t\ttotal"))
}

fn month(named: Option<&str>) -> Result<Span, Error> {
    let first = match named {
        Some(text) => Hour::of_month(text).ok_or_else(|| {
            Error::Usage(format!("{text:?} is no month: give one such as --month 2026-11"))
        })?,
        None => Hour::of(Clock::wall_ms()),
    };
    Ok(first.month())
}

/// Of all accounts, from a data directory that no server has.
async fn of_data(options: &CostOptions, month: Span) -> Result<(String, Vec<Line>), Error> {
    harden_process()?;
    let data = options.place.data()?;
    let foundation = Foundation::open(Crypto::standard(), &data, Durability::default()).await?;
    let feed = Feed::new(Arc::clone(&foundation.journal));
    let meter = Meter::new(Arc::clone(&foundation.barrier), Arc::new(feed));
    let by = match options.by {
        CostBy::Service => By::Service,
        CostBy::Account => By::Account,
        CostBy::Key => By::Key,
        CostBy::Principal => By::Principal,
    };
    let failed = |error| Error::Faults(format!("the costs can't be told: {error}"));
    meter.settle().await.map_err(failed)?;
    let groups = meter.costs(month, by, Clock::wall_ms()).await.map_err(failed)?;
    let total: Exact = groups.iter().map(|(_, sum)| sum.cost).sum();
    let lines = groups.into_iter().map(|(keys, sum)| Line {
        keys: keys.iter().map(|key| shown(key)).collect(),
        cost: sum.cost.to_string(),
        quantity: sum.quantity.to_string(),
        unit: sum.unit().to_owned(),
    });
    let lines = lines.collect();
    let Foundation { barrier, journal, anchor, .. } = foundation;
    server::close(&barrier, &journal, anchor.as_ref()).await?;
    Ok((total.to_string(), lines))
}

/// Of the caller's account, asked of a running server.
async fn asked(by: CostBy, month: Span) -> Result<(String, Vec<Line>), Error> {
    let client = client::of_bulla()?;
    let dimension = |key: &str| json!({ "Type": "DIMENSION", "Key": key });
    let (operation, groups) = match by {
        CostBy::Service => {
            ("GetCostAndUsage", json!([dimension("SERVICE"), dimension("USAGE_TYPE")]))
        }
        CostBy::Account => ("GetCostAndUsage", json!([dimension("LINKED_ACCOUNT")])),
        CostBy::Key => ("GetCostAndUsageWithResources", json!([dimension("RESOURCE_ID")])),
        CostBy::Principal => {
            ("GetCostAndUsage", json!([{ "Type": "COST_CATEGORY", "Key": PRINCIPAL }]))
        }
    };
    let mut input = json!({
        "TimePeriod": { "Start": month.from.date(), "End": month.to.date() },
        "Granularity": "MONTHLY",
        "Metrics": ["UnblendedCost", "UsageQuantity"],
        // Which all costs here are; one of the two operations wants a filter.
        "Filter": { "Dimensions": { "Key": "RECORD_TYPE", "Values": ["Usage"] } },
    });
    let mut lines = Vec::new();
    set(&mut input, "GroupBy", groups);
    loop {
        let answer = ask(&client, operation, &input).await?;
        let groups = answer.pointer("/ResultsByTime/0/Groups").and_then(Value::as_array);
        lines.extend(groups.into_iter().flatten().map(line));
        match answer.get("NextPageToken") {
            Some(next) => set(&mut input, "NextPageToken", next.clone()),
            None => return Ok((total(&lines)?, lines)),
        }
    }
}

/// What the lines come to. Asking for it apart would cost something itself, and so not agree.
fn total(lines: &[Line]) -> Result<String, Error> {
    let read = |line: &Line| {
        let unreadable =
            || Error::Faults(format!("the server's answer has no cost: {}", line.cost));
        Exact::read(&line.cost).ok_or_else(unreadable)
    };
    let total: Exact = lines.iter().map(read).sum::<Result<_, _>>()?;
    Ok(total.to_string())
}

async fn ask(client: &Client, operation: &str, input: &Value) -> Result<Value, Error> {
    Ok(client.call(EXPLORER, operation, input).await?)
}

fn set(input: &mut Value, name: &str, value: Value) {
    if let Some(members) = input.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn line(group: &Value) -> Line {
    let text = |pointer: &str| {
        group.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let keys = group.get("Keys").and_then(Value::as_array).into_iter().flatten();
    Line {
        keys: keys.filter_map(Value::as_str).map(shown).collect(),
        cost: text("/Metrics/UnblendedCost/Amount"),
        quantity: text("/Metrics/UsageQuantity/Amount"),
        unit: text("/Metrics/UsageQuantity/Unit"),
    }
}

/// A key without the name of what it is a value of.
fn shown(key: &str) -> String {
    let value = key.strip_prefix(PRINCIPAL).and_then(|rest| rest.strip_prefix('$')).unwrap_or(key);
    if value.is_empty() { "(nobody: what is there)".to_owned() } else { value.to_owned() }
}
