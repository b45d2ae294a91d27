//! Which service and region a request claims to be for, so that its rules can be found.

use std::borrow::Cow;

use crate::credential::Credential;
use crate::percent::decode;
use crate::query::{self, name_of};
use crate::request::{AUTHORIZATION, text};
use crate::{MAX_AUTHORIZATION_BYTES, MAX_QUERY_BYTES, RequestParts};

/// The scope that a request names, unverified: good for finding the right [`crate::ServiceRules`],
/// which [`crate::parse`] then holds the request against, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeHint<'a> {
    /// The region.
    pub region: Cow<'a, str>,
    /// The signing name of the service.
    pub service: Cow<'a, str>,
}

/// Looks for the credential scope in the `Authorization` header, or else in the query string.
#[must_use]
pub fn scope_hint<'a>(parts: &RequestParts<'a>) -> Option<ScopeHint<'a>> {
    let header = parts.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION));
    let credential = match header {
        Some((_, value)) if value.len() <= MAX_AUTHORIZATION_BYTES => {
            let (_, pairs) = text(value)?.split_once(' ')?;
            let mut pairs = pairs.split(',').filter_map(|pair| pair.trim_ascii().split_once('='));
            Cow::Borrowed(pairs.find(|(name, _)| *name == "Credential")?.1)
        }
        None if parts.query.len() <= MAX_QUERY_BYTES => {
            let wanted = |name| name_of(name).is_some_and(|name| name == "X-Amz-Credential");
            let (_, value) = query::pairs(parts.query).find(|(name, _)| wanted(name))?;
            decode(value).ok()?
        }
        _ => return None,
    };
    let Credential { region, service, .. } = Credential::split(&credential)?;
    Some(ScopeHint { region, service })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_then_query() {
        let value = b"AWS4-HMAC-SHA256 SignedHeaders=host, Credential=a/b/r1/kms/e, Signature=0";
        let headers: &[crate::Header<'_>] = &[("authorization", value)];
        let query = "x=y&X-Amz-Credential=a%2Fb%2Fr2%2Fsts%2Fe";
        let mut parts = RequestParts { method: "GET", path: "/", query, headers, body: b"" };
        let hint = |region, service| {
            Some(ScopeHint { region: Cow::Borrowed(region), service: Cow::Borrowed(service) })
        };
        assert_eq!(scope_hint(&parts), hint("r1", "kms"));
        parts.headers = &[];
        assert_eq!(scope_hint(&parts), hint("r2", "sts"));
        parts.query = "";
        assert_eq!(scope_hint(&parts), None);
        parts.headers = &[("Authorization", b"Basic Zm9vOmJhcg==")];
        assert_eq!(scope_hint(&parts), None);
    }
}
