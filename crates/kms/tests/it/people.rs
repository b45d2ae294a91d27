//! Who there is in a test: accounts, users, roles and their sessions, as directory and as holder
//! of access keys.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bulla_plane::identity::Scope;
use bulla_plane::{
    Authenticator, Authority, BoxFuture, ConditionValue, Credential, CredentialError, Directory,
    Known, region,
};
use bulla_policy::{Policy, PolicyKind, Principal};
use bulla_shapes::Fault;
use bulla_sigv4::AuthError;

/// The accounts that exist.
pub(crate) const ACCOUNTS: [&str; 2] = [A, B];
pub(crate) const A: &str = "111122223333";
pub(crate) const B: &str = "444455556666";

#[derive(Default)]
pub(crate) struct People {
    /// Who signs with an access key id.
    callers: Mutex<BTreeMap<String, Arc<Authority>>>,
    entities: Mutex<Vec<Known>>,
}

fn identity(text: &str) -> Arc<Policy> {
    Arc::new(Policy::parse(text, PolicyKind::Identity).unwrap())
}

/// An identity policy that allows an action on everything.
pub(crate) fn allows(action: &str) -> String {
    format!(r#"{{"Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#)
}

/// One that denies it.
pub(crate) fn denies(action: &str) -> String {
    allows(action).replace("Allow", "Deny")
}

impl People {
    /// Lets an access key id sign for a caller, who has these identity policies.
    pub(crate) fn signs(&self, key: &str, principal: Principal, policies: &[&str]) {
        let mut authority = Authority::bare(principal);
        authority.identity_policies = policies.iter().map(|text| identity(text)).collect();
        self.callers.lock().unwrap().insert(key.to_owned(), Arc::new(authority));
    }

    /// Limits a caller's session, or by a boundary.
    pub(crate) fn limit(&self, key: &str, session: Option<&str>, boundary: Option<&str>) {
        let mut callers = self.callers.lock().unwrap();
        let mut authority = Authority::clone(&callers[key]);
        authority.session_policies = session.map(|text| vec![identity(text)]);
        authority.boundary = boundary.map(identity);
        callers.insert(key.to_owned(), Arc::new(authority));
    }

    /// A user who signs by its own name, with these policies. Answers its ARN.
    pub(crate) fn user(&self, account: &str, name: &str, id: &str, policies: &[&str]) -> String {
        let arn = format!("arn:aws:iam::{account}:user/{name}");
        self.entity(account, &arn, id);
        self.signs(name, Principal::user(account, arn.clone(), id), policies);
        arn
    }

    /// A role with a path. Answers its ARN.
    pub(crate) fn role(&self, account: &str, name: &str, id: &str) -> String {
        let arn = format!("arn:aws:iam::{account}:role/path/{name}");
        self.entity(account, &arn, id);
        arn
    }

    /// A session of a role, which signs by its own name. Answers its ARN.
    pub(crate) fn session(&self, role: &str, session: &str, policies: &[&str]) -> String {
        let entities = self.entities.lock().unwrap();
        let known = entities.iter().find(|known| known.arn == role).unwrap().clone();
        drop(entities);
        let name = role.rsplit('/').next().unwrap();
        let arn = format!("arn:aws:sts::{}:assumed-role/{name}/{session}", known.account);
        let id = format!("{}:{session}", known.unique_id);
        let principal = Principal::assumed_role(known.account, role, arn.clone(), id);
        self.signs(session, principal, policies);
        arn
    }

    /// A service that calls for a resource, and signs by `key`.
    pub(crate) fn service(&self, key: &str, name: &str, source: &str) {
        let mut authority = Authority::bare(Principal::service(name));
        authority.conditions =
            vec![("aws:sourcearn".into(), ConditionValue::One(source.to_owned()))];
        self.callers.lock().unwrap().insert(key.to_owned(), Arc::new(authority));
    }

    fn entity(&self, account: &str, arn: &str, id: &str) {
        let known = Known { arn: arn.into(), unique_id: id.into(), account: account.into() };
        self.entities.lock().unwrap().push(known);
    }

    /// Deletes a user or role.
    pub(crate) fn delete(&self, arn: &str) {
        self.entities.lock().unwrap().retain(|known| known.arn != arn);
    }
}

/// The root user of an account, as a partition names it.
fn root(partition: &str, account: &str) -> Known {
    Known {
        arn: format!("arn:{partition}:iam::{account}:root"),
        unique_id: account.into(),
        account: account.into(),
    }
}

impl Directory for People {
    fn find<'a>(&'a self, named: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        let is = |known: &&Known| known.arn == named || known.unique_id == named;
        let entity = self.entities.lock().unwrap().iter().find(is).cloned();
        let roots = ["aws", "aws-cn"].map(|partition| ACCOUNTS.map(|id| root(partition, id)));
        let account = roots.into_iter().flatten().find(|root| is(&root));
        Box::pin(async move { Ok(entity.or(account)) })
    }

    fn role<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        let end = format!("/{name}");
        let is = |known: &&Known| {
            known.account == account && known.arn.contains(":role/") && known.arn.ends_with(&end)
        };
        let found = self.entities.lock().unwrap().iter().find(is).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn authority<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<Authority>>, Fault>> {
        let callers = self.callers.lock().unwrap();
        let found = callers.values().find(|authority| authority.principal.arn == arn).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn list<'a>(&'a self, after: Option<&'a str>) -> BoxFuture<'a, Result<Vec<Known>, Fault>> {
        let mut all = self.entities.lock().unwrap().clone();
        all.extend(ACCOUNTS.map(|id| root("aws", id)));
        all.retain(|known| after.is_none_or(|after| known.arn.as_str() > after));
        all.sort_by(|one, other| one.arn.cmp(&other.arn));
        Box::pin(async move { Ok(all) })
    }
}

/// An access key id that is an account's number is that account's root user.
impl Authenticator for People {
    fn credential<'a>(
        &'a self,
        access_key_id: &'a str,
        _session_token: Option<&'a str>,
        scope: Scope<'a>,
    ) -> BoxFuture<'a, Result<Credential, CredentialError>> {
        let known = self.callers.lock().unwrap().get(access_key_id).cloned();
        let principal = Principal::root(region::partition(scope.region), access_key_id);
        let is_root = ACCOUNTS.contains(&access_key_id);
        let root = is_root.then(|| Arc::new(Authority::bare(principal)));
        let found = known.or(root).map(Credential::Anyone);
        Box::pin(async move { found.ok_or(AuthError::UnknownKey.into()) })
    }
}
