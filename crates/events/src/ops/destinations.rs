//! CreateApiDestination, UpdateApiDestination, DescribeApiDestination, ListApiDestinations,
//! DeleteApiDestination.

use bulla_plane::gate::permit_account;
use bulla_plane::pipeline::new_uuid;
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::events::{
    ApiDestination, CreateApiDestinationRequest, CreateApiDestinationResponse,
    DeleteApiDestinationRequest, DeleteApiDestinationResponse, DescribeApiDestinationRequest,
    DescribeApiDestinationResponse, ListApiDestinationsRequest, ListApiDestinationsResponse,
    UpdateApiDestinationRequest, UpdateApiDestinationResponse,
};
use bulla_store::{Expected, SealedBatch};

use super::{Answer, DESTINATION_TYPE};
use crate::connection::{ConnectionRecord, State, row, row_of};
use crate::destination::{DestinationRecord, RATE};
use crate::guard::{Plain, permit};
use crate::place::Place;
use crate::records::{CONNECTIONS, DESTINATIONS, Stored, bytes, expected, load, read};
use crate::{Events, fault, page, quotas};

/// What AWS's texts call one.
const KIND: &str = "An api-destination";

/// A destination that a request names, whether or not it is there.
type At = Plain<Option<Stored<DestinationRecord>>>;

impl Events {
    async fn destination(&self, call: &Call, name: &str) -> Result<Guarded<At>, Stop> {
        let view = self.barrier.view().await?;
        let row = row(call.account(), &call.region, name);
        let content = load::<DestinationRecord>(&view, DESTINATIONS, &row).await?;
        let here = Place::of(call, None)?;
        Ok(Guarded::new(Plain {
            // On the name, as for connections.
            arn: here.arn_of(&format!("api-destination/{name}")),
            account: call.account().to_owned(),
            content,
            tags: Vec::new(),
        }))
    }

    async fn save_destination(
        &self,
        call: &Call,
        at: &At,
        record: &DestinationRecord,
    ) -> Result<(), Stop> {
        let row = row(call.account(), &call.region, &record.name);
        let expected = expected(at.content.as_ref());
        let batch = SealedBatch::new().put(DESTINATIONS, row.as_str(), expected, bytes(record)?);
        self.barrier.commit(batch).await?;
        Ok(())
    }

    /// Refuses an address that is none, or that no request may go to, and a connection that is
    /// not there. Texts are ours.
    async fn check(&self, call: &Call, endpoint: &str, connection: &str) -> Result<(), Stop> {
        let secure = endpoint.starts_with("https://");
        if !(secure || self.dev && endpoint.starts_with("http://")) {
            let text = "Parameter InvocationEndpoint is not valid. Reason: it must begin with \
                        https://.";
            return Err(fault::validation(text).into());
        }
        let here = Place::of(call, None)?;
        let own = connection.starts_with(&here.arn_of("connection/"));
        let row = row_of(connection, "connection").filter(|_| own);
        let view = self.barrier.view().await?;
        let found = match row {
            Some(row) => load::<ConnectionRecord>(&view, CONNECTIONS, &row).await?,
            None => None,
        };
        match found.filter(|found| found.record.arn == connection) {
            Some(_) => Ok(()),
            None => Err(fault::no_connection(connection).into()),
        }
    }
}

pub(crate) async fn create_api_destination(
    events: &Events,
    call: &mut Call,
    input: &CreateApiDestinationRequest<'_>,
) -> Answer {
    let name = input.name();
    let found = events.destination(call, name).await?;
    let at = permit(found, call, "events:CreateApiDestination", &())?;
    if at.content.is_some() {
        return Err(fault::exists(KIND, name).into());
    }
    events.check(call, input.invocation_endpoint(), input.connection_arn()).await?;
    let most = quotas::API_DESTINATIONS.limit(call);
    events.must_have_room(call, DESTINATIONS, most).await?;
    let here = Place::of(call, None)?;
    let record = DestinationRecord {
        name: name.to_owned(),
        arn: here.arn_of(&format!("api-destination/{name}/{}", new_uuid(&events.crypto)?)),
        description: input.description().map(str::to_owned),
        connection_arn: input.connection_arn().to_owned(),
        endpoint: input.invocation_endpoint().to_owned(),
        method: input.http_method().to_owned(),
        rate: input.invocation_rate_limit_per_second().unwrap_or(RATE),
        created_ms: call.now_ms,
        modified_ms: call.now_ms,
    };
    let account = call.account().to_owned();
    call.touched(&record.arn, &account, DESTINATION_TYPE);
    events.save_destination(call, &at, &record).await?;
    let state = events.state(&record).await?;
    let answer = CreateApiDestinationResponse::new()
        .with_api_destination_arn(record.arn)
        .with_api_destination_state(state)
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms);
    Ok(Some(answer.into_record()))
}

