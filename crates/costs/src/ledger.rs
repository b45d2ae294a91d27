//! Adds what was counted to the rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

use bulla_store::{Expected, SealedBatch, Space, Version};

use crate::draft::{Counted, Stretch};
use crate::error::MeterError;
use crate::lives::{self, Change, Life, account_of};
use crate::marks::{Mark, Marks, Position};
use crate::meter::Meter;
use crate::name::Named;
use crate::record::{Cell, LIVES, POSITION, POSITION_ROW, USES};
use crate::uses::by_spec;

/// How far the store has what was counted.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) marks: Marks,
    pub(crate) version: Expected,
    /// Whether a reset had it pass over some of the journal, which is not written yet.
    pub(crate) is_raised: bool,
}

impl Meter {
    /// How far the rows go.
    pub(crate) async fn stored(&self) -> Result<Stored, MeterError> {
        let row = self.barrier.get(POSITION, POSITION_ROW.as_bytes()).await?;
        let version = Expected::from(row.as_ref().map(|opened| opened.version));
        let position = match &row {
            Some(opened) => parsed(POSITION, opened.value.expose())?,
            None => Position::default(),
        };
        let mut marks = Marks::from(&position);
        let emptied = self.emptied.load(Ordering::Acquire);
        let is_raised = marks.least().sequence < emptied;
        marks.go_on(Mark { sequence: emptied, request: None }, |_| true);
        self.needed.store(marks.least().sequence.saturating_add(1), Ordering::Release);
        Ok(Stored { marks, version, is_raised })
    }

    /// Adds a stretch to the rows, and how far it goes, in one commit. Nobody else writes them, but
    /// for a reset, which then makes this fail.
    pub(crate) async fn commit(
        &self,
        stretch: Stretch,
        position: Expected,
    ) -> Result<(), MeterError> {
        let Stretch { marks, changes, uses } = stretch;
        let row = written(POSITION, &Position::from(&marks))?;
        let batch = SealedBatch::new().put(POSITION, POSITION_ROW, position, row);
        let (lives, mut batch) = self.lives(&changes, batch).await?;
        for (key, mut cell) in self.rows(&uses, &lives).await? {
            let known = self.barrier.get(USES, key.as_bytes()).await?;
            let expected = Expected::from(known.as_ref().map(|opened| opened.version));
            if let Some(opened) = &known {
                cell.merge(&parsed(USES, opened.value.expose())?);
            }
            let bytes = written(USES, &cell)?;
            batch = batch.put(USES, key, expected, bytes);
        }
        self.barrier.commit(batch).await?;
        Ok(())
    }

    /// What is to be added to each row, in their order.
    async fn rows(
        &self,
        uses: &[Counted],
        lives: &HashMap<String, Life>,
    ) -> Result<BTreeMap<String, Cell>, MeterError> {
        let mut rows: BTreeMap<String, Cell> = BTreeMap::new();
        for Counted { name, units } in uses {
            let Some(named) = Named::read(name) else { continue };
            let key = self.row(&named, lives).await?;
            rows.entry(key)
                .or_insert_with(|| Cell::new(named.resource, named.principal))
                .add(named.hour, *units);
        }
        Ok(rows)
    }

    /// The key of a use's row, which may take a look at the key that was used.
    async fn row(
        &self,
        named: &Named<'_>,
        lives: &HashMap<String, Life>,
    ) -> Result<String, MeterError> {
        if !named.is_by_key() {
            return Ok(named.row(by_spec(None)));
        }
        let key = life_key(account_of(named.resource), named.resource);
        let item = match lives.get(&key) {
            Some(life) => by_spec(lives::spec(Some(life))),
            None => by_spec(lives::spec(self.life(&key).await?.0.as_ref())),
        };
        Ok(named.row(item))
    }

    /// The lives that changes change, and the batch with them.
    async fn lives(
        &self,
        changes: &[Change],
        mut batch: SealedBatch,
    ) -> Result<(HashMap<String, Life>, SealedBatch), MeterError> {
        let mut changed: HashMap<String, (Option<Life>, Option<Version>)> = HashMap::new();
        for change in changes {
            let key = life_key(change.account(), &change.arn);
            let known = match changed.remove(&key) {
                Some(known) => known,
                None => self.life(&key).await?,
            };
            changed.insert(key, (Life::after(known.0, change), known.1));
        }
        let mut lives = HashMap::new();
        for (key, (life, version)) in changed {
            let Some(life) = life else { continue };
            let bytes = written(LIVES, &life)?;
            batch = batch.put(LIVES, key.as_str(), Expected::from(version), bytes);
            lives.insert(key, life);
        }
        Ok((lives, batch))
    }

    async fn life(&self, key: &str) -> Result<(Option<Life>, Option<Version>), MeterError> {
        let Some(opened) = self.barrier.get(LIVES, key.as_bytes()).await? else {
            return Ok((None, None));
        };
        let life = parsed(LIVES, opened.value.expose())?;
        Ok((Some(life), Some(opened.version)))
    }
}

/// The key of a life's row.
fn life_key(account: &str, arn: &str) -> String {
    format!("{account}/{arn}")
}

pub(crate) fn parsed<T: serde::de::DeserializeOwned>(
    space: Space,
    bytes: &[u8],
) -> Result<T, MeterError> {
    serde_json::from_slice(bytes).map_err(|error| MeterError::Row(space, error))
}

pub(crate) fn written<T: serde::Serialize>(space: Space, row: &T) -> Result<Vec<u8>, MeterError> {
    serde_json::to_vec(row).map_err(|error| MeterError::Row(space, error))
}
