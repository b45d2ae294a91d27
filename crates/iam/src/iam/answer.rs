//! Records as answers show them.

use std::fmt::Write as _;

use bulla_shapes::View;
use bulla_shapes::iam::{AttachedPermissionsBoundary, Group, Role, RoleLastUsed, Tag, User};

use crate::principals::LastUse;
use crate::records::Entity;

/// A document as answers carry it: percent-encoded once (RFC 3986, section 2.3).
pub(crate) fn encoded(document: &str) -> String {
    let mut text = String::with_capacity(document.len().saturating_mul(2));
    for byte in document.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _infallible = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

pub(crate) fn tags(tags: &[(String, String)]) -> Vec<Tag<'static>> {
    let tag = |(key, value): &(String, String)| {
        Tag::new().with_key(key.clone()).with_value(value.clone())
    };
    tags.iter().map(tag).collect()
}

pub(crate) fn boundary(entity: &Entity) -> Option<AttachedPermissionsBoundary<'static>> {
    let arn = entity.boundary.clone()?;
    Some(
        AttachedPermissionsBoundary::new()
            .with_permissions_boundary_type("Policy")
            .with_permissions_boundary_arn(arn),
    )
}

fn own_tags(entity: &Entity) -> Option<Vec<Tag<'static>>> {
    (!entity.tags.is_empty()).then(|| tags(&entity.tags))
}

/// A user as lists show it.
pub(crate) fn listed_user(entity: &Entity) -> User<'static> {
    User::new()
        .with_path(entity.path.clone())
        .with_user_name(entity.name.clone())
        .with_user_id(entity.id.clone())
        .with_arn(entity.arn())
        .with_create_date(entity.created_ms)
}

/// A user with boundary and tags.
pub(crate) fn user(entity: &Entity) -> User<'static> {
    listed_user(entity)
        .with_some(boundary(entity), User::with_permissions_boundary)
        .with_some(own_tags(entity), User::with_tags)
}

pub(crate) fn group(entity: &Entity) -> Group<'static> {
    Group::new()
        .with_path(entity.path.clone())
        .with_group_name(entity.name.clone())
        .with_group_id(entity.id.clone())
        .with_arn(entity.arn())
        .with_create_date(entity.created_ms)
}

/// A role as lists show it; `trust` is its trust policy as it is shown now.
pub(crate) fn listed_role(entity: &Entity, trust: &str) -> Role<'static> {
    let part = entity.role.as_ref();
    let description = part.and_then(|part| part.description.clone());
    let seconds = part.map(|part| part.max_session_seconds);
    Role::new()
        .with_path(entity.path.clone())
        .with_role_name(entity.name.clone())
        .with_role_id(entity.id.clone())
        .with_arn(entity.arn())
        .with_create_date(entity.created_ms)
        .with_assume_role_policy_document(encoded(trust))
        .with_some(description, Role::with_description)
        .with_some(seconds, Role::with_max_session_duration)
}

/// A role with boundary, tags and last use, as `GetRole` shows it.
pub(crate) fn role(entity: &Entity, trust: &str, last: Option<LastUse>) -> Role<'static> {
    listed_role(entity, trust)
        .with_some(boundary(entity), Role::with_permissions_boundary)
        .with_some(own_tags(entity), Role::with_tags)
        .with_role_last_used(last_used(last))
}

/// The last use of a role; an empty element where none is known (recorded).
pub(crate) fn last_used(last: Option<LastUse>) -> RoleLastUsed<'static> {
    match last {
        Some(last) => RoleLastUsed::new().with_last_used_date(last.at_ms).with_region(last.region),
        None => RoleLastUsed::new(),
    }
}

/// A role as `CreateRole` shows it: without its longest session and last use.
pub(crate) fn new_role(entity: &Entity, trust: &str) -> Role<'static> {
    let description = entity.role.as_ref().and_then(|part| part.description.clone());
    Role::new()
        .with_path(entity.path.clone())
        .with_role_name(entity.name.clone())
        .with_role_id(entity.id.clone())
        .with_arn(entity.arn())
        .with_create_date(entity.created_ms)
        .with_assume_role_policy_document(encoded(trust))
        .with_some(description, Role::with_description)
        .with_some(boundary(entity), Role::with_permissions_boundary)
        .with_some(own_tags(entity), Role::with_tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_encoded_once() {
        assert_eq!(encoded(r#"{"a-b": "~*é%3A"}"#), "%7B%22a-b%22%3A%20%22~%2A%C3%A9%253A%22%7D");
    }
}
