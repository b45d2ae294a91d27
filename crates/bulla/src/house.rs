//! The services, joined over one foundation.

use std::path::Path;
use std::sync::Arc;

use bulla_access::Access;
use bulla_crypto::Crypto;
use bulla_events::{Events, Ways};
use bulla_iam::{AccessKeys, Iam, Organizations, Principals, Providers, Sessions, Sts};
use bulla_kms::Kms;
use bulla_plane::journal::Journal;
use bulla_plane::outbox::Outbox;
use bulla_plane::root::Anchor;
use bulla_plane::upkeep::Upkeep;
use bulla_plane::{Clock, Directory, IdStock, Neighbours, Plane, Service};
use bulla_secrets::Secrets;
use bulla_ssm::Ssm;
use bulla_store::{Barrier, Space};
use bulla_trail::index::Index;
use bulla_trail::{Folder, Nowhere, Trail};

use crate::config::{KeySettings, TrailSettings};
use crate::event_files::EventFiles;
use crate::foundation::Foundation;
use crate::key_stores::KeyStores;
use crate::metrics::Requests;
use crate::outgoing::Outgoing;
use crate::rotation::Rotation;

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
];

/// Everything a request may need.
pub(crate) struct House {
    pub(crate) plane: Arc<Plane>,
    pub(crate) anchor: Option<Arc<Anchor>>,
    /// CloudTrail, which has work of its own to do.
    pub(crate) trail: Arc<Trail>,
    pub(crate) requests: Requests,
    /// Whether this is `bulla dev`.
    pub(crate) dev: bool,
}

impl House {
    /// Joins the services.
    pub(crate) fn new(
        foundation: Foundation,
        dev: bool,
        key_stores: KeyStores,
        keys: KeySettings,
    ) -> Self {
        let KeySettings { attestation_root, quotas, parameter_quotas, event_quotas, trails } = keys;
        let Foundation { crypto, barrier, journal, anchor, directory: data } = foundation;
        let clock = Arc::new(Clock::default());
        let principals =
            Arc::new(Principals::new(Arc::clone(&barrier), crypto.clone(), Arc::clone(&clock)));
        let sessions = Arc::new(Sessions::new(Arc::clone(&principals)));
        let access_keys = AccessKeys::new(Arc::clone(&sessions), dev);
        let fetcher = Arc::new(Outgoing { dev });
        let providers = Arc::new(Providers::new(Arc::clone(&principals), fetcher, dev));
        let iam = Arc::new(Iam::new(Arc::clone(&providers)));
        let organizations = Organizations::new(Arc::clone(&iam), dev);
        let near =
            |services| Arc::new(Neighbours::new(crypto.clone(), Arc::clone(&journal), services));
        let beside = near(vec![Arc::clone(&iam) as _]);
        let kms = Kms::new(Arc::clone(&barrier), crypto.clone(), Arc::clone(&principals) as _)
            .with_neighbours(Arc::clone(&beside))
            .with_key_stores(key_stores.outgoing, key_stores.tokens)
            .with_quotas(quotas)
            .with_attestation_root(attestation_root);
        let kms: Arc<dyn Service> = Arc::new(kms);
        let directory: Arc<dyn Directory> = Arc::<Principals>::clone(&principals);
        // What calls KMS on its callers' behalf.
        let neighbours = near(vec![Arc::clone(&kms)]);
        let people = Arc::clone(&directory);
        let rotation =
            Rotation::new(crypto.clone(), Arc::clone(&people), beside, key_stores.databases);
        let rotation = Arc::new(rotation);
        let secrets = Secrets::new(Arc::clone(&barrier), crypto.clone(), people, neighbours)
            .with_rotators(Arc::<Rotation>::clone(&rotation));
        let secrets: Arc<dyn Service> = secrets.shared();
        let neighbours = near(vec![Arc::clone(&kms), Arc::clone(&secrets)]);
        let ssm = Ssm::new(Arc::clone(&barrier), crypto.clone(), neighbours)
            .with_quotas(parameter_quotas);
        let sink = Arc::new(EventFiles::new(data.as_deref()));
        let ways = Ways { outgoing: key_stores.targets, sink, invokers: Vec::new() };
        let (people, time) = (Arc::clone(&directory), Arc::clone(&clock));
        let events = Events::new(Arc::clone(&barrier), crypto.clone(), time, people, ways)
            .with_quotas(event_quotas)
            .for_dev(dev);
        let sts = Arc::new(Sts::new(sessions, providers));
        let mut services: Vec<Arc<dyn Service>> =
            vec![kms, Arc::new(ssm), secrets, iam, sts, Arc::new(organizations), Arc::new(events)];
        let trail = trail((&barrier, &crypto, &clock, &journal), data.as_deref(), &trails);
        services.push(Arc::clone(&trail) as _);
        services.push(Arc::new(Access::new(directory, services.clone())));
        let requests = Requests::new(services.iter().map(|service| service.model()));
        let plane = Plane {
            crypto,
            barrier,
            clock,
            journal,
            authenticator: Arc::new(access_keys),
            services,
            outbox: Outbox::default(),
            upkeep: Upkeep::default(),
            ids: IdStock::default(),
        };
        let plane = Arc::new(plane);
        rotation.join(&plane);
        Self { plane, anchor: anchor.map(Arc::new), trail, requests, dev }
    }
}

/// CloudTrail. Its index lies beside the journal, and so do the files of trails, unless a folder is
/// named for them.
fn trail(
    (barrier, crypto, clock, journal): (&Arc<Barrier>, &Crypto, &Arc<Clock>, &Arc<Journal>),
    data: Option<&Path>,
    settings: &TrailSettings,
) -> Arc<Trail> {
    let index = Index::new(Arc::clone(journal), data.map(|data| data.join(INDEX_FOLDER)));
    let folder = settings.folder.clone().or(data.map(|data| data.join(TRAIL_FOLDER)));
    let place: Arc<dyn bulla_trail::Place> = match folder {
        Some(folder) => Arc::new(Folder::new(folder)),
        None => Arc::new(Nowhere),
    };
    let ground = (Arc::clone(barrier), crypto.clone());
    let journal = (Arc::clone(journal), Arc::new(index));
    let trail = Trail::new(ground, Arc::clone(clock), journal, place, settings.intervals);
    Arc::new(trail.with_retention(settings.retention))
}
