//! CreateConnection, UpdateConnection, DescribeConnection, ListConnections, DeauthorizeConnection,
//! DeleteConnection.

use bulla_plane::bus::LISTENER;
use bulla_plane::gate::permit_account;
use bulla_plane::pipeline::new_uuid;
use bulla_plane::scheduler::{DUE, due_key};
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::events::{
    Connection, CreateConnectionAuthRequestParameters, CreateConnectionRequest,
    CreateConnectionResponse, DeauthorizeConnectionRequest, DeauthorizeConnectionResponse,
    DeleteConnectionRequest, DeleteConnectionResponse, DescribeConnectionRequest,
    DescribeConnectionResponse, ListConnectionsRequest, ListConnectionsResponse,
    UpdateConnectionRequest, UpdateConnectionResponse,
};
use bulla_store::{Expected, Range, SealedBatch, Space};

use super::{Answer, CONNECTION_TYPE};
use crate::connection::{ConnectionRecord, State, row};
use crate::connection_view::{merged, shown};
use crate::guard::{Plain, permit};
use crate::place::Place;
use crate::records::{CONNECTIONS, Stored, bytes, expected, load, read};
use crate::send::AUTHORIZE;
use crate::{Events, fault, page, quotas};

/// What AWS's texts call one.
const KIND: &str = "Connection";
/// The way of telling who asks that needs a token first.
const OAUTH: &str = "OAUTH_CLIENT_CREDENTIALS";

/// A connection that a request names, whether or not it is there.
type At = Plain<Option<Stored<ConnectionRecord>>>;

impl Events {
    async fn connection(&self, call: &Call, name: &str) -> Result<Guarded<At>, Stop> {
        let view = self.barrier.view().await?;
        let row = row(call.account(), &call.region, name);
        let content = load::<ConnectionRecord>(&view, CONNECTIONS, &row).await?;
        let here = Place::of(call, None)?;
        Ok(Guarded::new(Plain {
            // Permission is asked on the name, without what tells namesakes apart (Service
            // Authorization Reference).
            arn: here.arn_of(&format!("connection/{name}")),
            account: call.account().to_owned(),
            content,
            tags: Vec::new(),
        }))
    }

    /// Writes a connection; one with client credentials is authorized by a job of its own.
    async fn save_connection(
        &self,
        call: &Call,
        at: &At,
        record: &ConnectionRecord,
    ) -> Result<(), Stop> {
        let row = row(call.account(), &call.region, &record.name);
        let expected = expected(at.content.as_ref());
        let mut batch = SealedBatch::new().put(CONNECTIONS, row.as_str(), expected, bytes(record)?);
        if record.state == State::Authorizing {
            let key = due_key(call.now_ms, LISTENER, AUTHORIZE, &row);
            let known = self.barrier.get(DUE, key.as_bytes()).await?;
            let known = Expected::from(known.map(|opened| opened.version));
            batch = batch.put(DUE, key, known, b"{}".to_vec());
        }
        self.barrier.commit(batch).await?;
        Ok(())
    }

    /// Refuses one more where an account has as many as it may in a region.
    pub(crate) async fn must_have_room(
        &self,
        call: &Call,
        space: Space,
        most: usize,
    ) -> Result<(), Stop> {
        let view = self.barrier.view().await?;
        let mut range = Range::prefix(row(call.account(), &call.region, "").as_str());
        let mut count = 0;
        loop {
            let page = view.range(space, &range, most.saturating_add(1)).await?;
            count += page.rows.len();
            if count >= most {
                return Err(fault::too_many().into());
            }
            let Some(next) = page.next else { return Ok(()) };
            range = range.resume(next);
        }
    }
}

/// Refuses parameters that are not those of the kind. Texts are ours.
fn check(kind: &str, auth: &CreateConnectionAuthRequestParameters<'_>) -> Result<(), Stop> {
    let given = [
        ("BASIC", auth.basic_auth_parameters().is_some()),
        ("API_KEY", auth.api_key_auth_parameters().is_some()),
        (OAUTH, auth.o_auth_parameters().is_some()),
    ];
    if given.iter().any(|(of, is_given)| *is_given != (*of == kind)) {
        let text = format!(
            "Parameter AuthParameters is not valid. Reason: it must have the \
                            parameters of {kind}, and no others."
        );
        return Err(fault::validation(text).into());
    }
    let private = auth.connectivity_parameters().is_some();
    if private { Err(no_private_network().into()) } else { Ok(()) }
}

