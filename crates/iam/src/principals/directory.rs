//! The directory of principals, for services that name them in policies and grants.

use std::sync::Arc;

use bulla_plane::directory::MAX_LISTED;
use bulla_plane::{Authority, BoxFuture, Directory, Known, Stop, stop};
use bulla_shapes::{Fault, iam};
use bulla_store::{Range, View};

use super::Principals;
use super::authority::entity_by_id;
use crate::access_key::{self, AccessKeyRow};
use crate::ids::LONG_TERM;
use crate::is_account;
use crate::records::{ARNS, Entity, Kind, PARTITION, ROOTS, Stored, load, read, row};

fn fault(stop: Stop) -> Fault {
    match stop {
        Stop::Fault(fault) => fault,
        Stop::Again | Stop::Internal => stop::internal(&iam::SERVICE),
    }
}

fn root(account: &str) -> Known {
    Known {
        arn: format!("arn:{PARTITION}:iam::{account}:root"),
        unique_id: account.to_owned(),
        account: account.to_owned(),
    }
}

fn known(entity: &Entity) -> Known {
    let (unique_id, account) = (entity.id.clone(), entity.account.clone());
    Known { arn: entity.arn(), unique_id, account }
}

impl Principals {
    async fn named(&self, named: &str) -> Result<Option<Known>, Stop> {
        if is_account(named) {
            return Ok(self.account_exists(named).await?.then(|| root(named)));
        }
        if let Some(account) = root_of(named) {
            let known = Known { arn: named.to_owned(), ..root(account) };
            return Ok(self.account_exists(account).await?.then_some(known));
        }
        if named.starts_with(LONG_TERM) {
            return self.owner(named).await;
        }
        let Some((account, resource)) = parts(named) else {
            let view = self.barrier.view().await?;
            if let Some((account, role)) = session(named) {
                let found: Option<Stored<Entity>> =
                    load(&view, Kind::Role.space(), &row(account, role)).await?;
                return Ok(found.map(|found| known(&found.record)));
            }
            let found = entity_by_id(&view, named).await?;
            return Ok(found
                .filter(|found| found.record.kind != Kind::Group)
                .map(|found| known(&found.record)));
        };
        let (kind, path) = match resource.split_once('/') {
            Some(("user", path)) => (Kind::User, path),
            Some(("role", path)) => (Kind::Role, path),
            _ => return Ok(None),
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let found = self.by_name(kind, account, name).await?;
        Ok(found.filter(|known| known.arn == named))
    }

    async fn by_name(&self, kind: Kind, account: &str, name: &str) -> Result<Option<Known>, Stop> {
        let view = self.barrier.view().await?;
        let found: Option<Stored<Entity>> = load(&view, kind.space(), &row(account, name)).await?;
        Ok(found.map(|found| known(&found.record)))
    }

    /// Whose a long-term access key is.
    async fn owner(&self, access_key_id: &str) -> Result<Option<Known>, Stop> {
        let view = self.barrier.view().await?;
        let Some(opened) = access_key::find(&view, access_key_id).await? else { return Ok(None) };
        let key = AccessKeyRow::read(opened.value.expose())?;
        let Some(user) = key.user else { return Ok(Some(root(key.account))) };
        let found = entity_by_id(&view, user).await?;
        Ok(found.map(|found| known(&found.record)))
    }

    async fn page(&self, after: Option<&str>) -> Result<Vec<Known>, Stop> {
        let view = self.barrier.view().await?;
        let (mut found, more_entities) = entities(&view, after).await?;
        let (roots, more_roots) = roots(&view, after).await?;
        // Nobody is told who comes after one that was not read yet.
        let last = |known: &[Known], more: bool| {
            known.last().filter(|_| more).map(|known| known.arn.clone())
        };
        let ends = [last(&found, more_entities), last(&roots, more_roots)];
        found.extend(roots);
        for end in ends.into_iter().flatten() {
            found.retain(|known| known.arn <= end);
        }
        found.sort_unstable_by(|one, other| one.arn.cmp(&other.arn));
        found.truncate(MAX_LISTED);
        Ok(found)
    }
}

/// The account whose root user an ARN names, in whatever partition: keys of KMS lie in all of them.
fn root_of(arn: &str) -> Option<&str> {
    let (partition, rest) = arn.strip_prefix("arn:")?.split_once(":iam::")?;
    let account = rest.strip_suffix(":root")?;
    (partition.starts_with(PARTITION) && is_account(account)).then_some(account)
}

/// The account and the resource of an ARN of IAM.
fn parts(arn: &str) -> Option<(&str, &str)> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(PARTITION)?.strip_prefix(":iam::")?;
    rest.split_once(':').filter(|(account, _)| is_account(account))
}

/// The account and the role's name of the ARN of a role's session.
fn session(arn: &str) -> Option<(&str, &str)> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(PARTITION)?.strip_prefix(":sts::")?;
    let (account, resource) = rest.split_once(':').filter(|(account, _)| is_account(account))?;
    let (role, _) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
    Some((account, role))
}

/// Users and roles after an ARN, in the order of their ARNs, and whether there are more.
async fn entities(view: &View<'_>, after: Option<&str>) -> Result<(Vec<Known>, bool), Stop> {
    let mut range = Range::all();
    if let Some(after) = after {
        range = range.resume(format!("{after}\0"));
    }
    let page = view.range(ARNS, &range, MAX_LISTED).await?;
    let mut found = Vec::with_capacity(page.rows.len());
    for (key, opened) in page.rows {
        let id: String = read(opened)?.record;
        let Ok(arn) = str::from_utf8(key.as_bytes()) else { continue };
        let Some((account, _)) = parts(arn) else { continue };
        found.push(Known { arn: arn.to_owned(), unique_id: id, account: account.to_owned() });
    }
    Ok((found, page.next.is_some()))
}

/// Root users of accounts that have access keys, after an ARN, and whether there are more.
async fn roots(view: &View<'_>, after: Option<&str>) -> Result<(Vec<Known>, bool), Stop> {
    let mut range = Range::all();
    let account = after.and_then(|arn| arn.strip_prefix("arn:aws:iam::")?.get(..12));
    if let Some(account) = account {
        range = range.resume(account);
    }
    let page = view.range(ROOTS, &range, MAX_LISTED).await?;
    let accounts = page.rows.iter().filter_map(|(key, _)| str::from_utf8(key.as_bytes()).ok());
    let later = |known: &Known| after.is_none_or(|after| known.arn.as_str() > after);
    Ok((accounts.map(root).filter(later).collect(), page.next.is_some()))
}

impl Directory for Principals {
    fn find<'a>(&'a self, named: &'a str) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        Box::pin(async move { self.named(named).await.map_err(fault) })
    }

    fn role<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Known>, Fault>> {
        Box::pin(async move { self.by_name(Kind::Role, account, name).await.map_err(fault) })
    }

    fn authority<'a>(
        &'a self,
        arn: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<Authority>>, Fault>> {
        Box::pin(async move {
            let Some(known) = self.named(arn).await.map_err(fault)? else { return Ok(None) };
            if is_account(&known.unique_id) {
                return self.root(&known.account).await.map_err(fault);
            }
            self.by_id(&known.unique_id).await.map_err(fault)
        })
    }

    fn list<'a>(&'a self, after: Option<&'a str>) -> BoxFuture<'a, Result<Vec<Known>, Fault>> {
        Box::pin(async move { self.page(after).await.map_err(fault) })
    }
}
