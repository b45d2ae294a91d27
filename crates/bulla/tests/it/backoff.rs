//! Our own client against a quota that many workers share.

use std::time::{Duration, Instant};

use bulla_crypto::SecretBytes;
use bulla_envelope::client::{Client, KMS, RetryPolicy, Settings};
use serde_json::json;

use crate::process::{Server, bulla};

const WORKERS: usize = 200;
const CALLS_EACH: usize = 2;
const RATE: usize = 50;
const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const QUOTA: [&str; 4] = ["quota", "set", "kms", "L-6E3AF000"];

/// A client with a budget of retries of its own, which workers would take from each other.
fn client(server: &Server) -> Client {
    Client::new(Settings {
        endpoint: format!("http://{}", server.address).parse().ok(),
        region: REGION.to_owned(),
        access_key_id: ACCOUNT.to_owned(),
        secret: SecretBytes::new(b"test".to_vec()).into(),
        session_token: None,
        ca_bundle: None,
        retries: RetryPolicy { attempts: 30, ..RetryPolicy::default() },
    })
    .unwrap()
}

/// How many calls were throttled, by the server's metrics.
fn throttled(server: &Server) -> u64 {
    let asked = format!(
        "GET /_bulla/metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        server.address
    );
    let (_, text) = server.send(&asked);
    let line = text.lines().find(|line| {
        line.starts_with("bulla_quota_calls_total") && line.contains("outcome=\"throttled\"")
    });
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn two_hundred_workers_meet_a_quota_of_fifty_a_second_and_all_finish() {
    let server = Server::start(&["dev"]);
    let set = bulla(&[&QUOTA[..], &["50"]].concat())
        .env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
        .env("AWS_ACCESS_KEY_ID", ACCOUNT)
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .output()
        .unwrap();
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    let began = Instant::now();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let done = runtime.block_on(async {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let client = client(&server);
                tokio::spawn(async move {
                    let mut done = 0;
                    for _ in 0..CALLS_EACH {
                        let input = json!({ "NumberOfBytes": 16 });
                        client.call(KMS, "GenerateRandom", &input).await.unwrap();
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        let mut done = 0;
        for worker in workers {
            done += worker.await.unwrap();
        }
        done
    });
    let (took, throttled) = (began.elapsed(), throttled(&server));
    println!("{done} calls, {throttled} throttled, {took:?}");
    assert_eq!(done, WORKERS * CALLS_EACH);
    assert!(throttled > 0);
    // The first second's calls may come at once.
    let least = (WORKERS * CALLS_EACH - RATE) as f64 / RATE as f64 * 0.98;
    assert!(took > Duration::from_secs_f64(least), "the rate was exceeded: {took:?}");
    assert_eq!(server.stop(), Some(0));
}
