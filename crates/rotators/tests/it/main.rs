//! Databases that answer anything: a step fails, and nothing worse comes of it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bulla_crypto::{Crypto, SecretBytes};
use bulla_rotators::{BoxFuture, Desk, DeskError, Held, Reach, Rotating, Rotator, Step};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// How many answers of each kind are tried.
const CASES: u64 = 400;
const TOKEN: &str = "00000000-0000-4000-8000-000000000001";

/// Holds one login, and takes nothing.
struct Fixed(String);

fn refused() -> DeskError {
    DeskError { operation: "nothing", code: "no".to_owned(), text: String::new() }
}

impl Desk for Fixed {
    fn read<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Held>, DeskError>> {
        let held =
            Held { version: TOKEN.to_owned(), text: SecretBytes::from_slice(self.0.as_bytes()) };
        Box::pin(std::future::ready(Ok(Some(held))))
    }

    fn superuser<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<SecretBytes, DeskError>> {
        Box::pin(std::future::ready(Err(refused())))
    }

    fn put_pending<'a>(&'a self, _: &'a SecretBytes) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(std::future::ready(Err(refused())))
    }

    fn finish<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(std::future::ready(Err(refused())))
    }

    fn password<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<SecretBytes, DeskError>> {
        Box::pin(std::future::ready(Err(refused())))
    }
}

fn reach() -> Reach {
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Reach::new(Arc::new(config), |address| address.is_loopback())
}

/// What a login comes to at a server that says these bytes and then nothing more.
async fn said(engine: &str, rotator: &str, answer: Vec<u8>) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // The client may have gone already.
        let _sent = stream.write_all(&answer).await;
        let _closed = stream.shutdown().await;
    });
    let desk = Fixed(format!(
        r#"{{"engine":"{engine}","host":"127.0.0.1","port":{port},"username":"app",
            "password":"hunter2","dbname":"shop"}}"#
    ));
    let rotator = Rotator::ALL.into_iter().find(|known| known.name == rotator).unwrap();
    let (reach, crypto) = (reach(), Crypto::standard());
    let rotating = Rotating { rotator, token: TOKEN, desk: &desk, reach: &reach, crypto: &crypto };
    rotating.carry_out(Step::Test).await.map_err(|trouble| trouble.to_string())
}

/// Numbers that look random and are the same each time.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

fn altered(good: &[u8], state: &mut u64) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=next(state) % 4 {
        let at = next(state) % (bytes.len() + 1);
        let byte = u8::try_from(next(state) % 256).unwrap();
        match next(state) % 4 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, byte),
            2 => bytes.extend(std::iter::repeat_n(byte, at)),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|it| *it = byte),
        }
    }
    bytes
}

/// Messages as servers say them, up to where they would have to know the password.
fn good() -> [(&'static str, &'static str, Vec<u8>); 3] {
    let postgresql = [
        &b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"[..],
        b"R\0\0\0\x40\0\0\0\x0br=abc,s=QSXCR+Q6sek8bf92,i=4096",
        b"E\0\0\0\x1aSERROR\0C28P01\0Mhunter2\0\0",
        b"Z\0\0\0\x05I",
    ]
    .concat();
    let greeting = [
        &b"\x0a8.0.36\0\x09\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\x81\x15"[..],
        &[0; 10],
        b"ijklmnopqrst\0caching_sha2_password\0",
    ]
    .concat();
    let length = u8::try_from(greeting.len()).unwrap();
    let mysql = [
        &[length, 0, 0, 0][..],
        &greeting,
        b"\x02\0\0\x02\x01\x04",
        b"\x0b\0\0\x04\xff\x15\x04#28000ABC",
    ]
    .concat();
    let document = b"\x10\0\0\0\x01ok\0\0\0\0\0\0\0\xf0\x3f\0";
    let length = u8::try_from(16 + 5 + document.len()).unwrap();
    let mongodb =
        [&[length, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0xdd, 7, 0, 0, 0, 0, 0, 0, 0][..], document]
            .concat();
    [
        ("postgres", "postgresql-single-user", postgresql),
        ("mysql", "mysql-single-user", mysql),
        ("mongo", "mongodb-single-user", mongodb),
    ]
}

#[tokio::test]
async fn whatever_a_database_answers_the_step_fails_and_tells_no_secret() {
    let mut state = 0x2545_f491_4f6c_dd1d;
    for (engine, rotator, good) in good() {
        for _ in 0..CASES {
            let answer = altered(&good, &mut state);
            let told = said(engine, rotator, answer.clone()).await;
            let told = told.expect_err("nobody showed that it knows the password");
            assert!(!told.contains("hunter2"), "{told} after {answer:?}");
        }
    }
}

#[tokio::test]
async fn what_is_announced_as_huge_is_not_waited_for() {
    for (engine, rotator, answer) in [
        ("postgres", "postgresql-single-user", &b"R\x7f\xff\xff\xff"[..]),
        ("mysql", "mysql-single-user", b"\xff\xff\xff\0"),
        ("mongo", "mongodb-single-user", b"\xff\xff\xff\x7f\x01\0\0\0\x01\0\0\0\xdd\x07\0\0"),
    ] {
        let began = Instant::now();
        let told = said(engine, rotator, answer.to_vec()).await.unwrap_err();
        assert!(told.contains("can't be read"), "{engine}: {told}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
