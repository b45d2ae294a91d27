//! One Bulla uses a key of another as its external key, over TLS, with somebody between them who
//! cuts the way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use serde_json::{Value, json};

use crate::process::{Server, bulla, refusal, run};

const HOST: &str = "proxy.example";
pub(crate) const ACCOUNT: &str = "111122223333";
/// How long a way may take to be found again, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the way between the two does.
#[derive(Clone, Copy)]
enum Way {
    Open,
    /// Connections are closed at once.
    Dropped,
    /// Nothing is passed on, and nothing is said.
    Stalled,
    /// Bytes that are no TLS.
    Garbage,
    /// The connection ends in the midst of what is sent.
    CutShort,
}

/// The way between the two, which a test can change.
struct Between {
    address: SocketAddr,
    way: Arc<AtomicU8>,
}

impl Between {
    fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(AtomicU8::new(Way::Open as u8));
        let current = Arc::clone(&way);
        thread::spawn(move || {
            for near in listener.incoming() {
                let (near, current) = (near.unwrap(), Arc::clone(&current));
                thread::spawn(move || carry(near, target, &current));
            }
        });
        Self { address, way }
    }

    fn is(&self, way: Way) {
        self.way.store(way as u8, Ordering::SeqCst);
    }
}

fn carry(mut near: TcpStream, target: SocketAddr, way: &Arc<AtomicU8>) {
    match way.load(Ordering::SeqCst) {
        way if way == Way::Dropped as u8 => return,
        way if way == Way::Garbage as u8 => {
            // The peer may have gone already.
            let _sent = near.write_all(b"HTTP/1.1 418 I'm a teapot\r\n\r\n");
            return;
        }
        _ => {}
    }
    let Ok(far) = TcpStream::connect(target) else { return };
    let (back_from, back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
    let theirs = Arc::clone(way);
    thread::spawn(move || pass(back_from, back_to, &theirs));
    pass(near, far, way);
}

/// Passes bytes on in one direction for as long as the way is open.
fn pass(mut from: TcpStream, mut to: TcpStream, way: &AtomicU8) {
    let mut buffer = [0; 4096];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        let now = way.load(Ordering::SeqCst);
        if now == Way::Stalled as u8 && read > 0 {
            continue;
        }
        let length = match now {
            now if now == Way::CutShort as u8 => read / 2,
            // A connection that was made before is as good as one that is made now.
            now if now == Way::Dropped as u8 || now == Way::Garbage as u8 => 0,
            _ => read,
        };
        let passed = to.write_all(&buffer[..length]);
        if read == 0 || length < read || passed.is_err() {
            // Either side may have gone already.
            let _ended = to.shutdown(std::net::Shutdown::Both);
            let _ended = from.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// A call of KMS as the root user of an account: status and answer.
pub(crate) fn kms(server: &Server, account: &str, operation: &str, input: &Value) -> (u16, Value) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (host, body) = (server.address.to_string(), input.to_string());
    let target = format!("TrentService.{operation}");
    let headers = [
        ("host", host.as_bytes()),
        ("content-type", b"application/x-amz-json-1.1".as_slice()),
        ("x-amz-target", target.as_bytes()),
    ];
    let body_bytes = body.as_bytes();
    let parts =
        RequestParts { method: "POST", path: "/", query: "", headers: &headers, body: body_bytes };
    let credentials = Credentials { access_key_id: account, secret: b"any", token: None };
    let options = SignOptions::new("kms", "eu-central-1", i64::try_from(now).unwrap());
    let mut lines =
        format!("content-type: application/x-amz-json-1.1\r\nx-amz-target: {target}\r\n");
    for (name, value) in sign_header(&parts, &credentials, &options).unwrap() {
        lines += &format!("{name}: {value}\r\n");
    }
    let (status, answer) = server.post("/", &lines, &body);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Asks until it succeeds: a crowded machine may take longer than the 250 ms that a proxy has.
fn at_last(server: &Server, operation: &str, input: &Value) -> Value {
    let began = Instant::now();
    loop {
        let (status, answer) = kms(server, ACCOUNT, operation, input);
        if status == 200 {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{operation}: {answer}");
    }
}

fn message(answer: &Value) -> &str {
    answer["message"].as_str().unwrap_or_default()
}

/// A key manager, its proxy with TLS, the way to it, and a server that uses it.
struct World {
    manager: Server,
    proxy: Server,
    between: Between,
    user: Server,
    /// What CreateCustomKeyStore is to be told.
    store: Value,
    home: tempfile::TempDir,
}

fn credential(home: &Path, name: &str) -> (String, Value) {
    let printed = run(&["xks", "credential", "--prefix", "team"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let path = home.join(name);
    std::fs::write(&path, &printed.stdout).unwrap();
    (path.to_str().unwrap().to_owned(), serde_json::from_slice(&printed.stdout).unwrap())
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| home.path().join(name));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let [cert, key] = [cert, key].map(|path| path.to_str().unwrap().to_owned());
        let (file, told) = credential(home.path(), "proxy.json");
        let manager = Server::start(&["dev"]);
        let mut command =
            bulla(&["xks", "serve", "--credential", &file, "--tls-cert", &cert, "--tls-key", &key]);
        command
            .env("AWS_ENDPOINT_URL", format!("http://{}", manager.address))
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .env("AWS_REGION", "eu-central-1")
            .env("BULLA_LOG", "error");
        let proxy = Server::run(command);
        let between = Between::new(proxy.address);
        let place = format!("{HOST}={}", between.address);
        let mut command = bulla(&["dev", "--xks-connect", &place, "--xks-ca", &cert]);
        // Each failure is a warning, and nobody reads them here.
        command.env("BULLA_LOG", "error");
        let user = Server::run(command);
        let store = json!({
            "CustomKeyStoreName": "other",
            "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConnectivity": "PUBLIC_ENDPOINT",
            "XksProxyUriEndpoint": format!("https://{HOST}"),
            "XksProxyUriPath": told["XksProxyUriPath"],
            "XksProxyAuthenticationCredential": told["XksProxyAuthenticationCredential"],
        });
        Self { manager, proxy, between, user, store, home }
    }

    /// An external key, and the KMS key that uses it: the latter's ARN.
    fn key(&self) -> (String, String) {
        let spec = json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" });
        let (_, external) = kms(&self.manager, ACCOUNT, "CreateKey", &spec);
        let external = external["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
        let store = at_last(&self.user, "CreateCustomKeyStore", &self.store);
        let store = store["CustomKeyStoreId"].clone();
        let id = json!({ "CustomKeyStoreId": store });
        self.connect(&id);
        let made = json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store,
                           "XksKeyId": external });
        let made = at_last(&self.user, "CreateKey", &made);
        (external, made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned())
    }

    fn connect(&self, id: &Value) {
        let began = Instant::now();
        loop {
            at_last(&self.user, "ConnectCustomKeyStore", id);
            let (_, listed) = kms(&self.user, ACCOUNT, "DescribeCustomKeyStores", id);
            if listed["CustomKeyStores"][0]["ConnectionState"] == "CONNECTED" {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{listed}");
            at_last(&self.user, "DisconnectCustomKeyStore", id);
        }
    }
}

#[test]
fn one_bulla_uses_a_key_of_another_and_a_cut_way_heals() {
    let world = World::new();
    let (external, key) = world.key();
    let context = json!({ "tenant": "blue" });
    let sealing = json!({ "KeyId": key, "Plaintext": "aGVsbG8=", "EncryptionContext": context });
    let sealed = at_last(&world.user, "Encrypt", &sealing)["CiphertextBlob"].clone();
    let opening = json!({ "CiphertextBlob": sealed, "EncryptionContext": context });
    let opened = at_last(&world.user, "Decrypt", &opening);
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
    for way in [Way::Dropped, Way::Stalled, Way::Garbage, Way::CutShort] {
        world.between.is(way);
        for (operation, input) in [("Decrypt", &opening), ("Encrypt", &sealing)] {
            let began = Instant::now();
            let (status, refused) = kms(&world.user, ACCOUNT, operation, input);
            assert_eq!(status, 400, "{refused}");
            assert_eq!(refused["__type"], "KMSInvalidStateException", "{refused}");
            assert!(message(&refused).contains("external key store proxy"), "{refused}");
            // 250 ms, and what a crowded machine adds.
            assert!(began.elapsed() < Duration::from_secs(10), "{operation}");
        }
        world.between.is(Way::Open);
        assert_eq!(at_last(&world.user, "Decrypt", &opening)["Plaintext"], "aGVsbG8=");
    }
    // Whoever owns the external key has the last word.
    kms(&world.manager, ACCOUNT, "DisableKey", &json!({ "KeyId": external }));
    let began = Instant::now();
    loop {
        let (_, refused) = kms(&world.user, ACCOUNT, "Decrypt", &opening);
        if message(&refused).contains("is not enabled in the external key manager") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{refused}");
    }
    kms(&world.manager, ACCOUNT, "EnableKey", &json!({ "KeyId": external }));
    assert_eq!(at_last(&world.user, "Decrypt", &opening)["Plaintext"], "aGVsbG8=");
    assert_eq!(world.user.stop(), Some(0));
    assert_eq!(world.proxy.stop(), Some(0));
    assert_eq!(world.manager.stop(), Some(0));
}

#[test]
fn the_proxy_takes_its_own_credentials_alone() {
    let world = World::new();
    let (_, other) = credential(world.home.path(), "other.json");
    let mut store = world.store.clone();
    store["XksProxyAuthenticationCredential"] = other["XksProxyAuthenticationCredential"].clone();
    let began = Instant::now();
    loop {
        let (_, refused) = kms(&world.user, ACCOUNT, "CreateCustomKeyStore", &store);
        if refused["__type"] == "XksProxyIncorrectAuthenticationCredentialException" {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{refused}");
    }
    store = world.store.clone();
    store["XksProxyUriPath"] = "/elsewhere/kms/xks/v1".into();
    let began = Instant::now();
    loop {
        let (_, refused) = kms(&world.user, ACCOUNT, "CreateCustomKeyStore", &store);
        if refused["__type"] == "XksProxyInvalidConfigurationException" {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{refused}");
    }
}

#[test]
fn a_server_is_not_led_to_its_own_network() {
    let server = Server::start(&["dev"]);
    for host in ["https://127.0.0.1", "https://localhost", "https://169.254.169.254"] {
        let store = json!({
            "CustomKeyStoreName": "s", "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConnectivity": "PUBLIC_ENDPOINT", "XksProxyUriEndpoint": host,
            "XksProxyUriPath": "/kms/xks/v1",
            "XksProxyAuthenticationCredential": {
                "AccessKeyId": "ABCDEFGHIJKLMNOPQRST",
                "RawSecretAccessKey": "0123456789012345678901234567890123456789012",
            },
        });
        let (_, refused) = kms(&server, ACCOUNT, "CreateCustomKeyStore", &store);
        assert_eq!(refused["__type"], "XksProxyUriUnreachableException", "{host}: {refused}");
    }
}

#[test]
fn what_the_proxy_cannot_use_is_named() {
    let home = tempfile::tempdir().unwrap();
    let (file, _) = credential(home.path(), "proxy.json");
    let twice = run(&["xks", "serve", "--credential", &file, "--credential", &file]);
    assert!(refusal(&twice).contains("another of the credentials"));
    let open = run(&["xks", "serve", "--credential", &file, "--listen", "0.0.0.0:0"]);
    assert!(refusal(&open).contains("there is no TLS"));
    let secret = "this must not be quoted anywhere";
    let wrong = home.path().join("wrong.json");
    std::fs::write(&wrong, format!("{{\"RawSecretAccessKey\":\"{secret}\"}}")).unwrap();
    let refused = run(&["xks", "serve", "--credential", wrong.to_str().unwrap()]);
    let told = refusal(&refused);
    assert!(told.contains("wrong.json") && !told.contains(secret), "{told}");
    assert!(refusal(&run(&["xks", "credential", "--prefix", "a b"])).contains("no path"));
}
