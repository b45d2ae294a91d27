//! `bulla serve` and `bulla dev`: from the start of the process to its orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bulla_crypto::{Crypto, Hardening, MemoryLock, harden_process};
use bulla_plane::journal::Journal;
use bulla_plane::root::Anchor;
use bulla_store::{Barrier, BarrierError, Revision};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::cli::{DevOptions, ServeOptions};
use crate::config::Listen;
use crate::error::Error;
use crate::foundation::Foundation;
use crate::house::House;
use crate::key_stores::KeyStores;
use crate::listener::listen;
use crate::tls;
#[cfg(feature = "traces")]
use crate::traces::TraceSettings;

/// How often the anchor remembers how far the data directory has come.
const ANCHOR_EVERY: Duration = Duration::from_secs(1);

/// A runtime on all processors.
pub(crate) fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::io("start the threads of the program", cause))
}

/// Runs the server for those who hold access keys that Bulla issued.
pub(crate) fn serve(options: ServeOptions) -> Result<(), Error> {
    let (at, data, key_stores) = options.settings()?;
    let key_stores = KeyStores::new(&key_stores, false)?;
    let durability = options.journal.durability(&options.place)?;
    let keys = options.key_settings()?;
    let functions = options.function_settings()?;
    #[cfg(feature = "traces")]
    let traces = TraceSettings::of(&options.traces)?;
    warn_of(harden_process()?);
    runtime()?.block_on(async {
        let listener = bind(at.address).await?;
        let foundation = Foundation::open(Crypto::standard(), &data, durability).await?;
        let functions =
            functions.map(|functions| functions.on(&at, own_address(&listener)?, Some(&data)));
        let house = House::new(foundation, false, key_stores, keys, functions.transpose()?);
        #[cfg(feature = "traces")]
        let house = house.with_traces(traces)?;
        run(listener, &at, house, "serve").await
    })
}

/// Runs the server for tests.
pub(crate) fn dev(options: DevOptions) -> Result<(), Error> {
    let (at, data, key_stores) = options.settings()?;
    let key_stores = KeyStores::new(&key_stores, true)?;
    let keys = options.key_settings()?;
    let functions = options.function_settings()?;
    let durability = options.journal.durability(&options.place)?;
    #[cfg(feature = "traces")]
    let traces = TraceSettings::of(&options.traces)?;
    warn_of(harden_process()?);
    runtime()?.block_on(async {
        let listener = bind(at.address).await?;
        let crypto = Crypto::standard();
        let foundation = match &data {
            Some(data) => Foundation::open_or_create(crypto, data, durability).await?,
            None => Foundation::in_memory(crypto).await?,
        };
        eprintln!(
            "bulla dev: ANYONE WHO REACHES THIS PORT MAY SIGN, with any access key, as the root \
             user of any account. It is for tests; keep real keys in `bulla serve`."
        );
        if !at.address.ip().is_loopback() {
            eprintln!("bulla dev: {} is open to other machines.", at.address);
        }
        let address = own_address(&listener)?;
        let functions = functions.on(&at, address, data.as_ref())?;
        let house = House::new(foundation, true, key_stores, keys, Some(functions));
        #[cfg(feature = "traces")]
        let house = house.with_traces(traces)?;
        run(listener, &at, house, "dev").await
    })
}

pub(crate) fn warn_of(hardening: Hardening) {
    if let MemoryLock::Refused { .. } = hardening.memory {
        tracing::warn!(
            "the memory for keys is not locked, so keys may reach the swap device: raise the \
             limit (ulimit -l, LimitMEMLOCK=)"
        );
    }
    if !hardening.undumpable {
        tracing::warn!("this system can't keep others of the same user out of the memory");
    }
}

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|cause| Error::io(format!("listen on {address}"), cause))
}

fn own_address(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(|cause| Error::io("ask for the port", cause))
}

