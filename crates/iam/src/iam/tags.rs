//! Tags: what they must fulfil, and the operations on those of users, roles, policies and instance
//! profiles.

use bulla_plane::Call;
use bulla_policy::Context;
use bulla_shapes::iam::{
    ListRoleTagsRequest, ListRoleTagsResponse, ListUserTagsRequest, ListUserTagsResponse, Tag,
    TagRoleRequest, TagUserRequest, UntagRoleRequest, UntagUserRequest,
};
use bulla_shapes::{Fault, Strings, View, Views};
use bulla_store::SealedBatch;

use super::gate::On;
use super::page::{self, Page, Wanted};
use super::{Answer, Iam, answer, fault};

/// The most tags of one resource.
const MAX_TAGS: usize = 50;
/// What keys that are AWS's own begin with.
const RESERVED: &str = "aws:";

pub(crate) type Tags = Vec<(String, String)>;

/// The tags of a request, unchecked.
pub(crate) fn given<'r>(tags: Option<Views<'r, Tag<'r>>>) -> Tags {
    let owned = |tag: Tag<'r>| (tag.key().to_owned(), tag.value().to_owned());
    tags.map(|tags| tags.iter().map(owned).collect()).unwrap_or_default()
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Checks what the tags of one request must fulfil among themselves.
pub(crate) fn check(tags: &[(String, String)]) -> Result<(), Fault> {
    for (at, (key, _)) in tags.iter().enumerate() {
        if tags.iter().take(at).any(|(earlier, _)| same(earlier, key)) {
            return Err(fault::invalid_input(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        reserved(key)?;
    }
    Ok(())
}

/// AWS's own keys are not for customers (our text; AWS's is not recorded).
fn reserved(key: &str) -> Result<(), Fault> {
    if key.to_ascii_lowercase().starts_with(RESERVED) {
        return Err(fault::invalid_input("Tag keys that begin with aws: are reserved."));
    }
    Ok(())
}

/// The condition keys of a request that brings tags.
pub(crate) fn keys(mut keys: Context, tags: &[(String, String)]) -> Context {
    for (key, value) in tags {
        keys = keys.with(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    keys.with_many("aws:TagKeys", tags.iter().map(|(key, _)| key.as_str()))
}

/// Sets tags: one whose key is there already, in whatever letter case, gets the new value.
pub(crate) fn set(standing: &mut Tags, new: Tags) -> Result<(), Fault> {
    check(&new)?;
    for (key, value) in new {
        match standing.iter_mut().find(|(known, _)| same(known, &key)) {
            Some(tag) => *tag = (key, value),
            None => standing.push((key, value)),
        }
    }
    if standing.len() > MAX_TAGS {
        return Err(fault::limit("TagsPerResource", MAX_TAGS));
    }
    Ok(())
}

/// Removes the tags of these keys; those that are not there don't matter.
pub(crate) fn unset(standing: &mut Tags, keys: Strings<'_>) -> Result<(), Fault> {
    keys.iter().try_for_each(reserved)?;
    standing.retain(|(known, _)| !keys.iter().any(|key| same(known, key)));
    Ok(())
}

/// A page of tags in the order of their keys.
pub(crate) fn page(mut tags: Tags, wanted: &Wanted) -> Page<(String, String)> {
    tags.sort_unstable();
    page::cut(tags, wanted, |(key, _)| key.clone())
}

pub(crate) async fn tag_user(iam: &Iam, call: &mut Call, input: &TagUserRequest<'_>) -> Answer {
    tag(iam, call, On::user(input.user_name(), "iam:TagUser"), given(input.tags())).await
}

pub(crate) async fn tag_role(iam: &Iam, call: &mut Call, input: &TagRoleRequest<'_>) -> Answer {
    tag(iam, call, On::role(input.role_name(), "iam:TagRole"), given(input.tags())).await
}

async fn tag(iam: &Iam, call: &mut Call, on: On<'_>, tags: Tags) -> Answer {
    let live = iam.changeable(call, on, keys(Context::new(), &tags)).await?;
    if tags.is_empty() {
        // The text is ours; AWS's is not recorded.
        return Err(fault::invalid_input("The list of tags is empty.").into());
    }
    let mut record = live.record.clone();
    set(&mut record.tags, tags)?;
    iam.save(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn untag_user(iam: &Iam, call: &mut Call, input: &UntagUserRequest<'_>) -> Answer {
    untag(iam, call, On::user(input.user_name(), "iam:UntagUser"), input.tag_keys()).await
}

pub(crate) async fn untag_role(iam: &Iam, call: &mut Call, input: &UntagRoleRequest<'_>) -> Answer {
    untag(iam, call, On::role(input.role_name(), "iam:UntagRole"), input.tag_keys()).await
}

/// The text is ours; AWS's is not recorded.
pub(crate) fn no_keys() -> Fault {
    fault::invalid_input("The list of tag keys is empty.")
}

async fn untag(iam: &Iam, call: &mut Call, on: On<'_>, tag_keys: Option<Strings<'_>>) -> Answer {
    let Some(tag_keys) = tag_keys else {
        return Err(no_keys().into());
    };
    let keys = Context::new().with_many("aws:TagKeys", tag_keys.iter());
    let live = iam.changeable(call, on, keys).await?;
    let mut record = live.record.clone();
    unset(&mut record.tags, tag_keys)?;
    iam.save(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn list_user_tags(
    iam: &Iam,
    call: &mut Call,
    input: &ListUserTagsRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::user(input.user_name(), "iam:ListUserTags");
    let live = iam.entity(call, on, Context::new()).await?;
    let page = page(live.record.tags, &wanted);
    let answer = ListUserTagsResponse::new()
        .with_tags(answer::tags(&page.entries))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListUserTagsResponse::with_marker);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_role_tags(
    iam: &Iam,
    call: &mut Call,
    input: &ListRoleTagsRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::role(input.role_name(), "iam:ListRoleTags");
    let live = iam.entity(call, on, Context::new()).await?;
    let page = page(live.record.tags, &wanted);
    let answer = ListRoleTagsResponse::new()
        .with_tags(answer::tags(&page.entries))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListRoleTagsResponse::with_marker);
    Ok(Some(answer.into_record()))
}
