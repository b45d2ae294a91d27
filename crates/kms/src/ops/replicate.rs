//! ReplicateKey and UpdatePrimaryRegion.

use std::mem;

use bulla_plane::gate::permit_account;
use bulla_plane::scheduler::{DUE, due_key};
use bulla_plane::{Call, Stop, region};
use bulla_shapes::kms::{
    KeyMetadata, ReplicateKeyRequest, ReplicateKeyResponse, Tag, UpdatePrimaryRegionRequest,
};
use bulla_shapes::{Fault, View};
use bulla_store::{Expected, SealedBatch};

use super::own_key::own_key;
use super::{Answer, KEY_TYPE, describe, rotation, tags};
use crate::conditions::RequestKeys;
use crate::family::{Family, with_record};
use crate::found::Takes;
use crate::key::{self, CREATING, KeyRecord, Origin, State};
use crate::keys::{material_row, open_material};
use crate::live::LiveKey;
use crate::policies::{self, Accepted};
use crate::{KEYS, Kms, MATERIALS, fault};

pub(crate) async fn replicate_key(
    kms: &Kms,
    call: &mut Call,
    input: &ReplicateKeyRequest<'_>,
) -> Answer {
    let (target, asked) = (input.replica_region(), tags::pairs(input.tags()));
    tags::check(call, &asked)?;
    let bypass = input.bypass_policy_lockout_safety_check() == Some(true);
    let keys = RequestKeys::none()
        .with("kms:replicaregion", target)
        .with_flag("kms:bypasspolicylockoutsafetycheck", bypass)
        .tags(&asked);
    let key = own_key(kms, call, input.key_id(), "kms:ReplicateKey", &keys).await?;
    key.must_be_the_customers()?;
    key.must_be_primary()?;
    key.must_be_enabled()?;
    let mut primary = key.record.clone();
    let family = primary.family.as_mut().ok_or_else(fault::internal)?;
    may_have_replica(call, family, target)?;
    let mut replica = key.record.replica(target, call.now_ms);
    if kms.live(&replica.path()).await?.is_some() {
        // AWS's text is not recorded; this one is ours.
        let text = format!("{} already exists.", replica.arn());
        return Err(fault::already_exists(text).into());
    }
    family.replicas.push(target.to_owned());
    replica.family.clone_from(&primary.family);
    let here = mem::replace(&mut call.region, target.to_owned());
    let accepted = accept(kms, call, &replica, input, &asked).await;
    call.region = here;
    let accepted = accepted?;
    replica.policy = accepted.text;
    replica.principals = accepted.principals;
    replica.description = input.description().unwrap_or_default().to_owned();
    replica.tags = asked;
    replica.state = match replica.origin {
        Origin::External => State::PendingImport,
        // Keys in custom key stores are of a single Region.
        Origin::AwsKms | Origin::ExternalKeyStore | Origin::CloudHsm => State::Enabled,
    };
    let batch = copies(kms, &key, &replica).await?;
    let bytes = replica.to_bytes().map_err(|_| fault::internal())?;
    let batch = batch.put(KEYS, replica.path().as_str(), Expected::Absent, bytes);
    let (batch, count) = kms.counted(batch, &replica, 1).await?;
    kms.change(&key, &primary, batch, call.now_ms).await?;
    count.end();
    Ok(Some(answer(&primary, replica).into_record()))
}

/// Whether a region may have a replica (recorded texts).
fn may_have_replica(call: &Call, family: &Family, target: &str) -> Result<(), Fault> {
    if family.primary == target {
        return Err(fault::validation(format!(
            "{target} cannot have a replica because it contains the primary."
        )));
    }
    if !region::is_known(target) {
        return Err(fault::validation(format!(
            "Region {target} is not a valid Region or multi-Region keys are not supported in \
             Region {target}."
        )));
    }
    if region::partition(target) != call.partition {
        return Err(fault::validation(
            "The replica key Region must be in the same AWS partition as the primary key Region.",
        ));
    }
    Ok(())
}

/// Whether the caller may create the replica in its region, under the policy that it is to have.
async fn accept(
    kms: &Kms,
    call: &Call,
    replica: &KeyRecord,
    input: &ReplicateKeyRequest<'_>,
    tags: &[(String, String)],
) -> Result<Accepted, Stop> {
    let bypass = input.bypass_policy_lockout_safety_check() == Some(true);
    let keys = RequestKeys::none()
        .with("kms:keyspec", replica.kind.spec)
        .with("kms:keyusage", replica.kind.usage.name())
        .with("kms:keyorigin", replica.origin.name())
        .with_flag("kms:multiregion", true)
        .with("kms:multiregionkeytype", "REPLICA")
        .with_flag("kms:bypasspolicylockoutsafetycheck", bypass)
        .tags(tags);
    permit_account(call, "kms:CreateKey", "*", &keys)?;
    kms.must_have_room_for_a_key(call, &replica.region).await?;
    let policy = match input.policy() {
        Some(text) => text.to_owned(),
        None => policies::default_text(call.partition, &replica.account),
    };
    policies::checked(kms, call, policy, replica, bypass).await
}

