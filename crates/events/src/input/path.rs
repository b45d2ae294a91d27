//! Paths into an event: `$.detail.items[0].name`.

use serde_json::Value;

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
    /// All items of a list, or all members of an object.
    All,
}

impl Path {
    /// Reads a path, if a text is one: `.name`, `['name']`, `[0]` and `[*]` after `$`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() {
                    return None;
                }
                steps.push(if name == "*" { Step::All } else { Step::Member(name.to_owned()) });
                rest = after;
                continue;
            }
            let (within, after) = rest.strip_prefix('[')?.split_once(']')?;
            steps.push(bracket(within)?);
            rest = after;
        }
        Some(Self(steps))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// What it leads to. Where it goes to all of something, a list of what is found.
    pub(super) fn find(&self, event: &Value) -> Option<Value> {
        let mut found = vec![event];
        let mut many = false;
        for step in &self.0 {
            let next = found.into_iter().flat_map(|value| step.take(value));
            found = next.collect();
            many |= *step == Step::All;
        }
        if many {
            return Some(Value::Array(found.into_iter().cloned().collect()));
        }
        found.first().map(|value| (*value).clone())
    }
}

fn bracket(within: &str) -> Option<Step> {
    if within == "*" {
        return Some(Step::All);
    }
    let quoted = |quote| within.strip_prefix(quote)?.strip_suffix(quote);
    match quoted('\'').or_else(|| quoted('"')) {
        Some(name) => Some(Step::Member(name.to_owned())),
        None => within.parse().ok().map(Step::Item),
    }
}

impl Step {
    fn take<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match (self, value) {
            (Self::Member(name), Value::Object(members)) => members.get(name).into_iter().collect(),
            (Self::Item(at), Value::Array(items)) => items.get(*at).into_iter().collect(),
            (Self::All, Value::Array(items)) => items.iter().collect(),
            (Self::All, Value::Object(members)) => members.values().collect(),
            _ => Vec::new(),
        }
    }
}
