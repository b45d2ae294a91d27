//! The secrets of a shelf as lists look at them: in each order, and by what filters ask for. So a
//! page costs what it holds and what its filters find, not what there is.

use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Bound;
use std::sync::Arc;

use super::slots::Slots;
use super::terms::{Terms, words};

/// What is known of one secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) description: Box<str>,
    pub(crate) tags: Box<[(String, String)]>,
    pub(crate) primary_region: Option<Box<str>>,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
    /// The day of the last reading; 0 for never.
    pub(crate) accessed_ms: i64,
    pub(crate) is_going: bool,
}

impl Entry {
    /// What filters look at.
    fn texts(&self) -> (&str, &[(String, String)], Option<&str>) {
        (&self.description, &self.tags, self.primary_region.as_deref())
    }
}

/// By what a list is ordered. Secrets of the same date stand by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Created,
    Accessed,
    Changed,
    Name,
}

impl Order {
    const ALL: [Self; 4] = [Self::Created, Self::Accessed, Self::Changed, Self::Name];

    fn place(self, name: &Arc<str>, entry: &Entry) -> Place {
        let date = match self {
            Self::Created => entry.created_ms,
            Self::Accessed => entry.accessed_ms,
            Self::Changed => entry.changed_ms,
            Self::Name => 0,
        };
        (date, Arc::clone(name))
    }
}

/// The place of a secret in a list: a date, and the name.
pub(crate) type Place = (i64, Arc<str>);
/// Secrets in one order.
type Ordered = BTreeMap<Place, u32>;

/// Where filters look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Description,
    Name,
    TagKey,
    TagValue,
    PrimaryRegion,
    OwningService,
    All,
}

/// What page of a list is wanted.
pub(crate) struct Wanted<'w> {
    pub(crate) order: Order,
    pub(crate) descending: bool,
    /// Which secrets may be on it; all, if nothing is said.
    pub(crate) among: Option<Slots>,
    /// Where it begins; nothing for the first.
    pub(crate) from: Option<&'w Place>,
    /// How many secrets it has at most.
    pub(crate) size: usize,
}

/// A page of a list.
pub(crate) struct Page {
    /// Names, and days of the last reading; 0 for never.
    pub(crate) secrets: Vec<(Arc<str>, i64)>,
    /// Where the next one begins.
    pub(crate) next: Option<Place>,
}

/// The secrets of a shelf.
#[derive(Default)]
pub(crate) struct Entries {
    /// Each by its number.
    slots: Vec<Option<(Arc<str>, Entry)>>,
    /// Numbers that no secret has.
    free: Vec<u32>,
    created: Ordered,
    accessed: Ordered,
    changed: Ordered,
    named: Ordered,
    all: Slots,
    going: Slots,
    tag_keys: Terms,
    tag_values: Terms,
    regions: Terms,
    /// The words of descriptions, and those of everything else.
    described: Terms,
    other_words: Terms,
}

impl Entries {
    /// Adds a secret, or has it be as it is now.
    pub(crate) fn insert(&mut self, name: &str, entry: Entry) {
        let (name, slot) = match self.found(name) {
            Some(known) => known,
            None => (name.into(), self.new_slot()),
        };
        self.set(slot, &name, Some(entry));
    }

