//! Secrets as a rotator reads and writes them: by calls of Secrets Manager, as the role that
//! rotators act as.

use std::sync::Arc;

use bulla_crypto::SecretBytes;
use bulla_plane::pipeline::Acting;
use bulla_plane::{Authority, Plane, Via};
use bulla_rotators::{BoxFuture, Desk, DeskError, Held};
use bulla_shapes::secretsmanager::{
    self, DescribeSecretRequest, DescribeSecretResponse, GetRandomPasswordRequest,
    GetRandomPasswordResponse, GetSecretValueRequest, GetSecretValueResponse,
    PutSecretValueRequest, UpdateSecretVersionStageRequest,
};
use bulla_shapes::{Record, View};

/// Secrets Manager, as others hear of it.
pub(super) const VIA: Via =
    Via { service: "secretsmanager", recorded: "secretsmanager.amazonaws.com" };
/// The tag of a superuser's secret that says for which secrets it is: their names, apart by
/// blanks; one that ends with a slash stands for all that begin with it.
const SUPERUSER_TAG: &str = "BullaSuperuserFor";

/// Region and account of a secret's ARN.
pub(super) fn place(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':').skip(3);
    Some((parts.next()?, parts.next()?))
}

/// One rotation's way to secrets.
pub(super) struct RoleDesk<'a> {
    pub(super) plane: Arc<Plane>,
    pub(super) authority: Arc<Authority>,
    pub(super) region: &'a str,
    /// The ARN of the secret that is rotated.
    pub(super) secret: &'a str,
    /// The version that the rotation makes.
    pub(super) token: &'a str,
}

impl RoleDesk<'_> {
    async fn call(
        &self,
        operation: &'static str,
        input: Record<'_>,
    ) -> Result<Record<'static>, DeskError> {
        let acting = Acting {
            authority: Arc::clone(&self.authority),
            via: VIA,
            region: self.region.to_owned(),
        };
        let answer = self.plane.act(acting, &secretsmanager::SERVICE, operation, input).await;
        let answer = answer.map_err(|fault| DeskError {
            operation,
            code: fault.code.to_string(),
            text: fault.message.as_deref().unwrap_or_default().to_owned(),
        })?;
        answer.ok_or_else(|| nothing(operation))
    }

    async fn value(&self, secret: &str, stage: &str) -> Result<Held, DeskError> {
        let operation = "GetSecretValue";
        let input = GetSecretValueRequest::new().with_secret_id(secret).with_version_stage(stage);
        let answer = self.call(operation, input.into_record()).await?;
        let answer = GetSecretValueResponse::from_record(answer);
        let version = answer.version_id().ok_or_else(|| nothing(operation))?.to_owned();
        let text = match (answer.secret_string(), answer.secret_binary()) {
            (Some(text), _) => text.as_bytes(),
            (None, Some(bytes)) => bytes,
            (None, None) => return Err(nothing(operation)),
        };
        Ok(Held { version, text: SecretBytes::from_slice(text) })
    }

    /// Refuses a superuser's secret that is not for the secret that is rotated.
    async fn must_be_superuser(&self, superuser: &str) -> Result<(), DeskError> {
        let operation = "DescribeSecret";
        let described = async |secret: &str| {
            let input = DescribeSecretRequest::new().with_secret_id(secret);
            let answer = self.call(operation, input.into_record()).await?;
            Ok(DescribeSecretResponse::from_record(answer))
        };
        let own = described(self.secret).await?;
        let name = own.name().ok_or_else(|| nothing(operation))?;
        let superuser = described(superuser).await?;
        let tags = superuser.tags();
        let mut tags = tags.iter().flat_map(|tags| tags.iter());
        let tag = tags.find(|tag| tag.key() == Some(SUPERUSER_TAG));
        let allowed = tag.is_some_and(|tag| is_for(tag.value().unwrap_or_default(), name));
        if allowed {
            return Ok(());
        }
        Err(DeskError {
            operation: "the use of the superuser's secret",
            code: "AccessDenied".to_owned(),
            text: format!("its tag {SUPERUSER_TAG} does not name the secret {name}"),
        })
    }
}

/// Whether a tag's value names a secret.
fn is_for(tag: &str, name: &str) -> bool {
    tag.split_ascii_whitespace()
        .any(|part| part == name || part.ends_with('/') && name.starts_with(part))
}

fn nothing(operation: &'static str) -> DeskError {
    let (code, text) = ("InternalServiceError".to_owned(), "the answer is empty".to_owned());
    DeskError { operation, code, text }
}

impl Desk for RoleDesk<'_> {
    fn read<'a>(&'a self, stage: &'a str) -> BoxFuture<'a, Result<Option<Held>, DeskError>> {
        Box::pin(async move {
            match self.value(self.secret, stage).await {
                Ok(held) => Ok(Some(held)),
                Err(refused) if refused.code == "ResourceNotFoundException" => Ok(None),
                Err(refused) => Err(refused),
            }
        })
    }

    fn superuser<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<SecretBytes, DeskError>> {
        Box::pin(async move {
            self.must_be_superuser(secret).await?;
            Ok(self.value(secret, "AWSCURRENT").await?.text)
        })
    }

    fn put_pending<'a>(&'a self, text: &'a SecretBytes) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let text = std::str::from_utf8(text.expose()).map_err(|_| nothing("PutSecretValue"))?;
            let input = PutSecretValueRequest::new()
                .with_secret_id(self.secret)
                .with_client_request_token(self.token)
                .with_secret_string(text)
                .with_version_stages(["AWSPENDING"]);
            self.call("PutSecretValue", input.into_record()).await.map(|_| ())
        })
    }

    fn finish<'a>(&'a self, from: &'a str) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let input = UpdateSecretVersionStageRequest::new()
                .with_secret_id(self.secret)
                .with_version_stage("AWSCURRENT")
                .with_move_to_version_id(self.token)
                .with_remove_from_version_id(from);
            self.call("UpdateSecretVersionStage", input.into_record()).await.map(|_| ())
        })
    }

    fn password<'a>(&'a self, without: &'a str) -> BoxFuture<'a, Result<SecretBytes, DeskError>> {
        Box::pin(async move {
            let operation = "GetRandomPassword";
            let input = GetRandomPasswordRequest::new().with_exclude_characters(without);
            let answer = self.call(operation, input.into_record()).await?;
            let answer = GetRandomPasswordResponse::from_record(answer);
            let password = answer.random_password().ok_or_else(|| nothing(operation))?;
            Ok(SecretBytes::from_slice(password.as_bytes()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_secrets_or_what_they_begin_with() {
        for (tag, name, is) in [
            ("db/app", "db/app", true),
            ("db/", "db/app", true),
            ("x db/ y", "db/app", true),
            ("db", "db/app", false),
            ("db/a", "db/app", false),
            ("/", "db/app", false),
            ("", "db/app", false),
        ] {
            assert_eq!(is_for(tag, name), is, "{tag} {name}");
        }
    }
}
