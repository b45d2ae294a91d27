//! One event in several accounts' trails: the caller's, and those of who owns what was touched.
//!
//! The owner's copy says of the caller only what another account may know (CloudTrail guide,
//! "userIdentity", and the recorded pairs): its account and its unique id. A call that was denied
//! stands in the caller's trail alone.

use crate::journal::{Identity, RecordRef};

/// Sets an id apart from the event's own. Ids are random, so that any change keeps them unique.
const SHARED: u128 = 0x5bd1_e995_0000_0000_0000_0000_9e37_79b9;
const OWNERS: u128 = 0x1656_67b1_0000_0000_0000_0000_27d4_eb2f;

/// A record, followed by the copies for other accounts.
///
/// A caller without an account of its own (a service, a web identity, nobody) has no trail: the
/// owner's copy is then the only one.
pub(crate) fn with_copies(record: RecordRef<'_>) -> Vec<RecordRef<'_>> {
    let mut owners: Vec<&str> = Vec::new();
    for resource in record.resources.iter() {
        let owner = resource.account_id;
        if !owner.is_empty() && owner != record.recipient_account_id && !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    if owners.is_empty() {
        return vec![record];
    }
    if record.recipient_account_id.is_empty() {
        let is_service = record.identity.kind == Some("AWSService");
        let shared_event_id =
            is_service.then(|| derived(record.event_id, SHARED, 4)).or(record.shared_event_id);
        let copy =
            |owner| RecordRef { recipient_account_id: owner, shared_event_id, ..record.clone() };
        return owners.into_iter().take(1).map(copy).collect();
    }
    let shared_event_id = Some(derived(record.event_id, SHARED, 4));
    let mut all = Vec::with_capacity(1 + owners.len());
    all.push(RecordRef { shared_event_id, ..record.clone() });
    for (number, owner) in (1_u128..).zip(owners) {
        all.push(RecordRef {
            event_id: derived(record.event_id, OWNERS.wrapping_mul(number), 3),
            shared_event_id,
            recipient_account_id: owner,
            identity: abroad(&record.identity),
            ..record.clone()
        });
    }
    all
}

/// A caller as another account sees it.
fn abroad<'a>(identity: &Identity<'a>) -> Identity<'a> {
    Identity {
        kind: Some("AWSAccount"),
        principal_id: identity.principal_id,
        account_id: identity.account_id,
        invoked_by: identity.invoked_by,
        ..Identity::default()
    }
}

/// Another id of the same event, in the form of a UUID of this version.
fn derived(id: [u8; 16], by: u128, version: u128) -> [u8; 16] {
    let value = u128::from_be_bytes(id) ^ by;
    let value = value & !(0xf << 76) | version << 76;
    (value & !(0b11 << 62) | 0b10 << 62).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::journal::Resource;

    fn record(owner: &'static str) -> RecordRef<'static> {
        let arn = "arn:aws:kms:eu-west-1:222222222222:key/k";
        RecordRef {
            event_id: [7; 16],
            request_id: Some([9; 16]),
            recipient_account_id: "111111111111",
            identity: Identity {
                kind: Some("IAMUser"),
                principal_id: Some("AIDAEXAMPLE"),
                arn: Some("arn:aws:iam::111111111111:user/ana"),
                account_id: Some("111111111111"),
                access_key_id: Some("AKIAEXAMPLE"),
                user_name: Some("ana"),
                ..Identity::default()
            },
            resources: Cow::Owned(vec![Resource { account_id: owner, kind: None, arn }]),
            ..RecordRef::default()
        }
    }

    #[test]
    fn what_is_ones_own_is_recorded_once() {
        let own = record("111111111111");
        assert_eq!(with_copies(own.clone()), [own]);
    }

    #[test]
    fn the_owner_has_a_copy_that_says_less_of_the_caller() {
        let all = with_copies(record("222222222222"));
        let [callers, owners] = all.as_slice() else { panic!("{} records", all.len()) };
        assert_eq!(callers.identity, record("222222222222").identity);
        assert!(callers.shared_event_id.is_some());
        assert_eq!(callers.shared_event_id, owners.shared_event_id);
        assert_eq!(callers.request_id, owners.request_id);
        assert_ne!(callers.event_id, owners.event_id);
        assert_eq!(owners.event_id[6] >> 4, 3);
        assert_eq!(owners.recipient_account_id, "222222222222");
        let abroad = Identity {
            kind: Some("AWSAccount"),
            principal_id: Some("AIDAEXAMPLE"),
            account_id: Some("111111111111"),
            ..Identity::default()
        };
        assert_eq!(owners.identity, abroad);
    }

    #[test]
    fn a_service_has_no_trail_of_its_own() {
        let service = RecordRef {
            recipient_account_id: "",
            identity: Identity {
                kind: Some("AWSService"),
                invoked_by: Some("events.amazonaws.com"),
                ..Identity::default()
            },
            ..record("222222222222")
        };
        let all = with_copies(service.clone());
        let [copy] = all.as_slice() else { panic!("{} records", all.len()) };
        assert_eq!(copy.recipient_account_id, "222222222222");
        assert_eq!(copy.identity, service.identity);
        assert!(copy.shared_event_id.is_some());
    }
}
