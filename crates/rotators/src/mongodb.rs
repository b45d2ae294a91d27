//! MongoDB's protocol as far as a change of password needs it (MongoDB's manual, "Wire Protocol",
//! and its drivers' specification, "Authentication").

use bulla_crypto::{Crypto, LoginHash, SecretBytes, hex, md5};

use crate::bson::{self, Document, Value, document, get, text};
use crate::reach::{Line, MAX_MESSAGE_BYTES, Reach};
use crate::scram::{NONCE_LEN, Scram};
use crate::secret::Login;
use crate::trouble::Trouble;

/// OP_MSG.
const OPCODE: i32 = 2013;
/// The length of a message's head, in bytes.
const HEAD_BYTES: usize = 16;
/// The database that users are kept in, where the secret names none.
const DATABASE: &str = "admin";
/// How many messages of an exchange are taken.
const MAX_ROUNDS: usize = 4;
/// MongoDB's number of "authentication failed".
const AUTHENTICATION_FAILED: i32 = 18;

/// A session.
pub(crate) struct MongoDb {
    line: Line,
    number: i32,
    /// The database that its users are kept in.
    database: String,
}

impl MongoDb {
    /// Logs in.
    pub(crate) async fn open(
        reach: &Reach,
        crypto: &Crypto,
        login: &Login,
    ) -> Result<Self, Trouble> {
        let mut line = reach.connect(&login.host, login.port).await?;
        if line.needs_tls(login.tls) {
            line = reach.secure(line, &login.host).await?;
        }
        let database = login.database.clone().unwrap_or_else(|| DATABASE.to_owned());
        let mut session = Self { line, number: 0, database };
        let user = format!("{}.{}", session.database, login.user);
        let hello = document([("hello", Value::Int(1)), ("saslSupportedMechs", text(&user))]);
        let hello = session.command(hello, DATABASE).await?;
        let known = get(&hello, "saslSupportedMechs").and_then(Value::as_array);
        let knows = |name: &str| known.is_some_and(|all| all.iter().any(|it| *it == text(name)));
        // DocumentDB names none, and knows SHA-1 alone.
        let hash = match knows("SCRAM-SHA-256") {
            true => LoginHash::Sha256,
            false => LoginHash::Sha1,
        };
        session.authenticate(crypto, login, hash).await?;
        let ping = document([("ping", Value::Int(1))]);
        session.command(ping, DATABASE).await?;
        Ok(session)
    }

    async fn authenticate(
        &mut self,
        crypto: &Crypto,
        login: &Login,
        hash: LoginHash,
    ) -> Result<(), Trouble> {
        let (mechanism, password) = match hash {
            LoginHash::Sha256 => {
                ("SCRAM-SHA-256", SecretBytes::from_slice(login.password.expose()))
            }
            LoginHash::Sha1 => ("SCRAM-SHA-1", digested(login)),
        };
        let scram = Scram::new(hash, &login.user, &crypto.random::<NONCE_LEN>()?);
        let start = document([
            ("saslStart", Value::Int(1)),
            ("mechanism", text(mechanism)),
            ("payload", Value::Bytes(scram.first().into_bytes())),
        ]);
        let database = self.database.clone();
        let answer = self.command(start, &database).await?;
        let (last, proved) = scram.prove(payload(&answer)?, password.expose())?;
        let answer = self.go_on(&answer, last.into_bytes()).await?;
        proved.check(payload(&answer)?)?;
        let mut answer = answer;
        for _ in 0..MAX_ROUNDS {
            if get(&answer, "done") == Some(&Value::Bool(true)) {
                return Ok(());
            }
            answer = self.go_on(&answer, Vec::new()).await?;
        }
        Err(Trouble::Garbled("SCRAM that does not end"))
    }

    async fn go_on(&mut self, before: &Document, payload: Vec<u8>) -> Result<Document, Trouble> {
        let conversation = get(before, "conversationId").cloned();
        let conversation = conversation.ok_or(Trouble::Garbled("SCRAM without a conversation"))?;
        let go_on = document([
            ("saslContinue", Value::Int(1)),
            ("conversationId", conversation),
            ("payload", Value::Bytes(payload)),
        ]);
        let database = self.database.clone();
        self.command(go_on, &database).await
    }

