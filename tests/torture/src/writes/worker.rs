//! One who writes: does one write after the other, and keeps what was acknowledged.

use std::collections::BTreeMap;

use base64_simd::STANDARD;
use serde_json::{Value, json};

use super::world::World;
use super::{Model, Op, SHARED, State, next, policy};
use crate::door::{Door, Reply, text};
use crate::random::Random;
use crate::run::{demand, say};

/// How many ciphertexts of a worker are kept; older ones make room by chance.
const KEPT_CIPHERTEXTS: usize = 40;

/// What came of a write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Acknowledged,
    /// Not answered, or by a fault that is the server's: it may stand or not.
    Lost,
}

/// A ciphertext and what must come out of it.
struct Sealed {
    key: String,
    plaintext: Vec<u8>,
    blob: String,
}

/// Makes the key that all workers tag. Tried once: a second try might make a second key.
pub(crate) fn make_shared(door: &mut dyn Door, account: &str) -> Result<String, String> {
    let input = json!({ "Description": SHARED, "Policy": policy(account, 0) });
    let made = door.call("CreateKey", &input).map_err(|lost| lost.0)?;
    made.must_succeed("CreateKey")?;
    text(&made.json(), "/KeyMetadata/KeyId")
}

/// One who writes.
pub(crate) struct Worker {
    pub(crate) name: String,
    account: String,
    shared: String,
    /// What was acknowledged.
    pub(crate) model: Model,
    /// The ids of its keys, by their descriptions.
    ids: BTreeMap<String, String>,
    /// The write that was not answered.
    under_way: Option<Op>,
    ciphertexts: Vec<Sealed>,
    /// The ids of the requests that were answered since they were last taken.
    pub(crate) answered: Vec<String>,
    number: u64,
    random: Random,
}

