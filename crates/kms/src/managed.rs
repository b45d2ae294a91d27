//! AWS managed keys, which come into being when they are first asked for, and the rows of aliases.

use bulla_plane::Call;
use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, due_key};
use bulla_store::{Expected, SealedBatch};
use serde::{Deserialize, Serialize};

use crate::fault;
use crate::key::{self, DAY_MS, Rotation};
use crate::kind::Kind;
use crate::{ALIASES, KEYS, Kms, keys};

/// What AWS's own aliases begin with.
pub(crate) const RESERVED: &str = "alias/aws/";

const PERIOD_DAYS: i64 = 365;

/// An alias, as it stands in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AliasRow {
    /// The id of its key.
    pub(crate) target: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

impl AliasRow {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Stop> {
        serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        serde_json::to_vec(self).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &serde_json::Error) -> Stop {
    tracing::error!(%error, "a stored alias does not read");
    fault::internal().into()
}

/// The id of the key that an alias's row points at.
pub(crate) fn alias_target(bytes: &[u8]) -> Result<String, Stop> {
    AliasRow::read(bytes).map(|row| row.target)
}

/// A service that has a key of its own in each account and region.
struct Owner {
    service: &'static str,
    /// What the service is called in `kms:ViaService`.
    via: &'static str,
    /// What the key is for, in AWS's words.
    protects: &'static str,
}

const OWNERS: &[Owner] = &[
    Owner { service: "ssm", via: "ssm", protects: "SSM parameters" },
    Owner { service: "secretsmanager", via: "secretsmanager", protects: "Secrets Manager data" },
    Owner { service: "ebs", via: "ec2", protects: "EBS volumes" },
    Owner { service: "s3", via: "s3", protects: "S3 objects" },
    Owner { service: "rds", via: "rds", protects: "RDS database volumes" },
    Owner { service: "redshift", via: "redshift", protects: "Redshift clusters" },
    Owner { service: "lambda", via: "lambda", protects: "Lambda functions" },
    Owner { service: "dynamodb", via: "dynamodb", protects: "DynamoDB data" },
];

/// Use through the service only; the account may look at the key.
fn policy(owner: &Owner, call: &Call) -> String {
    let Owner { service, via, .. } = owner;
    let (partition, region, account) = (call.partition, &call.region, call.account());
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-{service}-2",
  "Statement" : [ {{
    "Sid" : "Allow access through {service} for all principals in the account that are authorized to use {service}",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "{via}.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:{partition}:iam::{account}:root"
    }},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  }} ]
}}"#
    )
}

impl Kms {
    /// Makes the AWS managed key behind an alias that has no row yet, and gives its id.
    pub(crate) async fn managed_key(&self, call: &Call, alias_name: &str) -> Result<String, Stop> {
        let service = alias_name.strip_prefix(RESERVED);
        let owner = service.and_then(|name| OWNERS.iter().find(|owner| owner.service == name));
        let Some(owner) = owner else {
            return Err(keys::missing_alias(call, call.account(), alias_name).into());
        };
        let kind = Kind::symmetric();
        let record = self.fresh(call, kind, policy(owner, call))?;
        let material = self.new_material(kind).await?;
        let (mut record, batch) = self.with_material(record, SealedBatch::new(), &material, None);
        let next_ms = call.now_ms.saturating_add(PERIOD_DAYS.saturating_mul(DAY_MS));
        record.managed_by = Some(owner.service.to_owned());
        record.description =
            format!("Default key that protects my {} when no other key is defined", owner.protects);
        record.aliases = vec![alias_name.to_owned()];
        record.rotation = Some(Rotation { period_days: PERIOD_DAYS, next_ms, scheduled: true });
        let path = record.path();
        let bytes = record.to_bytes().map_err(|error| unreadable(&error))?;
        let alias = AliasRow {
            target: record.id.clone(),
            created_ms: call.now_ms,
            updated_ms: call.now_ms,
        };
        let alias_path = key::path(call.account(), &call.region, alias_name);
        // Of two first uses one finds the alias taken, and begins again with the other's key.
        let batch = batch
            .put(KEYS, path.as_str(), Expected::Absent, bytes)
            .put(ALIASES, alias_path, Expected::Absent, alias.to_bytes()?)
            .put(DUE, due_key(next_ms, "kms", "rotate", &path), Expected::Absent, b"{}".to_vec());
        self.commit(&[&path], batch).await?;
        Ok(record.id)
    }
}
