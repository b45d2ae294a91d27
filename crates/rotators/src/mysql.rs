//! MySQL's protocol as far as a change of password needs it (MySQL's "Client/Server Protocol",
//! MariaDB's "Client/Server Protocol").

use bulla_crypto::{Crypto, LoginHash, SecretBytes, hex};

use crate::mysql_grant::regranted;
use crate::reach::{Line, Reach};
use crate::secret::Login;
use crate::trouble::Trouble;

/// Capabilities of the client (MySQL's documentation, "Capabilities Flags").
const LONG_PASSWORD: u32 = 1;
const CONNECT_WITH_DB: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const SSL: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;
/// utf8mb4_general_ci.
const CHARACTER_SET: u8 = 45;
/// The longest packet that is announced, in bytes.
const MAX_PACKET_BYTES: u32 = 1 << 20;
/// The end of a list of rows is a packet of this first byte and no more than this length.
const END: u8 = 0xfe;
const MAX_END_BYTES: usize = 8;
/// How many rows of an answer are kept: a user may have many grants.
const MAX_ROWS: usize = 4_096;
/// The length of a nonce, in bytes.
const NONCE_LEN: usize = 20;
/// The longest name of a user, in characters.
const MAX_NAME_CHARS: usize = 32;

/// A session.
pub(crate) struct MySql {
    line: Line,
    sequence: u8,
    is_mariadb: bool,
    crypto: Crypto,
}

/// What a server says first.
#[derive(Debug, PartialEq, Eq)]
struct Greeting {
    is_mariadb: bool,
    capabilities: u32,
    nonce: Vec<u8>,
    plugin: String,
}

fn garbled<T>(part: Option<T>, what: &'static str) -> Result<T, Trouble> {
    part.ok_or(Trouble::Garbled(what))
}

impl MySql {
    /// Logs in.
    pub(crate) async fn open(
        reach: &Reach,
        crypto: &Crypto,
        login: &Login,
    ) -> Result<Self, Trouble> {
        let line = reach.connect(&login.host, login.port).await?;
        let mut session = Self { line, sequence: 0, is_mariadb: false, crypto: crypto.clone() };
        let packet = session.next().await?;
        if packet.first() == Some(&0xff) {
            return Err(failure(&packet));
        }
        let greeting = garbled(greeting(&packet), "the greeting")?;
        session.is_mariadb = greeting.is_mariadb;
        let mut wanted =
            LONG_PASSWORD | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH;
        if login.database.is_some() {
            wanted |= CONNECT_WITH_DB;
        }
        if session.line.needs_tls(login.tls) {
            if greeting.capabilities & SSL == 0 {
                return Err(Trouble::Tls("it speaks no TLS".to_owned()));
            }
            wanted |= SSL;
            session.send(&head(wanted)).await?;
            let line = reach.secure(session.line, &login.host).await?;
            session = Self { line, ..session };
        }
        session.authenticate(login, &greeting, wanted).await?;
        session.query("SELECT 1").await?;
        Ok(session)
    }

    async fn authenticate(
        &mut self,
        login: &Login,
        greeting: &Greeting,
        wanted: u32,
    ) -> Result<(), Trouble> {
        let mut plugin = greeting.plugin.clone();
        // What is not known is answered with nothing, and the server names another way.
        let first = proof(&plugin, &greeting.nonce, &login.password).unwrap_or_default();
        let mut response = head(wanted);
        put_text(&mut response, &login.user)?;
        response.push(u8::try_from(first.len()).map_err(|_| Trouble::Garbled("a proof"))?);
        response.extend_from_slice(&first);
        if let Some(database) = &login.database {
            put_text(&mut response, database)?;
        }
        put_text(&mut response, &plugin)?;
        self.send(&response).await?;
        loop {
            let packet = self.next().await?;
            match packet.split_first() {
                Some((0, _)) => return Ok(()),
                Some((0xff, _)) => return Err(failure(&packet)),
                Some((&END, rest)) => {
                    let mut parts = rest.splitn(2, |byte| *byte == 0);
                    let named = parts.next().and_then(|name| std::str::from_utf8(name).ok());
                    plugin = garbled(named, "a way of authentication")?.to_owned();
                    let nonce = parts.next().unwrap_or_default();
                    let nonce = nonce.strip_suffix(&[0]).unwrap_or(nonce);
                    let unknown = "a way of authentication that is not known";
                    let proof = garbled(proof(&plugin, nonce, &login.password), unknown)?;
                    self.send(&proof).await?;
                }
                // The server has no digest of the password in memory: it asks for the password.
                Some((1, [4])) if plugin == "caching_sha2_password" => {
                    if !self.line.is_private() {
                        let text = "it asks for the password, which others could read without TLS";
                        return Err(Trouble::Tls(text.to_owned()));
                    }
                    let text = [login.password.expose(), &[0]].concat();
                    self.send(SecretBytes::new(text).expose()).await?;
                }
                Some((1, [3])) if plugin == "caching_sha2_password" => {}
                _ => return Err(Trouble::Garbled("authentication")),
            }
        }
    }

