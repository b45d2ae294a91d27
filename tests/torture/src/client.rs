//! A client of one server over one connection, which signs as an SDK does.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};
use serde_json::Value;

use crate::door::{Door, Lost, Reply};
use crate::run::say;

pub(crate) const REGION: &str = "eu-central-1";
/// Secrets Manager's name, in credential scopes and targets.
const SECRETS: &str = "secretsmanager";
/// What the targets of Parameter Store begin with.
pub(crate) const PARAMETER_STORE: &str = "AmazonSSM.";
const JSON: &str = "application/x-amz-json-1.1";
/// A server that answers nothing for so long is taken for hung.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const MOST_BYTES: usize = 4 << 20;

/// An access key.
#[derive(Clone)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// Where a request goes, and as what.
#[derive(Clone, Copy)]
pub(crate) struct To<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The service's name in credential scopes.
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) content_type: &'a str,
    /// `X-Amz-Target`.
    pub(crate) target: Option<&'a str>,
    /// `X-Amz-Invocation-Type`.
    pub(crate) invocation: Option<&'a str>,
}

impl<'a> To<'a> {
    /// A service that speaks AWS's JSON; without a target for an empty one.
    pub(crate) fn json(service: &'a str, target: &'a str) -> Self {
        let target = Some(target).filter(|target| !target.is_empty());
        Self {
            method: "POST",
            path: "/",
            service,
            region: REGION,
            content_type: JSON,
            target,
            invocation: None,
        }
    }
}

/// A connection and who calls over it.
pub(crate) struct Client {
    stream: TcpStream,
    server: SocketAddr,
    key: AccessKey,
    /// The head of the last answer, as it came.
    pub(crate) head: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(server: SocketAddr, key: &AccessKey) -> Result<Self, Lost> {
        let stream = TcpStream::connect(server).map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(lost)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(lost)?;
        Ok(Self { stream, server, key: key.clone(), head: Vec::new() })
    }

    /// Takes a new connection in place of this one.
    pub(crate) fn again(&mut self) -> Result<(), Lost> {
        *self = Self::connect(self.server, &self.key)?;
        Ok(())
    }

    /// A signed request to the service that the target names, KMS where it names none, as bytes.
    pub(crate) fn signed(&self, target: &str, body: &[u8]) -> Result<Vec<u8>, String> {
        let service = match target {
            _ if target.starts_with(SECRETS) => SECRETS,
            _ if target.starts_with(PARAMETER_STORE) => "ssm",
            _ => "kms",
        };
        self.request(&To::json(service, target), body)
    }

    /// A signed request, as bytes.
    pub(crate) fn request(&self, to: &To<'_>, body: &[u8]) -> Result<Vec<u8>, String> {
        let host = self.server.to_string();
        let To { method, path, service, region, content_type, .. } = *to;
        let more = [("x-amz-target", to.target), ("x-amz-invocation-type", to.invocation)];
        let more = more.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let texts: Vec<(&str, &str)> = [("host", host.as_str()), ("content-type", content_type)]
            .into_iter()
            .chain(more)
            .collect();
        let headers: Vec<_> = texts.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let parts = RequestParts { method, path, query: "", headers: &headers, body };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(say)?.as_secs();
        let options = SignOptions::new(service, region, i64::try_from(now).map_err(say)?);
        let AccessKey { id, secret } = &self.key;
        let key = Credentials { access_key_id: id, secret: secret.as_bytes(), token: None };
        let signed = sign_header(&parts, &key, &options).map_err(say)?;
        let mut head = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        texts.iter().for_each(|(name, value)| head.extend([name, ": ", value, "\r\n"]));
        signed.iter().for_each(|(name, value)| head.extend([name, ": ", value.as_str(), "\r\n"]));
        head.push_str("\r\n");
        Ok([head.as_bytes(), body].concat())
    }

    /// Sends bytes as they are, and takes the answer.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Reply, Lost> {
        self.stream.write_all(request).map_err(lost)?;
        let mut answer = Vec::with_capacity(1024);
        let mut room = [0; 16 << 10];
        loop {
            if let Some((end, length)) = complete(&answer)? {
                let (head, body) = answer.split_at_checked(end).unwrap_or_default();
                let body = body.get(..length).unwrap_or_default().to_vec();
                self.head = head.to_vec();
                return reply(head, body).ok_or_else(|| Lost("an answer is not HTTP".into()));
            }
            let read = match self.stream.read(&mut room) {
                // A process that was stopped and goes on.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.map_err(lost)?,
            };
            if read == 0 || answer.len() > MOST_BYTES {
                return Err(Lost(format!("the connection ended after {} bytes", answer.len())));
            }
            answer.extend_from_slice(room.get(..read).unwrap_or_default());
        }
    }

    /// Asks one of the program's own addresses.
    pub(crate) fn get(&mut self, path: &str) -> Result<Reply, Lost> {
        let host = self.server;
        self.send(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes())
    }
}

impl Door for Client {
    fn call(&mut self, operation: &str, input: &Value) -> Result<Reply, Lost> {
        let target = format!("TrentService.{operation}");
        let request = self.signed(&target, input.to_string().as_bytes()).map_err(Lost)?;
        self.send(&request)
    }
}

fn lost(error: impl std::fmt::Display) -> Lost {
    Lost(error.to_string())
}

/// Where the body begins and how long it is, once all of it has come.
fn complete(answer: &[u8]) -> Result<Option<(usize, usize)>, Lost> {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let begin = head + 4;
    let text = String::from_utf8_lossy(answer.get(..head).unwrap_or_default()).into_owned();
    let length = header(&text, "content-length").and_then(|length| length.parse().ok());
    let length: usize = length.ok_or_else(|| Lost("an answer tells no length".into()))?;
    Ok((answer.len() >= begin + length).then_some((begin, length)))
}

fn reply(head: &[u8], body: Vec<u8>) -> Option<Reply> {
    let text = std::str::from_utf8(head).ok()?;
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let request_id = header(text, "x-amzn-requestid").unwrap_or_default().to_owned();
    Some(Reply { status, request_id, body })
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let found = lines.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}
