//! Resident memory over many calls.

use std::fs;
use std::path::Path;

use crate::client::Until;
use crate::error::BenchError;
use crate::rounds::Budget;
use crate::scenarios::Material;
use crate::site::{self, Mode, Site};

/// The run is cut into this many slices; memory is read after each.
const SLICES: u64 = 20;

/// Memory after so many calls.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) calls: u64,
    pub(crate) resident_kib: u64,
}

/// What the run showed.
pub(crate) struct Memory {
    /// Before the first call.
    pub(crate) idle_kib: u64,
    /// After each slice.
    pub(crate) points: Vec<Point>,
    /// Growth of the data directory per call, in bytes.
    pub(crate) disk_per_call: f64,
}

/// Sends `calls` of GenerateDataKey, Encrypt and Decrypt in turn.
pub(crate) fn run(program: &Path, calls: u64, connections: usize) -> Result<Memory, BenchError> {
    let dir = tempfile::tempdir().map_err(BenchError::io("make a directory for the run"))?;
    let site = Site::init(program, dir.path(), "data")?;
    let server = site.start(Mode::Serve)?;
    let idle_kib = server.resident_kib()?;
    let material = Material::create(&server, site.credentials())?;
    let mix: Vec<_> = material
        .scenarios()
        .into_iter()
        .filter(|s| s.budget == Budget::Whole)
        .map(|s| s.call)
        .collect();
    let disk = bytes_under(site.data())?;
    let slice = calls.div_ceil(SLICES).max(1);
    let (mut points, mut done) = (Vec::new(), 0);
    while done < calls {
        let count = slice.min(calls - done);
        site::drive(&server, site.credentials(), &mix, connections, Until::Calls(count))?;
        done += count;
        let point = Point { calls: done, resident_kib: server.resident_kib()? };
        eprintln!("  {} calls: {} KiB resident", point.calls, point.resident_kib);
        points.push(point);
    }
    let grown = bytes_under(site.data())?.saturating_sub(disk);
    Ok(Memory { idle_kib, points, disk_per_call: grown as f64 / done.max(1) as f64 })
}

/// The bytes of all files below `dir`. A file that goes while we look counts nothing.
fn bytes_under(dir: &Path) -> Result<u64, BenchError> {
    let mut waiting = vec![dir.to_owned()];
    let mut sum = 0;
    while let Some(dir) = waiting.pop() {
        let doing = || format!("look into {}", dir.display());
        for entry in fs::read_dir(&dir).map_err(BenchError::io(doing()))? {
            let entry = entry.map_err(BenchError::io(doing()))?;
            match entry.metadata() {
                Ok(data) if data.is_dir() => waiting.push(entry.path()),
                Ok(data) => sum += data.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(BenchError::Io { doing: doing(), source: error }),
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_summed_over_all_levels() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("x"), [0; 10]).unwrap();
        fs::write(dir.path().join("a/b/y"), [0; 32]).unwrap();
        assert_eq!(bytes_under(dir.path()).unwrap(), 42);
    }
}