/// VPC Lattice is no part of this server.
fn no_private_network() -> bulla_shapes::Fault {
    fault::validation("Connectivity to private networks is not supported.")
}

/// The state that a connection begins in.
fn first_state(kind: &str) -> State {
    if kind == OAUTH { State::Authorizing } else { State::Authorized }
}

pub(crate) async fn create_connection(
    events: &Events,
    call: &mut Call,
    input: &CreateConnectionRequest<'_>,
) -> Answer {
    let name = input.name();
    let found = events.connection(call, name).await?;
    let at = permit(found, call, "events:CreateConnection", &())?;
    if at.content.is_some() {
        return Err(fault::exists(KIND, name).into());
    }
    let kind = input.authorization_type();
    let auth = input.auth_parameters();
    let auth = auth.ok_or_else(|| fault::validation("Parameter AuthParameters is required."))?;
    check(kind, &auth)?;
    if input.invocation_connectivity_parameters().is_some() {
        return Err(no_private_network().into());
    }
    let most = quotas::CONNECTIONS.limit(call);
    events.must_have_room(call, CONNECTIONS, most).await?;
    let here = Place::of(call, None)?;
    let arn = here.arn_of(&format!("connection/{name}/{}", new_uuid(&events.crypto)?));
    let state = first_state(kind);
    let mut record = ConnectionRecord::new(name, arn, kind, call.now_ms);
    record.state = state;
    record.description = input.description().map(str::to_owned);
    let key = input.kms_key_identifier().unwrap_or_default();
    record.kms_key = events.keys.of_connection(call, key).await?;
    record.authorized_ms = (state == State::Authorized).then_some(call.now_ms);
    record.set_auth(Some(&auth))?;
    let account = call.account().to_owned();
    call.touched(&record.arn, &account, CONNECTION_TYPE);
    events.save_connection(call, &at, &record).await?;
    let answer = CreateConnectionResponse::new()
        .with_connection_arn(record.arn)
        .with_connection_state(record.state.name())
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms);
    Ok(Some(answer.into_record()))
}

fn there<'s>(at: &'s At, name: &str) -> Result<&'s Stored<ConnectionRecord>, Stop> {
    Ok(at.content.as_ref().ok_or_else(|| fault::not_found(KIND, name))?)
}

pub(crate) async fn update_connection(
    events: &Events,
    call: &mut Call,
    input: &UpdateConnectionRequest<'_>,
) -> Answer {
    let name = input.name();
    let found = events.connection(call, name).await?;
    let at = permit(found, call, "events:UpdateConnection", &())?;
    let mut record = there(&at, name)?.record.clone();
    let account = call.account().to_owned();
    call.touched(&record.arn, &account, CONNECTION_TYPE);
    if input.invocation_connectivity_parameters().is_some() {
        return Err(no_private_network().into());
    }
    let kind = input.authorization_type().unwrap_or(&record.kind).to_owned();
    let known = record.auth()?;
    let auth = match input.auth_parameters() {
        Some(given) => Some(merged(&given, known.as_ref())),
        None => known,
    };
    let auth = auth.ok_or_else(|| fault::validation("Parameter AuthParameters is required."))?;
    check(&kind, &auth)?;
    record.state = first_state(&kind);
    record.reason = None;
    record.kind = kind;
    record.description = input.description().map(str::to_owned).or(record.description);
    if let Some(key) = input.kms_key_identifier() {
        record.kms_key = events.keys.of_connection(call, key).await?;
    }
    // Always another edition, also within one millisecond: tokens are kept by it.
    record.modified_ms = call.now_ms.max(record.modified_ms.saturating_add(1));
    if record.state == State::Authorized {
        record.authorized_ms = Some(call.now_ms);
    }
    record.set_auth(Some(&auth))?;
    events.save_connection(call, &at, &record).await?;
    let answer = UpdateConnectionResponse::new()
        .with_connection_arn(record.arn)
        .with_connection_state(record.state.name())
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms)
        .with_some(record.authorized_ms, UpdateConnectionResponse::with_last_authorized_time);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn describe_connection(
    events: &Events,
    call: &mut Call,
    input: &DescribeConnectionRequest<'_>,
) -> Answer {
    let found = events.connection(call, input.name()).await?;
    let at = permit(found, call, "events:DescribeConnection", &())?;
    let record = &there(&at, input.name())?.record;
    let auth = record.auth()?;
    let answer = DescribeConnectionResponse::new()
        .with_connection_arn(record.arn.clone())
        .with_name(record.name.clone())
        .with_connection_state(record.state.name())
        .with_authorization_type(record.kind.clone())
        .with_secret_arn(secret_arn(record))
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms)
        .with_some(auth.as_ref().map(shown), DescribeConnectionResponse::with_auth_parameters)
        .with_some(record.reason.clone(), DescribeConnectionResponse::with_state_reason)
        .with_some(record.description.clone(), DescribeConnectionResponse::with_description)
        .with_some(record.kms_key.clone(), DescribeConnectionResponse::with_kms_key_identifier)
        .with_some(record.authorized_ms, DescribeConnectionResponse::with_last_authorized_time);
    Ok(Some(answer.into_record()))
}

