//! `AssumeRole`.

use bulla_plane::{Call, Stop};
use bulla_policy::{Context, PrincipalKind};
use bulla_shapes::sts::{AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser};
use bulla_shapes::{Fault, Record, View};
use serde_json::json;

use super::super::role::{self, Wanted};
use super::super::session::SessionTag;
use super::super::{Sts, answer, fault, request};
use super::min_token_chars;
use crate::principals::{Role, session_principal};

pub(crate) async fn assume_role(
    sts: &Sts,
    call: &mut Call,
    input: &AssumeRoleRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    match call.principal().kind {
        PrincipalKind::Root => {
            let text = "Roles may not be assumed by root accounts.";
            return Err(fault::access_denied(text).into());
        }
        // The text is ours.
        PrincipalKind::FederatedUser { .. } => {
            return Err(fault::with_session_credentials("AssumeRole").into());
        }
        _ => {}
    }
    role::check_arn(input.role_arn())?;
    request::no_second_factor(input.serial_number(), input.token_code())?;
    let transitive: Vec<&str> =
        input.transitive_tag_keys().iter().flat_map(|keys| keys.iter()).collect();
    let tags = request::tags(call, input.tags(), &transitive)?;
    let source_identity = source_identity(call, input.source_identity())?;
    let conditions = conditions(input, &tags, source_identity.as_deref());
    let mut actions = vec!["sts:AssumeRole"];
    actions.extend((!tags.is_empty()).then_some("sts:TagSession"));
    actions.extend(source_identity.is_some().then_some("sts:SetSourceIdentity"));
    let sessions = &sts.sessions;
    let role = role::permitted(sessions, call, input.role_arn(), &actions, &conditions).await?;
    let policies =
        request::policies(&sessions.principals, &role.account, input.policy(), input.policy_arns())
            .await?;
    let wanted = Wanted {
        session_name: input.role_session_name(),
        seconds: input.duration_seconds(),
        policies,
        tags,
        source_identity,
        web_identity: None,
    };
    let session = role::session(call, &role, wanted)?;
    let issued = sessions.issue(&session, min_token_chars(input.minimum_session_token_size()))?;
    let user = assumed_user(&role, input.role_session_name());
    let (size, percent) = answer::sizes(&issued);
    let more = [
        ("assumedRoleUser", json!({ "assumedRoleId": user.0, "arn": user.1 })),
        ("packedPolicySize", json!(percent)),
        ("sourceIdentity", json!(session.source_identity)),
    ];
    answer::record(call, &issued, &session, more);
    let response = AssumeRoleResponse::new()
        .with_credentials(answer::credentials(&issued, &session))
        .with_assumed_role_user(user_view(user))
        .with_packed_policy_size(percent)
        .with_some(session.source_identity, |this, identity| this.with_source_identity(identity))
        .with_session_token_utilization(percent)
        .with_session_token_size(size);
    Ok(Some(response.into_record()))
}

/// The source identity of the new session: what the caller's session has can't be changed.
fn source_identity(call: &Call, asked: Option<&str>) -> Result<Option<String>, Fault> {
    let held = call.authority.session.as_ref().and_then(|session| session.source_identity.clone());
    match (held, asked) {
        // The text is ours.
        (Some(held), Some(asked)) if held != asked => {
            let text = "The source identity of the calling session can't be changed.";
            Err(fault::access_denied(text))
        }
        (held, asked) => Ok(held.or_else(|| asked.map(str::to_owned))),
    }
}

fn conditions(
    input: &AssumeRoleRequest<'_>,
    tags: &[SessionTag],
    source_identity: Option<&str>,
) -> Context {
    let mut context = Context::new().with("sts:RoleSessionName", input.role_session_name());
    if let Some(id) = input.external_id() {
        context = context.with("sts:ExternalId", id);
    }
    if let Some(identity) = source_identity {
        context = context.with("sts:SourceIdentity", identity);
    }
    role::tag_conditions(context, tags)
}

/// The id and the ARN of a role's session.
pub(super) fn assumed_user(role: &Role, name: &str) -> (String, String) {
    let user = session_principal(&role.account, &role.name, &role.arn, &role.unique_id, name);
    (user.unique_id, user.arn)
}

pub(super) fn user_view((id, arn): (String, String)) -> AssumedRoleUser<'static> {
    AssumedRoleUser::new().with_assumed_role_id(id).with_arn(arn)
}
