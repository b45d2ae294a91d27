//! Canaries that are rotated, by rotators of the house and by a function, and such as go through
//! functions themselves: in their variables, and in what they are called with and answer.

use std::time::{Duration, Instant};

use base64_simd::STANDARD;
use bulla_crypto::hex;
use serde_json::{Value, json};

use super::Load;
use super::archive::archive;
use crate::client::{REGION, To};
use crate::door::{Reply, text};
use crate::run::{demand, say};

/// How long rotations may take until all are through.
const PATIENCE: Duration = Duration::from_secs(60);
const FUNCTIONS: &str = "/2015-03-31/functions";
const NAME: &str = "rotation";
const CODE: &str = include_str!("rotation.py");
/// The port of a database that is down: nobody listens there.
const NOBODY: u16 = 1;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const MAY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}"#;

/// Rotations that have begun.
#[derive(Default)]
pub(super) struct Turns {
    /// Name, version and first value of secrets that are to get another value.
    good: Vec<(String, String, String)>,
    /// The same of those whose database is down.
    bad: Vec<(String, String, String)>,
}

impl Load {
    /// A function that rotates, with a canary in its variables. Answers its ARN.
    pub(super) fn function(&mut self) -> Result<String, String> {
        let trust = form(&[("AssumeRolePolicyDocument", TRUST)]);
        let made = self.iam("CreateRole", &trust)?;
        let role = between(&made, "<Arn>", "</Arn>")?;
        let may = form(&[("PolicyName", "own"), ("PolicyDocument", MAY)]);
        self.iam("PutRolePolicy", &may)?;
        let (_, canary) = self.canary();
        let code = STANDARD.encode_to_string(archive("main.py", CODE.as_bytes()));
        let input = json!({
            "FunctionName": NAME, "Role": role, "Code": { "ZipFile": code }, "Timeout": 30,
            "Runtime": "python3.12", "Handler": "main.handler",
            "Environment": { "Variables": { "CANARY": canary } },
        });
        let reply = self.rest("POST", FUNCTIONS, &input.to_string())?;
        reply.must_succeed("CreateFunction")?;
        // The answer has the variables, as AWS's has.
        let arn = text(&reply.json(), "/FunctionArn")?;
        let statement = json!({
            "StatementId": "s", "Action": "lambda:InvokeFunction",
            "Principal": "secretsmanager.amazonaws.com",
        });
        let place = format!("{FUNCTIONS}/{NAME}/policy");
        let reply = self.rest("POST", &place, &statement.to_string())?;
        reply.must_succeed("AddPermission")?;
        self.scanner.clear("AddPermission", &reply.body)?;
        Ok(arn)
    }

    /// Calls a function with a canary: waiting for its answer, not waiting, and in vain.
    pub(super) fn invoke(&mut self) -> Result<(), String> {
        let (_, canary) = self.canary();
        let payload = json!({ "canary": canary }).to_string();
        let place = format!("{FUNCTIONS}/{NAME}/invocations");
        let reply = self.rest("POST", &place, &payload)?;
        let body = String::from_utf8_lossy(&reply.body);
        let right = reply.status == 200 && body.contains(&canary);
        demand(right, || format!("Invoke answered {}: {body}", reply.status))?;
        let event = To { invocation: Some("Event"), ..Self::function_at("POST", &place) };
        let request = self.client.request(&event, payload.as_bytes())?;
        let reply = self.client.send(&request).map_err(|lost| lost.0)?;
        demand(reply.status == 202, || format!("an event was answered {}", reply.status))?;
        let half = payload.get(..payload.len().saturating_sub(1)).unwrap_or_default();
        for (at, body) in
            [(place.as_str(), half), ("/2015-03-31/functions/no/invocations", &payload)]
        {
            let reply = self.rest("POST", at, body)?;
            self.refusal(&reply, true)?;
        }
        Ok(())
    }

