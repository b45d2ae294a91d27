//! The context entries of a simulation.

use std::net::Ipv6Addr;

use bulla_policy::{Context, Principal, PrincipalKind};
use bulla_shapes::iam::ContextEntry;
use bulla_shapes::{Fault, Views};

use super::super::fault;

/// Octets of an IPv4 address.
const OCTETS: usize = 4;

/// Reads context entries. What is known of the simulated caller goes along, unless an entry says
/// otherwise.
pub(super) fn read<'r>(
    caller: Option<&Principal>,
    entries: Option<Views<'r, ContextEntry<'r>>>,
) -> Result<Context, Fault> {
    let mut context = caller.map(known).unwrap_or_default();
    for entry in entries.iter().flat_map(Views::iter) {
        let Some(key) = entry.context_key_name() else { continue };
        let values: Vec<String> = entry
            .context_key_values()
            .map(|values| values.iter().map(str::to_owned).collect())
            .unwrap_or_default();
        let kind = entry.context_key_type().unwrap_or("string");
        if matches!(kind, "ip" | "ipList") {
            check_addresses(key, &values)?;
        }
        context = match values.as_slice() {
            _ if kind.ends_with("List") => context.with_many(key, values),
            [value] => context.with(key, value.as_str()),
            _ => context.with_many(key, values),
        };
    }
    Ok(context)
}

/// The keys that a caller brings along.
fn known(caller: &Principal) -> Context {
    let mut context = Context::new()
        .with("aws:PrincipalArn", caller.arn.as_str())
        .with("aws:PrincipalAccount", caller.account.as_str());
    if !caller.unique_id.is_empty() {
        context = context.with("aws:userid", caller.unique_id.as_str());
    }
    if caller.kind == PrincipalKind::User {
        let name = caller.arn.rsplit('/').next().unwrap_or_default();
        context = context.with("aws:username", name).with("aws:PrincipalType", "User");
    }
    context
}

/// Recorded: a value of this type that is no address is refused, while a string is just no match.
fn check_addresses(key: &str, values: &[String]) -> Result<(), Fault> {
    match values.iter().find(|value| !is_address(value)) {
        // The code is AWS's, the text ours.
        Some(value) => Err(fault::invalid_input(format!(
            "Invalid context value for {key}: {value} is not an IP address"
        ))),
        None => Ok(()),
    }
}

/// Leading zeros are decimal, as in policies.
fn is_address(text: &str) -> bool {
    let octet = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u16>().is_ok_and(|octet| octet <= 255)
    };
    (text.split('.').count() == OCTETS && text.split('.').all(octet))
        || text.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_as_recorded() {
        for good in ["192.0.2.1", "192.000.002.1", "2001:db8::1", "::ffff:192.0.2.1"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "192.0.513", "192.0.2.1/32", "192.0.2.256", "x"] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
