//! `views.rs` of one service: a typed view of each structure that served operations reach.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::header;
use super::model::{Model, members, requires, shapes_of, text};
use super::names::{getter, identifier, snake, view};
use super::served::ServedService;

/// How a member is read and set.
struct Access {
    /// The getter's type.
    reads: String,
    /// The accessor of `Held`.
    with: &'static str,
    /// The getter's end, where an absent value has a stand-in.
    otherwise: &'static str,
    /// The setter's parameter type.
    takes: String,
    /// The setter's value.
    value: &'static str,
    /// What the documentation calls it.
    kind: &'static str,
}

/// The file's text.
pub(super) fn views(model: &Model, service: &ServedService) -> Result<String, String> {
    let mut body = String::new();
    for name in reachable(model, service)? {
        structure(model, &name, &mut body)?;
    }
    let mut out = header(&format!("{}: typed views.", model.metadata("serviceFullName")));
    let imports = [
        ("use std::borrow::Cow;\n\n", "Cow<"),
        ("use super::tables;\n", "tables::"),
        ("use crate::record::Record;\n", "Record"),
        ("use crate::tables::Structure;\n", "Structure"),
        ("use crate::value::{Blob, Value};\n", "Blob<"),
        ("use crate::value::Value;\n", "Value::"),
        ("use crate::view::{self, Held, StringMap, Strings, View, Views};\n", "view::"),
    ];
    for (line, sign) in imports {
        let blobs = body.contains("Blob<");
        let wanted = match sign {
            "Blob<" => blobs,
            "Value::" => !blobs && body.contains("Value::"),
            "view::" => {
                let names: Vec<&str> = ["StringMap", "Strings", "Views"]
                    .into_iter()
                    .filter(|name| body.contains(&format!("<{name}<")))
                    .collect();
                let own = if body.contains("view::") { "self, " } else { "" };
                let mut names: Vec<&str> = ["Held", "View"].into_iter().chain(names).collect();
                names.sort_unstable();
                let _ = writeln!(out, "use crate::view::{{{own}{}}};", names.join(", "));
                false
            }
            _ => body.contains(sign),
        };
        if wanted {
            out.push_str(line);
        }
    }
    out.push_str(&body);
    Ok(out)
}

/// Structures reachable from the inputs and outputs of operations with views, sorted.
fn reachable(model: &Model, service: &ServedService) -> Result<BTreeSet<String>, String> {
    let mut open = Vec::new();
    for (name, operation) in model.operations() {
        if service.views.takes(name) {
            let ends = [operation.get("input"), operation.get("output")].into_iter().flatten();
            open.extend(ends.filter_map(|end| text(end, "shape")).map(str::to_owned));
        }
    }
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if seen.insert(name.clone()) {
            open.extend(shapes_of(model.shape(&name)?));
        }
    }
    let mut structures = BTreeSet::new();
    for name in seen {
        if text(model.shape(&name)?, "type") == Some("structure") {
            structures.insert(name);
        }
    }
    Ok(structures)
}

fn structure(model: &Model, name: &str, out: &mut String) -> Result<(), String> {
    let (view, table) = (view(name), identifier(name));
    let shape = model.shape(name)?;
    let _ = write!(
        out,
        "\n/// A view of `{name}`.\n#[derive(Debug)]\npub struct {view}<'a>(Held<'a>);\n\n\
         impl<'a> View<'a> for {view}<'a> {{\n\
         \x20   const SHAPE: &'static Structure = &tables::{table};\n\
         \x20   #[inline]\n    fn view(record: &'a Record<'a>) -> Self {{ Self(Held::Ref(record)) }}\n\
         \x20   #[inline]\n    fn from_record(record: Record<'a>) -> Self {{ Self(Held::Own(record)) }}\n\
         \x20   #[inline]\n    fn into_record(self) -> Record<'a> {{ self.0.into_record() }}\n}}\n\n\
         impl Default for {view}<'_> {{\n    fn default() -> Self {{ Self::new() }}\n}}\n\n\
         impl<'a> {view}<'a> {{\n\
         \x20   /// With every member absent.\n    #[must_use]\n\
         \x20   pub fn new() -> Self {{ Self(Held::Own(Record::new(&tables::{table}))) }}\n\
         \x20   /// The record behind the view.\n    #[must_use]\n    #[inline]\n\
         \x20   pub fn record(&self) -> &Record<'a> {{ self.0.record() }}\n",
    );
    for (position, member) in members(shape).iter().enumerate() {
        accessors(model, shape, member, position, out)?;
    }
    out.push_str("}\n");
    Ok(())
}

