//! CreateTrail, GetTrail, DescribeTrails, ListTrails, UpdateTrail, DeleteTrail.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::{Context, RequestKeys};
use bulla_shapes::View;
use bulla_shapes::cloudtrail::{
    CreateTrailRequest, CreateTrailResponse, DeleteTrailRequest, DescribeTrailsRequest,
    DescribeTrailsResponse, GetTrailRequest, GetTrailResponse, ListTrailsRequest,
    ListTrailsResponse, Trail as Shown, TrailInfo, UpdateTrailRequest, UpdateTrailResponse,
};
use bulla_store::{Expected, SealedBatch};

use super::{Answer, TRAIL_TYPE, tags};
use crate::name::{Named, must_be_bucket, must_be_name, must_be_prefix};
use crate::records::{DELIVERIES, TRAILS, TrailRecord, bytes};
use crate::store::Stored;
use crate::{Trail, fault};

/// The most trails of a region (CloudTrail guide, "Quotas").
const MAX_TRAILS: usize = 5;

/// What has no counterpart here, in requests that make or change a trail.
fn must_be_supported(unsupported: [(&str, bool); 3]) -> Result<(), Stop> {
    for (what, is_asked) in unsupported {
        if is_asked {
            return Err(fault::unsupported(what).into());
        }
    }
    Ok(())
}

pub(crate) async fn create_trail(
    trail: &Trail,
    call: &mut Call,
    input: &CreateTrailRequest<'_>,
) -> Answer {
    let name = input.name();
    must_be_name(name)?;
    let named = Named { name: name.to_owned(), home: None };
    let given = tags::pairs(input.tags_list());
    let arn = named.arn(call);
    permit_account(call, "cloudtrail:CreateTrail", &arn, &RequestKeys::none().tags(&given))?;
    must_be_supported([
        ("A trail of an organization", input.is_organization_trail() == Some(true)),
        ("An SNS topic", input.sns_topic_name().is_some_and(|name| !name.is_empty())),
        ("CloudWatch Logs", input.cloud_watch_logs_log_group_arn().is_some()),
    ])?;
    let prefix = input.s3_key_prefix().filter(|prefix| !prefix.is_empty());
    must_be_bucket(input.s3_bucket_name())?;
    must_be_prefix(prefix.unwrap_or_default())?;
    tags::check(&arn, &given)?;
    let mut record = TrailRecord {
        account: call.account().to_owned(),
        partition: call.partition.to_owned(),
        home: call.region.clone(),
        name: name.to_owned(),
        bucket: input.s3_bucket_name().to_owned(),
        prefix: prefix.map(str::to_owned),
        global: input.include_global_service_events().unwrap_or(true),
        multi_region: input.is_multi_region_trail().unwrap_or(false),
        validation: input.enable_log_file_validation().unwrap_or(false),
        kms_key: None,
        tags: given,
        selectors: None,
    };
    let known = trail.trails(&record.account).await?;
    let here = known.iter().filter(|stored| stored.record.home == record.home);
    if known.iter().any(|stored| {
        stored.record.name == name
            && (stored.record.home == record.home || stored.record.multi_region)
    }) {
        return Err(fault::trail_exists(name, call.account()).into());
    }
    if here.count() >= MAX_TRAILS {
        return Err(fault::too_many_trails(call.account(), MAX_TRAILS, &call.region).into());
    }
    // What an earlier trail of this name still has to deliver must be done first.
    let (before, _) = trail.delivery(&record.row()).await?;
    if before.trail.is_some() {
        let text = "A trail of this name was deleted and is still being delivered.";
        return Err(fault::of("ConflictException", text).into());
    }
    record.kms_key = trail.key_of(call, &record, input.kms_key_id()).await?;
    let stored = Stored { record, expected: Expected::Absent };
    trail.save(&stored).await?;
    touched(call, &stored.record);
    let TrailRecord { prefix, kms_key, .. } = &stored.record;
    let answer = CreateTrailResponse::new()
        .with_name(name.to_owned())
        .with_s3_bucket_name(stored.record.bucket.clone())
        .with_some(prefix.clone(), CreateTrailResponse::with_s3_key_prefix)
        .with_include_global_service_events(stored.record.global)
        .with_is_multi_region_trail(stored.record.multi_region)
        .with_trail_arn(arn)
        .with_log_file_validation_enabled(stored.record.validation)
        .with_some(kms_key.clone(), CreateTrailResponse::with_kms_key_id)
        .with_is_organization_trail(false);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

fn touched(call: &mut Call, record: &TrailRecord) {
    call.touched(&record.arn(), &record.account, TRAIL_TYPE);
}

/// Asks for permission on a trail that is named, and finds it.
pub(super) async fn permitted(
    trail: &Trail,
    call: &mut Call,
    action: &str,
    text: &str,
) -> Result<Stored, Stop> {
    let named = Named::parse(text)?;
    permit_account(call, action, &named.arn(call), &Context::new())?;
    let stored = trail.must_find(call, &named).await?;
    if stored.record.arn() != named.arn(call) {
        // The name led to a trail of another region, which is another resource.
        permit_account(call, action, &stored.record.arn(), &Context::new())?;
    }
    touched(call, &stored.record);
    Ok(stored)
}

fn shown(record: &TrailRecord) -> Shown<'static> {
    Shown::new()
        .with_name(record.name.clone())
        .with_s3_bucket_name(record.bucket.clone())
        .with_some(record.prefix.clone(), Shown::with_s3_key_prefix)
        .with_include_global_service_events(record.global)
        .with_is_multi_region_trail(record.multi_region)
        .with_home_region(record.home.clone())
        .with_trail_arn(record.arn())
        .with_log_file_validation_enabled(record.validation)
        .with_some(record.kms_key.clone(), Shown::with_kms_key_id)
        .with_has_custom_event_selectors(record.selectors.is_some())
        .with_has_insight_selectors(false)
        .with_is_organization_trail(false)
}