impl Worker {
    /// `name` must hold no dash; `shared` is the id of the key that all tag.
    pub(crate) fn new(name: &str, account: &str, shared: &str, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            account: account.to_owned(),
            shared: shared.to_owned(),
            model: Model::default(),
            ids: BTreeMap::new(),
            under_way: None,
            ciphertexts: Vec::new(),
            answered: Vec::new(),
            number: 0,
            random: Random::new(seed),
        }
    }

    /// Does one write.
    pub(crate) fn step(&mut self, door: &mut dyn Door) -> Result<Step, String> {
        self.number += 1;
        let op = next(&self.model, &self.name, self.number, &mut self.random);
        let (operation, input) = self.request(&op)?;
        self.under_way = Some(op.clone());
        let answered = door.call(operation, &input).ok().filter(|reply| !reply.is_our_fault());
        let Some(reply) = answered else { return Ok(Step::Lost) };
        self.under_way = None;
        reply.must_succeed(operation).map_err(|error| format!("{op:?}: {error}"))?;
        self.keep(&op, &reply)?;
        self.model = self.model.after(&op);
        self.answered.push(reply.request_id);
        Ok(Step::Acknowledged)
    }

    fn id(&self, key: &str) -> Result<&String, String> {
        self.ids.get(key).ok_or_else(|| format!("the test lost the id of {key}"))
    }

    /// The operation and its input.
    fn request(&self, op: &Op) -> Result<(&'static str, Value), String> {
        Ok(match op {
            Op::CreateKey { key, tags } => {
                let tag = |(k, v): (&String, &String)| json!({ "TagKey": k, "TagValue": v });
                let tags: Vec<_> = tags.iter().map(tag).collect();
                let policy = policy(&self.account, 0);
                ("CreateKey", json!({ "Description": key, "Tags": tags, "Policy": policy }))
            }
            Op::PutKeyPolicy { key, policy: version } => {
                let policy = policy(&self.account, *version);
                ("PutKeyPolicy", json!({ "KeyId": self.id(key)?, "Policy": policy }))
            }
            Op::CreateAlias { alias, key } => {
                ("CreateAlias", json!({ "AliasName": alias, "TargetKeyId": self.id(key)? }))
            }
            Op::UpdateAlias { alias, key } => {
                ("UpdateAlias", json!({ "AliasName": alias, "TargetKeyId": self.id(key)? }))
            }
            Op::DeleteAlias { alias } => ("DeleteAlias", json!({ "AliasName": alias })),
            Op::Tag { key, tag, value } => tagging(self.id(key)?, tag, value),
            Op::TagShared { value } => tagging(&self.shared, &self.name, &value.to_string()),
            Op::Untag { key, tag } => {
                ("UntagResource", json!({ "KeyId": self.id(key)?, "TagKeys": [tag] }))
            }
            Op::Rotate { key } => ("RotateKeyOnDemand", json!({ "KeyId": self.id(key)? })),
            Op::Schedule { key } => {
                let input = json!({ "KeyId": self.id(key)?, "PendingWindowInDays": 7 });
                ("ScheduleKeyDeletion", input)
            }
            Op::Cancel { key } => ("CancelKeyDeletion", json!({ "KeyId": self.id(key)? })),
            Op::Enable { key } => ("EnableKey", json!({ "KeyId": self.id(key)? })),
            Op::Encrypt { key, plaintext } => {
                let plaintext = STANDARD.encode_to_string(plaintext);
                ("Encrypt", json!({ "KeyId": self.id(key)?, "Plaintext": plaintext }))
            }
        })
    }

    fn keep(&mut self, op: &Op, reply: &Reply) -> Result<(), String> {
        match op {
            Op::CreateKey { key, .. } => {
                let id = text(&reply.json(), "/KeyMetadata/KeyId")?;
                self.ids.insert(key.clone(), id);
            }
            Op::Encrypt { key, plaintext } => {
                let blob = text(&reply.json(), "/CiphertextBlob")?;
                let sealed = Sealed { key: key.clone(), plaintext: plaintext.clone(), blob };
                if self.ciphertexts.len() < KEPT_CIPHERTEXTS {
                    self.ciphertexts.push(sealed);
                } else {
                    let place = self.random.below(KEPT_CIPHERTEXTS);
                    if let Some(old) = self.ciphertexts.get_mut(place) {
                        *old = sealed;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Holds what was found against what was acknowledged; what was under way must be there as a
    /// whole or not at all. Goes on from what was found.
    pub(crate) fn reconcile(&mut self, world: &World) -> Result<(), String> {
        let found = world.of(&self.name);
        if found != self.model {
            let lost = || format!("{}: expected {:?}, found {found:?}", self.name, self.model);
            let op = self.under_way.as_ref().ok_or_else(lost)?;
            let whole = self.model.after(op);
            demand(found == whole, || format!("{}; under way was {op:?}", lost()))?;
            if let Op::CreateKey { key, .. } = op {
                let id = world.id(key).ok_or("a key without an id")?;
                self.ids.insert(key.clone(), id.to_owned());
            }
            self.model = found;
        }
        self.under_way = None;
        for (key, id) in &self.ids {
            demand(world.id(key) == Some(id), || format!("{key} is no longer {id}"))?;
        }
        Ok(())
    }

    /// Uses every enabled key, and opens every ciphertext that was ever made of one.
    pub(crate) fn use_keys(&self, door: &mut dyn Door) -> Result<u64, String> {
        let enabled = |key: &str| self.model.keys.get(key).map(|key| key.state);
        let mut opened = 0;
        for (key, id) in &self.ids {
            if enabled(key) == Some(State::Enabled) {
                let plaintext = STANDARD.encode_to_string(key);
                let sealed =
                    door.ask("Encrypt", &json!({ "KeyId": id, "Plaintext": plaintext }))?;
                opens(door, &text(&sealed, "/CiphertextBlob")?, key.as_bytes())?;
                opened += 1;
            }
        }
        for sealed in &self.ciphertexts {
            if enabled(&sealed.key) == Some(State::Enabled) {
                opens(door, &sealed.blob, &sealed.plaintext)?;
                opened += 1;
            }
        }
        Ok(opened)
    }
}

fn tagging(key: &str, tag: &str, value: &str) -> (&'static str, Value) {
    let tags = json!([{ "TagKey": tag, "TagValue": value }]);
    ("TagResource", json!({ "KeyId": key, "Tags": tags }))
}

fn opens(door: &mut dyn Door, blob: &str, plaintext: &[u8]) -> Result<(), String> {
    let opened = door.ask("Decrypt", &json!({ "CiphertextBlob": blob }))?;
    let opened = STANDARD.decode_to_vec(text(&opened, "/Plaintext")?).map_err(say)?;
    demand(opened == plaintext, || "a ciphertext opened to other bytes".into())
}
