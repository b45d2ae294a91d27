//! PostgreSQL's protocol 3.0 as far as a change of password needs it (its documentation,
//! "Frontend/Backend Protocol").
//!
//! New passwords are sent as what the server would keep of them, never in clear, so that no log of
//! statements has them.

use bulla_crypto::{Crypto, LoginHash, SecretBytes, hex, md5};

use crate::reach::{Line, MAX_MESSAGE_BYTES, Reach};
use crate::scram::{NONCE_LEN, Proved, SALT_LEN, Scram, postgresql_verifier};
use crate::secret::Login;
use crate::trouble::Trouble;

/// The request for TLS: a version that no protocol has.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Protocol 3.0.
const PROTOCOL: u32 = 196_608;
/// The database of logins that name none.
const DATABASE: &str = "postgres";
/// The longest name of a user, in bytes; longer ones would be cut.
const MAX_NAME_BYTES: usize = 63;
/// How many rows of an answer are kept.
const MAX_ROWS: usize = 16;

/// A session.
pub(crate) struct PostgreSql {
    line: Line,
    crypto: Crypto,
}

/// A message of the server's: its type and its body.
type Message = (u8, Vec<u8>);

impl PostgreSql {
    /// Logs in.
    pub(crate) async fn open(
        reach: &Reach,
        crypto: &Crypto,
        login: &Login,
    ) -> Result<Self, Trouble> {
        let mut line = reach.connect(&login.host, login.port).await?;
        if line.needs_tls(login.tls) {
            line.send(&SSL_REQUEST).await?;
            let mut answer = [0];
            line.fill(&mut answer).await?;
            if answer != *b"S" {
                return Err(Trouble::Tls("it speaks no TLS".to_owned()));
            }
            line = reach.secure(line, &login.host).await?;
        }
        let mut session = Self { line, crypto: crypto.clone() };
        session.line.send(&startup(login)?).await?;
        session.authenticate(login).await?;
        session.query("SELECT 1").await?;
        Ok(session)
    }

    async fn authenticate(&mut self, login: &Login) -> Result<(), Trouble> {
        let mut scram: Option<Scram> = None;
        let mut proved: Option<Proved> = None;
        loop {
            let (kind, body) = self.next().await?;
            match kind {
                b'E' => return Err(failure(&body)),
                b'R' => {}
                b'Z' => return Ok(()),
                // Parameters, the key for cancelling, notices.
                b'S' | b'K' | b'N' => continue,
                _ => return Err(Trouble::Garbled("a message before the session")),
            }
            let (ask, rest) = body.split_first_chunk().ok_or(Trouble::Garbled("authentication"))?;
            match u32::from_be_bytes(*ask) {
                0 if scram.is_some() && proved.is_some() => {
                    return Err(Trouble::Garbled("SCRAM that ends early"));
                }
                0 => {}
                3 if self.line.is_private() => self.answer(login.password.expose(), true).await?,
                5 if self.line.is_private() => {
                    let salted = md5_answer(&login.user, login.password.expose(), rest);
                    self.answer(salted.as_bytes(), true).await?;
                }
                3 | 5 => {
                    let text = "it asks for a password that others could read, without TLS";
                    return Err(Trouble::Tls(text.to_owned()));
                }
                10 => {
                    let known = rest.split(|byte| *byte == 0).any(|name| name == b"SCRAM-SHA-256");
                    if !known {
                        return Err(Trouble::Garbled("a way of authentication that is not known"));
                    }
                    let nonce = self.crypto.random::<NONCE_LEN>()?;
                    let begun = Scram::new(LoginHash::Sha256, "", &nonce);
                    self.answer(&sasl_first(&begun.first()), false).await?;
                    scram = Some(begun);
                }
                11 => {
                    let begun = scram.as_ref().ok_or(Trouble::Garbled("SCRAM out of order"))?;
                    let (last, waiting) = begun.prove(rest, login.password.expose())?;
                    self.answer(last.as_bytes(), false).await?;
                    proved = Some(waiting);
                }
                12 => {
                    let waiting = proved.take().ok_or(Trouble::Garbled("SCRAM out of order"))?;
                    waiting.check(rest)?;
                }
                _ => return Err(Trouble::Garbled("a way of authentication that is not known")),
            }
        }
    }

