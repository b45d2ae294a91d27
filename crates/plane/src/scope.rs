//! The condition keys of one decision: the request's own, the record's, the caller's, and those
//! that every request has.
//!
//! A key costs something only when a policy asks for it.

use std::cell::OnceCell;

use bulla_policy::{Conditions, PrincipalKind, Values};

use crate::Call;
use crate::gate::Protected;

/// All condition keys of one decision.
pub(crate) struct Scope<'a, T> {
    call: &'a Call,
    record: &'a T,
    request: &'a dyn Conditions,
    source_ip: OnceCell<String>,
    current_time: OnceCell<String>,
    epoch_time: OnceCell<String>,
    issue_time: OnceCell<String>,
    via: OnceCell<String>,
}

impl<'a, T: Protected> Scope<'a, T> {
    pub(crate) fn new(call: &'a Call, record: &'a T, request: &'a dyn Conditions) -> Self {
        Self {
            call,
            record,
            request,
            source_ip: OnceCell::new(),
            current_time: OnceCell::new(),
            epoch_time: OnceCell::new(),
            issue_time: OnceCell::new(),
            via: OnceCell::new(),
        }
    }

    /// The global keys, see "AWS global condition context keys" in the IAM User Guide.
    fn global(&self, key: &str) -> Option<&str> {
        let call = self.call;
        let principal = call.principal();
        let flag = |on: bool| Some(if on { "true" } else { "false" });
        match key {
            "kms:calleraccount" | "aws:principalaccount" => filled(&principal.account),
            "aws:principalarn" => Some(match &principal.kind {
                PrincipalKind::AssumedRole { role_arn } => role_arn,
                _ => &principal.arn,
            }),
            "aws:principaltype" => principal_type(&principal.kind),
            "aws:principalisawsservice" => {
                flag(matches!(principal.kind, PrincipalKind::Service { .. }))
            }
            "kms:viaservice" => self.via_service(),
            "aws:userid" => filled(&principal.unique_id),
            "aws:username" if principal.kind == PrincipalKind::User => {
                principal.arn.rsplit('/').next()
            }
            "aws:requestedregion" => Some(&call.region),
            "aws:securetransport" => flag(call.secure),
            "aws:viaawsservice" => flag(call.via.is_some()),
            "aws:useragent" => Some(&call.user_agent),
            // The address is the caller's only where no service stands between.
            "aws:sourceip" if call.via.is_none() => {
                Some(self.source_ip.get_or_init(|| call.source_ip.to_string()))
            }
            "aws:currenttime" => Some(self.current_time.get_or_init(|| iso(call.now_ms))),
            "aws:epochtime" => {
                let seconds = || call.now_ms.div_euclid(1000).to_string();
                Some(self.epoch_time.get_or_init(seconds))
            }
            _ => self.session(key),
        }
    }

    /// `<service>.<region>.amazonaws.com`, in every partition (KMS guide).
    fn via_service(&self) -> Option<&str> {
        let service = self.call.via?.service;
        let region = &self.call.region;
        Some(self.via.get_or_init(|| format!("{service}.{region}.amazonaws.com")))
    }

    /// The keys that only temporary credentials have.
    fn session(&self, key: &str) -> Option<&str> {
        let session = self.call.authority.session.as_deref()?;
        match key {
            "aws:tokenissuetime" => Some(self.issue_time.get_or_init(|| iso(session.created_ms))),
            "aws:multifactorauthpresent" => Some(if session.mfa { "true" } else { "false" }),
            "aws:sourceidentity" => session.source_identity.as_deref(),
            "aws:federatedprovider" => {
                session.web_identity.as_ref().map(|web| web.provider.as_str())
            }
            _ => None,
        }
    }
}

