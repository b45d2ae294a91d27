//! TagResource, UntagResource and ListTags.

use std::borrow::Cow;

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::lambda::{
    ListTagsRequest, ListTagsResponse, TagResourceRequest, UntagResourceRequest,
};
use bulla_shapes::{Fault, StringMap};
use bulla_store::SealedBatch;

use super::{Answer, no_keys};
use crate::functions::Stored;
use crate::identifier::Identifier;
use crate::{Lambda, fault};

/// How many tags a function has at most (user guide, "Tags").
const MAX_TAGS: usize = 50;
/// The longest key and value, in characters (user guide, "Tags").
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// The tags of a request, unchecked.
pub(crate) fn pairs(tags: Option<StringMap<'_>>) -> Vec<(String, String)> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    tags.into_iter().flat_map(|tags| tags.iter().map(owned).collect::<Vec<_>>()).collect()
}

/// The condition keys of tags that a request sets.
pub(crate) fn keys(context: Context, tags: &[(String, String)]) -> Context {
    if tags.is_empty() {
        return context;
    }
    let context = context.with_many("aws:TagKeys", tags.iter().map(|(key, _)| key.as_str()));
    tags.iter().fold(context, |context, (key, value)| {
        context.with(&format!("aws:RequestTag/{key}"), value.as_str())
    })
}

/// Checks what tags must fulfil. AWS's texts are not recorded; these are ours.
pub(crate) fn check(tags: &[(String, String)]) -> Result<(), Fault> {
    if tags.len() > MAX_TAGS {
        return Err(fault::invalid(format!("A function can have at most {MAX_TAGS} tags.")));
    }
    for (key, value) in tags {
        let reserved = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        let text: Cow<'static, str> = if reserved {
            "Tag keys that begin with aws: are reserved for AWS use.".into()
        } else if key.is_empty() || key.chars().count() > MAX_KEY {
            format!("A tag's key has 1 to {MAX_KEY} characters.").into()
        } else if value.chars().count() > MAX_VALUE {
            format!("A tag's value has at most {MAX_VALUE} characters.").into()
        } else {
            continue;
        };
        return Err(fault::invalid(text));
    }
    Ok(())
}

/// The function of an ARN, which must name no version or alias.
async fn tagged(
    service: &Lambda,
    call: &mut Call,
    arn: &str,
    action: &str,
    keys: &Context,
) -> Result<Stored, Stop> {
    let named = Identifier::of_arn(arn).ok_or_else(|| fault::invalid("Invalid resource ARN."))?;
    if named.qualifier.is_some() {
        let text = "Tags on function aliases and versions are not supported. Please specify a \
                    function ARN.";
        return Err(fault::invalid(text).into());
    }
    Ok(service.permitted(call, named, action, keys).await?.1)
}

pub(crate) async fn tag_resource(
    service: &Lambda,
    call: &mut Call,
    input: &TagResourceRequest<'_>,
) -> Answer {
    let tags = pairs(input.tags());
    let keys = keys(Context::new(), &tags);
    let stored = tagged(service, call, input.resource(), "lambda:TagResource", &keys).await?;
    check(&tags)?;
    let mut record = stored.record.clone();
    for (key, value) in tags {
        match record.tags.iter_mut().find(|(known, _)| *known == key) {
            Some(tag) => tag.1 = value,
            None => record.tags.push((key, value)),
        }
    }
    check(&record.tags)?;
    service.change(&stored, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn untag_resource(
    service: &Lambda,
    call: &mut Call,
    input: &UntagResourceRequest<'_>,
) -> Answer {
    let names: Vec<&str> = input.tag_keys().map(|all| all.iter().collect()).unwrap_or_default();
    let keys = Context::new().with_many("aws:TagKeys", names.iter().copied());
    let stored = tagged(service, call, input.resource(), "lambda:UntagResource", &keys).await?;
    let mut record = stored.record.clone();
    record.tags.retain(|(key, _)| !names.contains(&key.as_str()));
    if record.tags.len() != stored.record.tags.len() {
        service.change(&stored, &record, SealedBatch::new()).await?;
    }
    Ok(None)
}

pub(crate) async fn list_tags(
    service: &Lambda,
    call: &mut Call,
    input: &ListTagsRequest<'_>,
) -> Answer {
    let action = "lambda:ListTags";
    let stored = tagged(service, call, input.resource(), action, &no_keys()).await?;
    Ok(Some(ListTagsResponse::new().with_tags(stored.record.tags).into_record()))
}
