//! STS's operations, from a call to its answer and to what the credentials may do.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_plane::call::Trail;
use bulla_plane::identity::Scope;
use bulla_plane::{Authority, BoxFuture, Call, Clock, Credential, SessionContext, Stop};
use bulla_policy::{Policy, PolicyKind, Principal};
use bulla_shapes::sts::{
    AssumeRoleRequest, AssumeRoleResponse, Credentials, GetAccessKeyInfoRequest,
    GetAccessKeyInfoResponse, GetFederationTokenRequest, GetFederationTokenResponse,
    GetSessionTokenRequest, GetSessionTokenResponse, SERVICE, Tag,
};
use bulla_shapes::{Record, View, validate};
use bulla_store::{Barrier, Expected, Memory, SealedBatch};

use super::ops::{assume_role, identity, tokens};
use super::{Sessions, Sts};
use crate::oidc::{FetchError, Fetcher, Providers};
use crate::principals::Principals;
use crate::records::{Entity, Holder, IDS, Kind, ROLES, RolePart, bytes};

const ACCOUNT: &str = "111122223333";
const ABROAD: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::444455556666:role/team/reader";
const ANN: &str = "arn:aws:iam::111122223333:user/ann";
const ANY_STS: &str = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#;

/// No identity provider is asked.
pub(super) struct Nowhere;

impl Fetcher for Nowhere {
    fn get<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(std::future::ready(Err(FetchError::Failed("nowhere".into()))))
    }
}

async fn service() -> Sts {
    let crypto = Crypto::standard();
    let root = crypto.generate_key().unwrap();
    let barrier = Barrier::create(Arc::new(Memory::new()), crypto.clone(), root).await.unwrap();
    let clock = Arc::new(Clock::default());
    let principals = Arc::new(Principals::new(Arc::new(barrier), crypto, clock));
    let providers = Providers::new(Arc::clone(&principals), Arc::new(Nowhere), false);
    Sts::new(Arc::new(Sessions::new(principals)), Arc::new(providers))
}

/// Makes [`ROLE`] with a trust policy of these statements; sessions may last two hours.
async fn make_role(sts: &Sts, statements: &str) {
    let entity = Entity {
        kind: Kind::Role,
        account: ABROAD.into(),
        path: "/team/".into(),
        name: "reader".into(),
        id: "AROAEXAMPLE0000000000".into(),
        created_ms: 0,
        tags: vec![("team".into(), "own".into())],
        inline: Vec::new(),
        attached: vec!["arn:aws:iam::aws:policy/AdministratorAccess".into()],
        boundary: None,
        groups: Vec::new(),
        keys: Vec::new(),
        role: Some(RolePart {
            trust: document(statements),
            bindings: Vec::new(),
            description: None,
            max_session_seconds: 7200,
            profiles: Vec::new(),
            service: None,
        }),
    };
    let holder = Holder { kind: Kind::Role, account: ABROAD.into(), name: "reader".into() };
    let batch = SealedBatch::new()
        .put(ROLES, entity.row(), Expected::Absent, bytes(&entity).unwrap())
        .put(IDS, &*entity.id, Expected::Absent, bytes(&holder).unwrap());
    sts.sessions.principals.commit(ABROAD, batch).await.unwrap();
}

fn document(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

/// A trust statement for Ann, with whatever else.
fn trusts(actions: &str, more: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{ANN}"}},"Action":[{actions}]{more}}}"#)
}

fn ann(statement: &str) -> Authority {
    let mut authority = Authority::bare(Principal::user(ACCOUNT, ANN, "AIDAANN"));
    let policy = Policy::parse(&document(statement), PolicyKind::Identity).unwrap();
    authority.identity_policies = vec![Arc::new(policy)];
    authority
}

fn call_by(authority: Authority, sts: &Sts) -> Call {
    Call {
        service: &SERVICE,
        authority: Arc::new(authority),
        access_key_id: String::new(),
        region: "eu-central-1".into(),
        partition: "aws",
        now_ms: sts.sessions.principals.clock.now_ms(),
        request_id: [0; 16],
        event_id: [0; 16],
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: String::new(),
        secure: true,
        via: None,
        quotas: Arc::default(),
        trail: Trail::default(),
    }
}

fn request() -> AssumeRoleRequest<'static> {
    AssumeRoleRequest::new().with_role_arn(ROLE).with_role_session_name("s1")
}

async fn assume(
    sts: &Sts,
    call: &mut Call,
    request: AssumeRoleRequest<'_>,
) -> Result<Record<'static>, (String, String)> {
    validate(request.record()).unwrap();
    told(assume_role::assume_role(sts, call, &request).await)
}

