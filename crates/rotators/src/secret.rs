//! A database secret's standard JSON (user guide, "JSON structure of AWS Secrets Manager secrets").
//!
//! What a rotator changes are user and password; every other member stays as it was.

use std::fmt;

use bulla_crypto::SecretBytes;
use serde_json::{Map, Value};

use crate::rotator::Engine;
use crate::trouble::Trouble;

/// What is behind the name of a user's clone.
const CLONE: &str = "_clone";

/// A login as a secret holds it. Nothing of it is printed but where it is for.
pub(crate) struct Login {
    members: Map<String, Value>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: SecretBytes,
    /// The database, where one is named.
    pub(crate) database: Option<String>,
    /// Whether TLS is asked for, or waived.
    pub(crate) tls: Option<bool>,
    /// The secret of the superuser who changes the passwords of alternating users.
    pub(crate) superuser: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}@{}:{})", self.user, self.host, self.port)
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.members.values_mut().for_each(wipe);
    }
}

/// Wipes a text, as far as the memory that it is in now goes.
fn wipe(value: &mut Value) {
    if let Value::String(text) = value {
        drop(SecretBytes::new(std::mem::take(text).into_bytes()));
    }
}

fn wrong(what: impl Into<String>) -> Trouble {
    Trouble::Secret(what.into())
}

/// The members of a secret that is JSON, if it is.
pub(crate) fn members(text: &SecretBytes) -> Option<Map<String, Value>> {
    match serde_json::from_slice(text.expose()) {
        Ok(Value::Object(members)) => Some(members),
        Ok(_) | Err(_) => None,
    }
}

/// A secret's text with another password.
pub(crate) fn with_password(
    mut members: Map<String, Value>,
    password: &SecretBytes,
) -> Result<SecretBytes, Trouble> {
    let text = String::from_utf8(password.expose().to_vec());
    let text = text.map_err(|_| wrong("the new password is no text"))?;
    if let Some(mut before) = members.insert("password".to_owned(), Value::String(text)) {
        wipe(&mut before);
    }
    let written = serde_json::to_vec(&members);
    members.values_mut().for_each(wipe);
    written.map(SecretBytes::new).map_err(|_| wrong("it can't be written"))
}

impl Login {
    /// Reads a login for an engine.
    pub(crate) fn read(text: &SecretBytes, engine: Engine) -> Result<Self, Trouble> {
        let members = members(text).ok_or_else(|| wrong("it is no JSON object"))?;
        let text = |name: &str| {
            let text = members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let must = |name: &str| text(name).ok_or_else(|| wrong(format!("it has no {name}")));
        let named = must("engine")?;
        let usual = usual_port(engine, &named)
            .ok_or_else(|| wrong(format!("this rotator is not for the engine {named}")))?;
        let port = match members.get("port") {
            None | Some(Value::Null) => Some(usual),
            Some(Value::String(port)) => port.parse().ok(),
            Some(port) => port.as_u64().and_then(|port| u16::try_from(port).ok()),
        };
        let port = port.filter(|port| *port != 0).ok_or_else(|| wrong("its port is none"))?;
        let tls = match members.get("ssl") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(tls)) => Some(*tls),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Some(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Some(false),
            Some(_) => return Err(wrong("its member ssl is neither true nor false")),
        };
        let password = SecretBytes::new(must("password")?.into_bytes());
        Ok(Self {
            host: must("host")?,
            port,
            user: must("username")?,
            password,
            database: text("dbname"),
            tls,
            superuser: text("masterarn"),
            members,
        })
    }

    /// The secret's text with another user and password.
    pub(crate) fn renewed(
        &self,
        user: &str,
        password: &SecretBytes,
    ) -> Result<SecretBytes, Trouble> {
        let mut members = self.members.clone();
        members.insert("username".to_owned(), user.into());
        with_password(members, password)
    }

    /// The user whose turn is next.
    pub(crate) fn other_user(&self) -> String {
        match self.user.strip_suffix(CLONE) {
            Some(user) if !user.is_empty() => user.to_owned(),
            _ => format!("{}{CLONE}", self.user),
        }
    }

    /// Whether it is for Redshift, whose users have no members.
    pub(crate) fn is_of_redshift(&self) -> bool {
        self.members.get("engine").is_some_and(|engine| engine == "redshift")
    }

    /// Whether two secrets are of one place.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.host == other.host && self.port == other.port
    }
}

/// The port that an engine listens on, if the rotator is for it.
fn usual_port(engine: Engine, named: &str) -> Option<u16> {
    match (engine, named) {
        (Engine::PostgreSql, "postgres" | "postgresql" | "aurora-postgresql") => Some(5432),
        (Engine::PostgreSql, "redshift") => Some(5439),
        (Engine::MySql, "mysql" | "mariadb" | "aurora-mysql") => Some(3306),
        (Engine::MongoDb, "mongo" | "mongodb" | "docdb") => Some(27017),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Login, String> {
        let text = SecretBytes::from_slice(text.as_bytes());
        Login::read(&text, Engine::PostgreSql).map_err(|trouble| trouble.to_string())
    }

    #[test]
    fn the_standard_members_are_read_and_the_rest_is_kept() {
        let login = read(
            r#"{"engine":"postgres","host":"db","username":"app","password":"p","port":"5433",
                "dbname":"shop","ssl":"True","masterarn":"arn:m","extra":[1,{"a":2}]}"#,
        )
        .unwrap();
        assert_eq!((login.host.as_str(), login.port, login.tls), ("db", 5433, Some(true)));
        assert_eq!(login.database.as_deref(), Some("shop"));
        assert_eq!(login.superuser.as_deref(), Some("arn:m"));
        let renewed = login.renewed("app_clone", &SecretBytes::from_slice(b"q")).unwrap();
        let renewed: Value = serde_json::from_slice(renewed.expose()).unwrap();
        assert_eq!(renewed["password"], "q");
        assert_eq!(renewed["username"], "app_clone");
        assert_eq!(renewed["extra"], serde_json::json!([1, { "a": 2 }]));
        assert_eq!(format!("{login:?}"), "Login(app@db:5433)");
    }

    #[test]
    fn users_alternate() {
        let user = |name: &str| {
            let text =
                format!(r#"{{"engine":"postgres","host":"h","username":"{name}","password":"p"}}"#);
            read(&text).unwrap().other_user()
        };
        assert_eq!((user("app").as_str(), user("app_clone").as_str()), ("app_clone", "app"));
        assert_eq!(user("_clone"), "_clone_clone");
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_without_the_values() {
        for (text, told) in [
            ("5432", "it is no JSON object"),
            ("not json: hunter2", "it is no JSON object"),
            (r#"{"engine":"oracle"}"#, "this rotator is not for the engine oracle"),
            (r#"{"engine":"postgres","port":0}"#, "its port is none"),
            (r#"{"engine":"postgres","port":70000}"#, "its port is none"),
            (r#"{"engine":"postgres","ssl":1}"#, "its member ssl is neither true nor false"),
            (r#"{"engine":"postgres","host":"h","username":"u"}"#, "it has no password"),
            (r#"{"engine":"postgres","password":"hunter2"}"#, "it has no host"),
        ] {
            let trouble = read(text).unwrap_err();
            assert_eq!(trouble, format!("the secret can't be rotated: {told}"));
        }
    }
}
