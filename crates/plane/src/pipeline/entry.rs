//! A call as the journal records it.

use std::fmt::Write as _;
use std::sync::Arc;

use bulla_policy::{Principal, PrincipalKind};
use bulla_shapes::Fault;

use super::route::Served;
use crate::Call;
use crate::call::MoreEvent;
use crate::identity::SessionContext;
use crate::journal::{
    Identity, Journal, JournalError, RecordRef, Resource, Session, SessionIssuer, Tls, Together,
    session_key_text,
};
use crate::outbox::Intent;
use crate::trail::with_copies;

/// A call, and what of it the record needs that is not in it.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) served: Served,
    pub(super) call: &'a Call,
    /// `requestParameters`, as JSON.
    pub(super) parameters: Option<&'a str>,
    pub(super) time_ms: i64,
}

/// Writes a call down, in as many records as it asked for and for all whose trails it stands in,
/// those of inner calls first, and waits until all are durable.
pub(super) async fn record(
    journal: &Journal,
    told: Told<'_>,
    fault: Option<&Fault>,
) -> Result<(), JournalError> {
    let trail = &told.call.trail;
    if trail.inner.is_empty() && trail.more_events.is_empty() && is_at_home(told.call) {
        // Encoded at once, so that nothing of it is kept while it is waited for.
        let appended = journal.append(&entry(&told, &Texts::of(&told), fault));
        return appended.await.map(drop);
    }
    for appended in several(journal, told, fault) {
        appended.await?;
    }
    Ok(())
}

/// The appends of a call that has several records, to be waited for one after the other.
fn several<'j>(
    journal: &'j Journal,
    told: Told<'_>,
    fault: Option<&Fault>,
) -> Vec<impl Future<Output = Result<u64, JournalError>> + use<'j>> {
    let mut all = Vec::new();
    gather(told, fault, &mut all);
    let (mut together, mut appended) = (Together::default(), Vec::new());
    let mut add = |record: &RecordRef<'_>| {
        if together.is_full() {
            appended.push(journal.append_together(std::mem::take(&mut together)));
        }
        together.add(record);
    };
    for (told, fault) in all {
        let texts = Texts::of(&told);
        let entry = entry(&told, &texts, fault);
        if told.call.trail.more_events.is_empty() && is_at_home(told.call) {
            add(&entry);
            continue;
        }
        let more = if fault.is_none() { told.call.trail.more_events.as_slice() } else { &[] };
        let more: Vec<_> = more.iter().map(|more| further(&entry, more)).collect();
        for record in std::iter::once(entry).chain(more) {
            with_copies(record).iter().for_each(&mut add);
        }
    }
    appended.push(journal.append_together(together));
    appended
}

/// A further record of a call.
fn further<'a>(entry: &RecordRef<'a>, more: &'a MoreEvent) -> RecordRef<'a> {
    let record = RecordRef { event_id: more.id, ..entry.clone() };
    let Some((region, by)) = &more.elsewhere else { return record };
    RecordRef {
        region,
        identity: Identity { invoked_by: Some(by), ..record.identity },
        source_ip: by,
        user_agent: Some(by),
        resources: std::borrow::Cow::Borrowed(&[]),
        tls: None,
        ..record
    }
}

/// Whether all that a call touched is the caller's own.
fn is_at_home(call: &Call) -> bool {
    call.trail.resources.iter().all(|(_, account, _)| account == call.account())
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
    let record = entry(&told, &Texts::of(&told), None).to_bytes();
    Some(Arc::new(Intent::new(journal.anchor().sequence, record)))
}

/// The longest text of an address of a peer (IPv6, with an IPv4 address in it).
const ADDRESS_BYTES: usize = 45;

/// What a record says that stands nowhere else.
struct Texts {
    /// `eventSource`
    source: String,
    /// `sourceIPAddress`
    address: String,
    /// The access key of a session that was forwarded.
    forwarded: Option<String>,
}

impl Texts {
    fn of(told: &Told<'_>) -> Self {
        let call = told.call;
        let address = match call.via {
            Some(via) => via.recorded.to_owned(),
            None => {
                let mut text = String::with_capacity(ADDRESS_BYTES);
                // Writing to a string can't fail.
                let _infallible = write!(text, "{}", call.source_ip);
                text
            }
        };
        let source = [told.served.model.signing_name, ".amazonaws.com"].concat();
        Self {
            source,
            address,
            forwarded: is_forwarded(call).then(|| session_key_text(call.event_id)),
        }
    }
}

/// Whether a service calls with a session of its caller's that was made for that call. Those that
/// call themselves internal use the caller's own (recorded of Parameter Store).
fn is_forwarded(call: &Call) -> bool {
    call.via.is_some_and(|via| via.recorded.ends_with(".amazonaws.com"))
}

/// Services whose calls are recorded in one region of the partition, wherever they were made.
const GLOBAL: [&str; 2] = ["iam", "organizations"];
/// Services whose records say nothing of the key exchange (recorded).
const WITHOUT_KEY_EXCHANGE: [&str; 3] = ["iam", "organizations", "events"];

