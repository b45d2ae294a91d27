//! The role that a new account has, so that the account which manages it gets in.

use bulla_plane::Stop;
use bulla_store::SealedBatch;

use crate::iam::{Iam, Use};
use crate::records::{Entity, Kind, PARTITION, RolePart};

/// The role's name unless another is asked for.
pub(crate) const DEFAULT_NAME: &str = "OrganizationAccountAccessRole";
const ADMINISTRATOR: &str = "AdministratorAccess";
/// How long a session of the role lasts at most, in seconds.
const MAX_SESSION_SECONDS: i64 = 3600;

/// Adds the role of a new account to the batch that makes the account.
pub(crate) async fn put(
    iam: &Iam,
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
    let administrator = format!("arn:{PARTITION}:iam::aws:policy/{ADMINISTRATOR}");
    let entity = Entity {
        kind: Kind::Role,
        account: account.to_owned(),
        path: "/".to_owned(),
        name: name.to_owned(),
        id: crate::ids::unique_id(&iam.principals.crypto, Kind::Role.prefix())?,
        created_ms: now_ms,
        tags: Vec::new(),
        inline: Vec::new(),
        attached: vec![administrator.clone()],
        boundary: None,
        groups: Vec::new(),
        keys: Vec::new(),
        role: Some(RolePart {
            trust,
            // An account's root user has no id that a namesake could lack.
            bindings: Vec::new(),
            description: None,
            max_session_seconds: MAX_SESSION_SECONDS,
            profiles: Vec::new(),
            service: None,
        }),
    };
    let batch = iam.used(&entity, &administrator, Use::Attached, batch).await?;
    iam.enter(&entity, batch).await
}
