//! The URLs of identity providers.

use std::net::IpAddr;

/// The address without its scheme, and whether it is asked without TLS: on this machine, and in
/// `dev`, only. A port is taken, unlike by AWS: whose provider stands in his own house may need it.
pub(super) fn parse(url: &str, dev: bool) -> Option<(&str, bool)> {
    let (scheme, address) = url.split_once("://")?;
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let (name, port) = match host.rsplit_once(':').filter(|_| !host.ends_with(']')) {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_path = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}@*".contains(&byte);
    if !is_host(name) || !port.is_none_or(is_port) || !path.bytes().all(is_path) {
        return None;
    }
    match scheme {
        "https" => Some((address, false)),
        "http" if dev && is_loopback(name) => Some((address, true)),
        _ => None,
    }
}

fn is_host(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    if let Some(inner) = inner {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(letter)
    };
    name.split('.').all(label)
}

fn is_loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_this_machine_in_dev() {
        for (url, address) in [
            ("https://issuer.example", "issuer.example"),
            ("https://issuer.example/a/b", "issuer.example/a/b"),
            ("https://issuer.example:8443/a", "issuer.example:8443/a"),
            ("https://[2001:db8::1]/a", "[2001:db8::1]/a"),
        ] {
            assert_eq!(parse(url, false), Some((address, false)), "{url}");
        }
        for url in ["http://127.0.0.1:80", "http://localhost/a", "http://[::1]:8080"] {
            assert!(parse(url, true).is_some_and(|(_, plain)| plain), "{url}");
            assert_eq!(parse(url, false), None, "{url}");
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused() {
        for url in [
            "",
            "https://",
            "https:///a",
            "http://issuer.example",
            "http://127.0.0.1.example",
            "ftp://localhost",
            "issuer.example",
            "https://a b",
            "https://user@host",
            "https://host?x",
            "https://host/a?x",
            "https://host/a#x",
            "https://host:0",
            "https://host:99999",
            "https://ho*st",
            "https://h..st",
            "https://[x]",
        ] {
            assert_eq!(parse(url, true), None, "{url}");
        }
    }
}
