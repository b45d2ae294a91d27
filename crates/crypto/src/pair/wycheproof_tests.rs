//! Wycheproof's vectors at the library's edge, for what can't be brought in through the API:
//! others' public keys and their signatures, wrapped keys, ML-KEM. The counts are printed, and have
//! a least value, so that no file of vectors is passed over unseen.

use wycheproof::{TestResult, ecdsa, eddsa, keywrap, mldsa_verify, mlkem};
use wycheproof::{rsa_pkcs1_verify, rsa_pss_verify};

use super::*;
use crate::der::{element, tag};
use crate::{SecretKey, unwrap_padded};

/// Compares what we say with what must be said; acceptable is either.
fn agrees(result: TestResult, ours: bool) -> bool {
    match result {
        TestResult::Valid => ours,
        TestResult::Invalid => !ours,
        TestResult::Acceptable => true,
    }
}

#[test]
fn ecdsa_signatures() {
    let mut count = 0;
    for (name, curve) in [
        (ecdsa::TestName::EcdsaSecp256r1Sha256, EcCurve::P256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384, EcCurve::P384),
        (ecdsa::TestName::EcdsaSecp521r1Sha512, EcCurve::P521),
        (ecdsa::TestName::EcdsaSecp256k1Sha256, EcCurve::Secp256k1),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let signed = Signed::Message(&test.msg);
                let ours = ec::verify(curve, &group.der, signed, &test.sig);
                assert!(agrees(test.result, ours), "{name:?} {}", test.tc_id);
                let digest = curve.hash().digest(&[&test.msg]);
                let by_digest = ec::verify(curve, &group.der, Signed::Digest(&digest), &test.sig);
                assert_eq!(by_digest, ours, "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
    }
    println!("{count} ECDSA vectors");
    assert!(count > 1_500, "{count}");
}

#[test]
fn ed25519_signatures() {
    let mut count = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let point: &[u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        for test in group.tests {
            let signed = Signed::Message(&test.msg);
            let ours = ed25519::verify(point, Scheme::Ed25519, signed, &test.sig);
            assert!(agrees(test.result, ours), "{}", test.tc_id);
            let other = ed25519::verify(point, Scheme::Ed25519ph, signed, &test.sig);
            assert!(!other, "{}", test.tc_id);
            count += 1;
        }
    }
    println!("{count} Ed25519 vectors");
    assert!(count > 100, "{count}");
}

#[test]
fn rsa_pkcs1_signatures() {
    use rsa_pkcs1_verify::{TestName, TestSet};
    let mut count = 0;
    for (name, hash) in [
        (TestName::Rsa2048Sha256, Hash::Sha256),
        (TestName::Rsa2048Sha384, Hash::Sha384),
        (TestName::Rsa2048Sha512, Hash::Sha512),
        (TestName::Rsa3072Sha256, Hash::Sha256),
        (TestName::Rsa3072Sha384, Hash::Sha384),
        (TestName::Rsa3072Sha512, Hash::Sha512),
        (TestName::Rsa4096Sha256, Hash::Sha256),
        (TestName::Rsa4096Sha384, Hash::Sha384),
        (TestName::Rsa4096Sha512, Hash::Sha512),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let signed = Signed::Message(&test.msg);
                let scheme = Scheme::RsaPkcs1(hash);
                let ours = rsa::verify(&group.asn_key, scheme, signed, &test.sig);
                assert!(agrees(test.result, ours), "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
    }
    println!("{count} RSA PKCS #1 vectors");
    assert!(count > 2_000, "{count}");
}

#[test]
fn rsa_pss_signatures() {
    use rsa_pss_verify::{TestName, TestSet};
    let mut count = 0;
    for (name, hash) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Hash::Sha256),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, Hash::Sha384),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, Hash::Sha256),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, Hash::Sha256),
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, Hash::Sha384),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, Hash::Sha512),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let signed = Signed::Message(&test.msg);
                let scheme = Scheme::RsaPss(hash);
                let ours = rsa::verify(&group.asn_key, scheme, signed, &test.sig);
                assert!(agrees(test.result, ours), "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
    }
    println!("{count} RSA-PSS vectors");
    assert!(count > 500, "{count}");
}

/// Those with a context are not ours: AWS's has none.
#[test]
fn ml_dsa_signatures() {
    use mldsa_verify::{TestName, TestSet};
    let mut count = 0;
    for (name, set) in [
        (TestName::MlDsa44Verify, MlDsaSet::M44),
        (TestName::MlDsa65Verify, MlDsaSet::M65),
        (TestName::MlDsa87Verify, MlDsaSet::M87),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                if test.ctx.as_ref().is_some_and(|context| !context.is_empty()) {
                    continue;
                }
                let signed = Signed::Message(&test.msg);
                let ours = ml_dsa::verify(set, &group.pubkey, signed, &test.sig);
                assert!(agrees(test.result, ours), "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
    }
    println!("{count} ML-DSA vectors");
    assert!(count > 100, "{count}");
}

/// Our PKCS #8 of a seed.
fn seeded(set: MlKemSet, seed: &[u8]) -> Vec<u8> {
    let rng = crate::Crypto::standard().rng;
    let ours = ml_kem::generate(&*rng, set).unwrap();
    let head = &ours.expose()[..ours.len() - 64];
    let inner = element(tag::implicit(0), &[seed]);
    if seed.len() == 64 { [head, seed].concat() } else { inner }
}

#[test]
fn ml_kem_secrets() {
    use mlkem::{TestName, TestSet};
    let mut count = 0;
    for (name, set) in [
        (TestName::MlKem512, MlKemSet::M512),
        (TestName::MlKem768, MlKemSet::M768),
        (TestName::MlKem1024, MlKemSet::M1024),
        (TestName::MlKem512KeyGenSeed, MlKemSet::M512),
        (TestName::MlKem768KeyGenSeed, MlKemSet::M768),
        (TestName::MlKem1024KeyGenSeed, MlKemSet::M1024),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let Some(seed) = &test.seed else { continue };
                let pair = ml_kem::Pair::open(set, &seeded(set, seed));
                let Ok(pair) = pair else {
                    assert!(agrees(test.result, false), "{name:?} {}", test.tc_id);
                    count += 1;
                    continue;
                };
                if let Some(key) = test.encaps_key.as_ref().filter(|_| !test.result.must_fail()) {
                    assert!(pair.public_der().ends_with(key), "{name:?} {}", test.tc_id);
                }
                if let (Some(ct), Some(secret)) = (&test.ct, &test.shared_secret) {
                    let opened = pair.decapsulate(ct);
                    let ours = opened.is_ok_and(|opened| opened.ct_eq(secret));
                    assert!(agrees(test.result, ours), "{name:?} {}", test.tc_id);
                }
                count += 1;
            }
        }
    }
    println!("{count} ML-KEM vectors");
    assert!(count > 100, "{count}");
}

#[test]
fn wrapped_keys() {
    let name = keywrap::TestName::AesKeyWrapWithPadding;
    let mut count = 0;
    for group in keywrap::TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let Ok(key) = SecretKey::from_slice(&test.key) else { continue };
            let ours = unwrap_padded(&key, &test.ct).is_ok_and(|plain| plain.ct_eq(&test.pt));
            assert!(agrees(test.result, ours), "{}", test.tc_id);
            count += 1;
        }
    }
    println!("{count} AES-KWP vectors");
    assert!(count > 50, "{count}");
}
