//! The role that a new account has, so that the account which manages it gets in.

use bulla_plane::Stop;
use bulla_store::{Expected, SealedBatch};

use crate::principals::Principals;
use crate::records::{ARNS, Entity, Holder, IDS, Kind, PARTITION, ROLES, RolePart, bytes};

/// The role's name unless another is asked for.
pub(crate) const DEFAULT_NAME: &str = "OrganizationAccountAccessRole";
const ADMINISTRATOR: &str = "AdministratorAccess";
/// How long a session of the role lasts at most, in seconds.
const MAX_SESSION_SECONDS: i64 = 3600;

/// Adds the role of a new account to the batch that makes the account.
pub(crate) fn put(
    principals: &Principals,
    batch: SealedBatch,
    account: &str,
    management: &str,
    name: &str,
    now_ms: i64,
) -> Result<SealedBatch, Stop> {
    let trust = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":\
         {{\"AWS\":\"arn:{PARTITION}:iam::{management}:root\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
    );
    let id = crate::ids::unique_id(&principals.crypto, Kind::Role.prefix())?;
    let entity = Entity {
        kind: Kind::Role,
        account: account.to_owned(),
        path: "/".to_owned(),
        name: name.to_owned(),
        id: id.clone(),
        created_ms: now_ms,
        tags: Vec::new(),
        inline: Vec::new(),
        attached: vec![format!("arn:{PARTITION}:iam::aws:policy/{ADMINISTRATOR}")],
        boundary: None,
        groups: Vec::new(),
        keys: Vec::new(),
        role: Some(RolePart {
            trust,
            bindings: Vec::new(),
            description: None,
            max_session_seconds: MAX_SESSION_SECONDS,
            profiles: Vec::new(),
            service: None,
        }),
    };
    let holder = Holder { kind: Kind::Role, account: account.to_owned(), name: name.to_owned() };
    Ok(batch
        .put(ROLES, entity.row(), Expected::Absent, bytes(&entity)?)
        .put(IDS, id.as_str(), Expected::Absent, bytes(&holder)?)
        .put(ARNS, entity.arn(), Expected::Absent, bytes(&id)?))
}
