//! The servers that a run starts, each on its own data directory, and single calls to them.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use serde_json::Value;

use crate::client::{Load, Tally, Until};
use crate::error::BenchError;
use crate::process::Server;
use crate::request::{Call, Request};
use crate::signer::{Credentials, Signer};

/// Which of the program's commands serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything on, AWS's default request rates too.
    Serve,
    /// Request rates lifted, for calls that AWS limits far below what is driven here. The access
    /// key is one that `bulla init` issued, so signatures are verified all the same.
    Dev,
}

/// The quota of parameters, which AWS sets below what is measured here.
const LIFTED: &str = "standard-parameters=100000000";

/// A data directory made by `bulla init`, with its root access key.
pub(crate) struct Site {
    program: PathBuf,
    data: PathBuf,
    account: String,
    credentials: Credentials,
}

impl Site {
    /// Initialises `dir`/`name`.
    pub(crate) fn init(program: &Path, dir: &Path, name: &str) -> Result<Self, BenchError> {
        let data = dir.join(name);
        let output = Command::new(program)
            .args(["init", "--json", "--data"])
            .arg(&data)
            .output()
            .map_err(BenchError::io(format!("run {} init", program.display())))?;
        if !output.status.success() {
            return Err(BenchError::Server {
                name: "bulla init".into(),
                what: format!("failed ({})", output.status),
                log: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        let json: Value = serde_json::from_slice(&output.stdout).map_err(|e| {
            BenchError::malformed(format!("bulla init --json printed no JSON: {e}"))
        })?;
        let credentials = Credentials {
            access_key_id: text(&json, "/AccessKeyId")?,
            secret_access_key: text(&json, "/SecretAccessKey")?,
        };
        let account = text(&json, "/AccountId")?;
        Ok(Self { program: program.to_owned(), data, account, credentials })
    }

    /// Starts the program on this directory.
    pub(crate) fn start(&self, mode: Mode) -> Result<Server, BenchError> {
        let dir = self.data.parent().unwrap_or(&self.data);
        Server::start("bulla", dir, |address| {
            let mut command = Command::new(&self.program);
            command.arg(if mode == Mode::Serve { "serve" } else { "dev" });
            command.args(["--quotas", "none"]);
            command.arg("--data").arg(&self.data).args(["--listen", &address.to_string()]);
            if mode == Mode::Dev {
                command.args(["--quota", LIFTED]);
            }
            command
        })
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The directory that holds everything the program keeps.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }
}

/// Starts the bare reference: this very program, by its other subcommand.
pub(crate) fn start_bare(dir: &Path) -> Result<Server, BenchError> {
    let own = std::env::current_exe().map_err(BenchError::io("find the bench's own program"))?;
    Server::start("bare", dir, |address| {
        let mut command = Command::new(own);
        command.args(["bare", "--listen", &address.to_string()]);
        command
    })
}

/// Sends `calls` in turn until `until`; they are all for one service.
pub(crate) fn drive(
    server: &Server,
    credentials: &Credentials,
    calls: &[Call],
    connections: usize,
    until: Until,
) -> Result<Tally, BenchError> {
    let (load, signer) = prepare(server, credentials, calls, connections, until)?;
    load.run(signer)
}

/// As `drive`, keeping one text member of each answer, in the order of the answers.
pub(crate) fn collect(
    server: &Server,
    credentials: &Credentials,
    calls: &[Call],
    connections: usize,
    count: u64,
    pointer: &'static str,
) -> Result<Vec<String>, BenchError> {
    let until = Until::Calls(count);
    let (load, signer) = prepare(server, credentials, calls, connections, until)?;
    let found = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&found);
    load.run_with(signer, move |body| {
        let json = serde_json::from_slice(body)
            .map_err(|e| BenchError::malformed(format!("an answer isn't JSON: {e}")))?;
        keep.borrow_mut().push(text(&json, pointer)?);
        Ok(())
    })?;
    Ok(found.take())
}

/// One call; a text member of its answer.
pub(crate) fn ask(
    server: &Server,
    credentials: &Credentials,
    call: &Call,
    pointer: &'static str,
) -> Result<String, BenchError> {
    collect(server, credentials, std::slice::from_ref(call), 1, 1, pointer)?
        .pop()
        .ok_or_else(|| BenchError::malformed("a call had no answer"))
}

/// One call; its whole answer.
pub(crate) fn answer(
    server: &Server,
    credentials: &Credentials,
    call: &Call,
) -> Result<Value, BenchError> {
    let calls = std::slice::from_ref(call);
    let (load, signer) = prepare(server, credentials, calls, 1, Until::Calls(1))?;
    let told = Rc::new(RefCell::new(Value::Null));
    let keep = Rc::clone(&told);
    load.run_with(signer, move |body| {
        let json = serde_json::from_slice(body);
        let json = json.map_err(|e| BenchError::malformed(format!("an answer isn't JSON: {e}")))?;
        keep.replace(json);
        Ok(())
    })?;
    Ok(told.take())
}

fn prepare(
    server: &Server,
    credentials: &Credentials,
    calls: &[Call],
    connections: usize,
    until: Until,
) -> Result<(Load, Signer), BenchError> {
    let Some(first) = calls.first() else {
        return Err(BenchError::Usage { what: "there is no call to send".into() });
    };
    let signer = Signer::new(credentials.clone(), first.service.signing_name())?;
    let requests =
        calls.iter().map(|call| Request::new(call, server.address(), credentials)).collect();
    Ok((Load { server: server.address(), connections, until, requests }, signer))
}

fn text(json: &Value, pointer: &str) -> Result<String, BenchError> {
    json.pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        // The JSON itself stays untold: it may hold an access key or a plaintext.
        .ok_or_else(|| BenchError::malformed(format!("{pointer} is missing in an answer")))
}