/// The ARN of the secret that AWS would keep the parameters in. Here they lie in the connection's
/// own row, and no secret of this name can be read.
fn secret_arn(record: &ConnectionRecord) -> String {
    let rest = record.arn.split_once(":connection/").map_or("", |(_, rest)| rest);
    let place = record.arn.split_once(":connection/").map_or("", |(place, _)| place);
    let place = place.replacen(":events:", ":secretsmanager:", 1);
    format!("{place}:secret:events!connection/{rest}")
}

pub(crate) async fn list_connections(
    events: &Events,
    call: &mut Call,
    input: &ListConnectionsRequest<'_>,
) -> Answer {
    permit_account(call, "events:ListConnections", "*", &Context::new())?;
    let prefix = row(call.account(), &call.region, input.name_prefix().unwrap_or_default());
    let view = events.barrier.view().await?;
    let size = page::size(input.limit());
    let rows = page::rows(&view, (CONNECTIONS, &prefix), input.next_token(), size, |_, opened| {
        let record = read::<ConnectionRecord>(opened)?.record;
        let wanted = input.connection_state().is_none_or(|state| state == record.state.name());
        Ok(wanted.then(|| summary(record)))
    });
    let (connections, next) = rows.await?;
    let answer = ListConnectionsResponse::new()
        .with_connections(connections)
        .with_some(next, ListConnectionsResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

fn summary(record: ConnectionRecord) -> Connection<'static> {
    Connection::new()
        .with_connection_arn(record.arn)
        .with_name(record.name)
        .with_connection_state(record.state.name())
        .with_authorization_type(record.kind)
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms)
        .with_some(record.reason, Connection::with_state_reason)
        .with_some(record.authorized_ms, Connection::with_last_authorized_time)
}

pub(crate) async fn deauthorize_connection(
    events: &Events,
    call: &mut Call,
    input: &DeauthorizeConnectionRequest<'_>,
) -> Answer {
    let name = input.name();
    let found = events.connection(call, name).await?;
    let at = permit(found, call, "events:DeauthorizeConnection", &())?;
    let mut record = there(&at, name)?.record.clone();
    let account = call.account().to_owned();
    call.touched(&record.arn, &account, CONNECTION_TYPE);
    record.state = State::Deauthorized;
    record.modified_ms = call.now_ms.max(record.modified_ms.saturating_add(1));
    record.set_auth(None)?;
    events.save_connection(call, &at, &record).await?;
    let answer = DeauthorizeConnectionResponse::new()
        .with_connection_arn(record.arn)
        .with_connection_state(record.state.name())
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms)
        .with_some(record.authorized_ms, DeauthorizeConnectionResponse::with_last_authorized_time);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete_connection(
    events: &Events,
    call: &mut Call,
    input: &DeleteConnectionRequest<'_>,
) -> Answer {
    let name = input.name();
    let found = events.connection(call, name).await?;
    let at = permit(found, call, "events:DeleteConnection", &())?;
    let stored = there(&at, name)?;
    let account = call.account().to_owned();
    call.touched(&stored.record.arn, &account, CONNECTION_TYPE);
    let expected = Expected::At(stored.version);
    let row = row(&account, &call.region, name);
    events.barrier.commit(SealedBatch::new().delete(CONNECTIONS, row, expected)).await?;
    let record = &stored.record;
    let answer = DeleteConnectionResponse::new()
        .with_connection_arn(record.arn.clone())
        .with_connection_state("DELETING")
        .with_creation_time(record.created_ms)
        .with_last_modified_time(record.modified_ms)
        .with_some(record.authorized_ms, DeleteConnectionResponse::with_last_authorized_time);
    Ok(Some(answer.into_record()))
}
