//! Where events are written that go to logs and queues: files, a line an event.
//!
//! This server has neither CloudWatch Logs nor SQS. A log group's ARN and a queue's ARN stand for
//! files of these names, as targets and as dead-letter queues: the simplest thing that a person or
//! a program can read, and that keeps what no target took.

use std::io;

use bulla_plane::BoxFuture;

/// A file of events, by what its ARN says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// What it stands for.
    pub kind: Kind,
    /// The account that it belongs to.
    pub account: String,
    /// The region that it is in.
    pub region: String,
    /// The name of the log group or queue, as it was given: nothing to build a path of.
    pub name: String,
}

/// What a file of events stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A log group.
    Log,
    /// A queue.
    Queue,
}

impl Store {
    /// `arn:<partition>:logs:<region>:<account>:log-group:<name>`, with or without `:*`.
    pub(crate) fn log(arn: &str) -> Option<Self> {
        let (region, account, rest) = parts(arn, "logs")?;
        let name = rest.strip_prefix("log-group:")?;
        let name = name.strip_suffix(":*").unwrap_or(name);
        Self::new(Kind::Log, (region, account), name)
    }

    /// `arn:<partition>:sqs:<region>:<account>:<name>`.
    pub(crate) fn queue(arn: &str) -> Option<Self> {
        let (region, account, name) = parts(arn, "sqs")?;
        Self::new(Kind::Queue, (region, account), name)
    }

    fn new(kind: Kind, (region, account): (&str, &str), name: &str) -> Option<Self> {
        let formed = [region, account, name].iter().all(|text| !text.is_empty());
        formed.then(|| Self {
            kind,
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
        })
    }
}

fn parts<'a>(arn: &'a str, service: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let mut parts = arn.splitn(6, ':');
    let ("arn", _, found) = (parts.next()?, parts.next()?, parts.next()?) else { return None };
    let (region, account, rest) = (parts.next()?, parts.next()?, parts.next()?);
    (found == service).then_some((region, account, rest))
}

/// Writes events. The program implements it; tests bring their own.
pub trait Sink: Send + Sync {
    /// Appends a line, and answers once it is durable.
    ///
    /// # Errors
    /// When it can't be written. The event is tried again.
    fn append<'a>(&'a self, store: &'a Store, line: String) -> BoxFuture<'a, io::Result<()>>;
}

/// Nowhere to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSink;

impl Sink for NoSink {
    fn append<'a>(&'a self, _store: &'a Store, _line: String) -> BoxFuture<'a, io::Result<()>> {
        let refused = io::Error::new(io::ErrorKind::Unsupported, "this server writes no events");
        Box::pin(std::future::ready(Err(refused)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_files() {
        let log = Store::log("arn:aws:logs:us-east-1:111122223333:log-group:/aws/events/x:*");
        assert_eq!(log.unwrap().name, "/aws/events/x");
        let queue = Store::queue("arn:aws:sqs:us-east-1:111122223333:dead").unwrap();
        assert_eq!((queue.kind, queue.name.as_str()), (Kind::Queue, "dead"));
        for arn in [
            "arn:aws:logs:us-east-1:111122223333:log-group:",
            "arn:aws:logs:us-east-1:111122223333:dead",
            "arn:aws:sqs:us-east-1:111122223333:",
            "arn:aws:sqs:::dead",
            "arn:aws:sqs:us-east-1",
            "dead",
        ] {
            assert_eq!((Store::log(arn), Store::queue(arn)), (None, None), "{arn}");
        }
    }
}
