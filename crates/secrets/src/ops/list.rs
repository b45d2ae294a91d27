//! ListSecrets: filters, orders and pages.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop, marker};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{ListSecretsRequest, ListSecretsResponse};

use super::Answer;
use super::describe::listed;
use crate::conditions::RequestKeys;
use crate::filter::{self, Filter};
use crate::index::{Entries, Entry};
use crate::record;
use crate::{Secrets, fault};

/// Default and largest page (API Reference).
pub(crate) const PAGE: (usize, usize) = (100, 100);

/// By what a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Created,
    Accessed,
    Changed,
    Name,
}

/// Which secrets a list has, in which order. Secrets of the same date stand by name.
pub(crate) struct Wanted {
    order: Order,
    descending: bool,
    with_going: bool,
    filters: Vec<Filter>,
}

/// The place of a secret in a list.
type Place<'e> = (i64, &'e str);

impl Wanted {
    /// What a request with filters alone asks for.
    pub(crate) fn filtered(filters: Vec<Filter>) -> Self {
        Self { order: Order::Created, descending: true, with_going: false, filters }
    }

    fn read(input: &ListSecretsRequest<'_>) -> Result<Self, Stop> {
        let order = match input.sort_by() {
            Some("last-accessed-date") => Order::Accessed,
            Some("last-changed-date") => Order::Changed,
            Some("name") => Order::Name,
            _ => Order::Created,
        };
        // Newest first, unless something else is asked for: AWS names no default, this is ours.
        let descending = match input.sort_order() {
            Some(order) => order == "desc",
            None => order != Order::Name,
        };
        let with_going = input.include_planned_deletion() == Some(true);
        Ok(Self { order, descending, with_going, filters: filter::read(input.filters())? })
    }

    fn place<'e>(&self, name: &'e str, entry: &Entry) -> Place<'e> {
        let date = match self.order {
            Order::Created => entry.created_ms,
            Order::Accessed => entry.accessed_ms,
            Order::Changed => entry.changed_ms,
            Order::Name => 0,
        };
        (date, name)
    }

    fn has(&self, name: &str, entry: &Entry) -> bool {
        (self.with_going || !entry.is_going)
            && self.filters.iter().all(|filter| filter.passes(name, entry))
    }

    /// The names of a page that begins at a place, and where the next one begins.
    fn page(
        &self,
        entries: &Entries,
        from: Option<Place<'_>>,
        size: usize,
    ) -> (Vec<String>, Option<(i64, String)>) {
        let begun = |place: Place<'_>| match from {
            None => true,
            Some(from) if self.descending => place <= from,
            Some(from) => place >= from,
        };
        let places = entries
            .iter()
            .map(|(name, entry)| (self.place(name, entry), entry))
            .filter(|(place, entry)| begun(*place) && self.has(place.1, entry))
            .map(|(place, _)| place);
        let mut first: Vec<Place<'_>> = if self.descending {
            least(places.map(Reverse), size + 1).into_iter().map(|place| place.0).collect()
        } else {
            least(places, size + 1)
        };
        let next = if first.len() > size { first.pop() } else { None };
        let names = first.into_iter().map(|(_, name)| name.to_owned()).collect();
        (names, next.map(|(date, name)| (date, name.to_owned())))
    }
}

/// The least so many, in their order.
fn least<T: Ord>(all: impl Iterator<Item = T>, count: usize) -> Vec<T> {
    let mut heap = BinaryHeap::with_capacity(count + 1);
    for one in all {
        if heap.len() < count {
            heap.push(one);
        } else if heap.peek().is_some_and(|greatest| one < *greatest) {
            heap.pop();
            heap.push(one);
        }
    }
    heap.into_sorted_vec()
}

