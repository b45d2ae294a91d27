//! Reading patterns, with the refusals that AWS gives.

use super::json::{self, Node, Refusal, Value};
use super::parse_condition::condition;
use super::{Field, Fields, Wanted};

/// What joins alternatives.
const OR: &str = "$or";
/// The most combinations that alternatives make (EventBridge user guide, "Complex example with
/// multiple matching").
pub const MAX_COMBINATIONS: usize = 1_000;
/// What no field within alternatives may be called: an object with it would look like a condition.
const RESERVED: [&str; 8] = [
    "exactly",
    "prefix",
    "suffix",
    "equals-ignore-case",
    "anything-but",
    "numeric",
    "exists",
    "cidr",
];

/// Reads a pattern.
pub(super) fn parse(text: &str) -> Result<Fields, Refusal> {
    let node = json::parse(text)?;
    let Value::Object(members) = &node.value else {
        return Err(Refusal::at("Filter is not an object", node.begun));
    };
    let fields = fields(members, node.end, &mut Vec::new(), false)?;
    if combinations(&fields) > MAX_COMBINATIONS {
        // AWS's text is not recorded; this one is ours.
        let reason = format!("$or has more than {MAX_COMBINATIONS} combinations");
        return Err(Refusal::nowhere(reason));
    }
    Ok(fields)
}

/// In how many ways the alternatives of fields combine; saturates.
fn combinations(fields: &Fields) -> usize {
    let inner = fields.fields.iter().map(|(_, field)| match field {
        Field::Inner(inner) => combinations(inner),
        Field::Value(_) => 1,
    });
    let groups = fields
        .groups
        .iter()
        .map(|group| group.iter().map(combinations).fold(0, usize::saturating_add));
    inner.chain(groups).fold(1, usize::saturating_mul)
}

fn fields(
    members: &[(String, Node<'_>)],
    end: usize,
    path: &mut Vec<String>,
    in_group: bool,
) -> Result<Fields, Refusal> {
    if members.is_empty() {
        return Err(Refusal::at("Empty objects are not allowed", end));
    }
    let mut fields = Fields::default();
    for (name, node) in members {
        if name == OR {
            fields.groups.push(group(node, path)?);
            continue;
        }
        if in_group && RESERVED.contains(&name.as_str()) {
            let reason =
                format!("{name} is Ruler reserved fieldName which cannot be used inside {OR}.");
            return Err(Refusal::at(reason, node.begun));
        }
        let depth = path.len();
        path.extend(name.split('.').map(str::to_owned));
        let field = match &node.value {
            Value::Object(inner) => Field::Inner(self::fields(inner, node.end, path, in_group)?),
            Value::Array(items) => Field::Value(wanted(items, node.end, path)?),
            _ => {
                let reason = format!("\"{name}\" must be an object or an array");
                return Err(Refusal::at(reason, node.begun));
            }
        };
        path.truncate(depth);
        insert(&mut fields, name, field);
    }
    Ok(fields)
}

/// Puts a field in, its name parted at its dots. Where two ask of one object they become one;
/// where two ask of one value the later counts.
fn insert(fields: &mut Fields, name: &str, field: Field) {
    let (name, field) = match name.split_once('.') {
        None => (name, field),
        Some((first, rest)) => {
            let mut inner = Fields::default();
            insert(&mut inner, rest, field);
            (first, Field::Inner(inner))
        }
    };
    let same = |(known, other): &&mut (String, Field)| {
        known == name && matches!(other, Field::Inner(_)) == matches!(field, Field::Inner(_))
    };
    match (fields.fields.iter_mut().find(same), field) {
        (Some((_, Field::Inner(known))), Field::Inner(more)) => {
            more.fields.into_iter().for_each(|(name, field)| insert(known, &name, field));
            known.groups.extend(more.groups);
        }
        (Some((_, known)), field) => *known = field,
        (None, field) => fields.fields.push((name.to_owned(), field)),
    }
}

fn group(node: &Node<'_>, path: &mut Vec<String>) -> Result<Vec<Fields>, Refusal> {
    let Value::Array(items) = &node.value else {
        return Err(Refusal::at(format!("It must be an Array followed with {OR}."), node.begun));
    };
    let mut group = Vec::with_capacity(items.len());
    for item in items {
        let Value::Object(members) = &item.value else {
            let reason = format!("Only JSON object is allowed in array of {OR} relationship.");
            return Err(Refusal::at(reason, item.begun));
        };
        group.push(fields(members, item.end, path, true)?);
    }
    if group.len() < 2 {
        let reason = format!("There must have at least 2 Objects in {OR} relationship.");
        return Err(Refusal::at(reason, node.end));
    }
    Ok(group)
}

fn wanted(items: &[Node<'_>], end: usize, path: &[String]) -> Result<Wanted, Refusal> {
    if items.is_empty() {
        return Err(Refusal::at("Empty arrays are not allowed", end));
    }
    let conditions = items.iter().map(condition).collect::<Result<Vec<_>, _>>()?;
    let absent = conditions.iter().any(super::Condition::wants_absence);
    Ok(Wanted { conditions, absent_at: absent.then(|| path.to_vec()) })
}
