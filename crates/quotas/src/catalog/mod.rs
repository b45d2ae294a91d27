//! AWS's quotas: codes, names and defaults, service by service.
//!
//! The codes are those that AWS's accounts list. A quota without one is enforced, and not listed.
//! Values were gathered in November 2026 from the pages that each table names.

mod cloudtrail;
mod events;
mod iam;
mod kms;
mod lambda;
mod organizations;
mod secretsmanager;
mod servicequotas;
mod ssm;
mod sts;

use bulla_plane::quotas::{Known, Limits};

/// The code of a quota that AWS enforces and does not list.
const UNLISTED: &str = "";

/// A service as Service Quotas lists it.
pub(crate) struct Listed {
    /// The service's code.
    pub(crate) code: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// The id of its model.
    pub(crate) model: &'static str,
    pub(crate) quotas: &'static [Quota],
}

/// A quota as Service Quotas lists it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    value: f64,
    regions: &'static [(&'static str, f64)],
    pub(crate) adjustable: bool,
    /// Whether there is one for all regions.
    pub(crate) global: bool,
    pub(crate) unit: &'static str,
    limits: Limits,
}

/// All services, by their codes.
pub(crate) static SERVICES: &[Listed] = &[
    of("cloudtrail", "AWS CloudTrail", "cloudtrail", cloudtrail::CLOUDTRAIL),
    of("events", "Amazon EventBridge (CloudWatch Events)", "events", events::EVENTBRIDGE),
    of("iam", "AWS Identity and Access Management (IAM)", "iam", iam::IAM),
    of("kms", "AWS Key Management Service (AWS KMS)", "kms", kms::KMS),
    of("lambda", "AWS Lambda", "lambda", lambda::LAMBDA),
    of("organizations", "AWS Organizations", "organizations", organizations::ORGANIZATIONS),
    of("secretsmanager", "AWS Secrets Manager", "secretsmanager", secretsmanager::SECRETS_MANAGER),
    of("servicequotas", "Service Quotas", "servicequotas", servicequotas::SERVICE_QUOTAS),
    of("ssm", "AWS Systems Manager", "ssm", ssm::SYSTEMS_MANAGER),
    of("sts", "AWS Security Token Service (AWS STS)", "sts", sts::STS),
];

const fn of(
    code: &'static str,
    name: &'static str,
    model: &'static str,
    quotas: &'static [Quota],
) -> Listed {
    Listed { code, name, model, quotas }
}

impl Quota {
    /// A rate in requests a second, of operations by their rows' names for it.
    const fn rate(
        code: &'static str,
        name: &'static str,
        value: f64,
        groups: &'static [&'static str],
    ) -> Self {
        Self { limits: Limits::Requests(groups), ..Self::other(code, name, value) }
    }

    /// How much an account has, by the service's own name for that.
    const fn size(
        code: &'static str,
        name: &'static str,
        value: f64,
        resource: &'static str,
    ) -> Self {
        Self { limits: Limits::Resources(resource), ..Self::other(code, name, value) }
    }

    /// What is fixed here, or not there: it is listed, and setting it changes nothing.
    const fn other(code: &'static str, name: &'static str, value: f64) -> Self {
        Self {
            code,
            name,
            value,
            regions: &[],
            adjustable: false,
            global: false,
            unit: "None",
            limits: Limits::Nothing,
        }
    }

    /// The rate is of each of the operations, not of all together.
    const fn of_each(mut self) -> Self {
        if let Limits::Requests(groups) = self.limits {
            self.limits = Limits::RequestsOfEach(groups);
        }
        self
    }

    const fn adjustable(mut self) -> Self {
        self.adjustable = true;
        self
    }

    const fn global(mut self) -> Self {
        self.global = true;
        self
    }

    const fn in_regions(mut self, regions: &'static [(&'static str, f64)]) -> Self {
        self.regions = regions;
        self
    }

    const fn in_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// The default in a region.
    pub(crate) fn default_in(&self, region: &str) -> f64 {
        let other = self.regions.iter().find(|(name, _)| *name == region);
        other.map_or(self.value, |(_, value)| *value)
    }

    /// Whether it is a rate of requests.
    pub(crate) fn is_rate(&self) -> bool {
        matches!(self.limits, Limits::Requests(_) | Limits::RequestsOfEach(_))
    }

    /// Whether anything here goes by what it is set to.
    pub(crate) fn counts(&self) -> bool {
        self.limits != Limits::Nothing
    }
}

/// All quotas as the plane enforces them, in the order of the services' tables.
pub(crate) fn known() -> Vec<Known> {
    let each = |listed: &'static Listed| {
        listed.quotas.iter().map(|quota| Known {
            service: listed.model,
            limits: quota.limits,
            value: quota.value,
            regions: quota.regions,
        })
    };
    SERVICES.iter().flat_map(each).collect()
}

/// A quota that is listed, its service, and its place in [`known`].
pub(crate) struct Found {
    pub(crate) service: &'static Listed,
    pub(crate) quota: &'static Quota,
    pub(crate) place: usize,
}

/// The service of a code.
pub(crate) fn service(code: &str) -> Option<&'static Listed> {
    SERVICES.iter().find(|listed| listed.code == code)
}

/// The quotas of a service that are listed, by code.
pub(crate) fn listed(code: &str) -> Vec<Found> {
    let mut place = 0_usize;
    let mut found = Vec::new();
    for service in SERVICES {
        for quota in service.quotas {
            if service.code == code && quota.code != UNLISTED {
                found.push(Found { service, quota, place });
            }
            place = place.saturating_add(1);
        }
    }
    found.sort_by_key(|found| found.quota.code);
    found
}

/// The quota of a service's code and its own.
pub(crate) fn find(service: &str, code: &str) -> Option<Found> {
    listed(service).into_iter().find(|found| found.quota.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_of_one_form_and_name_one_quota() {
        for service in SERVICES {
            let mut seen = HashSet::new();
            for quota in service.quotas.iter().filter(|quota| quota.code != UNLISTED) {
                let digits = quota.code.strip_prefix("L-").unwrap();
                assert!(digits.len() == 8 && digits.chars().all(|c| c.is_ascii_hexdigit()));
                assert!(seen.insert(quota.code), "{} twice", quota.code);
                assert!(quota.value > 0.0 && !quota.name.is_empty());
            }
        }
    }

    #[test]
    fn no_name_is_limited_twice() {
        let mut seen = HashSet::new();
        for known in known() {
            let names = match known.limits {
                Limits::Requests(names) | Limits::RequestsOfEach(names) => names.to_vec(),
                Limits::Resources(name) => vec![name],
                Limits::Nothing => vec![],
            };
            for name in names {
                assert!(seen.insert((known.service, name)), "{} {name}", known.service);
            }
        }
    }

    #[test]
    fn a_quota_is_found_where_the_plane_has_it() {
        let found = find("kms", "L-6E3AF000").unwrap();
        let known = known();
        let at = known.get(found.place).unwrap();
        assert_eq!((at.service, at.value), ("kms", found.quota.default_in("eu-south-1")));
        assert_eq!(found.quota.default_in("us-east-1"), 100_000.0);
        assert!(find("kms", "L-00000000").is_none() && find("s3", "L-6E3AF000").is_none());
    }
}
