//! Who there is in a test: root users of accounts, and users with policies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bulla_plane::identity::Scope;
use bulla_plane::{
    Authenticator, Authority, BoxFuture, Credential, CredentialError, Directory, Known,
};
use bulla_policy::{Policy, PolicyKind, Principal};
use bulla_shapes::Fault;
use bulla_sigv4::AuthError;
use serde_json::json;

pub(crate) const A: &str = "111122223333";
pub(crate) const B: &str = "444455556666";

/// An access key id that is an account's number is that account's root user; a user signs by its
/// name.
#[derive(Default)]
pub(crate) struct People(Mutex<BTreeMap<String, Arc<Authority>>>);

impl People {
    /// A user of an account who may do this to that.
    pub(crate) fn user(&self, account: &str, name: &str, action: &str, resource: &str) {
        self.user_of_id("AIDAX", (account, name), &[action], resource);
    }

    /// A user of account A who may do all this to anything.
    pub(crate) fn user_who(&self, name: &str, actions: &[&str]) {
        self.user_of_id("AIDAX", (A, name), actions, "*");
    }

    /// The same, of another unique id.
    pub(crate) fn user_of_id(
        &self,
        id: &str,
        (account, name): (&str, &str),
        actions: &[&str],
        resource: &str,
    ) {
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
        let text = json!({ "Statement": statement }).to_string();
        let arn = format!("arn:aws:iam::{account}:user/{name}");
        let mut authority = Authority::bare(Principal::user(account, arn, id));
        authority.identity_policies =
            vec![Arc::new(Policy::parse(&text, PolicyKind::Identity).unwrap())];
        self.0.lock().unwrap().insert(name.to_owned(), Arc::new(authority));
    }
}

impl Directory for People {
    fn find<'a>(&'a self, named: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        let root = |id: &str| Known {
            arn: format!("arn:aws:iam::{id}:root"),
            unique_id: id.to_owned(),
            account: id.to_owned(),
        };
        let account =
            [A, B].map(root).into_iter().find(|root| root.arn == named || root.account == named);
        if account.is_some() {
            return Box::pin(std::future::ready(Ok(account)));
        }
        let name = named.rsplit('/').next().unwrap_or_default();
        let known = self.0.lock().unwrap().get(name).map(|authority| {
            let Principal { account, arn, unique_id, .. } = &authority.principal;
            Known { arn: arn.clone(), unique_id: unique_id.clone(), account: account.clone() }
        });
        Box::pin(std::future::ready(Ok(known.filter(|known| known.arn == named))))
    }

    fn role<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn authority<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Arc<Authority>>, Fault>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn list<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<Vec<Known>, Fault>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

impl Authenticator for People {
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        _session_token: Option<&'a str>,
        _scope: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>> {
        let known = self.0.lock().unwrap().get(access_key_id).cloned();
        let root = [A, B]
            .contains(&access_key_id)
            .then(|| Arc::new(Authority::bare(Principal::root("aws", access_key_id))));
        let found = known.or(root).map(Credential::Anyone);
        Box::pin(async move { found.ok_or(AuthError::UnknownKey.into()) })
    }
}