    /// Sends a password, or what stands for it.
    async fn answer(&mut self, bytes: &[u8], ends: bool) -> Result<(), Trouble> {
        let mut body = SecretBytes::zeroed(bytes.len() + usize::from(ends));
        body.expose_mut().iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.send(b'p', body.expose()).await
    }

    async fn send(&mut self, kind: u8, body: &[u8]) -> Result<(), Trouble> {
        let length = u32::try_from(body.len() + 4).map_err(|_| Trouble::Garbled("a length"))?;
        let message = [&[kind], length.to_be_bytes().as_slice(), body].concat();
        let message = SecretBytes::new(message);
        self.line.send(message.expose()).await
    }

    async fn next(&mut self) -> Result<Message, Trouble> {
        let mut head = [0; 5];
        self.line.fill(&mut head).await?;
        let [kind, a, b, c, d] = head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok();
        let length = length.and_then(|length| length.checked_sub(4));
        let length = length.filter(|length| *length <= MAX_MESSAGE_BYTES);
        let body = self.line.take(length.ok_or(Trouble::Garbled("a length"))?).await?;
        Ok((kind, body))
    }

    /// Runs a statement, and gives the first column of its rows.
    async fn query(&mut self, statement: &str) -> Result<Vec<String>, Trouble> {
        let body = SecretBytes::new([statement.as_bytes(), &[0]].concat());
        self.send(b'Q', body.expose()).await?;
        let mut rows = Vec::new();
        let mut failed = None;
        loop {
            let (kind, body) = self.next().await?;
            match kind {
                b'E' => failed = Some(failure(&body)),
                b'D' if rows.len() < MAX_ROWS => rows.push(first_column(&body)?),
                b'D' => return Err(Trouble::Garbled("more rows than were asked for")),
                b'Z' => break,
                _ => {}
            }
        }
        failed.map_or(Ok(rows), Err)
    }

    /// Gives a user a password.
    pub(crate) async fn set_password(
        &mut self,
        user: &str,
        password: &SecretBytes,
    ) -> Result<(), Trouble> {
        let kept = self.kept(user, password).await?;
        let statement = format!("ALTER USER {} WITH PASSWORD '{kept}'", identifier(user)?);
        self.query(&statement).await?;
        Ok(())
    }

    /// The same as a superuser; the user is made if there is none, as a member of `like`.
    pub(crate) async fn change_other(
        &mut self,
        user: &str,
        password: &SecretBytes,
        like: &str,
    ) -> Result<(), Trouble> {
        let statement = format!("SELECT usename FROM pg_user WHERE usename = {}", literal(user)?);
        if !self.query(&statement).await?.is_empty() {
            return self.set_password(user, password).await;
        }
        let kept = self.kept(user, password).await?;
        let (user, like) = (identifier(user)?, identifier(like)?);
        // In one message, and so in one transaction.
        let statement =
            format!("CREATE USER {user} WITH PASSWORD '{kept}'; GRANT {like} TO {user}");
        self.query(&statement).await?;
        Ok(())
    }

    /// What the server would keep of a password, in the form that it is set to keep. Redshift and
    /// old servers know MD5 alone.
    async fn kept(&mut self, user: &str, password: &SecretBytes) -> Result<String, Trouble> {
        let setting = self.query("SHOW password_encryption").await;
        match setting {
            Ok(setting) if setting.first().is_some_and(|kind| kind == "scram-sha-256") => {
                let salt = self.crypto.random::<SALT_LEN>()?;
                Ok(postgresql_verifier(password.expose(), &salt))
            }
            Ok(_) | Err(Trouble::Database(_)) => {
                Ok(format!("md5{}", hex::encode(&md5(&joined(password.expose(), user)))))
            }
            Err(trouble) => Err(trouble),
        }
    }
}

fn joined(password: &[u8], user: &str) -> Vec<u8> {
    [password, user.as_bytes()].concat()
}

/// What is answered to a server that asks for MD5.
fn md5_answer(user: &str, password: &[u8], salt: &[u8]) -> String {
    let inner = hex::encode(&md5(&joined(password, user)));
    format!("md5{}", hex::encode(&md5(&[inner.as_bytes(), salt].concat())))
}

