//! What a server says is there, read over its own interface.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Key, Model, SHARED, State};
use crate::door::{Door, list, text};
use crate::run::{demand, say};

/// The largest page of a list of keys, and of one of aliases.
const KEYS_A_PAGE: u64 = 1000;
const ALIASES_A_PAGE: u64 = 100;

/// Everything that is there.
#[derive(Default)]
pub(crate) struct World {
    /// Ids by descriptions, and keys by descriptions.
    ids: BTreeMap<String, String>,
    keys: BTreeMap<String, Key>,
    /// Descriptions of keys, by the names of the aliases.
    aliases: BTreeMap<String, String>,
}

impl World {
    /// Reads everything, and demands that it fits together: an alias has a key, lists and keys
    /// agree, each key has its policy, tags and material.
    pub(crate) fn observe(door: &mut dyn Door) -> Result<Self, String> {
        let mut world = Self::default();
        let mut names = BTreeMap::new();
        for id in all(door, "ListKeys", "/Keys", "/KeyId", KEYS_A_PAGE)? {
            let described = door.ask("DescribeKey", &json!({ "KeyId": id }))?;
            let name = text(&described, "/KeyMetadata/Description")?;
            let key = key(door, &id, &described)?;
            names.insert(id.clone(), name.clone());
            let twice = world.keys.insert(name.clone(), key).is_some();
            demand(!twice, || format!("there are two keys {name}"))?;
            world.ids.insert(name, id);
        }
        for alias in all_entries(door, "ListAliases", "/Aliases", ALIASES_A_PAGE)? {
            let (alias, target) = (text(&alias, "/AliasName")?, text(&alias, "/TargetKeyId")?);
            let name = names.get(&target).ok_or_else(|| format!("{alias} has no key"))?;
            let described = door.ask("DescribeKey", &json!({ "KeyId": alias }))?;
            let other = text(&described, "/KeyMetadata/KeyId")?;
            demand(other == target, || format!("{alias} is of {target}, and leads to {other}"))?;
            world.aliases.insert(alias, name.clone());
        }
        world.aliases_by_key(door)?;
        Ok(world)
    }

    /// Both ways of listing aliases must agree: an alias is a row, and its key names it too.
    fn aliases_by_key(&self, door: &mut dyn Door) -> Result<(), String> {
        let mut by_key = BTreeMap::new();
        for (name, id) in &self.ids {
            let listed =
                door.ask("ListAliases", &json!({ "KeyId": id, "Limit": ALIASES_A_PAGE }))?;
            for alias in list(&listed, "/Aliases")? {
                by_key.insert(text(alias, "/AliasName")?, name.clone());
            }
        }
        demand(by_key == self.aliases, || {
            format!("keys name the aliases {by_key:?}, and there are {:?}", self.aliases)
        })
    }

    /// The id of the key with this description.
    pub(crate) fn id(&self, name: &str) -> Option<&String> {
        self.ids.get(name)
    }

    /// What is there of one worker's.
    pub(crate) fn of(&self, worker: &str) -> Model {
        let own = |name: &str| name.split_once('-').is_some_and(|(owner, _)| owner == worker);
        let alias = |name: &str| name.strip_prefix("alias/").is_some_and(own);
        let keys = self.keys.iter().filter(|(name, _)| own(name));
        let aliases = self.aliases.iter().filter(|(name, _)| alias(name));
        let shared = self.keys.get(SHARED).and_then(|key| key.tags.get(worker));
        Model {
            keys: keys.map(|(name, key)| (name.clone(), key.clone())).collect(),
            aliases: aliases.map(|(alias, key)| (alias.clone(), key.clone())).collect(),
            shared: shared.and_then(|value| value.parse().ok()),
        }
    }
}

fn key(door: &mut dyn Door, id: &str, described: &Value) -> Result<Key, String> {
    let state = match text(described, "/KeyMetadata/KeyState")?.as_str() {
        "Enabled" => State::Enabled,
        "Disabled" => State::Disabled,
        "PendingDeletion" => State::Going,
        other => return Err(format!("{id} is {other}")),
    };
    let policy = door.ask("GetKeyPolicy", &json!({ "KeyId": id }))?;
    let policy: Value = serde_json::from_str(&text(&policy, "/Policy")?).map_err(say)?;
    let version = text(&policy, "/Statement/0/Sid")?;
    let version = version.strip_prefix('v').and_then(|number| number.parse().ok());
    let listed = door.ask("ListResourceTags", &json!({ "KeyId": id }))?;
    let mut tags = BTreeMap::new();
    for tag in list(&listed, "/Tags")? {
        tags.insert(text(tag, "/TagKey")?, text(tag, "/TagValue")?);
    }
    // In this order: what is under way may be done a moment later, and never the other way round.
    let status = door.ask("GetKeyRotationStatus", &json!({ "KeyId": id }))?;
    let under_way = status.get("OnDemandRotationStartDate").is_some();
    let rotations = door.ask("ListKeyRotations", &json!({ "KeyId": id }))?;
    let done = list(&rotations, "/Rotations")?.len();
    demand(done <= 1, || format!("{id} was rotated {done} times in place of once"))?;
    let policy = version.ok_or_else(|| format!("{id} has a policy of nobody's"))?;
    Ok(Key { state, policy, tags, rotated: under_way || done == 1 })
}

/// One member of each entry of a list, over all its pages.
fn all(
    door: &mut dyn Door,
    operation: &str,
    entries: &str,
    member: &str,
    page: u64,
) -> Result<Vec<String>, String> {
    let entries = all_entries(door, operation, entries, page)?;
    entries.iter().map(|entry| text(entry, member)).collect()
}

fn all_entries(
    door: &mut dyn Door,
    operation: &str,
    entries: &str,
    page: u64,
) -> Result<Vec<Value>, String> {
    let (mut found, mut input) = (Vec::new(), json!({ "Limit": page }));
    loop {
        let answer = door.ask(operation, &input)?;
        found.extend_from_slice(list(&answer, entries)?);
        match answer.get("NextMarker") {
            Some(marker) => input = json!({ "Limit": page, "Marker": marker }),
            None => return Ok(found),
        }
    }
}
