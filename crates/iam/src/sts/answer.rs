//! What is answered of issued credentials, and what the journal holds of the answer.

use bulla_plane::Call;
use bulla_shapes::sts::Credentials;
use serde_json::{Map, Value, json};

use super::session::Session;
use super::token::{Issued, percent_of_max};

/// Credentials for their holder.
pub(super) fn credentials(issued: &Issued, session: &Session) -> Credentials<'static> {
    Credentials::new()
        .with_access_key_id(issued.access_key_id.clone())
        // Only characters of base 64 are in it.
        .with_secret_access_key(
            str::from_utf8(issued.secret.expose()).unwrap_or_default().to_owned(),
        )
        .with_session_token(issued.token.clone())
        .with_expiration(session.expires_ms)
}

/// The token's size in characters, and its use of the largest size in percent.
pub(super) fn sizes(issued: &Issued) -> (i64, i64) {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    (count(issued.token.len()), count(percent_of_max(issued.token.len())))
}

/// Writes the answer down as CloudTrail does (recorded): the token is no secret without the
/// secret access key, which is left out. `more` comes after the credentials.
pub(super) fn record(
    call: &mut Call,
    issued: &Issued,
    session: &Session,
    more: impl IntoIterator<Item = (&'static str, Value)>,
) {
    let expires = jiff::Timestamp::from_millisecond(session.expires_ms).unwrap_or_default();
    let mut answer = Map::new();
    answer.insert(
        "credentials".to_owned(),
        json!({
            "accessKeyId": issued.access_key_id,
            "sessionToken": issued.token,
            "expiration": expires.to_string(),
        }),
    );
    let more = more.into_iter().filter(|(_, value)| !value.is_null());
    answer.extend(more.map(|(key, value)| (key.to_owned(), value)));
    let (size, percent) = sizes(issued);
    answer.insert("sessionTokenUtilization".to_owned(), percent.into());
    answer.insert("sessionTokenSize".to_owned(), size.into());
    call.trail.response = Some(Value::Object(answer).to_string());
}