    /// Has secrets rotated: by the function, by the rotator of passwords, and by that of a database
    /// which is down.
    pub(super) fn begin_turns(&mut self, function: &str, turns: &mut Turns) -> Result<(), String> {
        let house = |name: &str| format!("arn:aws:secretsmanager:::rotator/{name}");
        let password = hex::encode(&self.random.bytes(24));
        self.scanner.watch("a database's password".into(), password.as_bytes());
        let login = json!({
            "engine": "postgres", "host": "127.0.0.1", "port": NOBODY, "username": "app",
            "password": password, "ssl": false,
        });
        for (rotator, value, works) in [
            (function.to_owned(), self.rotated(), true),
            (house("password"), self.rotated(), true),
            (house("postgresql-single-user"), login.to_string(), false),
        ] {
            let name = hex::encode(&self.random.bytes(8));
            let token = "00000000-0000-4000-8000-000000000000";
            let input = json!({ "Name": name, "SecretString": value, "ClientRequestToken": token });
            self.stores("CreateSecret", &input)?;
            let version = "00000000-0000-4000-8000-000000000001";
            let rotate = json!({
                "SecretId": name, "ClientRequestToken": version, "RotationLambdaARN": rotator,
                "RotationRules": { "AutomaticallyAfterDays": 1 },
            });
            self.stores("RotateSecret", &rotate)?;
            let list = if works { &mut turns.good } else { &mut turns.bad };
            list.push((name, version.to_owned(), value));
        }
        Ok(())
    }

    fn rotated(&mut self) -> String {
        let value = hex::encode(&self.random.bytes(24));
        self.scanner.watch("a value before its rotation".into(), value.as_bytes());
        value
    }

    /// Waits until all rotations are through or have failed, and looks for what they made too.
    pub(super) fn end_turns(&mut self, turns: &Turns) -> Result<u64, String> {
        let until = Instant::now() + PATIENCE;
        for (name, version, before) in &turns.good {
            while !self.is_current(name, version)? {
                demand(Instant::now() < until, || format!("{name} is not rotated in time"))?;
                std::thread::yield_now();
            }
            let now = self.current(name)?;
            demand(now != *before, || format!("{name} is what it was"))?;
            self.scanner.watch("a value after its rotation".into(), now.as_bytes());
        }
        for (name, version, before) in &turns.bad {
            let is = self.current(name)?;
            demand(is == *before, || format!("{name} changed without its database"))?;
            demand(!self.is_current(name, version)?, || format!("{name} was rotated"))?;
        }
        Ok((turns.good.len() + turns.bad.len()) as u64)
    }

    fn is_current(&mut self, name: &str, version: &str) -> Result<bool, String> {
        let reply = self.manager("DescribeSecret", &json!({ "SecretId": name }))?;
        let labels = reply.json().pointer(&format!("/VersionIdsToStages/{version}")).cloned();
        let labels = labels.unwrap_or_default();
        Ok(labels.as_array().is_some_and(|all| all.contains(&Value::from("AWSCURRENT"))))
    }

    fn current(&mut self, name: &str) -> Result<String, String> {
        let reply = self.manager("GetSecretValue", &json!({ "SecretId": name }))?;
        text(&reply.json(), "/SecretString")
    }

    fn iam(&mut self, action: &str, rest: &str) -> Result<String, String> {
        let body = format!("Action={action}&Version=2010-05-08&RoleName={NAME}&{rest}");
        let to = To {
            service: "iam",
            region: "us-east-1",
            content_type: "application/x-www-form-urlencoded",
            ..To::json("iam", "")
        };
        let request = self.client.request(&to, body.as_bytes())?;
        let reply = self.client.send(&request).map_err(|lost| lost.0)?;
        reply.must_succeed(action)?;
        String::from_utf8(reply.body).map_err(say)
    }

    fn function_at<'a>(method: &'a str, path: &'a str) -> To<'a> {
        let content_type = "application/json";
        To { method, path, region: REGION, content_type, ..To::json("lambda", "") }
    }

    fn rest(&mut self, method: &str, path: &str, body: &str) -> Result<Reply, String> {
        let request = self.client.request(&Self::function_at(method, path), body.as_bytes())?;
        self.client.send(&request).map_err(|lost| lost.0)
    }
}

/// Members of a form.
fn form(members: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String {
        let sign = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(sign).collect()
    };
    let pairs = members.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn between(text: &str, begin: &str, end: &str) -> Result<String, String> {
    let rest = text.split_once(begin).map(|(_, rest)| rest);
    let found = rest.and_then(|rest| rest.split_once(end)).map(|(found, _)| found.to_owned());
    found.ok_or_else(|| format!("no {begin} in {text}"))
}
