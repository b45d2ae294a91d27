//! Calls that nobody made: a service acts by itself, as a role that it has for that.
//!
//! They take the same way as all calls, from the check of the input on. The Gate asks about the
//! role, policies see which service acts, and the call's record is durable before it is answered.
//! Such calls are not charged to the account's request quotas (our choice): what is due happens,
//! and how much is due at once is limited where it is begun.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bulla_shapes::{Record, Service as Model, validate};

use super::entry::{self, Told};
use super::route::Served;
use super::{Outcome, Plane, invalid, invoke};
use crate::call::{Trail, Via};
use crate::identity::Authority;
use crate::stop::internal;
use crate::{Call, region, trail};

/// Who acts, and where.
pub struct Acting {
    /// The role.
    pub authority: Arc<Authority>,
    /// The service whose role it is.
    pub via: Via,
    /// The region.
    pub region: String,
}

impl Plane {
    /// Calls an operation of a service as a role that a service has.
    ///
    /// # Errors
    /// What the operation answers, in its own words.
    pub async fn act(
        &self,
        acting: Acting,
        model: &'static Model,
        operation: &str,
        input: Record<'_>,
    ) -> Outcome {
        let service = self.services.iter().find(|service| service.model().id == model.id);
        let found = service.and_then(|service| {
            let (row, served) = Served::find(&**service, operation)?;
            Some((service, row, served))
        });
        let Some((service, row, served)) = found else {
            tracing::error!(service = model.id, operation, "a role does what is not here");
            return Err(internal(model));
        };
        if !self.journal.healthy() {
            return Err(internal(model));
        }
        let ids = self.ids.draw(&self.crypto).map_err(|error| {
            tracing::error!(%error, "no random bytes for the ids of a role's call");
            internal(model)
        })?;
        let mut call = Call {
            service: model,
            authority: acting.authority,
            access_key_id: String::new(),
            partition: region::partition(&acting.region),
            region: acting.region,
            now_ms: self.clock.now_ms(),
            request_id: ids.request,
            event_id: ids.event,
            // The record names the service in its place.
            source_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            user_agent: String::new(),
            secure: true,
            via: Some(acting.via),
            quotas: Arc::clone(&self.quotas),
            trail: Trail::default(),
        };
        let parameters = trail::parameters(model, served.operation.name, &input);
        let (recorded, time_ms) = (parameters.as_deref(), call.now_ms);
        let told = Told { served, call: &call, parameters: recorded, time_ms };
        call.trail.intent = entry::intent(&self.journal, told);
        let outcome = match validate(&input) {
            Ok(()) => invoke(&**service, row, served, &mut call, input).await,
            Err(violations) => Err(invalid(model, &violations)),
        };
        let time_ms = self.clock.now_ms();
        let told = Told { served, call: &call, parameters: recorded, time_ms };
        self.write_down(told, outcome).await
    }
}