/// The rows of a replica's material. Where its owner brings it, they say only whose it will be, so
/// that a ciphertext finds its key.
async fn copies(kms: &Kms, key: &LiveKey, replica: &KeyRecord) -> Result<SealedBatch, Stop> {
    let mut batch = SealedBatch::new();
    let path = replica.path();
    for material in replica.materials.iter().chain(&replica.pending) {
        let row = key::material_path(&key.record.region, &material.id);
        let stored = kms.barrier.get(MATERIALS, row.as_bytes()).await?.ok_or(Stop::Again)?;
        let (_, bytes) = open_material(stored.value.expose()).ok_or_else(fault::internal)?;
        let bytes = if material.is_held() { bytes } else { &[] };
        let row = key::material_path(&replica.region, &material.id);
        batch = batch.put(MATERIALS, row, Expected::Absent, material_row(&path, bytes));
    }
    Ok(batch)
}

fn answer(primary: &KeyRecord, replica: KeyRecord) -> ReplicateKeyResponse<'static> {
    let (policy, tags) = (replica.policy.clone(), replica.tags.clone());
    let tag = |(key, value): (String, String)| Tag::new().with_tag_key(key).with_tag_value(value);
    let tags = (!tags.is_empty()).then(|| tags.into_iter().map(tag).collect::<Vec<_>>());
    // While it is being made it is told with the primary's term for its material (recorded).
    let told = KeyRecord { materials: primary.materials.clone(), ..replica };
    let metadata: KeyMetadata<'static> = describe::metadata_in(&told, CREATING);
    ReplicateKeyResponse::new()
        .with_replica_key_metadata(metadata)
        .with_replica_policy(policy)
        .with_some(tags, ReplicateKeyResponse::with_replica_tags)
}

pub(crate) async fn update_primary_region(
    kms: &Kms,
    call: &mut Call,
    input: &UpdatePrimaryRegionRequest<'_>,
) -> Answer {
    let target = input.primary_region();
    let keys = RequestKeys::none().with("kms:primaryregion", target);
    let key = own_key(kms, call, input.key_id(), "kms:UpdatePrimaryRegion", &keys).await?;
    key.must_be_the_customers()?;
    key.must_be_primary()?;
    key.must_be_enabled()?;
    let next = next_primary(kms, call, &key, target, &keys).await?;
    next.must_be_enabled()?;
    let mut family = key.record.family.clone().ok_or_else(fault::internal)?;
    family.replicas.retain(|region| region != target);
    family.replicas.push(mem::replace(&mut family.primary, target.to_owned()));
    let (mut batch, mut paths) = (SealedBatch::new(), Vec::new());
    let mut relatives = kms.relatives(&key.record).await?;
    relatives.push(key.clone());
    for relative in relatives {
        let mut record = relative.record.clone();
        record.family = Some(family.clone());
        batch = rotation::reschedule(&relative, &mut record, batch, call.now_ms);
        batch = with_record(batch, &relative, &record)?;
        paths.push(relative.path.clone());
    }
    if let Some(asked) = key.record.on_demand {
        // The rotation under way goes on at the new primary.
        let job = |path: &str| due_key(asked.done_ms, "kms", "rotate-on-demand", path);
        batch = batch.delete(DUE, job(&key.path), Expected::At(1));
        batch = batch.put(DUE, job(&next.path), Expected::Absent, b"{}".to_vec());
    }
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    // It is recorded in the region of the new primary, too.
    call.one_event_in(&kms.crypto, target, "kms.amazonaws.com")?;
    kms.commit(&paths, batch).await?;
    Ok(None)
}

/// The replica that is to become the primary, if the caller may make it so. That the region must
/// have one is documented; the texts are those of a key that is not there, and our own.
async fn next_primary(
    kms: &Kms,
    call: &mut Call,
    key: &LiveKey,
    target: &str,
    keys: &RequestKeys<'_>,
) -> Result<std::sync::Arc<LiveKey>, Stop> {
    if key.record.region == target {
        let text = format!("{target} already contains the primary.");
        return Err(fault::validation(text).into());
    }
    let arn = key.record.arn_in(target);
    if !key.record.elsewhere().any(|region| region == target) {
        return Err(fault::not_found(format!("Key '{arn}' does not exist")).into());
    }
    let here = mem::replace(&mut call.region, target.to_owned());
    let found = kms.find(call, &arn, Takes::OwnKeys).await;
    let permitted =
        found.and_then(|found| Ok(found.permit(call, "kms:UpdatePrimaryRegion", keys)?));
    call.region = here;
    let next = permitted?;
    call.touched(&next.arn, &next.record.account, KEY_TYPE);
    Ok(next)
}
