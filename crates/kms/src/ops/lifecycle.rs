//! CreateKey, EnableKey, DisableKey, ScheduleKeyDeletion, CancelKeyDeletion, UpdateKeyDescription.

use bulla_crypto::hex;
use bulla_plane::Call;
use bulla_plane::Stop;
use bulla_plane::gate::permit_account;
use bulla_plane::pipeline::new_uuid;
use bulla_plane::scheduler::{DUE, due_key};
use bulla_shapes::kms::{
    CancelKeyDeletionRequest, CancelKeyDeletionResponse, CreateKeyRequest, CreateKeyResponse,
    DisableKeyRequest, EnableKeyRequest, ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse,
    UpdateKeyDescriptionRequest,
};
use bulla_shapes::{Fault, View};
use bulla_store::{Expected, SealedBatch};

use super::own_key::own_key;
use super::{Answer, KEY_TYPE, rotation};
use crate::conditions::RequestKeys;
use crate::family::Family;
use crate::fault;
use crate::key::{DAY_MS, KeyRecord, Origin, State};
use crate::kind::Kind;
use crate::linked;
use crate::{KEYS, Kms, policies};

/// The waiting period of a deletion, in days: least, most, default (KMS API Reference).
const WINDOW_DAYS: (i64, i64, i64) = (7, 30, 30);

impl Kms {
    /// A new key, without material yet.
    pub(crate) fn fresh(
        &self,
        call: &Call,
        kind: &'static Kind,
        policy: String,
    ) -> Result<KeyRecord, Stop> {
        Ok(KeyRecord {
            account: call.account().to_owned(),
            region: call.region.clone(),
            partition: call.partition.to_owned(),
            id: self.new_uuid()?,
            kind,
            origin: Origin::AwsKms,
            created_ms: call.now_ms,
            description: String::new(),
            state: State::Enabled,
            family: None,
            deletion_ms: None,
            window_days: None,
            managed_by: None,
            policy,
            principals: vec![],
            tags: vec![],
            aliases: vec![],
            grants: 0,
            rotation: None,
            on_demand: None,
            on_demand_count: 0,
            materials: vec![],
            pending: None,
            custom: None,
        })
    }

    /// A random UUID (RFC 9562, version 4).
    pub(crate) fn new_uuid(&self) -> Result<String, Stop> {
        Ok(new_uuid(&self.crypto)?)
    }

    /// Makes a new key one that can stand in several regions, which its id tells.
    fn found_family(&self, record: &mut KeyRecord) -> Result<(), Stop> {
        record.id = format!("mrk-{}", hex::encode(&self.crypto.random::<16>()?));
        record.family = Some(Family { primary: record.region.clone(), replicas: vec![] });
        Ok(())
    }
}

