//! Where signed calls go in: a server over TCP, or the services in this process.

use serde_json::Value;

use crate::run::demand;

/// How often a call is made again after a fault of the server's.
const ATTEMPTS: u32 = 4;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) body: Vec<u8>,
}

/// A call was not answered: the other side has gone.
#[derive(Debug)]
pub(crate) struct Lost(pub(crate) String);

/// Takes calls to KMS, one after the other.
pub(crate) trait Door {
    /// Calls `operation` as the account's root user.
    fn call(&mut self, operation: &str, input: &Value) -> Result<Reply, Lost>;

    /// Calls, and demands that it succeeds. A fault of the server's is tried again, as clients do:
    /// it has some when the machine stands still for a second.
    fn ask(&mut self, operation: &str, input: &Value) -> Result<Value, String> {
        let mut attempts = 0..ATTEMPTS;
        loop {
            let reply = self.call(operation, input);
            let reply = reply.map_err(|lost| format!("{operation}: {}", lost.0))?;
            if attempts.next().is_none() || !reply.is_our_fault() {
                reply.must_succeed(operation)?;
                return Ok(reply.json());
            }
        }
    }
}

impl Reply {
    /// The body; null where there is none or it is not JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the server says that the fault is its own, which says nothing of the effect.
    pub(crate) fn is_our_fault(&self) -> bool {
        self.status >= 500
    }

    pub(crate) fn must_succeed(&self, operation: &str) -> Result<(), String> {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        let well = (200..300).contains(&self.status);
        demand(well, || format!("{operation} answered {}: {}", self.status, text()))
    }
}

/// A text at `pointer` in an answer.
pub(crate) fn text(answer: &Value, pointer: &str) -> Result<String, String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("an answer has no {pointer}: {answer}"))
}

/// The members of a list at `pointer` in an answer.
pub(crate) fn list<'a>(answer: &'a Value, pointer: &str) -> Result<&'a [Value], String> {
    let found = answer.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or_else(|| format!("an answer has no list {pointer}: {answer}"))
}
