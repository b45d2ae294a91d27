//! GetCostAndUsage, and the same with resources.

use std::borrow::Cow;

use bulla_crypto::{hex, sha256};
use bulla_plane::Call;
use bulla_plane::gate::permit_account;
use bulla_shapes::ce::{
    DateInterval, Expression, GetCostAndUsageRequest, GetCostAndUsageResponse,
    GetCostAndUsageWithResourcesRequest, GetCostAndUsageWithResourcesResponse, Group,
    GroupDefinition, MetricValue, ResultByTime,
};
use bulla_shapes::{Fault, Value, View as _};

use super::{Answer, period};
use crate::calendar::{Hour, Span};
use crate::facet::Facet;
use crate::filter::Filter;
use crate::report::Asked;
use crate::sums::{MAX_GROUPS, Sum, Sums};
use crate::{CostExplorer, fault};

/// What the costs are called: there are no discounts, reservations or blended rates here, so that
/// all are the same.
const COSTS: [&str; 5] =
    ["AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", UNBLENDED];
/// What is told where nothing was named.
const UNBLENDED: &str = "UnblendedCost";
const QUANTITY: &str = "UsageQuantity";
/// Which AWS has for instances alone.
const NORMALIZED: &str = "NormalizedUsageAmount";
/// How many facets groups have at most (API Reference, `GroupBy`).
const MAX_FACETS: usize = 2;
/// How many groups a page has; our choice.
const GROUPS_A_PAGE: usize = 5_000;
/// How far back hours are told apart, in days (user guide).
const HOURLY_DAYS: i64 = 14;

/// What both operations are asked.
struct Question<'i> {
    period: Option<DateInterval<'i>>,
    granularity: &'i str,
    filter: Option<Expression<'i>>,
    metrics: Vec<&'i str>,
    groups: Vec<GroupDefinition<'i>>,
    token: Option<&'i str>,
    with_resources: bool,
}

/// What both answer.
struct Told {
    results: Vec<ResultByTime<'static>>,
    groups: Vec<GroupDefinition<'static>>,
    next: Option<String>,
}

pub(crate) async fn get_cost_and_usage(
    explorer: &CostExplorer,
    call: &mut Call,
    input: &GetCostAndUsageRequest<'_>,
) -> Answer {
    permit_account(call, "ce:GetCostAndUsage", "*", &())?;
    let question = Question {
        period: input.time_period(),
        granularity: input.granularity(),
        filter: input.filter(),
        metrics: input.metrics().into_iter().flatten().collect(),
        groups: input.group_by().map(|all| all.iter().collect()).unwrap_or_default(),
        token: input.next_page_token(),
        with_resources: false,
    };
    let told = explorer.answer(call, &question).await?;
    let answer = GetCostAndUsageResponse::new()
        .with_group_definitions(told.groups)
        .with_results_by_time(told.results)
        .with_some(told.next, GetCostAndUsageResponse::with_next_page_token);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_with_resources(
    explorer: &CostExplorer,
    call: &mut Call,
    input: &GetCostAndUsageWithResourcesRequest<'_>,
) -> Answer {
    permit_account(call, "ce:GetCostAndUsageWithResources", "*", &())?;
    let question = Question {
        period: input.time_period(),
        granularity: input.granularity(),
        filter: input.filter(),
        metrics: input.metrics().into_iter().flatten().collect(),
        groups: input.group_by().map(|all| all.iter().collect()).unwrap_or_default(),
        token: input.next_page_token(),
        with_resources: true,
    };
    let told = explorer.answer(call, &question).await?;
    let answer = GetCostAndUsageWithResourcesResponse::new()
        .with_group_definitions(told.groups)
        .with_results_by_time(told.results)
        .with_some(told.next, GetCostAndUsageWithResourcesResponse::with_next_page_token);
    Ok(Some(answer.into_record()))
}

/// The metrics of a group, by name.
type Values = Vec<(Cow<'static, str>, Value<'static>)>;

/// A question that was understood.
struct Report {
    times: Vec<Span>,
    by_hour: bool,
    filter: Option<Filter>,
    by: Vec<Facet>,
    metrics: Vec<String>,
}

impl Report {
    fn read(asked: &Question<'_>, now_ms: i64) -> Result<Self, Fault> {
        let by_hour = asked.granularity == "HOURLY";
        let span = period(asked.period.as_ref(), now_ms, by_hour)?;
        let age = Hour::of(now_ms).day().0.saturating_sub(span.from.day().0);
        if by_hour && age > HOURLY_DAYS {
            return Err(fault::validation("Hours are told apart for the last 14 days only."));
        }
        let times = match asked.granularity {
            "HOURLY" => span.each(),
            "DAILY" => span.days(),
            _ => span.months(),
        };
        let filter = asked.filter.as_ref();
        let filter = filter.map(|given| Filter::read(given, asked.with_resources)).transpose()?;
        let by = facets(&asked.groups, asked.with_resources)?;
        Ok(Self { times, by_hour, filter, by, metrics: metrics(&asked.metrics)? })
    }

    /// What a token is bound to: the same question.
    fn digest(&self) -> String {
        let Self { times, filter, by, metrics, .. } = self;
        let text = format!("{:?}{:?}{filter:?}{by:?}{metrics:?}", times.first(), times.len());
        let digest = sha256(text.as_bytes());
        hex::encode(digest.get(..8).unwrap_or_default())
    }

    fn interval(&self, time: Span) -> DateInterval<'static> {
        let text = |hour: Hour| hour.text(self.by_hour);
        DateInterval::new().with_start(text(time.from)).with_end(text(time.to))
    }

    fn values(&self, sum: &Sum) -> Values {
        let value = |name: &String| {
            let (amount, unit) = match name.as_str() {
                QUANTITY => (sum.quantity.to_string(), sum.unit()),
                NORMALIZED => ("0".to_owned(), "N/A"),
                _ => (sum.cost.to_string(), "USD"),
            };
            let value = MetricValue::new().with_amount(amount).with_unit(unit);
            (Cow::Owned(name.clone()), Value::Struct(value.into_record()))
        };
        self.metrics.iter().map(value).collect()
    }

    /// One time's costs. What a Bulla says is never a bill.
    fn result(&self, time: Span, entries: &[Entry]) -> ResultByTime<'static> {
        let grouped = !self.by.is_empty();
        let groups = entries.iter().filter_map(|entry| {
            let (keys, sum) = entry.group.as_ref().filter(|_| grouped)?;
            let keys = keys.iter().cloned();
            Some(Group::new().with_keys(keys).with_metrics(self.values(sum)))
        });
        let total = if grouped {
            Vec::new()
        } else {
            let sum = entries.first().and_then(|entry| entry.group.as_ref());
            self.values(&sum.map(|(_, sum)| sum.clone()).unwrap_or_default())
        };
        ResultByTime::new()
            .with_time_period(self.interval(time))
            .with_total(total)
            .with_groups(groups)
            .with_estimated(true)
    }
}