    /// Runs a command on a database. One that fails gives its code alone, as the text may repeat
    /// what was sent.
    async fn command(
        &mut self,
        mut command: Document,
        database: &str,
    ) -> Result<Document, Trouble> {
        command.push(("$db".to_owned(), text(database)));
        let body = bson::write(&command).ok_or(Trouble::Garbled("a command"))?;
        let body = SecretBytes::new(body);
        self.number = self.number.wrapping_add(1);
        let length = i32::try_from(HEAD_BYTES + 5 + body.len());
        let length = length.map_err(|_| Trouble::Garbled("a length"))?;
        let head = [length, self.number, 0, OPCODE, 0].map(i32::to_le_bytes);
        let message = SecretBytes::new([head.as_flattened(), &[0], body.expose()].concat());
        self.line.send(message.expose()).await?;
        let answer = self.answer().await?;
        if get(&answer, "ok").and_then(Value::as_flag) == Some(1) {
            return Ok(answer);
        }
        match get(&answer, "code").and_then(Value::as_code) {
            Some(AUTHENTICATION_FAILED) => Err(Trouble::Refused),
            Some(code) => Err(Trouble::Database(format!("code {code}"))),
            None => Err(Trouble::Garbled("an error")),
        }
    }

    async fn answer(&mut self) -> Result<Document, Trouble> {
        let mut head = [0; HEAD_BYTES];
        self.line.fill(&mut head).await?;
        let number = |at: usize| {
            let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(i32::from_le_bytes)
        };
        if number(8) != Some(self.number) || number(12) != Some(OPCODE) {
            return Err(Trouble::Garbled("a message that answers nothing"));
        }
        let length = number(0).and_then(|length| usize::try_from(length).ok());
        let length = length.and_then(|length| length.checked_sub(HEAD_BYTES));
        let length = length.filter(|length| *length <= MAX_MESSAGE_BYTES);
        let body = self.line.take(length.ok_or(Trouble::Garbled("a length"))?).await?;
        // Flags, then one section of the first kind, which is the document. A checksum is not asked
        // for, and so not sent.
        let (_flags, sections) =
            body.split_first_chunk::<4>().ok_or(Trouble::Garbled("a message"))?;
        let section = sections.strip_prefix(&[0]).and_then(bson::read);
        section.ok_or(Trouble::Garbled("a document"))
    }

    /// Gives a user a password.
    pub(crate) async fn set_password(
        &mut self,
        user: &str,
        password: &SecretBytes,
    ) -> Result<(), Trouble> {
        let update = document([("updateUser", text(user)), ("pwd", clear(password)?)]);
        let database = self.database.clone();
        self.command(update, &database).await.map(|_| ())
    }

    /// The same as a superuser; the user is made if there is none, with the roles of `like`.
    pub(crate) async fn change_other(
        &mut self,
        user: &str,
        password: &SecretBytes,
        like: &str,
    ) -> Result<(), Trouble> {
        if self.roles(user).await?.is_some() {
            return self.set_password(user, password).await;
        }
        let roles = self.roles(like).await?.ok_or(Trouble::Garbled("a user without roles"))?;
        let create = document([
            ("createUser", text(user)),
            ("pwd", clear(password)?),
            ("roles", Value::Array(roles)),
        ]);
        let database = self.database.clone();
        self.command(create, &database).await.map(|_| ())
    }

    /// The roles of a user, if there is one.
    async fn roles(&mut self, user: &str) -> Result<Option<Vec<Value>>, Trouble> {
        let database = self.database.clone();
        let asked = document([("user", text(user)), ("db", text(&database))]);
        let info = document([("usersInfo", Value::Document(asked))]);
        let answer = self.command(info, &database).await?;
        let users = get(&answer, "users").and_then(Value::as_array);
        let users = users.ok_or(Trouble::Garbled("a list of users"))?;
        let Some(found) = users.first().and_then(Value::as_document) else { return Ok(None) };
        let roles = get(found, "roles").and_then(Value::as_array);
        Ok(Some(roles.ok_or(Trouble::Garbled("a user without roles"))?.to_vec()))
    }
}

/// A password that the server itself digests: it takes no other form.
fn clear(password: &SecretBytes) -> Result<Value, Trouble> {
    let clear = std::str::from_utf8(password.expose());
    clear.map(text).map_err(|_| Trouble::Secret("the new password is no text".to_owned()))
}

/// The password as SCRAM-SHA-1 has it here.
fn digested(login: &Login) -> SecretBytes {
    let text = [login.user.as_bytes(), b":mongo:", login.password.expose()].concat();
    SecretBytes::new(hex::encode(&md5(SecretBytes::new(text).expose())).into_bytes())
}

fn payload(answer: &Document) -> Result<&[u8], Trouble> {
    get(answer, "payload").and_then(Value::as_bytes).ok_or(Trouble::Garbled("SCRAM"))
}
