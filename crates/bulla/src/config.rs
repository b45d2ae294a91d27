//! Settings: options, then the environment (both by the command line), then one TOML file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_crypto::AttestationRoot;
use bulla_plane::journal::Durability;
use bulla_quotas::Grants;
use bulla_trail::Intervals;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;

use crate::cli::functions::FunctionOptions;
use crate::cli::journal::{JournalMode, JournalOptions};
use crate::cli::quota::{Granting, RateOptions, Rates};
use crate::cli::trail::TrailOptions;
use crate::cli::xks::KeyStoreOptions;
use crate::cli::{DevOptions, Place, ServeOptions, XksServeOptions};
use crate::error::Error;
use crate::key_stores::KeyStoreSettings;
use crate::pkcs11::TokenSettings;

/// Where the server listens unless told otherwise.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4566);
/// Where the proxy for external keys listens unless told otherwise.
const XKS_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4567);
const SECONDS_A_DAY: u32 = 86_400;
/// The largest file of settings, in bytes.
const MAX_CONFIG_BYTES: u64 = 64 * 1024;

/// The file of settings. Its keys are the options' names.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileSettings {
    listen: Option<SocketAddr>,
    data: Option<PathBuf>,
    key_file: Option<PathBuf>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    #[serde(default)]
    xks_connect: Vec<String>,
    xks_ca: Option<PathBuf>,
    attestation_root: Option<PathBuf>,
    database_ca: Option<PathBuf>,
    #[serde(default)]
    databases_here: bool,
    journal: Option<JournalMode>,
    quotas: Option<Rates>,
    quota_requests: Option<Granting>,
    #[serde(default)]
    allow_functions: bool,
    function_python: Option<PathBuf>,
    function_node: Option<PathBuf>,
    function_uid: Option<u32>,
    function_slots: Option<u32>,
    function_endpoint: Option<String>,
    #[serde(default)]
    token: Vec<TokenSettings>,
}

/// Where the data are, all sources considered.
pub(crate) struct Data {
    pub(crate) directory: PathBuf,
    pub(crate) key_file: Option<PathBuf>,
}

/// Where to listen, and how.
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    /// The certificate chain and its key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
}

/// What the settings say of functions.
#[derive(Clone, Debug, Default)]
pub(crate) struct FunctionSettings {
    pub(crate) python: Option<PathBuf>,
    pub(crate) node: Option<PathBuf>,
    pub(crate) uid: Option<u32>,
    pub(crate) slots: Option<u32>,
    pub(crate) endpoint: Option<String>,
}

/// What the services are told at start.
#[derive(Default)]
pub(crate) struct KeySettings {
    pub(crate) attestation_root: Option<AttestationRoot>,
    /// How much every account may have, by the services' names for it.
    pub(crate) quotas: Vec<(String, usize)>,
    pub(crate) trails: TrailSettings,
    pub(crate) rates: RateSettings,
}

/// Where trails deliver to, and how often.
#[derive(Default)]
pub(crate) struct TrailSettings {
    pub(crate) folder: Option<PathBuf>,
    /// S3, where that is delivered to in place of a folder.
    #[cfg(feature = "s3")]
    pub(crate) s3: Option<bulla_trail::s3::Access>,
    pub(crate) intervals: Intervals,
    pub(crate) retention: Option<Duration>,
}

impl TrailSettings {
    fn of(options: &TrailOptions) -> Result<Self, Error> {
        let seconds = |count: u32| Duration::from_secs(u64::from(count.max(1)));
        let (delivery, digest) = (options.trail_interval, options.digest_interval);
        let intervals = Intervals { delivery: seconds(delivery), digest: seconds(digest) };
        let days = |count: u32| seconds(count.max(1).saturating_mul(SECONDS_A_DAY));
        let retention = options.audit_retention.map(days);
        Ok(Self {
            folder: options.trails.clone(),
            #[cfg(feature = "s3")]
            s3: options.trails_to_s3.then(s3).transpose()?,
            intervals,
            retention,
        })
    }
}

/// What accounts may ask for, and how fast.
#[derive(Clone, Copy, Default)]
pub(crate) struct RateSettings {
    /// Whether AWS's request rates hold where no other was set.
    pub(crate) defaults: bool,
    pub(crate) grants: Grants,
}

impl RateOptions {
    /// What was asked for, or else what the command has.
    fn over(&self, file: &FileSettings, rates: Rates, grants: Granting) -> RateSettings {
        let rates = self.rates.or(file.quotas).unwrap_or(rates);
        let grants = match self.requests.or(file.quota_requests).unwrap_or(grants) {
            Granting::Granted => Grants::AtOnce,
            Granting::Operator => Grants::ByOperator,
        };
        RateSettings { defaults: rates == Rates::Aws, grants }
    }
}

