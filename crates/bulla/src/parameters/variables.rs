//! Parameters as variables of an environment: how they are called, and how they are written.

use bulla_plane::SecretText;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::cli::parameters::Format;
use crate::error::Error;

/// The variables that parameters give, by name.
#[derive(Default)]
pub(super) struct Variables(BTreeMap<String, SecretText>);

impl Variables {
    /// Adds the parameters under a path, in place of those of the same name that were added before.
    ///
    /// Two parameters of one path that give one variable are refused: which of them would be meant
    /// is a guess.
    pub(super) fn add(
        &mut self,
        path: &str,
        parameters: impl IntoIterator<Item = (String, SecretText)>,
    ) -> Result<(), Error> {
        let mut named: BTreeMap<String, String> = BTreeMap::new();
        for (parameter, value) in parameters {
            let name = variable(path, &parameter);
            if value.expose().contains('\0') {
                return Err(Error::Usage(format!(
                    "{parameter} has a zero byte in its value, which no variable can hold"
                )));
            }
            if let Some(other) = named.insert(name.clone(), parameter.clone()) {
                return Err(Error::Usage(format!(
                    "{other} and {parameter} both give the variable {name}: rename one of them, \
                     or give a longer --path"
                )));
            }
            self.0.insert(name, value);
        }
        Ok(())
    }

    /// Name and value of each, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// All of them as text.
    pub(super) fn written(&self, format: Format) -> String {
        let mut out = String::new();
        match format {
            Format::Shell => {
                self.lines(&mut out, |value| value.replace('\'', r"'\''"), "export ", '\'')
            }
            Format::Dotenv => self.lines(&mut out, escaped, "", '"'),
            Format::Json => {
                let all = self.iter().map(|(name, value)| (name.to_owned(), value.into()));
                out = Value::Object(all.collect::<Map<String, Value>>()).to_string();
                out.push('\n');
            }
        }
        out
    }

    fn lines(&self, out: &mut String, quoted: impl Fn(&str) -> String, before: &str, quote: char) {
        for (name, value) in self.iter() {
            out.push_str(before);
            out.push_str(name);
            out.push('=');
            out.push(quote);
            out.push_str(&quoted(value));
            out.push(quote);
            out.push('\n');
        }
    }
}

/// The name of the variable that a parameter gives.
fn variable(path: &str, parameter: &str) -> String {
    let path = path.trim_end_matches('/');
    let rest = parameter.strip_prefix(path).unwrap_or(parameter).trim_start_matches('/');
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
    };
    let name: String = rest.chars().map(letter).collect();
    // No shell takes a name that begins with a digit.
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Within double quotes of a .env file.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' | '$' => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(path: &str, parameters: &[(&str, &str)]) -> Result<Variables, Error> {
        let mut variables = Variables::default();
        let own = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), SecretText::new((*value).to_owned())));
        variables.add(path, own).map(|()| variables)
    }

    #[test]
    fn variables_are_called_by_what_follows_the_path() {
        for (path, parameter, name) in [
            ("/app", "/app/db/password", "DB_PASSWORD"),
            ("/app/", "/app/api-key.v2", "API_KEY_V2"),
            ("/", "/app/Port", "APP_PORT"),
            ("/", "plain", "PLAIN"),
            ("/app", "/app/2fa", "_2FA"),
        ] {
            assert_eq!(variable(path, parameter), name);
        }
    }

    #[test]
    fn later_paths_win_and_one_path_may_not_mean_two_things() {
        let mut variables = under("/a", &[("/a/x", "1"), ("/a/y", "2")]).unwrap();
        variables.add("/b", [("/b/x".to_owned(), SecretText::new("3".to_owned()))]).unwrap();
        assert_eq!(variables.iter().collect::<Vec<_>>(), [("X", "3"), ("Y", "2")]);
        let twice = under("/a", &[("/a/x-y", "1"), ("/a/x/y", "2")]).err().unwrap().to_string();
        assert!(twice.contains("/a/x-y and /a/x/y both give the variable X_Y"), "{twice}");
        let zero = under("/a", &[("/a/x", "1\u{0}")]).err().unwrap().to_string();
        assert!(zero.contains("/a/x has a zero byte"), "{zero}");
    }

    #[test]
    fn each_format_keeps_every_letter() {
        let variables = under("/a", &[("/a/x", "it's \"$5\"\n\\")]).unwrap();
        assert_eq!(variables.written(Format::Shell), "export X='it'\\''s \"$5\"\n\\'\n");
        assert_eq!(variables.written(Format::Dotenv), "X=\"it's \\\"\\$5\\\"\\n\\\\\"\n");
        assert_eq!(variables.written(Format::Json), "{\"X\":\"it's \\\"$5\\\"\\n\\\\\"}\n");
    }
}
