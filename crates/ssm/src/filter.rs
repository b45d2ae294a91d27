//! Filters of lists: which there are, and what they let through.

use std::collections::BTreeSet;

use bulla_shapes::ssm::{ParameterStringFilter, ParametersFilter};
use bulla_shapes::{Fault, Views};
use bulla_store::Range;

use crate::record::ParameterRecord;
use crate::{fault, name, place};

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Equals,
    BeginsWith,
    Contains,
    OneLevel,
    Recursive,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Equals => "Equals",
            Self::BeginsWith => "BeginsWith",
            Self::Contains => "Contains",
            Self::OneLevel => "OneLevel",
            Self::Recursive => "Recursive",
        }
    }
}

/// A key that can be filtered by: its name, and its options, the default first. AWS prints them
/// in another order: by name.
struct Key {
    name: &'static str,
    options: &'static [How],
}

const NAME: Key = Key { name: "Name", options: &[How::Equals, How::BeginsWith, How::Contains] };
const PATH: Key = Key { name: "Path", options: &[How::OneLevel, How::Recursive] };
const TYPE: Key = Key { name: "Type", options: &[How::Equals, How::BeginsWith] };
const KEY_ID: Key = Key { name: "KeyId", options: &[How::Equals, How::BeginsWith] };
const LABEL: Key = Key { name: "Label", options: &[How::Equals] };
const TIER: Key = Key { name: "Tier", options: &[How::Equals] };
const DATA_TYPE: Key = Key { name: "DataType", options: &[How::Equals, How::BeginsWith] };
const TAG: Key = Key { name: "tag:", options: &[How::Equals] };

/// The lists that take filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    ByPath,
    Describe,
}

impl List {
    fn keys(self) -> &'static [Key] {
        match self {
            Self::ByPath => &[TYPE, KEY_ID, LABEL],
            Self::Describe => &[NAME, TYPE, KEY_ID, PATH, TIER, DATA_TYPE],
        }
    }

    fn key(self, name: &str) -> Result<&'static Key, Fault> {
        if self == Self::Describe && name.strip_prefix(TAG.name).is_some_and(|tag| !tag.is_empty())
        {
            return Ok(&TAG);
        }
        self.keys().iter().find(|key| key.name == name).ok_or_else(|| {
            let tag = if self == Self::Describe { "tag:<name>, " } else { "" };
            let keys: Vec<_> = self.keys().iter().map(|key| key.name).collect();
            let text = format!(
                "The following filter key is not valid: {name}. Valid filter keys include: \
                 [{tag}{}].",
                keys.join(", ")
            );
            fault::named("InvalidFilterKey", text)
        })
    }
}

/// One filter: a parameter passes if any of the values fits.
#[derive(Debug)]
struct Filter {
    key: &'static str,
    /// The tag's name, of a filter by tag.
    tag: String,
    how: How,
    values: Vec<String>,
}

/// All filters of a request: a parameter passes if every one lets it through.
#[derive(Debug, Default)]
pub(crate) struct Filters(Vec<Filter>);

impl Filters {
    /// Reads the filters of a request.
    pub(crate) fn read(
        list: List,
        given: Option<Views<'_, ParameterStringFilter<'_>>>,
    ) -> Result<Self, Fault> {
        let mut filters = Vec::new();
        let mut seen = BTreeSet::new();
        for given in given.iter().flat_map(Views::iter) {
            let name = given.key();
            let key = list.key(name)?;
            if !seen.insert(name.to_owned()) {
                let text = format!(
                    "The following filter is duplicated in the request: {name}. A request can \
                     contain only one occurrence of a specific filter."
                );
                return Err(fault::validation(text));
            }
            let values: Vec<_> =
                given.values().iter().flat_map(|v| v.iter().map(str::to_owned)).collect();
            let how = option(key, given.option())?;
            check(key, name, &values)?;
            let tag = name.strip_prefix(TAG.name).unwrap_or_default().to_owned();
            filters.push(Filter { key: key.name, tag, how, values });
        }
        Ok(Self(filters))
    }

