//! A trimmed model, with the questions generators ask of it.

use std::collections::BTreeMap;

use serde_json::Value;

/// A trimmed model.
pub(super) struct Model {
    whole: Value,
}

impl Model {
    /// Reads a model, which has its members in order.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let whole = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let model = Self { whole };
        for (name, shape) in model.shapes() {
            check_members(name, shape)?;
        }
        Ok(model)
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

/// Refuses a structure whose members are not a list of names with shapes: read as a model is, it
/// would have none at all.
fn check_members(name: &str, shape: &Value) -> Result<(), String> {
    let Some(members) = shape.get("members") else { return Ok(()) };
    let Some(members) = members.as_array() else {
        return Err(format!(
            "the members of {name} must be a list, each with its name in it, since their order \
             counts: [{{\"name\": \"…\", \"shape\": \"…\"}}, …]"
        ));
    };
    let whole = |member: &Value| text(member, "name").is_some() && text(member, "shape").is_some();
    match members.iter().position(|member| !whole(member)) {
        None => Ok(()),
        Some(at) => Err(format!("member {at} of {name} lacks its name or its shape")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_a_list_of_names_with_shapes() {
        let read = |members: &str| {
            let text =
                format!(r#"{{"shapes":{{"Input":{{"type":"structure","members":{members}}}}}}}"#);
            Model::parse(&text).map(|_| ()).err().unwrap_or_default()
        };
        assert_eq!(read(r#"[{"name":"A","shape":"B"}]"#), "");
        let object = read(r#"{"A":{"shape":"B"}}"#);
        assert!(object.starts_with("the members of Input must be a list"), "{object}");
        assert_eq!(read(r#"[{"shape":"B"}]"#), "member 0 of Input lacks its name or its shape");
    }
}
