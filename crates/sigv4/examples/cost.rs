//! What authentication costs: `cargo run --release -p bulla-sigv4 --example cost`.
//!
//! A KMS request as an SDK sends it, with a JSON body of 1.5 KB and a cached signing key.

use std::hint::black_box;
use std::time::Instant;

use bulla_sigv4::{
    AuthError, Credentials, Header, RequestParts, Scratch, ServiceRules, SignOptions, SigningKey,
    parse, presign, sign_header,
};

const NOW: i64 = 1_440_938_160;
const ROUNDS: u32 = 200_000;
const BATCHES: u32 = 7;
const BODY_BYTES: usize = 1_500;

/// The best batch's nanoseconds per round: the others were disturbed.
fn best(mut work: impl FnMut() -> Result<(), AuthError>) -> Result<f64, AuthError> {
    let mut best = f64::INFINITY;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            work()?;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS));
    }
    Ok(best)
}

fn main() -> Result<(), AuthError> {
    let secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let credentials = Credentials { access_key_id: "AKIDEXAMPLE", secret, token: None };
    let options = SignOptions::new("kms", "eu-central-1", NOW);
    let rules = ServiceRules::new("kms", "eu-central-1");
    let body = vec![b'a'; BODY_BYTES];
    let plain: &[Header<'_>] = &[
        ("host", b"kms.eu-central-1.amazonaws.com"),
        ("content-type", b"application/x-amz-json-1.1"),
        ("x-amz-target", b"TrentService.Encrypt"),
        ("user-agent", b"aws-sdk-rust/1.3.1 os/linux lang/rust/1.95.0"),
        ("accept-encoding", b"identity"),
        ("content-length", b"1500"),
        ("amz-sdk-request", b"attempt=1; max=3"),
        ("amz-sdk-invocation-id", b"7f6f3b1a-3c9e-4a5e-8f4e-0b6a2f0c9d1e"),
    ];
    let mut parts =
        RequestParts { method: "POST", path: "/", query: "", headers: plain, body: &body };
    let added = sign_header(&parts, &credentials, &options)?;
    let mut headers = plain.to_vec();
    headers.extend(added.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
    parts.headers = &headers;
    let key = SigningKey::derive(secret, "20150830", "eu-central-1", "kms");
    let mut scratch = Scratch::default();

    let hash = best(|| {
        black_box(bulla_crypto::sha256(black_box(&body)));
        Ok(())
    })?;
    println!("sha256 of the body            {hash:7.0} ns");
    let parsing = best(|| parse(black_box(&parts), NOW, &rules).map(|_| ()))?;
    println!("parse                         {parsing:7.0} ns");
    let whole = best(|| {
        let claim = parse(black_box(&parts), NOW, &rules)?;
        claim.verify_with(&parts, &key, &mut scratch)
    })?;
    println!("parse, verify                 {whole:7.0} ns");
    let fresh = best(|| parse(black_box(&parts), NOW, &rules)?.verify(&parts, &key))?;
    println!("parse, verify, fresh buffers  {fresh:7.0} ns");
    let derive = best(|| {
        black_box(SigningKey::derive(secret, "20150830", "eu-central-1", "kms"));
        Ok(())
    })?;
    println!("derive a signing key          {derive:7.0} ns");

    parts.headers = plain.get(..2).unwrap_or_default();
    let query = presign(&parts, &credentials, &options, 900)?;
    parts.query = &query;
    let presigned = best(|| {
        let claim = parse(black_box(&parts), NOW, &rules)?;
        claim.verify_with(&parts, &key, &mut scratch)
    })?;
    println!("parse, verify, presigned      {presigned:7.0} ns");
    Ok(())
}
