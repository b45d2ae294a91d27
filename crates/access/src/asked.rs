//! The request that a question supposes: the condition keys that it gives, and those it leaves
//! open.

use bulla_policy::{Conditions, Values};
use bulla_shapes::bulla::ContextEntry;
use bulla_shapes::{StringMap, Views};

/// Beginnings of the keys that follow from the principal or the resource alone.
const SETTLED_PREFIXES: [&str; 4] =
    ["aws:principal", "aws:resource", "kms:customermasterkey", "kms:multiregion"];
/// Further keys that follow from the principal or the resource alone.
const SETTLED: [&str; 8] = [
    "aws:requestedregion",
    "aws:userid",
    "aws:username",
    "kms:calleraccount",
    "kms:keyorigin",
    "kms:keyspec",
    "kms:keyusage",
    "kms:resourcealiases",
];
/// Keys that the house sets for each request, and that a supposed request has only if given.
const OF_A_REQUEST: [&str; 4] =
    ["aws:securetransport", "aws:sourceip", "aws:useragent", "aws:viaawsservice"];
const CONTEXT_PREFIX: &str = "kms:encryptioncontext:";
const CONTEXT_KEYS: &str = "kms:encryptioncontextkeys";

/// The condition keys that a question gives, in lower case.
#[derive(Default)]
pub(crate) struct Asked {
    given: Vec<(String, Vec<String>)>,
}

impl Asked {
    /// Reads the entries of a question, and its encryption context.
    pub(crate) fn read(
        entries: Option<Views<'_, ContextEntry<'_>>>,
        context: Option<StringMap<'_>>,
    ) -> Self {
        let mut asked = Self::default();
        for entry in entries.into_iter().flat_map(|entries| entries.iter()) {
            let values = entry.values().into_iter().flat_map(|values| values.iter());
            asked.give(entry.key().to_lowercase(), values.map(str::to_owned).collect());
        }
        let pairs: Vec<_> = context.iter().flat_map(StringMap::iter).collect();
        for (key, value) in &pairs {
            asked
                .give(format!("{CONTEXT_PREFIX}{}", key.to_lowercase()), vec![(*value).to_owned()]);
        }
        if !pairs.is_empty() {
            let keys = pairs.iter().map(|(key, _)| (*key).to_owned());
            asked.give(CONTEXT_KEYS.to_owned(), keys.collect());
        }
        asked
    }

    fn give(&mut self, key: String, values: Vec<String>) {
        self.given.push((key, values));
    }

    fn value(&self, key: &str) -> Option<&[String]> {
        self.given.iter().find(|(given, _)| given == key).map(|(_, values)| &**values)
    }

    /// Whether requests differ in this key, and the question says nothing of it.
    pub(crate) fn leaves_open(&self, key: &str) -> bool {
        let settled =
            SETTLED.contains(&key) || SETTLED_PREFIXES.iter().any(|prefix| key.starts_with(prefix));
        !settled && self.value(key).is_none()
    }
}

impl Conditions for Asked {
    /// A key that only a real request has is present without values, which counts as absent and
    /// keeps the Gate from filling it in from the request that asks.
    fn get(&self, key: &str) -> Option<Values<'_>> {
        match self.value(key) {
            Some([value]) => Some(Values::One(value)),
            Some(values) => Some(Values::Owned(values)),
            None if OF_A_REQUEST.contains(&key) => Some(Values::Owned(&[])),
            None => None,
        }
    }
}