/// The first message of SASL: the mechanism, and the exchange's first message with its length.
fn sasl_first(first: &str) -> Vec<u8> {
    let length = u32::try_from(first.len()).unwrap_or_default();
    [b"SCRAM-SHA-256\0", length.to_be_bytes().as_slice(), first.as_bytes()].concat()
}

/// The message that begins a session.
fn startup(login: &Login) -> Result<Vec<u8>, Trouble> {
    let database = login.database.as_deref().unwrap_or(DATABASE);
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for (name, value) in [
        ("user", login.user.as_str()),
        ("database", database),
        ("application_name", "bulla"),
        ("client_encoding", "UTF8"),
    ] {
        if value.contains('\0') {
            return Err(Trouble::Secret(format!("its {name} has a zero byte")));
        }
        for text in [name, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).map_err(|_| Trouble::Garbled("a length"))?;
    Ok([length.to_be_bytes().as_slice(), &body].concat())
}

/// What an error says: its code alone, as the text may repeat the statement.
fn failure(body: &[u8]) -> Trouble {
    let mut fields = body.split(|byte| *byte == 0);
    let code = fields.find_map(|field| field.strip_prefix(b"C"));
    let code = code.and_then(|code| std::str::from_utf8(code).ok()).unwrap_or("no code");
    match code {
        // invalid_password, invalid_authorization_specification
        "28P01" | "28000" => Trouble::Refused,
        _ if code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Trouble::Database(format!("SQLSTATE {code}"))
        }
        _ => Trouble::Garbled("an error"),
    }
}

/// The first column of a row, as text.
fn first_column(body: &[u8]) -> Result<String, Trouble> {
    let read = || {
        let (_columns, rest) = body.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
        String::from_utf8(rest.get(..length)?.to_vec()).ok()
    };
    read().ok_or(Trouble::Garbled("a row"))
}

/// A user's name as an identifier.
fn identifier(name: &str) -> Result<String, Trouble> {
    check(name)?;
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A user's name as a text. What a backslash means there depends on a setting, so there is none.
fn literal(name: &str) -> Result<String, Trouble> {
    check(name)?;
    if name.contains('\\') {
        return Err(Trouble::Secret("the user's name has a backslash".to_owned()));
    }
    Ok(format!("'{}'", name.replace('\'', "''")))
}

fn check(name: &str) -> Result<(), Trouble> {
    if name.len() > MAX_NAME_BYTES || name.contains('\0') {
        let text = format!("the user's name is longer than {MAX_NAME_BYTES} bytes, or has a zero");
        return Err(Trouble::Secret(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_not_leave_their_quotes() {
        assert_eq!(identifier(r#"a"; DROP"#).unwrap(), r#""a""; DROP""#);
        assert_eq!(literal("a' OR 1").unwrap(), "'a'' OR 1'");
        assert!(literal(r"a\").is_err());
        assert!(identifier(&"x".repeat(64)).is_err() && literal("a\0b").is_err());
    }

    #[test]
    fn errors_are_told_by_their_code() {
        let error =
            |code: &str| failure(format!("SERROR\0C{code}\0Mnear \"hunter2\"\0\0").as_bytes());
        assert!(matches!(error("28P01"), Trouble::Refused));
        assert_eq!(error("42601").to_string(), "the database failed with SQLSTATE 42601");
        assert!(matches!(error("hunter2"), Trouble::Garbled(_)));
        assert!(matches!(failure(b""), Trouble::Garbled(_)));
    }

    // The salt and answer of an exchange that was computed with Python's hashlib.
    #[test]
    fn an_answer_to_md5() {
        let answer = md5_answer("app", b"pw", &[1, 2, 3, 4]);
        assert_eq!(answer, "md523933eb55ec09a63a564cd7714651904");
    }

    #[test]
    fn rows_are_read_within_their_bounds() {
        assert_eq!(first_column(&[0, 1, 0, 0, 0, 2, b'o', b'k']).unwrap(), "ok");
        for wrong in
            [&[][..], &[0, 1], &[0, 1, 0, 0, 0, 3, b'o', b'k'], &[0, 1, 255, 255, 255, 255]]
        {
            assert!(first_column(wrong).is_err());
        }
    }
}