    async fn send(&mut self, body: &[u8]) -> Result<(), Trouble> {
        let length = u32::try_from(body.len()).ok().filter(|length| *length < MAX_PACKET_BYTES);
        let [a, b, c, _] = garbled(length, "a length")?.to_le_bytes();
        let packet = SecretBytes::new([&[a, b, c, self.sequence], body].concat());
        self.sequence = self.sequence.wrapping_add(1);
        self.line.send(packet.expose()).await
    }

    async fn next(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut head = [0; 4];
        self.line.fill(&mut head).await?;
        let [a, b, c, sequence] = head;
        if sequence != self.sequence {
            return Err(Trouble::Garbled("packets out of order"));
        }
        self.sequence = self.sequence.wrapping_add(1);
        let length = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(usize::MAX);
        self.line.take(length).await
    }

    /// Runs a statement, and gives the first column of its rows.
    async fn query(&mut self, statement: &str) -> Result<Vec<String>, Trouble> {
        self.sequence = 0;
        let body = SecretBytes::new([&[3], statement.as_bytes()].concat());
        self.send(body.expose()).await?;
        let first = self.next().await?;
        match first.first() {
            Some(0) => return Ok(Vec::new()),
            Some(0xff) => return Err(failure(&first)),
            _ => {}
        }
        // Columns, then rows, each list with an end.
        let is_end = |packet: &[u8]| packet.first() == Some(&END) && packet.len() <= MAX_END_BYTES;
        while !is_end(&self.next().await?) {}
        let mut rows = Vec::new();
        loop {
            let packet = self.next().await?;
            if packet.first() == Some(&0xff) {
                return Err(failure(&packet));
            }
            if is_end(&packet) {
                return Ok(rows);
            }
            if rows.len() >= MAX_ROWS {
                return Err(Trouble::Garbled("more rows than were asked for"));
            }
            rows.push(garbled(first_column(&packet), "a row")?);
        }
    }

    /// Gives the user who is logged in a new password.
    pub(crate) async fn change_own(&mut self, password: &SecretBytes) -> Result<(), Trouble> {
        let statement = match self.is_mariadb {
            true => format!("SET PASSWORD = '{}'", kept(password)),
            false => format!("ALTER USER USER() IDENTIFIED BY {}", literal(text(password)?)?),
        };
        self.query(&statement).await?;
        Ok(())
    }

    /// Where the user who is logged in may come from.
    pub(crate) async fn own_host(&mut self) -> Result<String, Trouble> {
        let own = self.query("SELECT CURRENT_USER()").await?;
        let own = own.first().and_then(|own| own.rsplit_once('@'));
        Ok(garbled(own, "the user's own name")?.1.to_owned())
    }

