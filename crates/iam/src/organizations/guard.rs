//! What an organization says of an account's principals, when a call is decided.

use std::sync::Arc;

use bulla_plane::{BoxFuture, ConditionValue, Stop};
use bulla_policy::Policy;
use bulla_store::{Barrier, View};
use quick_cache::sync::Cache;

use super::records::{AccountState, DOCUMENTS, FULL_ACCESS, Organization};
use super::{content, load};
use crate::principals::{Bounds, Guardrails};
use crate::records::load as load_record;

/// How many compiled policies are kept.
const MAX_COMPILED: usize = 256;

/// Looks up what binds accounts.
pub(crate) struct Guard {
    barrier: Arc<Barrier>,
    /// Compiled policies by their ARN and edition: an edition never changes.
    compiled: Cache<(String, u64), Arc<Policy>>,
    /// Whether every account exists that nobody closed.
    dev: bool,
}

impl Guardrails for Guard {
    fn of<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Bounds, Stop>> {
        Box::pin(self.bounds(account))
    }

    fn exists<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<bool, Stop>> {
        Box::pin(async move {
            let view = self.barrier.view().await?;
            let known = load::account(&view, account).await?;
            Ok(known.map_or(self.dev, |known| known.record.state == AccountState::Active))
        })
    }
}

impl Guard {
    pub(crate) fn new(barrier: Arc<Barrier>, dev: bool) -> Self {
        Self { barrier, compiled: Cache::new(MAX_COMPILED), dev }
    }

    /// Forgets the compiled policies, after a reset.
    pub(crate) fn forget(&self) {
        self.compiled.clear();
    }

    async fn bounds(&self, account: &str) -> Result<Bounds, Stop> {
        let view = self.barrier.view().await?;
        let Some(known) = load::account(&view, account).await? else {
            return Ok(Bounds::default());
        };
        let closed = known.record.state == AccountState::Closed;
        let Some(found) = load::organization_of(&view, account).await? else {
            return Ok(Bounds { closed, ..Bounds::default() });
        };
        let organization = &found.record;
        let mut levels = Vec::new();
        for level in organization.levels(account) {
            let mut policies = Vec::with_capacity(level.len());
            for id in level {
                policies.push(self.policy(&view, organization, id).await?);
            }
            levels.push(policies);
        }
        let one = |text: &str| ConditionValue::One(text.to_owned());
        let conditions = vec![
            ("aws:principalorgid".to_owned(), one(&organization.id)),
            (
                "aws:principalorgpaths".to_owned(),
                ConditionValue::Many(vec![organization.org_path(account)]),
            ),
        ];
        Ok(Bounds { levels, conditions, closed })
    }

    /// A policy, compiled.
    async fn policy(
        &self,
        view: &View<'_>,
        organization: &Organization,
        id: &str,
    ) -> Result<Arc<Policy>, Stop> {
        let entry = organization.policies.get(id);
        let key = (organization.policy_arn(id), entry.map_or(0, |entry| entry.edition));
        if let Some(policy) = self.compiled.get(&key) {
            return Ok(policy);
        }
        let text = document(view, organization, id).await?;
        let name = entry.map_or(id, |entry| entry.name.as_str());
        let policy = content::parse(&text)?.named(name, Some(&key.0));
        let policy = Arc::new(policy);
        self.compiled.insert(key, Arc::clone(&policy));
        Ok(policy)
    }
}

/// The document of a policy that exists.
pub(crate) async fn document(
    view: &View<'_>,
    organization: &Organization,
    id: &str,
) -> Result<String, Stop> {
    if id == FULL_ACCESS {
        return Ok(content::FULL_ACCESS_TEXT.to_owned());
    }
    let row = format!("{}/{id}", organization.id);
    let found = load_record::<String>(view, DOCUMENTS, &row).await?;
    found.map(|found| found.record).ok_or_else(|| {
        tracing::error!(row, "the document of a policy is not in the store");
        Stop::Internal
    })
}
