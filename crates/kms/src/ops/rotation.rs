//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand,
//! ListKeyRotations.

use bulla_plane::Call;
use bulla_plane::scheduler::{DUE, due_key};
use bulla_shapes::kms::{
    DisableKeyRotationRequest, EnableKeyRotationRequest, GetKeyRotationStatusRequest,
    GetKeyRotationStatusResponse, ListKeyRotationsRequest, ListKeyRotationsResponse,
    RotateKeyOnDemandRequest, RotateKeyOnDemandResponse, RotationsListEntry,
};
use bulla_shapes::{Fault, View};
use bulla_store::{Expected, SealedBatch};

use super::own_key::own_key;
use super::{Answer, KEY_TYPE};
use crate::conditions::RequestKeys;
use crate::found::Takes;
use crate::key::{DAY_MS, KeyRecord, Material, OnDemand, Origin, Rotation, State};
use crate::live::LiveKey;
use crate::{Kms, fault, marker};

/// The period where none is given, in days.
const DEFAULT_PERIOD_DAYS: i64 = 365;
/// How often a key can be rotated on demand.
pub(crate) const MAX_ON_DEMAND: u32 = 25;
/// How long a rotation on demand takes. AWS takes about 100 s; shorter is our choice, and long
/// enough that a second request at once finds the first under way, as recorded.
const ON_DEMAND_MS: i64 = 10_000;
/// How close an automatic rotation may be when one is asked for (KMS API Reference).
const CLOSE_MS: i64 = 20 * 60 * 1_000;
/// The state of new material that some regions of the key still lack.
const LACKING: &str = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION";
/// Default and largest page of ListKeyRotations.
const ROTATIONS_A_PAGE: (usize, usize) = (100, 1_000);

/// Brings the schedule in line with a changed record: the old job goes, and a new one comes if the
/// key rotates and is enabled, and has not its rotation from another region. An overdue rotation is
/// due at once.
pub(crate) fn reschedule(
    before: &LiveKey,
    record: &mut KeyRecord,
    mut batch: SealedBatch,
    now_ms: i64,
) -> SealedBatch {
    let path = record.path();
    let old = before.record.rotation.filter(|rotation| rotation.scheduled);
    let wanted = record.state == State::Enabled && !record.is_replica();
    let Some(rotation) = record.rotation.as_mut() else {
        return match old {
            Some(old) => {
                batch.delete(DUE, due_key(old.next_ms, "kms", "rotate", &path), Expected::At(1))
            }
            None => batch,
        };
    };
    if wanted {
        rotation.next_ms = rotation.next_ms.max(now_ms);
    }
    rotation.scheduled = wanted;
    let same = old.is_some_and(|old| wanted && old.next_ms == rotation.next_ms);
    if same {
        return batch;
    }
    if let Some(old) = old {
        let due = due_key(old.next_ms, "kms", "rotate", &path);
        batch = batch.delete(DUE, due, Expected::At(1));
    }
    if wanted {
        let due = due_key(rotation.next_ms, "kms", "rotate", &path);
        batch = batch.put(DUE, due, Expected::Absent, b"{}".to_vec());
    }
    batch
}

/// Only symmetric encryption keys rotate, and of them not those in custom key stores; the refusal
/// of others is recorded without a message.
fn must_rotate(key: &LiveKey) -> Result<(), Fault> {
    key.must_not_be_in_a_store()?;
    if key.record.kind.is_symmetric_encryption() {
        return Ok(());
    }
    Err(fault::unsupported_silently())
}

/// Keys whose material is brought in do not rotate by themselves, whatever their state (recorded).
fn must_rotate_itself(key: &LiveKey) -> Result<(), Fault> {
    match key.record.origin {
        Origin::AwsKms => Ok(()),
        Origin::External | Origin::ExternalKeyStore | Origin::CloudHsm => Err(key.wrong_origin()),
    }
}

impl Rotation {
    /// Whether it is under way, or soon will be.
    fn is_close(&self, now_ms: i64) -> bool {
        self.scheduled && self.next_ms.saturating_sub(now_ms) <= CLOSE_MS
    }
}

