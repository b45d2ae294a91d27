//! Test 10: one byte of a signed request is altered. Whatever is still accepted must mean the
//! same by a second reading that shares no code with the verifier.

use bulla_sigv4::{Credentials, ServiceRules, SignOptions, presign, sign_header};

use crate::random::Random;
use crate::request::{Request, accept};
use crate::run::{Counts, Run, demand, say};

const NOW: i64 = 1_790_000_000;
const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const RULES: ServiceRules<'static> = ServiceRules::new("kms", "eu-west-1");
const MUTATIONS_OF_A_REQUEST: u64 = 500;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    while run.goes_on(100) {
        let seed = run.random.next();
        one(seed, &mut counts).map_err(|error| format!("request {seed}: {error}"))?;
    }
    counts.all_of(&["mutations refused", "accepted with the same meaning"])
}

fn one(seed: u64, counts: &mut Counts) -> Result<(), String> {
    let mut random = Random::new(seed);
    let token = (random.below(2) == 0).then_some("FwoGZXIvYXdzEXAMPLE//token==");
    let known = Credentials { access_key_id: KEY_ID, secret: SECRET, token };
    let other = Credentials { secret: b"another secret", ..known };
    let request = signed(&mut random, &known)?;
    let meaning = request.with_parts(|parts| {
        let claim = accept(parts, NOW, &RULES, &known).map_err(say)?;
        demand(accept(parts, NOW, &RULES, &other).is_err(), || "any key fits".into())?;
        request.meaning(&claim).ok_or_else(|| "the second reading fails".to_owned())
    })?;
    for _ in 0..MUTATIONS_OF_A_REQUEST {
        let Some(mutated) = request.mutate(&mut random) else { continue };
        let same = mutated.with_parts(|parts| {
            let claim = accept(parts, NOW, &RULES, &known).ok()?;
            Some(mutated.meaning(&claim).is_some_and(|found| found == meaning))
        });
        match same {
            None => counts.add("mutations refused", 1),
            Some(true) => counts.add("accepted with the same meaning", 1),
            Some(false) => return Err(format!("wrongly accepted: {mutated:?}")),
        }
    }
    Ok(())
}

fn signed(random: &mut Random, credentials: &Credentials<'_>) -> Result<Request, String> {
    let path = random.pick(&["/", "/a/b", "/a//../b/", "/a%20b"]).copied().unwrap_or("/");
    let query = random.pick(&["", "Action=Encrypt&b=%2F", "b=2&a=1&a"]).copied().unwrap_or("");
    let mut request = Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: vec![
            ("Host".into(), b"kms.eu-west-1.amazonaws.com".to_vec()),
            ("Content-Type".into(), b"application/x-amz-json-1.1".to_vec()),
            ("X-Amz-Target".into(), b"TrentService.Encrypt".to_vec()),
            ("User-Agent".into(), b"torture  1".to_vec()),
        ],
        body: {
            let size = random.below(200);
            random.bytes(size)
        },
    };
    let options = SignOptions {
        declare_body: random.below(2) == 0,
        ..SignOptions::new("kms", "eu-west-1", NOW - 60)
    };
    if random.below(2) == 0 {
        request.query =
            request.with_parts(|parts| presign(parts, credentials, &options, 900)).map_err(say)?;
    } else {
        let added =
            request.with_parts(|parts| sign_header(parts, credentials, &options)).map_err(say)?;
        request.headers.extend(added.into_iter().map(|(name, value)| (name, value.into_bytes())));
    }
    Ok(request)
}
