//! Delivery to S3, as a peer that is told what to answer sees it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bulla_crypto::SecretBytes;
use bulla_trail::s3::{Access, Buckets};
use bulla_trail::{Object, Place};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::house::House;

/// A put: the path, and the headers by their names in small letters.
#[derive(Clone, Debug)]
struct Put {
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// What was put, and what is answered.
#[derive(Default)]
struct Peer {
    puts: Mutex<Vec<Put>>,
    /// The status of the next answers, and then for ever.
    answers: Mutex<(Vec<u16>, u16)>,
}

impl Peer {
    async fn start() -> (Arc<Self>, SocketAddr) {
        let peer = Arc::new(Self { answers: Mutex::new((Vec::new(), 200)), ..Self::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&peer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let peer = Arc::clone(&serving);
                tokio::spawn(async move { peer.serve(stream).await });
            }
        });
        (peer, address)
    }

    fn answer(&self, next: &[u16], then: u16) {
        *self.answers.lock().unwrap() = (next.to_vec(), then);
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                    break end + 4;
                }
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    return;
                }
            };
            let head = String::from_utf8(bytes.drain(..end).collect()).unwrap();
            let mut lines = head.lines();
            let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
            let headers: BTreeMap<_, _> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length: usize = headers["content-length"].parse().unwrap();
            while bytes.len() < length {
                stream.read_buf(&mut bytes).await.unwrap();
            }
            let body = bytes.drain(..length).collect();
            let status = {
                let mut answers = self.answers.lock().unwrap();
                if answers.0.is_empty() { answers.1 } else { answers.0.remove(0) }
            };
            if status == 200 {
                self.puts.lock().unwrap().push(Put { path, headers, body });
            }
            let text = match status {
                200 => "",
                403 => "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
                _ => "<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>",
            };
            let answer = format!(
                "HTTP/1.1 {status} OK\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n{text}",
                text.len()
            );
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn puts(&self) -> Vec<Put> {
        self.puts.lock().unwrap().clone()
    }
}

fn buckets(address: SocketAddr) -> Buckets {
    Buckets::new(&Access {
        endpoint: Some(format!("http://{address}")),
        region: "eu-central-1".to_owned(),
        access_key_id: "AKIAEXAMPLE000000001".to_owned(),
        secret: Arc::new(SecretBytes::from_slice(b"secret")),
        session_token: None,
    })
}

fn object(kms_key: Option<&str>) -> Object {
    Object {
        bucket: "trail-bkt".to_owned(),
        key: "AWSLogs/1/CloudTrail/x/file.json.gz".to_owned(),
        metadata: vec![("signature", "abcd".to_owned())],
        kms_key: kms_key.map(str::to_owned),
        body: b"body".to_vec(),
    }
}

#[tokio::test]
async fn an_object_is_put_with_what_s3_must_know() {
    let (peer, address) = Peer::start().await;
    let buckets = buckets(address);
    buckets.put(object(None)).await.unwrap();
    let key = "arn:aws:kms:eu-central-1:1:key/k";
    buckets.put(object(Some(key))).await.unwrap();
    let [plain, encrypted] = peer.puts().try_into().unwrap();
    assert!(plain.path.starts_with("/trail-bkt/AWSLogs/1/CloudTrail/x/file.json.gz"));
    assert_eq!(plain.body, b"body");
    let has = |put: &Put, name: &str| put.headers.get(name).cloned();
    assert_eq!(has(&plain, "x-amz-meta-signature").as_deref(), Some("abcd"));
    assert_eq!(has(&plain, "content-type").as_deref(), Some("application/json"));
    assert_eq!(has(&plain, "content-encoding").as_deref(), Some("gzip"));
    assert!(has(&plain, "authorization").unwrap().contains("AKIAEXAMPLE000000001"));
    assert_eq!(has(&plain, "x-amz-server-side-encryption"), None);
    let algorithm = has(&encrypted, "x-amz-server-side-encryption");
    assert_eq!(algorithm.as_deref(), Some("aws:kms"));
    let named = has(&encrypted, "x-amz-server-side-encryption-aws-kms-key-id");
    assert_eq!(named.as_deref(), Some(key));
}

#[tokio::test]
async fn what_passes_is_tried_again_and_a_refusal_is_told() {
    let (peer, address) = Peer::start().await;
    let buckets = buckets(address);
    peer.answer(&[503, 500], 200);
    buckets.put(object(None)).await.unwrap();
    assert_eq!(peer.puts().len(), 1);
    peer.answer(&[], 403);
    let refused = buckets.put(object(None)).await.unwrap_err();
    assert_eq!(refused.0, "trail-bkt: AccessDenied: Access Denied");
    // Nobody there at all.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = self::buckets(gone).put(object(None)).await.unwrap_err();
    assert!(refused.0.starts_with("trail-bkt: "), "{refused}");
}

#[tokio::test]
async fn an_hour_without_s3_loses_nothing_and_doubles_nothing() {
    let (peer, address) = Peer::start().await;
    let house = House::delivering_to(Arc::new(buckets(address))).await;
    let trail =
        json!({ "Name": "main", "S3BucketName": "trail-bkt", "EnableLogFileValidation": true });
    house.call("CreateTrail", trail).await.unwrap();
    house.call("StartLogging", json!({ "Name": "main" })).await.unwrap();
    house.pass_minutes(6).await;
    let before = peer.puts().len();
    assert!(before > 0);
    peer.answer(&[], 503);
    for _ in 0..12 {
        house.call("DescribeTrails", json!({})).await.unwrap();
        house.pass_minutes(5).await;
    }
    assert_eq!(peer.puts().len(), before);
    let status = house.call("GetTrailStatus", json!({ "Name": "main" })).await.unwrap();
    let error = status["LatestDeliveryError"].as_str().unwrap();
    assert_eq!(error, "trail-bkt: SlowDown: Reduce your rate.");
    peer.answer(&[], 200);
    for _ in 0..3 {
        house.pass_minutes(6).await;
    }
    let status = house.call("GetTrailStatus", json!({ "Name": "main" })).await.unwrap();
    assert_eq!(status.get("LatestDeliveryError"), None);
    for put in peer.puts() {
        let (path, body) = (put.path, put.body);
        let key = path.split('?').next().unwrap().trim_start_matches("/trail-bkt/").to_owned();
        let kms_key = None;
        let object = Object { bucket: String::new(), key, metadata: Vec::new(), kms_key, body };
        house.bucket.objects.lock().unwrap().push(object);
    }
    let events = house.bucket.events();
    let ids: std::collections::BTreeSet<_> =
        events.iter().map(|event| event["eventID"].to_string()).collect();
    assert_eq!(ids.len(), events.len(), "an event was delivered twice");
    let described = events.iter().filter(|event| event["eventName"] == "DescribeTrails");
    assert_eq!(described.count(), 12);
    let digests = house.bucket.contents();
    let digests = digests.keys().filter(|key| key.contains("/CloudTrail-Digest/"));
    assert!(digests.count() > 0);
}