    /// Gives a user a password as a superuser; the user is made if there is none, with the grants
    /// of `like`, which has the same host.
    pub(crate) async fn change_other(
        &mut self,
        (user, host): (&str, &str),
        password: &SecretBytes,
        like: &str,
    ) -> Result<(), Trouble> {
        if user.chars().count() > MAX_NAME_CHARS {
            let text = format!("the user's name is longer than {MAX_NAME_CHARS} characters");
            return Err(Trouble::Secret(text));
        }
        let at = |user: &str| Ok(format!("{}@{}", literal(user)?, literal(host)?));
        let (account, like): (String, Result<String, Trouble>) = (at(user)?, at(like));
        // The password comes last: an attempt that breaks off before leaves a user with a password
        // that nobody knows, and one that comes after gives the grants first.
        let nobody = SecretBytes::new(hex::encode(&self.crypto.random::<32>()?).into_bytes());
        let nobody = self.identified(&nobody)?;
        self.query(&format!("CREATE USER IF NOT EXISTS {account} {nobody}")).await?;
        let grants = self.query(&format!("SHOW GRANTS FOR {}", like?)).await?;
        for grant in &grants {
            self.query(&garbled(regranted(grant, &account), "a grant")?).await?;
        }
        let identified = self.identified(password)?;
        self.query(&format!("ALTER USER {account} {identified}")).await?;
        Ok(())
    }

    /// What gives a user a password.
    fn identified(&self, password: &SecretBytes) -> Result<String, Trouble> {
        Ok(match self.is_mariadb {
            true => format!("IDENTIFIED BY PASSWORD '{}'", kept(password)),
            false => format!("IDENTIFIED BY {}", literal(text(password)?)?),
        })
    }
}

/// What MariaDB keeps of a password: nothing in clear is sent to it.
fn kept(password: &SecretBytes) -> String {
    let once = LoginHash::Sha1.digest(&[password.expose()]);
    let twice = LoginHash::Sha1.digest(&[once.expose()]);
    format!("*{}", hex::encode(twice.expose()).to_ascii_uppercase())
}

fn text(password: &SecretBytes) -> Result<&str, Trouble> {
    std::str::from_utf8(password.expose())
        .map_err(|_| Trouble::Secret("the new password is no text".to_owned()))
}