fn accessors(
    model: &Model,
    shape: &Value,
    member: &Value,
    position: usize,
    out: &mut String,
) -> Result<(), String> {
    let name = text(member, "name").ok_or("a member lacks its name")?;
    let required = requires(shape, name);
    let access = access(model, member, required)?;
    let wanted = if required { ", required" } else { "" };
    let _ = write!(
        out,
        "    /// `{name}`: {}{wanted}.\n    #[must_use]\n    #[inline]\n\
         \x20   pub fn {}(&self) -> {} {{ self.0.{}({position}){} }}\n\
         \x20   /// Sets `{name}`.\n    #[must_use]\n    #[inline]\n\
         \x20   pub fn with_{}(self, value: {}) -> Self {{ Self(self.0.with({position}, {})) }}\n",
        access.kind,
        getter(name),
        access.reads,
        access.with,
        access.otherwise,
        snake(name),
        access.takes,
        access.value,
    );
    Ok(())
}

fn access(model: &Model, member: &Value, required: bool) -> Result<Access, String> {
    let name = text(member, "shape").ok_or("a member lacks its shape")?;
    let shape = model.shape(name)?;
    let plain = |rust: &str, with, value, kind| Access {
        reads: format!("Option<{rust}>"),
        with,
        otherwise: "",
        takes: rust.to_owned(),
        value,
        kind,
    };
    Ok(match text(shape, "type").unwrap_or_default() {
        "string" | "character" => Access {
            reads: if required { "&str".into() } else { "Option<&str>".into() },
            otherwise: if required { ".unwrap_or_default()" } else { "" },
            takes: "impl Into<Cow<'a, str>>".into(),
            ..plain("", "text", "Value::Str(value.into())", "a string")
        },
        "blob" => Access {
            reads: if required { "&[u8]".into() } else { "Option<&[u8]>".into() },
            otherwise: if required { ".unwrap_or_default()" } else { "" },
            takes: "impl Into<Blob<'a>>".into(),
            ..plain("", "blob", "view::blob(value)", "bytes")
        },
        "boolean" => plain("bool", "flag", "Value::Bool(value)", "a boolean"),
        "timestamp" => plain("i64", "time", "Value::Time(value)", "milliseconds since 1970"),
        "float" | "double" => plain("f64", "double", "Value::Double(value)", "a number"),
        "byte" | "short" | "integer" | "long" => {
            plain("i64", "int", "Value::Int(value)", "a whole number")
        }
        "list" => list(model, shape)?,
        "map" => map(model, shape)?,
        "structure" => Access {
            reads: format!("Option<{}<'_>>", view(name)),
            takes: format!("{}<'a>", view(name)),
            ..plain("", "structure", "Value::Struct(value.into_record())", "a structure")
        },
        other => return Err(format!("{name}: type {other} has no view")),
    })
}

fn kind_of<'m>(
    model: &'m Model,
    shape: &'m Value,
    key: &str,
) -> Result<(&'m str, &'m str), String> {
    let name = shape.get(key).and_then(|part| text(part, "shape")).ok_or("a part lacks a shape")?;
    Ok((name, text(model.shape(name)?, "type").unwrap_or_default()))
}

fn list(model: &Model, shape: &Value) -> Result<Access, String> {
    let (name, kind) = kind_of(model, shape, "member")?;
    Ok(match kind {
        "string" => Access {
            reads: "Option<Strings<'_>>".into(),
            with: "strings",
            otherwise: "",
            takes: "impl IntoIterator<Item = impl Into<Cow<'a, str>>>".into(),
            value: "view::strings(value)",
            kind: "a list of strings",
        },
        "structure" => Access {
            reads: format!("Option<Views<'_, {}<'_>>>", view(name)),
            with: "structures",
            otherwise: "",
            takes: format!("impl IntoIterator<Item = {}<'a>>", view(name)),
            value: "view::structures(value)",
            kind: "a list of structures",
        },
        _ => Access {
            reads: "Option<&[Value<'a>]>".into(),
            with: "values",
            otherwise: "",
            takes: "Vec<Value<'a>>".into(),
            value: "Value::List(value)",
            kind: "a list",
        },
    })
}

fn map(model: &Model, shape: &Value) -> Result<Access, String> {
    let (_, kind) = kind_of(model, shape, "value")?;
    Ok(match kind {
        "string" => Access {
            reads: "Option<StringMap<'_>>".into(),
            with: "string_map",
            otherwise: "",
            takes: "impl IntoIterator<Item = (impl Into<Cow<'a, str>>, impl Into<Cow<'a, str>>)>"
                .into(),
            value: "view::string_map(value)",
            kind: "a map of strings",
        },
        _ => Access {
            reads: "Option<&[(Cow<'a, str>, Value<'a>)]>".into(),
            with: "map",
            otherwise: "",
            takes: "Vec<(Cow<'a, str>, Value<'a>)>".into(),
            value: "Value::Map(value)",
            kind: "a map",
        },
    })
}