pub(crate) async fn list_secrets(
    service: &Secrets,
    call: &mut Call,
    input: &ListSecretsRequest<'_>,
) -> Answer {
    permit_account(call, "secretsmanager:ListSecrets", "*", &RequestKeys::none())?;
    let wanted = Wanted::read(input)?;
    let size = marker::page_size(input.max_results(), PAGE.0, PAGE.1);
    if wanted.order == Order::Accessed {
        service.accesses.write().await;
    }
    let (names, next) = service.page(call, &wanted, input.next_token(), size).await?;
    let mut secrets = Vec::with_capacity(names.len());
    for name in names {
        let path = record::path(call.account(), &call.region, &name);
        // It can have gone just now.
        let Some(secret) = service.live(&path).await? else { continue };
        let accessed = service.accesses.days(&secret.record).await?.into_values().max();
        secrets.push(listed(&secret.record, accessed));
    }
    let answer = ListSecretsResponse::new()
        .with_secret_list(secrets)
        .with_some(next, ListSecretsResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

impl Secrets {
    /// The names of a page of the caller's secrets, and the token of the next one.
    pub(crate) async fn page(
        &self,
        call: &Call,
        wanted: &Wanted,
        token: Option<&str>,
        size: usize,
    ) -> Result<(Vec<String>, Option<String>), Stop> {
        let from = token.map(place_of).transpose()?;
        let prefix = record::path(call.account(), &call.region, "");
        let page = |entries: &Entries| {
            let from = from.as_ref().map(|(date, name)| (*date, name.as_str()));
            wanted.page(entries, from, size)
        };
        let (names, next) = self.index.look(&self.barrier, &prefix, page).await?;
        Ok((names, next.map(|(date, name)| marker::encode(&format!("{date}/{name}")))))
    }
}

/// The place at which the page of a token begins.
fn place_of(token: &str) -> Result<(i64, String), Stop> {
    let text = marker::decode(token);
    let place = text.as_deref().and_then(|text| text.split_once('/'));
    let place = place.and_then(|(date, name)| Some((date.parse().ok()?, name.to_owned())));
    place.ok_or_else(|| fault::invalid_token().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(created_ms: i64, changed_ms: i64) -> Entry {
        Entry {
            description: "".into(),
            tags: [].into(),
            primary_region: None,
            created_ms,
            changed_ms,
            accessed_ms: 0,
            is_going: false,
        }
    }

    fn pages(order: Order, descending: bool, size: usize) -> Vec<Vec<String>> {
        let mut entries = Entries::new();
        for (name, created, changed) in [("a", 5, 1), ("b", 5, 3), ("c", 1, 2), ("d", 9, 2)] {
            entries.insert(name.to_owned(), entry(created, changed));
        }
        let going = Entry { is_going: true, ..entry(0, 0) };
        entries.insert("e".to_owned(), going);
        let wanted = Wanted { order, descending, with_going: false, filters: vec![] };
        let (mut all, mut from) = (vec![], None::<(i64, String)>);
        loop {
            let start = from.as_ref().map(|(date, name)| (*date, name.as_str()));
            let (names, next) = wanted.page(&entries, start, size);
            all.push(names);
            let Some(next) = next else { return all };
            from = Some(next);
        }
    }

    #[test]
    fn pages_join_to_the_whole_in_each_order() {
        for (order, descending, wanted) in [
            (Order::Created, false, "c a b d"),
            (Order::Created, true, "d b a c"),
            (Order::Changed, false, "a c d b"),
            (Order::Changed, true, "b d c a"),
            (Order::Name, false, "a b c d"),
            (Order::Name, true, "d c b a"),
        ] {
            for size in 1..6 {
                let joined = pages(order, descending, size).concat().join(" ");
                assert_eq!(joined, wanted, "{order:?} {descending} {size}");
            }
        }
        assert_eq!(pages(Order::Name, false, 2).len(), 2);
    }

    #[test]
    fn a_token_is_a_place() {
        assert_eq!(place_of(&marker::encode("7/a/b")).ok().unwrap(), (7, "a/b".to_owned()));
        for token in ["", "x", &marker::encode("a"), &marker::encode("a/b")] {
            assert!(place_of(token).is_err(), "{token}");
        }
    }
}