impl Events {
    /// A destination is active while its connection is authorized.
    async fn state(&self, record: &DestinationRecord) -> Result<&'static str, Stop> {
        let view = self.barrier.view().await?;
        let row = row_of(&record.connection_arn, "connection").unwrap_or_default();
        let found = load::<ConnectionRecord>(&view, CONNECTIONS, &row).await?;
        let found = found.filter(|found| found.record.arn == record.connection_arn);
        let active = found.is_some_and(|found| found.record.state == State::Authorized);
        Ok(if active { "ACTIVE" } else { "INACTIVE" })
    }
}

fn there<'s>(at: &'s At, name: &str) -> Result<&'s Stored<DestinationRecord>, Stop> {
    Ok(at.content.as_ref().ok_or_else(|| fault::not_found(KIND, name))?)
}

pub(crate) async fn update_api_destination(
    events: &Events,
    call: &mut Call,
    input: &UpdateApiDestinationRequest<'_>,
) -> Answer {
    let name = input.name();
    let found = events.destination(call, name).await?;
    let at = permit(found, call, "events:UpdateApiDestination", &())?;
    let mut record = there(&at, name)?.record.clone();
    let account = call.account().to_owned();
    call.touched(&record.arn, &account, DESTINATION_TYPE);
    let set = |known: &mut String, given: Option<&str>| {
        if let Some(given) = given {
            given.clone_into(known);
        }
    };
    set(&mut record.connection_arn, input.connection_arn());
    set(&mut record.endpoint, input.invocation_endpoint());
    set(&mut record.method, input.http_method());
    record.description = input.description().map(str::to_owned).or(record.description);
    record.rate = input.invocation_rate_limit_per_second().unwrap_or(record.rate);
    record.modified_ms = call.now_ms;
    events.check(call, &record.endpoint, &record.connection_arn).await?;
    events.save_destination(call, &at, &record).await?;
    let state = events.state(&record).await?;
    let answer = UpdateApiDestinationResponse::new()
        .with_api_destination_arn(record.arn)
        .with_api_destination_state(state)
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn describe_api_destination(
    events: &Events,
    call: &mut Call,
    input: &DescribeApiDestinationRequest<'_>,
) -> Answer {
    let found = events.destination(call, input.name()).await?;
    let at = permit(found, call, "events:DescribeApiDestination", &())?;
    let record = there(&at, input.name())?.record.clone();
    let answer = DescribeApiDestinationResponse::new()
        .with_api_destination_state(events.state(&record).await?)
        .with_api_destination_arn(record.arn)
        .with_name(record.name)
        .with_connection_arn(record.connection_arn)
        .with_invocation_endpoint(record.endpoint)
        .with_http_method(record.method)
        .with_invocation_rate_limit_per_second(record.rate)
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms)
        .with_some(record.description, DescribeApiDestinationResponse::with_description);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_api_destinations(
    events: &Events,
    call: &mut Call,
    input: &ListApiDestinationsRequest<'_>,
) -> Answer {
    permit_account(call, "events:ListApiDestinations", "*", &Context::new())?;
    let prefix = row(call.account(), &call.region, input.name_prefix().unwrap_or_default());
    let view = events.barrier.view().await?;
    let size = page::size(input.limit());
    let rows = page::rows(&view, (DESTINATIONS, &prefix), input.next_token(), size, |_, opened| {
        let record = read::<DestinationRecord>(opened)?.record;
        let wanted = input.connection_arn().is_none_or(|arn| arn == record.connection_arn);
        Ok(wanted.then_some(record))
    });
    let (records, next) = rows.await?;
    drop(view);
    let mut destinations = Vec::with_capacity(records.len());
    for record in records {
        let one = ApiDestination::new()
            .with_api_destination_state(events.state(&record).await?)
            .with_api_destination_arn(record.arn)
            .with_name(record.name)
            .with_connection_arn(record.connection_arn)
            .with_invocation_endpoint(record.endpoint)
            .with_http_method(record.method)
            .with_invocation_rate_limit_per_second(record.rate)
            .with_creation_time(record.created_ms)
            .with_last_modified_time(record.modified_ms);
        destinations.push(one);
    }
    let answer = ListApiDestinationsResponse::new()
        .with_api_destinations(destinations)
        .with_some(next, ListApiDestinationsResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete_api_destination(
    events: &Events,
    call: &mut Call,
    input: &DeleteApiDestinationRequest<'_>,
) -> Answer {
    let name = input.name();
    let found = events.destination(call, name).await?;
    let at = permit(found, call, "events:DeleteApiDestination", &())?;
    let stored = there(&at, name)?;
    let account = call.account().to_owned();
    call.touched(&stored.record.arn, &account, DESTINATION_TYPE);
    let row = row(&account, &call.region, name);
    let expected = Expected::At(stored.version);
    events.barrier.commit(SealedBatch::new().delete(DESTINATIONS, row, expected)).await?;
    Ok(Some(DeleteApiDestinationResponse::new().into_record()))
}
