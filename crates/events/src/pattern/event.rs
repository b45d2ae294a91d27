//! An event as patterns see it: a tree whose objects find members by name.

use super::json::{self, Node, Refusal, Value};

/// An event.
#[derive(Debug)]
pub struct Event<'a>(Tree<'a>);

/// A value of an event. Dots in names part them, so that `{"a.b": 1}` is `{"a": {"b": 1}}`
/// (EventBridge user guide, "Considerations when creating event patterns").
#[derive(Debug)]
pub(crate) enum Tree<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(String),
    Array(Vec<Tree<'a>>),
    /// Ordered by name.
    Object(Vec<(String, Tree<'a>)>),
}

/// A number as it was written, and what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number<'a> {
    pub(crate) text: &'a str,
    pub(crate) value: f64,
}

impl<'a> Event<'a> {
    /// Reads an event.
    ///
    /// # Errors
    /// When the text is not one JSON object.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        let node = json::parse(text)?;
        match &node.value {
            Value::Object(_) => Ok(Self(tree(node))),
            _ => Err(Refusal::at("an event is an object", node.begun)),
        }
    }

    /// Whether it has a member of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.members(name).next().is_some()
    }

    /// The text that a member of this name is.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.0.members(name).next()? {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn root(&self) -> &Tree<'a> {
        &self.0
    }
}

impl Number<'_> {
    pub(crate) fn new(text: &str) -> Number<'_> {
        // What does not fit is infinite, and beyond every bound.
        Number { text, value: text.parse().unwrap_or(f64::INFINITY) }
    }
}

fn tree(node: Node<'_>) -> Tree<'_> {
    match node.value {
        Value::Null => Tree::Null,
        Value::Bool(flag) => Tree::Bool(flag),
        Value::Number(text) => Tree::Number(Number::new(text)),
        Value::Text(text) => Tree::Text(text),
        Value::Array(items) => Tree::Array(items.into_iter().map(tree).collect()),
        Value::Object(members) => {
            let mut object = Vec::with_capacity(members.len());
            for (name, node) in members {
                insert(&mut object, &name, tree(node));
            }
            object.sort_by(|(one, _), (other, _)| one.cmp(other));
            Tree::Object(object)
        }
    }
}

/// Puts a member in, its name parted at its dots; where two objects meet they become one.
fn insert<'a>(object: &mut Vec<(String, Tree<'a>)>, name: &str, value: Tree<'a>) {
    let Some((first, rest)) = name.split_once('.') else {
        return match value {
            Tree::Object(members) => join(object, name, members),
            value => object.push((name.to_owned(), value)),
        };
    };
    let mut inner = Vec::new();
    insert(&mut inner, rest, value);
    join(object, first, inner);
}

fn join<'a>(object: &mut Vec<(String, Tree<'a>)>, name: &str, members: Vec<(String, Tree<'a>)>) {
    let same =
        |(known, tree): &&mut (String, Tree<'a>)| known == name && matches!(tree, Tree::Object(_));
    // Only names that were parted can meet another: one look from the end finds nearly all.
    match object.iter_mut().rev().find(same) {
        Some((_, Tree::Object(known))) => {
            known.extend(members);
            known.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        _ => object.push((name.to_owned(), Tree::Object(members))),
    }
}

impl<'a> Tree<'a> {
    /// The members of this name; more than one only where dots made two names one.
    pub(crate) fn members<'t>(&'t self, name: &str) -> impl Iterator<Item = &'t Tree<'a>> {
        let members = match self {
            Self::Object(members) => members.as_slice(),
            _ => &[],
        };
        let from = members.partition_point(|(known, _)| known.as_str() < name);
        let rest = members.get(from..).unwrap_or_default();
        let count = rest.iter().take_while(|(known, _)| known == name).count();
        rest.iter().take(count).map(|(_, tree)| tree)
    }

    /// Whether any leaf stands here: what is neither object nor array, or an array that has one.
    pub(crate) fn has_leaf(&self) -> bool {
        self.any_leaf(&mut |_| true)
    }

    /// Whether a leaf that stands here is such.
    pub(crate) fn any_leaf(&self, is_such: &mut dyn FnMut(&Tree<'a>) -> bool) -> bool {
        match self {
            Self::Array(items) => items.iter().any(|item| item.any_leaf(is_such)),
            Self::Object(_) => false,
            leaf => is_such(leaf),
        }
    }

    /// Whether an object that stands here is such: this one, or one in this array.
    pub(crate) fn any_object(&self, is_such: &mut dyn FnMut(&Tree<'a>) -> bool) -> bool {
        match self {
            Self::Array(items) => items.iter().any(|item| item.any_object(is_such)),
            Self::Object(_) => is_such(self),
            _ => false,
        }
    }

    /// Whether there is a leaf under a path, whatever arrays lie on the way.
    pub(crate) fn has_leaf_at(&self, path: &[String]) -> bool {
        match path.split_first() {
            None => self.has_leaf(),
            Some((name, rest)) => self.any_object(&mut |object| {
                object.members(name).any(|member| member.has_leaf_at(rest))
            }),
        }
    }

    /// Tells every leaf with its path, names joined by dots.
    pub(crate) fn leaves(&self, path: &mut String, tell: &mut dyn FnMut(&str, &Tree<'a>)) {
        match self {
            Self::Array(items) => items.iter().for_each(|item| item.leaves(path, tell)),
            Self::Object(members) => {
                for (name, member) in members {
                    let length = path.len();
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    member.leaves(path, tell);
                    path.truncate(length);
                }
            }
            leaf => tell(path, leaf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_part_names() {
        let event = Event::parse(r#"{"a.b":1,"a":{"c":[2,[3,{"d":4}]]},"a.c":5}"#).unwrap();
        let mut told = Vec::new();
        event.root().leaves(&mut String::new(), &mut |path, leaf| {
            told.push(
                format!("{path}={leaf:?}")
                    .split("text: ")
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
                    .join(""),
            );
        });
        let paths: Vec<_> = told.iter().map(|told| told.split('=').next().unwrap()).collect();
        assert_eq!(paths, ["a.b", "a.c", "a.c", "a.c.d", "a.c"]);
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        for (at, found) in [("a.b", true), ("a.c.d", true), ("a", false), ("a.d", false)] {
            assert_eq!(event.root().has_leaf_at(&path(at)), found, "{at}");
        }
    }
}
