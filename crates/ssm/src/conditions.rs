//! The condition keys that a request to Parameter Store sets (Service Authorization Reference).

use bulla_policy::{Conditions, Values};

/// Keys of one request.
#[derive(Default)]
pub(crate) struct RequestKeys<'a> {
    overwrite: Option<bool>,
    policies: Option<bool>,
    recursive: Option<bool>,
    tags: &'a [(String, String)],
    tag_keys: Vec<&'a str>,
}

impl<'a> RequestKeys<'a> {
    /// No key.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// `ssm:Overwrite` and `ssm:Policies`.
    pub(crate) fn put(overwrite: bool, policies: bool) -> Self {
        Self { overwrite: Some(overwrite), policies: Some(policies), ..Self::default() }
    }

    /// `ssm:Recursive`.
    pub(crate) fn recursive(recursive: bool) -> Self {
        Self { recursive: Some(recursive), ..Self::default() }
    }

    /// The tags that the request brings: `aws:RequestTag/…` and `aws:TagKeys`.
    pub(crate) fn tags(self, tags: &'a [(String, String)]) -> Self {
        let tag_keys = tags.iter().map(|(key, _)| key.as_str()).collect();
        Self { tags, tag_keys, ..self }
    }

    /// `aws:TagKeys` alone.
    pub(crate) fn tag_keys(self, tag_keys: Vec<&'a str>) -> Self {
        Self { tag_keys, ..self }
    }
}

impl Conditions for RequestKeys<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        let flag = |value: Option<bool>| value.map(|value| Values::One(truth(value)));
        match key {
            "ssm:overwrite" => flag(self.overwrite),
            "ssm:policies" => flag(self.policies),
            "ssm:recursive" => flag(self.recursive),
            "aws:tagkeys" if self.tag_keys.is_empty() => None,
            "aws:tagkeys" => Some(Values::Many(&self.tag_keys)),
            _ => tag(self.tags, key.strip_prefix("aws:requesttag/")?),
        }
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
