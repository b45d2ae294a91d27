//! The house of a test, and calls to it over the wire's form.

use std::sync::Arc;

use bulla_ground::{Ground, Heard, Signer};
use bulla_kms::Kms;
use bulla_plane::{Directory, Neighbours, Plane, Quotas, Service};
use bulla_secrets::{Roles, Rotators, Secrets};
use bulla_shapes::{kms, secretsmanager};
use bulla_store::{Key, MAX_PAGE_ROWS, Range, Space};
use serde_json::{Value, json};

use crate::people::People;

pub(crate) const REGION: &str = "eu-central-1";
/// A day in milliseconds.
pub(crate) const DAY_MS: u64 = 86_400_000;

/// What a call answered: the output, or code and message of the error.
pub(crate) type Answer = Result<Value, (String, String)>;

pub(crate) struct House {
    pub(crate) plane: Arc<Plane>,
    pub(crate) people: Arc<People>,
    heard: Heard,
    secrets: Arc<Secrets>,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::made(|secrets| secrets).await
    }

    /// One whose secrets are rotated by these.
    pub(crate) async fn with_rotators(rotators: Arc<dyn Rotators>) -> Self {
        Self::made(|secrets| secrets.with_rotators(rotators)).await
    }

    /// One whose secrets are replicated by these roles.
    pub(crate) async fn with_roles(roles: Arc<dyn Roles>) -> Self {
        Self::made(|secrets| secrets.with_roles(roles)).await
    }

    /// What a new start finds after a crash of this one.
    pub(crate) fn restarted(&self, rotators: Arc<dyn Rotators>) -> Self {
        let (crypto, barrier) = (self.plane.crypto.clone(), Arc::clone(&self.plane.barrier));
        let ground = Ground::over(crypto, barrier).unwrap();
        Self::on(ground, |secrets| secrets.with_rotators(rotators))
    }

    /// One in which an account may have so many secrets in a region.
    pub(crate) async fn with_quota(most: usize) -> Self {
        let ground = Ground::in_memory().await.unwrap();
        let quotas = Quotas::default().with_everywhere([("secrets", most)]);
        Self::on(Ground { quotas: Arc::new(quotas), ..ground }, |secrets| secrets)
    }

    async fn made(equip: impl FnOnce(Secrets) -> Secrets) -> Self {
        Self::on(Ground::in_memory().await.unwrap(), equip)
    }

    fn on(ground: Ground, equip: impl FnOnce(Secrets) -> Secrets) -> Self {
        let (barrier, crypto) = (Arc::clone(&ground.barrier), ground.crypto.clone());
        let people = Arc::new(People::default());
        let directory: Arc<dyn Directory> = Arc::<People>::clone(&people);
        let kms = Kms::new(Arc::clone(&barrier), crypto.clone(), Arc::clone(&directory));
        let kms: Arc<dyn Service> = Arc::new(kms);
        let beside = vec![Arc::clone(&kms)];
        let beside = Neighbours::new(crypto.clone(), Arc::clone(&ground.journal), beside);
        let secrets = Secrets::new(Arc::clone(&barrier), crypto, directory, Arc::new(beside));
        let (heard, listener) = Heard::on(&barrier);
        let secrets = equip(secrets).shared();
        let services = vec![kms, Arc::<Secrets>::clone(&secrets) as _, listener];
        let plane = Arc::new(ground.plane(Arc::clone(&people) as _, services));
        Self { plane, people, heard, secrets }
    }

    /// A call to Secrets Manager, signed by an access key id.
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
        self.ask((&secretsmanager::SERVICE, region), key, operation, input).await
    }

    /// A call to KMS.
    pub(crate) async fn kms(&self, key: &str, operation: &str, input: Value) -> Answer {
        self.kms_in(REGION, key, operation, input).await
    }

    /// The same in another region.
    pub(crate) async fn kms_in(
        &self,
        region: &str,
        key: &str,
        operation: &str,
        input: Value,
    ) -> Answer {
        self.ask((&kms::SERVICE, region), key, operation, input).await
    }

    async fn ask(
        &self,
        (model, region): (&bulla_shapes::Service, &str),
        key: &str,
        operation: &str,
        input: Value,
    ) -> Answer {
        let body = input.to_string().into_bytes();
        let request = Signer::of(key).request(model, operation, region, body).unwrap();
        let response = self.plane.call(&request).await;
        answer(response.status, &response.body)
    }

    /// A new secret of an account with a text; answers its ARN.
    pub(crate) async fn secret(&self, account: &str, name: &str, text: &str) -> String {
        let input = json!({ "Name": name, "SecretString": text, "ClientRequestToken": token(0) });
        let made = self.call(account, "CreateSecret", input).await.unwrap();
        made["ARN"].as_str().unwrap().to_owned()
    }

    /// The text of a secret.
    pub(crate) async fn text(&self, key: &str, id: &str) -> String {
        let read = self.call(key, "GetSecretValue", json!({ "SecretId": id })).await.unwrap();
        read["SecretString"].as_str().unwrap().to_owned()
    }

    /// A new version; answers the call's answer.
    pub(crate) async fn put(&self, key: &str, id: &str, number: u32, text: &str) -> Answer {
        let token = token(number);
        let input = json!({ "SecretId": id, "SecretString": text, "ClientRequestToken": token });
        self.call(key, "PutSecretValue", input).await
    }

    /// Turns the clock, and carries out what fell due.
    pub(crate) async fn pass_days(&self, days: u64) {
        self.plane.clock.advance(days * DAY_MS);
        self.carry_out().await;
    }

    /// Carries out what is due, rotations to their end.
    pub(crate) async fn carry_out(&self) {
        self.plane.run_due().await.unwrap();
        self.secrets.rotations_ended().await;
        self.plane.run_due().await.unwrap();
    }

    /// What was told on the bus since the last question.
    pub(crate) async fn events(&self) -> Vec<Value> {
        self.carry_out().await;
        self.heard.taken()
    }

    /// The service events of the record: id and request's id of each.
    pub(crate) fn service_events(&self) -> Vec<(String, String)> {
        let text = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
        let mut found = Vec::new();
        for record in self.plane.journal.read_from(1).unwrap() {
            let record = record.unwrap().to_cloudtrail_json().unwrap();
            let record: Value = serde_json::from_str(&record).unwrap();
            if record["eventType"] == "AwsServiceEvent" {
                found.push((text(&record, "eventID"), text(&record, "requestID")));
            }
        }
        found
    }

    /// The rows of a space, by key.
    pub(crate) async fn rows(&self, space: &'static str) -> Vec<(String, Vec<u8>)> {
        let view = self.plane.barrier.view().await.unwrap();
        let page = view.range(Space::new(space), &Range::all(), MAX_PAGE_ROWS).await.unwrap();
        assert!(page.next.is_none(), "more than a page");
        let text = |key: &Key| String::from_utf8(key.as_bytes().to_vec()).unwrap();
        page.rows.iter().map(|(key, row)| (text(key), row.value.expose().to_vec())).collect()
    }
}

/// A request token, by number.
pub(crate) fn token(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn answer(status: u16, body: &[u8]) -> Answer {
    let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap() };
    if status == 200 {
        return Ok(value);
    }
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let message = text("Message").or_else(|| text("message")).unwrap_or_default();
    Err((text("__type").unwrap_or_default(), message))
}

/// The code of a refusal; empty for none.
pub(crate) fn code(answer: &Answer) -> &str {
    answer.as_ref().err().map_or("", |(code, _)| code)
}

/// The message of a refusal; empty for none.
pub(crate) fn message(answer: &Answer) -> &str {
    answer.as_ref().err().map_or("", |(_, message)| message)
}
