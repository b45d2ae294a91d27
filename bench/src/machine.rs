//! The machine that the figures belong to.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::BenchError;
use crate::signer::amz_date;

/// What a reader must know to compare with another machine.
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// `YYYY-MM-DD`, UTC.
    pub(crate) date: String,
}

impl Machine {
    /// Reads `/proc` and the clock.
    pub(crate) fn this() -> Result<Self, BenchError> {
        let read =
            |path: &str| fs::read_to_string(path).map_err(BenchError::io(format!("read {path}")));
        let cpu = field(&read("/proc/cpuinfo")?, "model name").unwrap_or("unknown").to_owned();
        let memory_kib: Option<u64> = field(&read("/proc/meminfo")?, "MemTotal")
            .and_then(|text| text.strip_suffix(" kB"))
            .and_then(|text| text.parse().ok());
        let kernel = read("/proc/sys/kernel/osrelease")?.trim().to_owned();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let memory_mib = memory_kib.unwrap_or_default() / 1024;
        Ok(Self { cpu, cores, memory_mib, kernel, date: dashed(&amz_date(second)) })
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) =
        text.lines().filter_map(|line| line.split_once(':')).find(|(n, _)| n.trim() == name)?;
    Some(value.trim())
}

/// The day of an `X-Amz-Date`, as people write it.
pub(crate) fn dashed(amz_date: &str) -> String {
    let part = |range| amz_date.get(range).unwrap_or_default();
    format!("{}-{}-{}", part(0..4), part(4..6), part(6..8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_dates_are_read() {
        let text = "processor\t: 0\nmodel name\t: A CPU: fast\nMemTotal:  12 kB\n";
        assert_eq!(field(text, "model name"), Some("A CPU: fast"));
        assert_eq!(field(text, "MemTotal"), Some("12 kB"));
        assert_eq!(field(text, "absent"), None);
        assert_eq!(dashed("20261124T003000Z"), "2026-11-24");
    }
}
