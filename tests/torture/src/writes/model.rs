//! What a worker's keys and aliases must be, and the writes that change them.

use std::collections::BTreeMap;

use crate::random::Random;

/// How many keys a worker makes.
const MOST_KEYS: usize = 10;
const MOST_ALIASES: usize = 8;
const MOST_TAGS: usize = 5;

/// All that a worker made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    /// By their descriptions, which never change.
    pub(crate) keys: BTreeMap<String, Key>,
    /// The description of each alias's key.
    pub(crate) aliases: BTreeMap<String, String>,
    /// The worker's tag on the key that all share.
    pub(crate) shared: Option<u64>,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) state: State,
    /// The number of its policy.
    pub(crate) policy: u64,
    pub(crate) tags: BTreeMap<String, String>,
    /// Whether a rotation was asked for. It is asked for once: a second time, while the first is
    /// under way, would change nothing.
    pub(crate) rotated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Enabled,
    Disabled,
    Going,
}

/// A write. Keys are named by their descriptions.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    CreateKey {
        key: String,
        tags: BTreeMap<String, String>,
    },
    PutKeyPolicy {
        key: String,
        policy: u64,
    },
    CreateAlias {
        alias: String,
        key: String,
    },
    UpdateAlias {
        alias: String,
        key: String,
    },
    DeleteAlias {
        alias: String,
    },
    Tag {
        key: String,
        tag: String,
        value: String,
    },
    Untag {
        key: String,
        tag: String,
    },
    Rotate {
        key: String,
    },
    Schedule {
        key: String,
    },
    Cancel {
        key: String,
    },
    Enable {
        key: String,
    },
    TagShared {
        value: u64,
    },
    /// Changes nothing; what it gives must open for ever.
    Encrypt {
        key: String,
        plaintext: Vec<u8>,
    },
}

impl Model {
    /// The model after a write.
    pub(crate) fn after(&self, op: &Op) -> Self {
        let mut after = self.clone();
        match op.clone() {
            Op::CreateKey { key, tags } => {
                let made = Key { state: State::Enabled, policy: 0, tags, rotated: false };
                after.keys.insert(key, made);
            }
            Op::PutKeyPolicy { key, policy } => after.change(&key, |key| key.policy = policy),
            Op::CreateAlias { alias, key } | Op::UpdateAlias { alias, key } => {
                after.aliases.insert(alias, key);
            }
            Op::DeleteAlias { alias } => {
                after.aliases.remove(&alias);
            }
            Op::Tag { key, tag, value } => after.change(&key, |key| {
                key.tags.insert(tag, value);
            }),
            Op::Untag { key, tag } => after.change(&key, |key| {
                key.tags.remove(&tag);
            }),
            Op::Rotate { key } => after.change(&key, |key| key.rotated = true),
            Op::Schedule { key } => after.change(&key, |key| key.state = State::Going),
            Op::Cancel { key } => after.change(&key, |key| key.state = State::Disabled),
            Op::Enable { key } => after.change(&key, |key| key.state = State::Enabled),
            Op::TagShared { value } => after.shared = Some(value),
            Op::Encrypt { .. } => {}
        }
        after
    }

    fn change(&mut self, key: &str, change: impl FnOnce(&mut Key)) {
        if let Some(key) = self.keys.get_mut(key) {
            change(key);
        }
    }

    /// One of the keys in this state, by chance.
    fn pick(&self, state: State, random: &mut Random) -> Option<(&String, &Key)> {
        let all: Vec<_> = self.keys.iter().filter(|(_, key)| key.state == state).collect();
        random.pick(&all).copied()
    }

    fn pick_alias(&self, random: &mut Random) -> Option<&String> {
        let all: Vec<_> = self.aliases.keys().collect();
        random.pick(&all).copied()
    }
}

/// A write that must succeed on `model`. `number` is new with each one, and goes into all names.
pub(crate) fn next(model: &Model, owner: &str, number: u64, random: &mut Random) -> Op {
    loop {
        if let Some(op) = draw(model, owner, number, random) {
            return op;
        }
    }
}

/// One try; nothing if there is not what the drawn write is for.
fn draw(model: &Model, owner: &str, number: u64, random: &mut Random) -> Option<Op> {
    let choice = random.below(16);
    let enabled = model.pick(State::Enabled, random);
    let key = enabled.map(|(name, _)| name.clone());
    Some(match choice {
        0 | 1 if model.keys.len() < MOST_KEYS => {
            let tags = (0..random.below(3)).map(|tag| (format!("t{tag}"), number.to_string()));
            Op::CreateKey { key: format!("{owner}-{number}"), tags: tags.collect() }
        }
        2 | 3 => Op::PutKeyPolicy { key: key?, policy: number },
        4 if model.aliases.len() < MOST_ALIASES => {
            Op::CreateAlias { alias: format!("alias/{owner}-{number}"), key: key? }
        }
        5..=7 => Op::UpdateAlias { alias: model.pick_alias(random)?.clone(), key: key? },
        8 => Op::DeleteAlias { alias: model.pick_alias(random)?.clone() },
        9 => {
            let tag = format!("t{}", random.below(MOST_TAGS));
            Op::Tag { key: key?, tag, value: number.to_string() }
        }
        10 => {
            let (name, key) = enabled?;
            let tags: Vec<_> = key.tags.keys().collect();
            Op::Untag { key: name.clone(), tag: (*random.pick(&tags)?).clone() }
        }
        11 => {
            let (name, key) = enabled?;
            (!key.rotated).then(|| Op::Rotate { key: name.clone() })?
        }
        // Aliases are moved away from keys in all states, and to enabled ones.
        12 if model.keys.len() > 2 => Op::Schedule { key: key? },
        13 => match model.pick(State::Going, random) {
            Some((name, _)) => Op::Cancel { key: name.clone() },
            None => Op::Enable { key: model.pick(State::Disabled, random)?.0.clone() },
        },
        14 => Op::TagShared { value: number },
        15 => {
            let size = 1 + random.below(200);
            Op::Encrypt { key: key?, plaintext: random.bytes(size) }
        }
        _ => return None,
    })
}
