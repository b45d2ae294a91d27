//! The house of a test, and calls to it over the wire's form.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bulla_ground::{Ground, Signer, Watched};
use bulla_kms::Kms;
use bulla_kms::hsm::{NoTokens, Tokens};
use bulla_plane::call::Via;
use bulla_plane::identity::Scope;
use bulla_plane::outgoing::{Nowhere, Outgoing};
use bulla_plane::{Authenticator as _, Call, Credential, Plane, Quotas, Service};
use bulla_shapes::protocol::{Incoming, codec};
use bulla_shapes::{Protocol, kms};
use bulla_store::Space;
use serde_json::{Value, json};

use crate::people::People;
use crate::reads::Reads;

pub(crate) const REGION: &str = "eu-central-1";

/// What a call answered: the output, or code and message of the error.
pub(crate) type Answer = Result<Value, (String, String)>;

pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) people: Arc<People>,
    pub(crate) reads: Arc<Reads>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with_key_stores(Arc::new(Nowhere), Arc::new(NoTokens)).await
    }

    /// One that reaches the proxies and tokens of custom key stores.
    pub(crate) async fn with_key_stores(
        outgoing: Arc<dyn Outgoing>,
        tokens: Arc<dyn Tokens>,
    ) -> Self {
        let reads = Arc::new(Reads::default());
        let engine = Watched::new(Arc::new(bulla_store::Memory::new()), Arc::clone(&reads));
        let ground = Ground::on(Arc::new(engine)).await.unwrap();
        let people = Arc::new(People::default());
        let (barrier, crypto) = (Arc::clone(&ground.barrier), ground.crypto.clone());
        let kms = Kms::new(barrier, crypto, Arc::clone(&people) as _);
        let kms = kms.with_key_stores(outgoing, tokens);
        let plane = ground.plane(Arc::clone(&people) as _, vec![Arc::new(kms)]);
        Self { plane, people, reads }
    }

    /// The same store and people under a service that was started anew, with these quotas.
    pub(crate) fn again(&self, quotas: Quotas) -> Self {
        let (barrier, crypto) = (Arc::clone(&self.plane.barrier), self.plane.crypto.clone());
        let (people, reads) = (Arc::clone(&self.people), Arc::clone(&self.reads));
        let ground = Ground::over(crypto.clone(), Arc::clone(&barrier)).unwrap();
        let (clock, quotas) = (Arc::clone(&self.plane.clock), Arc::new(quotas));
        let ground = Ground { clock, quotas, ..ground };
        let kms = Kms::new(barrier, crypto, Arc::clone(&people) as _);
        let plane = ground.plane(Arc::clone(&people) as _, vec![Arc::new(kms)]);
        Self { plane, people, reads }
    }

    /// A call signed by an access key id.
    pub(crate) async fn call(&self, key: &str, operation: &str, input: Value) -> Answer {
        self.call_in(REGION, key, operation, input).await
    }

    /// The same in another region.
    pub(crate) async fn call_in(
        &self,
        region: &str,
        key: &str,
        operation: &str,
        input: Value,
    ) -> Answer {
        let body = input.to_string().into_bytes();
        let request = Signer::of(key).request(&kms::SERVICE, operation, region, body).unwrap();
        let response = self.plane.call(&request).await;
        answer(response.status, &response.body)
    }

    /// A call that a service makes for the owner of an access key id, past the pipeline's door.
    pub(crate) async fn via(
        &self,
        service: &'static str,
        key: &str,
        operation: &str,
        input: Value,
    ) -> Answer {
        let scope = Scope { date: "20260101", region: REGION, service: "kms" };
        let found = self.people.credential(key, None, scope).await.unwrap();
        let (Credential::Anyone(authority) | Credential::Issued { authority, .. }) = found;
        let mut call = Call {
            service: &kms::SERVICE,
            authority,
            access_key_id: key.into(),
            region: REGION.into(),
            partition: "aws",
            now_ms: self.plane.clock.now_ms(),
            request_id: [1; 16],
            event_id: [2; 16],
            source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: String::new(),
            secure: true,
            via: Some(Via { service, recorded: service }),
            quotas: Arc::default(),
            trail: bulla_plane::call::Trail::default(),
        };
        let kms_rows: &Arc<dyn Service> = &self.plane.services[0];
        let codec = codec(Protocol::Json11).unwrap();
        let table = kms::SERVICE.operation(operation).unwrap();
        let body = input.to_string();
        let input = codec.decode(table, &Incoming::body(body.as_bytes())).unwrap();
        let (row, _) = kms_rows.find(operation).unwrap();
        let outcome = kms_rows.invoke(row, &mut call, input).await;
        let mut body = Vec::new();
        match outcome {
            Ok(output) => {
                codec.encode(&kms::SERVICE, table, output.as_ref(), "id", &mut body);
                answer(200, &body)
            }
            Err(fault) => {
                codec.encode_fault(&kms::SERVICE, &fault, "id", &mut body);
                answer(fault.status, &body)
            }
        }
    }

    /// The ARN of a new key of an account, under the default policy or another.
    pub(crate) async fn key(&self, account: &str, policy: Option<&str>) -> String {
        let mut input = json!({ "BypassPolicyLockoutSafetyCheck": true });
        if let Some(policy) = policy {
            input["Policy"] = policy.into();
        }
        let made = self.call(account, "CreateKey", input).await.unwrap();
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// How many rows a space has.
    pub(crate) async fn rows(&self, space: &'static str) -> usize {
        let view = self.plane.barrier.view().await.unwrap();
        let range = bulla_store::Range::all();
        let page = view.range(Space::new(space), &range, 1_000).await.unwrap();
        assert!(page.next.is_none(), "more than a page");
        page.rows.len()
    }
}

fn answer(status: u16, body: &[u8]) -> Answer {
    let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() };
    if status == 200 {
        return Ok(value);
    }
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Err((text("__type"), text("message")))
}

/// The code of a refusal; empty for none.
pub(crate) fn code(answer: &Answer) -> &str {
    answer.as_ref().err().map_or("", |(code, _)| code)
}

/// The message of a refusal; empty for none.
pub(crate) fn message(answer: &Answer) -> &str {
    answer.as_ref().err().map_or("", |(_, message)| message)
}

/// A member of an output.
pub(crate) fn text(answer: &Answer, name: &str) -> String {
    match answer {
        Ok(value) => value[name].as_str().unwrap_or_default().to_owned(),
        Err(refusal) => panic!("{refusal:?}"),
    }
}
