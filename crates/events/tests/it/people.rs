//! Who there is in a test: root users of accounts, and users with policies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bulla_plane::identity::Scope;
use bulla_plane::{Authenticator, Authority, BoxFuture, Credential, CredentialError};
use bulla_policy::{Policy, PolicyKind, Principal};
use bulla_sigv4::AuthError;

pub(crate) const A: &str = "111122223333";
pub(crate) const B: &str = "444455556666";

/// An access key id that is an account's number is that account's root user; a user signs by its
/// name.
#[derive(Default)]
pub(crate) struct People(Mutex<BTreeMap<String, Arc<Authority>>>);

impl People {
    /// A user of an account who may do this to that.
    pub(crate) fn user(&self, account: &str, name: &str, action: &str, resource: &str) {
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}}}"#
        );
        let arn = format!("arn:aws:iam::{account}:user/{name}");
        let mut authority = Authority::bare(Principal::user(account, arn, "AIDAX"));
        authority.identity_policies =
            vec![Arc::new(Policy::parse(&text, PolicyKind::Identity).unwrap())];
        self.0.lock().unwrap().insert(name.to_owned(), Arc::new(authority));
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
