//! The tour's client: signs as SDKs sign, and speaks HTTP over TCP.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::Error;

const REGION: &str = "eu-central-1";
/// How long one step may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Calls the server, each time on a connection of its own.
pub(super) struct Client {
    pub(super) address: SocketAddr,
}

/// An answer, and what was asked.
pub(super) struct Answer {
    asked: String,
    status: u16,
    body: Value,
}

impl Answer {
    pub(super) fn ok(&self) -> Result<&Value, Error> {
        if self.status == 200 { Ok(&self.body) } else { Err(self.unexpected()) }
    }

    /// The error code of a call that had to be refused with it.
    pub(super) fn refused(&self, expected: &'static str) -> Result<&'static str, Error> {
        let code = self.body.get("__type").and_then(Value::as_str);
        if code == Some(expected) { Ok(expected) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Error {
        let code = self.body.get("__type").and_then(Value::as_str).unwrap_or("no error code");
        Error::Tour(format!("{} was answered with status {}, {code}", self.asked, self.status))
    }
}

impl Client {
    pub(super) async fn kms(
        &self,
        account: &str,
        operation: &str,
        input: Value,
    ) -> Result<Answer, Error> {
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

    pub(super) async fn post(
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