/// Reads the root of attestation, if one is named.
fn attestation_root(path: Option<PathBuf>) -> Result<Option<AttestationRoot>, Error> {
    let Some(path) = path else { return Ok(None) };
    let refused = |cause: String| Error::Tls(path.clone(), cause);
    let der = CertificateDer::from_pem_file(&path).map_err(|error| refused(error.to_string()))?;
    let root = AttestationRoot::from_der(&der);
    Ok(Some(root.map_err(|_| refused("it is no certificate of a root".to_owned()))?))
}

/// Reads resource quotas as the command line has them.
fn quotas(texts: &[String]) -> Result<Vec<(String, usize)>, Error> {
    let is_known = |name: &str| bulla_quotas::resources().any(|(known, _)| known == name);
    let read = |text: &String| {
        let (name, value) = text.split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?)).filter(|_| is_known(name))
    };
    let each = texts.iter().map(|text| {
        read(text).ok_or_else(|| {
            let names: Vec<_> = bulla_quotas::resources().map(|(name, _)| name).collect();
            Error::Usage(format!(
                "{text:?} is no quota: give --quota NAME=NUMBER with one of {}",
                names.join(", ")
            ))
        })
    });
    each.collect()
}

impl Place {
    fn file(&self) -> Result<FileSettings, Error> {
        self.config.as_deref().map_or_else(|| Ok(FileSettings::default()), read)
    }

    fn over(&self, file: FileSettings) -> Option<Data> {
        let directory = self.data.clone().or(file.data)?;
        Some(Data { directory, key_file: self.key_file.clone().or(file.key_file) })
    }

    /// The data directory, which must be named.
    pub(crate) fn data(&self) -> Result<Data, Error> {
        self.over(self.file()?).ok_or_else(no_data)
    }
}

impl KeyStoreOptions {
    fn over(&self, file: &mut FileSettings) -> KeyStoreSettings {
        let places = std::mem::take(&mut file.xks_connect);
        KeyStoreSettings {
            places: if self.xks_connect.is_empty() { places } else { self.xks_connect.clone() },
            authorities: self.xks_ca.clone().or_else(|| file.xks_ca.take()),
            tokens: std::mem::take(&mut file.token),
            ..KeyStoreSettings::default()
        }
    }
}

impl FunctionOptions {
    fn over(&self, file: FileSettings) -> FunctionSettings {
        FunctionSettings {
            python: self.function_python.clone().or(file.function_python),
            node: self.function_node.clone().or(file.function_node),
            uid: self.function_uid.or(file.function_uid),
            slots: self.function_slots.or(file.function_slots),
            endpoint: self.function_endpoint.clone().or(file.function_endpoint),
        }
    }
}

impl XksServeOptions {
    /// Where to listen.
    pub(crate) fn settings(&self) -> Result<Listen, Error> {
        let address = self.listen.unwrap_or(XKS_LISTEN);
        listen(address, self.tls_cert.clone(), self.tls_key.clone())
    }
}

/// S3 as AWS's usual variables and files name it.
#[cfg(feature = "s3")]
fn s3() -> Result<bulla_trail::s3::Access, Error> {
    let settings = bulla_envelope::client::Settings::for_service("S3")?;
    Ok(bulla_trail::s3::Access {
        endpoint: settings.endpoint.map(|endpoint| endpoint.to_string()),
        region: settings.region,
        access_key_id: settings.access_key_id,
        secret: settings.secret,
        session_token: settings.session_token,
    })
}

impl DevOptions {
    /// How functions are run.
    pub(crate) fn function_settings(&self) -> Result<FunctionSettings, Error> {
        Ok(self.functions.over(self.place.file()?))
    }

    /// What the services are told.
    pub(crate) fn key_settings(&self) -> Result<KeySettings, Error> {
        let file = self.place.file()?;
        let rates = self.rates.over(&file, Rates::None, Granting::Granted);
        let named = self.attestation_root.clone().or(file.attestation_root);
        let quotas = quotas(&self.quotas)?;
        let attestation_root = attestation_root(named)?;
        let trails = TrailSettings::of(&self.trails)?;
        Ok(KeySettings { attestation_root, quotas, rates, trails })
    }

    /// Where to listen, the data directory if there is to be one, and what key stores reach.
    pub(crate) fn settings(&self) -> Result<(Listen, Option<Data>, KeyStoreSettings), Error> {
        let mut file = self.place.file()?;
        let address = self.listen.or(file.listen).unwrap_or(DEFAULT_LISTEN);
        let mut key_stores = self.key_stores.over(&mut file);
        key_stores.database_authorities = self.database_ca.clone().or(file.database_ca.take());
        Ok((Listen { address, tls: None }, self.place.over(file), key_stores))
    }
}

impl JournalOptions {
    /// What is asked for, or else what the settings' file has.
    pub(crate) fn durability(&self, place: &Place) -> Result<Durability, Error> {
        Ok(self.journal.or(place.file()?.journal).unwrap_or_default().into())
    }
}

