//! What requests for credentials have in common: session policies, tags, and the length of a
//! session.

use std::collections::HashSet;

use bulla_plane::{Call, Stop};
use bulla_policy::{Policy, PolicyKind};
use bulla_shapes::sts::{PolicyDescriptorType, Tag};
use bulla_shapes::{Fault, Views};

use super::fault;
use super::session::SessionTag;
use crate::compact::compact_json;
use crate::principals::Principals;

/// Milliseconds in a second.
const MS: i64 = 1000;

/// The session policies of a request.
pub(super) struct Policies {
    /// The inline policy without white space around its tokens.
    pub(super) inline: Option<String>,
    pub(super) arns: Vec<String>,
}

/// The most managed session policies ("IAM and AWS STS quotas", IAM User Guide).
const MAX_POLICY_ARNS: usize = 10;

/// Checks the session policies of a request: the inline one parses, managed ones exist and can be
/// used by the account.
pub(super) async fn policies(
    principals: &Principals,
    account: &str,
    inline: Option<&str>,
    arns: Option<Views<'_, PolicyDescriptorType<'_>>>,
) -> Result<Policies, Stop> {
    let inline = inline.map(|text| match Policy::parse(text, PolicyKind::Session) {
        Ok(_) => Ok(compact_json(text)),
        Err(error) => Err(fault::malformed_policy(error.aws_message())),
    });
    let arns: Vec<String> = arns
        .iter()
        .flat_map(Views::iter)
        .filter_map(|descriptor| descriptor.arn().map(str::to_owned))
        .collect();
    if arns.len() > MAX_POLICY_ARNS {
        let text = format!("A session has at most {MAX_POLICY_ARNS} managed policies.");
        return Err(fault::validation(text).into());
    }
    for arn in &arns {
        let usable = [account, "aws"].iter().any(|owner| arn.split(':').nth(4) == Some(owner));
        if !usable || principals.managed_policy(arn).await?.is_none() {
            // The text is ours.
            let text = format!("Policy {arn} does not exist or is not attachable.");
            return Err(fault::validation(text).into());
        }
    }
    Ok(Policies { inline: inline.transpose()?, arns })
}

/// The session tags of a request, and after them those that the caller's session hands down.
pub(super) fn tags(
    call: &Call,
    asked: Option<Views<'_, Tag<'_>>>,
    transitive: &[&str],
) -> Result<Vec<SessionTag>, Fault> {
    let inherited: &[(String, String)] =
        call.authority.session.as_ref().map_or(&[], |session| &session.transitive_tags);
    let handed_down =
        |key: &str| inherited.iter().any(|(known, _)| known.eq_ignore_ascii_case(key));
    let is_transitive = |key: &str| transitive.iter().any(|known| known.eq_ignore_ascii_case(key));
    let mut tags: Vec<SessionTag> = Vec::new();
    let mut keys = HashSet::new();
    for tag in asked.iter().flat_map(Views::iter) {
        if !keys.insert(tag.key().to_lowercase()) {
            return Err(fault::invalid_parameter(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        tags.push(SessionTag {
            key: tag.key().to_owned(),
            value: tag.value().to_owned(),
            transitive: is_transitive(tag.key()),
        });
    }
    if transitive.iter().any(|key| !keys.contains(&key.to_lowercase()) && !handed_down(key)) {
        return Err(fault::invalid_parameter(
            "The specified transitive tag key must be included in the requested tags.",
        ));
    }
    // What a session handed down can be neither changed nor named again.
    if tags.iter().any(|tag| handed_down(&tag.key)) || transitive.iter().any(|key| handed_down(key))
    {
        return Err(fault::invalid_parameter(
            "One of the specified transitive tag keys can't be set because it conflicts with a \
             transitive tag key from the calling session.",
        ));
    }
    tags.extend(inherited.iter().map(|(key, value)| SessionTag {
        key: key.clone(),
        value: value.clone(),
        transitive: true,
    }));
    Ok(tags)
}

/// When credentials that are made now for so many seconds end.
pub(super) fn expiry(call: &Call, seconds: i64) -> i64 {
    // Whole seconds, as the answer has them.
    (call.now_ms.div_euclid(MS) + seconds) * MS
}

/// Nobody has a second factor here.
pub(super) fn no_second_factor(serial: Option<&str>, code: Option<&str>) -> Result<(), Fault> {
    match serial.or(code) {
        Some(_) => Err(fault::no_second_factor()),
        None => Ok(()),
    }
}
