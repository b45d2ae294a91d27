//! What a stretch of the journal comes to, before it is added to the rows.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bulla_crypto::{hex, sha256};

use crate::calendar::{Day, Hour};
use crate::lives::Change;
use crate::prices::Item;
use crate::record::{Cell, Position};
use crate::uses::{BY_KEY, Use};

/// How many cells and changes a stretch has at most: what is in memory, and in one commit.
const MAX_ROWS: usize = 512;
/// The most records of a stretch.
const MAX_RECORDS: usize = 65_536;
/// The bytes between the parts of a cell's name; no part has one.
const BETWEEN: char = '\0';

/// The sum of a stretch.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The last record that was added, or passed over.
    pub(crate) sequence: u64,
    /// The id of the last request that was counted.
    request: Option<[u8; 16]>,
    records: usize,
    cells: Vec<Counted>,
    /// By what tells cells apart.
    by_name: HashMap<Arc<str>, usize>,
    pub(crate) changes: Vec<Change>,
    /// The name of the cell that is looked for.
    name: String,
}

#[derive(Debug)]
struct Counted {
    name: Arc<str>,
    cell: Cell,
}

impl Draft {
    pub(crate) fn after(position: &Position) -> Self {
        let request = position.request.as_deref().and_then(|id| hex::decode(id).ok());
        Self {
            sequence: position.sequence,
            request: request.and_then(|id| id.try_into().ok()),
            records: 0,
            cells: Vec::new(),
            by_name: HashMap::new(),
            changes: Vec::new(),
            name: String::new(),
        }
    }

    /// How far it goes.
    pub(crate) fn position(&self) -> Position {
        let request = self.request.map(|id| hex::encode(&id));
        Position { sequence: self.sequence, request }
    }

    /// Whether it is large enough to be written.
    pub(crate) fn is_full(&self) -> bool {
        self.cells.len() + self.changes.len() >= MAX_ROWS || self.records >= MAX_RECORDS
    }

    /// Goes on to a record.
    pub(crate) fn pass(&mut self, sequence: u64) {
        self.sequence = sequence;
        self.records += 1;
    }

    /// Whether a use is not of the same request as the last that counted: a call may have several
    /// records, one after the other, and is one use.
    pub(crate) fn is_new(&mut self, request: Option<[u8; 16]>) -> bool {
        let is_new = request.is_none() || request != self.request;
        self.request = request;
        is_new
    }

    /// Counts a use, and answers in which cell.
    pub(crate) fn count(&mut self, used: &Use<'_>) -> usize {
        self.name.clear();
        // Writing to a string cannot fail.
        let _infallible = write!(self.name, "{}{BETWEEN}{}", used.account, used.hour.day().0);
        let priced = used.priced.code();
        for part in [used.region, priced, used.operation, used.resource, used.principal] {
            self.name.push(BETWEEN);
            self.name.push_str(part);
        }
        let known = self.by_name.get(self.name.as_str()).copied();
        let cell = known.unwrap_or_else(|| {
            let name: Arc<str> = self.name.as_str().into();
            self.by_name.insert(Arc::clone(&name), self.cells.len());
            self.cells.push(Counted { name, cell: Cell::new(used.resource, used.principal) });
            self.cells.len() - 1
        });
        self.count_in(cell, used.hour, used.units);
        cell
    }

    /// Counts a use in a cell that is known.
    pub(crate) fn count_in(&mut self, cell: usize, hour: Hour, units: u64) {
        if let Some(Counted { cell, .. }) = self.cells.get_mut(cell) {
            cell.add(hour, units);
        }
    }

    /// The cells, each with what its row's key is made from.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (Named<'_>, &Cell)> {
        self.cells.iter().filter_map(|Counted { name, cell }| {
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
