//! A zip archive of one file, stored as it is (APPNOTE.TXT, 4.3).

/// The archive of a file that everybody may read.
pub(super) fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes();
    let name_length = u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes();
    let sum = checksum(content).to_le_bytes();
    // Version 2.0, no flags, stored, 1 January 1980.
    let facts = [
        [20, 0].as_slice(),
        &[0, 0, 0, 0, 0, 0, 0x21, 0],
        &sum,
        &length,
        &length,
        &name_length,
        &[0, 0],
    ]
    .concat();
    let local = [b"PK\x03\x04".as_slice(), &facts, name.as_bytes(), content].concat();
    // Made on Unix; no comment; a plain file with mode 644 at the archive's begin.
    let mode = (0o100_644_u32 << 16).to_le_bytes();
    let directory =
        [b"PK\x01\x02\x14\x03".as_slice(), &facts, &[0; 6], &mode, &[0; 4], name.as_bytes()]
            .concat();
    let at = u32::try_from(local.len()).unwrap_or(u32::MAX).to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap_or(u32::MAX).to_le_bytes();
    let end = [b"PK\x05\x06".as_slice(), &[0, 0, 0, 0, 1, 0, 1, 0], &size, &at, &[0, 0]].concat();
    [local, directory, end].concat()
}

/// CRC-32 as zip has it (ISO 3309).
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        let shifted = |sum: u32, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
        (0..8).fold(sum ^ u32::from(*byte), shifted)
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_zips() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
    }
}
