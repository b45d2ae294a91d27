//! Test 14: what was taken away stays away. Several threads call while another takes away what
//! lets them, and gives it again: no call that began after the taking had answered may be allowed,
//! and none that began after the giving may be refused.

mod case;
mod race;
mod ways;
mod world;

use self::ways::WAYS;
use self::world::World;
use crate::random::Random;
use crate::run::{Counts, Run};

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    // Each way at least once, however short the time.
    loop {
        let seed = run.random.next();
        pass(seed, &mut counts).map_err(|error| format!("pass {seed}: {error}"))?;
        if !run.goes_on(100) {
            break;
        }
    }
    counts.all_of(&["calls after it was taken", "calls after it was given", "calls amid it"])
}

/// Every way of taking away, a few times each.
fn pass(seed: u64, counts: &mut Counts) -> Result<(), String> {
    let mut random = Random::new(seed);
    let world = World::new(seed)?;
    let mut ways: Vec<_> = WAYS.iter().enumerate().collect();
    while !ways.is_empty() {
        let (number, way) = ways.swap_remove(random.below(ways.len()));
        let case = case::make(&world, way, number);
        let raced = case.and_then(|case| race::run(&world, case, &mut random, counts));
        raced.map_err(|error| format!("{}: {error}", way.name))?;
        counts.add("ways", 1);
    }
    Ok(())
}
