//! What is older than any report reaches back to goes, and nothing else does.

use bulla_costs::{By, Hour, SPACES};
use bulla_store::{Range, Space};

use crate::script::{DAY_MS, OTHER, SEPTEMBER_MS, Said, Script};

const KMS: &str = "kms.amazonaws.com";
const GONE: &str = "arn:aws:kms:us-east-1:111122223333:key/gone";
const THERE: &str = "arn:aws:kms:us-east-1:111122223333:key/there";
/// When September 2026 is fourteen months ago.
const NOVEMBER_2027_MS: i64 = SEPTEMBER_MS + 426 * DAY_MS;
/// Such as no commit takes away at once.
const USES: i64 = 1_200;

async fn rows(script: &Script, space: &Space) -> usize {
    let view = script.ground.barrier.view().await.unwrap();
    let (mut range, mut count) = (Range::all(), 0);
    loop {
        let page = view.range(*space, &range, 1_000).await.unwrap();
        count += page.rows.len();
        match page.next {
            Some(next) => range.from = next,
            None => return count,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_more_than_thirteen_months_ago_is_dropped() {
    let mut script = Script::new().await;
    let october_ms = SEPTEMBER_MS + 30 * DAY_MS;
    for arn in [GONE, THERE] {
        script.call(Said::new(SEPTEMBER_MS, KMS, "CreateKey", arn)).await;
    }
    for number in 0..USES {
        let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{number}");
        script.call(Said::new(SEPTEMBER_MS + number, KMS, "Encrypt", &arn)).await;
    }
    script.foreign_call(Said::new(SEPTEMBER_MS, KMS, "Encrypt", THERE)).await;
    script.call(Said::new(october_ms - 1, KMS, "ScheduleKeyDeletion", GONE)).await;
    script.call(Said::new(october_ms, KMS, "Encrypt", THERE)).await;
    script.foreign_call(Said::new(october_ms, KMS, "Encrypt", THERE)).await;
    script.meter.settle().await.unwrap();
    let [uses, lives] = SPACES else { panic!("{SPACES:?}") };
    let before = rows(&script, uses).await;
    assert_eq!((before, rows(&script, lives).await), (USES as usize + 6, 2));
    let october = Hour::of(october_ms).month();
    let costs = script.meter.costs(october, By::Service, NOVEMBER_2027_MS).await.unwrap();
    assert_eq!(script.meter.prune(NOVEMBER_2027_MS - 1).await.unwrap(), 0);
    let dropped = script.meter.prune(NOVEMBER_2027_MS).await.unwrap();
    let left = (rows(&script, uses).await, rows(&script, lives).await);
    assert_eq!((dropped, left), (before - 2 + 1, (2, 1)));
    let again = script.meter.costs(october, By::Service, NOVEMBER_2027_MS).await.unwrap();
    assert_eq!(again, costs);
    let september = Hour::of(SEPTEMBER_MS).month();
    let accounts = script.meter.costs(september, By::Account, NOVEMBER_2027_MS).await.unwrap();
    assert!(accounts.iter().all(|(keys, _)| keys[0] != OTHER), "{accounts:?}");
}
