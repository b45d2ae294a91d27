//! What entries are known by: hashes of all that decides which materials fit (specification:
//! `framework/cryptographic-materials-cache.md`, cache identifiers).
//!
//! There are two generations. The older one is that of the SDKs for Python, Java, C and
//! JavaScript; the newer one is what the specification says since 2024. Ids never leave the
//! process, so either will do; both are here to be compared with.

use bulla_crypto::{Hash, Hasher};

use crate::data_key::EncryptedDataKey;
use crate::{EncryptionContext, Suite};

/// Which generation of ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdGeneration {
    /// SHA-512 of hashes, as the SDKs for Python, Java, C and JavaScript have it.
    First,
    /// SHA-384 of delimited fields, as specified since 2024. The default.
    #[default]
    Second,
}

/// An entry's id: 64 bytes of the first generation, 48 of the second.
pub(super) type CacheId = Vec<u8>;

/// What the specification calls the resource and the scopes.
const CACHING: u8 = 1;
const ENCRYPT: u8 = 1;
const DECRYPT: u8 = 2;

/// In the first generation, what ends the list of encrypted data keys.
const END_OF_KEYS: [u8; 64] = [0; 64];

/// Ids within one partition.
pub(super) struct Ids {
    generation: IdGeneration,
    partition: Vec<u8>,
    /// Its hash, of which the first generation's ids are made.
    hashed: Vec<u8>,
}

impl Ids {
    pub(super) fn new(generation: IdGeneration, partition: &[u8]) -> Self {
        let hashed = Hash::Sha512.digest(&[partition]);
        Self { generation, partition: partition.to_vec(), hashed }
    }

    /// The id of materials to encrypt: by suite, if one is asked for, and context. `required` is
    /// what the message will not store; it is no part of the specification's ids, but
    /// materials that store something else may not be taken for these. Our choice: it follows
    /// only where there is any.
    pub(super) fn encryption(
        &self,
        suite: Option<Suite>,
        context: &EncryptionContext,
        required: &[u8],
    ) -> CacheId {
        let context = context.serialize();
        let id = suite.map(|suite| suite.id().to_be_bytes());
        match (self.generation, id) {
            (IdGeneration::First, id) => {
                let context = Hash::Sha512.digest(&[&context]);
                let id = id.map_or_else(|| vec![0], |id| vec![1, id[0], id[1]]);
                Hash::Sha512.digest(&[&self.hashed, &id, &context, required])
            }
            (IdGeneration::Second, None) => {
                self.delimited(ENCRYPT, &[&[0], &[0], &context, required])
            }
            (IdGeneration::Second, Some(id)) => {
                self.delimited(ENCRYPT, &[&[1], &[0], &id, &[0], &context, required])
            }
        }
    }

    /// The id of materials to decrypt: by suite, encrypted data keys and context. `required` is
    /// what the message does not store; see [`Self::encryption`].
    pub(super) fn decryption(
        &self,
        suite: Suite,
        keys: &[EncryptedDataKey],
        context: &EncryptionContext,
        required: &[u8],
    ) -> CacheId {
        let context = context.serialize();
        let id = suite.id().to_be_bytes();
        let mut serialized: Vec<Vec<u8>> = keys
            .iter()
            .map(|key| {
                let mut out = Vec::new();
                key.put(&mut out);
                out
            })
            .collect();
        match self.generation {
            IdGeneration::First => {
                let mut hashes: Vec<Vec<u8>> =
                    serialized.iter().map(|key| Hash::Sha512.digest(&[key])).collect();
                hashes.sort_unstable();
                let (keys, context) = (hashes.concat(), Hash::Sha512.digest(&[&context]));
                let parts: [&[u8]; 6] =
                    [&self.hashed, &id, &keys, &END_OF_KEYS, &context, required];
                Hash::Sha512.digest(&parts)
            }
            IdGeneration::Second => {
                serialized.sort_unstable();
                self.delimited(
                    DECRYPT,
                    &[&id, &[0], &serialized.concat(), &[0], &context, required],
                )
            }
        }
    }

