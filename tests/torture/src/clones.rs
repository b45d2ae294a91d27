//! Clones of a process: this program started anew, with the same seed for all that is random and
//! every counter at its start. What a cloned virtual machine is, without the machine.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::options::CloneOrder;
use crate::replay;
use crate::run::{demand, say, wait};
use crate::store::{crypto, root};

/// Starts a clone and takes its answer.
pub(crate) fn ask(what: &str, seed: u64, count: u64, first: u64) -> Result<Vec<u8>, String> {
    let program = std::env::current_exe().map_err(say)?;
    let mut clone = Command::new(program);
    clone.args(["clone", what, &seed.to_string(), &count.to_string(), &first.to_string()]);
    let output = clone.stdin(Stdio::null()).output().map_err(say)?;
    demand(output.status.success() && !output.stdout.is_empty(), || {
        format!("the clone failed: {}", String::from_utf8_lossy(&output.stderr).trim())
    })?;
    Ok(output.stdout)
}

/// Answers as a clone.
pub(crate) fn answer(order: &CloneOrder) -> Result<(), String> {
    let bytes = match order.what.as_str() {
        "nonces" => nonces(order)?,
        "image" => wait(replay::sealed_image(order.seed))?,
        other => return Err(format!("a clone knows nothing of {other}")),
    };
    std::io::stdout().write_all(&bytes).map_err(say)
}

fn nonces(order: &CloneOrder) -> Result<Vec<u8>, String> {
    let (crypto, key, mut out) = (crypto(order.seed), root()?, Vec::new());
    for message in order.first..order.first.saturating_add(order.count) {
        let message = message.to_be_bytes();
        out.extend(crypto.hedged_nonce(&key, &[&message, b"context"]).map_err(say)?);
    }
    Ok(out)
}
