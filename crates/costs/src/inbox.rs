//! What the journal tells the meter, until it is added to the rows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_plane::journal::{Extent, Heard, Listener, RecordRef};

use crate::calendar::{Day, Hour};
use crate::changes;
use crate::draft::Draft;
use crate::record::Position;
use crate::uses::{self, Priced, Use};

/// What was told since a position. Nothing of it is missing; else it is closed, and whoever wants
/// the rest reads it again.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    /// What a record of each kind is a use of.
    kinds: Vec<Option<Kind>>,
}

#[derive(Debug)]
struct Open {
    /// The position that the draft goes on from.
    since: Position,
    draft: Draft,
    /// Whether something was told for which there was no room.
    is_over: bool,
}

/// A use that each record of a kind is.
#[derive(Debug)]
struct Kind {
    account: String,
    region: String,
    priced: Priced,
    operation: String,
    resource: String,
    principal: String,
    /// The cell of the draft that it was counted in last, and its day.
    cell: Option<(Day, usize)>,
}

impl Inbox {
    /// One that is open from a position on.
    pub(crate) fn open(since: Position) -> Self {
        let inbox = Self::default();
        inbox.reopen(since);
        inbox
    }

    /// Takes everything from now on, which must be what comes behind the position, or before.
    pub(crate) fn reopen(&self, since: Position) {
        self.state().open(since);
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.state().open = None;
    }

    /// Whether what it has goes on from there.
    pub(crate) fn is_since(&self, position: &Position) -> bool {
        self.state().open.as_ref().is_some_and(|open| open.since == *position)
    }

    /// Empties it.
    pub(crate) fn take(&self) -> Option<Draft> {
        let mut state = self.state();
        let Open { draft, is_over, .. } = state.open.take()?;
        if !is_over {
            state.open(draft.position());
        }
        Some(draft)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked half-way left a draft that lacks a record: what it has is read again.
        self.0.lock().unwrap_or_else(|poisoned| {
            let mut state = PoisonError::into_inner(poisoned);
            *state = State::default();
            self.0.clear_poison();
            state
        })
    }
}

impl State {
    fn open(&mut self, since: Position) {
        let draft = Draft::after(&since);
        self.open = Some(Open { since, draft, is_over: false });
        self.kinds.iter_mut().flatten().for_each(|kind| kind.cell = None);
    }
}

impl Open {
    /// The draft, if a record is still to be added to it.
    fn takes(&mut self, sequence: u64) -> Option<&mut Draft> {
        if sequence <= self.draft.sequence {
            return None;
        }
        self.is_over |= self.draft.is_full();
        (!self.is_over).then_some(&mut self.draft)
    }
}

impl Listener for Inbox {
    fn begin(&self, _: u64) {
        self.state().kinds.clear();
    }

    fn hear(&self, heard: &Heard, fields: &RecordRef<'_>, number: Option<usize>) -> Extent {
        let mut state = self.state();
        let used = uses::of(fields);
        let mut cell = None;
        if let Some(draft) = state.open.as_mut().and_then(|open| open.takes(heard.sequence)) {
            draft.pass(heard.sequence);
            draft.changes.extend(changes::of(fields));
            let counts = used.filter(|_| draft.is_new(heard.request_id));
            cell = counts.map(|used| (used.hour.day(), draft.count(&used)));
        }
        if let Some(number) = number {
            state.kinds.resize_with(number, || None);
            state.kinds.push(used.map(|used| Kind::of(&used, cell)));
        }
        let is_own = changes::concern(fields) || uses::are_in_json(fields);
        if is_own { Extent::Record } else { Extent::Kind }
    }

    fn hear_again(&self, heard: &Heard, number: usize) {
        let mut state = self.state();
        let State { open, kinds } = &mut *state;
        let draft = open.as_mut().and_then(|open| open.takes(heard.sequence));
        let Some(draft) = draft else { return };
        draft.pass(heard.sequence);
        let Some(Some(kind)) = kinds.get_mut(number) else { return };
        if draft.is_new(heard.request_id) {
            kind.count(draft, Hour::of(heard.time_ms), heard.metered.unwrap_or(1));
        }
    }

    fn is_full(&self) -> bool {
        self.state().open.as_ref().is_some_and(|open| open.draft.is_full())
    }
}

impl Kind {
    fn of(used: &Use<'_>, cell: Option<(Day, usize)>) -> Self {
        Self {
            account: used.account.to_owned(),
            region: used.region.to_owned(),
            priced: used.priced,
            operation: used.operation.to_owned(),
            resource: used.resource.to_owned(),
            principal: used.principal.to_owned(),
            cell,
        }
    }

    fn count(&mut self, draft: &mut Draft, hour: Hour, units: u64) {
        if let Some((day, cell)) = self.cell
            && day == hour.day()
        {
            return draft.count_in(cell, hour, units);
        }
        let used = Use {
            account: &self.account,
            region: &self.region,
            priced: self.priced,
            operation: &self.operation,
            resource: &self.resource,
            principal: &self.principal,
            hour,
            units,
        };
        self.cell = Some((hour.day(), draft.count(&used)));
    }
}
