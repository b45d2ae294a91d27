//! Times Encrypt on a key without grants, on one with a thousand that name others, and on one with
//! a thousand that name the caller: `cargo run --release -p bulla-kms --example grant_cost`.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bulla_crypto::{Crypto, SecretKey};
use bulla_kms::Kms;
use bulla_plane::{Authority, BoxFuture, Call, Directory, Known, Service};
use bulla_policy::{Principal, PrincipalKind};
use bulla_shapes::protocol::{Incoming, codec};
use bulla_shapes::{Fault, Protocol, kms};
use bulla_store::{Barrier, Memory};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const GRANTS: usize = 1_000;
/// How often the three are timed in turn; the quickest counts, as a busy machine only adds.
const ROUNDS: usize = 60;
const CALLS: u32 = 1_000;

/// One account and its root user.
struct Accounts;

impl Directory for Accounts {
    fn find<'a>(&'a self, named: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        let arn = format!("arn:aws:iam::{ACCOUNT}:root");
        let known = (named == ACCOUNT || named == arn).then(|| Known {
            arn,
            unique_id: ACCOUNT.into(),
            account: ACCOUNT.into(),
        });
        Box::pin(std::future::ready(Ok(known)))
    }

    fn role<'a>(
        &'a self,
        _account: &'a str,
        _name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn authority<'a>(
        &'a self,
        _arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<Authority>>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn list<'a>(&'a self, _after: Option<&'a str>) -> BoxFuture<'a, Result<Vec<Known>, Fault>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

fn call(principal: Principal) -> Call {
    Call {
        service: &kms::SERVICE,
        authority: Arc::new(Authority::bare(principal)),
        access_key_id: String::new(),
        region: "eu-central-1".into(),
        partition: "aws",
        now_ms: 1_770_091_506_789,
        request_id: [0; 16],
        event_id: [0; 16],
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: String::new(),
        secure: true,
        via: None,
        quotas: Arc::default(),
        trail: bulla_plane::call::Trail::default(),
    }
}

fn root() -> Principal {
    Principal::root("aws", ACCOUNT)
}

fn federated(name: &str) -> Principal {
    Principal {
        account: ACCOUNT.into(),
        kind: PrincipalKind::FederatedUser { user_arn: String::new(), user_id: String::new() },
        arn: format!("arn:aws:sts::{ACCOUNT}:federated-user/{name}"),
        unique_id: format!("{ACCOUNT}:{name}"),
        canonical_user: None,
    }
}

async fn answer(
    service: &dyn Service,
    caller: Principal,
    operation: &str,
    input: &Value,
) -> Result<Value, Box<dyn Error>> {
    let codec = codec(Protocol::Json11)?;
    let table = kms::SERVICE.operation(operation).ok_or("no such operation")?;
    let (row, _) = service.find(operation).ok_or("no row serves it")?;
    let body = input.to_string();
    let input = codec.decode(table, &Incoming::body(body.as_bytes()))?;
    let mut call = call(caller);
    let output = service.invoke(row, &mut call, input).await?;
    let mut body = Vec::new();
    codec.encode(&kms::SERVICE, table, output.as_ref(), "id", &mut body);
    Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? })
}

/// A key on which these federated users have grants.
async fn key(
    service: &dyn Service,
    grantees: impl Iterator<Item = String>,
) -> Result<Value, Box<dyn Error>> {
    let made = answer(service, root(), "CreateKey", &json!({})).await?;
    let key = made.pointer("/KeyMetadata/Arn").cloned().ok_or("a key without ARN")?;
    for name in grantees {
        let grant = json!({
            "KeyId": key, "GranteePrincipal": federated(&name).arn, "Operations": ["Encrypt"],
        });
        answer(service, root(), "CreateGrant", &grant).await?;
    }
    Ok(key)
}

async fn time(
    service: &dyn Service,
    caller: &Principal,
    key: &Value,
) -> Result<Duration, Box<dyn Error>> {
    let input = json!({ "KeyId": key, "Plaintext": "YQ==", "EncryptionContext": { "a": "b" } });
    answer(service, caller.clone(), "Encrypt", &input).await?;
    let start = Instant::now();
    for _ in 0..CALLS {
        answer(service, caller.clone(), "Encrypt", &input).await?;
    }
    Ok(start.elapsed() / CALLS)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let crypto = Crypto::standard();
    let secret = SecretKey::from_slice(&[1; 32])?;
    let barrier = Barrier::create(Arc::new(Memory::new()), crypto.clone(), secret).await?;
    let service = Kms::new(Arc::new(barrier), crypto, Arc::new(Accounts));
    let bare = key(&service, std::iter::empty()).await?;
    let others = key(&service, (0..GRANTS).map(|number| format!("other{number}"))).await?;
    let own = key(&service, std::iter::repeat_n("me".to_owned(), GRANTS)).await?;
    let cases = [
        ("no grant", root(), bare),
        ("1000 grants to others", root(), others),
        ("1000 grants to the caller", federated("me"), own),
    ];
    let mut quickest = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        for ((_, caller, key), best) in cases.iter().zip(&mut quickest) {
            *best = time(&service, caller, key).await?.min(*best);
        }
    }
    for ((what, ..), best) in cases.iter().zip(quickest) {
        println!("{what}: {best:?} a call");
    }
    Ok(())
}