    /// Reads filters of the old form, of which `Name` means the beginning of a name (recorded).
    pub(crate) fn read_old(given: Option<Views<'_, ParametersFilter<'_>>>) -> Self {
        let filters = given.iter().flat_map(Views::iter).map(|given| {
            let key = [&NAME, &TYPE, &KEY_ID].into_iter().find(|key| key.name == given.key());
            let key = key.map_or(NAME.name, |key| key.name);
            let how = if key == NAME.name { How::BeginsWith } else { How::Equals };
            let values = given.values().iter().flat_map(|v| v.iter().map(str::to_owned)).collect();
            Filter { key, tag: String::new(), how, values }
        });
        Self(filters.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The label that is asked for.
    pub(crate) fn label(&self) -> Option<&str> {
        let label = self.0.iter().find(|filter| filter.key == LABEL.name)?;
        label.values.first().map(String::as_str)
    }

    /// The rows that parameters which pass can be in, in the order of the rows; everything where no
    /// filter tells. A filter by name or path makes a list as cheap as what it finds.
    pub(crate) fn ranges(&self, home: &str) -> Option<Vec<Range>> {
        let named = |filter: &&Filter| {
            (filter.key == NAME.name && filter.how != How::Contains) || filter.key == PATH.name
        };
        // Of two that tell, one suffices: the other still has to let through what is found.
        let filter = self.0.iter().find(named)?;
        let mut ranges: Vec<Range> =
            filter.values.iter().flat_map(|value| filter.range(home, value)).collect();
        ranges.sort_by(|a, b| a.from.cmp(&b.from).then_with(|| b.to.cmp(&a.to)));
        // What lies within another would be found twice.
        let mut kept: Vec<Range> = Vec::new();
        for range in ranges {
            if !kept.iter().any(|wider| wider.contains(range.from.as_bytes())) {
                kept.push(range);
            }
        }
        Some(kept)
    }

    /// Whether a parameter passes.
    pub(crate) fn pass(&self, record: &ParameterRecord) -> bool {
        self.0.iter().all(|filter| filter.passes(record))
    }
}

impl Filter {
    fn range(&self, home: &str, value: &str) -> Vec<Range> {
        let path = name::path(value);
        let (parent, how) = (path.strip_suffix('/').unwrap_or(path), self.how);
        match how {
            How::Equals | How::Contains => {
                let row = match path.rsplit_once('/') {
                    Some((parent, leaf)) => format!("{home}/{parent}\0{leaf}"),
                    None => format!("{home}\0{path}"),
                };
                vec![place::only(&row)]
            }
            How::BeginsWith => place::beginning(home, path).into(),
            How::OneLevel => vec![place::children(home, parent)],
            How::Recursive => {
                vec![place::children(home, parent), place::descendants(home, parent)]
            }
        }
    }

    fn passes(&self, record: &ParameterRecord) -> bool {
        let newest = &record.newest;
        let any = |text: &str| self.values.iter().any(|value| self.fits(text, value));
        match self.key {
            "Name" => any(record.path()) || (self.how == How::Contains && any(&record.name)),
            "Path" => self.values.iter().any(|path| self.is_under(record.path(), path)),
            "Type" => any(newest.kind.name()),
            "KeyId" => newest.key_id.as_deref().is_some_and(any),
            "Tier" => any(newest.tier.name()),
            "DataType" => any(&newest.data_type),
            "Label" => record.labels.iter().any(|(label, _)| any(label)),
            _ => {
                let tag = record.tags.iter().find(|(key, _)| *key == self.tag);
                tag.is_some_and(|(_, value)| self.values.is_empty() || any(value))
            }
        }
    }

    /// Names are compared without the slash that they begin with: with and without it they are one.
    fn fits(&self, text: &str, value: &str) -> bool {
        let is_name = self.key == NAME.name;
        let bare = if is_name { name::path(value) } else { value };
        match self.how {
            How::BeginsWith => text.starts_with(bare),
            How::Contains => text.contains(value),
            How::Equals | How::OneLevel | How::Recursive => text == bare,
        }
    }

    fn is_under(&self, path: &str, above: &str) -> bool {
        let above = name::path(above);
        let above = above.strip_suffix('/').unwrap_or(above);
        let rest = match above {
            "" => Some(path),
            _ => path.strip_prefix(above).and_then(|rest| rest.strip_prefix('/')),
        };
        rest.is_some_and(|rest| self.how == How::Recursive || !rest.contains('/'))
    }
}

fn option(key: &Key, given: Option<&str>) -> Result<How, Fault> {
    let default = key.options.first().copied().unwrap_or(How::Equals);
    let Some(given) = given else { return Ok(default) };
    key.options.iter().find(|how| how.name() == given).copied().ok_or_else(|| {
        let mut names: Vec<_> = key.options.iter().map(|how| how.name()).collect();
        names.sort_unstable();
        let text = format!(
            "The following filter option is not valid: {given}. Valid options include: [{}].",
            names.join(", ")
        );
        fault::named("InvalidFilterOption", text)
    })
}

/// Checks a filter's values.
fn check(key: &Key, name: &str, values: &[String]) -> Result<(), Fault> {
    let invalid = |text: String| Err(fault::named("InvalidFilterValue", text));
    if values.is_empty() && key.name != TAG.name {
        return invalid(format!(
            "The following filter values are missing : null for filter key {name}."
        ));
    }
    if key.name == LABEL.name && values.len() > 1 {
        return invalid("The following filter Label can have only one value".to_owned());
    }
    if key.name == PATH.name {
        values.iter().try_for_each(|path| name::of_path(path).map(drop))?;
    }
    // The text is ours.
    let known: &[&str] = match key.name {
        "Type" => &["String", "StringList", "SecureString"],
        "Tier" => &["Standard", "Advanced", "Intelligent-Tiering"],
        _ => return Ok(()),
    };
    let begins = |value: &&String| known.iter().any(|known| known.starts_with(value.as_str()));
    match values.iter().find(|value| !begins(value)) {
        Some(value) => invalid(format!(
            "The following filter value is not valid: {value}. Valid values include: [{}].",
            known.join(", ")
        )),
        None => Ok(()),
    }
}
