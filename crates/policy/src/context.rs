//! The request context: what condition keys and policy variables are looked up in.

/// The values of one context key.
///
/// AWS tells single-valued keys from multi-valued ones by the key, not by the number of values: a
/// plain operator never matches a multi-valued key that is present, not even with one equal value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values<'a> {
    /// A single-valued key.
    One(&'a str),
    /// A multi-valued key (`aws:TagKeys`, `kms:EncryptionContextKeys`); empty means absent.
    Many(&'a [&'a str]),
    /// A multi-valued key whose values are owned by the context; empty means absent.
    Owned(&'a [String]),
}

impl<'a> Values<'a> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Values::One(_) => 1,
            Values::Many(values) => values.len(),
            Values::Owned(values) => values.len(),
        }
    }

    /// Whether there is no value, which counts as an absent key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `index`.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        match self {
            Values::One(value) => (index == 0).then_some(*value),
            Values::Many(values) => values.get(index).copied(),
            Values::Owned(values) => values.get(index).map(String::as_str),
        }
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let values = *self;
        (0..values.len()).filter_map(move |index| values.get(index))
    }

    /// The value of a single-valued key.
    pub fn single(&self) -> Option<&'a str> {
        match self {
            Values::One(value) => Some(value),
            Values::Many(_) | Values::Owned(_) => None,
        }
    }
}

/// Looks up condition keys of one request.
pub trait Conditions {
    /// The values of `key`, which is given in lower case (`aws:principaltag/team`); `None` when the
    /// request has no such key.
    fn get<'a>(&'a self, key: &str) -> Option<Values<'a>>;
}

impl Conditions for () {
    fn get<'a>(&'a self, _key: &str) -> Option<Values<'a>> {
        None
    }
}

#[derive(Clone, Debug)]
enum Entry {
    One(String),
    Many(Vec<String>),
}

/// A request context that owns its values, for simulation and tests.
#[derive(Clone, Debug, Default)]
pub struct Context {
    entries: Vec<(String, Entry)>,
}

impl Context {
    /// An empty context.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a single-valued key; the key's letter case does not matter, a later value replaces.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.set(key, Entry::One(value.into()));
        self
    }

    /// Adds a multi-valued key; the key's letter case does not matter, later values replace.
    #[must_use]
    pub fn with_many<S: Into<String>>(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        self.set(key, Entry::Many(values.into_iter().map(Into::into).collect()));
        self
    }

    fn set(&mut self, key: &str, entry: Entry) {
        let key = key.to_lowercase();
        self.entries.retain(|(known, _)| *known != key);
        self.entries.push((key, entry));
    }
}

impl Conditions for Context {
    fn get<'a>(&'a self, key: &str) -> Option<Values<'a>> {
        let (_, entry) = self.entries.iter().find(|(known, _)| known == key)?;
        Some(match entry {
            Entry::One(value) => Values::One(value),
            Entry::Many(values) => Values::Owned(values),
        })
    }
}
