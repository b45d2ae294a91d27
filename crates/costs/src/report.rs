//! What uses and lives cost in a time, line by line.

use std::collections::HashMap;

use bulla_store::{Key, Range, Space};

use crate::calendar::{Day, Hour, Span};
use crate::error::MeterError;
use crate::exact::{Exact, STEPS};
use crate::ledger::parsed;
use crate::lives::Life;
use crate::meter::Meter;
use crate::prices::{Item, Per};
use crate::record::{Cell, LIVES, USES};

/// How many rows one look at the store reads.
const ROWS_A_LOOK: usize = 1_000;
/// Hours of what is priced by 720 of them.
const HOURS_720: u64 = 720;
/// What Cost Explorer calls the operation of what is no call.
const NO_OPERATION: &str = "NoOperation";

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Whose costs; everybody's where this is none.
    pub(crate) account: Option<&'a str>,
    /// The times, ascending, none of which reaches from one month into another.
    pub(crate) times: &'a [Span],
    /// Hours to come cost nothing.
    pub(crate) now_ms: i64,
}

/// A part of the costs.
#[derive(Debug)]
pub(crate) struct Line<'l> {
    /// Which of the times it is in.
    pub(crate) time: usize,
    pub(crate) account: &'l str,
    pub(crate) region: &'l str,
    pub(crate) item: &'static Item,
    pub(crate) operation: &'l str,
    /// An ARN; empty where none is known.
    pub(crate) resource: &'l str,
    /// An ARN; empty for what is no call.
    pub(crate) principal: &'l str,
    pub(crate) quantity: Exact,
    pub(crate) cost: Exact,
}

