//! Who calls: with what is answered, denied, malformed, unsigned and wrongly signed.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use serde_json::json;

use crate::client::{AccessKey, Client};
use crate::door::{Door, Reply, text};
use crate::run::{demand, say};
use crate::server::Site;

/// Calls are signed anew after so many, long before a signature is too old.
const SIGNED_ANEW: usize = 2_000;

/// An answer: the id of the call, when it began and ended, and how it was answered.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) id: u128,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) our_fault: bool,
    pub(super) status: u16,
}

/// What all callers share: a key that denies Encrypt, and one that denies nothing.
pub(super) struct Cast {
    address: SocketAddr,
    root: AccessKey,
    closed: String,
    open: String,
    /// Those of the calls that made it.
    pub(super) answers: Vec<Answer>,
}

impl Cast {
    pub(super) fn new(address: SocketAddr, site: &Site) -> Result<Self, String> {
        let mut client = Client::connect(address, &site.root).map_err(|lost| lost.0)?;
        let mut answers = Vec::new();
        let mut make = |input| {
            let began = Instant::now();
            let reply = client.call("CreateKey", &input).map_err(|lost| lost.0)?;
            reply.must_succeed("CreateKey")?;
            answers.push(answer(&reply, began)?);
            text(&reply.json(), "/KeyMetadata/KeyId")
        };
        let all = json!({ "AWS": format!("arn:aws:iam::{}:root", site.account) });
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [
                { "Effect": "Allow", "Principal": all, "Action": "kms:*", "Resource": "*" },
                { "Effect": "Deny", "Principal": all, "Action": "kms:Encrypt", "Resource": "*" }
            ]
        });
        let closed = make(json!({ "Policy": policy.to_string() }))?;
        let open = make(json!({}))?;
        Ok(Self { address, root: site.root.clone(), closed, open, answers })
    }

    /// Targets, bodies, whether the signature is right, and the status that it must come to.
    fn calls(&self) -> Vec<(&'static str, String, bool, u16)> {
        let Self { closed, open, .. } = self;
        let tag = json!({ "KeyId": open, "Tags": [{ "TagKey": "a", "TagValue": "b" }] });
        let encrypt = |key: &str| json!({ "KeyId": key, "Plaintext": "AAAA" }).to_string();
        vec![
            ("TrentService.Encrypt", encrypt(open), true, 200),
            ("TrentService.Encrypt", encrypt(closed), true, 400),
            ("TrentService.DescribeKey", json!({ "KeyId": open }).to_string(), true, 200),
            ("TrentService.DescribeKey", "{\"KeyId\":".to_owned(), true, 400),
            ("TrentService.TagResource", tag.to_string(), true, 200),
            ("TrentService.Encrypt", encrypt(open), false, 400),
            ("TrentService.GenerateDataKey", json!({ "KeyId": open }).to_string(), true, 400),
            ("TrentService.DescribeKey", "{\"KeyId\":\"alias/nobody\"}".to_owned(), true, 400),
        ]
    }
}

fn answer(reply: &Reply, began: Instant) -> Result<Answer, String> {
    let ended = Instant::now();
    let id = u128::from_str_radix(&reply.request_id.replace('-', ""), 16);
    let id = id.map_err(|_| format!("{:?} is no id of a request", reply.request_id))?;
    Ok(Answer { id, began, ended, our_fault: reply.is_our_fault(), status: reply.status })
}

/// One who calls.
pub(super) struct Caller<'c> {
    cast: &'c Cast,
    next: usize,
}

impl<'c> Caller<'c> {
    pub(super) fn new(cast: &'c Cast, number: usize) -> Self {
        Self { cast, next: number }
    }

    /// Calls over and over; answers what was answered. Adds up those that did not fail.
    pub(super) fn call_until(
        &mut self,
        over: &AtomicBool,
        succeeded: &AtomicU64,
    ) -> Result<Vec<Answer>, String> {
        let Cast { address, root, .. } = self.cast;
        let mut client = Client::connect(*address, root).map_err(|lost| lost.0)?;
        let wrong = AccessKey { id: root.id.clone(), secret: "not the secret".to_owned() };
        let stranger = Client::connect(*address, &wrong).map_err(|lost| lost.0)?;
        let calls = self.cast.calls();
        let mut requests = Vec::new();
        let mut answers = Vec::new();
        while !over.load(Ordering::Relaxed) {
            if answers.len() % SIGNED_ANEW == 0 {
                let signed = calls.iter().map(|(target, body, signed, status)| {
                    let signer = if *signed { &client } else { &stranger };
                    signer.signed(target, body.as_bytes()).map(|bytes| (bytes, *status))
                });
                requests = signed.collect::<Result<_, _>>()?;
            }
            let (request, status) = requests.get(self.next % requests.len()).ok_or("no calls")?;
            self.next += 1;
            let began = Instant::now();
            let reply = client.send(request).map_err(|lost| format!("not answered: {}", lost.0))?;
            let answer = answer(&reply, began)?;
            demand(answer.our_fault || answer.status == *status, || {
                let body = String::from_utf8_lossy(&reply.body).into_owned();
                say(format_args!("{} in place of {status}: {body}", answer.status))
            })?;
            succeeded.fetch_add(u64::from(!answer.our_fault), Ordering::Relaxed);
            answers.push(answer);
        }
        Ok(answers)
    }
}
