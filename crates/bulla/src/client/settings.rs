//! Where the server is and who calls: the environment, then AWS's shared files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bulla_crypto::SecretBytes;
use http::Uri;

use crate::error::Error;

/// Where `bulla dev` and `bulla serve` listen when nothing is said.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:4566";
const DEFAULT_REGION: &str = "us-east-1";
const DEFAULT_PROFILE: &str = "default";
/// The largest shared file that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a client needs to know.
pub(crate) struct Settings {
    /// `http://` or `https://`, host, port and path.
    pub(crate) endpoint: Uri,
    /// The region that requests are signed for.
    pub(crate) region: String,
    /// The access key id.
    pub(crate) access_key_id: String,
    /// The secret access key.
    pub(crate) secret: SecretBytes,
    /// The token of temporary credentials.
    pub(crate) session_token: Option<String>,
    /// A PEM file of certificates to trust in place of the system's.
    pub(crate) ca_bundle: Option<PathBuf>,
}

impl Settings {
    /// Reads `AWS_ENDPOINT_URL`, `AWS_REGION` or `AWS_DEFAULT_REGION`, `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_CA_BUNDLE`; what they don't say, the
    /// profile `AWS_PROFILE` of the shared credentials and configuration files does.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        Self::read(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
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

        let endpoint = variable("AWS_ENDPOINT_URL").or_else(|| setting("endpoint_url"));
        let endpoint = endpoint.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
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
            Error::Usage(format!(
                "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                 keep them under [{profile}] in ~/.aws/credentials"
            ))
        })?;
        Ok(Self {
            endpoint: endpoint.parse().map_err(|error| {
                Error::Usage(format!("AWS_ENDPOINT_URL {endpoint:?} is not a URL: {error}"))
            })?,
            region: region.or_else(|| setting("region")).unwrap_or_else(|| DEFAULT_REGION.into()),
            access_key_id,
            secret: SecretBytes::new(secret.into_bytes()),
            session_token,
            ca_bundle: variable("AWS_CA_BUNDLE").or_else(|| setting("ca_bundle")).map(Into::into),
        })
    }
}

/// A section of a file in the format of AWS's shared files: `[name]`, then `key = value` lines.
/// A file that isn't there has none.
fn section_of(path: &Path, section: &str) -> Result<HashMap<String, String>, Error> {
    let attempt = || format!("read {}", path.display());
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(Error::io(attempt(), error)),
    };
    if size > MAX_FILE_BYTES {
        let text = format!("{} is larger than {MAX_FILE_BYTES} bytes", path.display());
        return Err(Error::Usage(text));
    }
    let text = std::fs::read_to_string(path).map_err(|error| Error::io(attempt(), error))?;
    let mut values = HashMap::new();
    let mut within = false;
    for line in text.lines() {
        let plain = line.trim();
        if let Some(name) = plain.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            within = name.trim() == section;
        } else if within
            && !plain.starts_with(['#', ';'])
            // An indented line belongs to the setting above it, of which none is used here.
            && !line.starts_with([' ', '\t'])
            && let Some((key, value)) = plain.split_once('=')
        {
            values.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Error> {
        Settings::read(&|name| {
            let found = variables.iter().find(|(of, _)| *of == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_come_first_and_have_defaults() {
        let id = ("AWS_ACCESS_KEY_ID", "test");
        let settings = read(&[id, ("AWS_SECRET_ACCESS_KEY", "s")]).unwrap();
        assert_eq!(settings.endpoint.to_string(), "http://127.0.0.1:4566/");
        assert_eq!(
            (&*settings.region, &*settings.access_key_id, settings.secret.expose()),
            ("us-east-1", "test", &b"s"[..])
        );
        assert!(settings.session_token.is_none() && settings.ca_bundle.is_none());
        let half = read(&[id]).err().unwrap().to_string();
        assert!(half.contains("AWS_SECRET_ACCESS_KEY"), "{half}");
        let wrong = read(&[id, ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_ENDPOINT_URL", "a b")]);
        assert!(wrong.err().unwrap().to_string().contains("AWS_ENDPOINT_URL"));
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
        assert_eq!(settings.endpoint.to_string(), "https://bulla.example:8443/base");
    }
}