impl<T: Protected> Conditions for Scope<'_, T> {
    fn get(&self, key: &str) -> Option<Values<'_>> {
        self.request
            .get(key)
            .or_else(|| self.record.condition(key))
            .or_else(|| self.call.authority.condition(key))
            .or_else(|| self.global(key).map(Values::One))
    }
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn principal_type(kind: &PrincipalKind) -> Option<&'static str> {
    match kind {
        PrincipalKind::Root => Some("Account"),
        PrincipalKind::User => Some("User"),
        PrincipalKind::AssumedRole { .. } => Some("AssumedRole"),
        PrincipalKind::FederatedUser { .. } => Some("FederatedUser"),
        PrincipalKind::Anonymous => Some("Anonymous"),
        // Recorded: a service's requests do not have the key.
        PrincipalKind::Service { .. } | PrincipalKind::WebIdentity { .. } => None,
    }
}

/// Whole seconds in UTC; a time outside the years that can be written is the epoch.
fn iso(ms: i64) -> String {
    let time = jiff::Timestamp::from_second(ms.div_euclid(1000)).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use bulla_policy::Principal;

    use super::*;
    use crate::call::Via;
    use crate::{Authority, SessionContext};

    fn call(authority: Authority) -> Call {
        Call {
            service: &bulla_shapes::kms::SERVICE,
            authority: Arc::new(authority),
            access_key_id: String::new(),
            region: "eu-central-1".into(),
            partition: "aws",
            now_ms: 1_770_091_506_789,
            request_id: [0; 16],
            event_id: [0; 16],
            source_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
            user_agent: "agent".into(),
            secure: true,
            via: None,
            quotas: Arc::default(),
            trail: crate::call::Trail::default(),
        }
    }

    fn single(call: &Call, key: &str) -> Option<String> {
        Scope::new(call, &(), &()).get(key).and_then(|values| values.single()).map(str::to_owned)
    }

    #[test]
    fn every_request_has_time_address_and_transport() {
        let call = call(Authority::bare(Principal::root("aws", "111122223333")));
        for (key, value) in [
            ("aws:currenttime", "2026-02-03T04:05:06Z"),
            ("aws:epochtime", "1770091506"),
            ("aws:sourceip", "192.0.2.7"),
            ("aws:securetransport", "true"),
            ("aws:principaltype", "Account"),
            ("aws:principalaccount", "111122223333"),
            ("aws:userid", "111122223333"),
        ] {
            assert_eq!(single(&call, key).as_deref(), Some(value), "{key}");
        }
        for key in ["aws:username", "aws:tokenissuetime", "aws:multifactorauthpresent"] {
            assert_eq!(single(&call, key), None, "{key}");
        }
    }

    #[test]
    fn a_role_session_is_known_by_its_role() {
        let role = "arn:aws:iam::111122223333:role/team/reader";
        let arn = "arn:aws:sts::111122223333:assumed-role/reader/ann";
        let mut authority =
            Authority::bare(Principal::assumed_role("111122223333", role, arn, "AROAX:ann"));
        authority.session = Some(Arc::new(SessionContext {
            created_ms: 1_770_091_506_000,
            source_identity: Some("Ann".into()),
            ..SessionContext::default()
        }));
        let mut call = call(authority);
        for (key, value) in [
            ("aws:principalarn", role),
            ("aws:userid", "AROAX:ann"),
            ("aws:tokenissuetime", "2026-02-03T04:05:06Z"),
            ("aws:multifactorauthpresent", "false"),
            ("aws:sourceidentity", "Ann"),
        ] {
            assert_eq!(single(&call, key).as_deref(), Some(value), "{key}");
        }
        assert_eq!(single(&call, "aws:username"), None);
        let recorded = "secretsmanager.amazonaws.com";
        call.via = Some(Via { service: "secretsmanager", recorded });
        assert_eq!(
            single(&call, "kms:viaservice").as_deref(),
            Some("secretsmanager.eu-central-1.amazonaws.com")
        );
        assert_eq!(single(&call, "aws:sourceip"), None);
    }
}