    /// Removes a secret, if it is there.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some((name, slot)) = self.found(name) {
            self.set(slot, &name, None);
            self.free.push(slot);
        }
    }

    /// Has what is known of a secret's number be so, everywhere.
    fn set(&mut self, slot: u32, name: &Arc<str>, entry: Option<Entry>) {
        let at = usize::try_from(slot).unwrap_or(usize::MAX);
        let old = self.slots.get_mut(at).and_then(Option::take).map(|(_, entry)| entry);
        for order in Order::ALL {
            let [before, after] =
                [&old, &entry].map(|entry| entry.as_ref().map(|entry| order.place(name, entry)));
            if before != after {
                let ordered = self.ordered_mut(order);
                before.map(|place| ordered.remove(&place));
                after.map(|place| ordered.insert(place, slot));
            }
        }
        if old.as_ref().map(Entry::texts) != entry.as_ref().map(Entry::texts) {
            old.iter().for_each(|old| self.note(slot, name, old, Terms::remove));
            entry.iter().for_each(|new| self.note(slot, name, new, Terms::add));
        }
        match &entry {
            Some(_) => self.all.add(slot),
            None => self.all.remove(slot),
        }
        match &entry {
            Some(entry) if entry.is_going => self.going.add(slot),
            _ => self.going.remove(slot),
        }
        if let (Some(into), Some(entry)) = (self.slots.get_mut(at), entry) {
            *into = Some((Arc::clone(name), entry));
        }
    }

    /// Notes what filters find of a secret.
    fn note(&mut self, slot: u32, name: &str, entry: &Entry, note: fn(&mut Terms, &str, u32)) {
        let mut other = vec![name];
        for (key, value) in &entry.tags {
            note(&mut self.tag_keys, key, slot);
            note(&mut self.tag_values, value, slot);
            other.extend([key.as_str(), value.as_str()]);
        }
        if let Some(region) = &entry.primary_region {
            note(&mut self.regions, region, slot);
            other.push(region);
        }
        words(&entry.description).for_each(|word| note(&mut self.described, &word, slot));
        let other = other.into_iter().flat_map(words);
        other.for_each(|word| note(&mut self.other_words, &word, slot));
    }

    /// All secrets by name.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let entries = self.named.values().filter_map(|slot| self.at(*slot));
        entries.map(|(name, entry)| (&**name, entry))
    }

    /// The secrets whose deletion is scheduled.
    pub(crate) fn going(&self) -> &Slots {
        &self.going
    }

    /// All secrets.
    pub(crate) fn all(&self) -> &Slots {
        &self.all
    }

    /// The secrets that match a value: by how a text begins, or where a filter looks at words, by
    /// how a word begins for each word of the value, whatever its case.
    pub(crate) fn matching(&self, field: Field, value: &str) -> Slots {
        let mut found = Slots::default();
        match field {
            Field::Name => {
                let from = (Bound::Included((0, Arc::from(value))), Bound::Unbounded);
                let named = self.named.range(from);
                let named = named.take_while(|((_, name), _)| name.starts_with(value));
                named.for_each(|(_, slot)| found.add(*slot));
            }
            Field::TagKey => self.tag_keys.find(value, &mut found),
            Field::TagValue => self.tag_values.find(value, &mut found),
            Field::PrimaryRegion => self.regions.find(value, &mut found),
            // No service owns secrets yet.
            Field::OwningService => {}
            Field::Description => return with_words(&[&self.described], value),
            Field::All => return with_words(&[&self.described, &self.other_words], value),
        }
        found
    }

    /// A page of a list.
    pub(crate) fn page(&self, wanted: &Wanted<'_>) -> Page {
        let mut first = self.walked(wanted).unwrap_or_else(|| self.picked(wanted));
        let next = if first.len() > wanted.size { first.pop() } else { None };
        let next = next.and_then(|slot| self.place(wanted.order, slot));
        let listed = first.into_iter().filter_map(|slot| self.at(slot));
        let secrets = listed.map(|(name, entry)| (Arc::clone(name), entry.accessed_ms)).collect();
        Page { secrets, next }
    }

    /// The secrets of a page and the next one, found by going along the order; nothing where so
    /// many are passed by that it is less to look at those that may be on it.
    fn walked(&self, wanted: &Wanted<'_>) -> Option<Vec<u32>> {
        let ordered = self.ordered(wanted.order);
        let mut range = match (wanted.from, wanted.descending) {
            (None, _) => ordered.range::<Place, _>(..),
            (Some(from), false) => ordered.range(from..),
            (Some(from), true) => ordered.range(..=from),
        };
        let mut step = || if wanted.descending { range.next_back() } else { range.next() };
        let limit = wanted.size.saturating_add(1);
        let may_be = wanted.among.as_ref().map_or(0, Slots::count);
        let (mut found, mut passed) = (Vec::with_capacity(limit), 0_usize);
        while found.len() < limit && passed <= may_be {
            let Some((_, slot)) = step() else { return Some(found) };
            match &wanted.among {
                Some(among) if !among.has(*slot) => passed += 1,
                _ => found.push(*slot),
            }
        }
        (found.len() == limit).then_some(found)
    }

    /// The same, found by looking at each that may be on it.
    fn picked(&self, wanted: &Wanted<'_>) -> Vec<u32> {
        let begun = |place: &Place| match wanted.from {
            None => true,
            Some(from) if wanted.descending => place <= from,
            Some(from) => place >= from,
        };
        let limit = wanted.size.saturating_add(1);
        let slots = wanted.among.iter().flat_map(Slots::iter);
        let places = slots.filter_map(|slot| Some((self.place(wanted.order, slot)?, slot)));
        let places = places.filter(|(place, _)| begun(place));
        if wanted.descending {
            let least = least(places.map(std::cmp::Reverse), limit);
            least.into_iter().map(|it| it.0.1).collect()
        } else {
            least(places, limit).into_iter().map(|it| it.1).collect()
        }
    }

    fn found(&self, name: &str) -> Option<(Arc<str>, u32)> {
        let (place, slot) = self.named.get_key_value(&(0, Arc::from(name)))?;
        Some((Arc::clone(&place.1), *slot))
    }

    fn at(&self, slot: u32) -> Option<&(Arc<str>, Entry)> {
        self.slots.get(usize::try_from(slot).ok()?)?.as_ref()
    }

    fn place(&self, order: Order, slot: u32) -> Option<Place> {
        self.at(slot).map(|(name, entry)| order.place(name, entry))
    }

    fn new_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // More than a process has room for.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn ordered(&self, order: Order) -> &Ordered {
        match order {
            Order::Created => &self.created,
            Order::Accessed => &self.accessed,
            Order::Changed => &self.changed,
            Order::Name => &self.named,
        }
    }

    fn ordered_mut(&mut self, order: Order) -> &mut Ordered {
        match order {
            Order::Created => &mut self.created,
            Order::Accessed => &mut self.accessed,
            Order::Changed => &mut self.changed,
            Order::Name => &mut self.named,
        }
    }
}

