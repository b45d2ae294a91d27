//! `models/served.toml`: which services and operations Bulla has tables and views for.

use std::collections::BTreeMap;
use std::path::Path;

/// The whole file.
pub(super) struct Served {
    /// The pinned botocore.
    pub(super) botocore: String,
    pub(super) services: Vec<ServedService>,
}

/// One service's row.
pub(super) struct ServedService {
    /// The short name, and the model's file name.
    pub(super) id: String,
    /// The folder in botocore's data: `kms/2014-11-01`. None for a service of Bulla's own, whose
    /// model is written by hand.
    pub(super) model: Option<String>,
    /// Operations with tables.
    pub(super) tables: Choice,
    /// Operations with views.
    pub(super) views: Choice,
    /// HTTP statuses that AWS answers and the model doesn't state.
    pub(super) status: BTreeMap<String, i64>,
    /// Errors whose text AWS sends in another member than the model has.
    pub(super) message_keys: BTreeMap<String, String>,
    /// Enumerations that AWS prints in another order than the model has.
    pub(super) enumerations: BTreeMap<String, Vec<String>>,
}

/// A choice of operations.
pub(super) enum Choice {
    All,
    These(Vec<String>),
}

impl Choice {
    pub(super) fn takes(&self, operation: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.iter().any(|name| name == operation),
        }
    }
}

impl Served {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = super::read(path)?;
        Self::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|e| format!("not TOML: {e}"))?;
        let botocore = table
            .get("botocore")
            .and_then(|section| section.get("version"))
            .and_then(toml::Value::as_str)
            .ok_or("botocore.version is missing")?;
        let rows = table.get("service").and_then(toml::Value::as_array).ok_or("no services")?;
        let services = rows.iter().map(ServedService::parse).collect::<Result<_, _>>()?;
        Ok(Self { botocore: botocore.to_owned(), services })
    }
}

impl ServedService {
    fn parse(row: &toml::Value) -> Result<Self, String> {
        let text = |key: &str| {
            let value = row.get(key).and_then(toml::Value::as_str);
            value.map(str::to_owned).ok_or(format!("a service lacks `{key}`"))
        };
        let mut status = BTreeMap::new();
        for (code, value) in section(row, "status") {
            let value = value.as_integer().ok_or(format!("status of {code} is no number"))?;
            status.insert(code.clone(), value);
        }
        let mut message_keys = BTreeMap::new();
        for (code, key) in section(row, "message_keys") {
            let key = key.as_str().ok_or(format!("the message key of {code} is no name"))?;
            message_keys.insert(code.clone(), key.to_owned());
        }
        let mut enumerations = BTreeMap::new();
        for (shape, _) in section(row, "enumerations") {
            let Some(Choice::These(values)) =
                row.get("enumerations").map(|rows| choice(rows, shape)).transpose()?
            else {
                return Err(format!("the enumeration {shape} is no list"));
            };
            enumerations.insert(shape.clone(), values);
        }
        Ok(Self {
            id: text("id")?,
            model: row.get("model").map(|_| text("model")).transpose()?,
            tables: choice(row, "tables")?,
            views: choice(row, "views")?,
            status,
            message_keys,
            enumerations,
        })
    }
}

/// The entries of a table within a service's row, where it has one.
fn section<'r>(
    row: &'r toml::Value,
    key: &str,
) -> impl Iterator<Item = (&'r String, &'r toml::Value)> {
    row.get(key).and_then(toml::Value::as_table).into_iter().flatten()
}

fn choice(row: &toml::Value, key: &str) -> Result<Choice, String> {
    match row.get(key) {
        Some(toml::Value::String(word)) if word == "all" => Ok(Choice::All),
        Some(toml::Value::Array(names)) => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned).ok_or(format!("`{key}` holds no name")))
            .collect::<Result<_, _>>()
            .map(Choice::These),
        _ => Err(format!("`{key}` must be \"all\" or a list of operations")),
    }
}
