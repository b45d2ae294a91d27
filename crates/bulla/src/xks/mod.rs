//! `bulla xks`: keys of a Bulla as the external keys of AWS KMS, or of another Bulla.
//!
//! The proxy keeps nothing. It is a client of a running server, as which it signs, so that each use
//! of a key is authorized by the key's policy and recorded like any other.

mod credential;
mod door;
mod keys;
mod refusal;
mod site;

use std::path::PathBuf;
use std::sync::Arc;

use bulla_crypto::{Crypto, harden_process};

use crate::cli::{Xks, XksServeOptions};
use crate::client;
use crate::error::Error;
use crate::listener::listen;
use crate::server::{bind, end_on_signals, runtime, warn_of};
use crate::tls;

use door::Door;
use keys::Keys;
use site::Proxy;

/// Runs a command about external keys.
pub(crate) fn run(command: &Xks) -> Result<(), Error> {
    match command {
        Xks::Serve(options) => serve(options),
        Xks::Credential(options) => credential::print(options.prefix.as_deref()),
    }
}

fn serve(options: &XksServeOptions) -> Result<(), Error> {
    let at = options.settings()?;
    let doors = options.credential.iter().map(Door::read).collect::<Result<Vec<_>, _>>()?;
    must_differ(&doors, &options.credential)?;
    warn_of(harden_process()?);
    runtime()?.block_on(async {
        let listener = bind(at.address).await?;
        let tls = at.tls.as_ref().map(|(cert, key)| tls::acceptor(cert, key)).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address =
            listener.local_addr().map_err(|cause| Error::io("ask for the port", cause))?;
        let keys = Keys::new(client::of_bulla()?, Crypto::standard())?;
        let stopped = end_on_signals()?;
        eprintln!("bulla xks serve: ready on {scheme}://{address}");
        listen(listener, tls, Arc::new(Proxy::new(doors, keys)), stopped).await;
        Ok(())
    })
}

/// An access key id leads to one secret.
fn must_differ(doors: &[Door], files: &[PathBuf]) -> Result<(), Error> {
    for (at, door) in doors.iter().enumerate() {
        if let Some(file) = files.get(at)
            && doors.iter().take(at).any(|other| other.access_key_id == door.access_key_id)
        {
            return Err(Error::Usage(format!(
                "the access key id in {} is in another of the credentials too: make a new one \
                 with `bulla xks credential`",
                file.display()
            )));
        }
    }
    Ok(())
}
