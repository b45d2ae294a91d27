//! The ciphertext blob, version 2: a blob of version 1, sealed once more in a custom key store.
//! `docs/ciphertext.md` describes it for readers of other programs.
//!
//! ```text
//! offset 0   5 bytes  as in version 1
//! offset 5  32 bytes  id of the KMS key's own material
//! offset 37  1 byte   b2, the version of what follows
//! then       1 byte   m, at most 20, and m bytes of metadata that the key store wants back
//!            1 byte   12 or 16, and as many bytes of IV
//!           16 bytes  the authentication tag
//!            n bytes  the ciphertext of a blob of version 1
//! ```

use bulla_crypto::Hash;
use bulla_shapes::{Fault, StringMap};

use crate::context;

/// The version byte.
const VERSION: u8 = 0xb2;
/// Prefix, material id and version byte, which the key store authenticates.
const HEADER_BYTES: usize = 38;
/// The most bytes of metadata (XKS proxy specification).
pub(crate) const MAX_METADATA_BYTES: usize = 20;
/// How long an IV may be (XKS proxy specification).
pub(crate) const IV_LENS: [usize; 2] = [12, 16];
/// The length of an authentication tag.
pub(crate) const TAG_BYTES: usize = 16;
/// The most that a key store is given to decrypt (XKS proxy specification).
const MAX_CIPHERTEXT_BYTES: usize = 4_300;

/// What a key store makes of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outer {
    /// What the key store wants back; at most 20 bytes.
    pub metadata: Vec<u8>,
    /// 12 or 16 bytes.
    pub iv: Vec<u8>,
    /// The authentication tag.
    pub tag: [u8; TAG_BYTES],
    /// As long as the plaintext.
    pub ciphertext: Vec<u8>,
}

/// A blob that has the form of version 2; nothing of it is authenticated yet.
#[derive(Debug)]
pub(crate) struct Wrapped {
    header: [u8; HEADER_BYTES],
    /// The id of the material it names.
    pub(crate) material: [u8; 32],
    pub(crate) outer: Outer,
}

/// What stands before all that the key store adds: the header of a blob of version 1, of which
/// only the version differs.
pub(crate) fn header(blob: &[u8]) -> Option<[u8; HEADER_BYTES]> {
    let mut header: [u8; HEADER_BYTES] = blob.first_chunk().copied()?;
    *header.last_mut()? = VERSION;
    Some(header)
}

/// What a key store authenticates besides: the header, and a digest of the context's canonical
/// form, so that no proxy reads the context.
pub(crate) fn associated(
    header: &[u8; HEADER_BYTES],
    context: Option<StringMap<'_>>,
) -> Result<Vec<u8>, Fault> {
    let mut canonical = Vec::new();
    context::canonical(context, &mut canonical)?;
    Ok([header.as_slice(), &Hash::Sha256.digest(&[&canonical])].concat())
}

/// The blob of what a key store made.
pub(crate) fn write(header: &[u8; HEADER_BYTES], outer: &Outer) -> Vec<u8> {
    // INVARIANT: both lengths were checked where the key store answered.
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    [
        header.as_slice(),
        &[length(&outer.metadata)],
        &outer.metadata,
        &[length(&outer.iv)],
        &outer.iv,
        &outer.tag,
        &outer.ciphertext,
    ]
    .concat()
}

/// Takes a blob apart; nothing when it has not the form of one.
pub(crate) fn parse(bytes: &[u8]) -> Option<Wrapped> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let known = crate::blob::has_prefix(header) && header.last() == Some(&VERSION);
    let material = header.get(crate::blob::MATERIAL)?.try_into().ok()?;
    let (metadata, rest) = counted(rest)?;
    let (iv, rest) = counted(rest)?;
    let (tag, ciphertext) = rest.split_first_chunk::<TAG_BYTES>()?;
    let fits = metadata.len() <= MAX_METADATA_BYTES
        && IV_LENS.contains(&iv.len())
        && ciphertext.len() <= MAX_CIPHERTEXT_BYTES;
    (known && fits).then(|| Wrapped {
        header: *header,
        material,
        outer: Outer {
            metadata: metadata.to_vec(),
            iv: iv.to_vec(),
            tag: *tag,
            ciphertext: ciphertext.to_vec(),
        },
    })
}

/// Bytes that their number, in one byte, leads; and what follows them.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

impl Wrapped {
    /// What the key store authenticates besides.
    pub(crate) fn associated(&self, context: Option<StringMap<'_>>) -> Result<Vec<u8>, Fault> {
        associated(&self.header, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outer(metadata: usize, iv: usize) -> Outer {
        Outer {
            metadata: vec![7; metadata],
            iv: vec![8; iv],
            tag: [9; 16],
            ciphertext: (0..200).collect(),
        }
    }

    fn inner() -> Vec<u8> {
        let mut blob = vec![1, 2, 3, 0, 0x78];
        blob.extend([5; 32]);
        blob.push(0xb1);
        blob.extend([0; 40]);
        blob
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for (metadata, iv) in [(0, 12), (20, 16), (1, 12)] {
            let header = header(&inner()).unwrap();
            let outer = outer(metadata, iv);
            let read = parse(&write(&header, &outer)).unwrap();
            assert_eq!(read.outer, outer);
            assert_eq!(read.material, [5; 32]);
            assert_eq!(read.header, header);
        }
    }

    #[test]
    fn what_is_cut_or_of_another_form_is_none() {
        let header = header(&inner()).unwrap();
        let whole = write(&header, &outer(3, 12));
        // Up to the end of the tag: 38 + 1 + 3 + 1 + 12 + 16.
        for length in 0..71 {
            assert!(parse(&whole[..length]).is_none(), "{length}");
        }
        assert!(parse(&write(&header, &outer(21, 12))).is_none());
        assert!(parse(&write(&header, &outer(0, 13))).is_none());
        assert!(parse(&inner()).is_none(), "version 1");
        let long = Outer { ciphertext: vec![0; MAX_CIPHERTEXT_BYTES + 1], ..outer(0, 12) };
        assert!(parse(&write(&header, &long)).is_none());
    }

    #[test]
    fn a_changed_header_or_context_changes_what_is_authenticated() {
        let header = header(&inner()).unwrap();
        let plain = associated(&header, None).unwrap();
        assert_eq!(plain.len(), 70);
        for at in 0..HEADER_BYTES {
            let mut other = header;
            other[at] ^= 1;
            assert_ne!(associated(&other, None).unwrap(), plain);
        }
    }
}
