//! The listener: takes connections up to a limit, and lets them finish at the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::connection::{Connector, Site};
use crate::descriptors;

/// How long connections may take to finish their requests at the end.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(8);
/// How long to wait before connections are taken again when the system has no room for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` turns true, then lets open connections finish.
pub(crate) async fn listen<S: Site>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    site: Arc<S>,
    mut stop: watch::Receiver<bool>,
) {
    let connections = descriptors::connections();
    let room = Arc::new(Semaphore::new(connections));
    let connector = Arc::new(Connector::new(tls, site, stop.clone()));
    tokio::select! {
        () = accept(&listener, &room, &connector) => {}
        _ended = stop.wait_for(|stop| *stop) => {}
    }
    drop(listener);
    let all = u32::try_from(connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(SHUTDOWN_DEADLINE, room.acquire_many(all)).await.is_err() {
        tracing::warn!("connections were cut that did not finish in time");
    }
}

async fn accept<S: Site>(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    connector: &Arc<Connector<S>>,
) {
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let connector = Arc::clone(connector);
                tokio::spawn(async move { connector.serve(stream, peer.ip(), permit).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
