//! AddTags, RemoveTags, ListTags: of trails.

use std::collections::BTreeSet;

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::cloudtrail::{
    AddTagsRequest, ListTagsRequest, ListTagsResponse, RemoveTagsRequest, ResourceTag, Tag,
};
use bulla_shapes::{Fault, View, Views};

use super::{Answer, TRAIL_TYPE};
use crate::name::Named;
use crate::store::Stored;
use crate::{Trail, fault};

/// The most tags of a trail.
const MAX_TAGS: usize = 50;
/// The most trails that one call asks about.
const MAX_TRAILS: usize = 20;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// The tags of a request, unchecked.
pub(crate) fn pairs<'r>(tags: Option<Views<'r, Tag<'r>>>) -> Vec<(String, String)> {
    let owned = |tag: Tag<'r>| (tag.key().to_owned(), tag.value().unwrap_or_default().to_owned());
    tags.map(|tags| tags.iter().map(owned).collect()).unwrap_or_default()
}

/// Checks what tags must fulfil. Texts are ours.
pub(crate) fn check(arn: &str, tags: &[(String, String)]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for (name, value) in tags {
        let start = name.as_bytes().get(..4);
        if start.is_some_and(|start| start.eq_ignore_ascii_case(b"aws:")) {
            return Err(fault::tags("Tag keys must not begin with aws:."));
        }
        if name.is_empty() || name.chars().count() > MAX_KEY || value.chars().count() > MAX_VALUE {
            return Err(fault::tags("A tag key or value has a length that is not allowed."));
        }
        if !seen.insert(name) {
            return Err(fault::tags("Tag keys must be unique."));
        }
    }
    if tags.len() > MAX_TAGS { Err(fault::too_many_tags(arn)) } else { Ok(()) }
}

async fn find(
    trail: &Trail,
    call: &mut Call,
    (action, conditions): (&str, &RequestKeys<'_>),
    arn: &str,
) -> Result<Stored, Stop> {
    let named = Named::parse(arn)?;
    if named.home.is_none() {
        return Err(fault::arn(arn).into());
    }
    permit_account(call, action, arn, conditions)?;
    let account = call.account().to_owned();
    let missing = || fault::no_resource(arn);
    let stored = trail.stored(call, &named).await?.ok_or_else(missing)?;
    call.touched(arn, &account, TRAIL_TYPE);
    Ok(stored)
}

pub(crate) async fn add_tags(trail: &Trail, call: &mut Call, input: &AddTagsRequest<'_>) -> Answer {
    let given = pairs(input.tags_list());
    let asked = ("cloudtrail:AddTags", &RequestKeys::none().tags(&given));
    let mut stored = find(trail, call, asked, input.resource_id()).await?;
    check(input.resource_id(), &given)?;
    for (name, value) in given {
        match stored.record.tags.iter_mut().find(|(known, _)| *known == name) {
            Some(tag) => tag.1 = value,
            None => stored.record.tags.push((name, value)),
        }
    }
    check(input.resource_id(), &stored.record.tags)?;
    trail.save(&stored).await?;
    Ok(None)
}

pub(crate) async fn remove_tags(
    trail: &Trail,
    call: &mut Call,
    input: &RemoveTagsRequest<'_>,
) -> Answer {
    let given = pairs(input.tags_list());
    let keys = given.iter().map(|(name, _)| name.as_str()).collect();
    let asked = ("cloudtrail:RemoveTags", &RequestKeys::none().with_many("aws:tagkeys", keys));
    let mut stored = find(trail, call, asked, input.resource_id()).await?;
    // A tag goes whatever its value: our choice, as AWS's guide says nothing of the value.
    stored.record.tags.retain(|(name, _)| !given.iter().any(|(gone, _)| gone == name));
    trail.save(&stored).await?;
    Ok(None)
}

pub(crate) async fn list_tags(
    trail: &Trail,
    call: &mut Call,
    input: &ListTagsRequest<'_>,
) -> Answer {
    let arns: Vec<&str> = input.resource_id_list().into_iter().flatten().collect();
    if arns.len() > MAX_TRAILS {
        return Err(fault::tags("At most 20 trails can be asked about at once.").into());
    }
    if input.next_token().is_some() {
        // One page has all of them.
        return Err(fault::token().into());
    }
    let mut all = Vec::new();
    for arn in arns {
        let asked = ("cloudtrail:ListTags", &RequestKeys::none());
        let stored = find(trail, call, asked, arn).await?;
        let tags = stored.record.tags.into_iter();
        let tags = tags.map(|(name, value)| Tag::new().with_key(name).with_value(value));
        all.push(ResourceTag::new().with_resource_id(arn.to_owned()).with_tags_list(tags));
    }
    Ok(Some(ListTagsResponse::new().with_resource_tag_list(all).into_record()))
}
