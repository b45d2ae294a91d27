//! `bulla dev` in memory, whose requests are followed, and a client that signs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use bulla_crypto::Crypto;
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::config::KeySettings;
use crate::foundation::Foundation;
use crate::house::House;
use crate::key_stores::KeyStores;
use crate::listener::listen;
use crate::proxies::Proxies;
use crate::traces::TraceSettings;
use crate::traces::settings::Limits;

const ACCOUNT: &str = "111122223333";
pub(super) const SECRET: &str = "never-to-be-seen";

/// A request to be sent.
pub(super) struct Sent {
    service: &'static str,
    lines: Vec<(String, String)>,
    body: String,
    signed: bool,
}

impl Sent {
    pub(super) fn json(service: &'static str, target: &str, body: &str) -> Self {
        let lines = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { service, lines, body: body.to_owned(), signed: true }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn unsigned(self) -> Self {
        Self { signed: false, ..self }
    }
}

/// What was answered.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) request_id: String,
    pub(super) body: String,
}

pub(super) struct Server {
    address: SocketAddr,
    house: Arc<House>,
    _stop: watch::Sender<bool>,
}

impl Server {
    pub(super) async fn start(collector: SocketAddr, limits: Limits, every: u64) -> Self {
        let foundation = Foundation::in_memory(Crypto::standard()).await.unwrap();
        let (stores, keys) = (KeyStores::none().unwrap(), KeySettings::default());
        let settings = TraceSettings {
            endpoint: format!("http://{collector}/v1/traces").parse().unwrap(),
            proxies: Proxies::new(HashMap::new(), None).unwrap().reaching_here(true),
            every: NonZeroU64::new(every).unwrap(),
            limits,
        };
        let house = House::new(foundation, true, stores, keys, None);
        let house = Arc::new(house.with_traces(Some(settings)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(listen(listener, None, Arc::clone(&house), stopped));
        Self { address, house, _stop: stop }
    }

    pub(super) async fn send(&self, sent: &Sent) -> Got {
        let host = self.address.to_string();
        let mut lines = vec![("host".to_owned(), host)];
        lines.extend(sent.lines.iter().cloned());
        let headers: Vec<_> = lines.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
        let body = sent.body.as_bytes();
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, body };
        let credentials =
            Credentials { access_key_id: ACCOUNT, secret: SECRET.as_bytes(), token: None };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let options = SignOptions::new(sent.service, "eu-central-1", i64::try_from(now).unwrap());
        let added = sign_header(&parts, &credentials, &options).unwrap();
        if sent.signed {
            lines.extend(added);
        }
        self.exchange("POST", "/", &lines, &sent.body).await
    }

    pub(super) async fn metrics(&self) -> String {
        self.exchange("GET", "/_bulla/metrics", &[], "").await.body
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        lines: &[(String, String)],
        body: &str,
    ) -> Got {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let running = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in lines {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status().as_u16();
        let id = answer.headers().get("x-amzn-requestid");
        let request_id = id.map(|id| id.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        running.abort();
        Got { status, request_id, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Has exported what there is.
    pub(super) async fn close(&self) {
        self.house.traces.as_ref().unwrap().close().await;
    }

    /// Spans that were exported, left out and lost, and exports that failed.
    pub(super) fn counts(&self) -> (u64, u64, u64, u64) {
        let counts = self.house.traces.as_ref().unwrap().counts();
        let each = [&counts.exported, &counts.left_out, &counts.lost, &counts.failures];
        let [exported, left_out, lost, failures] = each.map(|count| count.load(Ordering::Relaxed));
        (exported, left_out, lost, failures)
    }
}
