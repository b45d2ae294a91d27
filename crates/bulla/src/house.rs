//! The services, joined over one foundation.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bulla_access::Access;
use bulla_costs::{CostExplorer, Meter};
use bulla_crypto::Crypto;
use bulla_events::{Events, Ways};
use bulla_iam::{AccessKeys, Iam, Organizations, Principals, Providers, Sessions, Sts};
use bulla_kms::Kms;
use bulla_lambda::{Lambda, Settings};
use bulla_plane::journal::{Feed, Journal};
use bulla_plane::outbox::Outbox;
use bulla_plane::root::Anchor;
use bulla_plane::upkeep::Upkeep;
use bulla_plane::{Clock, Directory, IdStock, Neighbours, Plane, Quotas, Service};
use bulla_quotas::{Grants, ServiceQuotas};
use bulla_secrets::Secrets;
use bulla_ssm::Ssm;
use bulla_store::{Barrier, Space};
use bulla_trail::index::Index;
use bulla_trail::{Folder, Nowhere, Trail};
use tokio::sync::Semaphore;

use crate::assumed::ServiceSessions;
use crate::config::{KeySettings, TrailSettings};
#[cfg(feature = "traces")]
use crate::error::Error;
use crate::event_files::EventFiles;
use crate::foundation::Foundation;
use crate::functions::{FunctionRoles, FunctionTargets};
use crate::key_stores::KeyStores;
use crate::outgoing::Outgoing;
use crate::replication::ReplicationRoles;
use crate::request_counts::Requests;
use crate::rotation::Rotation;
#[cfg(feature = "traces")]
use crate::traces::TraceSettings;
use crate::traces::Traces;

/// The folder of CloudTrail's index in the data directory.
const INDEX_FOLDER: &str = "journal-index";
/// The folder that trails deliver to, unless another is named.
const TRAIL_FOLDER: &str = "trails";

/// What a reset empties, due jobs apart, service by service. Root users' access keys stay: whoever
/// holds one could not get in any more.
pub(crate) const RESET_SPACES: &[&[Space]] = &[
    bulla_kms::SPACES,
    bulla_ssm::SPACES,
    bulla_secrets::SPACES,
    bulla_iam::SPACES,
    bulla_iam::ORGANIZATION_SPACES,
    bulla_events::SPACES,
    bulla_trail::SPACES,
    bulla_lambda::SPACES,
    bulla_quotas::SPACES,
    bulla_costs::SPACES,
];

/// How much all bodies together may have that are larger than most operations take, in KiB: one
/// upload of code, and some calls of functions.
const LARGE_BODIES_KIB: usize = 96 << 10;

/// Everything a request may need.
pub(crate) struct House {
    pub(crate) plane: Arc<Plane>,
    pub(crate) anchor: Option<Arc<Anchor>>,
    /// CloudTrail, which has work of its own to do.
    pub(crate) trail: Arc<Trail>,
    pub(crate) requests: Requests,
    pub(crate) service_quotas: ServiceQuotas,
    /// What counts what is used, by what the journal has.
    pub(crate) meter: Arc<Meter>,
    /// Room for large bodies, in KiB.
    pub(crate) large_bodies: Arc<Semaphore>,
    /// What the root key is sealed by.
    pub(crate) seal: &'static str,
    /// The data directory; none where nothing outlives the process.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) since: Instant,
    /// What follows requests, where they are to be followed.
    pub(crate) traces: Option<Arc<Traces>>,
    /// Whether this is `bulla dev`.
    pub(crate) dev: bool,
}

/// What all services stand on.
struct Base {
    crypto: Crypto,
    barrier: Arc<Barrier>,
    journal: Arc<Journal>,
    /// What reads the journal for all that want to know of its records.
    feed: Arc<Feed>,
    clock: Arc<Clock>,
    quotas: Arc<Quotas>,
}

impl Base {
    /// What a service may call that is given these.
    fn neighbours(&self, services: Vec<Arc<dyn Service>>) -> Arc<Neighbours> {
        let (crypto, journal) = (self.crypto.clone(), Arc::clone(&self.journal));
        Arc::new(Neighbours::new(crypto, journal, services))
    }

