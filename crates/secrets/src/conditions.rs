//! The condition keys that a request to Secrets Manager sets (Service Authorization Reference).

use std::borrow::Cow;

use bulla_policy::{Conditions, Values};

/// Keys of one request.
#[derive(Default)]
pub(crate) struct RequestKeys<'a> {
    single: Vec<(&'static str, Cow<'a, str>)>,
    many: Vec<(&'static str, Vec<&'a str>)>,
    tags: &'a [(String, String)],
}

impl<'a> RequestKeys<'a> {
    /// No key.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// What all operations on one secret set: how the request names it.
    pub(crate) fn of(secret_id: &'a str) -> Self {
        Self::none().with("secretsmanager:secretid", secret_id)
    }

    /// A single-valued key; `name` in lower case.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        self.single.push((name, value.into()));
        self
    }

    /// A single-valued key, where the request has it.
    pub(crate) fn with_some(
        self,
        name: &'static str,
        value: Option<impl Into<Cow<'a, str>>>,
    ) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A Boolean key, where the request has it.
    pub(crate) fn with_flag(self, name: &'static str, value: Option<bool>) -> Self {
        self.with_some(name, value.map(truth))
    }

    /// A multi-valued key; `name` in lower case. Without values the key is absent.
    pub(crate) fn with_many(mut self, name: &'static str, values: Vec<&'a str>) -> Self {
        self.many.push((name, values));
        self
    }

    /// The tags that the request brings: `aws:RequestTag/…` and `aws:TagKeys`.
    pub(crate) fn tags(mut self, tags: &'a [(String, String)]) -> Self {
        self.tags = tags;
        let keys = tags.iter().map(|(key, _)| key.as_str()).collect();
        self.with_many("aws:tagkeys", keys)
    }

    /// The KMS key that the request names, under both names that the key has.
    pub(crate) fn kms_key(self, key: Option<&'a str>) -> Self {
        self.with_some("secretsmanager:kmskeyid", key)
            .with_some("secretsmanager:kmskeyarn", key.filter(|key| key.starts_with("arn:")))
    }
}

impl Conditions for RequestKeys<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        if let Some(name) = key.strip_prefix("aws:requesttag/") {
            return tag(self.tags, name);
        }
        if let Some((_, value)) = self.single.iter().find(|(name, _)| *name == key) {
            return Some(Values::One(value));
        }
        let (_, values) = self.many.iter().find(|(name, _)| *name == key)?;
        (!values.is_empty()).then_some(Values::Many(values))
    }
}

fn truth(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}

/// The value of the tag that a condition key names in lower case.
pub(crate) fn tag<'t>(tags: &'t [(String, String)], name: &str) -> Option<Values<'t>> {
    let same =
        |tag: &str| tag.eq_ignore_ascii_case(name) || !tag.is_ascii() && tag.to_lowercase() == name;
    tags.iter().find(|(tag, _)| same(tag)).map(|(_, value)| Values::One(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_there_when_the_request_has_them() {
        let tags = [("Team".to_owned(), "Blue".to_owned())];
        let keys = RequestKeys::of("db").tags(&tags).kms_key(Some("alias/a")).with_flag("f", None);
        assert_eq!(keys.get("secretsmanager:secretid"), Some(Values::One("db")));
        assert_eq!(keys.get("secretsmanager:kmskeyid"), Some(Values::One("alias/a")));
        assert_eq!(keys.get("aws:requesttag/team"), Some(Values::One("Blue")));
        assert_eq!(keys.get("aws:tagkeys"), Some(Values::Many(&["Team"])));
        for key in ["f", "secretsmanager:kmskeyarn", "aws:requesttag/other"] {
            assert!(keys.get(key).is_none(), "{key}");
        }
        assert!(RequestKeys::none().tags(&[]).get("aws:tagkeys").is_none());
    }
}
