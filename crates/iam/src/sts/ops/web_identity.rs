//! `AssumeRoleWithWebIdentity`: unsigned; the identity provider's token is the credential.

use std::sync::Arc;

use bulla_plane::{Authority, Call, SessionContext, Stop, WebIdentity};
use bulla_policy::{Context, Principal, PrincipalKind};
use bulla_shapes::sts::{AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse};
use bulla_shapes::{Record, View};
use serde_json::json;

use super::super::role::{self, Wanted};
use super::super::session::Provided;
use super::super::{Sts, answer, fault, request};
use super::assume_role::{assumed_user, user_view};
use super::min_token_chars;
use crate::oidc::Bearer;

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

pub(crate) async fn assume_role_with_web_identity(
    sts: &Sts,
    call: &mut Call,
    input: &AssumeRoleWithWebIdentityRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    let arn = input.role_arn();
    role::check_arn(arn)?;
    let account = arn.split(':').nth(4).unwrap_or_default();
    let bearer = sts.providers.bearer(account, input.web_identity_token()).await?;
    // From here on the bearer is who calls, and who is recorded.
    call.authority = Arc::new(authority(account, &bearer.provided));
    let conditions = conditions(input, &bearer);
    let mut actions = vec![ACTION];
    actions.extend((!bearer.tags.is_empty()).then_some("sts:TagSession"));
    actions.extend(bearer.source_identity.is_some().then_some("sts:SetSourceIdentity"));
    let sessions = &sts.sessions;
    let role = match role::permitted(sessions, call, arn, &actions, &conditions).await {
        Ok(role) => role,
        // Whatever the reason, a stranger hears no more than this.
        Err(Stop::Fault(_)) => {
            return Err(fault::access_denied(format!("Not authorized to perform {ACTION}")).into());
        }
        Err(stop) => return Err(stop),
    };
    let principals = &sessions.principals;
    let policies =
        request::policies(principals, &role.account, input.policy(), input.policy_arns()).await?;
    let Bearer { provided, tags, source_identity, .. } = bearer;
    let (subject, provider) = (provided.subject.clone(), provided.provider.clone());
    let audience = provided.audience.clone();
    let wanted = Wanted {
        session_name: input.role_session_name(),
        seconds: input.duration_seconds(),
        policies,
        tags,
        source_identity,
        web_identity: Some(provided),
    };
    let session = role::session(call, &role, wanted)?;
    let issued = sessions.issue(&session, min_token_chars(input.minimum_session_token_size()))?;
    let user = assumed_user(&role, input.role_session_name());
    let (size, percent) = answer::sizes(&issued);
    let more = [
        ("subjectFromWebIdentityToken", json!(subject)),
        ("assumedRoleUser", json!({ "assumedRoleId": user.0, "arn": user.1 })),
        ("packedPolicySize", json!(percent)),
        ("provider", json!(provider)),
        ("audience", json!(audience)),
        ("sourceIdentity", json!(session.source_identity)),
    ];
    answer::record(call, &issued, &session, more);
    let response = AssumeRoleWithWebIdentityResponse::new()
        .with_credentials(answer::credentials(&issued, &session))
        .with_subject_from_web_identity_token(subject)
        .with_assumed_role_user(user_view(user))
        .with_packed_policy_size(percent)
        .with_provider(provider)
        .with_audience(audience)
        .with_some(session.source_identity, |this, identity| this.with_source_identity(identity))
        .with_session_token_utilization(percent)
        .with_session_token_size(size);
    Ok(Some(response.into_record()))
}

/// The bearer of a token, who belongs to the account that trusts the provider.
fn authority(account: &str, provided: &Provided) -> Authority {
    let Provided { provider, subject, audience, .. } = provided;
    let mut authority = Authority::bare(Principal {
        account: account.to_owned(),
        kind: PrincipalKind::WebIdentity { provider: provider.clone() },
        arn: provider.clone(),
        unique_id: format!("{provider}:{audience}:{subject}"),
        canonical_user: None,
    });
    authority.session = Some(Arc::new(SessionContext {
        web_identity: Some(WebIdentity { provider: provider.clone(), subject: subject.clone() }),
        ..SessionContext::default()
    }));
    authority
}

fn conditions(input: &AssumeRoleWithWebIdentityRequest<'_>, bearer: &Bearer) -> Context {
    let Provided { issuer, subject, audience, .. } = &bearer.provided;
    let mut context = Context::new()
        .with("sts:RoleSessionName", input.role_session_name())
        .with(&format!("{issuer}:sub"), subject.as_str())
        .with(&format!("{issuer}:aud"), audience.as_str());
    if let Some(original) = &bearer.original_audience {
        context = context.with(&format!("{issuer}:oaud"), original.as_str());
    }
    if !bearer.methods.is_empty() {
        context = context.with_many(&format!("{issuer}:amr"), bearer.methods.iter().cloned());
    }
    if let Some(identity) = &bearer.source_identity {
        context = context.with("sts:SourceIdentity", identity.as_str());
    }
    role::tag_conditions(context, &bearer.tags)
}
