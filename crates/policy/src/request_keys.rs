//! The condition keys that a request to a service sets, borrowed from the request.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::context::{Conditions, Values};

/// The keys of one request. Most policies ask for none of them: so nothing is copied, and the list
/// of the tags' keys is made only when a policy asks.
#[derive(Default)]
pub struct RequestKeys<'a> {
    single: Vec<(&'static str, Cow<'a, str>)>,
    many: Vec<(&'static str, Vec<&'a str>)>,
    tags: &'a [(String, String)],
    tag_keys: OnceLock<Vec<&'a str>>,
}

impl<'a> RequestKeys<'a> {
    /// No key.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A single-valued key; `name` in lower case.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        self.single.push((name, value.into()));
        self
    }

    /// A single-valued key, where the request has it.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Into<Cow<'a, str>>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A Boolean key, where the request has it.
    #[must_use]
    pub fn with_flag(self, name: &'static str, value: impl Into<Option<bool>>) -> Self {
        self.with_some(name, value.into().map(truth))
    }

    /// A multi-valued key; `name` in lower case. Without values the key is absent.
    #[must_use]
    pub fn with_many(mut self, name: &'static str, values: Vec<&'a str>) -> Self {
        self.many.push((name, values));
        self
    }

    /// The tags that the request brings: `aws:RequestTag/…` and `aws:TagKeys`.
    #[must_use]
    pub fn tags(mut self, tags: &'a [(String, String)]) -> Self {
        self.tags = tags;
        self
    }

    fn tag_keys(&self) -> &[&'a str] {
        self.tag_keys.get_or_init(|| self.tags.iter().map(|(key, _)| &**key).collect())
    }
}

impl Conditions for RequestKeys<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        if let Some(name) = key.strip_prefix("aws:requesttag/") {
            return tag(self.tags, name);
        }
        if key == "aws:tagkeys" && !self.tags.is_empty() {
            return Some(Values::Many(self.tag_keys()));
        }
        if let Some((_, value)) = self.single.iter().find(|(name, _)| *name == key) {
            return Some(Values::One(value));
        }
        let (_, values) = self.many.iter().find(|(name, _)| *name == key)?;
        (!values.is_empty()).then_some(Values::Many(values))
    }
}

/// A Boolean as the value of a condition key.
#[must_use]
pub fn truth(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}

/// The value of the tag that a condition key names in lower case (`team` of
/// `aws:resourcetag/team`).
#[must_use]
pub fn tag<'t>(tags: &'t [(String, String)], name: &str) -> Option<Values<'t>> {
    tags.iter().find(|(tag, _)| same_name(tag, name)).map(|(_, value)| Values::One(value))
}

/// Whether a name is the one that a condition key spells in lower case.
#[must_use]
pub fn same_name(name: &str, lower: &str) -> bool {
    name.eq_ignore_ascii_case(lower) || !name.is_ascii() && name.to_lowercase() == lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case() {
        assert!(same_name("Department", "department"));
        assert!(same_name("ÄRZTE", "ärzte"));
        assert!(!same_name("a", "b") && !same_name("ä", "a"));
    }

    #[test]
    fn keys_are_there_when_the_request_has_them() {
        let keys = RequestKeys::none().with("a", "1").with_some("b", Some("2".to_owned()));
        let keys = keys.with_some("absent", None::<&str>).with_flag("absent", None);
        let keys = keys.with_flag("c", true).with_flag("d", Some(false)).with_many("e", vec!["5"]);
        for (key, value) in [("a", "1"), ("b", "2"), ("c", "true"), ("d", "false")] {
            assert_eq!(keys.get(key), Some(Values::One(value)), "{key}");
        }
        assert_eq!(keys.get("e"), Some(Values::Many(&["5"])));
        assert!(keys.get("absent").is_none());
    }

    #[test]
    fn lists_without_values_are_absent() {
        let keys = RequestKeys::none().with_many("kms:grantoperations", Vec::new()).tags(&[]);
        for key in ["kms:grantoperations", "aws:tagkeys"] {
            assert!(keys.get(key).is_none(), "{key}");
        }
    }

    #[test]
    fn tags_are_found_by_key_and_listed_as_they_were_sent() {
        let tags = [("Team".to_owned(), "Blue".to_owned())];
        let keys = RequestKeys::none().tags(&tags);
        assert_eq!(keys.get("aws:requesttag/team"), Some(Values::One("Blue")));
        assert_eq!(keys.get("aws:tagkeys"), Some(Values::Many(&["Team"])));
        assert!(keys.get("aws:requesttag/other").is_none());
    }
}
