//! Test 20: secrets must not show in how long things take.
//!
//! Two classes of input are measured in an order by chance, and Welch's t-test is to find no
//! difference between their times, in the manner of dudect (Reparaz, Balasch, Verbauwhede, 2017).
//! The slowest measurements are cut off, as they tell of the machine. Inputs of both classes are
//! laid in one and the same place before the clock runs, as two places in memory can differ in time
//! whatever they hold. A difference that is real comes again: only one that exceeds the bound in
//! several rounds in a row, with the same sign, and does so again with other keys, inputs and
//! places in memory, fails.
//!
//! Whether an access key is known is no secret here: AWS's answers to an unknown one and to a wrong
//! signature differ by themselves.

use std::hint::black_box;
use std::time::Instant;

use bulla_crypto::{
    Crypto, EncryptionScheme, Hash, HmacKey, KeyPair, MlKemSet, PairSpec, RsaBits, RsaPadding,
    SecretBytes, ct_eq,
};

use crate::random::Random;
use crate::run::{Counts, Run, demand, say};

/// The bound of dudect's authors.
const T_MOST: f64 = 4.5;
/// How many rounds in a row must exceed it.
const ROUNDS: usize = 4;
/// The share of measurements that is kept, in percent.
const KEPT: usize = 80;
/// How many measurements of a subject are enough; what is left of its time goes to the next.
const ENOUGH: u64 = 10_000_000;

/// In how many places in a row that must come again before it counts.
const PLACES: usize = 3;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let mut until = 0;
    for (share, make) in SUBJECTS {
        until += share;
        let mut suspicious = 0;
        while !is_calm(run, &mut counts, make, until)? {
            counts.add("renewals", 1);
            suspicious += 1;
            demand(suspicious < PLACES, || {
                format!("in {PLACES} places in a row two classes of input took different times")
            })?;
        }
    }
    counts.all_of(&NAMES)
}

/// Measures a subject in one place in memory, until its time is over or it has enough: whether no
/// difference stood out. Inputs, keys and buffers of one place can differ in time by where they
/// lie; what the secrets make differ comes again wherever they lie.
fn is_calm(run: &mut Run, counts: &mut Counts, make: Make, until: u32) -> Result<bool, String> {
    let subject = make(&mut run.random)?;
    let mut exceeded: Vec<f64> = Vec::new();
    loop {
        let t = round(&subject, &mut run.random);
        counts.add(subject.name, subject.samples as u64);
        counts.most("hundredths of the largest |t|", (t.abs() * 100.0) as u64);
        let same = exceeded.last().is_none_or(|before| before.signum() == t.signum());
        if t.abs() < T_MOST {
            exceeded.clear();
        } else if same {
            exceeded.push(t);
        } else {
            exceeded = vec![t];
        }
        if exceeded.len() >= ROUNDS {
            eprintln!("{} in one place: t = {exceeded:?}", subject.name);
            return Ok(false);
        }
        let enough = counts.of(subject.name) >= ENOUGH || !run.goes_on(until);
        if exceeded.is_empty() && enough {
            return Ok(true);
        }
    }
}

/// Makes a subject.
type Make = fn(&mut Random) -> Result<Subject, String>;

const NAMES: [&str; 5] =
    ["comparisons", "verified tags", "made tags", "decapsulations", "RSA decryptions"];

/// The subjects, each with its share of the time in percent: the dearer, the more.
const SUBJECTS: [(u32, Make); 5] = [(5, compare), (5, verify), (5, mac), (20, kem), (65, rsa)];

/// What is done to an input.
type Act = dyn Fn(&[u8]);

/// What is measured: a thing done to an input of the first or the second class.
struct Subject {
    name: &'static str,
    /// How many measurements make a round.
    samples: usize,
    /// How often the thing is done in one measurement.
    repeats: usize,
    inputs: [Vec<u8>; 2],
    act: Box<Act>,
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let flip = |(index, byte): (usize, &u8)| if index == at { byte ^ 1 } else { *byte };
    bytes.iter().enumerate().map(flip).collect()
}

fn bytes(random: &mut Random, len: usize) -> Vec<u8> {
    std::iter::repeat_with(|| random.next().to_le_bytes()).flatten().take(len).collect()
}

/// Comparing tokens: the first or the last byte differs.
fn compare(random: &mut Random) -> Result<Subject, String> {
    let right = bytes(random, 64);
    let inputs = [flipped(&right, 0), flipped(&right, 63)];
    let act = Box::new(move |other: &[u8]| {
        black_box(ct_eq(black_box(&right), other));
    });
    Ok(Subject { name: "comparisons", samples: 20_000, repeats: 16, inputs, act })
}

/// Verifying a tag: the first or the last byte is wrong.
fn verify(random: &mut Random) -> Result<Subject, String> {
    let key = HmacKey::new(&bytes(random, 32));
    let right = key.sign(&[b"message"]);
    let inputs = [flipped(&right, 0), flipped(&right, 31)];
    let act = Box::new(move |tag: &[u8]| {
        black_box(key.verify(&[b"message"], tag));
    });
    Ok(Subject { name: "verified tags", samples: 20_000, repeats: 4, inputs, act })
}

