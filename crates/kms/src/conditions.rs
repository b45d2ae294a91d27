//! The condition keys that a request to KMS sets (KMS guide).
//!
//! Most policies ask for none of them, so what the hot operations set is borrowed, and lists are
//! made only when a policy asks.

use std::borrow::Cow;
use std::sync::OnceLock;

use bulla_policy::{Conditions, Values};
use bulla_shapes::StringMap;

use crate::grant::Constraints;
use crate::recipient::Recipient;

/// Keys of one request.
#[derive(Default)]
pub(crate) struct RequestKeys<'a> {
    context: Option<StringMap<'a>>,
    /// The pairs of a grant's constraints, which stand for a context where grants are managed.
    constraints: &'a [(String, String)],
    context_keys: OnceLock<Vec<&'a str>>,
    algorithm: Option<&'a str>,
    alias: Option<&'a str>,
    same_key: Option<bool>,
    recipient: Option<&'a Recipient>,
    tags: &'a [(String, String)],
    tag_keys: OnceLock<Vec<&'a str>>,
    single: Vec<(&'static str, Cow<'a, str>)>,
    many: Vec<(&'static str, Vec<&'a str>)>,
}

impl<'a> RequestKeys<'a> {
    /// No key.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// The keys of an encryption context.
    pub(crate) fn context(mut self, context: Option<StringMap<'a>>) -> Self {
        self.context = context;
        self
    }

    /// The keys that a grant's constraints set where grants are created and retired.
    pub(crate) fn of_grant(mut self, constraints: &'a Constraints) -> Self {
        self.constraints = constraints.pairs();
        let kind = match (&constraints.equals, &constraints.subset) {
            (Some(_), _) => Some("EncryptionContextEquals"),
            (None, Some(_)) => Some("EncryptionContextSubset"),
            (None, None) => None,
        };
        self.with_some("kms:grantconstrainttype", kind)
            .with_some("kms:grantconstraintsourcearn", constraints.source_arn.as_deref())
    }

    /// `kms:EncryptionAlgorithm`.
    pub(crate) fn algorithm(mut self, name: &'a str) -> Self {
        self.algorithm = Some(name);
        self
    }

    /// `kms:RequestAlias`: the alias that the request named its key by.
    pub(crate) fn alias(mut self, name: Option<&'a str>) -> Self {
        self.alias = name;
        self
    }

    /// `kms:ReEncryptOnSameKey`.
    pub(crate) fn same_key(mut self, same: bool) -> Self {
        self.same_key = Some(same);
        self
    }

    /// The keys of what a recipient attests.
    pub(crate) fn recipient(mut self, recipient: Option<&'a Recipient>) -> Self {
        self.recipient = recipient;
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
    pub(crate) fn with_many(mut self, name: &'static str, values: Vec<&'a str>) -> Self {
        self.many.push((name, values));
        self
    }

    /// The tags that the request brings: `aws:RequestTag/…` and `aws:TagKeys`.
    pub(crate) fn tags(mut self, tags: &'a [(String, String)]) -> Self {
        self.tags = tags;
        self
    }

    fn of_context(&self, name: &str) -> Option<&str> {
        let given = self.context.iter().flat_map(StringMap::iter);
        let mut all = given.chain(self.constraints.iter().map(|(key, value)| (&**key, &**value)));
        all.find(|(key, _)| same_name(key, name)).map(|(_, value)| value)
    }

    fn context_keys(&self) -> &[&'a str] {
        self.context_keys.get_or_init(|| {
            let given = self.context.iter().flat_map(StringMap::iter).map(|(key, _)| key);
            given.chain(self.constraints.iter().map(|(key, _)| &**key)).collect()
        })
    }

    fn tag_keys(&self) -> &[&'a str] {
        self.tag_keys.get_or_init(|| self.tags.iter().map(|(key, _)| &**key).collect())
    }

    fn named(&self, key: &str) -> Option<Values<'_>> {
        if let Some((_, value)) = self.single.iter().find(|(name, _)| *name == key) {
            return Some(Values::One(value));
        }
        let (_, values) = self.many.iter().find(|(name, _)| *name == key)?;
        some(values)
    }
}

impl Conditions for RequestKeys<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:encryptionalgorithm" => self.algorithm.map(Values::One),
            "kms:requestalias" => self.alias.map(Values::One),
            "kms:reencryptonsamekey" => self.same_key.map(|same| Values::One(truth(same))),
            "kms:encryptioncontextkeys" => some(self.context_keys()),
            "aws:tagkeys" if !self.tags.is_empty() => some(self.tag_keys()),
            _ => {
                if let Some(name) = key.strip_prefix("kms:encryptioncontext:") {
                    return self.of_context(name).map(Values::One);
                }
                if let Some(name) = key.strip_prefix("kms:recipientattestation:") {
                    return self.recipient?.condition(name).map(Values::One);
                }
                if let Some(name) = key.strip_prefix("aws:requesttag/") {
                    return tag(self.tags, name);
                }
                self.named(key)
            }
        }
    }
}

/// A Boolean as the value of a condition key.
pub(crate) fn truth(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}

/// The value of the tag that a condition key names in lower case.
pub(crate) fn tag<'t>(tags: &'t [(String, String)], name: &str) -> Option<Values<'t>> {
    tags.iter().find(|(tag, _)| same_name(tag, name)).map(|(_, value)| Values::One(value))
}

/// Whether a name is the one that a condition key spells in lower case.
pub(crate) fn same_name(name: &str, lower: &str) -> bool {
    name.eq_ignore_ascii_case(lower) || !name.is_ascii() && name.to_lowercase() == lower
}

fn some<'v>(values: &'v [&'v str]) -> Option<Values<'v>> {
    (!values.is_empty()).then_some(Values::Many(values))
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
    fn lists_without_values_are_absent() {
        let keys = RequestKeys::none().with_many("kms:grantoperations", Vec::new());
        for key in ["kms:grantoperations", "kms:encryptioncontextkeys", "aws:tagkeys"] {
            assert!(keys.get(key).is_none(), "{key}");
        }
    }

    #[test]
    fn tags_are_found_by_key_and_listed_as_they_were_sent() {
        let tags = [("Team".to_owned(), "Blue".to_owned())];
        let keys = RequestKeys::none().tags(&tags);
        assert_eq!(keys.get("aws:requesttag/team"), Some(Values::One("Blue")));
        assert_eq!(keys.get("aws:tagkeys"), Some(Values::Many(&["Team"])));
    }
}
