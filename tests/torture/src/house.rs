//! The services in this process, joined as the program joins them, over any store and journal.

use std::sync::Arc;

use bulla_access::Access;
use bulla_costs::{CostExplorer, Meter};
use bulla_crypto::Crypto;
use bulla_events::{Events, Ways};
use bulla_ground::{Ground, Signer};
use bulla_iam::{
    AccessKeys, Assumption, FetchError, Fetcher, Iam, Organizations, Principals, Providers,
    Sessions, Sts,
};
use bulla_kms::Kms;
use bulla_lambda::{Assuming, Lambda, Roles};
use bulla_plane::journal::{Feed, Journal};
use bulla_plane::wire::WireResponse;
use bulla_plane::{BoxFuture, Directory, Neighbours, Plane, Service};
use bulla_quotas::{Grants, ServiceQuotas};
use bulla_secrets::Secrets;
use bulla_shapes::Fault;
use bulla_ssm::Ssm;
use bulla_store::{Barrier, Store};
use bulla_trail::index::Index;
use bulla_trail::{Intervals, Trail};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::door::{Door, Lost, Reply};
use crate::run::{say, wait};
use crate::store;

/// The services. Anyone may sign: an access key id of 12 digits is that account's root user.
pub(crate) struct House {
    runtime: Runtime,
    pub(crate) plane: Plane,
}

/// CloudTrail, whose files go nowhere.
fn trail(ground: &Ground) -> Trail {
    let index = Index::new(Arc::new(Feed::new(Arc::clone(&ground.journal))), None);
    Trail::new(
        (Arc::clone(&ground.barrier), ground.crypto.clone()),
        Arc::clone(&ground.clock),
        (Arc::clone(&ground.journal), Arc::new(index)),
        Arc::new(bulla_trail::Nowhere),
        Intervals::default(),
    )
}

/// Identity providers are not asked.
struct Nowhere;

impl Fetcher for Nowhere {
    fn get<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(std::future::ready(Err(FetchError::Failed("nowhere".into()))))
    }
}

/// Functions can be made, but there is no program that would run them.
fn no_functions() -> bulla_lambda::Settings {
    bulla_lambda::Settings {
        program: "/nowhere".into(),
        endpoint: "http://127.0.0.1".to_owned(),
        authorities: None,
        python: None,
        node: None,
        first_uid: 0,
        environments: 1,
        private: Vec::new(),
        logs: None,
    }
}

/// Roles as STS has them.
struct FunctionRoles(Arc<Sessions>);

impl Roles for FunctionRoles {
    fn assumable<'a>(&'a self, asked: Assuming<'a>) -> BoxFuture<'a, Result<bool, Fault>> {
        let Assuming { role, function, account } = asked;
        let service = "lambda.amazonaws.com";
        let asked = Assumption { service, role, source_arn: function, source_account: account };
        Box::pin(self.0.can_assume(asked))
    }

    fn credentials<'a>(
        &'a self,
        _: Assuming<'a>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<bulla_lambda::Credentials>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

impl House {
    pub(crate) fn new(
        crypto: Crypto,
        barrier: Arc<Barrier>,
        journal: Journal,
    ) -> Result<Self, String> {
        Self::join(Ground::over(crypto, barrier)?.with_journal(journal))
    }

    fn join(ground: Ground) -> Result<Self, String> {
        let runtime = runtime()?;
        let (barrier, crypto) = (&ground.barrier, &ground.crypto);
        let principals = Arc::new(Principals::new(
            Arc::clone(barrier),
            crypto.clone(),
            Arc::clone(&ground.clock),
        ));
        let sessions = Arc::new(Sessions::new(Arc::clone(&principals)));
        let keys = AccessKeys::new(Arc::clone(&sessions), true);
        let providers = Arc::new(Providers::new(Arc::clone(&principals), Arc::new(Nowhere), true));
        let iam = Arc::new(Iam::new(Arc::clone(&providers)));
        let organizations = Organizations::new(Arc::clone(&iam), true);
        let kms = Kms::new(Arc::clone(barrier), crypto.clone(), Arc::clone(&principals) as _);
        let kms: Arc<dyn Service> = Arc::new(kms);
        let directory: Arc<dyn Directory> = principals;
        let neighbours = vec![Arc::clone(&kms)];
        let neighbours = Neighbours::new(crypto.clone(), Arc::clone(&ground.journal), neighbours);
        let (people, neighbours) = (Arc::clone(&directory), Arc::new(neighbours));
        let (functions, to_kms) = (Arc::clone(&neighbours), Arc::clone(&neighbours));
        let secrets = Secrets::new(Arc::clone(barrier), crypto.clone(), people, neighbours);
        let secrets: Arc<dyn Service> = secrets.shared();
        let neighbours = vec![Arc::clone(&kms), Arc::clone(&secrets)];
        let neighbours = Neighbours::new(crypto.clone(), Arc::clone(&ground.journal), neighbours);
        let ssm = Ssm::new(Arc::clone(barrier), crypto.clone(), Arc::new(neighbours));
        let (clock, ways) = (Arc::clone(&ground.clock), Ways::default());
        let people = Arc::clone(&directory);
        let events = Events::new(Arc::clone(barrier), crypto.clone(), clock, people, ways, to_kms);
        let lambda = Lambda::new(
            bulla_lambda::Foundation {
                barrier: Arc::clone(barrier),
                crypto: crypto.clone(),
                clock: Arc::clone(&ground.clock),
                directory: Arc::clone(&directory),
                roles: Arc::new(FunctionRoles(Arc::clone(&sessions))),
                neighbours: functions,
            },
            Some(no_functions()),
        );
        let feed = Arc::new(Feed::new(Arc::clone(&ground.journal)));
        let meter = Arc::new(Meter::new(Arc::clone(barrier), feed));
        let quotas = ServiceQuotas::new(barrier, crypto, &ground.quotas, Grants::AtOnce);
        let mut services: Vec<Arc<dyn Service>> = vec![
            kms,
            Arc::new(ssm),
            secrets,
            iam,
            Arc::new(Sts::new(sessions, providers)),
            Arc::new(organizations),
            Arc::new(events),
            Arc::new(trail(&ground)),
            Arc::new(lambda),
            Arc::new(quotas.clone()),
            Arc::new(quotas.operator()),
            Arc::new(CostExplorer::new(meter)),
        ];
        services.push(Arc::new(Access::new(directory, services.clone())));
        let plane = ground.plane(Arc::new(keys), services);
        Ok(Self { runtime, plane })
    }

