//! The encryption context as associated data.

use bulla_shapes::{Fault, StringMap};

use crate::fault;

/// The most bytes that keys and values of a context may have together.
const MAX_CONTEXT_BYTES: usize = 8_192;

/// Appends a context in its one canonical form: pairs sorted by key as bytes, each string led by
/// its length, the whole led by the number of pairs. No context and an empty one are equal.
pub(crate) fn canonical(context: Option<StringMap<'_>>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut pairs: Vec<(&str, &str)> = context.map(|map| map.iter().collect()).unwrap_or_default();
    let bytes: usize = pairs.iter().map(|(key, value)| key.len().saturating_add(value.len())).sum();
    if bytes > MAX_CONTEXT_BYTES {
        return Err(fault::validation(format!(
            "EncryptionContext is too large: {bytes} bytes, at most {MAX_CONTEXT_BYTES}"
        )));
    }
    pairs.sort_unstable();
    append_length(pairs.len(), out);
    for (key, value) in pairs {
        append_length(key.len(), out);
        out.extend_from_slice(key.as_bytes());
        append_length(value.len(), out);
        out.extend_from_slice(value.as_bytes());
    }
    Ok(())
}

fn append_length(length: usize, out: &mut Vec<u8>) {
    // INVARIANT: lengths are below MAX_CONTEXT_BYTES, so that nothing is ever cut here.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}
