//! AddTagsToResource, RemoveTagsFromResource, ListTagsForResource; tags of requests.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_plane::{Call, Stop};
use bulla_policy::{Conditions, RequestKeys};
use bulla_shapes::ssm::{
    AddTagsToResourceRequest, ListTagsForResourceRequest, ListTagsForResourceResult,
    RemoveTagsFromResourceRequest, Tag,
};
use bulla_shapes::{Fault, View, Views};
use bulla_store::SealedBatch;

use super::Answer;
use crate::live::Live;
use crate::record::ParameterRecord;
use crate::{Ssm, fault, name};

/// The most tags of a parameter (General Reference, "Tag limits").
const MAX_TAGS: usize = 50;
/// The one type of resources that there is here.
const PARAMETER: &str = "Parameter";

/// The tags of a request, unchecked.
pub(crate) fn pairs<'r>(tags: Option<Views<'r, Tag<'r>>>) -> Vec<(String, String)> {
    let owned = |tag: Tag<'r>| (tag.key().to_owned(), tag.value().to_owned());
    tags.map(|tags| tags.iter().map(owned).collect()).unwrap_or_default()
}

/// Checks what tags must fulfil among themselves. The texts are ours.
pub(crate) fn check(tags: &[(String, String)]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for (key, _) in tags {
        not_reserved(key)?;
        if !seen.insert(key) {
            return Err(fault::validation(format!("The tag key {key} is given more than once.")));
        }
    }
    not_too_many(tags.len())
}

fn not_reserved(key: &str) -> Result<(), Fault> {
    if key.as_bytes().get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"aws:")) {
        return Err(fault::validation("Tag keys that begin with aws: are reserved."));
    }
    Ok(())
}

fn not_too_many(count: usize) -> Result<(), Fault> {
    if count > MAX_TAGS { Err(fault::too_many_tags()) } else { Ok(()) }
}

pub(crate) async fn add_tags_to_resource(
    ssm: &Ssm,
    call: &mut Call,
    input: &AddTagsToResourceRequest<'_>,
) -> Answer {
    let tags = pairs(input.tags());
    let keys = RequestKeys::none().tags(&tags);
    let resource = (input.resource_type(), input.resource_id());
    let live = find(ssm, call, resource, "ssm:AddTagsToResource", &keys).await?;
    check(&tags)?;
    let mut record = live.record.clone();
    for (name, value) in &tags {
        match record.tags.iter_mut().find(|(known, _)| known == name) {
            Some(tag) => tag.1.clone_from(value),
            None => record.tags.push((name.clone(), value.clone())),
        }
    }
    not_too_many(record.tags.len())?;
    change(ssm, &live, record).await?;
    Ok(None)
}

pub(crate) async fn remove_tags_from_resource(
    ssm: &Ssm,
    call: &mut Call,
    input: &RemoveTagsFromResourceRequest<'_>,
) -> Answer {
    let names: Vec<&str> = input.tag_keys().map(|all| all.iter().collect()).unwrap_or_default();
    let keys = RequestKeys::none().with_many("aws:tagkeys", names.clone());
    let resource = (input.resource_type(), input.resource_id());
    let live = find(ssm, call, resource, "ssm:RemoveTagsFromResource", &keys).await?;
    let mut record = live.record.clone();
    record.tags.retain(|(name, _)| !names.contains(&name.as_str()));
    if record.tags.len() != live.record.tags.len() {
        change(ssm, &live, record).await?;
    }
    Ok(None)
}

pub(crate) async fn list_tags_for_resource(
    ssm: &Ssm,
    call: &mut Call,
    input: &ListTagsForResourceRequest<'_>,
) -> Answer {
    let resource = (input.resource_type(), input.resource_id());
    let keys = RequestKeys::none();
    let live = find(ssm, call, resource, "ssm:ListTagsForResource", &keys).await?;
    let tag = |(key, value): &(String, String)| {
        Tag::new().with_key(key.clone()).with_value(value.clone())
    };
    let tags: Vec<_> = live.record.tags.iter().map(tag).collect();
    Ok(Some(ListTagsForResourceResult::new().with_tag_list(tags).into_record()))
}

/// The parameter that a request about tags names.
async fn find(
    ssm: &Ssm,
    call: &mut Call,
    (kind, id): (&str, &str),
    action: &str,
    keys: &(dyn Conditions + Sync),
) -> Result<Arc<Live>, Stop> {
    if kind != PARAMETER {
        return Err(fault::invalid_resource_type().into());
    }
    let name = name::of_own(call, id, action).map_err(|fault| match &*fault.code {
        // AWS's answer to a misformed name is not recorded; it is no parameter's in any case.
        "ValidationException" => fault::invalid_resource_id(),
        _ => fault,
    })?;
    let permitted = ssm.permitted(call, &name, action, keys).await?;
    Ok(permitted.parameter.ok_or_else(fault::invalid_resource_id)?)
}

async fn change(ssm: &Ssm, live: &Live, record: ParameterRecord) -> Result<(), Stop> {
    ssm.save(SealedBatch::new(), Some(live), record).await
}
