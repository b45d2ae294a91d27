//! The program as a child process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

/// The program, with nothing of the environment's settings.
pub(crate) fn bulla(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bulla"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BULLA_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs one command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    bulla(arguments).output().unwrap()
}

/// What a command that failed said.
pub(crate) fn refusal(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(matches!(output.status.code(), Some(1..=3)), "{:?}: {text}", output.status);
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// Makes a data directory; the account, the access key id, the secret.
pub(crate) fn init(data: &Path) -> [String; 3] {
    let output = run(&["init", "--json", "--data", data.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    ["AccountId", "AccessKeyId", "SecretAccessKey"].map(|key| json[key].as_str().unwrap().into())
}

/// A running server on a port of its own.
pub(crate) struct Server {
    child: Running,
    pub(crate) address: SocketAddr,
    // Held open: a server that can't write its log must not be what a test finds.
    _log: BufReader<ChildStderr>,
}

impl Server {
    /// Starts a server and waits until it says that it is ready.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::run(bulla(arguments))
    }

    /// Runs a command that is a server's, and waits until it says that it is ready.
    pub(crate) fn run(mut command: Command) -> Self {
        command.args(["--listen", "127.0.0.1:0"]).stderr(Stdio::piped());
        let mut child = Running(command.spawn().unwrap());
        let mut log = BufReader::new(child.0.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended: {said}");
            if let Some((_, address)) = line.trim_end().split_once("ready on ") {
                let (_, address) = address.split_once("://").unwrap();
                let address = address.parse().unwrap();
                return Self { child, address, _log: log };
            }
            said += &line;
        }
    }

    /// Sends a request on a connection of its own: the status, and head and body as text.
    pub(crate) fn send(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    pub(crate) fn post(&self, path: &str, headers: &str, body: &str) -> (u16, String) {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ))
    }

    /// Asks the server to end, and gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let id = self.child.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.0.wait().unwrap().code()
    }
}

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended before.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}
