//! Encrypt while another client has RSA keys made, one after the other.

use std::path::Path;
use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::client::Until;
use crate::error::BenchError;
use crate::request::Call;
use crate::rounds::{Budget, Effort, Rounds, Side};
use crate::scenarios::{Material, encrypt};
use crate::site::{self, Mode, Site};

/// What the run showed.
pub(crate) struct Primes {
    /// First: Encrypt while keys are made. Second: Encrypt alone.
    pub(crate) encrypt: Rounds,
    /// How many RSA-4096 keys were made meanwhile.
    pub(crate) made: u64,
}

/// Measures Encrypt alone and beside the other client in turn, on one server.
pub(crate) fn run(program: &Path, effort: Effort) -> Result<Primes, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let site = Site::init(program, dir.path(), "data")?;
    let server = site.start(Mode::Serve)?;
    let credentials = site.credentials();
    let key_id = Material::create(&server, credentials)?.key_id;
    let pair = json!({ "KeyId": key_id, "KeyPairSpec": "RSA_4096" });
    let pair = Call::kms("GenerateDataKeyPairWithoutPlaintext", &pair);
    let calls = [encrypt(&key_id)];
    let side = |label| Side { label, server: &server, credentials, calls: &calls };
    let (beside, alone) = (side("busy"), side("calm"));
    let name = "Encrypt";
    alone.told_sample(name, effort)?;
    let mut encrypt =
        Rounds { name: name.into(), budget: Budget::None, first: Vec::new(), second: Vec::new() };
    let mut made = 0;
    for _ in 0..effort.rounds {
        encrypt.second.push(alone.told_sample(name, effort)?);
        let over = AtomicBool::new(false);
        let (sample, keys) = thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut keys = 0;
                while !over.load(Ordering::Relaxed) {
                    site::drive(&server, credentials, from_ref(&pair), 1, Until::Calls(1))?;
                    keys += 1;
                }
                Ok::<u64, BenchError>(keys)
            });
            let sample = beside.told_sample(name, effort);
            over.store(true, Ordering::Relaxed);
            (sample, other.join())
        });
        encrypt.first.push(sample?);
        made += keys.map_err(|_| BenchError::malformed("the other client panicked"))??;
    }
    Ok(Primes { encrypt, made })
}
