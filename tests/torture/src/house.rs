//! The services in this process, joined as the program joins them, over any store and journal.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bulla_crypto::Crypto;
use bulla_iam::{AccessKeys, Principals, Sessions};
use bulla_kms::Kms;
use bulla_plane::journal::Journal;
use bulla_plane::outbox::Outbox;
use bulla_plane::upkeep::Upkeep;
use bulla_plane::wire::{WireRequest, WireResponse};
use bulla_plane::{Clock, IdStock, Plane};
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use bulla_store::Barrier;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::door::{Door, Lost, Reply};
use crate::run::say;

const JSON: &str = "application/x-amz-json-1.1";

/// The services. Anyone may sign: an access key id of 12 digits is that account's root user.
pub(crate) struct House {
    runtime: Runtime,
    pub(crate) plane: Plane,
}

impl House {
    pub(crate) fn new(
        crypto: Crypto,
        barrier: Arc<Barrier>,
        journal: Journal,
    ) -> Result<Self, String> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(say)?;
        let clock = Arc::new(Clock::default());
        let principals =
            Arc::new(Principals::new(Arc::clone(&barrier), crypto.clone(), Arc::clone(&clock)));
        let keys = AccessKeys::new(Arc::new(Sessions::new(Arc::clone(&principals))), true);
        let kms = Kms::new(Arc::clone(&barrier), crypto.clone(), principals);
        let (authenticator, services) = (Arc::new(keys), vec![Arc::new(kms) as _]);
        let (outbox, upkeep) = (Outbox::default(), Upkeep::default());
        let ids = IdStock::default();
        let plane =
            Plane { crypto, barrier, clock, journal, authenticator, services, outbox, upkeep, ids };
        Ok(Self { runtime, plane })
    }

    /// Calls as the holder of an access key.
    pub(crate) fn door<'h>(&'h self, access_key_id: &'h str, region: &'h str) -> Inside<'h> {
        Inside { house: self, access_key_id, region }
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

/// A way in for one caller in one region.
pub(crate) struct Inside<'h> {
    house: &'h House,
    access_key_id: &'h str,
    region: &'h str,
}

impl Inside<'_> {
    /// Calls with a body as it is.
    pub(crate) fn send(&self, operation: &str, body: Vec<u8>) -> Result<Reply, Lost> {
        let lines = self.signed(operation, &body).map_err(Lost)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(lost)?;
            headers.append(name, HeaderValue::from_str(value).map_err(lost)?);
        }
        let request = WireRequest {
            method: http::Method::POST,
            path: "/".into(),
            query: String::new(),
            headers,
            body: body.into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            secure: false,
        };
        let WireResponse { status, request_id, body, .. } =
            self.house.wait(self.house.plane.call(request));
        Ok(Reply { status, request_id, body })
    }

    fn signed(&self, operation: &str, body: &[u8]) -> Result<Vec<(String, String)>, String> {
        let mut lines = vec![
            ("host".to_owned(), "kms.example".to_owned()),
            ("content-type".to_owned(), JSON.to_owned()),
            ("x-amz-target".to_owned(), format!("TrentService.{operation}")),
        ];
        let headers: Vec<_> = lines.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, body };
        let credentials =
            Credentials { access_key_id: self.access_key_id, secret: b"any", token: None };
        let options = SignOptions::new("kms", self.region, Clock::wall_ms() / 1000);
        lines.extend(sign_header(&parts, &credentials, &options).map_err(say)?);
        Ok(lines)
    }
}

impl Door for Inside<'_> {
    fn call(&mut self, operation: &str, input: &Value) -> Result<Reply, Lost> {
        self.send(operation, input.to_string().into_bytes())
    }
}

fn lost(error: impl std::fmt::Display) -> Lost {
    Lost(error.to_string())
}
