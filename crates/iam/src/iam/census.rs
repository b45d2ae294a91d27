//! How many of each kind an account has: for quotas, and for `GetAccountSummary`.

use bulla_plane::Stop;
use bulla_shapes::Fault;
use bulla_store::{Expected, SealedBatch};
use serde::{Deserialize, Serialize};

use super::{Iam, fault};
use crate::records::{CENSUS, bytes, load};

/// The numbers of an account.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Census {
    pub(crate) users: usize,
    pub(crate) groups: usize,
    pub(crate) roles: usize,
    pub(crate) policies: usize,
    /// Versions of all customer managed policies.
    pub(crate) versions: usize,
    pub(crate) profiles: usize,
}

/// What is counted, with its quota ("IAM and AWS STS quotas").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Users,
    Groups,
    Roles,
    Policies,
    Versions,
    Profiles,
}

impl Counted {
    /// The most that an account may have.
    pub(crate) const fn most(self) -> usize {
        match self {
            Self::Users => 5000,
            Self::Groups => 300,
            Self::Roles => 1000,
            Self::Policies => 1500,
            Self::Versions => 10_000,
            Self::Profiles => 1000,
        }
    }

    /// What the quota is called in a refusal.
    const fn quota(self) -> &'static str {
        match self {
            Self::Users => "UsersPerAccount",
            Self::Groups => "GroupsPerAccount",
            Self::Roles => "RolesPerAccount",
            Self::Policies => "PoliciesPerAccount",
            Self::Versions => "PolicyVersionsInUse",
            Self::Profiles => "InstanceProfilesPerAccount",
        }
    }
}

impl Census {
    fn number(&mut self, counted: Counted) -> &mut usize {
        match counted {
            Counted::Users => &mut self.users,
            Counted::Groups => &mut self.groups,
            Counted::Roles => &mut self.roles,
            Counted::Policies => &mut self.policies,
            Counted::Versions => &mut self.versions,
            Counted::Profiles => &mut self.profiles,
        }
    }

    /// One more.
    pub(crate) fn add(&mut self, counted: Counted) -> Result<(), Fault> {
        let number = self.number(counted);
        if *number >= counted.most() {
            return Err(fault::limit(counted.quota(), counted.most()));
        }
        *number += 1;
        Ok(())
    }

    /// One less, or several.
    pub(crate) fn remove(&mut self, counted: Counted, how_many: usize) {
        let number = self.number(counted);
        *number = number.saturating_sub(how_many);
    }
}

impl Iam {
    /// The numbers of an account.
    pub(crate) async fn census(&self, account: &str) -> Result<(Census, Expected), Stop> {
        let view = self.principals.barrier.view().await?;
        let found = load::<Census>(&view, CENSUS, account).await?;
        let expected = Expected::from(found.as_ref().map(|found| found.version));
        Ok((found.map(|found| found.record).unwrap_or_default(), expected))
    }

    /// Adds a change of an account's numbers to a batch.
    pub(crate) async fn recount(
        &self,
        account: &str,
        batch: SealedBatch,
        change: impl FnOnce(&mut Census) -> Result<(), Fault>,
    ) -> Result<SealedBatch, Stop> {
        let (mut census, expected) = self.census(account).await?;
        change(&mut census)?;
        Ok(batch.put(CENSUS, account, expected, bytes(&census)?))
    }
}