impl ServeOptions {
    /// How functions are run; nothing where they are not allowed.
    pub(crate) fn function_settings(&self) -> Result<Option<FunctionSettings>, Error> {
        let file = self.place.file()?;
        let allowed = self.allow_functions || file.allow_functions;
        Ok(allowed.then(|| self.functions.over(file)))
    }

    /// What the services are told.
    pub(crate) fn key_settings(&self) -> Result<KeySettings, Error> {
        let file = self.place.file()?;
        let rates = self.rates.over(&file, Rates::Aws, Granting::Operator);
        let attestation_root =
            attestation_root(self.attestation_root.clone().or(file.attestation_root))?;
        let trails = TrailSettings::of(&self.trails)?;
        Ok(KeySettings { attestation_root, rates, trails, ..KeySettings::default() })
    }

    /// Where to listen, the data directory, and what key stores reach.
    pub(crate) fn settings(&self) -> Result<(Listen, Data, KeyStoreSettings), Error> {
        let mut file = self.place.file()?;
        let address = self.listen.or(file.listen).unwrap_or(DEFAULT_LISTEN);
        let cert = self.tls_cert.clone().or_else(|| file.tls_cert.take());
        let key = self.tls_key.clone().or_else(|| file.tls_key.take());
        let at = listen(address, cert, key)?;
        let mut key_stores = self.key_stores.over(&mut file);
        key_stores.database_authorities = self.database_ca.clone().or(file.database_ca.take());
        key_stores.databases_here = self.databases_here || file.databases_here;
        Ok((at, self.place.over(file).ok_or_else(no_data)?, key_stores))
    }
}

/// Listens beyond loopback only with TLS.
fn listen(
    address: SocketAddr,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Listen, Error> {
    let tls = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => {
            return Err(Error::Usage(
                "TLS needs both a certificate and its key: give --tls-cert and --tls-key"
                    .to_owned(),
            ));
        }
    };
    if tls.is_none() && !address.ip().is_loopback() {
        return Err(Error::Usage(format!(
            "{address} is beyond loopback and there is no TLS: give --tls-cert and --tls-key, \
             or listen on 127.0.0.1"
        )));
    }
    Ok(Listen { address, tls })
}

fn no_data() -> Error {
    Error::Usage("no data directory is named: give --data DIRECTORY".to_owned())
}

fn read(path: &Path) -> Result<FileSettings, Error> {
    let failed = |cause| Error::io(format!("read the settings in {}", path.display()), cause);
    let size = std::fs::metadata(path).map_err(failed)?.len();
    let refused = |cause: &dyn std::fmt::Display| {
        Error::Usage(format!("the settings in {} are wrong: {cause}", path.display()))
    };
    if size > MAX_CONFIG_BYTES {
        return Err(refused(&format_args!("more than {MAX_CONFIG_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    toml::from_str(&text).map_err(|error| refused(&error))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "listen = \"127.0.0.1:1\"\nlisten-on = 1\n").unwrap();
        let text = read(file.path()).err().unwrap().to_string();
        assert!(text.contains("listen-on"), "{text}");
    }

    #[test]
    fn quotas_are_named_as_the_services_name_them() {
        let own = [bulla_kms::RESOURCES, bulla_ssm::RESOURCES, bulla_events::RESOURCES];
        let own = [own.concat(), bulla_secrets::RESOURCES.to_vec()].concat();
        for resource in own {
            let default = bulla_quotas::resources().find(|(name, _)| *name == resource.name);
            let (_, default) = default.unwrap();
            assert!((default - resource.default as f64).abs() < 0.5, "{resource:?} {default}");
            let set = quotas(&[format!("{}=7", resource.name)]).unwrap();
            assert_eq!(set, [(resource.name.to_owned(), 7)]);
        }
        for wrong in ["wishes=3", "keys", "keys=-1"] {
            assert!(quotas(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_journals_modes_have_the_names_that_the_command_line_has() {
        for mode in JournalMode::value_variants() {
            let name = mode.to_possible_value().unwrap();
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), format!("journal = \"{}\"\n", name.get_name())).unwrap();
            assert_eq!(read(file.path()).unwrap().journal, Some(*mode));
        }
        let limit = Duration::from_millis(5);
        assert_eq!(Durability::from(JournalMode::Within), Durability::Within(limit));
        assert_eq!(Durability::from(JournalMode::default()), Durability::BeforeAnswer);
    }

    #[test]
    fn options_come_before_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "data = \"/a\"\nkey-file = \"/k\"\n").unwrap();
        let place = Place {
            data: Some("/b".into()),
            key_file: None,
            config: Some(file.path().to_path_buf()),
        };
        let data = place.data().unwrap();
        assert_eq!(data.directory, Path::new("/b"));
        assert_eq!(data.key_file.as_deref(), Some(Path::new("/k")));
    }
}
