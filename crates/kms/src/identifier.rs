//! What a `KeyId` can be: a key id, a key ARN, an alias name, an alias ARN.

use bulla_plane::Call;
use bulla_shapes::Fault;

use crate::fault;

/// A parsed identifier, with the account it points into.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Identifier<'c, 't> {
    /// A key's id.
    Key { account: &'c str, id: &'t str },
    /// An alias's name, with its prefix.
    Alias { account: &'c str, name: &'t str },
}

/// Reads an identifier in the call's region.
pub(crate) fn parse<'c, 't: 'c>(
    call: &'c Call,
    text: &'t str,
) -> Result<Identifier<'c, 't>, Fault> {
    if !text.starts_with("arn:") {
        return match text.strip_prefix("alias/") {
            Some(_) => Ok(Identifier::Alias { account: call.account(), name: text }),
            None => key(call.account(), text, text),
        };
    }
    let mut parts = text.splitn(6, ':').skip(1);
    let mut next = || parts.next().unwrap_or_default();
    let (partition, service, region, account, resource) = (next(), next(), next(), next(), next());
    if service != "kms" || partition != call.partition || account.len() != 12 {
        return Err(fault::invalid_arn(format!("Invalid arn {text}")));
    }
    if region != call.region {
        return Err(fault::not_found(format!("Invalid arn {region}")));
    }
    if let Some(id) = resource.strip_prefix("key/") {
        return key(account, id, text);
    }
    if resource.starts_with("alias/") {
        return Ok(Identifier::Alias { account, name: resource });
    }
    Err(fault::invalid_arn(format!("Invalid arn {text}")))
}

fn key<'c, 't>(account: &'c str, id: &'t str, sent: &str) -> Result<Identifier<'c, 't>, Fault> {
    if is_key_id(id) {
        return Ok(Identifier::Key { account, id });
    }
    Err(fault::not_found(format!("Invalid keyId '{sent}'")))
}

/// Whether this is a lower-case UUID, or `mrk-` and 32 lower-case hex digits.
pub(crate) fn is_key_id(id: &str) -> bool {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if let Some(digits) = id.strip_prefix("mrk-") {
        return digits.len() == 32 && digits.bytes().all(hex);
    }
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => hex(byte),
        })
}
