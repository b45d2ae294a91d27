//! Those who make the load: each over a connection of its own, one call after the other.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{AccessKey, Client};
use crate::door::{Door, text};
use crate::run::demand;

const CONNECTIONS: usize = 16;
/// Calls are signed anew after so many, long before a signature is too old.
const SIGNED_ANEW: u64 = 20_000;
/// One in so many answers is looked at in full.
const LOOKED_AT: u64 = 64;
/// Times are counted in steps of so many µs, up to the last.
const STEP_MICROS: u64 = 10;
const STEPS: usize = 100_000;
const PLAINTEXT: &str = "d2hhdCBpcyB0byBiZSBrZXB0";

/// How fast calls were.
pub(super) struct Pace {
    pub(super) calls: u64,
    pub(super) took: Duration,
    /// How many took so many steps.
    times: Vec<u64>,
}

impl Pace {
    /// What so many of a hundred calls took at most, in µs.
    pub(super) fn percentile(&self, percent: u64) -> u64 {
        let mut left = self.calls * percent / 100;
        for (step, count) in self.times.iter().enumerate() {
            if *count > left {
                return step as u64 * STEP_MICROS;
            }
            left -= count;
        }
        STEPS as u64 * STEP_MICROS
    }
}

/// Encrypts, decrypts and generates data keys for as long as `goes_on` says, which is given how
/// many calls one connection has made.
pub(super) fn call_for(
    address: SocketAddr,
    root: &AccessKey,
    key: &str,
    goes_on: impl Fn(u64) -> bool + Sync,
) -> Result<Pace, String> {
    let mut client = Client::connect(address, root).map_err(|lost| lost.0)?;
    let encrypt = json!({ "KeyId": key, "Plaintext": PLAINTEXT });
    let sealed = text(&client.ask("Encrypt", &encrypt)?, "/CiphertextBlob")?;
    let bodies = [
        ("TrentService.Encrypt", encrypt.to_string()),
        ("TrentService.Decrypt", json!({ "CiphertextBlob": sealed }).to_string()),
        ("TrentService.GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" }).to_string()),
    ];
    let calls = AtomicU64::new(1);
    let began = Instant::now();
    let mut times = vec![0; STEPS + 1];
    std::thread::scope(|scope| {
        let one = || caller(address, root, &bodies, &goes_on, &calls);
        let all: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(one)).collect();
        for caller in all {
            let theirs = caller.join().map_err(|_| "a caller panicked".to_owned())??;
            times.iter_mut().zip(theirs).for_each(|(sum, more)| *sum += more);
        }
        Ok::<_, String>(())
    })?;
    Ok(Pace { calls: calls.into_inner(), took: began.elapsed(), times })
}

fn caller(
    address: SocketAddr,
    root: &AccessKey,
    bodies: &[(&str, String)],
    goes_on: impl Fn(u64) -> bool,
    calls: &AtomicU64,
) -> Result<Vec<u64>, String> {
    let mut client = Client::connect(address, root).map_err(|lost| lost.0)?;
    let mut requests = Vec::new();
    let mut times = vec![0; STEPS + 1];
    let mut made = 0_u64;
    while goes_on(made) {
        if made.is_multiple_of(SIGNED_ANEW) {
            let signed = bodies.iter().map(|(target, body)| client.signed(target, body.as_bytes()));
            requests = signed.collect::<Result<_, _>>()?;
        }
        let which = usize::try_from(made).unwrap_or_default() % requests.len();
        let request = requests.get(which).ok_or("no calls")?;
        let began = Instant::now();
        let reply = client.send(request).map_err(|lost| lost.0)?;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let step = usize::try_from(micros / STEP_MICROS).unwrap_or(STEPS).min(STEPS);
        if let Some(count) = times.get_mut(step) {
            *count += 1;
        }
        let (target, _) = bodies.get(which).ok_or("no calls")?;
        reply.must_succeed(target)?;
        if which == 1 && (made / bodies.len() as u64).is_multiple_of(LOOKED_AT) {
            let opened = text(&reply.json(), "/Plaintext")?;
            demand(opened == PLAINTEXT, || format!("{opened} was decrypted"))?;
        }
        made += 1;
        calls.fetch_add(1, Ordering::Relaxed);
    }
    Ok(times)
}
