//! Secrets of Secrets Manager as variables: a JSON object gives one for each of its members.

use bulla_plane::SecretText;
use serde_json::{Map, Value, json};

use crate::client::{Client, Target, of_service};
use crate::error::Error;

/// Secrets Manager.
pub(super) const SECRETS: Target = Target { service: "secretsmanager", prefix: "secretsmanager" };

/// A client of Secrets Manager by the environment and AWS's shared files.
pub(super) fn client() -> Result<Client, Error> {
    of_service("SECRETS_MANAGER", SECRETS)
}

/// What a secret holds, each part under a name like a parameter's, and the path that those names
/// are under.
pub(super) async fn members(
    client: &Client,
    id: &str,
) -> Result<(String, Vec<(String, SecretText)>), Error> {
    let input = json!({ "SecretId": id });
    let mut answer = client.call(SECRETS, "GetSecretValue", &input).await?;
    let name = answer.get("Name").and_then(Value::as_str).unwrap_or(id).to_owned();
    let Some(Value::String(text)) = answer.get_mut("SecretString").map(Value::take) else {
        return Err(Error::Usage(format!("{name} is binary, which no variable can hold")));
    };
    let path = name.rsplit_once('/').map_or("", |(path, _)| path).to_owned();
    let value = SecretText::new(text);
    Ok(match serde_json::from_str::<Map<String, Value>>(value.expose()) {
        Ok(members) => (path, parts(&name, members)),
        Err(_) => (path, vec![(name, value)]),
    })
}

/// The members of a secret: texts as they are, all else as JSON, nothing for null.
fn parts(name: &str, members: Map<String, Value>) -> Vec<(String, SecretText)> {
    let part = |(member, value): (String, Value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text,
            other => other.to_string(),
        };
        Some((format!("{name}/{member}"), SecretText::new(text)))
    };
    members.into_iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_by_name_and_as_text() {
        let Value::Object(members) = json!({ "a": "x", "b": 5, "c": [true], "d": null }) else {
            panic!("no object")
        };
        let parts = parts("p/db", members);
        let parts: Vec<_> =
            parts.iter().map(|(name, text)| (name.as_str(), text.expose())).collect();
        assert_eq!(parts, [("p/db/a", "x"), ("p/db/b", "5"), ("p/db/c", "[true]")]);
    }
}
