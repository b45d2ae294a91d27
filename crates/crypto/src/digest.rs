//! SHA-256 (FIPS 180-4), and the fingerprints of certificates.

use aws_lc_rs::digest;

/// The length of a SHA-256 digest, in bytes.
pub const SHA256_LEN: usize = 32;

/// The SHA-256 digest of `data`.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; SHA256_LEN] {
    to_array(digest::digest(&digest::SHA256, data))
}

/// The length of a certificate's thumbprint, in bytes.
const THUMBPRINT_LEN: usize = 20;

/// The SHA-1 thumbprint of a certificate's DER, by which IAM pins identity providers. SHA-1 is no
/// longer good against whoever can choose both of two certificates; use it for nothing else.
#[must_use]
pub fn sha1_thumbprint(der: &[u8]) -> [u8; THUMBPRINT_LEN] {
    let mut out = [0; THUMBPRINT_LEN];
    out.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref());
    out
}

/// SHA-256 over data that comes in pieces.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Hashes the next piece.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; SHA256_LEN] {
        to_array(self.0.finish())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

fn to_array(digest: digest::Digest) -> [u8; SHA256_LEN] {
    let mut out = [0; SHA256_LEN];
    out.copy_from_slice(digest.as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    // FIPS 180-4's examples.
    #[test]
    fn known_digests() {
        for (message, digest) in [
            (&b"abc"[..], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(hex::encode(&sha256(message)), digest);
        }
    }

    // FIPS 180-4's example.
    #[test]
    fn a_thumbprint_is_sha1() {
        let expected = "a9993e364706816aba3e25717850c26c9cd0d89d";
        assert_eq!(hex::encode(&sha1_thumbprint(b"abc")), expected);
    }

    #[test]
    fn pieces_make_the_same_digest() {
        let data: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for cut in [0, 1, 63, 64, 65, 999, 1000] {
            let mut hash = Sha256::new();
            hash.update(&data[..cut]);
            hash.update(&data[cut..]);
            assert_eq!(hash.finish(), sha256(&data));
        }
    }
}