async fn run(listener: TcpListener, at: &Listen, house: House, name: &str) -> Result<(), Error> {
    let tls = at.tls.as_ref().map(|(cert, key)| tls::acceptor(cert, key)).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = own_address(&listener)?;
    let stopped = end_on_signals()?;
    let loaded = house.service_quotas.load().await;
    loaded.map_err(|error| Error::Barrier("the store".into(), error))?;
    let house = Arc::new(house);
    let metering =
        tokio::spawn(Arc::clone(&house.meter).tick_forever(Arc::clone(&house.plane.clock)));
    let anchored = tokio::spawn(keep_anchor(Arc::clone(&house)));
    let plane = Arc::clone(&house.plane);
    let ticking = tokio::spawn(async move { plane.tick_forever().await });
    let delivering = tokio::spawn(Arc::clone(&house.trail).tick_forever());
    let keeping_up = tokio::spawn(Arc::clone(&house.plane).upkeep_forever());
    eprintln!("bulla {name}: ready on {scheme}://{address}");
    let stored = tokio::select! {
        () = listen(listener, tls, Arc::clone(&house), stopped) => Ok(()),
        ended = store_ends(&house.plane.barrier) => Err(ended),
    };
    ticking.abort();
    delivering.abort();
    keeping_up.abort();
    anchored.abort();
    metering.abort();
    #[cfg(feature = "traces")]
    if let Some(traces) = &house.traces {
        traces.close().await;
    }
    if let Err(error) = stored {
        tokio::task::block_in_place(|| house.plane.journal.close());
        return Err(Error::Barrier("the store".into(), error));
    }
    house.plane.wind_up().await;
    if let Err(error) = house.meter.settle().await {
        tracing::error!(%error, "what was used is not metered; it is after the next start");
    }
    close(&house.plane.barrier, &house.plane.journal, house.anchor.as_deref()).await
}

/// Resolves once the store has stopped over an error. Only a new start opens it anew, and a server
/// that refuses everything until somebody looks is of no use: it ends, and its supervisor starts
/// it.
async fn store_ends(barrier: &Barrier) -> BarrierError {
    loop {
        if let Err(error) = barrier.watch(Revision(u64::MAX)).await {
            return error;
        }
    }
}

/// Turns true when the process is asked to end.
pub(crate) fn end_on_signals() -> Result<watch::Receiver<bool>, Error> {
    let (stop, stopped) = watch::channel(false);
    let failed = |cause| Error::io("listen for signals", cause);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        tokio::select! {
            _asked = terminate.recv() => {}
            _asked = interrupt.recv() => {}
        }
        stop.send_replace(true);
    });
    Ok(stopped)
}

async fn keep_anchor(house: Arc<House>) {
    let Some(anchor) = house.anchor.clone() else { return };
    let mut ticks = tokio::time::interval(ANCHOR_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sequence = house.plane.journal.anchor().sequence;
        let revision = match house.plane.barrier.attested().await {
            Ok(attested) => attested.revision.0,
            Err(error) => {
                tracing::error!(%error, "the store's revision could not be read");
                continue;
            }
        };
        let anchor = Arc::clone(&anchor);
        match tokio::task::spawn_blocking(move || anchor.record(revision, sequence)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the anchor could not be written"),
            Err(error) => tracing::error!(%error, "the anchor's task ended"),
        }
    }
}

/// Writes what waits, remembers how far everything came, and closes the store.
pub(crate) async fn close(
    barrier: &Barrier,
    journal: &Journal,
    anchor: Option<&Anchor>,
) -> Result<(), Error> {
    tokio::task::block_in_place(|| journal.close());
    let place = std::path::PathBuf::from("the store");
    let attested = barrier.attested().await.map_err(|error| Error::Barrier(place, error))?;
    if let Some(anchor) = anchor {
        anchor.record(attested.revision.0, journal.anchor().sequence)?;
    }
    barrier.engine().close().await?;
    Ok(())
}
