//! `GetSessionToken` and `GetFederationToken`: credentials of users and root users.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::{Context, PrincipalKind};
use bulla_shapes::sts::{
    FederatedUser, GetFederationTokenRequest, GetFederationTokenResponse, GetSessionTokenRequest,
    GetSessionTokenResponse,
};
use bulla_shapes::{Fault, Record, View};
use serde_json::json;

use super::super::actor::federated_arn;
use super::super::request::{self, expiry};
use super::super::session::{Actor, Session};
use super::super::{Sts, answer, fault, role};
use super::min_token_chars;

/// The length of these sessions unless another is asked for, in seconds.
const DEFAULT_SECONDS: i64 = 43_200;
/// The longest that a root user gets, in seconds; asking for more gives as much.
const ROOT_SECONDS: i64 = 3600;

/// Who may ask for such credentials: users and root users, with keys that are not temporary.
fn long_term(call: &Call, operation: &str) -> Result<(), Fault> {
    let user = matches!(call.principal().kind, PrincipalKind::User | PrincipalKind::Root);
    if !user || call.authority.session.is_some() {
        return Err(fault::with_session_credentials(operation));
    }
    Ok(())
}

fn seconds(call: &Call, asked: Option<i64>) -> i64 {
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    if call.principal().kind == PrincipalKind::Root { seconds.min(ROOT_SECONDS) } else { seconds }
}

/// A session of the caller without anything special about it.
fn session_of(call: &Call, actor: Actor, asked: Option<i64>) -> Session {
    Session {
        actor,
        account: call.account().to_owned(),
        issued_ms: call.now_ms,
        expires_ms: expiry(call, seconds(call, asked)),
        mfa: false,
        source_identity: None,
        policy: None,
        policy_arns: Vec::new(),
        tags: Vec::new(),
        web_identity: None,
    }
}

/// Needs no permission.
pub(crate) async fn get_session_token(
    sts: &Sts,
    call: &mut Call,
    input: &GetSessionTokenRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    long_term(call, "GetSessionToken")?;
    request::no_second_factor(input.serial_number(), input.token_code())?;
    let caller = call.principal();
    let actor = if caller.kind == PrincipalKind::Root {
        Actor::Root
    } else {
        Actor::User { arn: caller.arn.clone(), id: caller.unique_id.clone() }
    };
    let session = session_of(call, actor, input.duration_seconds());
    let chars = min_token_chars(input.minimum_session_token_size());
    let issued = sts.sessions.issue(&session, chars)?;
    answer::record(call, &issued, &session, []);
    let (size, percent) = answer::sizes(&issued);
    let response = GetSessionTokenResponse::new()
        .with_credentials(answer::credentials(&issued, &session))
        .with_session_token_utilization(percent)
        .with_session_token_size(size);
    Ok(Some(response.into_record()))
}

pub(crate) async fn get_federation_token(
    sts: &Sts,
    call: &mut Call,
    input: &GetFederationTokenRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    long_term(call, "GetFederationToken")?;
    let tags = request::tags(call, input.tags(), &[])?;
    let account = call.account().to_owned();
    let arn = federated_arn(&account, input.name());
    let conditions = role::tag_conditions(Context::new(), &tags);
    permit_account(call, "sts:GetFederationToken", &arn, &conditions)?;
    if !tags.is_empty() {
        permit_account(call, "sts:TagSession", &arn, &conditions)?;
    }
    let principals = &sts.sessions.principals;
    let policies =
        request::policies(principals, &account, input.policy(), input.policy_arns()).await?;
    let caller = call.principal();
    let user = caller.kind == PrincipalKind::User;
    let maker = user.then(|| (caller.arn.clone(), caller.unique_id.clone()));
    let actor = Actor::Federated { name: input.name().to_owned(), maker };
    let session = Session {
        policy: policies.inline,
        policy_arns: policies.arns,
        tags,
        ..session_of(call, actor, input.duration_seconds())
    };
    let chars = min_token_chars(input.minimum_session_token_size());
    let issued = sts.sessions.issue(&session, chars)?;
    let id = format!("{account}:{}", input.name());
    let (size, percent) = answer::sizes(&issued);
    let more = [
        ("federatedUser", json!({ "federatedUserId": id, "arn": arn })),
        ("packedPolicySize", json!(percent)),
    ];
    answer::record(call, &issued, &session, more);
    let response = GetFederationTokenResponse::new()
        .with_credentials(answer::credentials(&issued, &session))
        .with_federated_user(FederatedUser::new().with_federated_user_id(id).with_arn(arn))
        .with_packed_policy_size(percent)
        .with_session_token_utilization(percent)
        .with_session_token_size(size);
    Ok(Some(response.into_record()))
}
