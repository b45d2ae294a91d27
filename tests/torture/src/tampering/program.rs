//! Crimes on the journal of the program: beside a server that runs, and once it has ended.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulla_crypto::Crypto;
use bulla_plane::journal::{ChainKey, MAX_FAULTS};
use bulla_plane::root::{KeyFileSeal, unseal};

use super::crime::{ALL, Crime, Done, Findings, IN_PLACE, Named, must_be_named, spree};
use super::layout::{Segment, layout, some};
use crate::client::{AccessKey, Client};
use crate::random::Random;
use crate::run::{Counts, Run, demand, say};
use crate::server::Site;

/// How many call at once while the journal is filled.
const CALLERS: usize = 4;
/// So many calls for each so much time that there is, and a million at most.
const CALLS: u64 = 2_000;
const FOR_EACH: Duration = Duration::from_secs(3);
const LEAST_CALLS: u64 = 300;
const MOST_CALLS: u64 = 1_000_000;
/// Calls are signed anew after so many, long before a signature is too old.
const SIGNED_ANEW: u64 = 5_000;
/// Up to which part of the time the journal is filled, at most; then crimes beside the server, and
/// after its end.
const FILL_PERCENT: u32 = 75;
const BESIDE_PERCENT: u32 = 88;

pub(super) fn beside_a_server_and_after_it(
    run: &mut Run,
    counts: &mut Counts,
) -> Result<(), String> {
    let site = Site::new("keyfile", Vec::new(), None)?;
    let (server, address, _) = site.start()?;
    let calls = (CALLS * u64::from(run.parts(FOR_EACH))).min(MOST_CALLS);
    counts.add("calls that a server recorded", fill(address, &site.root, calls, run)?);
    let key = chain_key(&site)?;
    let mut segments = layout(&site.data().join("journal"), &key)?;
    // The server writes on in the last one, where nothing may move.
    let written = segments.pop().ok_or("nothing was recorded")?;
    let mut random = run.random.clone();
    let mut most = segments.len();
    let mut first = true;
    while first || run.goes_on(BESIDE_PERCENT) {
        first = false;
        let mut chosen: Vec<(&Segment, &[Crime])> = vec![(&written, &IN_PLACE)];
        let complete = some(&segments, most, &mut random).into_iter();
        chosen.extend(complete.map(|segment| (segment, ALL.as_slice())));
        counts.add("crimes beside a server", crimes(&site, &chosen, &mut most, &mut random)?);
    }
    let status = server.end_by("TERM")?;
    demand(status.success(), || format!("asked to end, it ended with {status}"))?;
    let segments = layout(&site.data().join("journal"), &key)?;
    let mut first = true;
    while first || run.goes_on(100) {
        first = false;
        let chosen = some(&segments, most.max(1), &mut random);
        let chosen: Vec<_> = chosen.into_iter().map(|segment| (segment, ALL.as_slice())).collect();
        counts.add("crimes after its end", crimes(&site, &chosen, &mut most, &mut random)?);
    }
    Ok(())
}

/// The key of the journal's chain, by which its reader tells where records stand.
fn chain_key(site: &Site) -> Result<Arc<ChainKey>, String> {
    let crypto = Crypto::standard();
    let seal = KeyFileSeal::beside(&site.data()).map_err(say)?;
    let root = unseal(&crypto, &site.data(), &seal).map_err(say)?;
    ChainKey::of(&crypto, &root).map(Arc::new).map_err(say)
}

/// Calls until so many calls were made, or the time for it is over: well-formed, denied and
/// malformed ones.
fn fill(address: SocketAddr, root: &AccessKey, calls: u64, run: &Run) -> Result<u64, String> {
    let made = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let call = || {
            let mut client = Client::connect(address, root).map_err(|lost| lost.0)?;
            let bodies = [
                ("TrentService.ListKeys", "{}"),
                ("TrentService.DescribeKey", "{\"KeyId\":\"alias/nobody\"}"),
                ("TrentService.Encrypt", "{\"KeyId\":1}"),
            ];
            let mut requests = Vec::new();
            loop {
                let number = made.fetch_add(1, Ordering::Relaxed);
                let late = number >= LEAST_CALLS && !run.goes_on(FILL_PERCENT);
                if number >= calls || late {
                    made.fetch_sub(1, Ordering::Relaxed);
                    return Ok::<_, String>(());
                }
                if requests.is_empty() || number.is_multiple_of(SIGNED_ANEW) {
                    let signed =
                        bodies.map(|(target, body)| client.signed(target, body.as_bytes()));
                    requests = signed.into_iter().collect::<Result<Vec<_>, _>>()?;
                }
                let which = usize::try_from(number).map_err(say)? % requests.len();
                let request = requests.get(which).ok_or("no request")?;
                let reply = client.send(request).map_err(|lost| lost.0)?;
                demand(!reply.is_our_fault(), || format!("a call failed by {}", reply.status))?;
            }
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(call)).collect();
        for caller in callers {
            caller.join().map_err(|_| "a caller panicked".to_owned())??;
        }
        Ok(made.load(Ordering::Relaxed))
    })
}

/// Commits crimes in all these segments, has them named by one check, and undoes them; how many
/// were named. `most` is how many segments are taken at once.
fn crimes(
    site: &Site,
    chosen: &[(&Segment, &[Crime])],
    most: &mut usize,
    random: &mut Random,
) -> Result<u64, String> {
    let mut good = Vec::new();
    let mut done: Vec<Done> = Vec::new();
    for (segment, crimes) in chosen {
        good.push((segment, segment.read()?));
        done.extend(spree(segment, crimes, random)?);
    }
    let (clean, findings) = verify(site)?;
    demand(done.is_empty() || !clean, || "crimes, and yet nothing is said".into())?;
    let count = must_be_named(&done, &findings)?;
    if !findings.all_listed {
        *most /= 2;
    }
    for (segment, bytes) in good {
        segment.write(&bytes)?;
    }
    let (clean, findings) = verify(site)?;
    demand(clean, || format!("all was undone, and yet named: {:?}", findings.named))?;
    Ok(count)
}

/// Whether `bulla audit verify` finds nothing, and the records that it names.
fn verify(site: &Site) -> Result<(bool, Findings), String> {
    let output = site.run(&["audit", "verify"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    let all_listed = said.lines().count() < MAX_FAULTS;
    let findings = Findings { named: said.lines().filter_map(named).collect(), all_listed };
    Ok((output.status.success(), findings))
}

/// The records that a line names: `(record 7)`, `(records 7 to 9)`; or by how far the journal had
/// come when it was cut off at its end.
fn named(line: &str) -> Option<Named> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    if let Some((_, rest)) = line.split_once("(record ") {
        let record = number(rest.split_once(')')?.0)?;
        return Some((record, record));
    }
    if let Some((_, rest)) = line.split_once("(records ") {
        let (first, last) = rest.split_once(')')?.0.split_once(" to ")?;
        return Some((number(first)?, number(last)?));
    }
    let (_, rest) = line.split_once("its journal sequence is ")?;
    let (found, rest) = rest.split_once(", but ")?;
    Some((number(found)? + 1, number(rest.split_once(" was seen")?.0)?))
}
