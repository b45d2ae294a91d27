//! More at a time than the meter takes: nothing is left out, and nothing counted twice.

use bulla_costs::{By, Hour};
use bulla_plane::journal::Pace;

use crate::script::{SEPTEMBER_MS, Said, Script};

const KMS: &str = "kms.amazonaws.com";
/// More than one commit has.
const KEYS: usize = 1_300;

fn key(number: usize) -> String {
    format!("arn:aws:kms:us-east-1:111122223333:key/{number}")
}

/// Uses each key so often, and creates a key in between, which is decoded by itself.
async fn used(script: &mut Script, times: usize) {
    for time in 0..times {
        for number in 0..KEYS {
            script.call(Said::new(SEPTEMBER_MS + 1, KMS, "Encrypt", &key(number))).await;
            if number % 500 == time {
                script.call(Said::new(SEPTEMBER_MS + 1, KMS, "CreateKey", &key(number))).await;
            }
        }
    }
}

/// How many calls of each key were counted, those for which there are more uses than one.
async fn counted(script: &Script) -> Vec<u64> {
    let month = Hour::of(SEPTEMBER_MS).month();
    let costs = script.meter.costs(month, By::Key, SEPTEMBER_MS + 1).await.unwrap();
    let quantity = |sum: &bulla_costs::Sum| sum.quantity.to_string();
    let whole = |text: String| text.split('.').next().unwrap().parse().unwrap();
    costs.iter().map(|(_, sum)| whole(quantity(sum))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_commit_has_is_counted_in_several() {
    let mut script = Script::new().await;
    used(&mut script, 1).await;
    script.meter.settle().await.unwrap();
    used(&mut script, 1).await;
    script.meter.settle().await.unwrap();
    let counts = counted(&script).await;
    assert_eq!(counts.len(), KEYS);
    // Three keys were created, twice.
    assert_eq!(counts.iter().sum::<u64>(), 2 * (KEYS as u64 + 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_while_the_meter_had_no_room_is_read_again() {
    let mut script = Script::new().await;
    used(&mut script, 1).await;
    script.meter.settle().await.unwrap();
    used(&mut script, 1).await;
    // As a lookup of events does, which waits for nobody.
    script.feed.read_on(Pace::ToTheEnd).unwrap();
    used(&mut script, 1).await;
    script.meter.settle().await.unwrap();
    script.restart();
    script.feed.read_on(Pace::ToTheEnd).unwrap();
    used(&mut script, 1).await;
    script.meter.settle().await.unwrap();
    let counts = counted(&script).await;
    assert_eq!(counts.iter().sum::<u64>(), 4 * (KEYS as u64 + 3));
    assert!(counts.iter().all(|count| [4, 8].contains(count)), "{counts:?}");
}