/// `awsRegion`
fn recorded_region(served: Served, call: &Call) -> &str {
    if !GLOBAL.contains(&served.model.id) {
        return &call.region;
    }
    match call.partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// Whether a call was refused before its operation looked at anything. Nothing is then recorded of
/// its parameters and resources (recorded, of refusals and of throttling; of KMS also where a key
/// is not found).
fn is_refused_early(served: Served, fault: &Fault) -> bool {
    let code = fault.code.as_ref();
    DENIALS.contains(&code)
        || matches!(code, "ThrottlingException" | "Throttling")
        || (served.model.id == "kms" && code == "NotFoundException")
}

/// The codes of refusals, which all are recorded as the first.
const DENIALS: [&str; 2] = ["AccessDenied", "AccessDeniedException"];

fn entry<'a>(told: &Told<'a>, texts: &'a Texts, fault: Option<&'a Fault>) -> RecordRef<'a> {
    let Told { served, call, parameters, time_ms } = *told;
    let early = fault.is_some_and(|fault| is_refused_early(served, fault));
    let touched = if early { [].as_slice() } else { call.trail.resources.as_slice() };
    let resources = touched.iter().map(|(arn, account, kind)| Resource {
        account_id: account,
        kind: (!kind.is_empty()).then_some(*kind),
        arn,
    });
    RecordRef {
        time_ms,
        event_id: call.event_id,
        request_id: Some(call.request_id),
        event_source: &texts.source,
        event_name: served.operation.name,
        region: recorded_region(served, call),
        recipient_account_id: call.account(),
        identity: identity(call, texts),
        source_ip: &texts.address,
        user_agent: match call.via {
            Some(via) => Some(via.recorded),
            None => Some(call.user_agent.as_str()).filter(|agent| !agent.is_empty()),
        },
        read_only: served.facts.read_only,
        error_code: fault.map(|fault| error_code(served, fault)),
        error_message: fault.and_then(Fault::told),
        request_parameters: parameters.filter(|_| !early),
        // A call that failed answered nothing.
        response_elements: call.trail.response.as_deref().filter(|_| fault.is_none()),
        additional_event_data: call.trail.additional.as_deref(),
        resources: resources.collect(),
        tls: tls(served, call),
        metered: call.trail.metered,
        ..RecordRef::default()
    }
}

/// `tlsDetails`, of calls that did not come from a service.
fn tls(served: Served, call: &Call) -> Option<Tls<'_>> {
    let (session, host) = call.trail.tls.as_ref().filter(|_| call.via.is_none())?;
    let tells = !WITHOUT_KEY_EXCHANGE.contains(&served.model.id);
    Some(Tls {
        version: session.version,
        cipher_suite: session.cipher_suite,
        host,
        key_exchange: session.key_exchange.filter(|_| tells),
    })
}

/// CloudTrail calls an error by the model's name of its shape (`NoSuchEntityException`), not by its
/// code on the wire (`NoSuchEntity`), but a refusal always by the same name.
fn error_code(served: Served, fault: &Fault) -> &str {
    if let [name, ..] = DENIALS
        && DENIALS.contains(&fault.code.as_ref())
    {
        return name;
    }
    let modelled = served.model.error(&fault.code);
    modelled.map_or(&fault.code, |error| error.structure.name)
}

/// The caller, as the page "CloudTrail userIdentity element" has it.
fn identity<'a>(call: &'a Call, texts: &'a Texts) -> Identity<'a> {
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
    if let PrincipalKind::Service { name } = &principal.kind {
        let (kind, invoked_by) = (Some(kind), Some(name.as_str()));
        return Identity { kind, invoked_by, ..Identity::default() };
    }
    let some = |text: &'_ str| !text.is_empty();
    let user = matches!(principal.kind, PrincipalKind::User);
    let context = call.authority.session.as_deref();
    let web = matches!(principal.kind, PrincipalKind::WebIdentity { .. });
    let bearer = context.and_then(|session| session.web_identity.as_ref()).filter(|_| web);
    let name = principal.arn.rsplit('/').next().filter(|_| user);
    Identity {
        kind: Some(kind),
        principal_id: Some(principal.unique_id.as_str()).filter(|id| some(id)),
        arn: Some(principal.arn.as_str()).filter(|_| !web),
        account_id: Some(principal.account.as_str()).filter(|account| some(account) && !web),
        access_key_id: texts
            .forwarded
            .as_deref()
            .or(Some(call.access_key_id.as_str()))
            .filter(|id| some(id)),
        user_name: name.or(bearer.map(|bearer| bearer.subject.as_str())),
        identity_provider: bearer.map(|bearer| bearer.provider.as_str()),
        session: told_session(call, context.filter(|_| !web)),
        invoked_by: call.via.map(|via| via.recorded),
    }
}

/// The session of a call. One that was forwarded is as old as the call.
fn told_session<'a>(call: &Call, context: Option<&'a SessionContext>) -> Option<Session<'a>> {
    let session = context.map(session);
    if !is_forwarded(call) {
        return session;
    }
    let session = session.unwrap_or_default();
    Some(Session { created_ms: call.now_ms, mfa_authenticated: false, ..session })
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
