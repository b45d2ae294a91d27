//! The tour's client: signs as SDKs sign, and speaks HTTP over TCP.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulla_shapes::Service;
use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::Error;

/// Where the tour's keys are.
pub(super) const REGION: &str = "eu-central-1";
/// Where IAM and STS are.
const GLOBAL_REGION: &str = "us-east-1";
/// How long one step may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Calls the server, each time on a connection of its own.
pub(super) struct Client {
    pub(super) address: SocketAddr,
}

/// Who signs.
pub(super) struct Signer {
    id: String,
    secret: String,
    token: Option<String>,
}

impl Signer {
    /// The root user of an account, whom `bulla dev` takes at its word.
    pub(super) fn root(account: &str) -> Self {
        Self { id: account.to_owned(), secret: "tour".to_owned(), token: None }
    }
}

/// An answer, and what was asked.
pub(super) struct Answer {
    asked: String,
    status: u16,
    text: String,
    body: Value,
}

impl Answer {
    pub(super) fn ok(&self) -> Result<&Value, Error> {
        if self.status == 200 { Ok(&self.body) } else { Err(self.unexpected()) }
    }

    /// The error code of a call that had to be refused with it.
    pub(super) fn refused(&self, expected: &'static str) -> Result<&'static str, Error> {
        if self.code() == Some(expected) { Ok(expected) } else { Err(self.unexpected()) }
    }

    /// The text of the first element of this name, of an answer in XML.
    pub(super) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }

    /// The credentials that the answer gives.
    pub(super) fn signer(&self) -> Result<Signer, Error> {
        self.ok()?;
        let text = |name| self.element(name).map(str::to_owned);
        let (id, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
        let (Some(id), Some(secret)) = (id, secret) else { return Err(self.unexpected()) };
        Ok(Signer { id, secret, token: text("SessionToken") })
    }

    fn code(&self) -> Option<&str> {
        self.body.get("__type").and_then(Value::as_str).or_else(|| self.element("Code"))
    }

    fn unexpected(&self) -> Error {
        let code = self.code().unwrap_or("no error code");
        Error::Tour(format!("{} was answered with status {}, {code}", self.asked, self.status))
    }
}

impl Client {
    /// Calls a service that speaks JSON.
    pub(super) async fn json(
        &self,
        by: &Signer,
        service: &Service,
        operation: &str,
        input: Value,
    ) -> Result<Answer, Error> {
        let lines = [
            ("content-type", bulla_shapes::protocol::JSON_1_1.to_owned()),
            ("x-amz-target", format!("{}.{operation}", service.target_prefix)),
        ];
        let (name, body) = (service.signing_name, input.to_string());
        self.signed(by, (name, REGION), operation, &lines, body.as_bytes()).await
    }

    /// Calls IAM or STS.
    pub(super) async fn query(
        &self,
        by: &Signer,
        service: &Service,
        operation: &str,
        input: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let mut body = format!("Action={operation}&Version={}", service.api_version);
        for (name, value) in input {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            body += &format!("&{name}={value}");
        }
        let lines = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        let place = (service.signing_name, GLOBAL_REGION);
        self.signed(by, place, operation, &lines, body.as_bytes()).await
    }

    async fn signed(
        &self,
        by: &Signer,
        (service, region): (&str, &str),
        operation: &str,
        lines: &[(&str, String)],
        body: &[u8],
    ) -> Result<Answer, Error> {
        let host = self.address.to_string();
        let mut headers = vec![("host", host.as_bytes())];
        headers.extend(lines.iter().map(|(name, value)| (*name, value.as_bytes())));
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, body };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let options = SignOptions::new(service, region, i64::try_from(now).unwrap_or(i64::MAX));
        let Signer { id, secret, token } = by;
        let credentials =
            Credentials { access_key_id: id, secret: secret.as_bytes(), token: token.as_deref() };
        let mut sent = sign_header(&parts, &credentials, &options)
            .map_err(|error| Error::Tour(format!("{operation} could not be signed: {error}")))?;
        sent.extend(lines.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let answer = self.post("/", &sent, body).await?;
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
        parse(path, &answer).ok_or_else(|| {
            Error::Tour(format!("the answer of {path} is not HTTP with JSON or XML"))
        })
    }
}

fn parse(path: &str, answer: &[u8]) -> Option<Answer> {
    let (head, body) = str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let json = if body.starts_with('<') || body.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(body).ok()?
    };
    Some(Answer { asked: path.to_owned(), status, text: body.to_owned(), body: json })
}

/// A member's text; empty if there is none, which the next step then refuses.
pub(super) fn member<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get(name).and_then(Value::as_str).unwrap_or_default()
}
