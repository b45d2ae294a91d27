//! `bulla tour`: the main jobs, told line by line, over TCP and signed as SDKs sign.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulla_crypto::{Crypto, harden_process};
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::error::Error;
use crate::foundation::Foundation;
use crate::house::House;
use crate::listener::listen;
use crate::server;

const REGION: &str = "eu-central-1";
const OWNER: &str = "000000000000";
const STRANGER: &str = "111111111111";
/// How long one step may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Runs a server in memory, calls it, and tells what it answers.
pub(crate) fn tour() -> Result<(), Error> {
    harden_process()?;
    server::runtime()?.block_on(async {
        let listener = server::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_addr();
        let address = address.map_err(|cause| Error::io("ask for the port", cause))?;
        let foundation = Foundation::in_memory(Crypto::standard()).await?;
        let house = Arc::new(House::new(foundation, true));
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(listen(listener, None, Arc::clone(&house), stopped));
        println!("A server that lives in memory listens on http://{address}.");
        let told = tell(&Client { address }).await;
        stop.send_replace(true);
        let ended = serving.await;
        told?;
        ended.map_err(|error| Error::Tour(format!("the server ended early: {error}")))?;
        let records = house.plane.journal.metrics().records();
        println!("Every call stands in the audit journal, refusals too: {records} records.");
        server::close(&house.plane.barrier, &house.plane.journal, None).await?;
        println!("That was the tour. `bulla dev` starts a server for your own tests.");
        Ok(())
    })
}

async fn tell(client: &Client) -> Result<(), Error> {
    let made = client.kms(OWNER, "CreateKey", json!({ "Description": "tour" })).await?;
    let key = made.ok()?.pointer("/KeyMetadata/Arn").and_then(Value::as_str).unwrap_or_default();
    println!("CreateKey made {key}.");
    let alias = json!({ "AliasName": "alias/tour", "TargetKeyId": key });
    client.kms(OWNER, "CreateAlias", alias).await?.ok()?;
    println!("CreateAlias named it alias/tour.");
    let context = json!({ "tenant": "a" });
    let plaintext = "aGVsbG8=";
    let request =
        json!({ "KeyId": "alias/tour", "Plaintext": plaintext, "EncryptionContext": context });
    let sealed = client.kms(OWNER, "Encrypt", request).await?;
    let blob = member(sealed.ok()?, "CiphertextBlob");
    println!("Encrypt sealed five bytes for the encryption context tenant=a.");
    let request = json!({ "CiphertextBlob": blob, "EncryptionContext": context });
    let opened = client.kms(OWNER, "Decrypt", request.clone()).await?;
    if member(opened.ok()?, "Plaintext") != plaintext {
        return Err(Error::Tour("Decrypt gave other bytes back".to_owned()));
    }
    println!("Decrypt gave them back.");
    let other = json!({ "CiphertextBlob": blob, "EncryptionContext": { "tenant": "b" } });
    let refused = client.kms(OWNER, "Decrypt", other).await?;
    println!(
        "Decrypt for tenant=b was refused: {}.",
        refused.refused("InvalidCiphertextException")?
    );
    let refused = client.kms(STRANGER, "Decrypt", request).await?;
    println!(
        "Decrypt by account {STRANGER} was refused: {}.",
        refused.refused("AccessDeniedException")?
    );
    let request = json!({ "KeyId": key, "KeySpec": "AES_256" });
    client.kms(OWNER, "GenerateDataKey", request).await?.ok()?;
    println!("GenerateDataKey gave a data key, in clear and sealed.");
    let request = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    client.kms(OWNER, "ScheduleKeyDeletion", request).await?.ok()?;
    let refused =
        client.kms(OWNER, "Encrypt", json!({ "KeyId": key, "Plaintext": plaintext })).await?;
    println!(
        "ScheduleKeyDeletion stopped the key at once: {}.",
        refused.refused("KMSInvalidStateException")?
    );
    client.post("/_bulla/clock", &[], br#"{"advance":"P8D"}"#).await?.ok()?;
    let gone = client.kms(OWNER, "DescribeKey", json!({ "KeyId": key })).await?;
    println!(
        "The clock went on by eight days, and the key is gone: {}.",
        gone.refused("NotFoundException")?
    );
    Ok(())
}

/// Calls the server, each time on a connection of its own.
struct Client {
    address: SocketAddr,
}

/// An answer, and what was asked.
struct Answer {
    asked: String,
    status: u16,
    body: Value,
}

impl Answer {
    fn ok(&self) -> Result<&Value, Error> {
        if self.status == 200 { Ok(&self.body) } else { Err(self.unexpected()) }
    }

    /// The error code of a call that had to be refused with it.
    fn refused(&self, expected: &'static str) -> Result<&'static str, Error> {
        let code = self.body.get("__type").and_then(Value::as_str);
        if code == Some(expected) { Ok(expected) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Error {
        let code = self.body.get("__type").and_then(Value::as_str).unwrap_or("no error code");
        Error::Tour(format!("{} was answered with status {}, {code}", self.asked, self.status))
    }
}

impl Client {
    async fn kms(&self, account: &str, operation: &str, input: Value) -> Result<Answer, Error> {
        let body = input.to_string();
        let target = format!("TrentService.{operation}");
        let host = self.address.to_string();
        let headers = [
            ("host", host.as_bytes()),
            ("content-type", bulla_shapes::protocol::JSON_1_1.as_bytes()),
            ("x-amz-target", target.as_bytes()),
        ];
        let parts = RequestParts {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let options = SignOptions::new("kms", REGION, i64::try_from(now).unwrap_or(i64::MAX));
        let credentials = Credentials { access_key_id: account, secret: b"tour", token: None };
        let mut lines = sign_header(&parts, &credentials, &options)
            .map_err(|error| Error::Tour(format!("{operation} could not be signed: {error}")))?;
        lines.push(("content-type".to_owned(), bulla_shapes::protocol::JSON_1_1.to_owned()));
        lines.push(("x-amz-target".to_owned(), target.clone()));
        let answer = self.post("/", &lines, body.as_bytes()).await?;
        Ok(Answer { asked: operation.to_owned(), ..answer })
    }

    async fn post(
        &self,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Answer, Error> {
        let host = self.address;
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        headers.iter().for_each(|(name, value)| head.extend([name.as_str(), ": ", value, "\r\n"]));
        head.push_str("\r\n");
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
            let mut answer = Vec::new();
            stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = tokio::time::timeout(STEP_TIMEOUT, exchange).await;
        let answer = answer
            .map_err(|_| Error::Tour(format!("{path} was not answered in time")))?
            .map_err(|cause| Error::io(format!("call {host}"), cause))?;
        parse(path, &answer)
            .ok_or_else(|| Error::Tour(format!("the answer of {path} is not HTTP and JSON")))
    }
}

fn parse(path: &str, answer: &[u8]) -> Option<Answer> {
    let (head, body) = str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).ok()? };
    Some(Answer { asked: path.to_owned(), status, body })
}

/// A member's text; empty if there is none, which the next step then refuses.
fn member<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get(name).and_then(Value::as_str).unwrap_or_default()
}
