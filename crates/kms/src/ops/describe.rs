//! DescribeKey, GetKeyLastUsage and ListKeys.

use bulla_plane::Call;
use bulla_plane::gate::permit_account;
use bulla_plane::pipeline::id_text;
use bulla_shapes::View;
use bulla_shapes::kms::{
    DescribeKeyRequest, DescribeKeyResponse, GetKeyLastUsageRequest, GetKeyLastUsageResponse,
    KeyLastUsageData, KeyListEntry, KeyMetadata, ListKeysRequest, ListKeysResponse,
    MultiRegionConfiguration, MultiRegionKey,
};
use bulla_store::{Key, Range};

use super::own_key::own_key;
use super::{Answer, KEY_TYPE};
use crate::conditions::RequestKeys;
use crate::found::Takes;
use crate::key::{CREATING, Import, KeyRecord, Origin, State, path};
use crate::kind::Usage;
use crate::{KEYS, Kms, fault, key, marker};

/// Default and largest page of ListKeys (KMS API Reference).
const KEYS_A_PAGE: (usize, usize) = (100, 1_000);

/// A key as its owner sees it.
pub(crate) fn metadata(record: &KeyRecord) -> KeyMetadata<'static> {
    metadata_in(record, record.state.name())
}

/// A key as its owner sees it, in a state by AWS's name.
pub(crate) fn metadata_in(record: &KeyRecord, state: &'static str) -> KeyMetadata<'static> {
    let manager = if record.managed_by.is_some() { "AWS" } else { "CUSTOMER" };
    let kind = record.kind;
    // What is in a custom key store never rotates, and has no current material among others.
    let rotates = kind.is_symmetric_encryption() && record.custom.is_none();
    let has_id = rotates && state != CREATING;
    let material = record.materials.last().filter(|_| has_id);
    let material = material.map(|material| material.id.clone());
    // With several materials the earliest end counts; without all of them there is none.
    let imports = record.materials.iter().filter_map(|material| material.import.as_ref());
    let valid_to = imports.filter_map(|import| import.valid_to_ms).min();
    let valid_to = valid_to.filter(|_| record.is_whole());
    let model = match (record.origin, valid_to) {
        (Origin::External, Some(_)) => Some(Import::EXPIRES),
        (Origin::External, None) if record.is_whole() => Some(Import::FOREVER),
        _ => None,
    };
    let metadata = KeyMetadata::new()
        .with_aws_account_id(record.account.clone())
        .with_key_id(record.id.clone())
        .with_arn(record.arn())
        .with_creation_date(record.created_ms)
        .with_enabled(state == State::Enabled.name())
        .with_description(record.description.clone())
        .with_key_usage(kind.usage.name())
        .with_key_state(state)
        .with_some(record.deletion_ms, KeyMetadata::with_deletion_date)
        .with_origin(record.origin.name())
        .with_key_manager(manager)
        .with_customer_master_key_spec(kind.spec)
        .with_key_spec(kind.spec)
        .with_multi_region(record.family.is_some())
        .with_some(configuration(record), KeyMetadata::with_multi_region_configuration)
        .with_some(record.window_days, KeyMetadata::with_pending_deletion_window_in_days)
        .with_some(material, KeyMetadata::with_current_key_material_id)
        .with_some(model, KeyMetadata::with_expiration_model)
        .with_some(valid_to, KeyMetadata::with_valid_to);
    let algorithms = kind.algorithms.iter().copied();
    match kind.usage {
        Usage::EncryptDecrypt => metadata.with_encryption_algorithms(algorithms),
        Usage::SignVerify => metadata.with_signing_algorithms(algorithms),
        Usage::KeyAgreement => metadata.with_key_agreement_algorithms(algorithms),
        Usage::EncapsulateDecapsulate => metadata.with_encapsulation_algorithms(algorithms),
        Usage::GenerateVerifyMac => metadata.with_mac_algorithms(algorithms),
    }
}

/// Where a multi-Region key stands.
fn configuration(record: &KeyRecord) -> Option<MultiRegionConfiguration<'static>> {
    let (family, part) = (record.family.as_ref()?, record.part()?);
    let one = |region: &String| {
        MultiRegionKey::new().with_arn(record.arn_in(region)).with_region(region.clone())
    };
    let replicas: Vec<_> = family.replicas.iter().map(one).collect();
    let configuration = MultiRegionConfiguration::new()
        .with_multi_region_key_type(part)
        .with_primary_key(one(&family.primary))
        .with_replica_keys(replicas);
    Some(configuration)
}

pub(crate) async fn describe_key(
    kms: &Kms,
    call: &mut Call,
    input: &DescribeKeyRequest<'_>,
) -> Answer {
    let found = kms.find(call, input.key_id(), Takes::Everything).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let keys = RequestKeys::none().alias(found.alias);
    let key = found.permit(call, "kms:DescribeKey", &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    let metadata = kms.with_store(&key.record, metadata(&key.record)).await?;
    let answer = DescribeKeyResponse::new().with_key_metadata(metadata);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_key_last_usage(
    kms: &Kms,
    call: &mut Call,
    input: &GetKeyLastUsageRequest<'_>,
) -> Answer {
    let none = RequestKeys::none();
    let key = own_key(kms, call, input.key_id(), "kms:GetKeyLastUsage", &none).await?;
    let usage = match kms.usage.last(&key.record.path()).await? {
        None => KeyLastUsageData::new(),
        Some(usage) => KeyLastUsageData::new()
            .with_operation(usage.operation)
            .with_timestamp(usage.at_ms)
            .with_cloud_trail_event_id(id_text(usage.event_id))
            .with_kms_request_id(id_text(usage.request_id)),
    };
    let answer = GetKeyLastUsageResponse::new()
        .with_key_id(key.arn.clone())
        .with_key_last_usage(usage)
        .with_tracking_start_date(key.record.created_ms)
        .with_key_creation_date(key.record.created_ms);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_keys(kms: &Kms, call: &mut Call, input: &ListKeysRequest<'_>) -> Answer {
    permit_account(call, "kms:ListKeys", "*", &RequestKeys::none())?;
    let prefix = path(call.account(), &call.region, "");
    let (usual, most) = KEYS_A_PAGE;
    let limit = marker::page_size(input.limit(), usual, most);
    let mut range = Range::prefix(prefix.as_str());
    if let Some(text) = input.marker() {
        let from = marker::decode(text)?;
        if !from.starts_with(&prefix) {
            return Err(fault::invalid_marker().into());
        }
        range.from = Key::from(from.as_str());
    }
    let view = kms.barrier.view().await?;
    let page = view.range(KEYS, &range, limit).await?;
    let mut keys = Vec::with_capacity(page.rows.len());
    for (row, _) in &page.rows {
        let row = std::str::from_utf8(row.as_bytes()).map_err(|_| fault::internal())?;
        let id = row.strip_prefix(prefix.as_str()).ok_or_else(fault::internal)?;
        let arn = key::arn(call.partition, &call.region, call.account(), id);
        keys.push(KeyListEntry::new().with_key_id(id.to_owned()).with_key_arn(arn));
    }
    let next = match &page.next {
        None => None,
        Some(row) => {
            let row = std::str::from_utf8(row.as_bytes()).map_err(|_| fault::internal())?;
            Some(marker::encode(row))
        }
    };
    let answer = ListKeysResponse::new()
        .with_keys(keys)
        .with_truncated(next.is_some())
        .with_some(next, ListKeysResponse::with_next_marker);
    Ok(Some(answer.into_record()))
}
