//! TagResource and UntagResource.

use std::collections::BTreeSet;

use bulla_plane::Call;
use bulla_shapes::secretsmanager::{Tag, TagResourceRequest, UntagResourceRequest};
use bulla_shapes::{Fault, Views};
use bulla_store::SealedBatch;

use super::Answer;
use crate::conditions;
use crate::{Secrets, fault};

/// How many tags a secret has at most (user guide, "Quotas").
const MAX_TAGS: usize = 50;

/// The tags of a request, unchecked.
pub(crate) fn pairs<'r>(tags: Option<Views<'r, Tag<'r>>>) -> Vec<(String, String)> {
    let owned = |tag: Tag<'r>| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        (text(tag.key()), text(tag.value()))
    };
    tags.map(|tags| tags.iter().map(owned).collect()).unwrap_or_default()
}

/// Checks what tags must fulfil among themselves. AWS's texts are not recorded; these are ours.
pub(crate) fn check(tags: &[(String, String)]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for (key, _) in tags {
        not_reserved(key)?;
        if key.is_empty() {
            return Err(fault::invalid_parameter("A tag must have a key."));
        }
        if !seen.insert(key) {
            return Err(fault::invalid_parameter("Duplicate tag keys found."));
        }
    }
    not_too_many(tags.len())
}

fn not_reserved(key: &str) -> Result<(), Fault> {
    let start = key.as_bytes().get(..4);
    if start.is_some_and(|start| start.eq_ignore_ascii_case(b"aws:")) {
        let text = "Tag keys that begin with aws: are reserved for AWS use.";
        return Err(fault::invalid_parameter(text));
    }
    Ok(())
}

fn not_too_many(count: usize) -> Result<(), Fault> {
    if count <= MAX_TAGS {
        return Ok(());
    }
    Err(fault::invalid_parameter(format!("A secret can have at most {MAX_TAGS} tags.")))
}

pub(crate) async fn tag_resource(
    service: &Secrets,
    call: &mut Call,
    input: &TagResourceRequest<'_>,
) -> Answer {
    let tags = pairs(input.tags());
    let keys = conditions::of(input.secret_id()).tags(&tags);
    let action = "secretsmanager:TagResource";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    secret.record.must_keep_its_own()?;
    check(&tags)?;
    let mut record = secret.record.clone();
    for (name, value) in tags {
        match record.tags.iter_mut().find(|(known, _)| *known == name) {
            Some(tag) => tag.1 = value,
            None => record.tags.push((name, value)),
        }
    }
    not_too_many(record.tags.len())?;
    service.change(&secret, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn untag_resource(
    service: &Secrets,
    call: &mut Call,
    input: &UntagResourceRequest<'_>,
) -> Answer {
    let names: Vec<&str> = input.tag_keys().map(|all| all.iter().collect()).unwrap_or_default();
    let keys = conditions::of(input.secret_id()).with_many("aws:tagkeys", names.clone());
    let action = "secretsmanager:UntagResource";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    secret.record.must_keep_its_own()?;
    names.iter().try_for_each(|name| not_reserved(name))?;
    let mut record = secret.record.clone();
    record.tags.retain(|(name, _)| !names.contains(&name.as_str()));
    if record.tags.len() != secret.record.tags.len() {
        service.change(&secret, &record, SealedBatch::new()).await?;
    }
    Ok(None)
}