pub(crate) async fn create_key(kms: &Kms, call: &mut Call, input: &CreateKeyRequest<'_>) -> Answer {
    let tags = super::tags::pairs(input.tags());
    super::tags::check(call, &tags)?;
    let bypass = input.bypass_policy_lockout_safety_check() == Some(true);
    let in_many = input.multi_region() == Some(true);
    let spec = input.key_spec().or(input.customer_master_key_spec());
    let spec = spec.unwrap_or(Kind::symmetric().spec);
    let usage = input.key_usage().unwrap_or(Kind::symmetric().usage.name());
    let keys = RequestKeys::none()
        .with("kms:keyspec", spec)
        .with("kms:keyusage", usage)
        .with("kms:keyorigin", input.origin().unwrap_or(Origin::AwsKms.name()))
        .with_flag("kms:multiregion", in_many)
        .with_some("kms:multiregionkeytype", in_many.then_some("PRIMARY"))
        .with_flag("kms:bypasspolicylockoutsafetycheck", bypass)
        .tags(&tags);
    permit_account(call, "kms:CreateKey", "*", &keys)?;
    let kind = kind(input, spec, usage, call.partition)?;
    let origin = origin(input, kind)?;
    kms.must_have_room_for_a_key(call, &call.region).await?;
    let account = call.account().to_owned();
    let policy = match input.policy() {
        Some(text) => text.to_owned(),
        None => policies::default_text(call.partition, &account),
    };
    let mut record = kms.fresh(call, kind, String::new())?;
    if in_many {
        kms.found_family(&mut record)?;
    }
    record.origin = origin;
    let arn = record.arn();
    let accepted = policies::checked(kms, call, policy, &record, bypass).await?;
    if in_many {
        kms.must_have_role(call, &linked::MULTI_REGION).await?;
    }
    let placed = kms.place(call, input, origin).await?;
    let (mut record, mut batch) = kms.first_material(record).await?;
    if let Some(placed) = &placed {
        (record, batch) = kms.settle(placed, record, batch).await?;
    }
    record.policy = accepted.text;
    record.principals = accepted.principals;
    record.description = input.description().unwrap_or_default().to_owned();
    record.tags = tags;
    call.touched(&arn, &account, KEY_TYPE);
    let path = record.path();
    let bytes = record.to_bytes().map_err(|_| fault::internal())?;
    let batch = batch.put(KEYS, path.as_str(), Expected::Absent, bytes);
    if let Err(stop) = keep(kms, &record, &path, batch).await {
        if let Some(placed) = &placed {
            placed.forget(&record.id).await;
        }
        return Err(stop);
    }
    let metadata = kms.with_store(&record, super::describe::metadata(&record)).await?;
    Ok(Some(CreateKeyResponse::new().with_key_metadata(metadata).into_record()))
}

/// Commits the rows of a new key.
async fn keep(kms: &Kms, record: &KeyRecord, path: &str, batch: SealedBatch) -> Result<(), Stop> {
    let (batch, count) = kms.counted(batch, record, 1).await?;
    kms.commit(&[path], batch).await?;
    count.end();
    Ok(())
}

/// The kind of key that a request wants, which names its usage unless it is the usual kind.
fn kind(
    input: &CreateKeyRequest<'_>,
    spec: &str,
    usage: &str,
    partition: &str,
) -> Result<&'static Kind, Fault> {
    if spec != Kind::symmetric().spec && input.key_usage().is_none() {
        return Err(fault::validation(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption \
             keys.",
        ));
    }
    if !Kind::knows(spec, partition) {
        let text = format!("this server does not make keys of spec {spec} in this Region");
        return Err(fault::unsupported(text));
    }
    Kind::of(spec, usage).ok_or_else(|| {
        fault::validation(format!("KeyUsage {usage} is not compatible with KeySpec {spec}"))
    })
}

/// Where a new key's material is to come from. That lattice keys cannot be brought in is our
/// choice, as nothing is known of the form that AWS takes them in.
fn origin(input: &CreateKeyRequest<'_>, kind: &Kind) -> Result<Origin, Fault> {
    if let Some(origin) = super::custom_key::origin(input, kind)? {
        return Ok(origin);
    }
    match input.origin() {
        None | Some("AWS_KMS") => Ok(Origin::AwsKms),
        Some("EXTERNAL") if kind.is_importable() => Ok(Origin::External),
        Some(origin) => Err(fault::unsupported(format!(
            "this server does not make keys of spec {} and origin {origin}",
            kind.spec
        ))),
    }
}

pub(crate) async fn enable_key(kms: &Kms, call: &mut Call, input: &EnableKeyRequest<'_>) -> Answer {
    set_state(kms, call, input.key_id(), "kms:EnableKey", State::Enabled).await
}

pub(crate) async fn disable_key(
    kms: &Kms,
    call: &mut Call,
    input: &DisableKeyRequest<'_>,
) -> Answer {
    set_state(kms, call, input.key_id(), "kms:DisableKey", State::Disabled).await
}