pub(crate) async fn get_trail(
    trail: &Trail,
    call: &mut Call,
    input: &GetTrailRequest<'_>,
) -> Answer {
    let stored = permitted(trail, call, "cloudtrail:GetTrail", input.name()).await?;
    let answer = GetTrailResponse::new().with_trail(shown(&stored.record));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn describe_trails(
    trail: &Trail,
    call: &mut Call,
    input: &DescribeTrailsRequest<'_>,
) -> Answer {
    permit_account(call, "cloudtrail:DescribeTrails", "*", &Context::new())?;
    let shadows = input.include_shadow_trails().unwrap_or(true);
    let names = input.trail_name_list();
    let wanted: Vec<Named> =
        names.into_iter().flatten().map(Named::parse).collect::<Result<_, _>>()?;
    let mut listed = Vec::new();
    for Stored { record, .. } in trail.trails(call.account()).await? {
        let is_home = record.home == call.region;
        let is_named = wanted.iter().any(|named| {
            named.name == record.name
                && named.home.as_ref().is_none_or(|(account, region)| {
                    *account == record.account && *region == record.home
                })
        });
        let by_arn = wanted.iter().any(|named| named.home.is_some());
        let is_seen = is_home || (record.multi_region && shadows) || (is_named && by_arn);
        if is_seen && (wanted.is_empty() || is_named) {
            listed.push(shown(&record));
        }
    }
    Ok(Some(DescribeTrailsResponse::new().with_trail_list(listed).into_record()))
}

pub(crate) async fn list_trails(
    trail: &Trail,
    call: &mut Call,
    input: &ListTrailsRequest<'_>,
) -> Answer {
    permit_account(call, "cloudtrail:ListTrails", "*", &Context::new())?;
    if input.next_token().is_some() {
        // One page has all of them.
        return Err(fault::token().into());
    }
    let all = trail.trails(call.account()).await?.into_iter().map(|stored| {
        TrailInfo::new()
            .with_trail_arn(stored.record.arn())
            .with_name(stored.record.name)
            .with_home_region(stored.record.home)
    });
    Ok(Some(ListTrailsResponse::new().with_trails(all).into_record()))
}

pub(crate) async fn update_trail(
    trail: &Trail,
    call: &mut Call,
    input: &UpdateTrailRequest<'_>,
) -> Answer {
    let mut stored = permitted(trail, call, "cloudtrail:UpdateTrail", input.name()).await?;
    stored.must_be_home(call)?;
    must_be_supported([
        ("A trail of an organization", input.is_organization_trail() == Some(true)),
        ("An SNS topic", input.sns_topic_name().is_some_and(|name| !name.is_empty())),
        ("CloudWatch Logs", input.cloud_watch_logs_log_group_arn().is_some_and(|a| !a.is_empty())),
    ])?;
    let record = &mut stored.record;
    if let Some(bucket) = input.s3_bucket_name() {
        must_be_bucket(bucket)?;
        bucket.clone_into(&mut record.bucket);
    }
    if let Some(prefix) = input.s3_key_prefix() {
        must_be_prefix(prefix)?;
        record.prefix = Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty());
    }
    record.global = input.include_global_service_events().unwrap_or(record.global);
    record.multi_region = input.is_multi_region_trail().unwrap_or(record.multi_region);
    record.validation = input.enable_log_file_validation().unwrap_or(record.validation);
    if let Some(key) = input.kms_key_id() {
        record.kms_key = trail.key_of(call, record, Some(key)).await?;
    }
    trail.save(&stored).await?;
    let record = &stored.record;
    let answer = UpdateTrailResponse::new()
        .with_name(record.name.clone())
        .with_s3_bucket_name(record.bucket.clone())
        .with_some(record.prefix.clone(), UpdateTrailResponse::with_s3_key_prefix)
        .with_include_global_service_events(record.global)
        .with_is_multi_region_trail(record.multi_region)
        .with_trail_arn(record.arn())
        .with_log_file_validation_enabled(record.validation)
        .with_some(record.kms_key.clone(), UpdateTrailResponse::with_kms_key_id)
        .with_is_organization_trail(false);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// What was recorded until now is still delivered, and a last digest.
pub(crate) async fn delete_trail(
    trail: &Trail,
    call: &mut Call,
    input: &DeleteTrailRequest<'_>,
) -> Answer {
    let stored = permitted(trail, call, "cloudtrail:DeleteTrail", input.name()).await?;
    stored.must_be_home(call)?;
    let key = stored.record.row();
    let mut batch = SealedBatch::new().delete(TRAILS, key.as_str(), stored.expected);
    let (mut delivery, expected) = trail.delivery(&key).await?;
    if delivery.started_ms.is_some() {
        if delivery.is_logging() {
            delivery.end(trail.journal.anchor().sequence, call.now_ms);
        }
        delivery.trail = Some(stored.record);
        batch = batch.put(DELIVERIES, key.as_str(), expected, bytes(&delivery)?);
    }
    trail.barrier.commit(batch).await?;
    Ok(None)
}