/// What is done with each line.
pub(crate) type Visit<'v> = &'v mut (dyn FnMut(&Line<'_>) + Send);

/// What is done with each row: its key and its value.
type Take<'t> = &'t mut (dyn FnMut(&str, &[u8]) -> Result<(), MeterError> + Send);

impl Meter {
    /// Visits the costs of what was metered so far. What is free in a month is used up day by day,
    /// and within a day in the order of the rows: by region, item and operation.
    pub(crate) async fn report(
        &self,
        asked: &Asked<'_>,
        visit: Visit<'_>,
    ) -> Result<(), MeterError> {
        let (Some(first), Some(last)) = (asked.times.first(), asked.times.last()) else {
            return Ok(());
        };
        // From the beginning of the month, as what is free is used up from there on.
        let days = (first.from.month().from.day(), Hour(last.to.0.saturating_sub(1)).day());
        let mut free = Free::default();
        let mut use_row = |key: &str, bytes: &[u8]| {
            let Some(row) = UseRow::read(key) else { return Ok(()) };
            if row.day >= days.0 && row.day <= days.1 {
                let cell: Cell = parsed(USES, bytes)?;
                row.lines(&cell, asked, &mut free, visit);
            }
            Ok(())
        };
        let prefix = asked.account.map_or_else(String::new, |account| format!("{account}/"));
        let mut range = Range::prefix(prefix.as_str());
        if let Some(account) = asked.account {
            let day = |day: Day, end| Key::from(format!("{account}/{:06}{end}", day.0).as_str());
            // Right behind the slash comes the zero.
            (range.from, range.to) = (day(days.0, '/'), Some(day(days.1, '0')));
        }
        self.each(USES, range, &mut use_row).await?;
        let mut life_row = |key: &str, bytes: &[u8]| {
            let life: Life = parsed(LIVES, bytes)?;
            if let (Some((account, arn)), Some(item)) = (key.split_once('/'), life.item()) {
                life_lines(&life, (account, arn, item), asked, visit);
            }
            Ok(())
        };
        self.each(LIVES, Range::prefix(prefix.as_str()), &mut life_row).await
    }

    /// Reads rows, in their order.
    async fn each(&self, space: Space, mut range: Range, row: Take<'_>) -> Result<(), MeterError> {
        loop {
            let page = self.barrier.view().await?.range(space, &range, ROWS_A_LOOK).await?;
            for place in &page.altered {
                tracing::error!(%place, "what was metered was altered outside Bulla");
            }
            for (key, opened) in &page.rows {
                let Ok(key) = std::str::from_utf8(key.as_bytes()) else { continue };
                row(key, opened.value.expose())?;
            }
            let Some(next) = page.next else { return Ok(()) };
            range.from = next;
        }
    }
}

/// How much of what is free in a month was used: by account, month and item.
#[derive(Default)]
struct Free(HashMap<(String, Hour, &'static str), u64>);

impl Free {
    /// How many of these units cost something.
    fn paid(&mut self, account: &str, hour: Hour, item: &'static Item, units: u64) -> u64 {
        if item.free == 0 {
            return units;
        }
        let month = (account.to_owned(), hour.month().from, item.code);
        let used = self.0.entry(month).or_default();
        let left = item.free.saturating_sub(*used);
        *used = used.saturating_add(units);
        units.saturating_sub(left)
    }
}

/// What the key of a row of uses says.
struct UseRow<'k> {
    account: &'k str,
    day: Day,
    region: &'k str,
    item: &'static Item,
    operation: &'k str,
}

impl<'k> UseRow<'k> {
    fn read(key: &'k str) -> Option<Self> {
        let mut parts = key.split('/');
        let account = parts.next()?;
        let day = Day(parts.next()?.parse().ok()?);
        let (region, item) = (parts.next()?, Item::find(parts.next()?)?);
        Some(Self { account, day, region, item, operation: parts.next()? })
    }

    fn lines(&self, cell: &Cell, asked: &Asked<'_>, free: &mut Free, visit: Visit<'_>) {
        let mut sums: Vec<(usize, u64, u64)> = Vec::new();
        for (hour, units) in &cell.hours {
            let hour = Hour(self.day.start().0.saturating_add(i64::from(*hour)));
            let paid = free.paid(self.account, hour, self.item, *units);
            let Some(time) = time_of(asked.times, hour) else { continue };
            match sums.last_mut() {
                Some((known, all, all_paid)) if *known == time => {
                    *all = all.saturating_add(*units);
                    *all_paid = all_paid.saturating_add(paid);
                }
                _ => sums.push((time, *units, paid)),
            }
        }
        for (time, units, paid) in sums {
            visit(&Line {
                time,
                account: self.account,
                region: self.region,
                item: self.item,
                operation: self.operation,
                resource: &cell.resource,
                principal: &cell.principal,
                quantity: Exact::of(units),
                cost: Exact::cost(paid, self.item.steps),
            });
        }
    }
}

/// The time that an hour is in.
fn time_of(times: &[Span], hour: Hour) -> Option<usize> {
    let at = times.partition_point(|time| time.to <= hour);
    times.get(at).filter(|time| time.from <= hour).map(|_| at)
}

fn life_lines(
    life: &Life,
    (account, arn, item): (&str, &str, &'static Item),
    asked: &Asked<'_>,
    visit: Visit<'_>,
) {
    for (time, span) in asked.times.iter().enumerate() {
        let hours = life.hours(*span, asked.now_ms);
        if hours == 0 {
            continue;
        }
        let of = match item.per {
            Per::Hours720 => HOURS_720,
            Per::Use | Per::Month => span.from.month().hours(),
        };
        visit(&Line {
            time,
            account,
            region: &life.region,
            item,
            operation: NO_OPERATION,
            resource: arn,
            principal: "",
            quantity: Exact::part(hours, ONE, of),
            cost: Exact::part(hours, item.steps, of),
        });
    }
}

/// One of anything, in [`STEPS`].
#[expect(clippy::cast_possible_truncation, reason = "it fits")]
const ONE: u64 = STEPS.unsigned_abs() as u64;