/// A line of an answer: a time, and a group of it, if it has any.
struct Entry {
    time: usize,
    group: Option<(Vec<String>, Sum)>,
}

/// The entries of all times, in order; a time without costs has one, too.
fn entries(sums: Sums<'_>, times: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut groups = sums.groups.into_iter().peekable();
    for time in 0..times {
        let mut any = false;
        while let Some(((_, keys), sum)) = groups.next_if(|((at, _), _)| *at == time) {
            entries.push(Entry { time, group: Some((keys, sum)) });
            any = true;
        }
        if !any {
            entries.push(Entry { time, group: None });
        }
    }
    entries
}

fn facets(groups: &[GroupDefinition<'_>], with_resources: bool) -> Result<Vec<Facet>, Fault> {
    if groups.len() > MAX_FACETS {
        let text = format!("Costs are grouped by {MAX_FACETS} keys at most.");
        return Err(fault::validation(text));
    }
    let each = groups.iter().map(|group| {
        let key = group.key().unwrap_or_default();
        match group.r#type().unwrap_or("DIMENSION") {
            "DIMENSION" => Facet::dimension(key, with_resources),
            "TAG" => Ok(Facet::Tag(key.to_owned())),
            "COST_CATEGORY" => Ok(Facet::Category(key.to_owned())),
            other => Err(fault::validation(format!("Groups by {other} are not supported."))),
        }
    });
    each.collect()
}

/// The metrics, by whichever case they were named in.
fn metrics(named: &[&str]) -> Result<Vec<String>, Fault> {
    let known = |name: &str| {
        let all = COSTS.into_iter().chain([QUANTITY, NORMALIZED]);
        let mut fitting = all.filter(|known| known.eq_ignore_ascii_case(name));
        fitting.next().map(str::to_owned)
    };
    if named.is_empty() {
        return Ok(vec![UNBLENDED.to_owned()]);
    }
    let each = named
        .iter()
        .map(|name| known(name).ok_or_else(|| fault::validation(format!("{name} is no metric."))));
    each.collect()
}

impl CostExplorer {
    async fn answer(&self, call: &Call, asked: &Question<'_>) -> Result<Told, bulla_plane::Stop> {
        let report = Report::read(asked, call.now_ms)?;
        let digest = report.digest();
        let from = asked.token.map(|token| place(token, &digest)).transpose()?.unwrap_or(0);
        self.meter.settle().await?;
        let question =
            Asked { account: Some(call.account()), times: &report.times, now_ms: call.now_ms };
        let mut sums = Sums::new(&report.by, report.filter.as_ref());
        self.meter.report(&question, &mut |line| sums.add(line)).await?;
        if sums.is_over {
            return Err(fault::too_many(MAX_GROUPS).into());
        }
        let entries = entries(sums, report.times.len());
        let end = from.saturating_add(GROUPS_A_PAGE).min(entries.len());
        let page = entries.get(from..end).ok_or_else(fault::token)?;
        let results = page.chunk_by(|a, b| a.time == b.time).filter_map(|together| {
            let time = report.times.get(together.first()?.time)?;
            Some(report.result(*time, together))
        });
        let next = (end < entries.len()).then(|| format!("{end}.{digest}"));
        let groups = asked.groups.iter().map(|group| {
            GroupDefinition::new()
                .with_type(group.r#type().unwrap_or("DIMENSION").to_owned())
                .with_key(group.key().unwrap_or_default().to_owned())
        });
        Ok(Told { results: results.collect(), groups: groups.collect(), next })
    }
}

/// Where the page of a token begins. It grants nothing.
fn place(token: &str, digest: &str) -> Result<usize, Fault> {
    let (from, bound) = token.split_once('.').ok_or_else(fault::token)?;
    let from = from.parse().map_err(|_| fault::token())?;
    if bound == digest { Ok(from) } else { Err(fault::changed()) }
}
