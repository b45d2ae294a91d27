//! Where traces go, as the command line and OpenTelemetry's own variables have it.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use crate::cli::traces::TraceOptions;
use crate::error::Error;
use crate::proxies::Proxies;

/// OpenTelemetry's variables for the endpoint of traces, and for that of everything.
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Its variables for a PEM file of certificates to trust.
const CERTIFICATES: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"];
/// Its variable that switches everything off.
const DISABLED: &str = "OTEL_SDK_DISABLED";
/// Where collectors take traces, unless told otherwise (OTLP specification, "OTLP/HTTP Request").
const PATH: &str = "/v1/traces";

/// How many requests may wait to be exported; those beyond are left out and counted. One takes
/// some 700 bytes, and at most 20 KiB.
const MAX_WAITING: usize = 4_096;
/// How many requests go out together.
const BATCH: usize = 512;
/// How long requests are gathered that are fewer.
const GATHER: Duration = Duration::from_secs(1);
/// How long an export may take, with all tries.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last exports may take at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where traces go, and how.
pub(crate) struct TraceSettings {
    /// The address that takes them.
    pub(super) endpoint: Uri,
    pub(super) proxies: Proxies,
    /// One request of so many is followed.
    pub(super) every: NonZeroU64,
    pub(super) limits: Limits,
}

/// What an export may take of everything.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) waiting: usize,
    pub(super) batch: usize,
    pub(super) gather: Duration,
    pub(super) timeout: Duration,
    pub(super) close: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            waiting: MAX_WAITING,
            batch: BATCH,
            gather: GATHER,
            timeout: EXPORT_TIMEOUT,
            close: CLOSE_TIMEOUT,
        }
    }
}

impl TraceSettings {
    /// What was asked for; nothing where no endpoint is named.
    pub(crate) fn of(options: &TraceOptions) -> Result<Option<Self>, Error> {
        Self::read(options, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(
        options: &TraceOptions,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Error> {
        let named = match &options.traces {
            Some(url) => Some(("--traces", url.clone())),
            None if variable(DISABLED).is_some_and(|it| it.eq_ignore_ascii_case("true")) => None,
            None => [TRACES_ENDPOINT, ENDPOINT]
                .into_iter()
                .find_map(|name| Some((name, variable(name)?))),
        };
        let Some((name, url)) = named else { return Ok(None) };
        let endpoint = endpoint(&url, name != TRACES_ENDPOINT)
            .map_err(|why| Error::Usage(format!("{name}={url:?} takes no traces: {why}")))?;
        let certificates = CERTIFICATES.into_iter().find_map(variable).map(PathBuf::from);
        // Without TLS this machine alone is reached, as with everything.
        let proxies = Proxies::new(HashMap::new(), certificates.as_deref())?.reaching_here(true);
        let (every, limits) = (options.traces_every, Limits::default());
        Ok(Some(Self { endpoint, proxies, every, limits }))
    }
}

/// Reads the address of a collector. That of everything is not yet that of traces.
fn endpoint(url: &str, of_all: bool) -> Result<Uri, String> {
    let whole = if of_all && !url.trim_end_matches('/').ends_with(PATH) {
        format!("{}{PATH}", url.trim_end_matches('/'))
    } else {
        url.to_owned()
    };
    let uri: Uri = whole.parse().map_err(|error| format!("it is no URL ({error})"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let is_here = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(uri),
        Some("http") if is_here => Ok(uri),
        Some("http") => Err("give one of HTTPS, or a collector on this machine".to_owned()),
        _ => Err("give a URL such as http://127.0.0.1:4318".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(traces: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let options =
            TraceOptions { traces: traces.map(str::to_owned), traces_every: NonZeroU64::MIN };
        let variable = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let read = TraceSettings::read(&options, variable);
        read.map(|it| it.map(|it| it.endpoint.to_string())).map_err(|error| error.to_string())
    }

    #[test]
    fn the_endpoint_is_the_options_or_else_that_of_opentelemetrys_variables() {
        let here = "http://127.0.0.1:4318/v1/traces".to_owned();
        let all = (ENDPOINT, "http://127.0.0.1:4318/");
        let own = (TRACES_ENDPOINT, "https://example.com/otlp");
        assert_eq!(read(None, &[]), Ok(None));
        assert_eq!(read(Some("http://127.0.0.1:4318"), &[own]), Ok(Some(here.clone())));
        assert_eq!(read(Some(&here), &[]), Ok(Some(here.clone())));
        assert_eq!(read(None, &[all]), Ok(Some(here)));
        assert_eq!(read(None, &[all, own]), Ok(Some("https://example.com/otlp".to_owned())));
        assert_eq!(read(None, &[all, (DISABLED, "TRUE")]), Ok(None));
        let ipv6 = "http://[::1]:4318/v1/traces".to_owned();
        assert_eq!(read(Some("http://[::1]:4318"), &[]), Ok(Some(ipv6)));
    }

    #[test]
    fn what_takes_no_traces_is_refused_by_name() {
        for url in
            ["", "127.0.0.1:4318", "ftp://127.0.0.1", "http://10.0.0.1:4318", "https://", "x y"]
        {
            let refused = read(None, &[(ENDPOINT, url)]).unwrap_err();
            assert!(refused.starts_with(ENDPOINT), "{refused}");
        }
    }
}
