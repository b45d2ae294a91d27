//! Invoke.

use bulla_plane::pipeline::id_text;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::lambda::{InvocationRequest, InvocationResponse};
use bytes::Bytes;
use serde::de::IgnoredAny;

use super::{Answer, no_keys};
use crate::due::Waiting;
use crate::execute::Wanted;
use crate::functions::{Stored, Version};
use crate::identifier::Identifier;
use crate::run::{MAX_PAYLOAD_BYTES, Target};
use crate::{Lambda, fault};

/// The largest payload of a call that nobody waits for, in bytes (user guide, "Quotas": 1 MB).
const MAX_EVENT_BYTES: usize = 1_000_000;
/// The longest client context, in bytes of base64 (API reference, `ClientContext`).
const MAX_CONTEXT_BYTES: usize = 3_583;

pub(crate) async fn invoke(
    service: &Lambda,
    call: &mut Call,
    input: &InvocationRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), input.qualifier())?;
    let action = "lambda:InvokeFunction";
    let (named, stored) = service.permitted(call, named, action, &no_keys()).await?;
    service.runner()?;
    let payload = input.payload().unwrap_or_default();
    let kind = input.invocation_type().unwrap_or("RequestResponse");
    let waits = kind != "Event";
    let limit = if waits { MAX_PAYLOAD_BYTES } else { MAX_EVENT_BYTES };
    if payload.len() > limit {
        return Err(fault::too_large(limit, "InvokeFunction").into());
    }
    check_json(payload)?;
    let client_context = input.client_context().map(context).transpose()?;
    let version = service.drawn_version(&stored, named.qualifier.as_deref()).await?;
    if input.durable_execution_name().is_some() || input.tenant_id().is_some() {
        return Err(fault::unsupported("A durable execution or tenant").into());
    }
    let executed = version.name.clone();
    let arn = named.qualified_arn();
    match kind {
        "DryRun" => Ok(answer(204, &executed)),
        "Event" => {
            let waiting = Waiting {
                id: id_text(call.request_id),
                arn,
                client_context,
                accepted_ms: call.now_ms,
                due_ms: call.now_ms,
                failed: 0,
                waited: 0,
            };
            service.accept(&waiting, payload).await?;
            Ok(answer(202, &executed))
        }
        _ => {
            let wanted = Wanted {
                target: Target::of(&stored, version),
                id: id_text(call.request_id),
                arn,
                payload: Bytes::copy_from_slice(payload),
                client_context,
            };
            let done = service.execute(wanted).await?;
            let tail = (input.log_type() == Some("Tail"))
                .then(|| base64_simd::STANDARD.encode_to_string(&done.tail));
            let answer = InvocationResponse::new()
                .with_status_code(200)
                .with_executed_version(executed)
                .with_payload(done.payload)
                .with_some(done.error, |this, error| this.with_function_error(error))
                .with_some(tail, InvocationResponse::with_log_result);
            Ok(Some(answer.into_record()))
        }
    }
}

fn answer(status: i64, executed: &str) -> Option<bulla_shapes::Record<'static>> {
    let answer = InvocationResponse::new().with_status_code(status);
    // A call that nobody waits for tells no version (recorded).
    let answer =
        if status == 202 { answer } else { answer.with_executed_version(executed.to_owned()) };
    Some(answer.into_record())
}

/// A payload is JSON, or there is none.
fn check_json(payload: &[u8]) -> Result<(), Stop> {
    if payload.is_empty() {
        return Ok(());
    }
    match serde_json::from_slice::<IgnoredAny>(payload) {
        Ok(_) => Ok(()),
        // Where it stands is told, but nothing of what stands there; AWS repeats its parser's text.
        Err(error) => {
            let at = format!("line: {}, column: {}", error.line(), error.column());
            let text = format!("Could not parse payload into json: Unexpected character at [{at}]");
            Err(fault::not_json(&text).into())
        }
    }
}

/// A client context: JSON in base64, which becomes a header for the function.
fn context(given: &str) -> Result<String, Stop> {
    let refused = || fault::not_json("Client context must be a valid Base64-encoded JSON object.");
    if given.len() > MAX_CONTEXT_BYTES {
        return Err(refused().into());
    }
    let bytes = base64_simd::STANDARD.decode_to_vec(given).map_err(|_| refused())?;
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&bytes).map_err(|_| refused())?;
    // Written anew, in ASCII: no byte of it can end a header.
    let json = serde_json::Value::Object(object).to_string();
    let mut ascii = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            ascii.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Ok(ascii)
}

impl Lambda {
    /// The version that a qualifier leads to; of an alias with two, one by lot.
    pub(crate) async fn drawn_version(
        &self,
        stored: &Stored,
        qualifier: Option<&str>,
    ) -> Result<Version, Stop> {
        let [byte, other] = self.crypto.random::<2>()?;
        let draw = f64::from(u16::from_be_bytes([byte, other])) / 65_536.0;
        self.version(&stored.record, qualifier, draw).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_becomes_a_header() {
        let encode = |text: &str| base64_simd::STANDARD.encode_to_string(text);
        let given = context(&encode("{\"custom\": {\"a\": \"\u{e4}\\n\u{1f600}\"}}"));
        let Ok(given) = given else { panic!("refused") };
        assert_eq!(given, r#"{"custom":{"a":"\u00e4\n\ud83d\ude00"}}"#);
        for bad in ["no base64!", &encode("[1]"), &encode("{"), &"A".repeat(4_000)] {
            assert!(context(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_payload_is_json() {
        assert!(check_json(b"").is_ok() && check_json(b"null").is_ok());
        let Err(Stop::Fault(refused)) = check_json(b"{secret}") else { panic!("taken") };
        assert_eq!(refused.code, "InvalidRequestContentException");
        assert!(!refused.message.unwrap().contains("secret"));
    }
}
