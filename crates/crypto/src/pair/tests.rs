//! What holds for every kind of key pair.

use super::*;
use crate::Crypto;

const EVERY: &[PairSpec] = &[
    PairSpec::Rsa(RsaBits::B2048),
    PairSpec::Rsa(RsaBits::B3072),
    PairSpec::Ec(EcCurve::P256),
    PairSpec::Ec(EcCurve::P384),
    PairSpec::Ec(EcCurve::P521),
    PairSpec::Ec(EcCurve::Secp256k1),
    PairSpec::Ed25519,
    PairSpec::MlDsa(MlDsaSet::M44),
    PairSpec::MlDsa(MlDsaSet::M65),
    PairSpec::MlDsa(MlDsaSet::M87),
    PairSpec::MlKem(MlKemSet::M512),
    PairSpec::MlKem(MlKemSet::M768),
    #[cfg(feature = "sm2")]
    PairSpec::Sm2,
];

fn make(spec: PairSpec) -> Box<dyn KeyPair> {
    let pkcs8 = StandardPairs.generate(&*Crypto::standard().rng, spec).unwrap();
    StandardPairs.open(spec, pkcs8.expose()).unwrap()
}

#[test]
fn a_key_is_written_as_it_was_read_and_opens_as_nothing_else() {
    let rng = Crypto::standard().rng;
    for &spec in EVERY {
        let pkcs8 = StandardPairs.generate(&*rng, spec).unwrap();
        let pair = StandardPairs.open(spec, pkcs8.expose()).unwrap();
        assert!(pair.private_der().unwrap().ct_eq(pkcs8.expose()), "{spec:?}");
        for &other in EVERY {
            assert_eq!(StandardPairs.open(other, pkcs8.expose()).is_ok(), other == spec);
        }
        let cut = &pkcs8.expose()[..pkcs8.len() - 1];
        assert!(StandardPairs.open(spec, cut).is_err(), "{spec:?}");
        let second = StandardPairs.generate(&*rng, spec).unwrap();
        assert!(!second.ct_eq(pkcs8.expose()));
    }
}

#[cfg(not(feature = "sm2"))]
#[test]
fn a_build_without_sm2_says_so() {
    let rng = Crypto::standard().rng;
    assert_eq!(StandardPairs.generate(&*rng, PairSpec::Sm2).err(), Some(NO_SM2));
    assert_eq!(StandardPairs.open(PairSpec::Sm2, b"").err(), Some(NO_SM2));
}

#[test]
fn private_keys_have_the_lengths_that_were_recorded() {
    let rng = Crypto::standard().rng;
    for (spec, len) in [(PairSpec::Ec(EcCurve::P256), 150), (PairSpec::Ed25519, 48)] {
        assert_eq!(StandardPairs.generate(&*rng, spec).unwrap().len(), len);
    }
    for set in [MlKemSet::M512, MlKemSet::M768, MlKemSet::M1024] {
        assert_eq!(StandardPairs.generate(&*rng, PairSpec::MlKem(set)).unwrap().len(), 86);
    }
}

fn schemes(spec: PairSpec) -> Vec<Scheme> {
    let hashes = [Hash::Sha256, Hash::Sha384, Hash::Sha512];
    match spec {
        PairSpec::Rsa(_) => {
            hashes.iter().flat_map(|h| [Scheme::RsaPkcs1(*h), Scheme::RsaPss(*h)]).collect()
        }
        PairSpec::Ec(curve) => vec![Scheme::Ecdsa(curve.hash())],
        PairSpec::Ed25519 => vec![Scheme::Ed25519, Scheme::Ed25519ph],
        PairSpec::MlDsa(_) => vec![Scheme::MlDsa],
        PairSpec::MlKem(_) => vec![],
        PairSpec::Sm2 => vec![Scheme::Sm2],
    }
}

fn digest(scheme: Scheme, message: &[u8]) -> Option<Vec<u8>> {
    match scheme {
        Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) | Scheme::Ecdsa(hash) => {
            Some(hash.digest(&[message]))
        }
        _ => None,
    }
}

