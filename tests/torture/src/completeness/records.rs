//! The record, held against what was answered.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use super::callers::Answer;
use crate::door::text;
use crate::run::{Counts, demand, say};
use crate::server::Site;

/// Puts the segments back that were moved away. What was begun in their place goes on from them.
pub(super) fn bring_back(data: &Path) -> Result<(), String> {
    let mut away = Vec::new();
    for entry in fs::read_dir(data).map_err(say)? {
        let entry = entry.map_err(say)?;
        if entry.file_name().to_string_lossy().starts_with("journal.away-") {
            away.push(entry.path());
        }
    }
    away.sort();
    for folder in away {
        for entry in fs::read_dir(&folder).map_err(say)? {
            let from = entry.map_err(say)?.path();
            let name = from.file_name().ok_or("a file without a name")?;
            let to = data.join("journal").join(name);
            let segment = from.extension().is_some_and(|ending| ending == "segment");
            if segment {
                demand(!to.exists(), || format!("{} was written twice", to.display()))?;
                fs::rename(&from, &to).map_err(say)?;
            }
        }
    }
    Ok(())
}

/// Every answer but a fault of the server's has one record, such a fault at most one, and no record
/// is of anything else.
pub(super) fn compare(site: &Site, answers: &[Answer], counts: &mut Counts) -> Result<(), String> {
    let verified = site.run(&["audit", "verify"])?;
    demand(verified.status.success(), || {
        format!("the journal does not hold: {}", String::from_utf8_lossy(&verified.stderr))
    })?;
    let file = site.home().join("calls.jsonl");
    let path = file.to_str().ok_or("a path that is no text")?;
    let exported = site.run(&["audit", "export", "-o", path])?;
    demand(exported.status.success(), || {
        format!("not exported: {}", String::from_utf8_lossy(&exported.stderr))
    })?;
    let mut recorded: HashMap<u128, u64> = HashMap::new();
    for line in BufReader::new(fs::File::open(&file).map_err(say)?).lines() {
        let record: Value = serde_json::from_str(&line.map_err(say)?).map_err(say)?;
        let id = text(&record, "/requestID")?.replace('-', "");
        *recorded.entry(u128::from_str_radix(&id, 16).map_err(say)?).or_default() += 1;
    }
    for answer in answers {
        let found = recorded.remove(&answer.id).unwrap_or(0);
        let well = if answer.our_fault { found <= 1 } else { found == 1 };
        demand(well, || {
            format!(
                "the call {:032x}, answered by {}, has {found} records",
                answer.id, answer.status
            )
        })?;
        match (answer.our_fault, found) {
            (false, _) => counts.add("answers with their records", 1),
            (true, 0) => counts.add("faults without a record", 1),
            (true, _) => counts.add("faults with a record", 1),
        }
        counts.add("denied or malformed", u64::from((400..500).contains(&answer.status)));
    }
    let foreign = recorded.len();
    demand(foreign == 0, || format!("{foreign} records are of calls that nobody made"))
}
