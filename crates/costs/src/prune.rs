//! Forgets what is older than any report reaches back to.

use bulla_store::{Expected, Key, Range, SealedBatch, Space};

use crate::calendar::{Day, Hour};
use crate::error::MeterError;
use crate::ledger::{parsed, written};
use crate::lives::Life;
use crate::meter::Meter;
use crate::record::{LIVES, USES};

/// How many rows one commit takes away.
const ROWS_A_COMMIT: usize = 512;

impl Meter {
    /// Takes away the uses of days, and the lives that ended, before the earliest day that is
    /// [told of](Hour::kept_from). Answers how many rows went.
    ///
    /// # Errors
    /// When the store fails. What was taken away by then is gone.
    pub async fn prune(&self, now_ms: i64) -> Result<usize, MeterError> {
        let _alone = self.alone().await;
        let first = Hour::of(now_ms).kept_from();
        Ok(self.prune_uses(first.day()).await? + self.prune_lives(first).await?)
    }

    async fn prune_uses(&self, first: Day) -> Result<usize, MeterError> {
        let mut gone = 0;
        let mut all = Range::all();
        loop {
            // One account after the other, as their days stand together.
            let page = self.barrier.view().await?.range(USES, &all, 1).await?;
            if let Some((key, _)) = page.rows.first() {
                let account = key.as_bytes().split(|byte| *byte == b'/').next().unwrap_or_default();
                let account = String::from_utf8_lossy(account);
                let day = format!("{account}/{:06}", first.0);
                gone += self
                    .empty(
                        USES,
                        Range {
                            from: Key::from(format!("{account}/").as_str()),
                            to: Some(Key::from(day.as_str())),
                        },
                    )
                    .await?;
                // Right behind the slash comes the zero.
                all.from = Key::from(format!("{account}0").as_str());
                continue;
            }
            let Some(next) = page.next else { return Ok(gone) };
            all.from = next;
        }
    }

    /// Deletes the rows of a range.
    async fn empty(&self, space: Space, mut range: Range) -> Result<usize, MeterError> {
        let mut gone = 0;
        loop {
            let page = self.barrier.view().await?.range(space, &range, ROWS_A_COMMIT).await?;
            let batch = page.rows.iter().fold(SealedBatch::new(), |batch, (key, row)| {
                batch.delete(space, key.clone(), Expected::At(row.version))
            });
            if !batch.is_empty() {
                self.barrier.commit(batch).await?;
            }
            gone += page.rows.len();
            let Some(next) = page.next else { return Ok(gone) };
            range.from = next;
        }
    }

    async fn prune_lives(&self, first: Hour) -> Result<usize, MeterError> {
        let mut gone = 0;
        let mut range = Range::all();
        loop {
            let page = self.barrier.view().await?.range(LIVES, &range, ROWS_A_COMMIT).await?;
            let mut batch = SealedBatch::new();
            for (key, row) in &page.rows {
                let (life, expected) =
                    (parsed::<Life>(LIVES, row.value.expose())?, Expected::At(row.version));
                batch = match life.clone().since(first) {
                    Some(rest) if rest == life => batch,
                    Some(rest) => batch.put(LIVES, key.clone(), expected, written(LIVES, &rest)?),
                    None => {
                        gone += 1;
                        batch.delete(LIVES, key.clone(), expected)
                    }
                };
            }
            if !batch.is_empty() {
                self.barrier.commit(batch).await?;
            }
            let Some(next) = page.next else { return Ok(gone) };
            range.from = next;
        }
    }
}