async fn set_state(kms: &Kms, call: &mut Call, key_id: &str, action: &str, state: State) -> Answer {
    let key = own_key(kms, call, key_id, action, &RequestKeys::none()).await?;
    key.must_be_the_customers()?;
    key.must_not_be_going()?;
    key.must_have_material()?;
    let mut record = key.record.clone();
    record.state = state;
    let batch = rotation::reschedule(&key, &mut record, SealedBatch::new(), call.now_ms);
    kms.change(&key, &record, batch, call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn update_key_description(
    kms: &Kms,
    call: &mut Call,
    input: &UpdateKeyDescriptionRequest<'_>,
) -> Answer {
    let none = RequestKeys::none();
    let key = own_key(kms, call, input.key_id(), "kms:UpdateKeyDescription", &none).await?;
    key.must_be_the_customers()?;
    key.must_not_be_going()?;
    let mut record = key.record.clone();
    record.description = input.description().to_owned();
    kms.change(&key, &record, SealedBatch::new(), call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn schedule_key_deletion(
    kms: &Kms,
    call: &mut Call,
    input: &ScheduleKeyDeletionRequest<'_>,
) -> Answer {
    let (least, most, usual) = WINDOW_DAYS;
    let days = input.pending_window_in_days().unwrap_or(usual);
    let keys =
        RequestKeys::none().with("kms:schedulekeydeletionpendingwindowindays", days.to_string());
    let key = own_key(kms, call, input.key_id(), "kms:ScheduleKeyDeletion", &keys).await?;
    key.must_be_the_customers()?;
    if days < least || days > most {
        return Err(fault::validation(format!(
            "PendingWindowInDays must be between {least} and {most} (inclusive)."
        ))
        .into());
    }
    key.must_not_be_going()?;
    let mut record = key.record.clone();
    let mut batch = SealedBatch::new();
    if record.has_replicas() {
        record.state = State::PendingReplicaDeletion;
        record.window_days = Some(days);
    } else {
        batch = await_deletion(&mut record, days, call.now_ms, batch);
    }
    let batch = rotation::reschedule(&key, &mut record, batch, call.now_ms);
    kms.change(&key, &record, batch, call.now_ms).await?;
    let answer = ScheduleKeyDeletionResponse::new()
        .with_key_id(key.arn.clone())
        .with_some(record.deletion_ms, ScheduleKeyDeletionResponse::with_deletion_date)
        .with_key_state(record.state.name())
        .with_pending_window_in_days(days);
    Ok(Some(answer.into_record()))
}

/// Begins a key's waiting period.
pub(crate) fn await_deletion(
    record: &mut KeyRecord,
    days: i64,
    now_ms: i64,
    batch: SealedBatch,
) -> SealedBatch {
    let deletion_ms = now_ms.saturating_add(days.saturating_mul(DAY_MS));
    record.state = State::PendingDeletion;
    record.deletion_ms = Some(deletion_ms);
    record.window_days = None;
    let due = due_key(deletion_ms, "kms", "delete", &record.path());
    batch.put(DUE, due, Expected::Absent, b"{}".to_vec())
}

pub(crate) async fn cancel_key_deletion(
    kms: &Kms,
    call: &mut Call,
    input: &CancelKeyDeletionRequest<'_>,
) -> Answer {
    let none = RequestKeys::none();
    let key = own_key(kms, call, input.key_id(), "kms:CancelKeyDeletion", &none).await?;
    if key.record.state.going().is_none() {
        return Err(fault::invalid_state(&key.arn, "not pending deletion").into());
    }
    let mut record = key.record.clone();
    let lacks_material = record.origin == Origin::External && !record.is_whole();
    record.state = if lacks_material { State::PendingImport } else { State::Disabled };
    record.window_days = None;
    let mut batch = SealedBatch::new();
    // A primary that waits for its replicas has no date yet.
    if let Some(deletion_ms) = record.deletion_ms.take() {
        let due = due_key(deletion_ms, "kms", "delete", &record.path());
        // A job's row is written once, so that it always has its first version.
        batch = batch.delete(DUE, due, Expected::At(1));
    }
    kms.change(&key, &record, batch, call.now_ms).await?;
    Ok(Some(CancelKeyDeletionResponse::new().with_key_id(key.arn.clone()).into_record()))
}