pub(crate) async fn enable_key_rotation(
    kms: &Kms,
    call: &mut Call,
    input: &EnableKeyRotationRequest<'_>,
) -> Answer {
    let asked = input.rotation_period_in_days();
    let keys = RequestKeys::none()
        .with_some("kms:rotationperiodindays", asked.map(|days| days.to_string()));
    let key = own_key(kms, call, input.key_id(), "kms:EnableKeyRotation", &keys).await?;
    key.must_be_the_customers()?;
    must_rotate(&key)?;
    must_rotate_itself(&key)?;
    key.must_not_be_replica()?;
    key.must_be_enabled()?;
    let mut record = key.record.clone();
    let days = match (asked, record.rotation) {
        // Recorded: enabling again with nothing new keeps period and date.
        (None, Some(_)) => return Ok(None),
        (Some(days), Some(rotation)) if days == rotation.period_days => return Ok(None),
        (Some(days), _) => days,
        (None, None) => DEFAULT_PERIOD_DAYS,
    };
    let next_ms = call.now_ms.saturating_add(days.saturating_mul(DAY_MS));
    record.rotation = Some(Rotation { period_days: days, next_ms, scheduled: false });
    let batch = reschedule(&key, &mut record, SealedBatch::new(), call.now_ms);
    kms.change(&key, &record, batch, call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn disable_key_rotation(
    kms: &Kms,
    call: &mut Call,
    input: &DisableKeyRotationRequest<'_>,
) -> Answer {
    let none = RequestKeys::none();
    let key = own_key(kms, call, input.key_id(), "kms:DisableKeyRotation", &none).await?;
    key.must_be_the_customers()?;
    must_rotate(&key)?;
    must_rotate_itself(&key)?;
    key.must_not_be_replica()?;
    key.must_be_enabled()?;
    if key.record.rotation.is_none() {
        return Ok(None);
    }
    let mut record = key.record.clone();
    record.rotation = None;
    let batch = reschedule(&key, &mut record, SealedBatch::new(), call.now_ms);
    kms.change(&key, &record, batch, call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn get_key_rotation_status(
    kms: &Kms,
    call: &mut Call,
    input: &GetKeyRotationStatusRequest<'_>,
) -> Answer {
    let action = "kms:GetKeyRotationStatus";
    let found = kms.find(call, input.key_id(), Takes::AnyKeys).await?;
    let key = found.permit(call, action, &RequestKeys::none())?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    must_rotate(&key)?;
    // While deletion is pending the status reads false, and returns on cancellation [M].
    let going = key.record.state.going().is_some();
    let rotation = key.record.rotation.filter(|_| !going);
    let started = key.record.on_demand.map(|under_way| under_way.started_ms);
    let answer = GetKeyRotationStatusResponse::new()
        .with_key_id(key.arn.clone())
        .with_key_rotation_enabled(rotation.is_some())
        .with_some(
            rotation.map(|r| r.period_days),
            GetKeyRotationStatusResponse::with_rotation_period_in_days,
        )
        .with_some(
            rotation.map(|r| r.next_ms),
            GetKeyRotationStatusResponse::with_next_rotation_date,
        )
        .with_some(started, GetKeyRotationStatusResponse::with_on_demand_rotation_start_date);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn rotate_key_on_demand(
    kms: &Kms,
    call: &mut Call,
    input: &RotateKeyOnDemandRequest<'_>,
) -> Answer {
    let none = RequestKeys::none();
    let key = own_key(kms, call, input.key_id(), "kms:RotateKeyOnDemand", &none).await?;
    key.must_be_the_customers()?;
    must_rotate(&key)?;
    key.must_not_be_replica()?;
    key.must_be_enabled()?;
    let answer = RotateKeyOnDemandResponse::new().with_key_id(key.arn.clone()).into_record();
    if key.record.on_demand.is_some() {
        // Recorded: a second request while one is under way succeeds and changes nothing.
        return Ok(Some(answer));
    }
    if key.record.rotation.is_some_and(|automatic| automatic.is_close(call.now_ms)) {
        // The text is ours.
        return Err(fault::named(
            "ConflictException",
            format!("An automatic rotation of {} is in progress or about to begin.", key.arn),
        )
        .into());
    }
    if key.record.on_demand_count >= MAX_ON_DEMAND {
        return Err(fault::limit_exceeded(format!(
            "The on-demand rotations limit has been reached for the given keyId. No more \
             on-demand rotations can be performed for this key: {}",
            key.arn
        ))
        .into());
    }
    let waits = key.record.pending.as_ref().is_some_and(Material::is_held);
    if key.record.origin == Origin::External && !waits {
        return Err(fault::invalid_state_text(format!(
            "No available key material pending rotation for the key: {}.",
            key.arn
        ))
        .into());
    }
    if let Some(pending) = &key.record.pending
        && !kms.is_everywhere(&key.record, &pending.id).await?
    {
        return Err(fault::invalid_state_text(
            "Cannot perform key material rotation: Key material has not been imported for \
             replicas of the Multi-Region key.",
        )
        .into());
    }
    let mut record = key.record.clone();
    let done_ms = call.now_ms.saturating_add(ON_DEMAND_MS);
    record.on_demand = Some(OnDemand { started_ms: call.now_ms, done_ms });
    record.on_demand_count = record.on_demand_count.saturating_add(1);
    let due = due_key(done_ms, "kms", "rotate-on-demand", &record.path());
    let batch = SealedBatch::new().put(DUE, due, Expected::Absent, b"{}".to_vec());
    kms.change(&key, &record, batch, call.now_ms).await?;
    Ok(Some(answer))
}

pub(crate) async fn list_key_rotations(
    kms: &Kms,
    call: &mut Call,
    input: &ListKeyRotationsRequest<'_>,
) -> Answer {
    let none = RequestKeys::none();
    let key = own_key(kms, call, input.key_id(), "kms:ListKeyRotations", &none).await?;
    must_rotate(&key)?;
    let every = input.include_key_material() == Some("ALL_KEY_MATERIAL");
    let materials = &key.record.materials;
    let current = materials.len().saturating_sub(1);
    let state = |at| if at == current { "CURRENT" } else { "NON_CURRENT" };
    let known = materials.iter().enumerate().map(|(at, material)| (material, state(at)));
    let waiting = match &key.record.pending {
        Some(pending) if !kms.is_everywhere(&key.record, &pending.id).await? => LACKING,
        _ => "PENDING_ROTATION",
    };
    let pending = key.record.pending.iter().map(|material| (material, waiting));
    let listed = known.chain(pending).filter(|(m, _)| every || m.rotated_ms.is_some());
    let (usual, most) = ROTATIONS_A_PAGE;
    let limit = marker::page_size(input.limit(), usual, most);
    let from: usize = match input.marker() {
        None => 0,
        Some(text) => marker::decode(text)?.parse().map_err(|_| fault::invalid_marker())?,
    };
    let mut page: Vec<_> = listed.skip(from).take(limit.saturating_add(1)).collect();
    let more = page.len() > limit;
    page.truncate(limit);
    let entries: Vec<_> = page.into_iter().map(|(m, state)| entry(&key.arn, m, state)).collect();
    let next = more.then(|| marker::encode(&from.saturating_add(limit).to_string()));
    let answer = ListKeyRotationsResponse::new()
        .with_rotations(entries)
        .with_truncated(more)
        .with_some(next, ListKeyRotationsResponse::with_next_marker);
    Ok(Some(answer.into_record()))
}

fn entry(arn: &str, material: &Material, state: &'static str) -> RotationsListEntry<'static> {
    let entry = RotationsListEntry::new()
        .with_key_id(arn.to_owned())
        .with_key_material_id(material.id.clone())
        .with_key_material_state(state)
        .with_some(material.rotated_ms, RotationsListEntry::with_rotation_date)
        .with_some(material.rotated_by.clone(), RotationsListEntry::with_rotation_type);
    let Some(import) = &material.import else { return entry };
    entry
        .with_import_state(if import.held { "IMPORTED" } else { "PENDING_IMPORT" })
        .with_some(import.held.then(|| import.model()), RotationsListEntry::with_expiration_model)
        .with_some(import.valid_to_ms, RotationsListEntry::with_valid_to)
        .with_some(import.description.clone(), RotationsListEntry::with_key_material_description)
}
