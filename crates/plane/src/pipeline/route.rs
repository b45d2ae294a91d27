//! Which service and operation a request is for.

use std::sync::Arc;

use bulla_shapes::protocol::Incoming;
use bulla_shapes::query::Params;
use bulla_shapes::{Fault, Operation, Protocol, rest};
use bulla_sigv4::{RequestParts, scope_hint};

use crate::{Facts, Service};

/// What every JSON service calls an `X-Amz-Target` it does not know.
const UNKNOWN_OPERATION: &str = "UnknownOperationException";

/// An operation that is served, and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Served {
    pub(super) model: &'static bulla_shapes::Service,
    pub(super) operation: &'static Operation,
    pub(super) facts: &'static Facts,
}

impl Served {
    /// What serves an operation of a service, and the number of its row.
    pub(super) fn find(service: &dyn Service, name: &str) -> Option<(usize, Self)> {
        let model = service.model();
        let operation = model.operation(name)?;
        let (row, facts) = service.find(operation.name)?;
        Some((row, Self { model, operation, facts }))
    }
}

/// Where a request goes.
pub(super) struct Route<'r> {
    pub(super) service: &'r Arc<dyn Service>,
    /// The number of the service's row that serves it.
    pub(super) row: usize,
    pub(super) served: Served,
    /// What the operation's input is read from. For a form request that came as a query, that
    /// stands for the body.
    pub(super) input: Incoming<'r>,
}

/// Why a request goes nowhere, and in which protocol its sender is told so.
pub(super) struct Lost {
    pub(super) protocol: Protocol,
    pub(super) fault: Fault,
}

/// Finds the operation: by `X-Amz-Target`, else by method and path, else by `Action` and `Version`.
pub(super) fn route<'r>(
    services: &'r [Arc<dyn Service>],
    parts: &RequestParts<'r>,
) -> Result<Route<'r>, Lost> {
    let header = |wanted: &str| {
        let mut lines = parts.headers.iter();
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
    };
    if let Some(target) = header("x-amz-target") {
        return by_target(services, target, parts.body);
    }
    if let Some(route) = by_path(services, parts) {
        return route;
    }
    let json = |value: &[u8]| value.starts_with(b"application/x-amz-json");
    if header("content-type").is_some_and(json) {
        return Err(unknown_operation(parts.body));
    }
    by_action(services, parts)
}

fn by_target<'r>(
    services: &'r [Arc<dyn Service>],
    target: &[u8],
    body: &'r [u8],
) -> Result<Route<'r>, Lost> {
    let found = std::str::from_utf8(target).ok().and_then(|target| {
        let (prefix, name) = target.trim().rsplit_once('.')?;
        // Newer clients leave out the namespace that CloudTrail's name has (recorded).
        let named = |service: &&Arc<dyn Service>| {
            let whole = service.model().target_prefix;
            whole == prefix || whole.rsplit_once('.').is_some_and(|(_, last)| last == prefix)
        };
        let service = services.iter().filter(|_| !prefix.is_empty()).find(named)?;
        serve(service, name, body)
    });
    found.ok_or_else(|| unknown_operation(body))
}

fn serve<'r>(service: &'r Arc<dyn Service>, name: &str, input: &'r [u8]) -> Option<Route<'r>> {
    let (row, served) = Served::find(&**service, name)?;
    Some(Route { service, row, served, input: Incoming::body(input) })
}

/// The service and operation of a REST protocol that a method and a path are for.
pub(super) fn find_path<'s>(
    services: &'s [Arc<dyn Service>],
    method: &str,
    path: &str,
) -> Option<(&'s Arc<dyn Service>, &'static Operation)> {
    // What most requests are for, and no operation of a REST protocol here.
    if path == "/" {
        return None;
    }
    let mut rest = services.iter().filter(|row| row.model().protocol == Protocol::RestJson);
    rest.find_map(|service| Some((service, rest::operation(service.model(), method, path)?)))
}

/// Where a request of a REST protocol goes; nothing when it is none. One that was signed for such
/// a service and has a path that the service does not know is told so in its protocol; the code is
/// that of AWS's front end, which sends no text.
fn by_path<'r>(
    services: &'r [Arc<dyn Service>],
    parts: &RequestParts<'r>,
) -> Option<Result<Route<'r>, Lost>> {
    let unknown =
        || Lost { protocol: Protocol::RestJson, fault: Fault::new(UNKNOWN_OPERATION, 404) };
    let Some((service, operation)) = find_path(services, parts.method, parts.path) else {
        let hint = scope_hint(parts)?;
        let signed_for = |service: &&Arc<dyn Service>| {
            let model = service.model();
            model.protocol == Protocol::RestJson && hint.service == model.signing_name
        };
        return services.iter().any(|service| signed_for(&service)).then(|| Err(unknown()));
    };
    let RequestParts { path, query, headers, body, .. } = *parts;
    let found = Served::find(&**service, operation.name).map(|(row, served)| Route {
        service,
        row,
        served,
        input: Incoming { path, query, headers, body },
    });
    Some(found.ok_or_else(unknown))
}

/// A body that is not JSON is told first, even where there is no operation to read it for.
fn unknown_operation(body: &[u8]) -> Lost {
    let json = body.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    let code = if json { UNKNOWN_OPERATION } else { "SerializationException" };
    Lost { protocol: Protocol::Json11, fault: Fault::new(code, 400) }
}

fn by_action<'r>(
    services: &'r [Arc<dyn Service>],
    parts: &RequestParts<'r>,
) -> Result<Route<'r>, Lost> {
    let lost = |fault: Fault| Lost { protocol: Protocol::Query, fault: fault.from_front() };
    let hint = scope_hint(parts);
    for input in [parts.body, parts.query.as_bytes()] {
        let params = Params::parse(input).map_err(|error| lost(error.fault(Protocol::Query)))?;
        let Some(action) = params.get("Action") else { continue };
        let version = params.get("Version");
        let speaks = |service: &&Arc<dyn Service>| {
            let model = service.model();
            model.protocol == Protocol::Query && version == Some(model.api_version)
        };
        let signed_for = |service: &&Arc<dyn Service>| {
            hint.as_ref().is_some_and(|hint| hint.service == service.model().signing_name)
        };
        // The service that was signed for, else any that has it: the signature then fails.
        let mut candidates = services.iter().filter(speaks);
        let found = services.iter().filter(speaks).find(signed_for);
        let found = found.and_then(|service| serve(service, action, input));
        let found = found.or_else(|| candidates.find_map(|row| serve(row, action, input)));
        return found.ok_or_else(|| {
            let version = version.unwrap_or("NO_VERSION_SPECIFIED");
            let text = format!("Could not find operation {action} for version {version}");
            lost(Fault::new("InvalidAction", 400).with_message(text))
        });
    }
    Err(lost(match hint {
        Some(_) => Fault::new("MissingAction", 400)
            .with_message("The request is missing an action or a required parameter."),
        None => Fault::new("MissingAuthenticationToken", 403)
            .with_message("Request is missing Authentication Token"),
    }))
}
