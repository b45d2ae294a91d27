//! Who calls: from the raw bytes of a request to a principal, or to AWS's words of refusal.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use bulla_policy::{Principal, PrincipalKind};
use bulla_shapes::tables::Auth;
use bulla_shapes::{Fault, Protocol};
use bulla_sigv4::{
    AuthError, Claim, Family, Regions, RequestParts, Scratch, ServiceRules, SigningKey, parse,
    scope_hint,
};

use super::route::Route;
use crate::identity::{Authority, Scope};
use crate::region::is_region;
use crate::{Authenticator, Credential, CredentialError};

/// The key that requests of unknown access keys are held against. Kept, since known keys are
/// kept too: deriving it each time would tell the two apart.
static DUMMY: LazyLock<SigningKey> = LazyLock::new(SigningKey::dummy);

/// Who calls where no signature is asked for, and who is recorded where one failed.
static ANONYMOUS: LazyLock<Arc<Authority>> = LazyLock::new(|| {
    Arc::new(Authority::bare(Principal {
        account: String::new(),
        kind: PrincipalKind::Anonymous,
        arn: String::new(),
        unique_id: String::new(),
        canonical_user: None,
    }))
});

thread_local! {
    /// Verification's buffers. They hold canonical requests, whose size `bulla_sigv4` bounds.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A caller, established.
pub(super) struct Caller {
    pub(super) authority: Arc<Authority>,
    pub(super) access_key_id: String,
    pub(super) region: String,
}

impl Caller {
    /// Nobody, as far as it is known.
    pub(super) fn anonymous(parts: &RequestParts<'_>) -> Self {
        let region = scope_hint(parts).map(|hint| hint.region.into_owned());
        Self {
            authority: Arc::clone(&ANONYMOUS),
            access_key_id: String::new(),
            region: region.filter(|region| is_region(region)).unwrap_or_default(),
        }
    }
}

/// Establishes who calls. Fails with AWS's words of refusal, or with our own internal failure.
pub(super) async fn identify(
    authenticator: &dyn Authenticator,
    route: &Route<'_>,
    parts: &RequestParts<'_>,
    now_ms: i64,
) -> Result<Caller, Fault> {
    let model = route.service.model();
    let refuse = |error: AuthError| {
        let (code, status, text) = error.wire(family(model.protocol));
        Fault::new(code, status).with_message(text).from_front()
    };
    if route.served.operation.auth == Auth::Unsigned && scope_hint(parts).is_none() {
        return Ok(Caller::anonymous(parts));
    }
    let regions = Regions::Like(is_region);
    let rules = ServiceRules { regions, ..ServiceRules::new(model.signing_name, "") };
    let claim = parse(parts, now_ms.div_euclid(1000), &rules).map_err(refuse)?;
    let scope =
        Scope { date: claim.scope_date(), region: claim.region(), service: claim.service() };
    let id = claim.access_key_id();
    let authority = match authenticator.credential(id, claim.session_token(), scope).await {
        Ok(Credential::Issued { key, authority }) => {
            verify(&claim, parts, &key).map_err(refuse)?;
            authenticator.used(id, claim.session_token(), scope);
            authority
        }
        Ok(Credential::Anyone(authority)) => authority,
        Err(CredentialError::Refused(error)) => {
            if matches!(error, AuthError::UnknownKey) {
                verify(&claim, parts, &DUMMY).map_err(refuse)?;
            }
            return Err(refuse(error));
        }
        Err(error) => {
            tracing::error!(%error, "a caller can't be told");
            return Err(super::internal(model));
        }
    };
    let (access_key_id, region) = (id.to_owned(), claim.region().to_owned());
    Ok(Caller { authority, access_key_id, region })
}

fn verify(claim: &Claim<'_>, parts: &RequestParts<'_>, key: &SigningKey) -> Result<(), AuthError> {
    SCRATCH.with_borrow_mut(|scratch| claim.verify_with(parts, key, scratch))
}

fn family(protocol: Protocol) -> Family {
    match protocol {
        Protocol::Json11 | Protocol::Json10 => Family::Json,
        Protocol::Query => Family::Query,
        Protocol::Ec2 => Family::Ec2,
        Protocol::RestJson => Family::RestJson,
        Protocol::RestXml => Family::RestXml,
    }
}
