//! The filters of ListSecrets and BatchGetSecretValue (API Reference, `Filter`).
//!
//! A secret passes if it passes every filter, and a filter if it matches one of its values. A value
//! that begins with `!` must not match; where a filter has only such values, that is enough.
//! How words are told apart is our choice: by whatever is neither a letter nor a digit.

use bulla_shapes::secretsmanager::Filter as Asked;
use bulla_shapes::{Fault, Views};

use crate::fault;
use crate::index::Entry;

/// A filter, ready for use.
pub(crate) struct Filter {
    field: Field,
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Description,
    Name,
    TagKey,
    TagValue,
    PrimaryRegion,
    OwningService,
    All,
}

/// Reads the filters of a request.
pub(crate) fn read<'r>(asked: Option<Views<'r, Asked<'r>>>) -> Result<Vec<Filter>, Fault> {
    let asked = asked.into_iter().flat_map(|all| all.iter().collect::<Vec<_>>());
    asked.map(|one| Filter::read(&one)).collect()
}

impl Filter {
    fn read(asked: &Asked<'_>) -> Result<Self, Fault> {
        let field = match asked.key() {
            Some("description") => Field::Description,
            Some("name") => Field::Name,
            Some("tag-key") => Field::TagKey,
            Some("tag-value") => Field::TagValue,
            Some("primary-region") => Field::PrimaryRegion,
            Some("owning-service") => Field::OwningService,
            Some("all") => Field::All,
            // AWS's texts are not recorded; these are ours.
            _ => return Err(fault::invalid_parameter("A filter must have a valid key.")),
        };
        let values = asked.values().map(|values| values.iter().collect::<Vec<_>>());
        let values = values.unwrap_or_default();
        if values.is_empty() {
            return Err(fault::invalid_parameter("A filter must have a value."));
        }
        let (unwanted, wanted): (Vec<&str>, Vec<&str>) =
            values.into_iter().partition(|value| value.starts_with('!'));
        let unwanted = unwanted.iter().map(|value| value.trim_start_matches('!').to_owned());
        let wanted = wanted.into_iter().map(str::to_owned);
        Ok(Self { field, wanted: wanted.collect(), unwanted: unwanted.collect() })
    }

    /// Whether a secret passes.
    pub(crate) fn passes(&self, name: &str, entry: &Entry) -> bool {
        let matches = |value: &String| self.matches(value, name, entry);
        let wanted = self.wanted.is_empty() || self.wanted.iter().any(matches);
        wanted && !self.unwanted.iter().any(matches)
    }

    fn matches(&self, value: &str, name: &str, entry: &Entry) -> bool {
        match self.field {
            Field::Name => name.starts_with(value),
            Field::TagKey => entry.tags.iter().any(|(key, _)| key.starts_with(value)),
            Field::TagValue => entry.tags.iter().any(|(_, of)| of.starts_with(value)),
            Field::PrimaryRegion => {
                entry.primary_region.as_ref().is_some_and(|region| region.starts_with(value))
            }
            // No service owns secrets yet.
            Field::OwningService => false,
            Field::Description => has_words(value, &mut std::iter::once(&*entry.description)),
            Field::All => {
                let tags = entry.tags.iter().flat_map(|(key, of)| [key.as_str(), of.as_str()]);
                let region = entry.primary_region.as_deref();
                let mut texts = [name, &entry.description].into_iter().chain(tags).chain(region);
                has_words(value, &mut texts)
            }
        }
    }
}

/// Whether each word of a value is the beginning of some word of the texts, whatever its case.
fn has_words(value: &str, texts: &mut dyn Iterator<Item = &str>) -> bool {
    let mut missing: Vec<&str> = words(value).collect();
    if missing.is_empty() {
        return false;
    }
    for word in texts.flat_map(words) {
        missing.retain(|begin| !begins(word, begin));
        if missing.is_empty() {
            return true;
        }
    }
    false
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn begins(word: &str, begin: &str) -> bool {
    if word.is_ascii() && begin.is_ascii() {
        let start = word.as_bytes().get(..begin.len());
        return start.is_some_and(|start| start.eq_ignore_ascii_case(begin.as_bytes()));
    }
    word.to_lowercase().starts_with(&begin.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            description: "Password of the Orders database".into(),
            tags: [("Team".to_owned(), "Blue-7".to_owned())].into(),
            primary_region: Some("eu-central-1".into()),
            created_ms: 0,
            changed_ms: 0,
            accessed_ms: 0,
            is_going: false,
        }
    }

    fn passes(key: &str, values: &[&str]) -> bool {
        let asked = Asked::new().with_key(key).with_values(values.iter().copied());
        Filter::read(&asked).unwrap().passes("prod/orders-db", &entry())
    }

    #[test]
    fn each_key_looks_at_its_own_text() {
        for (key, values, wanted) in [
            ("name", &["prod/"][..], true),
            ("name", &["Prod/"], false),
            ("name", &["orders"], false),
            ("name", &["nothing", "prod"], true),
            ("name", &["!prod"], false),
            ("name", &["!test"], true),
            ("name", &["prod", "!prod/orders"], false),
            ("description", &["password ORDERS"], true),
            ("description", &["orders data"], true),
            ("description", &["word"], false),
            ("tag-key", &["Te"], true),
            ("tag-key", &["te"], false),
            ("tag-value", &["Blue"], true),
            ("tag-value", &["Team"], false),
            ("primary-region", &["eu-"], true),
            ("owning-service", &["rds"], false),
            ("all", &["db blue team"], true),
            ("all", &["db green"], false),
            ("all", &["-"], false),
        ] {
            assert_eq!(passes(key, values), wanted, "{key} {values:?}");
        }
    }

    #[test]
    fn a_filter_needs_a_key_and_a_value() {
        for asked in [Asked::new().with_values(["a"]), Asked::new().with_key("name")] {
            assert_eq!(Filter::read(&asked).err().unwrap().code, "InvalidParameterException");
        }
    }
}
