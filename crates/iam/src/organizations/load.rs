//! Reading accounts and organizations, and committing their changes.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_store::{Barrier, BarrierError, Expected, SealedBatch, View};

use super::records::{ACCOUNTS, Account, AccountState, Joined, ORGANIZATIONS, Organization};
use super::{Organizations, fault};
use crate::records::{Stored, load};

/// An account, if it is known.
pub(crate) async fn account(view: &View<'_>, id: &str) -> Result<Option<Stored<Account>>, Stop> {
    load(view, ACCOUNTS, id).await
}

/// The organization that an account is in.
pub(crate) async fn organization_of(
    view: &View<'_>,
    id: &str,
) -> Result<Option<Stored<Organization>>, Stop> {
    let Some(found) = account(view, id).await? else { return Ok(None) };
    match found.record.organization {
        Some(organization) => load(view, ORGANIZATIONS, &organization).await,
        None => Ok(None),
    }
}

/// Records the account that a store is made for, so that `bulla serve` knows it.
///
/// # Errors
/// The store's. Then nothing was kept.
pub async fn record_account(
    barrier: &Barrier,
    account: &str,
    now_ms: i64,
) -> Result<(), BarrierError> {
    let row = unnamed(account, now_ms);
    // Texts and numbers always have a JSON form.
    let row = serde_json::to_vec(&row).unwrap_or_default();
    let batch = SealedBatch::new().put(ACCOUNTS, account, Expected::Absent, row);
    barrier.commit(batch).await.map(drop)
}

/// An account that nobody gave a name or an address.
pub(crate) fn unnamed(id: &str, now_ms: i64) -> Account {
    Account {
        id: id.to_owned(),
        name: id.to_owned(),
        // RFC 2606: nobody's.
        email: format!("root@{id}.invalid"),
        state: AccountState::Active,
        organization: None,
        joined: Joined::Invited,
        joined_ms: now_ms,
    }
}

impl Organizations {
    /// The organization of a caller that manages it and may do `action`. Authorization comes
    /// first, so that whoever may nothing learns nothing.
    pub(crate) async fn managed(
        &self,
        call: &Call,
        action: &str,
    ) -> Result<Stored<Organization>, Stop> {
        let found = self.of_caller(call, action).await?;
        if found.record.management != call.account() {
            return Err(fault::not_the_management_account().into());
        }
        Ok(found)
    }

    /// The organization of a caller that is in one and may do `action`.
    pub(crate) async fn of_caller(
        &self,
        call: &Call,
        action: &str,
    ) -> Result<Stored<Organization>, Stop> {
        permit_account(call, action, "*", &Context::new())?;
        let view = self.principals.barrier.view().await?;
        let found = organization_of(&view, call.account()).await?;
        Ok(found.ok_or_else(fault::not_in_use)?)
    }

    /// Commits a change of an organization, with whatever else is in the batch.
    pub(crate) async fn save(
        &self,
        changed: &Stored<Organization>,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        let id = changed.record.id.as_str();
        let row = changed.record.to_bytes()?;
        self.commit(batch.put(ORGANIZATIONS, id, Expected::At(changed.version), row)).await
    }

    /// Commits, and lets every account ask anew what binds it, before anybody is told.
    pub(crate) async fn commit(&self, batch: SealedBatch) -> Result<(), Stop> {
        let outcome = self.principals.barrier.commit(batch).await;
        self.principals.changed_everywhere();
        outcome?;
        Ok(())
    }
}
