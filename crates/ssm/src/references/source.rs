//! `SourceResult`: a secret's version as Secrets Manager's answer, written as AWS writes it there.
//!
//! Recorded: the members' order, their small first letters, the date's form, binary secrets as a
//! dump of a Java buffer, and the letters that are escaped because they mean something in HTML.

use std::fmt::Write as _;

use bulla_plane::Stop;
use bulla_shapes::Fault;
use bulla_shapes::secretsmanager::GetSecretValueResponse;
use serde_json::{Value, json};

use crate::fault;

/// The text of a version that was made at `created_ms`.
pub(super) fn result(answer: &GetSecretValueResponse<'_>, created_ms: i64) -> Result<String, Stop> {
    let secret = match (answer.secret_string(), answer.secret_binary()) {
        (Some(text), _) => ("secretString", text.into()),
        (None, Some(bytes)) => ("secretBinary", buffer(bytes)),
        (None, None) => return Err(fault::internal().into()),
    };
    let stages = answer.version_stages();
    let stages: Vec<&str> = stages.map(|stages| stages.iter().collect()).unwrap_or_default();
    let members = [
        ("ARN", answer.arn().into()),
        ("name", answer.name().into()),
        ("versionId", answer.version_id().into()),
        secret,
        ("versionStages", stages.into()),
        ("createdDate", date(created_ms)?.into()),
    ];
    let mut out = String::from("{");
    for (name, value) in members {
        if out.len() > 1 {
            out.push(',');
        }
        // Writing to a string cannot fail.
        let _infallible = write!(out, "\"{name}\":{}", escaped(&value));
    }
    out.push('}');
    Ok(out)
}

/// Such as `Sep 26, 2026, 7:29:54 PM`, in UTC.
fn date(ms: i64) -> Result<String, Fault> {
    let time = jiff::Timestamp::from_millisecond(ms).map_err(|_| fault::internal())?;
    Ok(time.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string())
}

/// A Java buffer over bytes, which have a sign there.
fn buffer(bytes: &[u8]) -> Value {
    let signed: Vec<i8> = bytes.iter().map(|byte| byte.cast_signed()).collect();
    json!({
        "hb": signed,
        "offset": 0,
        "isReadOnly": false,
        "bigEndian": true,
        "nativeByteOrder": false,
        "mark": -1,
        "position": 0,
        "limit": bytes.len(),
        "capacity": bytes.len(),
        "address": 8,
    })
}

/// JSON in which no letter means anything in HTML.
fn escaped(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '=' | '<' | '>' | '&' | '\'' => {
                let _infallible = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> GetSecretValueResponse<'static> {
        GetSecretValueResponse::new()
            .with_arn("arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf")
            .with_name("db")
            .with_version_id("v")
            .with_version_stages(["AWSCURRENT"])
    }

    #[test]
    fn a_text_is_written_in_awss_order_and_letters() {
        let text = result(&answer().with_secret_string("a=b<\"'"), 1_790_450_994_802).unwrap();
        assert_eq!(
            text,
            "{\"ARN\":\"arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf\",\
             \"name\":\"db\",\"versionId\":\"v\",\"secretString\":\"a\\u003db\\u003c\\\"\\u0027\",\
             \"versionStages\":[\"AWSCURRENT\"],\"createdDate\":\"Sep 26, 2026, 7:29:54 PM\"}"
        );
    }

    #[test]
    fn bytes_are_a_java_buffer() {
        let bytes: &[u8] = &[0, 127, 128, 255];
        let text = result(&answer().with_secret_binary(bytes), 0).unwrap();
        let told: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(told["secretBinary"]["hb"], json!([0, 127, -128, -1]));
        assert_eq!(told["secretBinary"]["limit"], 4);
        assert_eq!(told["createdDate"], "Jan 1, 1970, 12:00:00 AM");
        assert!(told.get("secretString").is_none());
    }
}
