//! PutParameter.

use std::sync::Arc;

use bulla_plane::{Call, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::ssm::{PutParameterRequest, PutParameterResult};
use bulla_store::{Expected, SealedBatch};

use super::Answer;
use super::tags;
use crate::events::Change;
use crate::live::Live;
use crate::name::{self, Name};
use crate::pattern::AllowedPattern;
use crate::place::{self, VERSIONS};
use crate::policies;
use crate::record::{Content, Kind, MAX_VERSIONS, ParameterRecord, Plan, Version};
use crate::{Ssm, data_type, due, fault, secure, tier};

const ACTION: &str = "ssm:PutParameter";
const TAG_ACTION: &str = "ssm:AddTagsToResource";
const TAGS_AND_OVERWRITE: &str = "Invalid request: tags and overwrite can't be used together. To \
                                  create a parameter with tags, please remove overwrite flag. To \
                                  update tags for an existing parameter, please use \
                                  AddTagsToResource or RemoveTagsFromResource.";
/// Not recorded from AWS.
const NO_TYPE: &str = "A parameter type is required when you create a parameter.";

pub(crate) async fn put_parameter(
    ssm: &Ssm,
    call: &mut Call,
    input: &PutParameterRequest<'_>,
) -> Answer {
    let name = name::of_new(call, input.name())?;
    let overwrite = input.overwrite() == Some(true);
    let tags = tags::pairs(input.tags());
    let keys = RequestKeys::none()
        .with_flag("ssm:overwrite", overwrite)
        .with_flag("ssm:policies", input.policies().is_some())
        .tags(&tags);
    let before = ssm.permitted(call, &name, ACTION, &keys).await?.parameter;
    if !tags.is_empty() {
        ssm.permitted(call, &name, TAG_ACTION, &RequestKeys::none().tags(&tags)).await?;
        call.trail.resources.pop();
    }
    if overwrite && !tags.is_empty() {
        return Err(fault::validation(TAGS_AND_OVERWRITE).into());
    }
    tags::check(&tags)?;
    if before.is_some() && !overwrite {
        return Err(fault::already_exists().into());
    }
    let (version, plans) = next_version(ssm, call, &name, before.as_deref(), input).await?;
    version.tier.metered(call);
    let answer = PutParameterResult::new()
        .with_version(i64::try_from(version.number).unwrap_or(i64::MAX))
        .with_tier(version.tier.name());
    match before {
        Some(live) => update(ssm, call, &live, version, plans).await?,
        None => create(ssm, call, &name, (version, plans, tags)).await?,
    }
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// The version that a request makes, and what its policies have in store. What an overwrite does
/// not name it keeps (recorded).
async fn next_version(
    ssm: &Ssm,
    call: &mut Call,
    name: &Name,
    before: Option<&Live>,
    input: &PutParameterRequest<'_>,
) -> Result<(Version, Vec<Plan>), Stop> {
    let old = before.map(|live| &live.record);
    let newest = old.map(|record| &record.newest);
    let kind = match input.r#type() {
        Some(name) => Kind::of(name).ok_or_else(fault::internal)?,
        None => newest.map(|old| old.kind).ok_or_else(|| fault::validation(NO_TYPE))?,
    };
    tier::not_empty(input.value())?;
    tier::not_nested(input.value())?;
    let given = input.policies().map(policies::parse).transpose()?;
    let data_type = input.data_type().filter(|name| !name.is_empty());
    let data_type = data_type.or_else(|| newest.map(|old| old.data_type.as_str()));
    let data_type = data_type.unwrap_or(data_type::TEXT);
    data_type::check(data_type, &name.spelling, kind, input.value())?;
    let has_policies = match &given {
        Some(given) => !given.is_empty(),
        None => old.is_some_and(|record| !record.plans.is_empty()),
    };
    let wants = tier::Wants { value: input.value(), data_type, has_policies };
    let tier = ssm.tier(call, input.tier(), newest.map(|old| old.tier), &wants).await?;
    tier::fits(tier, &wants)?;
    let allowed_pattern = input.allowed_pattern().map(str::to_owned);
    let allowed_pattern =
        allowed_pattern.or_else(|| newest.and_then(|old| old.allowed_pattern.clone()));
    let allowed_pattern = allowed_pattern.filter(|pattern| !pattern.is_empty());
    allowed(allowed_pattern.as_deref(), kind, input.value())?;
    let plans = match (&given, old) {
        (Some(given), _) => policies::plans(given, call.now_ms),
        (None, Some(record)) => policies::kept(&record.plans, call.now_ms)?,
        (None, None) => Vec::new(),
    };
    let kept_key = newest.and_then(|old| old.key_id.as_deref());
    let key_id = (kind == Kind::SecureString)
        .then(|| input.key_id().or(kept_key).unwrap_or(secure::DEFAULT_KEY).to_owned());
    let content = match &key_id {
        Some(key) => ssm.encrypt(call, (key, tier), &name.arn(call), input.value()).await?,
        None => Content::new(input.value().to_owned()),
    };
    let version = Version {
        number: newest.map_or(1, |old| old.number.saturating_add(1)),
        kind,
        tier,
        content,
        key_id,
        description: input
            .description()
            .map(str::to_owned)
            .or_else(|| newest.and_then(|old| old.description.clone()))
            .filter(|text| !text.is_empty()),
        allowed_pattern,
        data_type: data_type.to_owned(),
        modified_ms: call.now_ms,
        modified_by: call.principal().arn.clone(),
        policies: plans.iter().map(|p| (p.text.clone(), p.kind.name().to_owned())).collect(),
    };
    Ok((version, plans))
}

/// Whether a value matches a pattern. AWS's CDK holds the items of a list against it one by one,
/// which no recorded answer contradicts.
fn allowed(pattern: Option<&str>, kind: Kind, value: &str) -> Result<(), Stop> {
    let Some(text) = pattern else { return Ok(()) };
    let pattern = AllowedPattern::new(text)?;
    let matches = match kind {
        Kind::StringList => value.split(',').all(|item| pattern.matches(item)),
        Kind::String | Kind::SecureString => pattern.matches(value),
    };
    if matches {
        return Ok(());
    }
    let text = format!("Parameter value, cannot be validated against allowedPattern: {text}");
    Err(fault::named("ParameterPatternMismatchException", text).into())
}

async fn create(
    ssm: &Ssm,
    call: &Call,
    name: &Name,
    (newest, plans, tags): (Version, Vec<Plan>, Vec<(String, String)>),
) -> Result<(), Stop> {
    ssm.must_have_room(call, newest.tier).await?;
    let record = ParameterRecord {
        account: name.account.clone(),
        region: call.region.clone(),
        partition: call.partition.to_owned(),
        name: name.spelling.clone(),
        oldest: newest.number,
        newest,
        labels: Vec::new(),
        tags,
        plans,
        sharing: Vec::new(),
    };
    let batch = due::schedule(SealedBatch::new(), &record, &[]);
    let batch = ssm.tell_change(batch, &record, Change::Create, call.now_ms)?;
    ssm.save(batch, None, record).await
}

async fn update(
    ssm: &Ssm,
    call: &Call,
    live: &Arc<Live>,
    newest: Version,
    plans: Vec<Plan>,
) -> Result<(), Stop> {
    let mut record = live.record.clone();
    let old = std::mem::replace(&mut record.newest, newest);
    record.plans = plans;
    if old.tier != record.newest.tier {
        ssm.must_have_room(call, record.newest.tier).await?;
    }
    let old_row = place::version_row(&live.row, old.number);
    let mut batch = SealedBatch::new().put(VERSIONS, old_row, Expected::Absent, old.to_bytes()?);
    if record.newest.number.saturating_sub(record.oldest) >= MAX_VERSIONS {
        batch = without_oldest(batch, &live.row, &mut record)?;
    }
    batch = due::schedule(batch, &record, &live.record.plans);
    batch = ssm.tell_change(batch, &record, Change::Update, call.now_ms)?;
    ssm.save(batch, Some(live), record).await
}

/// Lets the oldest version go, which must have no label.
fn without_oldest(
    batch: SealedBatch,
    row: &str,
    record: &mut ParameterRecord,
) -> Result<SealedBatch, Stop> {
    let oldest = record.oldest;
    if record.labels_of(oldest).next().is_some() {
        let text = format!(
            "You attempted to create a new version of {} by calling the PutParameter API with the \
             overwrite flag. Version {oldest}, the oldest version, can't be deleted because it \
             has a label associated with it. Move the label to another version of the parameter, \
             and try again.",
            record.name
        );
        return Err(fault::named("ParameterMaxVersionLimitExceeded", text).into());
    }
    record.oldest = oldest.saturating_add(1);
    // A version's row is written once.
    Ok(batch.delete(VERSIONS, place::version_row(row, oldest), Expected::At(1)))
}
