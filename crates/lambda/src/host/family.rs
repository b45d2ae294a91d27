//! Processes and what they are to each other, as proc(5) tells it.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// How often the family is looked for until none is left. Between two looks it can grow only as far
/// as its limit of processes lets it.
const MAX_LOOKS: usize = 10_000;

/// Every process with its parent.
fn parents() -> HashMap<i32, i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| Some((pid, parent(pid)?))).collect()
}

/// The parent of a process; none for one that has ended and waits to be told of.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, also parentheses and spaces.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z" && state != "X").then_some(parent)
}

/// All processes that come from one, without it.
pub(crate) fn descendants(of: i32) -> Vec<i32> {
    let parents = parents();
    let comes_from = |pid: i32| {
        let mut at = pid;
        // A process can't be its own ancestor, but the list was not read at one moment.
        for _ in 0..parents.len() {
            match parents.get(&at) {
                Some(&parent) if parent == of => return true,
                Some(&parent) => at = parent,
                None => return false,
            }
        }
        false
    };
    parents.keys().copied().filter(|pid| comes_from(*pid)).collect()
}

/// Kills all processes that come from this one, until there is none.
pub(super) fn end(me: Pid) {
    for _ in 0..MAX_LOOKS {
        let family = descendants(me.as_raw_nonzero().get());
        if family.is_empty() {
            return;
        }
        for pid in family {
            if let Some(pid) = Pid::from_raw(pid) {
                // It may have ended by itself.
                let _gone = kill_process(pid, Signal::KILL);
            }
        }
        // Those that were adopted are told of here; the rest is taken up by the next look.
        while let Ok(Some(_)) = waitpid(None, WaitOptions::NOHANG) {}
        std::thread::yield_now();
    }
}

/// How many threads a user has.
pub(super) fn threads_of(uid: u32) -> u64 {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let threads = |pid: i32| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let owner: u32 = field("Uid:")?.split_ascii_whitespace().next()?.parse().ok()?;
        (owner == uid).then(|| field("Threads:")?.trim().parse().ok()).flatten()
    };
    pids.filter_map(threads).sum()
}

/// The memory that processes have, in KiB.
pub(crate) fn resident_kib(pids: &[i32]) -> u64 {
    let of = |pid: &i32| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    pids.iter().filter_map(of).sum()
}

/// Whether one of these processes holds the socket whose own end is `from` and whose other end is
/// `to`, both on this machine and IPv4.
pub(crate) fn owns_socket(pids: &[i32], from: SocketAddr, to: SocketAddr) -> bool {
    let Some(inode) = inode(from, to) else { return false };
    let wanted = format!("socket:[{inode}]");
    let holds = |pid: &i32| {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        entries.flatten().any(|entry| {
            fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str())
        })
    };
    pids.iter().any(holds)
}

fn inode(from: SocketAddr, to: SocketAddr) -> Option<u64> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let (from, to) = (written(from)?, written(to)?);
    let line = table.lines().find(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        fields.next() == Some(&from) && fields.next() == Some(&to)
    })?;
    line.split_ascii_whitespace().nth(9)?.parse().ok()
}

/// An address as that table has it: the four bytes as a number of this machine, and the port.
fn written(address: SocketAddr) -> Option<String> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    use super::*;

    fn me() -> i32 {
        i32::try_from(std::process::id()).unwrap()
    }

    #[test]
    fn children_and_their_children_are_found() {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", "sleep 1000 & wait"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let shell_pid = i32::try_from(shell.id()).unwrap();
        while descendants(shell_pid).is_empty() {
            std::thread::yield_now();
        }
        assert!(descendants(me()).contains(&shell_pid));
        for pid in descendants(shell_pid) {
            kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        }
        shell.wait().unwrap();
        assert!(descendants(shell_pid).is_empty());
    }

    #[test]
    fn a_socket_is_that_of_the_process_that_holds_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (from, to) = (stream.local_addr().unwrap(), listener.local_addr().unwrap());
        assert!(owns_socket(&[me()], from, to));
        assert!(!owns_socket(&[1_000_000_000], from, to) && !owns_socket(&[], from, to));
        drop(stream);
        assert!(!owns_socket(&[me()], "127.0.0.1:1".parse().unwrap(), to));
    }

    #[test]
    fn threads_and_memory_are_counted() {
        assert!(threads_of(rustix::process::getuid().as_raw()) >= 1);
        assert_eq!(threads_of(u32::MAX - 7), 0);
        assert!(resident_kib(&[me()]) > 1_000);
    }
}
