//! The condition keys that a request to KMS sets (KMS guide).
//!
//! Most policies ask for none of them, so what the hot operations set is borrowed, and lists are
//! made only when a policy asks.

use std::borrow::Cow;
use std::sync::OnceLock;

use bulla_policy::{Conditions, Values, same_name, truth};
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
    others: bulla_policy::RequestKeys<'a>,
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
    pub(crate) fn with(self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        Self { others: self.others.with(name, value), ..self }
    }

    /// A single-valued key, where the request has it.
    pub(crate) fn with_some(
        self,
        name: &'static str,
        value: Option<impl Into<Cow<'a, str>>>,
    ) -> Self {
        Self { others: self.others.with_some(name, value), ..self }
    }

    /// A Boolean key.
    pub(crate) fn with_flag(self, name: &'static str, value: bool) -> Self {
        Self { others: self.others.with_flag(name, value), ..self }
    }

    /// A multi-valued key; `name` in lower case. Without values the key is absent.
    pub(crate) fn with_many(self, name: &'static str, values: Vec<&'a str>) -> Self {
        Self { others: self.others.with_many(name, values), ..self }
    }

    /// The tags that the request brings: `aws:RequestTag/…` and `aws:TagKeys`.
    pub(crate) fn tags(self, tags: &'a [(String, String)]) -> Self {
        Self { others: self.others.tags(tags), ..self }
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
}

impl Conditions for RequestKeys<'_> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "kms:encryptionalgorithm" => self.algorithm.map(Values::One),
            "kms:requestalias" => self.alias.map(Values::One),
            "kms:reencryptonsamekey" => self.same_key.map(|same| Values::One(truth(same))),
            "kms:encryptioncontextkeys" => {
                let names = self.context_keys();
                (!names.is_empty()).then_some(Values::Many(names))
            }
            _ => {
                if let Some(name) = key.strip_prefix("kms:encryptioncontext:") {
                    return self.of_context(name).map(Values::One);
                }
                if let Some(name) = key.strip_prefix("kms:recipientattestation:") {
                    return self.recipient?.condition(name).map(Values::One);
                }
                self.others.get(key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_no_context_are_absent() {
        assert!(RequestKeys::none().get("kms:encryptioncontextkeys").is_none());
    }

    #[test]
    fn what_kms_has_no_place_of_its_own_for_is_found_too() {
        let tags = [("Team".to_owned(), "Blue".to_owned())];
        let keys = RequestKeys::none().tags(&tags).with_flag("kms:multiregion", true);
        assert_eq!(keys.get("aws:requesttag/team"), Some(Values::One("Blue")));
        assert_eq!(keys.get("kms:multiregion"), Some(Values::One("true")));
    }
}
