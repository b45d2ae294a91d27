//! By what a pattern is found: conditions on one field, of which every event that it matches
//! fulfils one, chosen so that few other events do.

use std::collections::HashMap;

use crate::pattern::{Condition, Field, Fields, MAX_NUMBER, Pattern, folded};

/// A condition as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Null,
    Bool(bool),
    Text(String),
    /// The bits of a number.
    Number(u64),
    /// A number that only its own writing equals.
    Written(String),
    Prefix(String),
    Suffix(String),
    /// A text anywhere in the value.
    Within(String),
    Folded(String),
    FoldedPrefix(String),
    FoldedSuffix(String),
    /// Ranges of numbers all look alike when it is counted how common they are.
    Range,
    /// Whatever a value must be there for.
    Any,
}

/// Where a condition stands, and what it is.
pub(super) type Handle<'p> = (String, Key, &'p Condition);

/// How many patterns each condition stands in, by its path.
#[derive(Default)]
pub(super) struct Census(HashMap<String, HashMap<Key, u32>>);

impl Census {
    pub(super) fn count(&mut self, pattern: &Pattern) {
        self.fields(&pattern.0, &mut String::new());
    }

    fn fields(&mut self, fields: &Fields, path: &mut String) {
        for (name, field) in &fields.fields {
            let length = enter(path, name);
            match field {
                Field::Inner(inner) => self.fields(inner, path),
                Field::Value(wanted) => {
                    let known = self.0.entry(path.clone()).or_default();
                    for key in wanted.conditions.iter().flat_map(keys) {
                        *known.entry(key).or_default() += 1;
                    }
                }
            }
            path.truncate(length);
        }
        for one in fields.groups.iter().flatten() {
            self.fields(one, path);
        }
    }

    fn common(&self, path: &str, key: &Key) -> u64 {
        let count = self.0.get(path).and_then(|known| known.get(key)).copied().unwrap_or(0);
        // A value that is merely there says less than one that is equal.
        let weight = if *key == Key::Any { 4 } else { 1 };
        u64::from(count) * weight
    }

    /// The conditions to find a pattern by; none for one that events without any of its fields
    /// may match.
    pub(super) fn handles<'p>(&self, pattern: &'p Pattern) -> Option<Vec<Handle<'p>>> {
        self.best(&pattern.0, &mut String::new()).map(|(_, handles)| handles)
    }

    fn best<'p>(&self, fields: &'p Fields, path: &mut String) -> Option<(u64, Vec<Handle<'p>>)> {
        let mut best: Option<(u64, Vec<Handle<'p>>)> = None;
        let mut offer = |found: Option<(u64, Vec<Handle<'p>>)>| {
            let Some((cost, handles)) = found else { return };
            if best.as_ref().is_none_or(|(known, _)| cost < *known) {
                best = Some((cost, handles));
            }
        };
        for (name, field) in &fields.fields {
            let length = enter(path, name);
            offer(match field {
                Field::Inner(inner) => self.best(inner, path),
                Field::Value(wanted) => self.value(&wanted.conditions, path),
            });
            path.truncate(length);
        }
        for group in &fields.groups {
            let mut whole = Some((0, Vec::new()));
            for one in group {
                let Some((cost, handles)) = &mut whole else { break };
                match self.best(one, path) {
                    Some((more, found)) => {
                        *cost += more;
                        handles.extend(found);
                    }
                    None => whole = None,
                }
            }
            offer(whole);
        }
        best
    }

    fn value<'p>(&self, conditions: &'p [Condition], path: &str) -> Option<(u64, Vec<Handle<'p>>)> {
        if conditions.iter().any(Condition::wants_absence) {
            return None;
        }
        let (mut cost, mut handles) = (0, Vec::with_capacity(conditions.len()));
        for condition in conditions {
            let weighed = keys(condition).into_iter().map(|key| (self.common(path, &key), key));
            let (common, key) = weighed.min_by_key(|(common, _)| *common)?;
            cost += common;
            handles.push((path.to_owned(), key, condition));
        }
        Some((cost, handles))
    }
}

/// Goes on to a member, and answers where the path ended before.
fn enter(path: &mut String, name: &str) -> usize {
    let length = path.len();
    if length > 0 {
        path.push('.');
    }
    path.push_str(name);
    length
}

/// A number's own bits, the same for both zeros.
pub(super) fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

/// What a condition can be looked up by, each of which every value that meets it has; at least one.
fn keys(condition: &Condition) -> Vec<Key> {
    let Condition::Wildcard(wildcard) = condition else { return vec![key(condition)] };
    if wildcard.is_plain() {
        return vec![Key::Text(wildcard.prefix().to_owned())];
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let ends = [
        some(wildcard.prefix()).map(Key::Prefix),
        some(wildcard.suffix()).map(Key::Suffix),
        wildcard.within().and_then(some).map(Key::Within),
    ];
    let keys: Vec<_> = ends.into_iter().flatten().collect();
    if keys.is_empty() { vec![Key::Any] } else { keys }
}

/// What a condition that is no wildcard is looked up by.
fn key(condition: &Condition) -> Key {
    match condition {
        Condition::Null => Key::Null,
        Condition::Bool(flag) => Key::Bool(*flag),
        Condition::Text(text) => Key::Text(text.clone()),
        Condition::Number(figure) if figure.value.abs() <= MAX_NUMBER => {
            Key::Number(bits(figure.value))
        }
        Condition::Number(figure) => Key::Written(figure.text.clone()),
        Condition::Prefix(text) => Key::Prefix(text.clone()),
        Condition::Suffix(text) => Key::Suffix(text.clone()),
        Condition::Folded(text) => Key::Folded(folded(text)),
        Condition::FoldedPrefix(text) => Key::FoldedPrefix(text.clone()),
        Condition::FoldedSuffix(text) => Key::FoldedSuffix(text.clone()),
        Condition::Range(_) => Key::Range,
        Condition::Wildcard(_)
        | Condition::Network(_)
        | Condition::Exists(_)
        | Condition::AnythingBut(_) => Key::Any,
    }
}
