//! The compiled evaluator agrees with the naive one on random scenarios.
//!
//! The slice runs in the suite, the long run is torture test 11. The seed of a disagreement belongs
//! into [`REGRESSIONS`].

use proptest::prelude::{ProptestConfig, any, proptest};

use crate::second::compare::check;
use crate::second::reference::Answer;

/// Seeds that once disagreed.
const REGRESSIONS: [u64; 1] = [4_295_419_775];

#[test]
fn regressions() {
    for seed in REGRESSIONS {
        check(seed).unwrap();
    }
}

#[test]
fn the_generator_reaches_every_answer() {
    let mut counts = [0u32; 3];
    for seed in 0..2_000 {
        counts[match check(seed).unwrap() {
            Answer::Allowed => 0,
            Answer::Implicit => 1,
            Answer::Explicit => 2,
        }] += 1;
    }
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn slice(seed in any::<u64>()) {
        check(seed).unwrap();
    }
}
