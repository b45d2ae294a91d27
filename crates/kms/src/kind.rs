//! The kinds of keys: a row for each key spec and each use that a key of it can be made for.
//!
//! Everything that depends on a key's spec or usage is asked of its row. The order of algorithms
//! and of operations is AWS's (recorded; KMS guide, "Key spec reference" and "Grants").

use bulla_crypto::{EcCurve, Hash, MlDsaSet, MlKemSet, PairSpec, RsaBits};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The partition of the regions in China.
pub(crate) const CHINA: &str = "aws-cn";

/// What a key is for, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    EncryptDecrypt,
    SignVerify,
    GenerateVerifyMac,
    KeyAgreement,
    EncapsulateDecapsulate,
}

impl Usage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EncryptDecrypt => "ENCRYPT_DECRYPT",
            Self::SignVerify => "SIGN_VERIFY",
            Self::GenerateVerifyMac => "GENERATE_VERIFY_MAC",
            Self::KeyAgreement => "KEY_AGREEMENT",
            Self::EncapsulateDecapsulate => "ENCAPSULATE_DECAPSULATE",
        }
    }
}

/// What key material is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// 256 bits that further keys are derived from.
    Symmetric,
    /// As many bytes as the hash function gives.
    Mac(Hash),
    /// The private key of a pair.
    Pair(PairSpec),
}

/// A kind of key.
#[derive(Debug)]
pub(crate) struct Kind {
    /// AWS's name of the spec.
    pub(crate) spec: &'static str,
    pub(crate) usage: Usage,
    pub(crate) form: Form,
    /// The algorithms that it is used with.
    pub(crate) algorithms: &'static [&'static str],
    /// What a grant on such a key can allow, beyond what grants on every key can.
    grants: &'static [&'static str],
}

/// What a grant on any key can allow.
const EVERY_GRANT: [&str; 3] = ["CreateGrant", "RetireGrant", "DescribeKey"];

const SYMMETRIC_GRANTS: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];
const PAIR_GRANTS: &[&str] =
    &["Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"];
const SIGN_GRANTS: &[&str] = &["Sign", "Verify", "GetPublicKey"];
const MAC_GRANTS: &[&str] = &["GenerateMac", "VerifyMac"];
const AGREE_GRANTS: &[&str] = &["DeriveSharedSecret", "GetPublicKey"];
const KEM_GRANTS: &[&str] = &["Encapsulate", "Decapsulate", "GetPublicKey"];

const OAEP: &[&str] = &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"];
const RSASSA: &[&str] = &[
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
];
const EDDSA: &[&str] = &["ED25519_PH_SHA_512", "ED25519_SHA_512"];
const ML_DSA: &[&str] = &["ML_DSA_SHAKE_256"];

