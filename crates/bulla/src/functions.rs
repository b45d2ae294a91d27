//! Functions, joined to the rest of the program: their settings, their roles, and EventBridge.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bulla_events::{Invoker, Trouble};
use bulla_iam::Assumption;
use bulla_lambda::{Assuming, Credentials, Lambda, Roles, Service, Settings};
use bulla_plane::{BoxFuture, SecretText};
use bulla_shapes::{Fault, lambda};

use crate::assumed::ServiceSessions;
use crate::config::{Data, FunctionSettings, Listen};
use crate::error::Error;

/// The principal of functions in their roles' trust policies.
const PRINCIPAL: &str = "lambda.amazonaws.com";
/// The folder of functions' logs in the data directory.
const LOGS: &str = "functions";
/// The first user id of functions, and how many run at once, unless told otherwise.
const FIRST_UID: u32 = 64_000;
const SLOTS: u32 = 32;

impl FunctionSettings {
    /// What the service is told, on a server that listens at an address.
    pub(crate) fn on(
        self,
        at: &Listen,
        address: SocketAddr,
        data: Option<&Data>,
    ) -> Result<Settings, Error> {
        let program = std::env::current_exe();
        let program = program.map_err(|cause| Error::io("find this program's file", cause))?;
        let authorities = match &at.tls {
            None => None,
            Some((chain, _)) => Some(std::fs::read(chain).map_err(|cause| {
                Error::io(format!("read the certificates in {}", chain.display()), cause)
            })?),
        };
        let scheme = if at.tls.is_some() { "https" } else { "http" };
        let own = format!("{scheme}://{}", reachable(address));
        Ok(Settings {
            program,
            endpoint: self.endpoint.unwrap_or(own),
            authorities,
            python: self.python,
            node: self.node,
            first_uid: self.uid.unwrap_or(FIRST_UID),
            environments: self.slots.unwrap_or(SLOTS),
            private: private(at, data),
            logs: data.map(|data| data.directory.join(LOGS)),
        })
    }
}

/// The server's own files, as far as the settings name them.
fn private(at: &Listen, data: Option<&Data>) -> Vec<PathBuf> {
    let keys = at.tls.iter().map(|(_, key)| key.clone());
    let named = data.iter().flat_map(|data| {
        let key_file = data.key_file.clone();
        // Without a name it lies beside the data directory.
        let beside = data.directory.with_added_extension("key");
        [data.directory.clone(), key_file.unwrap_or(beside)]
    });
    keys.chain(named).collect()
}

/// The address by which this machine reaches what listens at one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Roles of functions, as STS has them.
pub(crate) struct FunctionRoles(pub(crate) ServiceSessions);

fn assumption(asked: Assuming<'_>) -> Assumption<'_> {
    let Assuming { role, function, account } = asked;
    Assumption { service: PRINCIPAL, role, source_arn: function, source_account: account }
}

impl Roles for FunctionRoles {
    fn assumable<'a>(&'a self, asked: Assuming<'a>) -> BoxFuture<'a, Result<bool, Fault>> {
        Box::pin(self.0.sessions.can_assume(assumption(asked)))
    }

    fn credentials<'a>(
        &'a self,
        asked: Assuming<'a>,
        session: &'a str,
    ) -> BoxFuture<'a, Result<Option<Credentials>, Fault>> {
        Box::pin(async move {
            let wanted = assumption(asked);
            let issued = self.0.assume(&lambda::SERVICE, wanted, session).await?;
            let Some(issued) = issued else { return Ok(None) };
            let secret = String::from_utf8(issued.secret.expose().to_vec());
            let secret = secret.map_err(|_| bulla_plane::stop::internal(&lambda::SERVICE))?;
            Ok(Some(Credentials {
                access_key_id: issued.access_key_id,
                secret: SecretText::new(secret),
                token: SecretText::new(issued.token),
            }))
        })
    }
}

/// Functions as targets of EventBridge's rules.
pub(crate) struct FunctionTargets(pub(crate) Arc<Lambda>);

impl Invoker for FunctionTargets {
    fn service(&self) -> &'static str {
        "lambda"
    }

    fn invoke<'a>(
        &'a self,
        target_arn: &'a str,
        rule_arn: &'a str,
        payload: &'a str,
    ) -> BoxFuture<'a, Result<(), Trouble>> {
        Box::pin(async move {
            let service = Service {
                principal: "events.amazonaws.com",
                source_arn: rule_arn,
                source_account: rule_arn.split(':').nth(4).unwrap_or_default(),
            };
            let accepted = self.0.accept_for_service(target_arn, service, payload.as_bytes());
            accepted.await.map_err(|fault| {
                let text = fault.to_string();
                if fault.status >= 500 {
                    Trouble::Later("SDK_CLIENT_ERROR", text, None)
                } else {
                    // AWS's dead letters call it so (EventBridge user guide).
                    Trouble::Never("NO_PERMISSIONS", text)
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_reach_a_server_that_listens_everywhere() {
        let at = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(at("0.0.0.0:4566"), "127.0.0.1:4566");
        assert_eq!(at("[::]:4566"), "[::1]:4566");
        assert_eq!(at("192.0.2.1:4566"), "192.0.2.1:4566");
    }
}
