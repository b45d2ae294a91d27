//! When things are there that cost by the month: keys, secrets and advanced parameters.

use serde::{Deserialize, Serialize};

use crate::calendar::{Hour, Span};
use crate::prices::{self, Item};

/// How many rotations of a key add to its price (KMS's price page: the first and the second).
const PAID_ROTATIONS: usize = 2;

/// The life of a thing, as a row keeps it. Hours that it began in count in full (our choice: AWS
/// says that it counts by the hour).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Life {
    /// The item's code.
    item: String,
    pub(crate) region: String,
    /// A key's spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) spec: Option<String>,
    /// When it was there, in milliseconds since 1970: from, and until when. There are never two in
    /// one hour, so that they are as many as hours at most.
    spans: Vec<(i64, Option<i64>)>,
    /// When it was rotated, as far as that costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rotations: Vec<i64>,
}

/// What a record of the journal says about a life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) arn: String,
    pub(crate) at_ms: i64,
    pub(crate) what: What,
}

/// What happens in a life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// It is there from now on, of a spec if it is a key, until a time if that is known, or else
    /// until when it was said before.
    Begins { item: &'static str, until_ms: Option<i64>, spec: Option<String> },
    /// As the same, but until nothing is said any more.
    BeginsAnew { item: &'static str },
    /// It is gone, or about to be.
    Ends,
    /// It was not to end after all, and costs as if that had never been said (KMS price page, of
    /// deletions that are cancelled).
    Reopens,
    /// It was rotated.
    Rotates,
}

impl Life {
    /// A life after a change; none where something ends of which no beginning is known.
    pub(crate) fn after(known: Option<Self>, change: &Change) -> Option<Self> {
        match (&change.what, known) {
            (What::Begins { item, until_ms, spec }, known) => {
                let mut life = known.unwrap_or_else(|| Self::new(item, change, spec.clone()));
                life.begin(change.at_ms, *until_ms);
                Some(life)
            }
            (What::BeginsAnew { item }, known) => {
                let mut life = known.unwrap_or_else(|| Self::new(item, change, None));
                life.begin(change.at_ms, None);
                if let Some((_, until)) = life.spans.last_mut() {
                    *until = None;
                }
                Some(life)
            }
            (_, None) => None,
            (What::Ends, Some(mut life)) => {
                if let Some((_, until)) = life.spans.last_mut() {
                    *until = Some(until.map_or(change.at_ms, |known| known.min(change.at_ms)));
                }
                Some(life)
            }
            (What::Reopens, Some(mut life)) => {
                if let Some((_, until)) = life.spans.last_mut() {
                    *until = None;
                }
                Some(life)
            }
            (What::Rotates, Some(mut life)) => {
                if life.rotations.len() < PAID_ROTATIONS {
                    life.rotations.push(change.at_ms);
                }
                Some(life)
            }
        }
    }

    /// What is left of it from an hour on, if anything is.
    pub(crate) fn since(mut self, first: Hour) -> Option<Self> {
        self.spans.retain(|(_, until)| until.is_none_or(|until| Hour::after(until) > first));
        (!self.spans.is_empty()).then_some(self)
    }

    fn new(item: &str, change: &Change, spec: Option<String>) -> Self {
        Self {
            item: item.to_owned(),
            region: change.region().to_owned(),
            spec,
            spans: Vec::new(),
            rotations: Vec::new(),
        }
    }

    /// Goes on, if it is there or was within the same hour, or begins again.
    fn begin(&mut self, from_ms: i64, until_ms: Option<i64>) {
        if let Some((_, until)) = self.spans.last_mut()
            && until.is_none_or(|until| Hour::of(from_ms) < Hour::after(until))
        {
            *until = until_ms.or(until.filter(|until| *until > from_ms));
            return;
        }
        self.spans.push((from_ms, until_ms));
    }

    pub(crate) fn item(&self) -> Option<&'static Item> {
        Item::find(&self.item)
    }

    /// For how many hours of a span it costs something; each rotation that costs counts like the
    /// thing itself. Hours to come don't count.
    pub(crate) fn hours(&self, span: Span, now_ms: i64) -> u64 {
        let now = Hour::after(now_ms.saturating_add(1));
        let there = |(from, until): &(i64, Option<i64>)| {
            let to = until.map_or(now, |until| Hour::after(until).min(now));
            Span { from: Hour::of(*from), to: to.max(Hour::of(*from)) }
        };
        let since = |from: Hour| -> u64 {
            let from_then_on = Span { from: from.max(span.from), to: span.to.max(from) };
            self.spans.iter().map(|one| there(one).and(from_then_on).hours()).sum()
        };
        let rotations = self.rotations.iter().map(|at| since(Hour::of(*at)));
        since(span.from).saturating_add(rotations.sum())
    }
}

