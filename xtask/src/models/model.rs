//! A trimmed model, with the questions generators ask of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// A trimmed model.
pub(super) struct Model {
    whole: Value,
}

impl Model {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(|whole| Self { whole }).map_err(|e| e.to_string())
    }

    /// A text of the metadata, or nothing.
    pub(super) fn metadata(&self, key: &str) -> &str {
        self.whole.get("metadata").and_then(|data| text(data, key)).unwrap_or_default()
    }

    /// Operations by name.
    pub(super) fn operations(&self) -> BTreeMap<&str, &Value> {
        self.section("operations")
    }

    /// Names of operations without tables, sorted.
    pub(super) fn untabled(&self) -> Vec<&str> {
        let names = self.whole.get("untabled").and_then(Value::as_array).into_iter().flatten();
        let mut names: Vec<&str> = names.filter_map(Value::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Shapes by name.
    pub(super) fn shapes(&self) -> BTreeMap<&str, &Value> {
        self.section("shapes")
    }

    pub(super) fn shape(&self, name: &str) -> Result<&Value, String> {
        let shapes = self.whole.get("shapes").and_then(|shapes| shapes.get(name));
        shapes.ok_or_else(|| format!("no shape {name}"))
    }

    fn section(&self, key: &str) -> BTreeMap<&str, &Value> {
        let rows = self.whole.get(key).and_then(Value::as_object).into_iter().flatten();
        rows.map(|(name, value)| (name.as_str(), value)).collect()
    }
}

/// A text under a key.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// Whether a key holds `true`.
pub(super) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The members of a structure, in the model's order.
pub(super) fn members(shape: &Value) -> &[Value] {
    shape.get("members").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether a structure requires the member of that name.
pub(super) fn requires(shape: &Value, member: &str) -> bool {
    let names = shape.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).any(|name| name == member)
}

/// Names of the shapes that a shape refers to.
pub(super) fn shapes_of(shape: &Value) -> impl Iterator<Item = String> {
    let parts = ["member", "key", "value"].iter().filter_map(|key| shape.get(key));
    let names: Vec<String> = parts
        .chain(members(shape))
        .filter_map(|reference| text(reference, "shape"))
        .map(str::to_owned)
        .collect();
    names.into_iter()
}
