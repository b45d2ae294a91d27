//! The program as it is shipped, as a child process on a data directory of its own: made, started,
//! watched, and ended by its own handle.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::AccessKey;
use crate::door::text;
use crate::run::{at, demand, say};

/// Names the program under test.
const PROGRAM: &str = "BULLA_BIN";
/// What a server says once it takes calls; its address follows.
const READY: &str = "ready on http://";
/// A server that isn't ready by then hangs. On a machine that is busy with other things that is
/// more than it needs.
const MOST_START: Duration = Duration::from_secs(60);

/// A data directory and what goes with it.
pub(crate) struct Site {
    home: TempDir,
    program: PathBuf,
    /// Set for every process that is started.
    environment: Vec<(&'static str, String)>,
    /// The user that processes run as, where it is not the one that runs this test.
    user: Option<u32>,
    /// How many files a process may open before it asks for more.
    files: Option<u64>,
    pub(crate) account: String,
    /// The root access key, as the program printed it.
    pub(crate) root: AccessKey,
}

impl Site {
    /// Makes a data directory in the program's own way; `seal` is `keyfile` or `passphrase`.
    pub(crate) fn new(
        seal: &str,
        environment: Vec<(&'static str, String)>,
        user: Option<u32>,
    ) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(say)?;
        Self::within(home, seal, environment, user)
    }

    /// As [`Self::new`], within a folder whose `data` may be there already, empty.
    pub(crate) fn within(
        home: TempDir,
        seal: &str,
        environment: Vec<(&'static str, String)>,
        user: Option<u32>,
    ) -> Result<Self, String> {
        let mut program = found_program()?;
        if let Some(user) = user {
            std::os::unix::fs::chown(home.path(), Some(user), None).map_err(say)?;
            // Where the program was built others may not look.
            let copy = home.path().join("bulla");
            std::fs::copy(&program, &copy).map_err(at("copy the program"))?;
            program = copy;
        }
        let root = AccessKey { id: String::new(), secret: String::new() };
        let account = String::new();
        let mut site = Self { home, program, environment, user, files: None, account, root };
        let made = site.run(&["init", "--json", "--seal", seal])?;
        let said = String::from_utf8_lossy(&made.stderr);
        demand(made.status.success(), || format!("init: {said}"))?;
        let made: Value = serde_json::from_slice(&made.stdout).map_err(say)?;
        site.account = text(&made, "/AccountId")?;
        site.root.id = text(&made, "/AccessKeyId")?;
        site.root.secret = text(&made, "/SecretAccessKey")?;
        Ok(site)
    }

    /// A site whose servers may open so many files at first.
    pub(crate) fn with_files(files: u64) -> Result<Self, String> {
        Ok(Self { files: Some(files), ..Self::new("keyfile", Vec::new(), None)? })
    }

    /// Where the data directory, its key file and the log are.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home().join("data")
    }

    /// What all servers of this site wrote to standard error.
    pub(crate) fn log(&self) -> PathBuf {
        self.home().join("log")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.files {
            None => Command::new(&self.program),
            Some(files) => {
                let mut shell = Command::new("sh");
                let then = format!("ulimit -S -n {files} && exec \"$0\" \"$@\"");
                shell.arg("-c").arg(then).arg(&self.program);
                shell
            }
        };
        command.args(arguments).arg("--data").arg(self.data()).stdin(Stdio::null());
        command.current_dir(self.home());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BULLA_") {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(user) = self.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        command
    }

    /// Runs one command on the data directory to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Output, String> {
        self.command(arguments).output().map_err(at("start the program"))
    }

    /// Starts a server; it may not be ready yet.
    pub(crate) fn begin(&self) -> Result<Server, String> {
        let mut command = self.command(&["serve", "--quotas", "none", "--listen", "127.0.0.1:0"]);
        let began = Instant::now();
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(at("start the program"))?;
        let said = child.stderr.take().ok_or("a child without standard error")?;
        let mut log = OpenOptions::new().append(true).create(true).open(self.log()).map_err(say)?;
        let (told, ready) = channel();
        let listening = std::thread::spawn(move || {
            let mut said = BufReader::new(said);
            let mut line = String::new();
            while said.read_line(&mut line)? > 0 {
                log.write_all(line.as_bytes())?;
                let address = line.trim_end().split_once(READY);
                if let Some(address) = address.and_then(|(_, text)| text.parse().ok()) {
                    // Nobody waits for a server that is killed at its start.
                    let _gone = told.send((address, began.elapsed()));
                    return keep_log(said, log);
                }
                line.clear();
            }
            Ok(())
        });
        Ok(Server { child, ready, listening: Some(listening) })
    }

    /// Starts a server and waits until it takes calls.
    pub(crate) fn start(&self) -> Result<(Server, SocketAddr, Duration), String> {
        let server = self.begin()?;
        match server.ready.recv_timeout(MOST_START) {
            Ok((address, took)) => Ok((server, address, took)),
            Err(error) => {
                drop(server);
                let said = std::fs::read_to_string(self.log()).map_err(say)?;
                let last = said.lines().last().unwrap_or("nothing");
                let how = match error {
                    RecvTimeoutError::Timeout => "hangs",
                    RecvTimeoutError::Disconnected => "ended",
                };
                Err(format!("the server {how} before it was ready; it said: {last}"))
            }
        }
    }
}

fn found_program() -> Result<PathBuf, String> {
    let program = std::env::var_os(PROGRAM).map(PathBuf::from);
    let program = program.ok_or_else(|| {
        format!("{PROGRAM} does not name the program under test: use `cargo xtask torture`")
    })?;
    std::path::absolute(&program).map_err(say)
}

fn keep_log(mut said: impl io::Read, mut log: File) -> io::Result<()> {
    io::copy(&mut said, &mut log).map(drop)
}

/// A running server. It does not outlive its test.
pub(crate) struct Server {
    child: Child,
    ready: Receiver<(SocketAddr, Duration)>,
    listening: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is still there.
    pub(crate) fn runs(&mut self) -> Result<bool, String> {
        self.child.try_wait().map(|ended| ended.is_none()).map_err(say)
    }

    /// Waits for an end that it comes to by itself.
    pub(crate) fn end(mut self) -> Result<ExitStatus, String> {
        self.ended()
    }

    /// Ends the server as `kill -9` does.
    pub(crate) fn kill(mut self) -> Result<(), String> {
        self.child.kill().map_err(at("kill the server"))?;
        self.ended().map(drop)
    }

    /// Sends the server a signal, such as `TERM`, and waits for its end.
    pub(crate) fn end_by(mut self, signal: &str) -> Result<ExitStatus, String> {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().map_err(say)?;
        demand(sent.success(), || format!("{signal} could not be sent"))?;
        self.ended()
    }

    /// Waits for the end, and until all that it said is in the log.
    fn ended(&mut self) -> Result<ExitStatus, String> {
        let status = self.child.wait().map_err(say)?;
        if let Some(listening) = self.listening.take() {
            let kept = listening.join().map_err(|_| "the reader of the log panicked".to_owned())?;
            kept.map_err(at("keep the log"))?;
        }
        Ok(status)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.listening.is_some() {
            // It may have ended before.
            let _killed = self.child.kill();
            let _reaped = self.ended();
        }
    }
}