/// The secrets that have, for each word of a value, a word that begins so.
fn with_words(terms: &[&Terms], value: &str) -> Slots {
    let mut wanted: Vec<String> = words(value).collect();
    // Whoever has a word that begins with the longer one has one that begins with the shorter.
    wanted.sort_unstable();
    wanted.dedup_by(|longer, shorter| {
        let implied = longer.starts_with(shorter.as_str());
        if implied {
            std::mem::swap(longer, shorter);
        }
        implied
    });
    let mut all = None::<Slots>;
    for word in wanted {
        let mut found = Slots::default();
        terms.iter().for_each(|terms| terms.find(&word, &mut found));
        match &mut all {
            Some(all) => all.keep(&found),
            None => all = Some(found),
        }
        if all.as_ref().is_some_and(Slots::is_empty) {
            break;
        }
    }
    all.unwrap_or_default()
}

/// The least so many, in their order.
fn least<T: Ord>(all: impl Iterator<Item = T>, count: usize) -> Vec<T> {
    let mut heap = BinaryHeap::with_capacity(count.saturating_add(1));
    for one in all {
        if heap.len() < count {
            heap.push(one);
        } else if heap.peek().is_some_and(|greatest| one < *greatest) {
            heap.pop();
            heap.push(one);
        }
    }
    heap.into_sorted_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(created_ms: i64, changed_ms: i64) -> Entry {
        Entry {
            description: "".into(),
            tags: [].into(),
            primary_region: None,
            created_ms,
            changed_ms,
            accessed_ms: 0,
            is_going: false,
        }
    }

    /// The names on each page of a list.
    fn pages(
        entries: &Entries,
        (order, descending): (Order, bool),
        among: Option<&Slots>,
        size: usize,
    ) -> Vec<Vec<String>> {
        let (mut all, mut from) = (vec![], None::<Place>);
        loop {
            let among = among.cloned();
            let wanted = Wanted { order, descending, among, from: from.as_ref(), size };
            let Page { secrets, next } = entries.page(&wanted);
            all.push(secrets.iter().map(|(name, _)| name.to_string()).collect());
            let Some(next) = next else { return all };
            from = Some(next);
        }
    }

    #[test]
    fn pages_join_to_the_whole_in_each_order() {
        let mut entries = Entries::default();
        for (name, created, changed) in [("a", 5, 1), ("b", 5, 3), ("c", 1, 2), ("d", 9, 2)] {
            entries.insert(name, entry(7, 7));
            entries.insert(name, entry(created, changed));
        }
        entries.insert("e", entry(0, 0));
        entries.remove("e");
        entries.remove("never there");
        for (order, descending, wanted) in [
            (Order::Created, false, "c a b d"),
            (Order::Created, true, "d b a c"),
            (Order::Changed, false, "a c d b"),
            (Order::Changed, true, "b d c a"),
            (Order::Name, false, "a b c d"),
            (Order::Name, true, "d c b a"),
        ] {
            for size in 1..6 {
                let joined = pages(&entries, (order, descending), None, size).concat().join(" ");
                assert_eq!(joined, wanted, "{order:?} {descending} {size}");
            }
        }
        assert_eq!(pages(&entries, (Order::Name, false), None, 2).len(), 2);
    }

    #[test]
    fn few_that_stand_far_behind_are_picked() {
        let mut entries = Entries::default();
        for number in 0..200 {
            entries.insert(&format!("s{number:03}"), entry(number, 0));
        }
        let among = entries.matching(Field::Name, "s00");
        assert_eq!(among.count(), 10);
        let order = (Order::Created, true);
        let from = None;
        let all = Some(among.clone());
        let wanted = Wanted { order: order.0, descending: true, among: all, from, size: 3 };
        assert_eq!(entries.walked(&wanted), None);
        let found = pages(&entries, order, Some(&among), 3);
        assert_eq!(found[0], ["s009", "s008", "s007"]);
        assert_eq!(found[3], ["s000"]);
    }

    /// Whether a secret matches, told from its texts alone.
    fn matches(field: Field, value: &str, name: &str, entry: &Entry) -> bool {
        let has_words = |texts: Vec<&str>| {
            let all: Vec<String> = texts.into_iter().flat_map(words).collect();
            let mut wanted = words(value).peekable();
            wanted.peek().is_some()
                && wanted.all(|begin| all.iter().any(|word| word.starts_with(&begin)))
        };
        let tags = || entry.tags.iter().flat_map(|(key, of)| [key.as_str(), of.as_str()]);
        match field {
            Field::Name => name.starts_with(value),
            Field::TagKey => entry.tags.iter().any(|(key, _)| key.starts_with(value)),
            Field::TagValue => entry.tags.iter().any(|(_, of)| of.starts_with(value)),
            Field::PrimaryRegion => {
                entry.primary_region.as_ref().is_some_and(|region| region.starts_with(value))
            }
            Field::OwningService => false,
            Field::Description => has_words(vec![&entry.description]),
            Field::All => {
                let texts = [name, &*entry.description].into_iter().chain(tags());
                has_words(texts.chain(entry.primary_region.as_deref()).collect())
            }
        }
    }

    fn text() -> impl Strategy<Value = String> {
        "([aAbB]{1,2}[ /-]?){0,3}"
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        let tags = prop::collection::vec((text(), text()), 0..3);
        let dates = (0_i64..4, 0_i64..4, 0_i64..4);
        (text(), tags, prop::option::of("[ab]{2}"), dates, any::<bool>()).prop_map(
            |(description, tags, region, (created_ms, changed_ms, accessed_ms), is_going)| Entry {
                description: description.into(),
                tags: tags.into(),
                primary_region: region.map(Into::into),
                created_ms,
                changed_ms,
                accessed_ms,
                is_going,
            },
        )
    }

    fn field() -> impl Strategy<Value = Field> {
        prop::sample::select(vec![
            Field::Description,
            Field::Name,
            Field::TagKey,
            Field::TagValue,
            Field::PrimaryRegion,
            Field::OwningService,
            Field::All,
        ])
    }

    proptest! {
        #[test]
        fn lists_are_what_the_texts_say_whatever_came_and_went(
            changes in prop::collection::vec(("[ab]{1,2}", prop::option::of(any_entry())), 0..40),
            asked in prop::collection::vec((field(), text()), 1..4),
            order in prop::sample::select(Order::ALL.to_vec()),
            descending in any::<bool>(),
            size in 1_usize..5,
        ) {
            let (mut entries, mut known) = (Entries::default(), BTreeMap::new());
            for (name, change) in changes {
                match change {
                    Some(entry) => {
                        entries.insert(&name, entry.clone());
                        known.insert(name, entry);
                    }
                    None => {
                        entries.remove(&name);
                        known.remove(&name);
                    }
                }
            }
            let held = entries.iter().map(|(name, entry)| (name.to_owned(), entry.clone()));
            prop_assert_eq!(&held.collect::<BTreeMap<_, _>>(), &known);
            prop_assert_eq!(entries.all().count(), known.len());
            let going = known.values().filter(|entry| entry.is_going).count();
            prop_assert_eq!(entries.going().count(), going);
            for (field, value) in asked {
                let mut wanted: Vec<_> = known
                    .iter()
                    .filter(|(name, entry)| matches(field, &value, name, entry))
                    .map(|(name, entry)| order.place(&Arc::from(name.as_str()), entry))
                    .collect();
                wanted.sort_unstable();
                if descending {
                    wanted.reverse();
                }
                let wanted: Vec<_> = wanted.iter().map(|(_, name)| name.to_string()).collect();
                let among = entries.matching(field, &value);
                let found = pages(&entries, (order, descending), Some(&among), size);
                prop_assert!(found.iter().rev().skip(1).all(|page| page.len() == size));
                prop_assert_eq!(found.concat(), wanted, "{:?} {:?}", field, value);
            }
        }
    }
}
