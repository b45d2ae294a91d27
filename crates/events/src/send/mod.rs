//! Sending: deliveries reach their targets, each lane in order, no lane in another's way.
//!
//! A lane is one target of one rule. What wakes it is a row in the schedule; a task then sends
//! what is due of the lane, one after the other, and takes the rows away when nothing is left.
//! What fails is put off by a row with a later time, so that nothing is held in memory that a
//! crash could lose. A target that hangs costs its own lane its time-out, and nobody else.

mod attempt;
mod backoff;
mod connection;
mod http;
mod lanes;
mod rate;
pub mod sink;
mod token;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_crypto::Crypto;
use bulla_plane::{BoxFuture, Clock, Outgoing};
use bulla_store::Barrier;

use rate::Rates;
use sink::Sink;
use token::Tokens;

use crate::Ways;

pub(crate) use connection::AUTHORIZE;
pub(crate) use lanes::LANE;

/// Why a target did not take what it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may take it later. Code and text go into the dead letter; the milliseconds are those
    /// that the target itself asked to be left alone for.
    Later(&'static str, String, Option<i64>),
    /// It never will.
    Never(&'static str, String),
    /// It was not asked: its rate is used up for so many milliseconds.
    Busy(i64),
}

/// Runs what targets name that other services keep, such as Lambda functions.
pub trait Invoker: Send + Sync {
    /// The service in the ARNs of such targets: `lambda`.
    fn service(&self) -> &'static str;

    /// Hands over an event, and answers once it can't be lost any more.
    ///
    /// # Errors
    /// [`Trouble`] tells whether to try again.
    fn invoke<'a>(
        &'a self,
        target_arn: &'a str,
        rule_arn: &'a str,
        payload: &'a str,
    ) -> BoxFuture<'a, Result<(), Trouble>>;
}

/// What sends.
pub(crate) struct Sender {
    pub(crate) barrier: Arc<Barrier>,
    pub(crate) crypto: Crypto,
    pub(crate) clock: Arc<Clock>,
    pub(crate) outgoing: Arc<dyn Outgoing>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) invokers: Vec<Arc<dyn Invoker>>,
    tokens: Tokens,
    rates: Rates,
    /// The lanes under way, each with the rows that woke it.
    lanes: Mutex<HashMap<String, lanes::Wakes>>,
    /// Connections that are being authorized.
    authorizing: Mutex<std::collections::HashSet<String>>,
    ending: AtomicBool,
    /// The highest time that a delivery was put for.
    latest_ms: AtomicI64,
    numbers: AtomicU64,
}

impl Sender {
    pub(crate) fn new(
        barrier: Arc<Barrier>,
        crypto: Crypto,
        clock: Arc<Clock>,
        Ways { outgoing, sink, invokers }: Ways,
    ) -> Self {
        Self {
            barrier,
            crypto,
            clock,
            outgoing,
            sink,
            invokers,
            tokens: Tokens::new(),
            rates: Rates::new(),
            lanes: Mutex::default(),
            authorizing: Mutex::default(),
            ending: AtomicBool::new(false),
            latest_ms: AtomicI64::new(0),
            numbers: AtomicU64::new(0),
        }
    }

    /// The time that deliveries are put for: no earlier than any before, so that they stay in
    /// order when the system's clock is set back.
    pub(crate) fn stamp(&self, now_ms: i64) -> i64 {
        self.latest_ms.fetch_max(now_ms, Ordering::AcqRel).max(now_ms)
    }

    /// A number that follows all before.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::AcqRel)
    }

    /// Forgets what is kept in memory, after a reset.
    pub(crate) fn forget(&self) {
        self.tokens.clear();
        self.rates.clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic half-way through a change runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
