//! What events are found by: each attribute of an event, in its account and region, as a number.
//!
//! Different attributes may come to the same number. So what the index finds is compared with what
//! was asked for, and a coincidence costs one look at a record.

use bulla_plane::journal::{
    Category, EventType, Identity, RecordRef, is_session_key, session_key_text,
};

use super::resources;

/// What `LookupEvents` looks events up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Every event.
    All,
    /// `EventId`
    EventId,
    /// `EventName`
    EventName,
    /// `ReadOnly`: `true` or `false`.
    ReadOnly,
    /// `Username`
    Username,
    /// `ResourceType`
    ResourceType,
    /// `ResourceName`
    ResourceName,
    /// `EventSource`
    EventSource,
    /// `AccessKeyId`
    AccessKeyId,
}

impl Attribute {
    /// An attribute by AWS's name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "EventId" => Self::EventId,
            "EventName" => Self::EventName,
            "ReadOnly" => Self::ReadOnly,
            "Username" => Self::Username,
            "ResourceType" => Self::ResourceType,
            "ResourceName" => Self::ResourceName,
            "EventSource" => Self::EventSource,
            "AccessKeyId" => Self::AccessKeyId,
            _ => return None,
        })
    }
}

/// The number of an attribute's value in an account and region. It is part of the index's form:
/// another way to make it needs another version of that.
pub(super) fn term(account: &str, region: &str, attribute: Attribute, value: &str) -> u64 {
    Beginning::of(account, region, attribute).term(value)
}

/// What the numbers of all values of an attribute in an account and region begin with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning(Mixer);

impl Beginning {
    fn of(account: &str, region: &str, attribute: Attribute) -> Self {
        let mut hash = Mixer(0x9e37_79b9_7f4a_7c15 ^ attribute as u64);
        hash.text(account);
        hash.text(region);
        Self(hash)
    }

    /// The number of a value.
    pub(super) fn term(self, value: &str) -> u64 {
        let Self(mut hash) = self;
        hash.text(value);
        hash.end()
    }
}

/// An odd number without a pattern.
const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

/// Mixes words by multiplication. Whoever makes texts meet on purpose makes lookups of them read
/// more records, and finds nothing that is not there.
#[derive(Clone, Copy, Debug)]
struct Mixer(u64);

impl Mixer {
    fn word(&mut self, word: u64) {
        // INVARIANT: the product of two words fits in twice their bits.
        let wide = u128::from(self.0 ^ word) * u128::from(FACTOR);
        let low = u64::try_from(wide & u128::from(u64::MAX)).unwrap_or_default();
        let high = u64::try_from(wide >> 64).unwrap_or_default();
        self.0 = (low ^ high).rotate_left(23);
    }

    fn text(&mut self, text: &str) {
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.word(u64::from_le_bytes(last));
        self.word(text.len() as u64);
    }

    fn end(mut self) -> u64 {
        self.word(0x2545_f491_4f6c_dd1d);
        self.0
    }
}

/// With what the numbers begin that no event shares with others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    id: Beginning,
    /// Of events that were called with a session of their own.
    access_key: Option<Beginning>,
}

impl Own {
    /// Whether each has the access key of a session of its own.
    pub(super) fn has_session_key(self) -> bool {
        self.access_key.is_some()
    }

    /// The numbers of the event with this id: of the id, and of its session's access key.
    pub(super) fn terms(self, event_id: [u8; 16]) -> (u64, Option<u64>) {
        let key = self.access_key.map(|key| key.term(&session_key_text(event_id)));
        (self.id.term(&id_text(event_id)), key)
    }
}