    /// What makes sessions of roles for services.
    fn sessions(&self, sessions: &Arc<Sessions>, neighbours: &Arc<Neighbours>) -> ServiceSessions {
        ServiceSessions {
            sessions: Arc::clone(sessions),
            neighbours: Arc::clone(neighbours),
            crypto: self.crypto.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    fn lambda(
        &self,
        directory: &Arc<dyn Directory>,
        sessions: &Arc<Sessions>,
        neighbours: &Arc<Neighbours>,
        settings: Option<Settings>,
    ) -> Arc<Lambda> {
        let foundation = bulla_lambda::Foundation {
            barrier: Arc::clone(&self.barrier),
            crypto: self.crypto.clone(),
            clock: Arc::clone(&self.clock),
            directory: Arc::clone(directory),
            roles: Arc::new(FunctionRoles(self.sessions(sessions, neighbours))),
            neighbours: Arc::clone(neighbours),
        };
        Arc::new(Lambda::new(foundation, settings))
    }

    /// CloudTrail. Its index lies beside the journal, and so do the files of trails, unless a
    /// folder is named for them.
    fn trail(
        &self,
        data: Option<&Path>,
        settings: &TrailSettings,
        kms: &Arc<dyn Service>,
        meter: &Meter,
    ) -> Arc<Trail> {
        let journal = Arc::clone(&self.journal);
        let folder = data.map(|data| data.join(INDEX_FOLDER));
        let index = Index::new(Arc::clone(&self.feed), folder);
        let place = trail_place(data, settings);
        let ground = (Arc::clone(&self.barrier), self.crypto.clone());
        let journal = (journal, Arc::new(index));
        let clock = Arc::clone(&self.clock);
        let trail = Trail::new(ground, clock, journal, place, settings.intervals);
        let trail = trail.with_neighbours(self.neighbours(vec![Arc::clone(kms)]));
        Arc::new(trail.with_retention(settings.retention, meter.needed()))
    }

    /// What knows what calls there may be, and what those that there were would cost.
    fn counts(&self, grants: Grants) -> (ServiceQuotas, Arc<Meter>) {
        let quotas = ServiceQuotas::new(&self.barrier, &self.crypto, &self.quotas, grants);
        let meter = Meter::new(Arc::clone(&self.barrier), Arc::clone(&self.feed));
        (quotas, Arc::new(meter))
    }

    /// EventBridge, whose targets are the world outside, files, and functions.
    fn events(
        &self,
        known: Arc<dyn Directory>,
        outgoing: Arc<dyn bulla_plane::Outgoing>,
        data: Option<&Path>,
        (kms, lambda): (&Arc<dyn Service>, &Arc<Lambda>),
        dev: bool,
    ) -> Arc<dyn Service> {
        let keys = self.neighbours(vec![Arc::clone(kms)]);
        let ways = Ways {
            outgoing,
            sink: Arc::new(EventFiles::new(data)),
            invokers: vec![Arc::new(FunctionTargets(Arc::clone(lambda)))],
        };
        let (barrier, clock) = (Arc::clone(&self.barrier), Arc::clone(&self.clock));
        Arc::new(Events::new(barrier, self.crypto.clone(), clock, known, ways, keys).for_dev(dev))
    }

    fn plane(self, access_keys: AccessKeys, services: Vec<Arc<dyn Service>>) -> Arc<Plane> {
        let Self { crypto, barrier, journal, clock, quotas, .. } = self;
        Arc::new(Plane {
            crypto,
            barrier,
            clock,
            journal,
            authenticator: Arc::new(access_keys),
            services,
            outbox: Outbox::default(),
            upkeep: Upkeep::default(),
            ids: IdStock::default(),
            quotas,
        })
    }
}

/// Where trails deliver to.
fn trail_place(data: Option<&Path>, settings: &TrailSettings) -> Arc<dyn bulla_trail::Place> {
    #[cfg(feature = "s3")]
    if let Some(access) = &settings.s3 {
        return Arc::new(bulla_trail::s3::Buckets::new(access));
    }
    match settings.folder.clone().or(data.map(|data| data.join(TRAIL_FOLDER))) {
        Some(folder) => Arc::new(Folder::new(folder)),
        None => Arc::new(Nowhere),
    }
}

impl House {
    /// Joins the services.
    pub(crate) fn new(
        foundation: Foundation,
        dev: bool,
        key_stores: KeyStores,
        keys: KeySettings,
        functions: Option<Settings>,
    ) -> Self {
        let KeySettings { attestation_root, quotas, rates, trails } = keys;
        let Foundation { crypto, barrier, journal, anchor, directory: data, seal } = foundation;
        let limits = bulla_quotas::quotas(rates.defaults).with_everywhere(quotas);
        let base = Base {
            crypto: crypto.clone(),
            barrier: Arc::clone(&barrier),
            feed: Arc::new(Feed::new(Arc::clone(&journal))),
            journal,
            clock: Arc::default(),
            quotas: Arc::new(limits),
        };
        let People { principals, sessions, access_keys, iam, sts, organizations } =
            People::new(&base, dev);
        let beside = base.neighbours(vec![Arc::clone(&iam) as _]);
        let kms = Kms::new(Arc::clone(&barrier), crypto.clone(), Arc::clone(&principals) as _)
            .with_neighbours(Arc::clone(&beside))
            .with_key_stores(key_stores.outgoing, key_stores.tokens)
            .with_attestation_root(attestation_root);
        let kms: Arc<dyn Service> = Arc::new(kms);
        let people: Arc<dyn Directory> = principals;
        // What calls KMS on its callers' behalf.
        let neighbours = base.neighbours(vec![Arc::clone(&kms)]);
        let lambda = base.lambda(&people, &sessions, &neighbours, functions);
        let (known, called) = (Arc::clone(&people), Arc::clone(&lambda));
        let rotation = Rotation::new(crypto.clone(), known, beside, called, key_stores.databases);
        let (rotation, known) = (Arc::new(rotation), Arc::clone(&people));
        let roles = Arc::new(ReplicationRoles(base.sessions(&sessions, &neighbours)));
        let secrets = Secrets::new(Arc::clone(&barrier), crypto.clone(), known, neighbours)
            .with_rotators(Arc::<Rotation>::clone(&rotation))
            .with_roles(roles);
        let secrets: Arc<dyn Service> = secrets.shared();
        let neighbours = base.neighbours(vec![Arc::clone(&kms), Arc::clone(&secrets)]);
        let ssm = Ssm::new(Arc::clone(&barrier), crypto.clone(), neighbours);
        let (known, targets) = (Arc::clone(&people), key_stores.targets);
        let events = base.events(known, targets, data.as_deref(), (&kms, &lambda), dev);
        let (service_quotas, meter) = base.counts(rates.grants);
        let trail = base.trail(data.as_deref(), &trails, &kms, &meter);
        let mut services: Vec<Arc<dyn Service>> =
            vec![kms, Arc::new(ssm), secrets, iam, sts, organizations, events, lambda];
        let operator = Arc::new(service_quotas.operator());
        let costs = Arc::new(CostExplorer::new(Arc::clone(&meter)));
        services.extend([Arc::clone(&trail) as Arc<dyn Service>, operator, costs]);
        services.push(Arc::new(service_quotas.clone()));
        services.push(Arc::new(Access::new(people, services.clone())));
        let requests = Requests::new(services.iter().map(|service| service.model()));
        let plane = base.plane(access_keys, services);
        rotation.join(&plane);
        Self {
            plane,
            anchor: anchor.map(Arc::new),
            trail,
            requests,
            service_quotas,
            meter,
            large_bodies: Arc::new(Semaphore::new(LARGE_BODIES_KIB)),
            seal,
            directory: data,
            since: Instant::now(),
            traces: None,
            dev,
        }
    }

    /// The same, whose requests are followed. To be called within a runtime.
    #[cfg(feature = "traces")]
    pub(crate) fn with_traces(self, settings: Option<TraceSettings>) -> Result<Self, Error> {
        let crypto = self.plane.crypto.clone();
        let started = settings.map(|settings| Traces::start(settings, crypto)).transpose()?;
        Ok(Self { traces: started.map(Arc::new), ..self })
    }
}

/// What knows who calls.
struct People {
    principals: Arc<Principals>,
    sessions: Arc<Sessions>,
    access_keys: AccessKeys,
    iam: Arc<Iam>,
    sts: Arc<Sts>,
    organizations: Arc<Organizations>,
}

impl People {
    fn new(base: &Base, dev: bool) -> Self {
        let (barrier, clock) = (Arc::clone(&base.barrier), Arc::clone(&base.clock));
        let principals = Arc::new(Principals::new(barrier, base.crypto.clone(), clock));
        let sessions = Arc::new(Sessions::new(Arc::clone(&principals)));
        let fetcher = Arc::new(Outgoing { dev });
        let providers = Arc::new(Providers::new(Arc::clone(&principals), fetcher, dev));
        let iam = Arc::new(Iam::new(Arc::clone(&providers)));
        Self {
            access_keys: AccessKeys::new(Arc::clone(&sessions), dev),
            organizations: Arc::new(Organizations::new(Arc::clone(&iam), dev)),
            sts: Arc::new(Sts::new(Arc::clone(&sessions), providers)),
            principals,
            sessions,
            iam,
        }
    }
}
