//! What the journal tells the meter, until it is added to the rows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bulla_plane::journal::{Extent, Heard, Listener, RecordRef};

use crate::calendar::Hour;
use crate::changes;
use crate::draft::{Draft, Spot};
use crate::marks::Marks;
use crate::name::Name;
use crate::uses;

/// What was told since some marks. Nothing of it is missing; else it is closed, and whoever wants
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
    draft: Draft,
    /// Whether something was told for which there was no room.
    is_over: bool,
}

/// A use that each record of a kind is.
#[derive(Debug)]
struct Kind {
    name: Name,
    /// Where it was counted last.
    spot: Option<Spot>,
}

impl Inbox {
    /// One that goes on with a draft.
    pub(crate) fn open(draft: Draft) -> Self {
        let inbox = Self::default();
        inbox.reopen(Some(draft));
        inbox
    }

    /// Goes on with a draft, and is told from now on what comes behind it, or before; or takes
    /// nothing more.
    pub(crate) fn reopen(&self, draft: Option<Draft>) {
        let mut state = self.state();
        state.open = draft.map(|draft| Open { draft, is_over: false });
        state.kinds.iter_mut().flatten().for_each(|kind| kind.spot = None);
    }

    /// Takes out the draft, and takes nothing more.
    pub(crate) fn close(&self) -> Option<Draft> {
        self.state().open.take().map(|open| open.draft)
    }

    /// Whether what it has goes on from what the store has.
    pub(crate) fn is_since(&self, stored: &Marks) -> bool {
        self.state().open.as_ref().is_some_and(|open| open.draft.is_since(stored))
    }

    /// Whether it lacks what was told for want of room.
    pub(crate) fn is_over(&self) -> bool {
        self.state().open.as_ref().is_some_and(|open| open.is_over)
    }

    /// Looks at the draft, or takes some of it. None while it is closed.
    pub(crate) fn with<T>(&self, something: impl FnOnce(&mut Draft) -> T) -> Option<T> {
        self.state().open.as_mut().map(|open| something(&mut open.draft))
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

impl Open {
    /// The draft, if a record is still to be added to it.
    fn takes(&mut self, sequence: u64) -> Option<&mut Draft> {
        if sequence <= self.draft.sequence() {
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
        let mut kind = used.map(|used| Kind { name: Name::of(&used), spot: None });
        if let Some(draft) = state.open.as_mut().and_then(|open| open.takes(heard.sequence)) {
            draft.pass(heard.sequence);
            draft.change(changes::of(fields));
            kind.iter_mut().for_each(|kind| kind.count(draft, heard));
        }
        if let Some(number) = number {
            state.kinds.resize_with(number, || None);
            state.kinds.push(kind);
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
        if let Some(Some(kind)) = kinds.get_mut(number) {
            kind.count(draft, heard);
        }
    }

    fn is_full(&self) -> bool {
        self.state().open.as_ref().is_some_and(|open| open.draft.has_enough())
    }
}

impl Kind {
    fn count(&mut self, draft: &mut Draft, heard: &Heard) {
        if draft.is_new(heard.request_id) {
            let hour = Hour::of(heard.time_ms);
            draft.count(&self.name, &mut self.spot, hour, heard.metered.unwrap_or(1));
        }
    }
}