const fn mac(spec: &'static str, hash: Hash, algorithms: &'static [&'static str]) -> Kind {
    let (usage, form) = (Usage::GenerateVerifyMac, Form::Mac(hash));
    Kind { spec, usage, form, algorithms, grants: MAC_GRANTS }
}

const fn rsa_encryption(spec: &'static str, bits: RsaBits) -> Kind {
    let (usage, form) = (Usage::EncryptDecrypt, Form::Pair(PairSpec::Rsa(bits)));
    Kind { spec, usage, form, algorithms: OAEP, grants: PAIR_GRANTS }
}

const fn signing(spec: &'static str, pair: PairSpec, algorithms: &'static [&'static str]) -> Kind {
    let (usage, form) = (Usage::SignVerify, Form::Pair(pair));
    Kind { spec, usage, form, algorithms, grants: SIGN_GRANTS }
}

const fn agreement(spec: &'static str, pair: PairSpec) -> Kind {
    let (usage, form) = (Usage::KeyAgreement, Form::Pair(pair));
    Kind { spec, usage, form, algorithms: &["ECDH"], grants: AGREE_GRANTS }
}

const fn kem(spec: &'static str, set: MlKemSet) -> Kind {
    let (usage, form) = (Usage::EncapsulateDecapsulate, Form::Pair(PairSpec::MlKem(set)));
    Kind { spec, usage, form, algorithms: &["ML_KEM"], grants: KEM_GRANTS }
}

static SYMMETRIC: Kind = Kind {
    spec: "SYMMETRIC_DEFAULT",
    usage: Usage::EncryptDecrypt,
    form: Form::Symmetric,
    algorithms: &["SYMMETRIC_DEFAULT"],
    grants: SYMMETRIC_GRANTS,
};

/// All but the one above.
static OTHERS: &[Kind] = &[
    rsa_encryption("RSA_2048", RsaBits::B2048),
    rsa_encryption("RSA_3072", RsaBits::B3072),
    rsa_encryption("RSA_4096", RsaBits::B4096),
    signing("RSA_2048", PairSpec::Rsa(RsaBits::B2048), RSASSA),
    signing("RSA_3072", PairSpec::Rsa(RsaBits::B3072), RSASSA),
    signing("RSA_4096", PairSpec::Rsa(RsaBits::B4096), RSASSA),
    signing("ECC_NIST_P256", PairSpec::Ec(EcCurve::P256), &["ECDSA_SHA_256"]),
    signing("ECC_NIST_P384", PairSpec::Ec(EcCurve::P384), &["ECDSA_SHA_384"]),
    signing("ECC_NIST_P521", PairSpec::Ec(EcCurve::P521), &["ECDSA_SHA_512"]),
    signing("ECC_SECG_P256K1", PairSpec::Ec(EcCurve::Secp256k1), &["ECDSA_SHA_256"]),
    signing("ECC_NIST_EDWARDS25519", PairSpec::Ed25519, EDDSA),
    signing("ML_DSA_44", PairSpec::MlDsa(MlDsaSet::M44), ML_DSA),
    signing("ML_DSA_65", PairSpec::MlDsa(MlDsaSet::M65), ML_DSA),
    signing("ML_DSA_87", PairSpec::MlDsa(MlDsaSet::M87), ML_DSA),
    agreement("ECC_NIST_P256", PairSpec::Ec(EcCurve::P256)),
    agreement("ECC_NIST_P384", PairSpec::Ec(EcCurve::P384)),
    agreement("ECC_NIST_P521", PairSpec::Ec(EcCurve::P521)),
    kem("ML_KEM_512", MlKemSet::M512),
    kem("ML_KEM_768", MlKemSet::M768),
    kem("ML_KEM_1024", MlKemSet::M1024),
    #[cfg(feature = "sm2")]
    Kind {
        spec: "SM2",
        usage: Usage::EncryptDecrypt,
        form: Form::Pair(PairSpec::Sm2),
        algorithms: &["SM2PKE"],
        grants: PAIR_GRANTS,
    },
    #[cfg(feature = "sm2")]
    signing("SM2", PairSpec::Sm2, &["SM2DSA"]),
    #[cfg(feature = "sm2")]
    agreement("SM2", PairSpec::Sm2),
    mac("HMAC_224", Hash::Sha224, &["HMAC_SHA_224"]),
    mac("HMAC_256", Hash::Sha256, &["HMAC_SHA_256"]),
    mac("HMAC_384", Hash::Sha384, &["HMAC_SHA_384"]),
    mac("HMAC_512", Hash::Sha512, &["HMAC_SHA_512"]),
];

fn all() -> impl Iterator<Item = &'static Kind> {
    std::iter::once(&SYMMETRIC).chain(OTHERS)
}

impl Kind {
    /// The kind that keys are of unless something else is asked for.
    pub(crate) fn symmetric() -> &'static Self {
        &SYMMETRIC
    }

    /// The kind of this spec and usage, both by AWS's names.
    pub(crate) fn of(spec: &str, usage: &str) -> Option<&'static Self> {
        all().find(|kind| kind.spec == spec && kind.usage.name() == usage)
    }

    /// What a key pair of this spec is; nothing for specs that are none in this partition.
    pub(crate) fn pair_of(spec: &str, partition: &str) -> Option<PairSpec> {
        all().find(|kind| kind.spec == spec && Self::knows(spec, partition)).and_then(|kind| {
            match kind.form {
                Form::Pair(pair) => Some(pair),
                Form::Symmetric | Form::Mac(_) => None,
            }
        })
    }

    /// Whether its material can be brought in.
    pub(crate) fn is_importable(&self) -> bool {
        !matches!(self.form, Form::Pair(PairSpec::MlDsa(_) | PairSpec::MlKem(_)))
    }

    /// Whether keys of this spec can be made in a partition: AWS has SM2 in China alone.
    pub(crate) fn knows(spec: &str, partition: &str) -> bool {
        let is_here = spec != "SM2" || partition == CHINA;
        is_here && all().any(|kind| kind.spec == spec)
    }

    /// Whether it encrypts under a symmetric key: only such keys have an encryption context, data
    /// keys, rotation, and ids of their materials that a client sees.
    pub(crate) fn is_symmetric_encryption(&self) -> bool {
        self.form == Form::Symmetric
    }

    /// Whether both sides have one and the same key.
    pub(crate) fn is_symmetric(&self) -> bool {
        matches!(self.form, Form::Symmetric | Form::Mac(_))
    }

    /// The request quota that each use of such a key is charged to. AWS tells none of ML-KEM.
    pub(crate) fn request_quota(&self) -> &'static str {
        match self.form {
            Form::Symmetric | Form::Mac(_) => "Cryptographic (symmetric)",
            Form::Pair(PairSpec::Rsa(_)) => "Cryptographic (RSA)",
            Form::Pair(PairSpec::MlDsa(_)) => "Cryptographic (ML-DSA)",
            Form::Pair(PairSpec::MlKem(_)) => "Cryptographic (ML-KEM)",
            Form::Pair(_) => "Cryptographic (ECC & SM2)",
        }
    }

    /// What a grant on such a key can allow.
    pub(crate) fn grant_operations(&self) -> impl Iterator<Item = &'static str> {
        EVERY_GRANT.into_iter().chain(self.grants.iter().copied())
    }
}

