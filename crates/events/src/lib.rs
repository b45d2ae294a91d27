//! EventBridge: buses, the rules on them, and where what they match is sent.
//!
//! An event is a row in the schedule from the moment that it is told ([`bulla_plane::bus`]). The
//! rules of its bus are kept compiled, and it is held against all of them at once ([`index`]).
//! For each target of each rule that wants it a delivery is put in the same commit that takes the
//! event away; from then on its lane sends it (`send`), until the target has it or it is given up
//! into a dead letter.

mod compiled;
mod connection;
mod connection_view;
mod deliver;
mod delivery;
mod destination;
mod fault;
mod guard;
pub mod index;
mod input;
mod kms_key;
mod ops;
mod page;
pub mod pattern;
mod place;
mod quotas;
mod records;
mod rows;
mod rules;
mod schedule;
mod send;

use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_plane::outgoing::Nowhere;
use bulla_plane::{Clock, Directory, Neighbours, Outgoing, bus};
use bulla_store::{Barrier, Space};

use compiled::Book;
use kms_key::Keys;
use send::Sender;

pub use quotas::RESOURCES;
pub use send::sink::{self, Sink};
pub use send::{Invoker, Trouble};

/// The spaces that a reset empties.
pub const SPACES: &[Space] = &[
    records::BUSES,
    records::RULES,
    records::CONNECTIONS,
    records::DESTINATIONS,
    records::DELIVERIES,
];

/// The service.
pub struct Events {
    barrier: Arc<Barrier>,
    crypto: Crypto,
    compiled: Arc<Book>,
    sender: Arc<Sender>,
    /// Whom the policies of buses name.
    directory: Arc<dyn Directory>,
    /// What the keys of buses and connections are held against.
    keys: Keys,
    /// Whether this is `bulla dev`, in which addresses without TLS are taken.
    dev: bool,
}

/// Where events are sent.
pub struct Ways {
    /// The way to API destinations.
    pub outgoing: Arc<dyn Outgoing>,
    /// Where logs and queues are written.
    pub sink: Arc<dyn Sink>,
    /// What runs targets of other services.
    pub invokers: Vec<Arc<dyn Invoker>>,
}

impl Default for Ways {
    /// None.
    fn default() -> Self {
        Self { outgoing: Arc::new(Nowhere), sink: Arc::new(sink::NoSink), invokers: Vec::new() }
    }
}

impl Events {
    /// The service on a store, whose commits ask it from now on whether anybody wants what they
    /// tell. KMS must be among its neighbours.
    #[must_use]
    pub fn new(
        barrier: Arc<Barrier>,
        crypto: Crypto,
        clock: Arc<Clock>,
        directory: Arc<dyn Directory>,
        ways: Ways,
        neighbours: Arc<Neighbours>,
    ) -> Self {
        let sender = Sender::new(Arc::clone(&barrier), crypto.clone(), clock, ways);
        let (compiled, sender) = (Arc::new(Book::new()), Arc::new(sender));
        bus::listen(&barrier, Arc::clone(&compiled) as _);
        let keys = Keys::new(neighbours);
        Self { barrier, crypto, compiled, sender, directory, keys, dev: false }
    }

    /// The service of `bulla dev`: addresses of API destinations need no TLS. Where requests may go
    /// is up to who sends them.
    #[must_use]
    pub fn for_dev(self, dev: bool) -> Self {
        Self { dev, ..self }
    }
}
