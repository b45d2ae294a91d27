//! Assuming a role: what its trust policy says, how long a session may last, and the session.

use bulla_plane::gate::{Named, denied, permit_account};
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::{Context, PrincipalKind};
use bulla_shapes::Fault;

use super::fault;
use super::request::{Policies, expiry};
use super::session::{Actor, Provided, Session, SessionTag};
use super::sessions::Sessions;
use crate::is_account;
use crate::principals::Role;
use crate::records::PARTITION;

/// CloudTrail's type of a role.
const ROLE_TYPE: &str = "AWS::IAM::Role";
/// The length of a session unless another is asked for, in seconds.
const DEFAULT_SECONDS: i64 = 3600;
/// The longest session of a role that a role's session assumed, in seconds.
const CHAINED_SECONDS: i64 = 3600;

/// A session of a role that is asked for.
pub(super) struct Wanted<'a> {
    pub(super) session_name: &'a str,
    pub(super) seconds: Option<i64>,
    pub(super) policies: Policies,
    pub(super) tags: Vec<SessionTag>,
    pub(super) source_identity: Option<String>,
    pub(super) web_identity: Option<Provided>,
}

/// Whether a text is the ARN of a role: only then is it looked up (recorded).
pub(super) fn check_arn(arn: &str) -> Result<(), Fault> {
    let named = || {
        let rest = arn.strip_prefix("arn:")?.strip_prefix(PARTITION)?;
        let (account, role) = rest.strip_prefix(":iam::")?.split_once(":role/")?;
        (is_account(account) && !role.is_empty() && !role.contains(':')).then_some(())
    };
    named().ok_or_else(|| fault::malformed_arn(arn))
}

/// The role, once the caller may do all of `actions` to it: its trust policy must allow each.
pub(super) async fn permitted(
    sessions: &Sessions,
    call: &Call,
    arn: &str,
    actions: &[&str],
    conditions: &Context,
) -> Result<Role, Stop> {
    let first = actions.first().copied().unwrap_or("sts:AssumeRole");
    let Some(mut role) = sessions.principals.role(arn).await? else {
        // A role that is not there looks like one that is closed.
        if !matches!(call.principal().kind, PrincipalKind::WebIdentity { .. }) {
            permit_account(call, first, arn, conditions)?;
        }
        let user = &call.principal().arn;
        let text = format!("User: {user} is not authorized to perform: {first} on resource: {arn}");
        return Err(denied(call, text).into());
    };
    for action in actions {
        role = Guarded::new(role).permit(call, action, conditions, Named::Arn)?;
    }
    Ok(role)
}

/// How many seconds a session lasts.
pub(super) fn seconds(call: &Call, role: &Role, asked: Option<i64>) -> Result<i64, Fault> {
    let chained = matches!(call.principal().kind, PrincipalKind::AssumedRole { .. });
    let seconds = asked.unwrap_or(DEFAULT_SECONDS);
    if chained && seconds > CHAINED_SECONDS {
        return Err(fault::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining.",
        ));
    }
    if seconds > role.max_session_seconds {
        return Err(fault::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(seconds)
}

/// The session of a role.
pub(super) fn session(call: &mut Call, role: &Role, wanted: Wanted<'_>) -> Result<Session, Fault> {
    let seconds = seconds(call, role, wanted.seconds)?;
    call.touched(&role.arn, &role.account, ROLE_TYPE);
    Ok(Session {
        actor: Actor::Role {
            arn: role.arn.clone(),
            id: role.unique_id.clone(),
            name: wanted.session_name.to_owned(),
        },
        account: role.account.clone(),
        issued_ms: call.now_ms,
        expires_ms: expiry(call, seconds),
        mfa: false,
        source_identity: wanted.source_identity,
        policy: wanted.policies.inline,
        policy_arns: wanted.policies.arns,
        tags: wanted.tags,
        web_identity: wanted.web_identity,
    })
}

/// The condition keys of tags that a request sets, inherited ones included.
pub(super) fn tag_conditions(context: Context, tags: &[SessionTag]) -> Context {
    if tags.is_empty() {
        return context;
    }
    let transitive: Vec<&str> =
        tags.iter().filter(|tag| tag.transitive).map(|tag| tag.key.as_str()).collect();
    let context = context.with_many("aws:TagKeys", tags.iter().map(|tag| tag.key.as_str()));
    let context = context.with_many("sts:TransitiveTagKeys", transitive);
    tags.iter().fold(context, |context, tag| {
        context.with(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str())
    })
}
