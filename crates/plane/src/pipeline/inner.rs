//! Calls from one service to another, on behalf of the caller.
//!
//! They take the same way as all calls, from the check of the input on: the service that is called
//! asks the Gate about the one who called from outside, knows by which service it came, and the
//! call has a record of its own. That record becomes durable together with the record of the call
//! around it, before that one is answered, so that a call within a call costs no sync.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_shapes::{Fault, Record, Service as Model};

use super::entry::{self, Told};
use super::ids::IdStock;
use super::route::Served;
use super::{admit, invoke};
use crate::call::{Trail, Via};
use crate::journal::{Journal, JournalError, RecordRef};
use crate::outbox::Intent;
use crate::stop::internal;
use crate::{Authority, Call, Outcome, Quotas, Service, region, traces, trail};

/// The services that a service may call. One is given those that were made before it, so that no
/// circle can come about.
pub struct Neighbours {
    crypto: Crypto,
    journal: Arc<Journal>,
    ids: IdStock,
    services: Vec<Arc<dyn Service>>,
}

/// A call that a service made, for the record of the call around it to take along.
pub(crate) struct Inner {
    served: Served,
    call: Call,
    parameters: Option<String>,
    fault: Option<Fault>,
}

impl Inner {
    /// The call, and what it failed with.
    pub(super) fn told(&self) -> (Told<'_>, Option<&Fault>) {
        let (served, call) = (self.served, &self.call);
        let parameters = self.parameters.as_deref();
        (Told { served, call, parameters, time_ms: call.now_ms }, self.fault.as_ref())
    }
}

impl Neighbours {
    /// A house with these services.
    #[must_use]
    pub fn new(crypto: Crypto, journal: Arc<Journal>, services: Vec<Arc<dyn Service>>) -> Self {
        Self { crypto, journal, ids: IdStock::default(), services }
    }

    /// Calls an operation of a service as `via`, for whoever made the call `outer`, in its region.
    ///
    /// # Errors
    /// What the service answers, in its own words: the caller of this knows how to tell it.
    pub async fn call(
        &self,
        outer: &mut Call,
        via: Via,
        model: &'static Model,
        operation: &str,
        input: Record<'_>,
    ) -> Outcome {
        let is_it = |service: &&Arc<dyn Service>| service.model().id == model.id;
        let service = self.services.iter().find(is_it);
        let found = service.and_then(|service| {
            let (row, served) = Served::find(&**service, operation)?;
            Some((service, row, served))
        });
        let Some((service, row, served)) = found else {
            tracing::error!(service = model.id, operation, "a service calls what is not here");
            return Err(internal(model));
        };
        let passing = traces::inner();
        let ids = self.ids.draw(&self.crypto).map_err(|error| {
            tracing::error!(%error, "no random bytes for the ids of an inner call");
            internal(model)
        })?;
        let mut call = Call {
            service: model,
            authority: Arc::clone(&outer.authority),
            access_key_id: outer.access_key_id.clone(),
            region: outer.region.clone(),
            partition: outer.partition,
            now_ms: outer.now_ms,
            request_id: ids.request,
            event_id: ids.event,
            source_ip: outer.source_ip,
            user_agent: String::new(),
            secure: outer.secure,
            via: Some(via),
            quotas: Arc::clone(&outer.quotas),
            trail: Trail::default(),
        };
        let parameters = trail::parameters(model, served.operation.name, &input);
        call.trail.intent = self.intend(served, &call, parameters.as_deref());
        let outcome = match admit(&**service, &call, served, &input).await {
            Ok(()) => invoke(&**service, row, served, &mut call, input).await,
            Err(fault) => Err(fault),
        };
        let fault = outcome.as_ref().err().map(summary);
        passing.told(&call, served.operation.name, fault.as_ref());
        if outer.trail.inner.is_empty() {
            // Most calls have one within them, and room for more would be a large block.
            outer.trail.inner.reserve_exact(1);
        }
        outer.trail.inner.push(Inner { served, call, parameters, fault });
        outcome
    }

    /// Records what a service did by itself, which is CloudTrail's service event, and waits until
    /// the record is durable.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub async fn happened(&self, record: &RecordRef<'_>) -> Result<(), JournalError> {
        self.journal.append(record).await?;
        self.journal.flush().await
    }

    /// A call that nobody made from outside: a service acts for `authority` by itself. It is no
    /// record; what is called within it is, once the call is [settled](Self::settle).
    ///
    /// # Errors
    /// Our own, when there are no random bytes.
    pub fn house_call(
        &self,
        model: &'static Model,
        authority: Arc<Authority>,
        region: &str,
        now_ms: i64,
    ) -> Result<Call, Fault> {
        let ids = self.ids.draw(&self.crypto).map_err(|error| {
            tracing::error!(%error, "no random bytes for the ids of a call");
            internal(model)
        })?;
        Ok(Call {
            service: model,
            authority,
            access_key_id: String::new(),
            region: region.to_owned(),
            partition: region::partition(region),
            now_ms,
            request_id: ids.request,
            event_id: ids.event,
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: String::new(),
            secure: true,
            via: None,
            quotas: Quotas::none(),
            trail: Trail::default(),
        })
    }

    /// Writes down what was called within a call of the house, and waits until that is durable.
    ///
    /// # Errors
    /// Our own, when the journal can't be written.
    pub async fn settle(&self, call: Call) -> Result<(), Fault> {
        for inner in &call.trail.inner {
            let (told, fault) = inner.told();
            let written = entry::record(&self.journal, told, fault).await;
            written.map_err(|error| {
                tracing::error!(%error, "a call within the house is unrecorded");
                internal(call.service)
            })?;
        }
        Ok(())
    }

    /// What the changes of an inner call carry along; nothing if it is one that only reads.
    fn intend(&self, served: Served, call: &Call, parameters: Option<&str>) -> Option<Arc<Intent>> {
        entry::intent(&self.journal, Told { served, call, parameters, time_ms: call.now_ms })
    }
}

/// What a record tells of a fault.
fn summary(fault: &Fault) -> Fault {
    Fault {
        message: fault.told().map(|text| text.to_owned().into()),
        ..Fault::new(fault.code.clone(), fault.status)
    }
}
