//! A call as the journal records it.

use bulla_policy::{Principal, PrincipalKind};
use bulla_shapes::Fault;

use super::route::Served;
use std::sync::Arc;

use crate::Call;
use crate::identity::SessionContext;
use crate::journal::{
    Identity, Journal, JournalError, MAX_TOGETHER, RecordRef, Resource, Session, SessionIssuer,
};
use crate::outbox::Intent;

/// A call, and what of it the record needs that is not in it.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) served: Served,
    pub(super) call: &'a Call,
    /// `requestParameters`, as JSON.
    pub(super) parameters: Option<&'a str>,
    pub(super) time_ms: i64,
}

/// Writes a call down, in as many records as it asked for, those of inner calls first, and waits
/// until all are durable.
pub(super) async fn record(
    journal: &Journal,
    told: Told<'_>,
    fault: Option<&Fault>,
) -> Result<(), JournalError> {
    let trail = &told.call.trail;
    if trail.inner.is_empty() && trail.more_events.is_empty() {
        let (source, address) = texts(&told);
        journal.append(&entry(&told, (&source, &address), fault)).await?;
        return Ok(());
    }
    let mut all = Vec::new();
    gather(told, fault, &mut all);
    let texts: Vec<_> = all.iter().map(|(told, _)| texts(told)).collect();
    let mut records = Vec::new();
    for ((told, fault), (source, address)) in all.iter().zip(&texts) {
        let entry = entry(told, (source, address), *fault);
        let more = if fault.is_none() { told.call.trail.more_events.as_slice() } else { &[] };
        let more: Vec<_> =
            more.iter().map(|id| RecordRef { event_id: *id, ..entry.clone() }).collect();
        records.push(entry);
        records.extend(more);
    }
    for together in records.chunks(MAX_TOGETHER) {
        journal.append_all(together).await?;
    }
    Ok(())
}

/// A call after all calls within it, in the order in which they ended.
fn gather<'t>(
    told: Told<'t>,
    fault: Option<&'t Fault>,
    all: &mut Vec<(Told<'t>, Option<&'t Fault>)>,
) {
    for inner in &told.call.trail.inner {
        let (told, fault) = inner.told();
        gather(told, fault, all);
    }
    all.push((told, fault));
}

/// The intents of a call and of all calls within it.
pub(super) fn for_each_intent(call: &Call, act: &mut dyn FnMut(&Intent)) {
    for inner in &call.trail.inner {
        for_each_intent(inner.told().0.call, act);
    }
    if let Some(intent) = &call.trail.intent {
        act(intent);
    }
}

/// What the changes of a call that is about to begin carry along: its record as if it were to
/// succeed. Nothing if it is one that only reads.
pub(super) fn intent(journal: &Journal, told: Told<'_>) -> Option<Arc<Intent>> {
    if told.served.facts.read_only {
        return None;
    }
    let (source, address) = texts(&told);
    let record = entry(&told, (&source, &address), None).to_bytes();
    Some(Arc::new(Intent::new(told.call.event_id, journal.anchor().sequence, record)))
}

/// `eventSource` and `sourceIPAddress`.
fn texts(told: &Told<'_>) -> (String, String) {
    let source = format!("{}.amazonaws.com", told.served.model.signing_name);
    let address = match told.call.via {
        Some(via) => via.recorded.to_owned(),
        None => told.call.source_ip.to_string(),
    };
    (source, address)
}

fn entry<'a>(
    told: &Told<'a>,
    (source, address): (&'a str, &'a str),
    fault: Option<&'a Fault>,
) -> RecordRef<'a> {
    let Told { served, call, parameters, time_ms } = *told;
    let resources = call.trail.resources.iter().map(|(arn, account, kind)| Resource {
        account_id: account,
        kind: (!kind.is_empty()).then_some(*kind),
        arn,
    });
    RecordRef {
        time_ms,
        event_id: call.event_id,
        request_id: Some(call.request_id),
        event_source: source,
        event_name: served.operation.name,
        region: &call.region,
        recipient_account_id: call.account(),
        identity: identity(call),
        source_ip: address,
        user_agent: match call.via {
            Some(via) => Some(via.recorded),
            None => Some(call.user_agent.as_str()).filter(|agent| !agent.is_empty()),
        },
        read_only: served.facts.read_only,
        error_code: fault.map(|fault| error_code(served, fault)),
        error_message: fault.and_then(Fault::told),
        request_parameters: parameters,
        // A call that failed answered nothing.
        response_elements: call.trail.response.as_deref().filter(|_| fault.is_none()),
        additional_event_data: call.trail.additional.as_deref(),
        resources: resources.collect(),
        ..RecordRef::default()
    }
}

/// CloudTrail calls an error by the model's name of its shape (`NoSuchEntityException`), not by its
/// code on the wire (`NoSuchEntity`).
fn error_code(served: Served, fault: &Fault) -> &str {
    let modelled = served.model.error(&fault.code);
    modelled.map_or(&fault.code, |error| error.structure.name)
}

/// The caller, as the page "CloudTrail userIdentity element" has it.
fn identity(call: &Call) -> Identity<'_> {
    let principal: &Principal = call.principal();
    let kind = match &principal.kind {
        PrincipalKind::Root => "Root",
        PrincipalKind::User => "IAMUser",
        PrincipalKind::AssumedRole { .. } => "AssumedRole",
        PrincipalKind::FederatedUser { .. } => "FederatedUser",
        PrincipalKind::Service { .. } => "AWSService",
        PrincipalKind::WebIdentity { .. } => "WebIdentityUser",
        PrincipalKind::Anonymous => {
            return Identity {
                kind: Some("AWSAccount"),
                principal_id: Some(""),
                account_id: Some("ANONYMOUS_PRINCIPAL"),
                invoked_by: call.via.map(|via| via.recorded),
                ..Identity::default()
            };
        }
    };
    let some = |text: &'_ str| !text.is_empty();
    let user = matches!(principal.kind, PrincipalKind::User);
    let service = match &principal.kind {
        PrincipalKind::Service { name } => Some(name.as_str()),
        _ => None,
    };
    let context = call.authority.session.as_deref();
    let web = matches!(principal.kind, PrincipalKind::WebIdentity { .. });
    let bearer = context.and_then(|session| session.web_identity.as_ref()).filter(|_| web);
    let name = principal.arn.rsplit('/').next().filter(|_| user);
    Identity {
        kind: Some(kind),
        principal_id: Some(principal.unique_id.as_str()).filter(|id| some(id)),
        arn: Some(principal.arn.as_str()).filter(|_| service.is_none() && !web),
        account_id: Some(principal.account.as_str()).filter(|account| some(account) && !web),
        access_key_id: Some(call.access_key_id.as_str()).filter(|id| some(id)),
        user_name: name.or(bearer.map(|bearer| bearer.subject.as_str())),
        identity_provider: bearer.map(|bearer| bearer.provider.as_str()),
        session: context.filter(|_| !web).map(session),
        invoked_by: service.or(call.via.map(|via| via.recorded)),
    }
}

fn session(context: &SessionContext) -> Session<'_> {
    Session {
        issuer: context.issuer.as_ref().map(|issuer| SessionIssuer {
            kind: issuer.kind,
            principal_id: &issuer.unique_id,
            arn: &issuer.arn,
            account_id: &issuer.account,
            user_name: &issuer.name,
        }),
        created_ms: context.created_ms,
        mfa_authenticated: context.mfa,
        source_identity: context.source_identity.as_deref(),
        federated_provider: context.web_identity.as_ref().map(|web| web.provider.as_str()),
    }
}
