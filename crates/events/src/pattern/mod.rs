//! Event patterns: what a rule wants of an event (EventBridge user guide, "Event patterns").
//!
//! A pattern has the shape of an event. Its fields must all hold; a field's conditions are
//! alternatives. Where an event has an array of objects, one and the same of them must hold
//! whatever the pattern asks below it. No input makes matching take more than the pattern's size
//! times the event's.

mod condition;
mod event;
mod json;
mod network;
mod parse;
mod parse_condition;
mod wildcard;

use event::Tree;

pub(crate) use condition::{Condition, MAX_NUMBER, Range, folded};
pub use event::Event;
pub(crate) use event::Tree as Leaf;
pub use json::Refusal;
pub use parse::MAX_COMBINATIONS;
pub use wildcard::MAX_WILDCARDS;

/// A pattern.
#[derive(Debug)]
pub struct Pattern(pub(crate) Fields);

/// Fields that must all hold.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) fields: Vec<(String, Field)>,
    /// Of each group one must hold (`$or`).
    pub(crate) groups: Vec<Vec<Fields>>,
}

/// What is asked of a member.
#[derive(Debug)]
pub(crate) enum Field {
    /// Fields of an object.
    Inner(Fields),
    /// Conditions on a value.
    Value(Wanted),
}

/// Conditions on a value, of which one must hold.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) conditions: Vec<Condition>,
    /// Where the value is, where its absence would do.
    pub(crate) absent_at: Option<Vec<String>>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`Refusal`] has AWS's words.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        parse::parse(text).map(Self)
    }

    /// Whether an event is what it wants.
    #[must_use]
    pub fn matches(&self, event: &Event<'_>) -> bool {
        self.0.hold(Some(event.root()), event.root())
    }
}

impl Fields {
    /// Whether they hold for an object, or for what is not there.
    fn hold(&self, object: Option<&Tree<'_>>, root: &Tree<'_>) -> bool {
        self.fields.iter().all(|(name, field)| field.holds(name, object, root))
            && self.groups.iter().all(|group| group.iter().any(|one| one.hold(object, root)))
    }
}

impl Field {
    fn holds(&self, name: &str, object: Option<&Tree<'_>>, root: &Tree<'_>) -> bool {
        let mut members = object.into_iter().flat_map(|object| object.members(name));
        match self {
            Self::Value(wanted) => {
                members.any(|member| wanted.is_met_within(member)) || wanted.is_absent(root)
            }
            Self::Inner(fields) => {
                let mut any_object = false;
                members.any(|member| {
                    member.any_object(&mut |object| {
                        any_object = true;
                        fields.hold(Some(object), root)
                    })
                }) || !any_object && fields.hold(None, root)
            }
        }
    }
}

impl Wanted {
    fn is_met_within(&self, member: &Tree<'_>) -> bool {
        let met = |leaf: &Tree<'_>| self.conditions.iter().any(|one| one.is_met_by(leaf));
        member.any_leaf(&mut |leaf| met(leaf))
    }

    fn is_absent(&self, root: &Tree<'_>) -> bool {
        self.absent_at.as_ref().is_some_and(|path| !root.has_leaf_at(path))
    }
}

#[cfg(test)]
mod tests;