/// Making a tag: a key of zeros, or of ones.
fn mac(_random: &mut Random) -> Result<Subject, String> {
    let crypto = Crypto::standard();
    let inputs = [vec![0; 32], vec![0xff; 32]];
    let act = Box::new(move |key: &[u8]| {
        let key = SecretBytes::from_slice(key);
        black_box(crypto.tag(Hash::Sha256, black_box(&key), b"message"));
    });
    Ok(Subject { name: "made tags", samples: 20_000, repeats: 4, inputs, act })
}

fn pair(crypto: &Crypto, spec: PairSpec) -> Result<Box<dyn KeyPair>, String> {
    let private = crypto.pairs.generate(&*crypto.rng, spec).map_err(say)?;
    crypto.pairs.open(spec, private.expose()).map_err(say)
}

/// RSA decryption that fails late, at the hash of the label, or early, at the first byte: who can
/// tell them apart decrypts by asking (Manger, 2001).
fn rsa(_random: &mut Random) -> Result<Subject, String> {
    const SCHEME: EncryptionScheme = EncryptionScheme::Rsa(RsaPadding::OaepSha256);
    let crypto = Crypto::standard();
    let pair = pair(&crypto, PairSpec::Rsa(RsaBits::B2048))?;
    let encryption = pair.encryption().ok_or("RSA does not encrypt")?;
    let late =
        encryption.encrypt(EncryptionScheme::Rsa(RsaPadding::OaepSha1), b"secret").map_err(say)?;
    // Below the modulus, as the first byte is zero, and no encoded message.
    let mut early = crypto.random::<256>().map_err(say)?.to_vec();
    if let Some(first) = early.first_mut() {
        *first = 0;
    }
    let act = Box::new(move |sealed: &[u8]| {
        let opened = pair.encryption().map(|rsa| rsa.decrypt(SCHEME, sealed));
        black_box(opened.is_some_and(|opened| opened.is_ok()));
    });
    let inputs = [late, early];
    Ok(Subject { name: "RSA decryptions", samples: 400, repeats: 1, inputs, act })
}

/// Decapsulation of a good ciphertext, or of an altered one, whose secret must be as good.
fn kem(_random: &mut Random) -> Result<Subject, String> {
    let pair = pair(&Crypto::standard(), PairSpec::MlKem(MlKemSet::M768))?;
    let (good, _) = pair.encapsulation().ok_or("no KEM")?.encapsulate().map_err(say)?;
    let altered = flipped(&good, 500);
    let act = Box::new(move |sealed: &[u8]| {
        black_box(pair.encapsulation().map(|kem| kem.decapsulate(sealed).is_ok()));
    });
    let inputs = [good, altered];
    Ok(Subject { name: "decapsulations", samples: 4_000, repeats: 1, inputs, act })
}

/// Measures, and gives Welch's t.
fn round(subject: &Subject, random: &mut Random) -> f64 {
    let [first, second] = &subject.inputs;
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut place = Vec::new();
    for _ in 0..subject.samples {
        let is_second = random.next() & 1 == 1;
        place.clear();
        place.extend_from_slice(if is_second { second } else { first });
        let start = Instant::now();
        for _ in 0..subject.repeats {
            (subject.act)(black_box(&place));
        }
        let took = start.elapsed().as_nanos() as f64;
        if let Some(class) = times.get_mut(usize::from(is_second)) {
            class.push(took);
        }
    }
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let bound = all.get(all.len() * KEPT / 100).copied().unwrap_or(f64::MAX);
    let [first, second] = times.map(|class| moments(class.into_iter().filter(|t| *t <= bound)));
    welch(first, second)
}

/// Number, mean and variance.
fn moments(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    // Welford's method.
    let (n, mean, squares) = values.fold((0.0, 0.0, 0.0), |(n, mean, squares), value| {
        let n = n + 1.0;
        let step = value - mean;
        let mean = mean + step / n;
        (n, mean, squares + step * (value - mean))
    });
    (n, mean, squares / (n - 1.0).max(1.0))
}

fn welch(first: (f64, f64, f64), second: (f64, f64, f64)) -> f64 {
    let spread = (first.2 / first.0.max(1.0) + second.2 / second.0.max(1.0)).sqrt();
    if spread > 0.0 { (first.1 - second.1) / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_that_stops_early_is_found_out() {
        let right = vec![7_u8; 4_096];
        let inputs = [flipped(&right, 0), flipped(&right, 4_095)];
        let act = Box::new(move |other: &[u8]| {
            black_box(right.iter().zip(other).all(|(a, b)| black_box(a) == black_box(b)));
        });
        let subject = Subject { name: "naive", samples: 2_000, repeats: 1, inputs, act };
        let mut random = Random::new(1);
        let found = (0..ROUNDS).filter(|_| round(&subject, &mut random).abs() > T_MOST).count();
        assert_eq!(found, ROUNDS);
    }

    #[test]
    fn the_statistic_is_welchs() {
        let first = moments([1.0, 2.0, 3.0, 4.0].into_iter());
        let second = moments([2.0, 4.0, 6.0, 8.0].into_iter());
        assert_eq!((first.0, first.1), (4.0, 2.5));
        assert!((welch(first, second) + 1.732_050_8).abs() < 1e-6);
    }
}