    /// SHA-384 of resource, scope and partition, each behind a zero, and what follows.
    fn delimited(&self, scope: u8, suffix: &[&[u8]]) -> CacheId {
        let mut hasher = Hasher::new(Hash::Sha384);
        hasher.update(&[CACHING, 0, scope, 0]);
        hasher.update(&self.partition);
        hasher.update(&[0]);
        suffix.iter().for_each(|part| hasher.update(part));
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::STANDARD;
    use bulla_crypto::hex;

    use super::*;

    const PARTITION: &[u8] = b"c15b9079-6d0e-42b6-8784-5e804b025692";

    fn context() -> EncryptionContext {
        let pairs = [("this", "is"), ("a", "non-empty"), ("encryption", "context")];
        EncryptionContext::from_pairs(pairs).unwrap()
    }

    fn keys() -> [EncryptedDataKey; 2] {
        let key = |id: &str, info: &str, text: &str| {
            EncryptedDataKey::new(id, info.into(), text.into()).unwrap()
        };
        [
            key(
                "this is a provider ID",
                "this is some key info",
                "super secret key, now with encryption!",
            ),
            key(
                "another provider ID!",
                "this is some different key info",
                "better super secret key, now with encryption!",
            ),
        ]
    }

    const SIGNED: Suite = Suite::Aes256HkdfSha384EcdsaP384;

    // The vectors that the SDKs share.
    #[test]
    fn the_first_generation() {
        let ids = Ids::new(IdGeneration::First, PARTITION);
        let (none, full) = (EncryptionContext::new(), context());
        let encrypt =
            |suite, context| STANDARD.encode_to_string(ids.encryption(suite, context, b""));
        let first = "rkrFAso1YyPbOJbmwVMjrPw+wwLJT7xusn8tA8zMe9e3+OqbtfDueB7bvoKLU3fsmdUvZ6eMt7mBp1Th\
            MMB25Q==";
        let second = "3icBIkLK4V3fVwbm3zSxUdUQV6ZvZYUOLl8buN36g6gDMqAkghcGryxX7QiVABkW1JhB6GRp5z+bzbiu\
            ciBcKQ==";
        let third = "IHiUHYOUVUEFTc3BcZPJDlsWct2Qy1A7JdfQl9sQoV/ILIbRpoz9q7RtGd/MlibaGl5ihE66cN8ygM8A\
            5rtYbg==";
        let fourth = "mRNK7qhTb/kJiiyGPgAevp0gwFRcET4KeeNYwZHhoEDvSUzQiDgl8Of+YRDaVzKxAqpNBgcAuFXde9Jl\
            aRRsmw==";
        assert_eq!(encrypt(None, &none), first);
        assert_eq!(encrypt(Some(SIGNED), &none), second);
        assert_eq!(encrypt(None, &full), third);
        assert_eq!(encrypt(Some(SIGNED), &full), fourth);
        let decrypt = |suite, keys: &[EncryptedDataKey], context| {
            STANDARD.encode_to_string(ids.decryption(suite, keys, context, b""))
        };
        let one = "n0zVzk9QIVxhz6ET+aJIKKOJNxtpGtSe1yAbu7WU5l272Iw/jmhlER4psDHJs9Mr8KYiIvLGSXzggNDC\
            c23+9w==";
        let both = "+rtwUe38CGnczGmYu12iqGWHIyDyZ44EvYQ4S6ACmsgS8VaEpiw0RTGpDk6Z/7YYN/jVHOAcNKDyCNP8\
            EmstFg==";
        assert_eq!(decrypt(Suite::Aes128HkdfSha256, &keys()[..1], &none), one);
        assert_eq!(decrypt(SIGNED, &keys(), &full), both);
        let [a, b] = keys();
        assert_eq!(decrypt(SIGNED, &[b, a], &full), both);
    }

    // Computed from the specification with the same inputs; it has no vectors of its own.
    #[test]
    fn the_second_generation() {
        let ids = Ids::new(IdGeneration::Second, PARTITION);
        let (none, full) = (EncryptionContext::new(), context());
        let encrypt = |suite, context| hex::encode(&ids.encryption(suite, context, b""));
        assert_eq!(
            encrypt(None, &none),
            "a9458b764db543ddf62e2341130afc6693a90d1fcabf31d374de92d15f02b8f3aacf44f0687ef1916035441\
             56ea7526c"
        );
        assert_eq!(
            encrypt(Some(SIGNED), &full),
            "1b051ffee6bce585963190e0aa5e11cc7e5beca83ef0fb4a01aaf2ca66f18010ef51edfa1213267f2e4f4d6\
             cae138801"
        );
        assert_eq!(
            hex::encode(&ids.decryption(SIGNED, &keys(), &context(), b"")),
            "c8846e4bfa65d2b61b42aee6f3a74611677c684c114fd6132fe1a329de3cc1ce1874ecb6d29208fb3f8a51b\
             174a3c7e0"
        );
    }

    #[test]
    fn what_is_not_stored_makes_another_id() {
        for generation in [IdGeneration::First, IdGeneration::Second] {
            let ids = Ids::new(generation, PARTITION);
            assert_ne!(
                ids.encryption(None, &context(), b""),
                ids.encryption(None, &context(), b"x")
            );
            assert_ne!(
                ids.decryption(SIGNED, &keys(), &context(), b""),
                ids.decryption(SIGNED, &keys(), &context(), b"x")
            );
        }
    }
}