    /// The services over a store and a journal in memory.
    pub(crate) fn in_memory(seed: u64) -> Result<Self, String> {
        Self::over(Arc::new(bulla_store::Memory::new()), seed)
    }

    /// The services over a new store on an engine, and a journal in memory.
    pub(crate) fn over(engine: Arc<dyn Store>, seed: u64) -> Result<Self, String> {
        let barrier = wait(async { store::create(engine, seed).await.map_err(say) })?;
        Self::join(Ground::over(Crypto::standard(), Arc::new(barrier))?)
    }

    /// Calls KMS as the holder of an access key.
    pub(crate) fn door<'h>(&'h self, access_key_id: &'h str, region: &'h str) -> Inside<'h> {
        Inside { house: self, signer: Signer::of(access_key_id), region }
    }

    /// A service by its short name.
    pub(crate) fn service(&self, id: &str) -> Result<&Arc<dyn Service>, String> {
        let found = self.plane.services.iter().find(|service| service.model().id == id);
        found.ok_or_else(|| format!("no service {id}"))
    }

    /// Calls any service, with a body as it is.
    pub(crate) fn call(
        &self,
        signer: &Signer,
        service: &str,
        operation: &str,
        region: &str,
        body: Vec<u8>,
    ) -> Result<Reply, String> {
        self.wait(self.start(signer, service, operation, region, body)?)
    }

    /// As [`call`](Self::call), to run on any thread.
    pub(crate) fn start<'h>(
        &'h self,
        signer: &Signer,
        service: &str,
        operation: &str,
        region: &str,
        body: Vec<u8>,
    ) -> Result<impl Future<Output = Result<Reply, String>> + 'h, String> {
        let model = self.service(service)?.model();
        let request = signer.request(model, operation, region, body)?;
        Ok(async move {
            let WireResponse { status, request_id, body, headers, .. } =
                self.plane.call(&request).await;
            Ok(Reply { status, request_id, body: with_code(body, &headers) })
        })
    }

    /// Lets time pass, and what falls due by it be done.
    pub(crate) fn pass(&self, ms: u64) -> Result<usize, String> {
        self.plane.clock.advance(ms);
        self.runtime.block_on(self.plane.run_due()).map_err(say)
    }

    /// Runs what needs the house's own thread.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

/// An answer whose code, which REST-JSON has in a header, stands where other protocols have it.
fn with_code(body: Vec<u8>, headers: &[(&'static str, String)]) -> Vec<u8> {
    let code = headers.iter().find(|(name, _)| *name == "x-amzn-ErrorType");
    let Some((_, code)) = code else { return body };
    match serde_json::from_slice(&body) {
        Ok(Value::Object(mut members)) => {
            members.insert("__type".to_owned(), code.as_str().into());
            Value::Object(members).to_string().into_bytes()
        }
        _ => body,
    }
}

/// A thread's own way to run calls to their end.
pub(crate) fn runtime() -> Result<Runtime, String> {
    tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(say)
}

/// A way in to KMS for one caller in one region.
pub(crate) struct Inside<'h> {
    house: &'h House,
    signer: Signer,
    region: &'h str,
}

impl Inside<'_> {
    /// Calls with a body as it is.
    pub(crate) fn send(&self, operation: &str, body: Vec<u8>) -> Result<Reply, Lost> {
        self.house.call(&self.signer, "kms", operation, self.region, body).map_err(Lost)
    }
}

impl Door for Inside<'_> {
    fn call(&mut self, operation: &str, input: &Value) -> Result<Reply, Lost> {
        self.send(operation, input.to_string().into_bytes())
    }
}
