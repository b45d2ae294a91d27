//! ListSecrets: filters, orders and pages.

use std::sync::Arc;

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop, marker};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{ListSecretsRequest, ListSecretsResponse};

use super::Answer;
use super::describe::listed;
use crate::filter::{self, Filter};
use crate::index::{Entries, Order, Page, Place, Wanted};
use crate::record;
use crate::{Secrets, fault};

/// Default and largest page (API Reference).
pub(crate) const PAGE: (usize, usize) = (100, 100);

/// Which secrets a list has, in which order.
pub(crate) struct List {
    order: Order,
    descending: bool,
    with_going: bool,
    filters: Vec<Filter>,
}

impl List {
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

    fn page(&self, entries: &Entries, from: Option<&Place>, size: usize) -> Page {
        let among = filter::passing(&self.filters, self.with_going, entries);
        let (order, descending) = (self.order, self.descending);
        entries.page(&Wanted { order, descending, among, from, size })
    }
}

pub(crate) async fn list_secrets(
    service: &Secrets,
    call: &mut Call,
    input: &ListSecretsRequest<'_>,
) -> Answer {
    permit_account(call, "secretsmanager:ListSecrets", "*", &RequestKeys::none())?;
    let list = List::read(input)?;
    let size = marker::page_size(input.max_results(), PAGE.0, PAGE.1);
    if list.order == Order::Accessed {
        service.accesses.write().await;
    }
    let Page { secrets, next } = service.page(call, &list, input.next_token(), size).await?;
    let mut entries = Vec::with_capacity(secrets.len());
    let mut view = None;
    for (name, accessed_ms) in secrets {
        let path = record::path(call.account(), &call.region, &name);
        // It can have gone just now.
        let Some(secret) = service.live_in(&mut view, &path).await? else { continue };
        let unwritten = service.accesses.unwritten(&secret);
        let accessed = unwritten.max(Some(accessed_ms).filter(|day| *day > 0));
        entries.push(listed(&secret.record, accessed));
    }
    let answer = ListSecretsResponse::new()
        .with_secret_list(entries)
        .with_some(next.map(token_of), ListSecretsResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

impl Secrets {
    /// A page of the caller's secrets.
    pub(crate) async fn page(
        &self,
        call: &Call,
        list: &List,
        token: Option<&str>,
        size: usize,
    ) -> Result<Page, Stop> {
        let from = token.map(place_of).transpose()?;
        let prefix = record::path(call.account(), &call.region, "");
        let page = |entries: &Entries| list.page(entries, from.as_ref(), size);
        self.index.look(&self.barrier, &prefix, page).await
    }
}

/// The token of the page that begins at a place.
pub(crate) fn token_of((date, name): Place) -> String {
    marker::encode(&format!("{date}/{name}"))
}

/// The place at which the page of a token begins.
fn place_of(token: &str) -> Result<Place, Stop> {
    let text = marker::decode(token);
    let place = text.as_deref().and_then(|text| text.split_once('/'));
    let place = place.and_then(|(date, name)| Some((date.parse().ok()?, Arc::from(name))));
    place.ok_or_else(|| fault::invalid_token().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_place() {
        let place = (7, Arc::from("a/b"));
        assert_eq!(place_of(&token_of(place.clone())).ok().unwrap(), place);
        for token in ["", "x", &marker::encode("a"), &marker::encode("a/b")] {
            assert!(place_of(token).is_err(), "{token}");
        }
    }
}
