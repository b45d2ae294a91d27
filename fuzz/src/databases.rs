//! A database that answers whatever it is given, and the steps of a rotation before it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::{Arc, Mutex};

use bulla_crypto::{Crypto, SecretBytes};
use bulla_rotators::{BoxFuture, Desk, DeskError, Engine, Held, Reach, Rotating, Rotator, Step};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// The passwords of the versions, and the superuser's.
const PASSWORDS: [(&str, &str); 3] = [
    ("AWSCURRENT", "current-pAssw0rd"),
    ("AWSPENDING", "pending-pAssw0rd"),
    ("AWSPREVIOUS", "before-pAssw0rd"),
];
const SUPERUSER: &str = "superuser-pAssw0rd";
const TOKEN: &str = "00000000-0000-4000-8000-000000000000";
/// The longest that may be told of a failure, in characters.
const LONGEST_TOLD: usize = 300;

/// The database, which serves every connection the same bytes.
pub struct Hostile {
    runtime: Runtime,
    answer: Arc<Mutex<Vec<u8>>>,
    port: u16,
    reach: Reach,
    crypto: Crypto,
}

/// A secret of one user of the database.
struct Fixed {
    engine: Engine,
    port: u16,
}

impl Fixed {
    fn text(&self, user: &str, password: &str) -> SecretBytes {
        let engine = match self.engine {
            Engine::MySql => "mysql",
            Engine::MongoDb => "mongo",
            Engine::PostgreSql | Engine::Password => "postgres",
        };
        let text = json!({
            "engine": engine, "host": "127.0.0.1", "port": self.port, "username": user,
            "password": password, "dbname": "app", "ssl": false, "masterarn": "master",
        });
        SecretBytes::new(text.to_string().into_bytes())
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, DeskError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Desk for Fixed {
    fn read<'a>(&'a self, stage: &'a str) -> BoxFuture<'a, Result<Option<Held>, DeskError>> {
        let (_, password) = PASSWORDS.into_iter().find(|(known, _)| *known == stage).unwrap();
        let version = if stage == "AWSPENDING" { TOKEN } else { stage };
        ready(Some(Held { version: version.to_owned(), text: self.text("app", password) }))
    }

    fn superuser<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<SecretBytes, DeskError>> {
        ready(self.text("master", SUPERUSER))
    }

    fn put_pending<'a>(&'a self, _: &'a SecretBytes) -> BoxFuture<'a, Result<(), DeskError>> {
        ready(())
    }

    fn finish<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), DeskError>> {
        ready(())
    }

    fn password<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<SecretBytes, DeskError>> {
        ready(SecretBytes::new(b"fresh-pAssw0rd".to_vec()))
    }
}

impl Hostile {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(Mutex::new(Vec::new()));
        let bytes = Arc::clone(&answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let bytes = bytes.lock().unwrap().clone();
                // Whoever was reading may have left, which is its right.
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
        let tls = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
        let reach = Reach::new(Arc::new(tls.with_no_client_auth()), |place| place.is_loopback());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, answer, port, reach, crypto: Crypto::standard() }
    }

    /// Carries out a step of a rotator before a database that answers this.
    pub fn answer(&self, how: u8, bytes: &[u8]) {
        let rotators = Rotator::ALL.into_iter().filter(|one| one.engine != Engine::Password);
        let rotators: Vec<_> = rotators.collect();
        let rotator = rotators[usize::from(how / 2) % rotators.len()];
        let step = if how.is_multiple_of(2) { Step::Set } else { Step::Test };
        *self.answer.lock().unwrap() = bytes.to_vec();
        let desk = Fixed { engine: rotator.engine, port: self.port };
        let (reach, crypto) = (&self.reach, &self.crypto);
        let rotating = Rotating { rotator, token: TOKEN, desk: &desk, reach, crypto };
        let Err(trouble) = self.runtime.block_on(rotating.carry_out(step)) else { return };
        let told = trouble.to_string();
        assert!(told.chars().count() <= LONGEST_TOLD, "{told}");
        assert!(!told.contains("pAssw0rd") && !told.contains(char::is_control), "{told}");
    }
}

impl Default for Hostile {
    fn default() -> Self {
        Self::new()
    }
}