impl Change {
    /// The region, as the ARN has it.
    fn region(&self) -> &str {
        self.arn.split(':').nth(3).unwrap_or_default()
    }

    /// The account, as the ARN has it.
    pub(crate) fn account(&self) -> &str {
        account_of(&self.arn)
    }
}

/// The account of an ARN.
pub(crate) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// The spec of a key, if a life is one's.
pub(crate) fn spec(life: Option<&Life>) -> Option<&str> {
    life.filter(|life| life.item == prices::KEY.code)?.spec.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const ALL: Span = Span { from: Hour(0), to: Hour(1_000) };

    fn change(at_ms: i64, what: What) -> Change {
        Change { arn: "arn:aws:kms:eu-west-1:111122223333:key/k".to_owned(), at_ms, what }
    }

    fn begins() -> What {
        What::Begins { item: prices::KEY.code, until_ms: None, spec: Some("RSA_2048".to_owned()) }
    }

    fn lived(changes: &[(i64, What)]) -> Life {
        let each = changes.iter().map(|(at, what)| change(*at, what.clone()));
        each.fold(None, |life, change| Life::after(life, &change)).unwrap()
    }

    #[test]
    fn an_hour_that_was_begun_counts_once() {
        let life = lived(&[(10 * HOUR + 1, begins())]);
        assert_eq!((life.region.as_str(), spec(Some(&life))), ("eu-west-1", Some("RSA_2048")));
        assert_eq!(life.hours(ALL, 10 * HOUR + 2), 1);
        assert_eq!(life.hours(ALL, 12 * HOUR), 3, "the third hour has begun");
        let again = [
            (10 * HOUR + 1, begins()),
            (10 * HOUR + 2, What::Ends),
            (10 * HOUR + 3, begins()),
            (12 * HOUR, What::Ends),
            (20 * HOUR, begins()),
        ];
        let life = lived(&again);
        assert_eq!(life.spans.len(), 2);
        assert_eq!(life.hours(ALL, 21 * HOUR - 1), 3);
    }

    #[test]
    fn a_deletion_that_is_cancelled_was_never_there_and_one_that_is_not_ends_it() {
        let ended = [(0, begins()), (5 * HOUR, What::Ends)];
        assert_eq!(lived(&ended).hours(ALL, 9 * HOUR - 1), 5);
        let reopened = [(0, begins()), (5 * HOUR, What::Ends), (8 * HOUR, What::Reopens)];
        assert_eq!(lived(&reopened).hours(ALL, 9 * HOUR - 1), 9);
    }

    #[test]
    fn two_rotations_cost_and_no_more() {
        let rotated = [
            (0, begins()),
            (2 * HOUR, What::Rotates),
            (4 * HOUR, What::Rotates),
            (6 * HOUR, What::Rotates),
        ];
        let life = lived(&rotated);
        assert_eq!(life.hours(ALL, 10 * HOUR - 1), 10 + 8 + 6);
        let later = Span { from: Hour(5), to: Hour(7) };
        assert_eq!(life.hours(later, 10 * HOUR - 1), 6);
    }

    #[test]
    fn what_ends_by_itself_ends_when_it_said() {
        let until_ms = Some(5 * HOUR);
        let begins = What::Begins { item: prices::PARAMETER.code, until_ms, spec: None };
        let life = lived(&[(0, begins), (7 * HOUR, What::Ends)]);
        assert_eq!(life.hours(ALL, 9 * HOUR), 5);
    }

    #[test]
    fn nothing_ends_that_never_began() {
        assert_eq!(Life::after(None, &change(0, What::Ends)), None);
    }
}
