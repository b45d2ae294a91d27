//! AWS's shared files: sections of `key = value` lines.

use std::collections::HashMap;
use std::path::Path;

use super::ClientError;

/// The largest shared file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A section of a file. A file that isn't there has none.
///
/// # Errors
/// [`ClientError::Io`], and [`ClientError::Settings`] for a file that is too large.
pub(super) fn section_of(
    path: &Path,
    section: &str,
) -> Result<HashMap<String, String>, ClientError> {
    let attempt = || format!("read {}", path.display());
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(ClientError::io(attempt(), error)),
    };
    if size > MAX_FILE_BYTES {
        let text = format!("{} is larger than {MAX_FILE_BYTES} bytes", path.display());
        return Err(ClientError::Settings(text));
    }
    let text = std::fs::read_to_string(path).map_err(|error| ClientError::io(attempt(), error))?;
    let mut values = HashMap::new();
    let mut within = false;
    for line in text.lines() {
        let plain = line.trim();
        if let Some(name) = plain.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            within = name.trim() == section;
        } else if within
            && !plain.starts_with(['#', ';'])
            // An indented line belongs to the setting above it, of which none is used here.
            && !line.starts_with([' ', '\t'])
            && let Some((key, value)) = plain.split_once('=')
        {
            values.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    Ok(values)
}
