//! TagResource, UntagResource, ListTagsForResource: of buses and rules.

use std::collections::BTreeSet;

use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::events::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest,
    UntagResourceRequest,
};
use bulla_shapes::{Fault, View, Views};

use super::{Answer, BUS_TYPE, RULE_TYPE};
use crate::guard::{BusAt, RuleAt, permit};
use crate::place::{DEFAULT, parts};
use crate::{Events, fault, quotas};

/// The tags of a request, unchecked.
pub(crate) fn pairs<'r>(tags: Option<Views<'r, Tag<'r>>>) -> Vec<(String, String)> {
    let owned = |tag: Tag<'r>| (tag.key().to_owned(), tag.value().to_owned());
    tags.map(|tags| tags.iter().map(owned).collect()).unwrap_or_default()
}

/// Checks what tags must fulfil among themselves. Texts are ours.
pub(crate) fn check(call: &Call, tags: &[(String, String)]) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for (name, _) in tags {
        let start = name.as_bytes().get(..4);
        if start.is_some_and(|start| start.eq_ignore_ascii_case(b"aws:")) {
            return Err(fault::validation("Tag keys must not begin with aws:."));
        }
        if !seen.insert(name) {
            return Err(fault::validation("Tag keys must be unique."));
        }
    }
    if tags.len() > quotas::TAGS.limit(call) {
        return Err(fault::too_many());
    }
    Ok(())
}

/// What has tags.
enum Tagged {
    Bus(Guarded<BusAt>),
    Rule(Guarded<RuleAt>),
}

/// The same, let out.
enum Open {
    Bus(BusAt),
    /// And its name.
    Rule(RuleAt, String),
}

impl Open {
    /// The tags of what is there. What is not is told of as by every other operation (recorded).
    fn tags(&self) -> Result<&[(String, String)], Stop> {
        match self {
            Self::Bus(bus) => Ok(&bus.must_be_there()?.tags),
            Self::Rule(rule, name) => Ok(&rule.must_be_there(name)?.record.tags),
        }
    }
}

async fn find(
    events: &Events,
    call: &mut Call,
    arn: &str,
    (action, conditions): (&str, &RequestKeys<'_>),
) -> Result<Open, Stop> {
    let missing = || fault::no_such_resource(arn);
    let (_, region, account, rest) = parts(arn).ok_or_else(missing)?;
    if region != call.region || account != call.account() {
        return Err(missing().into());
    }
    let (kind, rest) = rest.split_once('/').ok_or_else(missing)?;
    let (bus, name) = rest.split_once('/').unwrap_or((DEFAULT, rest));
    let tagged = match kind {
        "event-bus" => Tagged::Bus(events.bus(call, Some(rest)).await?),
        "rule" => Tagged::Rule(events.rule(call, Some(bus), name).await?),
        _ => return Err(missing().into()),
    };
    let open = match tagged {
        Tagged::Bus(bus) => Open::Bus(permit(bus, call, action, conditions)?),
        Tagged::Rule(rule) => Open::Rule(permit(rule, call, action, conditions)?, name.to_owned()),
    };
    let account = account.to_owned();
    call.touched(arn, &account, if kind == "rule" { RULE_TYPE } else { BUS_TYPE });
    open.tags()?;
    Ok(open)
}

async fn save(
    events: &Events,
    open: Open,
    tags: Vec<(String, String)>,
    now_ms: i64,
) -> Result<(), Stop> {
    match open {
        Open::Bus(bus) => {
            let mut record = bus.must_be_there()?.clone();
            record.tags = tags;
            record.modified_ms = record.modified_ms.or(Some(now_ms));
            events.save_bus(&bus, &record).await
        }
        Open::Rule(rule, _) => {
            let Some(stored) = &rule.stored else { return Err(Stop::Internal) };
            let mut record = stored.record.clone();
            record.tags = tags;
            events.save_targets(&rule, &record).await
        }
    }
}

pub(crate) async fn tag_resource(
    events: &Events,
    call: &mut Call,
    input: &TagResourceRequest<'_>,
) -> Answer {
    let given = pairs(input.tags());
    let asked = ("events:TagResource", &RequestKeys::none().tags(&given));
    let open = find(events, call, input.resource_arn(), asked).await?;
    check(call, &given)?;
    let mut tags = open.tags()?.to_vec();
    for (name, value) in given {
        match tags.iter_mut().find(|(known, _)| *known == name) {
            Some(tag) => tag.1 = value,
            None => tags.push((name, value)),
        }
    }
    check(call, &tags)?;
    save(events, open, tags, call.now_ms).await?;
    Ok(None)
}

pub(crate) async fn untag_resource(
    events: &Events,
    call: &mut Call,
    input: &UntagResourceRequest<'_>,
) -> Answer {
    let names: Vec<&str> = input.tag_keys().into_iter().flatten().collect();
    let conditions = RequestKeys::none().with_many("aws:tagkeys", names.clone());
    let asked = ("events:UntagResource", &conditions);
    let open = find(events, call, input.resource_arn(), asked).await?;
    let mut tags = open.tags()?.to_vec();
    let before = tags.len();
    tags.retain(|(name, _)| !names.contains(&name.as_str()));
    if tags.len() != before {
        save(events, open, tags, call.now_ms).await?;
    }
    Ok(None)
}

pub(crate) async fn list_tags_for_resource(
    events: &Events,
    call: &mut Call,
    input: &ListTagsForResourceRequest<'_>,
) -> Answer {
    let asked = ("events:ListTagsForResource", &RequestKeys::none());
    let open = find(events, call, input.resource_arn(), asked).await?;
    let tags = open.tags()?.to_vec();
    let tags = tags.into_iter().map(|(name, value)| Tag::new().with_key(name).with_value(value));
    Ok(Some(ListTagsForResourceResponse::new().with_tags(tags).into_record()))
}
