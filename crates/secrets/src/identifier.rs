//! What a `SecretId` can be: a name, an ARN, or an ARN without its suffix; and what a name is.

use bulla_plane::Call;
use bulla_shapes::Fault;

use crate::fault;
use crate::record::{self, SUFFIX_LEN};

/// A parsed identifier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identifier<'c, 't> {
    pub(crate) account: &'c str,
    pub(crate) name: &'t str,
    /// What the secret's ARN must end with, where the identifier has it.
    pub(crate) suffix: Option<&'t str>,
}

/// Reads an identifier in the call's region. None names no secret that can be here.
///
/// An ARN that ends with a hyphen and six letters or digits is a whole one, so that a name which
/// ends so is not found by an ARN without suffix (recorded).
pub(crate) fn parse<'c, 't: 'c>(call: &'c Call, text: &'t str) -> Option<Identifier<'c, 't>> {
    if !text.starts_with("arn:") {
        return Some(Identifier { account: call.account(), name: text, suffix: None });
    }
    let mut parts = text.splitn(7, ':').skip(1);
    let mut next = || parts.next().unwrap_or_default();
    let (partition, service, region, account) = (next(), next(), next(), next());
    let (kind, resource) = (next(), next());
    let is_here = partition == call.partition
        && service == "secretsmanager"
        && region == call.region
        && account.len() == 12
        && kind == "secret"
        && !resource.is_empty();
    if !is_here {
        return None;
    }
    let (name, suffix) = match split_suffix(resource) {
        Some((name, suffix)) => (name, Some(suffix)),
        None => (resource, None),
    };
    Some(Identifier { account, name, suffix })
}

/// The row of the secret that a stored, whole ARN names.
pub(crate) fn path_of(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(7, ':').skip(3);
    let (region, account, _, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (name, _) = split_suffix(resource)?;
    Some(record::path(account, region, name))
}

/// Name and suffix of a whole ARN's last part.
fn split_suffix(resource: &str) -> Option<(&str, &str)> {
    let (name, suffix) = resource.rsplit_once('-')?;
    let is_suffix = suffix.len() == SUFFIX_LEN && suffix.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_suffix && !name.is_empty()).then_some((name, suffix))
}

/// The ARN that a decision is about where there is no secret.
pub(crate) fn arn_of_nothing(call: &Call, text: &str) -> String {
    if text.starts_with("arn:") {
        return text.to_owned();
    }
    record::arn(call.partition, &call.region, call.account(), text)
}

/// Whether a new secret may have this name.
pub(crate) fn check_name(name: &str) -> Result<(), Fault> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_+=.@!".contains(&byte);
    if name.bytes().all(fits) { Ok(()) } else { Err(fault::invalid_name()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_six_letters_or_digits_after_a_hyphen() {
        assert_eq!(split_suffix("db/app-AbCd12"), Some(("db/app", "AbCd12")));
        for name in ["db/app", "db/app-AbCd1", "db/app-AbCd12-", "db-AbC_12", "-AbCd12"] {
            assert_eq!(split_suffix(name), None, "{name}");
        }
    }

    #[test]
    fn names_have_few_signs() {
        assert!(check_name("Invalid/_+=.@-Name-a1b2c3!").is_ok());
        for name in ["a b", "a#b", "ä", "a:b", "a*"] {
            assert_eq!(check_name(name).unwrap_err().code, "ValidationException", "{name}");
        }
    }
}
