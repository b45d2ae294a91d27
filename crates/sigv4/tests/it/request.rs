//! A request that owns its parts, so that tests can build it and spoil it.

use bulla_sigv4::{AuthError, Header, RequestParts, ServiceRules, SigningKey, parse};

pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z
pub(crate) const NOW: i64 = 1_440_938_160;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn with<T>(&self, then: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        then(&RequestParts {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
        })
    }

    pub(crate) fn add(&mut self, headers: Vec<(String, String)>) {
        self.headers.extend(headers.into_iter().map(|(name, value)| (name, value.into_bytes())));
    }

    /// The value of a header that is there once.
    pub(crate) fn header(&mut self, wanted: &str) -> &mut Vec<u8> {
        let found = self.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        &mut found.unwrap_or_else(|| panic!("no header {wanted}")).1
    }

    /// As the server does it: the one known key id has the one secret.
    pub(crate) fn authenticate(&self, now: i64, rules: &ServiceRules<'_>) -> Result<(), AuthError> {
        self.with(|parts| {
            let claim = parse(parts, now, rules)?;
            let key = if claim.access_key_id() == KEY_ID {
                let secret = SECRET.as_bytes();
                SigningKey::derive(secret, claim.scope_date(), claim.region(), claim.service())
            } else {
                SigningKey::dummy()
            };
            claim.verify(parts, &key)
        })
    }
}
