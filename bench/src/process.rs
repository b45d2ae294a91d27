//! A server under test as a child process: started, awaited, weighed, and ended by its own handle.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::threads::{self, Uses};

/// Linux counts a process's CPU time in hundredths of a second, on every architecture.
const TICKS_PER_SECOND: u64 = 100;
/// A server that isn't ready by then is taken for hung. One that finds millions of records which
/// were not metered yet reads them first.
const READY_WITHIN: Duration = Duration::from_secs(600);
/// How often readiness is asked for: the resolution of the measured start.
const ASK_EVERY: Duration = Duration::from_micros(500);
/// How much of a failed server's log is shown.
const LOG_BYTES: usize = 2_000;

/// A running server.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    ready: Duration,
}

impl Server {
    /// Starts `command`, given the listening address to add to it, and waits until it is ready.
    /// The server's output goes to a file in `dir`.
    pub(crate) fn start(
        name: &'static str,
        dir: &Path,
        command: impl FnOnce(SocketAddr) -> Command,
    ) -> Result<Self, BenchError> {
        let address = free_address()?;
        let log = dir.join(format!("{name}.log"));
        let open = || format!("write the log {}", log.display());
        let output = File::create(&log).map_err(BenchError::io(open()))?;
        let errors = output.try_clone().map_err(BenchError::io(open()))?;
        let started = Instant::now();
        let child = command(address)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(BenchError::io(format!("start {name}")))?;
        let mut server = Self { name, child, address, log, ready: Duration::ZERO };
        while !healthy(address) {
            let ended = server.child.try_wait().map_err(BenchError::io("ask for a child"))?;
            if let Some(status) = ended {
                return Err(server.failure(format!("ended before it was ready ({status})")));
            }
            if started.elapsed() > READY_WITHIN {
                return Err(server.failure("isn't ready after ten minutes".to_owned()));
            }
            thread::sleep(ASK_EVERY);
        }
        server.ready = started.elapsed();
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From the start of the process to its first 200 to a health check.
    pub(crate) fn ready(&self) -> Duration {
        self.ready
    }

    /// User and system time of all threads until now.
    pub(crate) fn cpu(&self) -> Result<Duration, BenchError> {
        cpu_of(&self.child.id().to_string())
    }

    /// What its threads used until now.
    pub(crate) fn threads(&self) -> Result<Uses, BenchError> {
        threads::of(self.child.id())
    }

    /// Resident memory now, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64, BenchError> {
        self.status("VmRSS:")
    }

    /// The most that was resident until now, in KiB.
    pub(crate) fn peak_kib(&self) -> Result<u64, BenchError> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> Result<u64, BenchError> {
        let text = proc_file(&format!("/proc/{}/status", self.child.id()))?;
        let found = status_kib(&text, field);
        found.ok_or_else(|| BenchError::malformed(format!("no {field} in a process's status")))
    }

    fn failure(&self, what: String) -> BenchError {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = log.get(log.len().saturating_sub(LOG_BYTES)..).unwrap_or_default();
        let log = String::from_utf8_lossy(log).trim_end().to_owned();
        BenchError::Server { name: self.name.to_owned(), what, log }
    }
}

impl Drop for Server {
    /// Ends the server as a power cut would, without a chance to tidy up.
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("could not end {}: {error}", self.name);
        }
    }
}

/// User and system time of the bench itself.
pub(crate) fn own_cpu() -> Result<Duration, BenchError> {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Result<Duration, BenchError> {
    let text = proc_file(&format!("/proc/{process}/stat"))?;
    cpu_ticks(&text)
        .map(|ticks| Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
        .ok_or_else(|| BenchError::malformed("no CPU times in a process's stat"))
}

fn proc_file(path: &str) -> Result<String, BenchError> {
    fs::read_to_string(path).map_err(BenchError::io(format!("read {path}")))
}

/// utime and stime, the 14th and 15th fields. The 2nd, a name in brackets, may hold spaces.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn status_kib(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn free_address() -> Result<SocketAddr, BenchError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(BenchError::io("find a free port"))
}

/// Whether the health check answers 200. No connection yet is a plain no.
fn healthy(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(
            b"GET /_bulla/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(&status == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_a_hostile_name() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194304 1 2 3 4 150 50 0 0 20 0 3 0 9 8 7";
        assert_eq!(cpu_ticks(stat), Some(200));
        assert_eq!(cpu_ticks("42 (x) S 1"), None);
    }

    #[test]
    fn resident_memory_is_read_in_kib() {
        let status = "VmPeak:\t  9 kB\nVmRSS:\t   12345 kB\n";
        assert_eq!(status_kib(status, "VmRSS:"), Some(12_345));
        assert_eq!(status_kib(status, "VmHWM:"), None);
    }

    #[test]
    fn a_command_that_ends_at_once_is_told_with_its_output() {
        let dir = tempfile::tempdir().unwrap();
        let failed = Server::start("sh", dir.path(), |_| {
            let mut command = Command::new("sh");
            command.args(["-c", "echo no luck; exit 3"]);
            command
        });
        let text = failed.err().unwrap().to_string();
        assert!(text.contains("no luck") && text.contains("ended before"), "{text}");
    }
}
