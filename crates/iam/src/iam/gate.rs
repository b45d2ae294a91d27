//! Entities on their way through the Gate: found, permitted, changed, committed.

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Protected, Stop};
use bulla_policy::{Context, Policy, Values};
use bulla_shapes::Fault;
use bulla_store::{Expected, SealedBatch, Version};

use super::{Iam, fault};
use crate::records::{Entity, IDS, Kind, Stored, arn, bytes, load, row, version_of};

/// The operations for which a policy may ask for the boundary of the entity that they change
/// ("Actions, resources, and condition keys for AWS IAM").
const ASK_FOR_BOUNDARY: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteUserPolicy",
    "iam:DetachRolePolicy",
    "iam:DetachUserPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
];
const BOUNDARY: &str = "iam:PermissionsBoundary";

/// An entity as it stands in the store.
pub(crate) struct Live {
    pub(crate) record: Entity,
    pub(crate) arn: String,
    version: Version,
}

/// Whom an operation is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct On<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    /// `iam:PutRolePolicy` and the like.
    pub(crate) action: &'static str,
}

impl<'a> On<'a> {
    pub(crate) fn user(name: &'a str, action: &'static str) -> Self {
        Self { kind: Kind::User, name, action }
    }

    pub(crate) fn group(name: &'a str, action: &'static str) -> Self {
        Self { kind: Kind::Group, name, action }
    }

    pub(crate) fn role(name: &'a str, action: &'static str) -> Self {
        Self { kind: Kind::Role, name, action }
    }
}

/// The value of a tag key of the resource.
pub(crate) fn resource_tag<'t>(tags: &'t [(String, String)], key: &str) -> Option<Values<'t>> {
    let name =
        key.strip_prefix("aws:resourcetag/").or_else(|| key.strip_prefix("iam:resourcetag/"))?;
    bulla_policy::tag(tags, name)
}

impl Protected for Live {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.record.account
    }

    fn policy(&self) -> Option<&Policy> {
        None
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:resourceaccount" => Some(Values::One(&self.record.account)),
            _ => resource_tag(&self.record.tags, key),
        }
    }
}

/// Something that an operation is about and that holds no secret: a name that is to be taken, a
/// policy's text, a whole account.
pub(crate) struct Place<'a> {
    pub(crate) arn: &'a str,
    pub(crate) account: &'a str,
    pub(crate) tags: &'a [(String, String)],
}

impl Protected for Place<'_> {
    fn arn(&self) -> &str {
        self.arn
    }

    fn account(&self) -> &str {
        self.account
    }

    fn policy(&self) -> Option<&Policy> {
        None
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:resourceaccount" => Some(Values::One(self.account)),
            _ => resource_tag(self.tags, key),
        }
    }
}

/// Asks whether the caller may do this to a place of its account; `named` is how a refusal prints
/// it.
pub(crate) fn permit(
    call: &Call,
    action: &str,
    arn: &str,
    named: &str,
    keys: &Context,
) -> Result<(), Fault> {
    let place = Place { arn, account: call.account(), tags: &[] };
    Guarded::new(place).permit(call, action, keys, Named::As(named)).map(|_| ())
}

/// As [`permit`], where a refusal prints the ARN.
pub(crate) fn permit_arn(
    call: &Call,
    action: &str,
    arn: &str,
    keys: &Context,
) -> Result<(), Fault> {
    permit(call, action, arn, arn, keys)
}

impl Iam {
    /// Finds an entity of the caller's account and lets it out if the caller may do this to it.
    ///
    /// Who may not hears the same whether or not there is one of that name.
    pub(crate) async fn entity(
        &self,
        call: &Call,
        on: On<'_>,
        keys: Context,
    ) -> Result<Live, Stop> {
        let On { kind, name, action } = on;
        let view = self.principals.barrier.view().await?;
        let key = row(call.account(), name);
        let found: Option<Stored<Entity>> = load(&view, kind.space(), &key).await?;
        drop(view);
        let Some(Stored { record, version }) = found else {
            let arn = arn(kind.word(), call.account(), "/", name);
            permit(call, action, &arn, &format!("{} {name}", kind.word()), &keys)?;
            return Err(fault::no_such(kind.word(), name).into());
        };
        let live = Live { arn: record.arn(), record, version };
        let keys = match &live.record.boundary {
            Some(boundary) if ASK_FOR_BOUNDARY.contains(&action) => {
                keys.with(BOUNDARY, boundary.as_str())
            }
            _ => keys,
        };
        let named = format!("{} {}", kind.word(), live.record.name);
        Ok(Guarded::new(live).permit(call, action, &keys, Named::As(&named))?)
    }

    /// As [`entity`](Self::entity), for changes: roles that belong to a service are refused.
    pub(crate) async fn changeable(
        &self,
        call: &Call,
        on: On<'_>,
        keys: Context,
    ) -> Result<Live, Stop> {
        let live = self.entity(call, on, keys).await?;
        match &live.record.role {
            Some(role) if role.service.is_some() => Err(fault::protected(&live.record.name).into()),
            _ => Ok(live),
        }
    }

    /// Finds an entity that an operation on another one also names: whoever may do the one may
    /// know of the other.
    pub(crate) async fn own(&self, call: &Call, kind: Kind, name: &str) -> Result<Live, Stop> {
        let view = self.principals.barrier.view().await?;
        let key = row(call.account(), name);
        let found: Option<Stored<Entity>> = load(&view, kind.space(), &key).await?;
        let Stored { record, version } = found.ok_or_else(|| fault::no_such(kind.word(), name))?;
        Ok(Live { arn: record.arn(), record, version })
    }

    /// Commits a change of an entity that keeps its name, together with what else goes with it.
    pub(crate) async fn save(
        &self,
        live: &Live,
        record: &Entity,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        // Of a namesake that was made meanwhile the version could be the same, the id can't.
        let view = self.principals.barrier.view().await?;
        let id = version_of(&view, IDS, &record.id).await?.ok_or(Stop::Again)?;
        drop(view);
        let batch = batch
            .put(record.kind.space(), record.row(), live.expected(), bytes(record)?)
            .expect(IDS, record.id.as_str(), Expected::At(id));
        self.principals.commit(&record.account, batch).await
    }
}

impl Live {
    /// The row as it was read.
    pub(crate) fn expected(&self) -> Expected {
        Expected::At(self.version)
    }
}
