//! Alterations of something good, by what the fuzzer says.

/// Five bytes an edit: what, where (two bytes), with what, how many.
pub fn edited(mut bytes: Vec<u8>, other: &[u8], edits: &[u8], most: usize) -> Vec<u8> {
    for edit in edits.as_chunks::<5>().0 {
        let [what, high, low, with, count] = *edit;
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        let end = (at + usize::from(count)).min(bytes.len());
        match what % 5 {
            0 => bytes[at..end].iter_mut().for_each(|byte| *byte ^= with),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, with),
            3 => drop(bytes.drain(at..end)),
            _ => {
                let end = end.min(other.len()).max(at.min(other.len()));
                let part = other.get(at..end).unwrap_or_default();
                bytes[at..at + part.len()].copy_from_slice(part);
            }
        }
    }
    bytes.truncate(most);
    bytes
}
