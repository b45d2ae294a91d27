//! TagResource, UntagResource, ListResourceTags.

use std::collections::BTreeSet;

use bulla_plane::Call;
use bulla_shapes::kms::{
    ListResourceTagsRequest, ListResourceTagsResponse, Tag, TagResourceRequest,
    UntagResourceRequest,
};
use bulla_shapes::{Fault, View, Views};
use bulla_store::SealedBatch;

use super::{Answer, KEY_TYPE};
use crate::conditions::RequestKeys;
use crate::fault;
use crate::found::Takes;
use crate::quotas::TAGS_PER_KEY;
use crate::{Kms, marker};

/// Default and maximum of a page are one number.
const PAGE: usize = 50;

/// The tags of a request, unchecked.
pub(crate) fn pairs<'r>(tags: Option<Views<'r, Tag<'r>>>) -> Vec<(String, String)> {
    let owned = |tag: Tag<'r>| (tag.tag_key().to_owned(), tag.tag_value().to_owned());
    tags.map(|tags| tags.iter().map(owned).collect()).unwrap_or_default()
}

/// Checks what tags must fulfil among themselves.
pub(crate) fn check(call: &Call, tags: &[(String, String)]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for (key, _) in tags {
        not_reserved(key)?;
        if !seen.insert(key) {
            return Err(fault::tag("Duplicate tag keys"));
        }
    }
    not_too_many(call, tags.len())
}

fn not_reserved(key: &str) -> Result<(), Fault> {
    let start = key.as_bytes().get(..4);
    if start.is_some_and(|start| start.eq_ignore_ascii_case(b"aws:")) {
        return Err(fault::tag("Tags beginning with aws: are reserved"));
    }
    Ok(())
}

fn not_too_many(call: &Call, count: usize) -> Result<(), Fault> {
    if count > TAGS_PER_KEY.limit(call) { Err(fault::tag("Too many tags")) } else { Ok(()) }
}

pub(crate) async fn tag_resource(
    kms: &Kms,
    call: &mut Call,
    input: &TagResourceRequest<'_>,
) -> Answer {
    let action = "kms:TagResource";
    let tags = pairs(input.tags());
    let keys = RequestKeys::none().tags(&tags);
    let found = kms.find(call, input.key_id(), Takes::OwnKeys).await?;
    let key = found.permit(call, action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    key.must_be_the_customers()?;
    key.must_not_be_going()?;
    check(call, &tags)?;
    let mut record = key.record.clone();
    for (name, value) in tags {
        match record.tags.iter_mut().find(|(known, _)| *known == name) {
            Some(tag) => tag.1 = value,
            None => record.tags.push((name, value)),
        }
    }
    not_too_many(call, record.tags.len())?;
    kms.change(&key, &record, SealedBatch::new(), call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn untag_resource(
    kms: &Kms,
    call: &mut Call,
    input: &UntagResourceRequest<'_>,
) -> Answer {
    let action = "kms:UntagResource";
    let names: Vec<&str> = input.tag_keys().map(|all| all.iter().collect()).unwrap_or_default();
    let keys = RequestKeys::none().with_many("aws:tagkeys", names.clone());
    let found = kms.find(call, input.key_id(), Takes::OwnKeys).await?;
    let key = found.permit(call, action, &keys)?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    key.must_be_the_customers()?;
    key.must_not_be_going()?;
    let names: BTreeSet<&str> = names.into_iter().collect();
    names.iter().try_for_each(|name| not_reserved(name))?;
    let mut record = key.record.clone();
    record.tags.retain(|(name, _)| !names.contains(name.as_str()));
    if record.tags.len() != key.record.tags.len() {
        kms.change(&key, &record, SealedBatch::new(), call.now_ms).await?;
    }
    Ok(None)
}

pub(crate) async fn list_resource_tags(
    kms: &Kms,
    call: &mut Call,
    input: &ListResourceTagsRequest<'_>,
) -> Answer {
    let action = "kms:ListResourceTags";
    let found = kms.find(call, input.key_id(), Takes::OwnKeys).await?;
    let key = found.permit(call, action, &RequestKeys::none())?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    // A position, as a tag's name can be longer than a marker may be.
    let start = match input.marker() {
        Some(text) => marker::decode(text)?.parse().map_err(|_| fault::invalid_marker())?,
        None => 0_usize,
    };
    let end = start.saturating_add(marker::page_size(input.limit(), PAGE, PAGE));
    let page = key.record.tags.iter().take(end).skip(start);
    let page = page
        .map(|(name, value)| Tag::new().with_tag_key(name.clone()).with_tag_value(value.clone()));
    let truncated = end < key.record.tags.len();
    let next = truncated.then(|| marker::encode(&end.to_string()));
    let answer = ListResourceTagsResponse::new()
        .with_tags(page)
        .with_truncated(truncated)
        .with_some(next, ListResourceTagsResponse::with_next_marker);
    Ok(Some(answer.into_record()))
}
