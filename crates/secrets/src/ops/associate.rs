//! AssociateCrossAccountReplica and DisassociateCrossAccountReplica. AWS publishes what they do
//! and which errors they have; the errors' texts are ours.

use std::sync::Arc;

use bulla_plane::gate::{Named, denied, permit_account};
use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    AssociateCrossAccountReplicaRequest, AssociateCrossAccountReplicaResponse,
    DisassociateCrossAccountReplicaRequest, DisassociateCrossAccountReplicaResponse,
};
use bulla_store::SealedBatch;

use super::{Answer, read};
use crate::across::ACCEPT;
use crate::conditions;
use crate::identifier;
use crate::live::LiveSecret;
use crate::record::{ForeignReplica, SecretRecord, Standing};
use crate::replicas::failure;
use crate::sealing::Sealed;
use crate::secrets::{SECRET_TYPE, with_record};
use crate::stages::CURRENT;
use crate::{Secrets, VALUES, fault};

/// The principal of Secrets Manager in a replication role's trust policy.
const PRINCIPAL: &str = "secretsmanager.amazonaws.com";
/// What a caller must be in the organization's condition key to be of the same one.
const ORGANIZATION: &str = "aws:principalorgid";

pub(crate) async fn associate_cross_account_replica(
    service: &Secrets,
    call: &mut Call,
    input: &AssociateCrossAccountReplicaRequest<'_>,
) -> Answer {
    let (id, replica_arn) = (input.secret_id(), input.cross_account_replica_arn());
    let action = "secretsmanager:AssociateCrossAccountReplica";
    let secret = service.permitted(call, id, action, &conditions::of(id)).await?;
    let keys = conditions::of(id).with("secretsmanager:versionstage", CURRENT);
    service.find(call, id).await?.permit(call, read::ACTION, &keys, Named::Arn)?;
    must_be_own(call, &secret)?;
    secret.record.must_live()?;
    secret.record.must_be_primary()?;
    check_replica_arn(call, replica_arn)?;
    if let Some(role) = input.replication_role_arn() {
        pass_role(service, call, &secret, role).await?;
    }
    let keys = conditions::of(replica_arn);
    let found = service.find(call, replica_arn).await?.permit(call, ACCEPT, &keys, Named::Arn)?;
    let replica = found.secret.ok_or_else(fault::not_found)?;
    call.touched(&replica.arn, &replica.record.account, SECRET_TYPE);
    check_pair(&secret, &replica)?;
    if input.replica_restriction() != Some("NoRestriction") {
        must_share_an_organization(service, call, &replica.record.account).await?;
    }
    let link = ForeignReplica {
        arn: replica.arn.clone(),
        role: input.replication_role_arn().map(str::to_owned),
        standing: Standing::InSync,
    };
    let status = service.associate(call, &secret, &replica, link).await?;
    let answer = AssociateCrossAccountReplicaResponse::new()
        .with_arn(secret.arn.clone())
        .with_cross_account_replica_arn(replica.arn.clone())
        .with_replication_status(status);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn disassociate_cross_account_replica(
    service: &Secrets,
    call: &mut Call,
    input: &DisassociateCrossAccountReplicaRequest<'_>,
) -> Answer {
    let (id, replica_arn) = (input.secret_id(), input.cross_account_replica_arn());
    let action = "secretsmanager:DisassociateCrossAccountReplica";
    let secret = service.permitted(call, id, action, &conditions::of(id)).await?;
    must_be_own(call, &secret)?;
    secret.record.must_live()?;
    secret.record.must_be_primary()?;
    check_replica_arn(call, replica_arn)?;
    let link = secret.record.foreign_replica.as_ref().filter(|link| link.arn == replica_arn);
    let link = link.ok_or_else(|| {
        fault::invalid_request("The secret is not associated with this cross-account replica.")
    })?;
    let record = SecretRecord { foreign_replica: None, ..secret.record.clone() };
    let mut batch = with_record(SealedBatch::new(), &secret, &record)?;
    let replica = service.foreign_replica(&secret.record, link).await?;
    let mut paths = vec![secret.path.as_str()];
    if let Some(replica) = &replica {
        call.touched(&replica.arn, &replica.record.account, SECRET_TYPE);
        let detached = replica.record.standing_at(&Standing::Detached);
        batch = with_record(batch, replica, &detached)?;
        paths.push(&replica.path);
    }
    service.commit(&paths, batch).await?;
    let answer = DisassociateCrossAccountReplicaResponse::new()
        .with_arn(secret.arn.clone())
        .with_cross_account_replica_arn(replica_arn.to_owned());
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// Refuses callers of another account, whatever the primary's policy lets them.
fn must_be_own(call: &Call, secret: &LiveSecret) -> Result<(), Stop> {
    if secret.record.account == call.account() {
        return Ok(());
    }
    let text = "Call must be made from the account that owns the primary secret.";
    Err(fault::invalid_request(text).into())
}

/// Refuses what can't be the ARN of a replica of another account, in the call's region.
fn check_replica_arn(call: &Call, arn: &str) -> Result<(), Stop> {
    let named = identifier::parse(call, arn).filter(|_| arn.starts_with("arn:"));
    let fits = named.is_some_and(|named| named.suffix.is_some() && named.account != call.account());
    if fits {
        return Ok(());
    }
    let text = "The CrossAccountReplicaARN must be the complete ARN of a secret in another \
                account, in the Region and partition of the primary secret.";
    Err(fault::invalid_parameter(text).into())
}

/// Refuses a replica that is not this primary's, and a second one.
fn check_pair(secret: &LiveSecret, replica: &LiveSecret) -> Result<(), Stop> {
    replica.record.must_live()?;
    let primary = replica.record.foreign_primary.as_ref().map(|link| link.arn.as_str());
    if primary != Some(&secret.arn) {
        let text = "The replica secret was not created as a cross-account replica of this secret.";
        return Err(fault::invalid_request(text).into());
    }
    match &secret.record.foreign_replica {
        Some(link) if link.arn != replica.arn => {
            let text = "A secret can have at most one cross-account replica.";
            Err(fault::limit_exceeded(text).into())
        }
        _ => Ok(()),
    }
}

/// Whether a secret may be replicated by a role: the caller must be allowed to pass it, and it
/// must trust Secrets Manager.
async fn pass_role(
    service: &Secrets,
    call: &Call,
    secret: &LiveSecret,
    role: &str,
) -> Result<(), Stop> {
    if role.split(':').nth(4) != Some(call.account()) {
        let text = "Cross-account pass role is not allowed.";
        return Err(denied(call, text.to_owned()).into());
    }
    let keys = Context::new()
        .with("iam:PassedToService", PRINCIPAL)
        .with("iam:AssociatedResourceArn", &secret.arn);
    permit_account(call, "iam:PassRole", role, &keys)?;
    service.replication_role(&secret.record, role).await?;
    Ok(())
}

/// Refuses a replica whose account is not of the caller's organization.
async fn must_share_an_organization(
    service: &Secrets,
    call: &Call,
    account: &str,
) -> Result<(), Stop> {
    let root = format!("arn:{}:iam::{account}:root", call.partition);
    let theirs = service.directory.authority(&root).await?;
    let theirs = theirs.as_ref().and_then(|theirs| theirs.condition(ORGANIZATION));
    if theirs.is_some() && theirs == call.authority.condition(ORGANIZATION) {
        return Ok(());
    }
    let text = "The replica account must be in the organization of the primary account, unless \
                the ReplicaRestriction is NoRestriction.";
    Err(fault::invalid_request(text).into())
}

impl Secrets {
    /// Begins replication to another account, or repairs it; gives the status that is answered.
    async fn associate(
        &self,
        call: &mut Call,
        secret: &LiveSecret,
        replica: &Arc<LiveSecret>,
        mut link: ForeignReplica,
    ) -> Result<&'static str, Stop> {
        if secret.record.foreign_replica.as_ref() == Some(&link)
            && self.foreign_replica(&secret.record, &link).await?.is_some()
        {
            return Ok("InSync");
        }
        if let Some(version) = secret.record.labelled(CURRENT).filter(|it| it.has_own_value()) {
            let row = secret.record.value_row(&version.id);
            let stored = self.barrier.get(VALUES, row.as_bytes()).await?.ok_or(Stop::Again)?;
            let sealed = Sealed::read(&stored)?;
            let from = (&secret.record, version.id.as_str(), &sealed);
            self.could_replicate(call, from, &replica.record).await?;
        }
        let copied = self.copy_across(call, secret, replica, link.role.as_deref()).await;
        let (mut batch, followed) = match copied {
            Ok(values) => (values, replica.record.following_across(&secret.record)),
            Err(Stop::Fault(refused)) => {
                link.standing = Standing::Failed(failure(&refused));
                (SealedBatch::new(), replica.record.standing_at(&link.standing))
            }
            Err(stop) => return Err(stop),
        };
        let gone = replica.record.versions.iter().map(|version| version.id.as_str());
        let gone: Vec<_> = gone.filter(|id| followed.version(id).is_none()).collect();
        batch = self.without_values(batch, &replica.record, gone.into_iter()).await?;
        let why = match &link.standing {
            Standing::Failed(why) => Some(why.clone()),
            _ => None,
        };
        let record = SecretRecord { foreign_replica: Some(link), ..secret.record.clone() };
        batch = with_record(batch, secret, &record)?;
        batch = with_record(batch, replica, &followed)?;
        for side in [&record, &followed] {
            let about = (replica.arn.as_str(), why.as_deref());
            batch = self.tell_of_replication(batch, side, about, call.now_ms)?;
        }
        self.commit(&[&secret.path, &replica.path], batch).await?;
        Ok("InProgress")
    }
}
