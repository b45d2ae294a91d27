//! Attestation documents of any bytes: only what the module signed, and named its certificate in,
//! is taken, and what is taken says what was signed.
//!
//! The input: a kind, then edits of five bytes each of a good document; or of its payload, which is
//! signed as it is then; or a document as it is.

#![no_main]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use bulla_crypto::{
    AttestationError, AttestationRoot, Crypto, PairSpec, RsaBits, verify_attestation,
};
use bulla_fuzz::edits::edited;
use libfuzzer_sys::fuzz_target;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P384_SHA384,
};

/// When documents are made and read, in milliseconds since 1970.
const NOW_MS: i64 = 1_795_000_000_000;
const MOST_BYTES: usize = 8192;
/// The protected header: ES384.
const PROTECTED: [u8; 4] = [0xa1, 0x01, 0x38, 0x22];

struct World {
    root: AttestationRoot,
    key: EcdsaKeyPair,
    leaf: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    public_key: Vec<u8>,
}

thread_local! {
    static WORLD: World = World::new();
}

/// The head of a CBOR item.
fn head(major: u8, argument: usize) -> Vec<u8> {
    match argument {
        0..=23 => vec![major << 5 | argument as u8],
        24..=255 => vec![major << 5 | 24, argument as u8],
        _ => [&[major << 5 | 25][..], &u16::try_from(argument).unwrap().to_be_bytes()].concat(),
    }
}

fn bytes(value: &[u8]) -> Vec<u8> {
    [&head(2, value.len()), value].concat()
}

fn text(value: &str) -> Vec<u8> {
    [&head(3, value.len()), value.as_bytes()].concat()
}

fn document(payload: &[u8], signature: &[u8]) -> Vec<u8> {
    [head(4, 4), bytes(&PROTECTED), head(5, 0), bytes(payload), bytes(signature)].concat()
}

fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

impl World {
    fn new() -> Self {
        let new_key = || KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let mut ca = CertificateParams::new([]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(ca.clone(), new_key()).unwrap();
        let between = CertifiedIssuer::signed_by(ca, new_key(), &root).unwrap();
        let own = new_key();
        let leaf = CertificateParams::new(["module".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&own, &between).unwrap().der().to_vec();
        let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, own.serialized_der()).unwrap();
        let crypto = Crypto::standard();
        let spec = PairSpec::Rsa(RsaBits::B2048);
        let private = crypto.pairs.generate(&*crypto.rng, spec).unwrap();
        let pair = crypto.pairs.open(spec, private.expose()).unwrap();
        let public_key = pair.public_der().to_vec();
        let time = [&[0x1b][..], &u64::try_from(NOW_MS).unwrap().to_be_bytes()].concat();
        let payload = [
            head(5, 7),
            [text("module_id"), text("i-0")].concat(),
            [text("digest"), text("SHA384")].concat(),
            [text("timestamp"), time].concat(),
            [text("pcrs"), head(5, 2), vec![0], bytes(&[7; 48]), vec![8], bytes(&[9; 48])].concat(),
            [text("certificate"), bytes(&leaf)].concat(),
            [text("cabundle"), head(4, 1), bytes(between.der())].concat(),
            [text("public_key"), bytes(&public_key)].concat(),
        ]
        .concat();
        let root = AttestationRoot::from_der(root.der()).unwrap();
        let mut world = Self { root, key, leaf, payload, signature: Vec::new(), public_key };
        world.signature = world.sign(&world.payload);
        let good = document(&world.payload, &world.signature);
        let read = verify_attestation(&world.root, &good, NOW_MS).unwrap();
        assert_eq!(read.public_key, world.public_key);
        assert_eq!(read.registers, [(0, vec![7; 48]), (8, vec![9; 48])]);
        world
    }

    fn sign(&self, payload: &[u8]) -> Vec<u8> {
        let parts = [bytes(&PROTECTED), bytes(b""), bytes(payload)].concat();
        let message = [&head(4, 4)[..], &text("Signature1"), &parts].concat();
        self.key.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec()
    }

    /// A document that was altered after it was signed: what is taken has all that was signed, and
    /// means the same.
    fn altered(&self, document: &[u8]) {
        let read = verify_attestation(&self.root, document, NOW_MS);
        if let Ok(read) = read {
            assert!(contains(document, &self.payload), "an altered payload was taken");
            assert!(contains(document, &self.signature), "an altered signature was taken");
            assert_eq!(read.public_key, self.public_key);
            assert_eq!(read.registers.len(), 2);
        }
    }

    /// A payload that the module signed, whatever it is: what is taken names the module's
    /// certificate and is of this time.
    fn signed(&self, payload: &[u8]) {
        let document = document(payload, &self.sign(payload));
        let read = verify_attestation(&self.root, &document, NOW_MS);
        assert_ne!(read, Err(AttestationError::Signature), "its own signature was refused");
        if read.is_ok() {
            assert!(contains(payload, &self.leaf), "taken without the certificate");
            let late = verify_attestation(&self.root, &document, NOW_MS + 86_400_000);
            assert_eq!(late, Err(AttestationError::Stale));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [kind, rest @ ..] = data else { return };
    WORLD.with(|world| match kind % 3 {
        0 => {
            let good = document(&world.payload, &world.signature);
            world.altered(&edited(good, &world.payload, rest, MOST_BYTES));
        }
        1 => world.signed(&edited(world.payload.clone(), &world.leaf, rest, MOST_BYTES)),
        _ => world.altered(&rest[..rest.len().min(MOST_BYTES)]),
    });
});