#[test]
fn what_was_signed_verifies_with_its_scheme_and_nothing_else() {
    for &spec in EVERY {
        let (pair, other) = (make(spec), make(spec));
        let all = schemes(spec);
        assert_eq!(pair.signing().is_none(), all.is_empty());
        for scheme in &all {
            let (signing, others) = (pair.signing().unwrap(), other.signing().unwrap());
            let message = Signed::Message(b"message");
            let signature = signing.sign(*scheme, message).unwrap();
            for tried in &all {
                assert_eq!(signing.verify(*tried, message, &signature), tried == scheme);
            }
            assert!(!others.verify(*scheme, message, &signature));
            assert!(!signing.verify(*scheme, Signed::Message(b"massage"), &signature));
            let mut altered = signature.clone();
            altered[signature.len() / 2] ^= 1;
            assert!(!signing.verify(*scheme, message, &altered));
            assert!(!signing.verify(*scheme, message, &signature[1..]));
            assert!(!signing.verify(*scheme, message, b""));
            let Some(digest) = digest(*scheme, b"message") else { continue };
            assert!(signing.verify(*scheme, Signed::Digest(&digest), &signature));
            let signature = signing.sign(*scheme, Signed::Digest(&digest)).unwrap();
            assert!(signing.verify(*scheme, message, &signature));
            assert!(signing.sign(*scheme, Signed::Digest(&digest[1..])).is_err());
            assert!(!signing.verify(*scheme, Signed::Digest(&digest[1..]), &signature));
            assert!(signing.sign(*scheme, Signed::Mu(&[0; 64])).is_err());
        }
    }
}

#[test]
fn two_holders_of_keys_on_a_curve_agree_and_bare_points_are_refused() {
    for curve in [EcCurve::P256, EcCurve::P384, EcCurve::P521] {
        let (ours, theirs) = (make(PairSpec::Ec(curve)), make(PairSpec::Ec(curve)));
        let secret = ours.agreement().unwrap().agree(theirs.public_der()).unwrap();
        let same = theirs.agreement().unwrap().agree(ours.public_der()).unwrap();
        assert!(secret.ct_eq(same.expose()));
        let info = theirs.public_der();
        let at = info.iter().position(|byte| *byte == 4).unwrap();
        assert!(ours.agreement().unwrap().agree(&info[at..]).is_err());
        assert!(ours.agreement().unwrap().agree(&[info, &[0]].concat()).is_err());
        assert!(ours.agreement().unwrap().agree(b"").is_err());
        let other = if curve == EcCurve::P256 { EcCurve::P384 } else { EcCurve::P256 };
        let foreign = make(PairSpec::Ec(other));
        assert!(ours.agreement().unwrap().agree(foreign.public_der()).is_err());
    }
    assert!(make(PairSpec::Ec(EcCurve::Secp256k1)).agreement().is_none());
}

#[test]
fn what_was_encapsulated_is_decapsulated_and_what_was_altered_tells_nothing() {
    for set in [MlKemSet::M512, MlKemSet::M768, MlKemSet::M1024] {
        let pair = make(PairSpec::MlKem(set));
        let kem = pair.encapsulation().unwrap();
        let (mut sealed, secret) = kem.encapsulate().unwrap();
        assert_eq!((sealed.len(), secret.len()), (set.ciphertext_len(), 32));
        assert!(kem.decapsulate(&sealed).unwrap().ct_eq(secret.expose()));
        assert_eq!(kem.decapsulate(&sealed[1..]).err(), Some(CryptoError::Unauthentic));
        sealed[0] ^= 1;
        let other = kem.decapsulate(&sealed).unwrap();
        assert!(!other.ct_eq(secret.expose()));
        assert!(other.ct_eq(kem.decapsulate(&sealed).unwrap().expose()));
    }
}

#[test]
fn a_signature_over_mu_is_one_of_the_message() {
    for set in [MlDsaSet::M44, MlDsaSet::M65, MlDsaSet::M87] {
        let pair = make(PairSpec::MlDsa(set));
        let signing = pair.signing().unwrap();
        let signature = signing.sign(Scheme::MlDsa, Signed::Mu(&[7; 64])).unwrap();
        assert!(signing.verify(Scheme::MlDsa, Signed::Mu(&[7; 64]), &signature));
        assert!(!signing.verify(Scheme::MlDsa, Signed::Mu(&[8; 64]), &signature));
        assert!(!signing.verify(Scheme::MlDsa, Signed::Message(&[7; 64]), &signature));
        assert!(signing.sign(Scheme::MlDsa, Signed::Mu(&[7; 63])).is_err());
        assert!(signing.sign(Scheme::MlDsa, Signed::Digest(&[7; 64])).is_err());
    }
}
