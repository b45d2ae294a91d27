//! How Secrets Manager's operations are authorized (Service Authorization Reference). Secrets are
//! under the AWS managed key, which all of the account may use through the service.

use super::On::{Account, Own};
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("CreateSecret", Own("arn:aws:secretsmanager:us-east-1:{account}:secret:{new_secret.name}-*"), r#"{"Name":"{new_secret.name}","ClientRequestToken":"{secret.version}"}"#),
    rule("GetSecretValue", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("BatchGetSecretValue", Account, r#"{"SecretIdList":["none"]}"#),
    rule("PutSecretValue", Own("{secret}"), r#"{"SecretId":"{secret}","SecretString":"s","ClientRequestToken":"{secret.version}"}"#),
    rule("UpdateSecret", Own("{secret}"), r#"{"SecretId":"{secret}","Description":"d","ClientRequestToken":"{secret.version}"}"#),
    rule("UpdateSecretVersionStage", Own("{secret}"), r#"{"SecretId":"{secret}","VersionStage":"L","MoveToVersionId":"{secret.version}"}"#),
    rule("DescribeSecret", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("ListSecrets", Account, "{}"),
    rule("ListSecretVersionIds", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("DeleteSecret", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("RestoreSecret", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("GetRandomPassword", Account, "{}"),
    rule("RotateSecret", Own("{secret}"), r#"{"SecretId":"{secret}","ClientRequestToken":"{secret.version}"}"#),
    rule("CancelRotateSecret", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("PutResourcePolicy", Own("{secret}"), r#"{"SecretId":"{secret}","ResourcePolicy":"{secret_policy}"}"#),
    rule("GetResourcePolicy", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("ListResourcePolicies", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("DeleteResourcePolicy", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("ValidateResourcePolicy", Own("{secret}"), r#"{"SecretId":"{secret}","ResourcePolicy":"{secret_policy}"}"#).asks("ValidateResourcePolicy PutResourcePolicy"),
    rule("ReplicateSecretToRegions", Own("{secret}"), r#"{"SecretId":"{secret}","AddReplicaRegions":[{"Region":"us-west-2"}]}"#),
    rule("RemoveRegionsFromReplication", Own("{secret}"), r#"{"SecretId":"{secret}","RemoveReplicaRegions":["us-west-2"]}"#),
    rule("StopReplicationToReplica", Own("{secret}"), r#"{"SecretId":"{secret}"}"#),
    rule("AssociateCrossAccountReplica", Own("{secret}"), r#"{"SecretId":"{secret}","CrossAccountReplicaARN":"{secret}"}"#).asks("AssociateCrossAccountReplica GetSecretValue"),
    rule("DisassociateCrossAccountReplica", Own("{secret}"), r#"{"SecretId":"{secret}","CrossAccountReplicaARN":"{secret}"}"#),
    rule("TagResource", Own("{secret}"), r#"{"SecretId":"{secret}","Tags":[{"Key":"k","Value":"v"}]}"#),
    rule("UntagResource", Own("{secret}"), r#"{"SecretId":"{secret}","TagKeys":["k"]}"#),
];