/// All numbers that an event shares with others, ascending, and its own; none of an event that
/// `LookupEvents` never shows.
pub(super) fn terms(record: &RecordRef<'_>) -> Option<(Vec<u64>, Own)> {
    if record.category != Category::Management || record.recipient_account_id.is_empty() {
        return None;
    }
    let beginning =
        |attribute| Beginning::of(record.recipient_account_id, record.region, attribute);
    let of = |attribute, value: &str| beginning(attribute).term(value);
    let mut out = vec![
        of(Attribute::All, ""),
        of(Attribute::EventName, record.event_name),
        of(Attribute::EventSource, record.event_source),
        of(Attribute::ReadOnly, truth(record.read_only)),
    ];
    out.extend(user_name(&record.identity).map(|name| of(Attribute::Username, name)));
    let access_key = record.identity.access_key_id;
    let is_own = access_key.is_some_and(|key| is_session_key(key.as_bytes(), record.event_id));
    out.extend(access_key.filter(|_| !is_own).map(|id| of(Attribute::AccessKeyId, id)));
    for (kind, name) in resources::named(record) {
        out.extend([of(Attribute::ResourceName, &name), of(Attribute::ResourceType, &kind)]);
    }
    out.sort_unstable();
    out.dedup();
    let access_key = is_own.then(|| beginning(Attribute::AccessKeyId));
    Some((out, Own { id: beginning(Attribute::EventId), access_key }))
}

/// Whether an event has an attribute with this value.
pub(super) fn has(record: &RecordRef<'_>, attribute: Attribute, value: &str) -> bool {
    match attribute {
        Attribute::All => true,
        Attribute::EventId => id_text(record.event_id) == value,
        Attribute::EventName => record.event_name == value,
        Attribute::ReadOnly => truth(record.read_only) == value,
        Attribute::Username => user_name(&record.identity) == Some(value),
        Attribute::EventSource => record.event_source == value,
        Attribute::AccessKeyId => record.identity.access_key_id == Some(value),
        Attribute::ResourceType => resources::named(record).iter().any(|(kind, _)| kind == value),
        Attribute::ResourceName => resources::named(record).iter().any(|(_, name)| name == value),
    }
}

/// An event's id, as text.
pub(crate) fn id_text(id: [u8; 16]) -> String {
    bulla_plane::pipeline::id_text(id)
}

/// A truth as `LookupEvents` writes it.
pub(crate) fn truth(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}

/// Who called, in the words of `LookupEvents`: a user's name, a session's, or `root`. Services and
/// callers of other accounts have none (recorded).
#[must_use]
pub fn user_name<'a>(identity: &Identity<'a>) -> Option<&'a str> {
    match identity.kind? {
        "Root" => Some("root"),
        "AssumedRole" | "FederatedUser" => {
            identity.principal_id.and_then(|id| id.split_once(':')).map(|(_, session)| session)
        }
        "AWSService" | "AWSAccount" => None,
        _ => identity.user_name,
    }
}

/// Whether an event came from the service itself, and not from a call.
pub(crate) fn is_service_event(record: &RecordRef<'_>) -> bool {
    record.event_type == EventType::ServiceEvent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_makes_a_difference() {
        let base = term("111122223333", "eu-west-1", Attribute::EventName, "Decrypt");
        for other in [
            term("111122223334", "eu-west-1", Attribute::EventName, "Decrypt"),
            term("111122223333", "eu-west-2", Attribute::EventName, "Decrypt"),
            term("111122223333", "eu-west-1", Attribute::EventSource, "Decrypt"),
            term("111122223333", "eu-west-1", Attribute::EventName, "Decrypt\0"),
            term("111122223333", "eu-west-", Attribute::EventName, "1Decrypt"),
        ] {
            assert_ne!(base, other);
        }
        // It is part of the index's form.
        assert_eq!(base, term("111122223333", "eu-west-1", Attribute::EventName, "Decrypt"));
    }

    #[test]
    fn whoever_called_has_a_name() {
        let named = |kind, principal_id, user_name| {
            let identity =
                Identity { kind: Some(kind), principal_id, user_name, ..Identity::default() };
            super::user_name(&identity)
        };
        assert_eq!(named("Root", Some("111122223333"), None), Some("root"));
        assert_eq!(named("IAMUser", Some("AIDA"), Some("ana")), Some("ana"));
        assert_eq!(named("AssumedRole", Some("AROA:night"), None), Some("night"));
        assert_eq!(named("FederatedUser", Some("111122223333:bob"), None), Some("bob"));
        assert_eq!(named("AWSService", None, None), None);
        assert_eq!(named("AWSAccount", Some("AIDA"), None), None);
    }
}
