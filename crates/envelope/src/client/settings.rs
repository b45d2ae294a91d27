//! Where the server is and who calls: the environment, then AWS's shared files.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bulla_crypto::SecretBytes;
use http::Uri;

use super::ClientError;
use super::profile::section_of;
use super::retry::RetryPolicy;

const DEFAULT_REGION: &str = "us-east-1";
const DEFAULT_PROFILE: &str = "default";

/// What a client needs to know.
#[derive(Clone)]
pub struct Settings {
    /// `http://` or `https://`, host, port and path; AWS's own unless one is named.
    pub endpoint: Option<Uri>,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: Arc<SecretBytes>,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
    /// A PEM file of certificates to trust in place of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// How often, and how patiently, calls are repeated.
    pub retries: RetryPolicy,
}

impl Settings {
    /// The settings for KMS: see [`Self::for_service`].
    ///
    /// # Errors
    /// As [`Self::for_service`].
    pub fn from_environment() -> Result<Self, ClientError> {
        Self::for_service("KMS")
    }

    /// The settings for a service, by its id with low lines for blanks, such as `SECRETS_MANAGER`.
    ///
    /// Reads `AWS_ENDPOINT_URL_` and the id, or `AWS_ENDPOINT_URL`, `AWS_REGION` or
    /// `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and
    /// `AWS_CA_BUNDLE`; what they don't say, the profile `AWS_PROFILE` of the shared credentials
    /// and configuration files does. `AWS_MAX_ATTEMPTS` bounds repetition.
    ///
    /// # Errors
    /// [`ClientError::Settings`], [`ClientError::Io`].
    pub fn for_service(id: &str) -> Result<Self, ClientError> {
        Self::read(id, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(id: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, ClientError> {
        let profile = variable("AWS_PROFILE").unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
        let home = variable("HOME").map(PathBuf::from);
        let shared = |named: &str, file: &str| {
            let path = variable(named).map(PathBuf::from);
            path.or_else(|| Some(home.as_ref()?.join(".aws").join(file)))
        };
        let of = |path: Option<PathBuf>, section: &str| match path {
            Some(path) => section_of(&path, section),
            None => Ok(HashMap::new()),
        };
        let kept = of(shared("AWS_SHARED_CREDENTIALS_FILE", "credentials"), &profile)?;
        let section = match &*profile {
            DEFAULT_PROFILE => profile.clone(),
            _ => format!("profile {profile}"),
        };
        let config = of(shared("AWS_CONFIG_FILE", "config"), &section)?;
        let setting = |name: &str| kept.get(name).or_else(|| config.get(name)).cloned();

        let endpoint = variable(&format!("AWS_ENDPOINT_URL_{id}"))
            .or_else(|| variable("AWS_ENDPOINT_URL"))
            .or_else(|| setting("endpoint_url"));
        let endpoint = endpoint.map(|url| {
            url.parse().map_err(|error| {
                ClientError::Settings(format!("AWS_ENDPOINT_URL {url:?} is not a URL: {error}"))
            })
        });
        let attempts = variable("AWS_MAX_ATTEMPTS").or_else(|| setting("max_attempts"));
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let from_variables = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
        let (id_and_secret, session_token) = match from_variables {
            Some(pair) => (Some(pair), variable("AWS_SESSION_TOKEN")),
            None => (
                setting("aws_access_key_id").zip(setting("aws_secret_access_key")),
                setting("aws_session_token"),
            ),
        };
        let (access_key_id, secret) = id_and_secret.ok_or_else(|| {
            ClientError::Settings(format!(
                "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                 keep them under [{profile}] in ~/.aws/credentials"
            ))
        })?;
        Ok(Self {
            endpoint: endpoint.transpose()?,
            region: region.or_else(|| setting("region")).unwrap_or_else(|| DEFAULT_REGION.into()),
            access_key_id,
            secret: Arc::new(SecretBytes::new(secret.into_bytes())),
            session_token,
            ca_bundle: variable("AWS_CA_BUNDLE").or_else(|| setting("ca_bundle")).map(Into::into),
            retries: policy(attempts.as_deref())?,
        })
    }

    /// The endpoint that was named, else AWS's own for this service and region.
    pub(super) fn endpoint_of(&self, service: &str) -> Result<Uri, ClientError> {
        if let Some(named) = &self.endpoint {
            return Ok(named.clone());
        }
        let domain =
            if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let url = format!("https://{service}.{}.{domain}/", self.region);
        url.parse()
            .map_err(|_| ClientError::Settings(format!("{:?} is not a region's name", self.region)))
    }
}

/// The policy for so many attempts.
fn policy(attempts: Option<&str>) -> Result<RetryPolicy, ClientError> {
    let Some(text) = attempts else { return Ok(RetryPolicy::default()) };
    match text.parse() {
        Ok(attempts) if attempts > 0 => Ok(RetryPolicy { attempts, ..RetryPolicy::default() }),
        _ => {
            let text = format!("AWS_MAX_ATTEMPTS {text:?} is not a number from 1");
            Err(ClientError::Settings(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, ClientError> {
        Settings::read("SSM", &|name| {
            let found = variables.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_come_first_and_have_defaults() {
        let id = ("AWS_ACCESS_KEY_ID", "test");
        let settings = read(&[id, ("AWS_SECRET_ACCESS_KEY", "s")]).unwrap();
        assert!(settings.endpoint.is_none());
        let aws = settings.endpoint_of("kms").unwrap();
        assert_eq!(aws.to_string(), "https://kms.us-east-1.amazonaws.com/");
        assert_eq!(settings.retries.attempts, 3);
        assert_eq!(
            (&*settings.region, &*settings.access_key_id, settings.secret.expose()),
            ("us-east-1", "test", &b"s"[..])
        );
        assert!(settings.session_token.is_none() && settings.ca_bundle.is_none());
        let half = read(&[id]).err().unwrap().to_string();
        assert!(half.contains("AWS_SECRET_ACCESS_KEY"), "{half}");
        let secret = ("AWS_SECRET_ACCESS_KEY", "s");
        let wrong = read(&[id, secret, ("AWS_ENDPOINT_URL", "a b")]);
        assert!(wrong.err().unwrap().to_string().contains("AWS_ENDPOINT_URL"));
        let all = ("AWS_ENDPOINT_URL", "http://a");
        let [own, other] = ["SSM", "KMS"].map(|id| format!("AWS_ENDPOINT_URL_{id}"));
        let (own, other) = ((&*own, "http://b"), (&*other, "http://c"));
        let named = |settings: Settings| settings.endpoint.map(|url| url.to_string());
        let named = |variables: &[_]| named(read(variables).unwrap());
        assert_eq!(named(&[id, secret, all, own, other]).as_deref(), Some("http://b/"));
        assert_eq!(named(&[id, secret, other]), None);
    }

    #[test]
    fn profiles_fill_in() {
        let home = tempfile::tempdir().unwrap();
        let [credentials, config] = ["c", "f"].map(|name| home.path().join(name));
        std::fs::write(
            &credentials,
            "[default]\naws_access_key_id = no\n[work]\n# aws_access_key_id = no\n\
             aws_access_key_id=AKIA\naws_secret_access_key = x=y\naws_session_token = t\n",
        )
        .unwrap();
        std::fs::write(
            &config,
            "[profile work]\nregion = eu-central-1\nservices =\n  region = no\n\
             endpoint_url = https://bulla.example:8443/base\n",
        )
        .unwrap();
        let settings = read(&[
            ("AWS_PROFILE", "work"),
            ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap()),
            ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ])
        .unwrap();
        assert_eq!(
            (&*settings.region, &*settings.access_key_id, settings.secret.expose()),
            ("eu-central-1", "AKIA", &b"x=y"[..])
        );
        assert_eq!(settings.session_token.as_deref(), Some("t"));
        let endpoint = settings.endpoint.clone().unwrap();
        assert_eq!(endpoint.to_string(), "https://bulla.example:8443/base");
        assert_eq!(settings.endpoint_of("kms").unwrap(), endpoint);
    }
}
