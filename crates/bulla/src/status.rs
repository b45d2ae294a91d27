//! `bulla status`: asks a running server how it is, and prints what it says.

use bulla_plane::Clock;
use serde_json::Value;

use crate::cli::status::StatusOptions;
use crate::client;
use crate::error::Error;
use crate::{server, stdout};

/// Where a server tells it.
const ADDRESS: &str = "/_bulla/status";
const OK: u16 = 200;

/// Asks a running server, and prints what it says.
pub(crate) fn run(options: &StatusOptions) -> Result<(), Error> {
    let (status, body) = server::runtime()?.block_on(async {
        let client = client::of_anybody()?;
        Ok::<_, Error>(client.get(ADDRESS).await?)
    })?;
    let told: Option<Value> = serde_json::from_slice(&body).ok().filter(|_| status == OK);
    let Some(told) = told else {
        return Err(Error::Usage(format!(
            "the server answered {status}: it tells its status only to its own machine"
        )));
    };
    let text = if options.json { format!("{told}\n") } else { rendered(&told) };
    stdout::whole(text.as_bytes())
}

/// What people read of it.
fn rendered(told: &Value) -> String {
    let at = |pointer: &str| match told.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let mut text = format!(
        "health   {} ({}, version {}, up {} s)\n\
         seal     {}\n\
         store    {} rows, revision {}, {} bytes\n\
         journal  record {}, {} segments, {} bytes waiting, durable {} ms ago, last sync {} µs, \
         {} failures\n",
        at("/health"),
        at("/mode"),
        at("/version"),
        at("/uptimeSeconds"),
        at("/seal"),
        at("/store/rows"),
        at("/store/revision"),
        at("/store/bytes"),
        at("/journal/lastRecord"),
        at("/journal/segments"),
        at("/journal/waitingBytes"),
        at("/journal/sinceDurableMilliseconds"),
        at("/journal/lastSyncMicroseconds"),
        at("/journal/failures"),
    );
    let callers = told.get("throttledCallers").and_then(Value::as_array);
    let callers = callers.map(Vec::as_slice).unwrap_or_default();
    if callers.is_empty() {
        text.push_str("throttled nobody\n");
    }
    for caller in callers {
        let of = |name: &str| caller.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| caller.get(name).and_then(Value::as_i64).unwrap_or_default();
        let ago = Clock::wall_ms().saturating_sub(number("lastMilliseconds")).max(0) / 1000;
        text.push_str(&format!(
            "throttled {} in {}: {} calls, last {ago} s ago ({} {})\n",
            of("account"),
            of("region"),
            number("calls"),
            of("service"),
            of("quota"),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_read_who_was_throttled_and_what_is_not_known() {
        let told = json!({
            "health": "ready", "mode": "serve", "seal": "key file", "store": { "rows": 7 },
            "throttledCallers": [{
                "account": "111122223333", "region": "eu-west-1", "service": "kms",
                "quota": "CreateKey request rate", "calls": 3, "lastMilliseconds": 0,
            }],
        });
        let text = rendered(&told);
        assert!(text.contains("store    7 rows, revision -, - bytes\n"), "{text}");
        assert!(text.contains("throttled 111122223333 in eu-west-1: 3 calls, last "), "{text}");
        assert!(rendered(&json!({})).contains("throttled nobody\n"));
    }
}
