//! The credential of a signature: who, and scoped to which day, region and service.

use std::borrow::Cow;
use std::fmt;

use crate::request::cut;
use crate::{AuthError, SCOPE_PARTS, ServiceRules, Stamp};

pub(crate) const TERMINATOR: &str = "aws4_request";

/// `keyid/date/region/service/aws4_request`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential<'a> {
    pub(crate) access_key_id: Cow<'a, str>,
    pub(crate) date: Cow<'a, str>,
    pub(crate) region: Cow<'a, str>,
    pub(crate) service: Cow<'a, str>,
    pub(crate) terminator: Cow<'a, str>,
}

impl<'a> Credential<'a> {
    /// Takes `text` apart; nothing unless it has exactly [`SCOPE_PARTS`] parts.
    pub(crate) fn split(text: &Cow<'a, str>) -> Option<Self> {
        match text {
            Cow::Borrowed(text) => Self::build(text, Cow::Borrowed),
            Cow::Owned(text) => Self::build(text, |part| Cow::Owned(part.to_owned())),
        }
    }

    fn build<'t>(text: &'t str, own: impl Fn(&'t str) -> Cow<'a, str>) -> Option<Self> {
        let mut rest = Some(text);
        let mut parts = [""; SCOPE_PARTS];
        for part in &mut parts {
            let text = rest?;
            let (before, after) = cut(text, b'/').unzip();
            (*part, rest) = (before.unwrap_or(text), after);
        }
        let [access_key_id, date, region, service, terminator] = parts.map(own);
        let credential = Self { access_key_id, date, region, service, terminator };
        rest.is_none().then_some(credential)
    }

    /// Compares the scope with what the service is and with the date of the request. All faults
    /// are told at once.
    pub(crate) fn check(&self, rules: &ServiceRules<'_>, stamp: Stamp) -> Result<(), AuthError> {
        let region = !rules.regions.allow(&self.region);
        let service = self.service != rules.service;
        let terminator = self.terminator != TERMINATOR;
        let date = self.date.as_bytes() != stamp.date();
        if !(region || service || terminator || date) {
            return Ok(());
        }
        Err(AuthError::Scope(Box::new(ScopeFaults {
            region: region.then(|| self.region.clone().into_owned()),
            expected_region: match rules.regions {
                crate::Regions::Only(one) => Some(one.to_owned()),
                _ => None,
            },
            service: service.then(|| rules.service.to_owned()),
            terminator: terminator.then(|| self.terminator.clone().into_owned()),
            date: date.then(|| (self.date.clone().into_owned(), stamp)),
        })))
    }
}

/// Everything that is wrong with a credential's scope. Displayed as AWS writes it: a sentence
/// and a blank for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeFaults {
    /// The region in the scope, if it is not ours.
    pub region: Option<String>,
    /// The region that would have been right, if there is only one.
    pub expected_region: Option<String>,
    /// The service that would have been right, if another one is named.
    pub service: Option<String>,
    /// The terminator in the scope, if it is not `aws4_request`.
    pub terminator: Option<String>,
    /// The date in the scope and the date of the request, if they differ.
    pub date: Option<(String, Stamp)>,
}

impl fmt::Display for ScopeFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.region.is_some() {
            // Since 2022 AWS no longer repeats the region here.
            f.write_str("Credential should be scoped to a valid region. ")?;
        }
        if let Some(service) = &self.service {
            write!(f, "Credential should be scoped to correct service: '{service}'. ")?;
        }
        if let Some(terminator) = &self.terminator {
            write!(
                f,
                "Credential should be scoped with a valid terminator: 'aws4_request', \
                 not '{terminator}'. "
            )?;
        }
        if let Some((date, stamp)) = &self.date {
            let request = stamp.to_string();
            let day = request.get(..8).unwrap_or_default();
            write!(
                f,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                 from HTTP: '{date}' != '{day}', from '{request}'. "
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_parts_and_no_other_number() {
        let split = |text: &'static str| Credential::split(&Cow::Borrowed(text));
        let good = split("id/20130609/r/s/aws4_request").unwrap();
        assert_eq!((&*good.access_key_id, &*good.service), ("id", "s"));
        assert_eq!(split("a/b/c/d/e/f"), None);
        assert_eq!(split("a/b/c/d"), None);
        assert_eq!(split(""), None);
        assert_eq!(Credential::split(&Cow::Owned("a/b/c/d/e".into())).unwrap().terminator, "e");
    }

    #[test]
    fn faults_are_collected() {
        let stamp = Stamp::parse_basic("20130609T095204Z").unwrap();
        let rules = ServiceRules::new("dynamodb", "us-east-1");
        let credential = Credential::split(&Cow::Borrowed("a/b/c/d/e")).unwrap();
        let Err(AuthError::Scope(faults)) = credential.check(&rules, stamp) else { panic!() };
        assert_eq!(
            faults.to_string(),
            "Credential should be scoped to a valid region. Credential should be scoped to \
             correct service: 'dynamodb'. Credential should be scoped with a valid terminator: \
             'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from \
             ISO-8601 version of date from HTTP: 'b' != '20130609', from '20130609T095204Z'. "
        );
        let right = Cow::Borrowed("a/20130609/us-east-1/dynamodb/aws4_request");
        assert_eq!(Credential::split(&right).unwrap().check(&rules, stamp), Ok(()));
    }
}