/// In a record a kind stands as its spec and usage.
impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.spec, self.usage.name()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for &'static Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (spec, usage) = <(String, String)>::deserialize(deserializer)?;
        let unknown = || D::Error::custom(format!("no kind of key is {spec} for {usage}"));
        Kind::of(&spec, &usage).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_names_alone_and_survives_a_record() {
        for kind in all() {
            let found = Kind::of(kind.spec, kind.usage.name()).unwrap();
            assert!(std::ptr::eq(found, kind), "{} is listed twice", kind.spec);
            let stored = serde_json::to_string(kind).unwrap();
            assert!(std::ptr::eq(serde_json::from_str::<&Kind>(&stored).unwrap(), kind));
        }
        assert!(serde_json::from_str::<&Kind>(r#"["HMAC_256","ENCRYPT_DECRYPT"]"#).is_err());
    }

    #[test]
    fn grants_fit_the_kind_of_key() {
        let operations = |spec: &str, usage: &str| -> Vec<_> {
            Kind::of(spec, usage).unwrap().grant_operations().collect()
        };
        assert_eq!(
            operations("HMAC_224", "GENERATE_VERIFY_MAC"),
            ["CreateGrant", "RetireGrant", "DescribeKey", "GenerateMac", "VerifyMac"]
        );
        let symmetric = operations("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
        assert!(symmetric.contains(&"GenerateDataKeyPair"));
        let encryption = operations("RSA_2048", "ENCRYPT_DECRYPT");
        assert!(!encryption.contains(&"GenerateDataKey") && encryption.contains(&"GetPublicKey"));
        assert!(operations("ML_DSA_44", "SIGN_VERIFY").contains(&"GetPublicKey"));
    }
}
