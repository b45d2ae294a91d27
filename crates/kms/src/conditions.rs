//! The condition keys that a request to KMS sets (facts 1.9).

use std::borrow::Cow;

use bulla_policy::{Conditions, Values};
use bulla_shapes::StringMap;

/// Keys of one request.
#[derive(Default)]
pub(crate) struct RequestKeys<'a> {
    context: Vec<(&'a str, &'a str)>,
    context_keys: Vec<&'a str>,
    single: Vec<(&'static str, Cow<'a, str>)>,
    many: Vec<(&'static str, Vec<String>)>,
    tags: Vec<(String, String)>,
}

impl<'a> RequestKeys<'a> {
    /// No key.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// The keys of an encryption context.
    pub(crate) fn context(mut self, context: Option<StringMap<'a>>) -> Self {
        if let Some(context) = context {
            self.context = context.iter().collect();
            self.context_keys = self.context.iter().map(|(key, _)| *key).collect();
        }
        self
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

    /// A multi-valued key; `name` in lower case. Without values the key is absent.
    pub(crate) fn with_many(mut self, name: &'static str, values: Vec<String>) -> Self {
        self.many.push((name, values));
        self
    }

    /// The tags that the request brings: `aws:RequestTag/…` and `aws:TagKeys`.
    pub(crate) fn with_tags(self, tags: &[(String, String)]) -> Self {
        let keys = tags.iter().map(|(key, _)| key.clone()).collect();
        let mut this = self.with_many("aws:tagkeys", keys);
        this.tags = tags.iter().map(|(key, value)| (key.to_lowercase(), value.clone())).collect();
        this
    }
}

impl Conditions for RequestKeys<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        if let Some(name) = key.strip_prefix("kms:encryptioncontext:") {
            let same = |(key, _): &&(&str, &str)| key.to_lowercase() == name;
            return self.context.iter().find(same).map(|(_, value)| Values::One(value));
        }
        if key == "kms:encryptioncontextkeys" {
            return (!self.context_keys.is_empty()).then(|| Values::Many(&self.context_keys));
        }
        if let Some(name) = key.strip_prefix("aws:requesttag/") {
            return self.tags.iter().find(|(tag, _)| tag == name).map(|(_, v)| Values::One(v));
        }
        if let Some((_, value)) = self.single.iter().find(|(name, _)| *name == key) {
            return Some(Values::One(value));
        }
        let (_, values) = self.many.iter().find(|(name, _)| *name == key)?;
        (!values.is_empty()).then(|| Values::Owned(values))
    }
}
