//! Test 22: a stuck random source, and clones of a whole process, must not repeat a nonce.

use std::collections::HashSet;

use bulla_crypto::{Crypto, CryptoError, HEDGED_NONCE_LEN};
use std::sync::Arc;

use crate::clones;
use crate::random::Stuck;
use crate::run::{Counts, Run, demand, say};
use crate::store::root;

type Nonce = [u8; HEDGED_NONCE_LEN];

/// How many nonces are remembered at a time; older ones are forgotten, some 100 MiB of them.
const REMEMBERED: usize = 4_000_000;
const OF_A_CLONE: u64 = 20_000;
const BATCH: u64 = 1_000;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    refuses_to_start()?;
    while run.goes_on(40) {
        counts.add("nonces of clones", cloned(run.random.next())?);
    }
    // Without the continuous test in front of it: the nonce itself must bear a stuck source.
    let crypto = Crypto::on(Arc::new(Stuck));
    let (key, mut seen) = (root()?, HashSet::<Nonce>::new());
    let mut message = 0_u64;
    while run.goes_on(100) {
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        for _ in 0..BATCH {
            // Every message comes twice: a process counts, so even the same one differs.
            let bytes = (message / 2).to_be_bytes();
            let nonce = crypto.hedged_nonce(&key, &[&bytes, b"context"]).map_err(say)?;
            demand(seen.insert(nonce), || format!("message {} repeats a nonce", message / 2))?;
            message += 1;
        }
    }
    counts.add("nonces of a stuck source", message);
    counts.all_of(&["nonces of clones", "nonces of a stuck source"])
}

/// The provider as it is shipped notices the stuck source.
fn refuses_to_start() -> Result<(), String> {
    let outcome = Crypto::with_rng(Stuck).hedged_nonce(&root()?, &[b"message"]);
    demand(outcome == Err(CryptoError::RandomSourceStuck), || {
        "the continuous test lets a stuck source pass".into()
    })
}

/// Two processes with the same random bytes and the same counter: the same messages show that
/// they are clones, different messages must never share a nonce.
fn cloned(seed: u64) -> Result<u64, String> {
    let first = clones::ask("nonces", seed, OF_A_CLONE, 0)?;
    let twin = clones::ask("nonces", seed, OF_A_CLONE, 0)?;
    demand(first == twin, || format!("seed {seed}: the clones are none"))?;
    let other = clones::ask("nonces", seed, OF_A_CLONE, OF_A_CLONE)?;
    let mut seen = HashSet::new();
    let (first, _) = first.as_chunks::<HEDGED_NONCE_LEN>();
    let (other, _) = other.as_chunks::<HEDGED_NONCE_LEN>();
    let all = first.iter().chain(other);
    let repeated = all.filter(|nonce| !seen.insert(**nonce)).count();
    demand(repeated == 0, || format!("seed {seed}: {repeated} nonces of clones repeat"))?;
    demand(seen.len() as u64 == 2 * OF_A_CLONE, || "a clone answered too little".into())?;
    Ok(2 * OF_A_CLONE)
}
