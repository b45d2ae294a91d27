//! Reading a signature from the query string.

use std::borrow::Cow;

use crate::AuthError;
use crate::claim::{Form, Presented};
use crate::error::Missing;
use crate::percent::decode;
use crate::query::{self, name_of};

/// The parameters of a signature, as far as there are any.
#[derive(Default)]
pub(crate) struct Parameters<'a> {
    pub(crate) algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
}

impl<'a> Parameters<'a> {
    /// Finds them in a raw query. Names are compared decoded, as the canonical form has them,
    /// and in their exact case. The same one twice is refused.
    pub(crate) fn collect(raw: &'a str) -> Result<Self, AuthError> {
        let mut found = Self::default();
        if raw.is_empty() {
            return Ok(found);
        }
        for (name, value) in query::pairs(raw) {
            let Some(name) = name_of(name) else { continue };
            let (slot, name) = match &*name {
                "X-Amz-Algorithm" => (&mut found.algorithm, "X-Amz-Algorithm"),
                "X-Amz-Credential" => (&mut found.credential, "X-Amz-Credential"),
                "X-Amz-Date" => (&mut found.date, "X-Amz-Date"),
                "X-Amz-Expires" => (&mut found.expires, "X-Amz-Expires"),
                "X-Amz-SignedHeaders" => (&mut found.signed_headers, "X-Amz-SignedHeaders"),
                query::SIGNATURE => (&mut found.signature, query::SIGNATURE),
                query::TOKEN => (&mut found.token, query::TOKEN),
                _ => continue,
            };
            let value = decode(value).map_err(|_| AuthError::Percent)?;
            if slot.replace(value).is_some() {
                return Err(AuthError::Repeated(name));
            }
        }
        Ok(found)
    }

    /// Whether the query means to authenticate.
    pub(crate) fn any(&self) -> bool {
        self.algorithm.is_some() || self.credential.is_some() || self.signature.is_some()
    }

    /// All that a signature needs, or the list of what is missing.
    pub(crate) fn complete(self) -> Result<Presented<'a>, AuthError> {
        let missing = Missing {
            algorithm: self.algorithm.is_none(),
            credential: self.credential.is_none(),
            signature: self.signature.is_none(),
            signed_headers: self.signed_headers.is_none(),
            date: self.date.is_none(),
        };
        match (self.algorithm, self.credential, self.signed_headers, self.signature, self.date) {
            (
                Some(algorithm),
                Some(credential),
                Some(signed_headers),
                Some(signature),
                Some(date),
            ) => Ok(Presented {
                form: Form::Presigned,
                algorithm,
                credential,
                signed_headers,
                signature,
                date,
                expires: self.expires,
                token: self.token,
            }),
            _ => Err(AuthError::IncompleteQuery(missing)),
        }
    }
}
