//! The filters of ListSecrets and BatchGetSecretValue (API Reference, `Filter`).
//!
//! A secret passes if it passes every filter, and a filter if it matches one of its values. A value
//! that begins with `!` must not match; where a filter has only such values, that is enough.

use bulla_shapes::secretsmanager::Filter as Asked;
use bulla_shapes::{Fault, Views};

use crate::fault;
use crate::index::{Entries, Field, Slots};

/// A filter, ready for use.
pub(crate) struct Filter {
    field: Field,
    wanted: Vec<String>,
    unwanted: Vec<String>,
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

    /// The secrets that pass.
    fn passing(&self, entries: &Entries) -> Slots {
        let mut passing = Slots::default();
        match self.wanted.as_slice() {
            [] => passing.join(entries.all()),
            wanted => {
                wanted.iter().for_each(|value| passing.join(&entries.matching(self.field, value)));
            }
        }
        let unwanted = self.unwanted.iter();
        unwanted.for_each(|value| passing.take_away(&entries.matching(self.field, value)));
        passing
    }
}

/// The secrets that pass all of these, and whose deletion is not scheduled, unless those are wanted
/// too; nothing where that is all secrets.
pub(crate) fn passing(filters: &[Filter], with_going: bool, entries: &Entries) -> Option<Slots> {
    let mut passing = None::<Slots>;
    for filter in filters {
        let also = filter.passing(entries);
        match &mut passing {
            Some(passing) => passing.keep(&also),
            None => passing = Some(also),
        }
    }
    if !with_going && !entries.going().is_empty() {
        passing.get_or_insert_with(|| entries.all().clone()).take_away(entries.going());
    }
    passing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Entry;

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
        let mut entries = Entries::default();
        entries.insert("prod/orders-db", entry());
        let asked = Asked::new().with_key(key).with_values(values.iter().copied());
        !Filter::read(&asked).unwrap().passing(&entries).is_empty()
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
