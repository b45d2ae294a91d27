//! What a stretch of the journal comes to, before it is added to the rows.

use std::collections::HashMap;
use std::fmt::Write as _;

use bulla_crypto::{hex, sha256};
use bulla_plane::journal::RecordRef;

use crate::calendar::Day;
use crate::changes;
use crate::lives::Change;
use crate::prices::Item;
use crate::record::{Cell, Position};
use crate::uses::{self, BY_KEY, Use};

/// How many cells and changes a stretch has at most: what is in memory, and in one commit.
const MAX_ROWS: usize = 512;
/// The bytes between the parts of a cell's name; no part has one.
const BETWEEN: char = '\0';

/// The sum of a stretch.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) position: Position,
    /// By what tells cells apart.
    cells: HashMap<String, Cell>,
    pub(crate) changes: Vec<Change>,
    /// The name of the cell that is looked for.
    name: String,
}

impl Draft {
    pub(crate) fn after(position: Position) -> Self {
        let (cells, changes, name) = (HashMap::new(), Vec::new(), String::new());
        Self { position, cells, changes, name }
    }

    /// Whether it is large enough to be written.
    pub(crate) fn is_full(&self) -> bool {
        self.cells.len() + self.changes.len() >= MAX_ROWS
    }

    /// Adds a record. One of the same call as the last that counted is no other use: a call may
    /// have several records, one after the other.
    pub(crate) fn add(&mut self, sequence: u64, record: &RecordRef<'_>) {
        self.position.sequence = sequence;
        self.changes.extend(changes::of(record));
        let Some(used) = uses::of(record) else { return };
        let request = record.request_id.map(|id| hex::encode(&id));
        if request.is_some() && request == self.position.request {
            return;
        }
        self.position.request = request;
        self.count(&used);
    }

    fn count(&mut self, used: &Use<'_>) {
        self.name.clear();
        // Writing to a string cannot fail.
        let _infallible = write!(self.name, "{}{BETWEEN}{}", used.account, used.hour.day().0);
        let priced = used.priced.code();
        for part in [used.region, priced, used.operation, used.resource, used.principal] {
            self.name.push(BETWEEN);
            self.name.push_str(part);
        }
        if let Some(cell) = self.cells.get_mut(&self.name) {
            cell.add(used.hour, used.units);
            return;
        }
        let mut cell = Cell::new(used.resource, used.principal);
        cell.add(used.hour, used.units);
        self.cells.insert(self.name.clone(), cell);
    }

    /// The cells, each with what its row's key is made from.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (Named<'_>, &Cell)> {
        self.cells.iter().filter_map(|(name, cell)| {
            let mut parts = name.split(BETWEEN);
            let account = parts.next()?;
            let day = Day(parts.next()?.parse().ok()?);
            let (region, priced, operation) = (parts.next()?, parts.next()?, parts.next()?);
            Some((Named { account, day, region, priced, operation }, cell))
        })
    }
}

/// What tells cells apart, but for what they say themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'n> {
    pub(crate) account: &'n str,
    pub(crate) day: Day,
    pub(crate) region: &'n str,
    priced: &'n str,
    operation: &'n str,
}

impl Named<'_> {
    pub(crate) fn is_by_key(&self) -> bool {
        self.priced == BY_KEY
    }

    /// The key of the cell's row, of what it turns out to be charged as.
    pub(crate) fn row(&self, cell: &Cell, by_key: &Item) -> String {
        let code = if self.is_by_key() { by_key.code } else { self.priced };
        let told = format!("{}{BETWEEN}{}", cell.resource, cell.principal);
        let digest = sha256(told.as_bytes());
        let digest = hex::encode(digest.get(..8).unwrap_or_default());
        let Self { account, day, region, operation, .. } = self;
        format!("{account}/{:06}/{region}/{code}/{operation}/{digest}", day.0)
    }
}