fn told(
    outcome: Result<Option<Record<'static>>, Stop>,
) -> Result<Record<'static>, (String, String)> {
    match outcome {
        Ok(answer) => Ok(answer.unwrap()),
        Err(Stop::Fault(fault)) => {
            Err((fault.code.into_owned(), fault.message.unwrap_or_default().into_owned()))
        }
        Err(stop) => panic!("{stop:?}"),
    }
}

/// The caller that credentials make.
async fn caller(sts: &Sts, credentials: &Credentials<'_>) -> Authority {
    let scope = Scope { date: "20260101", region: "eu-central-1", service: "sts" };
    let (id, token) = (credentials.access_key_id(), credentials.session_token());
    match sts.sessions.credential(id, Some(token), scope).await.unwrap() {
        Credential::Issued { authority, .. } => Authority::clone(&authority),
        Credential::Anyone(_) => panic!("nobody was asked for a signature"),
    }
}

const DENIED: &str = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: \
                      sts:AssumeRole on resource: arn:aws:iam::444455556666:role/team/reader";

#[tokio::test]
async fn a_role_is_assumed_where_both_sides_allow() {
    let sts = service().await;
    make_role(&sts, &trusts(r#""sts:AssumeRole""#, "")).await;
    let mut call = call_by(ann(ANY_STS), &sts);
    let answer = assume(&sts, &mut call, request()).await.unwrap();
    let answer = AssumeRoleResponse::from_record(answer);
    let user = answer.assumed_role_user().unwrap();
    assert_eq!(user.assumed_role_id(), "AROAEXAMPLE0000000000:s1");
    assert_eq!(user.arn(), "arn:aws:sts::444455556666:assumed-role/reader/s1");
    let credentials = answer.credentials().unwrap();
    assert!(credentials.access_key_id().starts_with("ASIA"));
    assert_eq!(credentials.secret_access_key().len(), 40);
    assert_eq!(credentials.expiration(), Some((call.now_ms / 1000 + 3600) * 1000));
    let size = i64::try_from(credentials.session_token().len()).unwrap();
    assert_eq!(answer.session_token_size(), Some(size));
    assert_eq!(answer.packed_policy_size(), Some(100 * size / 4096));
    assert_eq!(caller(&sts, &credentials).await.principal.arn, user.arn());
    let recorded = call.trail.response.unwrap();
    assert!(recorded.contains(credentials.session_token()));
    assert!(!recorded.contains(credentials.secret_access_key()));
    assert_eq!(call.trail.resources[0].0, ROLE);
}

#[tokio::test]
async fn a_role_is_closed_to_whom_it_does_not_trust_and_to_root_users() {
    let sts = service().await;
    let mut call = call_by(ann(ANY_STS), &sts);
    let denied = || Err(("AccessDenied".to_owned(), DENIED.to_owned()));
    // There is none yet, which looks the same.
    assert_eq!(assume(&sts, &mut call, request()).await.map(drop), denied());
    let stranger = trusts(r#""sts:AssumeRole""#, "").replace("user/ann", "user/bob");
    make_role(&sts, &stranger).await;
    assert_eq!(assume(&sts, &mut call, request()).await.map(drop), denied());
    let mut silent = call_by(ann(r#"{"Effect":"Allow","Action":"kms:*","Resource":"*"}"#), &sts);
    let reason = " because no identity-based policy allows the sts:AssumeRole action";
    let (_, text) = assume(&sts, &mut silent, request()).await.unwrap_err();
    assert_eq!(text, format!("{DENIED}{reason}"));
    let mut root = call_by(Authority::bare(Principal::root("aws", ABROAD)), &sts);
    let (_, text) = assume(&sts, &mut root, request()).await.unwrap_err();
    assert_eq!(text, "Roles may not be assumed by root accounts.");
}

#[tokio::test]
async fn an_external_id_is_a_condition() {
    let sts = service().await;
    let more = r#","Condition":{"StringEquals":{"sts:ExternalId":"secret-1"}}"#;
    make_role(&sts, &trusts(r#""sts:AssumeRole""#, more)).await;
    let mut call = call_by(ann(ANY_STS), &sts);
    assert!(assume(&sts, &mut call, request().with_external_id("secret-1")).await.is_ok());
    for other in [request(), request().with_external_id("secret-2")] {
        let (_, text) = assume(&sts, &mut call, other).await.unwrap_err();
        assert_eq!(text, DENIED);
    }
}

#[tokio::test]
async fn durations_have_the_roles_limit_and_one_hour_in_a_chain() {
    let sts = service().await;
    let role = r#""AWS":"arn:aws:iam::444455556666:role/team/reader""#;
    let own = trusts(r#""sts:AssumeRole""#, "").replace(&format!(r#""AWS":"{ANN}""#), role);
    make_role(&sts, &format!("{},{own}", trusts(r#""sts:AssumeRole""#, ""))).await;
    let mut call = call_by(ann(ANY_STS), &sts);
    let answer = assume(&sts, &mut call, request().with_duration_seconds(7200)).await.unwrap();
    let (code, text) =
        assume(&sts, &mut call, request().with_duration_seconds(7201)).await.unwrap_err();
    assert_eq!(code, "ValidationError");
    let limit = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assert_eq!(text, limit);
    let answer = AssumeRoleResponse::from_record(answer);
    let session = caller(&sts, &answer.credentials().unwrap()).await;
    let mut chained = call_by(session, &sts);
    assert!(assume(&sts, &mut chained, request()).await.is_ok());
    let long = request().with_duration_seconds(3601);
    let (_, text) = assume(&sts, &mut chained, long).await.unwrap_err();
    assert!(text.contains("the 1 hour session limit for roles assumed by role chaining"), "{text}");
}

#[tokio::test]
async fn tags_and_source_identity_need_permission_and_are_handed_down() {
    let sts = service().await;
    let tagged = || {
        request()
            .with_tags([
                Tag::new().with_key("Team").with_value("red"),
                Tag::new().with_key("cost").with_value("1"),
            ])
            .with_transitive_tag_keys(["Team"])
            .with_source_identity("Ann")
    };
    let role = r#""AWS":"arn:aws:iam::444455556666:role/team/reader""#;
    let all = r#""sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity""#;
    let own = trusts(all, "").replace(&format!(r#""AWS":"{ANN}""#), role);
    let condition = r#","Condition":{"StringEquals":{"aws:RequestTag/Team":"red"}}"#;
    make_role(&sts, &format!("{},{own}", trusts(all, condition))).await;
    let mut call = call_by(ann(ANY_STS), &sts);
    let answer = AssumeRoleResponse::from_record(assume(&sts, &mut call, tagged()).await.unwrap());
    assert_eq!(answer.source_identity(), Some("Ann"));
    let session = caller(&sts, &answer.credentials().unwrap()).await;
    let tag = |authority: &Authority, key: &str| {
        authority.condition(key).and_then(|values| values.single()).map(str::to_owned)
    };
    assert_eq!(tag(&session, "aws:principaltag/team").as_deref(), Some("red"));
    let mut chained = call_by(session, &sts);
    let answer =
        AssumeRoleResponse::from_record(assume(&sts, &mut chained, request()).await.unwrap());
    let next = caller(&sts, &answer.credentials().unwrap()).await;
    assert_eq!(tag(&next, "aws:principaltag/team").as_deref(), Some("red"));
    assert_eq!(tag(&next, "aws:principaltag/cost"), None, "was not transitive");
    let context: &SessionContext = next.session.as_ref().unwrap();
    assert_eq!(context.source_identity.as_deref(), Some("Ann"));
    let clash = request().with_tags([Tag::new().with_key("team").with_value("blue")]);
    let (code, _) = assume(&sts, &mut chained, clash).await.unwrap_err();
    assert_eq!(code, "InvalidParameterValue");
    let other = request().with_source_identity("Bob");
    let (code, _) = assume(&sts, &mut chained, other).await.unwrap_err();
    assert_eq!(code, "AccessDenied");
}

#[tokio::test]
async fn tags_must_be_permitted_and_told_apart() {
    let sts = service().await;
    make_role(&sts, &trusts(r#""sts:AssumeRole""#, "")).await;
    let mut call = call_by(ann(ANY_STS), &sts);
    let tag = |key: &'static str| Tag::new().with_key(key).with_value("v");
    let (_, text) = assume(&sts, &mut call, request().with_tags([tag("a")])).await.unwrap_err();
    assert_eq!(text, DENIED.replace("sts:AssumeRole", "sts:TagSession"));
    let twice = request().with_tags([tag("a"), tag("A")]);
    let (code, text) = assume(&sts, &mut call, twice).await.unwrap_err();
    assert_eq!(code, "InvalidParameterValue");
    let duplicate = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
    assert_eq!(text, duplicate);
    let absent = request().with_tags([tag("a")]).with_transitive_tag_keys(["b"]);
    let (_, text) = assume(&sts, &mut call, absent).await.unwrap_err();
    let missing = "The specified transitive tag key must be included in the requested tags.";
    assert_eq!(text, missing);
}

#[tokio::test]
async fn session_policies_are_checked_and_go_along() {
    let sts = service().await;
    make_role(&sts, &trusts(r#""sts:AssumeRole""#, "")).await;
    let mut call = call_by(ann(ANY_STS), &sts);
    for (policy, text) in [
        ("{", "The policy is not in the valid JSON format."),
        (
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}"#,
            "Syntax errors in policy.",
        ),
    ] {
        let refused = assume(&sts, &mut call, request().with_policy(policy)).await.map(drop);
        assert_eq!(refused, Err(("MalformedPolicyDocument".to_owned(), text.to_owned())));
    }
    let policy = document(r#"{"Effect":"Deny","Action":"kms:*","Resource":"*"}"#);
    let answer = assume(&sts, &mut call, request().with_policy(policy)).await.unwrap();
    let answer = AssumeRoleResponse::from_record(answer);
    let session = caller(&sts, &answer.credentials().unwrap()).await;
    assert_eq!(session.session_policies.map(|policies| policies.len()), Some(1));
    let long = "b".repeat(4000);
    let large = document(&format!(r#"{{"Effect":"Deny","Action":"kms:{long}","Resource":"*"}}"#));
    let (code, text) = assume(&sts, &mut call, request().with_policy(large)).await.unwrap_err();
    assert_eq!(code, "PackedPolicyTooLarge");
    let tail = "% of allotted space, please use smaller policy.";
    assert!(text.starts_with("Packed policy consumes ") && text.ends_with(tail), "{text}");
}

#[tokio::test]
async fn texts_that_are_no_role_are_refused_as_such() {
    let sts = service().await;
    let mut call = call_by(ann(ANY_STS), &sts);
    for arn in [
        "arn:aws:iam::444455556666:user/reader",
        "arn:aws:iam::4444:role/reader",
        "arn:aws:sts::444455556666:role/reader",
        "arn:other:iam::444455556666:role/reader",
        "444455556666:role/reader",
    ] {
        let refused = assume(&sts, &mut call, request().with_role_arn(arn)).await.map(drop);
        assert_eq!(refused, Err(("ValidationError".to_owned(), format!("{arn} is invalid"))));
    }
}

#[tokio::test]
async fn users_get_sessions_and_sessions_do_not() {
    let sts = service().await;
    let root = || Authority::bare(Principal::root("aws", ACCOUNT));
    let mut call = call_by(root(), &sts);
    let answer = tokens::get_session_token(&sts, &mut call, &GetSessionTokenRequest::new()).await;
    let answer = GetSessionTokenResponse::from_record(told(answer).unwrap());
    let credentials = answer.credentials().unwrap();
    // A root user's session lasts an hour, whatever is asked for.
    assert_eq!(credentials.expiration(), Some((call.now_ms / 1000 + 3600) * 1000));
    let mut session = call_by(caller(&sts, &credentials).await, &sts);
    let asked = GetSessionTokenRequest::new();
    let again = tokens::get_session_token(&sts, &mut session, &asked).await;
    let (code, text) = told(again).unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert_eq!(text, "Cannot call GetSessionToken with session credentials");
    let wanted = GetFederationTokenRequest::new().with_name("bob");
    let federated = tokens::get_federation_token(&sts, &mut session, &wanted).await;
    let (_, text) = told(federated).unwrap_err();
    assert_eq!(text, "Cannot call GetFederationToken with session credentials");
    let answer = tokens::get_federation_token(&sts, &mut call, &wanted).await;
    let answer = GetFederationTokenResponse::from_record(told(answer).unwrap());
    let user = answer.federated_user().unwrap();
    assert_eq!(user.federated_user_id(), "111122223333:bob");
    assert_eq!(user.arn(), "arn:aws:sts::111122223333:federated-user/bob");
    let mut bob = call_by(caller(&sts, &answer.credentials().unwrap()).await, &sts);
    let (_, text) = assume(&sts, &mut bob, request()).await.unwrap_err();
    assert_eq!(text, "Cannot call AssumeRole with session credentials");
    let asked = GetAccessKeyInfoRequest::new().with_access_key_id("AKIARZPUZDIKGB2VALC4");
    let refused = identity::get_access_key_info(&sts, &mut bob, &asked).await;
    assert_eq!(told(refused).unwrap_err().0, "AccessDenied");
    let answer = identity::get_access_key_info(&sts, &mut call, &asked).await;
    let answer = GetAccessKeyInfoResponse::from_record(told(answer).unwrap());
    assert_eq!(answer.account(), Some("123456789012"));
}

#[tokio::test]
async fn a_user_may_federate_only_where_allowed() {
    let sts = service().await;
    let mut call = call_by(ann(r#"{"Effect":"Allow","Action":"kms:*","Resource":"*"}"#), &sts);
    let request = GetFederationTokenRequest::new().with_name("bob");
    let refused = tokens::get_federation_token(&sts, &mut call, &request).await;
    let (_, text) = told(refused).unwrap_err();
    assert_eq!(
        text,
        "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: \
         sts:GetFederationToken on resource: arn:aws:sts::111122223333:federated-user/bob because \
         no identity-based policy allows the sts:GetFederationToken action"
    );
}