/// A text in quotes. What a backslash means there depends on a setting, so there is none.
fn literal(text: &str) -> Result<String, Trouble> {
    if text.contains(['\\', '\0']) {
        return Err(Trouble::Secret("a name or password has a backslash or a zero".to_owned()));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// What both the request for TLS and the answer to the greeting begin with.
fn head(wanted: u32) -> Vec<u8> {
    let mut head = wanted.to_le_bytes().to_vec();
    head.extend_from_slice(&MAX_PACKET_BYTES.to_le_bytes());
    head.push(CHARACTER_SET);
    head.extend_from_slice(&[0; 23]);
    head
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), Trouble> {
    if text.contains('\0') {
        return Err(Trouble::Secret("a name has a zero byte".to_owned()));
    }
    out.extend_from_slice(text.as_bytes());
    out.push(0);
    Ok(())
}

/// Reads the greeting of protocol 10.
fn greeting(packet: &[u8]) -> Option<Greeting> {
    let (&[10], rest) = packet.split_first_chunk()? else { return None };
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (version, rest) = rest.split_at_checked(end)?;
    let is_mariadb = std::str::from_utf8(version).ok()?.contains("MariaDB");
    // A zero, the thread's id, the nonce's begin, a filler.
    let (_, rest) = rest.split_at_checked(1 + 4)?;
    let (begin, rest) = rest.split_at_checked(8)?;
    let (&[_filler, low_a, low_b], rest) = rest.split_first_chunk()?;
    // Character set and status.
    let (_, rest) = rest.split_at_checked(1 + 2)?;
    let (&[high_a, high_b, _length], rest) = rest.split_first_chunk()?;
    let capabilities = u32::from_le_bytes([low_a, low_b, high_a, high_b]);
    let (_reserved, rest) = rest.split_at_checked(10)?;
    let (more, rest) = rest.split_at_checked(NONCE_LEN - 8)?;
    let plugin = rest.strip_prefix(&[0])?.split(|byte| *byte == 0).next()?;
    let nonce = [begin, more].concat();
    let plugin = std::str::from_utf8(plugin).ok()?.to_owned();
    Some(Greeting { is_mariadb, capabilities, nonce, plugin })
}

/// What shows that one knows the password, in one way; nothing for ways that are not known.
fn proof(plugin: &str, nonce: &[u8], password: &SecretBytes) -> Option<Vec<u8>> {
    let password = password.expose();
    let (hash, nonce_first) = match plugin {
        "mysql_native_password" => (LoginHash::Sha1, true),
        "caching_sha2_password" => (LoginHash::Sha256, false),
        _ => return None,
    };
    if nonce.len() != NONCE_LEN {
        return None;
    }
    let once = hash.digest(&[password]);
    let twice = hash.digest(&[once.expose()]);
    let mask = match nonce_first {
        true => hash.digest(&[nonce, twice.expose()]),
        false => hash.digest(&[twice.expose(), nonce]),
    };
    Some(once.expose().iter().zip(mask.expose()).map(|(a, b)| a ^ b).collect())
}

/// What an error says: its number alone, as the text may repeat the statement.
fn failure(packet: &[u8]) -> Trouble {
    match packet {
        // Access denied; the same with no password; to a database; of an account that is locked.
        [0xff, low, high, ..] => match u16::from_le_bytes([*low, *high]) {
            1045 | 1698 | 3118 => Trouble::Refused,
            number => Trouble::Database(format!("error {number}")),
        },
        _ => Trouble::Garbled("an error"),
    }
}

/// The first column of a row: its length, then its text.
fn first_column(packet: &[u8]) -> Option<String> {
    let (&first, rest) = packet.split_first()?;
    let (length, rest) = match first {
        0..=250 => (usize::from(first), rest),
        252 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        253 => {
            let (&[a, b, c], rest) = rest.split_first_chunk()?;
            (usize::try_from(u32::from_le_bytes([a, b, c, 0])).ok()?, rest)
        }
        _ => return None,
    };
    String::from_utf8(rest.get(..length)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_read_within_its_bounds() {
        let packet = [
            &[10][..],
            b"5.5.5-10.11.6-MariaDB-0+deb12u1\0",
            &[9, 0, 0, 0],
            b"abcdefgh",
            &[0, 0xfe, 0xff, 45, 2, 0, 0xff, 0x81, 21],
            &[0; 10],
            b"ijklmnopqrst\0mysql_native_password\0",
        ]
        .concat();
        let read = greeting(&packet).unwrap();
        assert!(read.is_mariadb && read.capabilities & SSL != 0);
        assert_eq!(
            (read.nonce.as_slice(), read.plugin.as_str()),
            (&b"abcdefghijklmnopqrst"[..], "mysql_native_password")
        );
        for length in 0..packet.len() - 23 {
            assert_eq!(greeting(&packet[..length]), None, "{length}");
        }
    }

    // Computed with Python's hashlib.
    #[test]
    fn known_proofs_and_what_mariadb_keeps() {
        let (nonce, password) = (b"abcdefghijklmnopqrst", SecretBytes::from_slice(b"pw"));
        let native = proof("mysql_native_password", nonce, &password).unwrap();
        assert_eq!(hex::encode(&native), "12909d72d875523f8c9d6da44cbd3a6c1ce794db");
        let sha2 = proof("caching_sha2_password", nonce, &password).unwrap();
        assert_eq!(
            hex::encode(&sha2),
            "ad439090e1914151d1a7f6bf7c21561d283f2fba52fe39ce9dcd29d687813c2c"
        );
        assert_eq!(kept(&password), "*D821809F681A40A6E379B50D0463EFAE20BDD122");
        assert_eq!(proof("dialog", nonce, &password), None);
        assert_eq!(proof("mysql_native_password", b"short", &password), None);
    }

    #[test]
    fn texts_can_not_leave_their_quotes() {
        assert_eq!(literal("it's").unwrap(), "'it''s'");
        assert!(literal(r"a\").is_err() && literal("a\0").is_err());
    }

    #[test]
    fn errors_are_told_by_their_number() {
        assert!(matches!(failure(b"\xff\x15\x04#28000Access denied"), Trouble::Refused));
        assert_eq!(
            failure(b"\xff\x28\x04near 'x'").to_string(),
            "the database failed with error 1064"
        );
        assert!(matches!(failure(b"\xff"), Trouble::Garbled(_)));
        assert_eq!(first_column(b"\x02okmore").unwrap(), "ok");
        assert_eq!(first_column(b"\xfc\x02\x00ok").unwrap(), "ok");
        assert!(first_column(b"\x03ok").is_none() && first_column(b"\xfb").is_none());
    }
}
