//! One call: who calls, from where, for what, and what of it the journal shall hold.

use std::net::IpAddr;
use std::sync::Arc;

use bulla_crypto::{Crypto, CryptoError};
use bulla_policy::Principal;
use bulla_shapes::{Fault, Record, Service};

use crate::identity::Authority;
use crate::outbox::Intent;
use crate::pipeline::{Inner, ids};
use crate::quotas::Quotas;
use crate::stop::{self, Stop};
use crate::trail;
use crate::wire::TlsSession;

/// The caller and the circumstances of one request.
pub struct Call {
    /// The model of the service that is called.
    pub service: &'static Service,
    /// Who calls, with what its own side lets it do.
    pub authority: Arc<Authority>,
    /// The access key id that signed; empty for calls of the house itself.
    pub access_key_id: String,
    /// The region of the credential scope.
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'static str,
    /// When the call came, in milliseconds since 1970.
    pub now_ms: i64,
    /// The id the caller is given.
    pub request_id: [u8; 16],
    /// The id of the call's record in the journal.
    pub event_id: [u8; 16],
    /// The peer's address.
    pub source_ip: IpAddr,
    /// The `User-Agent` header, cut to a bounded length.
    pub user_agent: String,
    /// Whether the call came over TLS.
    pub secure: bool,
    /// The service that calls on the caller's behalf.
    pub via: Option<Via>,
    /// The request rates that the call and those within it are charged to.
    pub quotas: Arc<Quotas>,
    /// What the journal shall hold of the call beyond its parameters.
    pub trail: Trail,
}

/// A service that calls another on its caller's behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via {
    /// Its name in `kms:ViaService`, such as `secretsmanager`.
    pub service: &'static str,
    /// What records call it, in `invokedBy` and instead of address and user agent.
    pub recorded: &'static str,
}

/// What a handler adds to the record of its call.
#[derive(Default)]
pub struct Trail {
    /// The resources that were touched: ARN, account, CloudTrail's type.
    pub resources: Vec<(String, String, &'static str)>,
    /// `responseElements` as JSON; none for what only reads.
    pub response: Option<String>,
    /// `additionalEventData` as JSON.
    pub additional: Option<String>,
    /// The TLS connection that the call came over, and the `Host` header.
    pub tls: Option<(TlsSession, String)>,
    /// How many units of what AWS charges for the call took, where that is not one.
    pub metered: Option<u64>,
    /// The further records that a call becomes once it has succeeded.
    pub more_events: Vec<MoreEvent>,
    /// What services called on the caller's behalf meanwhile.
    pub(crate) inner: Vec<Inner>,
    /// What the changes of the call carry along into the store; none for calls that only read.
    pub(crate) intent: Option<Arc<Intent>>,
}

/// A further record of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoreEvent {
    /// Its event's id.
    pub id: [u8; 16],
    /// What the service does in another region for the call: there, as itself on the caller's
    /// behalf, without resources. Else it differs from the first record in nothing but its id.
    pub elsewhere: Option<(String, &'static str)>,
}

impl Call {
    /// Who calls.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.authority.principal
    }

    /// The caller's account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.principal().account
    }

    /// Makes the call ready to run its handler anew, if that is why the handler stopped.
    ///
    /// # Errors
    /// What the caller gets, if it is not.
    pub fn begin_again(&mut self, stop: Stop) -> Result<(), Fault> {
        match stop {
            Stop::Again => {
                // What was called meanwhile was called, and stays.
                let Trail { intent, inner, tls, .. } = std::mem::take(&mut self.trail);
                self.trail = Trail { intent, inner, tls, ..Trail::default() };
                Ok(())
            }
            Stop::Fault(fault) => Err(fault),
            Stop::Internal => Err(stop::internal(self.service)),
        }
    }

    /// Has the call, if it succeeds, become one more record in the journal, and answers the id
    /// of that record's event.
    ///
    /// # Errors
    /// Those of the random source.
    pub fn one_more_event(&mut self, crypto: &Crypto) -> Result<[u8; 16], CryptoError> {
        let id = ids::event(crypto)?;
        self.trail.more_events.push(MoreEvent { id, elsewhere: None });
        Ok(id)
    }

    /// Has the call, if it succeeds, be recorded in another region, too, as what the service
    /// `by` (such as `kms.amazonaws.com`) did there on the caller's behalf.
    ///
    /// # Errors
    /// Those of the random source.
    pub fn one_event_in(
        &mut self,
        crypto: &Crypto,
        region: &str,
        by: &'static str,
    ) -> Result<(), CryptoError> {
        let elsewhere = Some((region.to_owned(), by));
        self.trail.more_events.push(MoreEvent { id: ids::event(crypto)?, elsewhere });
        Ok(())
    }

    /// Notes what the call answers for the journal's `responseElements`, without anything secret.
    pub fn responded(&mut self, output: &Record<'_>) {
        self.trail.response = trail::elements(self.service, output);
    }

    /// The call as somebody else would make it, for a question about access. It is never run, and
    /// nothing of it is recorded.
    #[must_use]
    pub fn as_if(&self, authority: Arc<Authority>) -> Self {
        Self {
            service: self.service,
            authority,
            access_key_id: String::new(),
            region: self.region.clone(),
            partition: self.partition,
            now_ms: self.now_ms,
            request_id: self.request_id,
            event_id: self.event_id,
            source_ip: self.source_ip,
            user_agent: String::new(),
            secure: self.secure,
            via: None,
            quotas: Arc::clone(&self.quotas),
            trail: Trail::default(),
        }
    }

    /// Notes that the call took so many units more of what AWS charges for.
    pub fn metered(&mut self, units: u64) {
        let all = self.trail.metered.unwrap_or_default().saturating_add(units);
        self.trail.metered = Some(all);
        if let Some(intent) = &self.trail.intent {
            intent.metered(all);
        }
    }

    /// Notes a resource for the journal.
    pub fn touched(&mut self, arn: &str, account: &str, kind: &'static str) {
        if let Some(intent) = &self.trail.intent {
            intent.touched(arn, account, kind);
        }
        self.trail.resources.push((arn.to_owned(), account.to_owned(), kind));
    }
}
