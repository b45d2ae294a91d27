//! Test 21: Wycheproof's vectors through the wire, for every kind of key whose material can be
//! brought in. What can't be is held to them at the library's edge, by the unit tests of `crypto`.

use std::collections::HashMap;

use base64_simd::STANDARD;
use bulla_crypto::{Crypto, RsaEncryptionKey, RsaPadding, wrap_padded};
use serde_json::{Value, json};
use wycheproof::{TestResult, ecdh, mac, rsa_oaep};

use crate::door::{Door as _, text};
use crate::house::{House, Inside};
use crate::run::{Counts, Run, demand, say};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-central-1";
const MACS: &str = "HMAC vectors";
const OAEP: &str = "RSA-OAEP vectors";
const ECDH: &str = "ECDH vectors";

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let house = House::in_memory(run.seed)?;
    let mut bench = Bench { door: house.door(ACCOUNT, REGION), keys: HashMap::new() };
    let mut counts = Counts::default();
    bench.oaep(run, &mut counts)?;
    bench.macs(run, &mut counts)?;
    bench.ecdh(run, &mut counts)?;
    counts.all_of(&[MACS, OAEP, ECDH])
}

/// A kind of key.
#[derive(Clone, Copy)]
struct Kind {
    spec: &'static str,
    usage: &'static str,
    wrapping: &'static str,
}

/// One caller, and the keys that were brought in for it.
struct Bench<'h> {
    door: Inside<'h>,
    keys: HashMap<Vec<u8>, String>,
}

fn coded(bytes: &[u8]) -> String {
    STANDARD.encode_to_string(bytes)
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode_to_vec(text).map_err(say)
}

/// Whether a call may have gone as it did.
fn may_be(result: TestResult, holds: bool) -> bool {
    match result {
        TestResult::Valid => holds,
        TestResult::Invalid => !holds,
        TestResult::Acceptable => true,
    }
}

impl Bench<'_> {
    /// A key with this material: made, and given it as its owner would.
    fn key(&mut self, kind: Kind, material: &[u8]) -> Result<String, String> {
        let known = [kind.spec.as_bytes(), material].concat();
        if let Some(key) = self.keys.get(&known) {
            return Ok(key.clone());
        }
        let input = json!({ "KeySpec": kind.spec, "KeyUsage": kind.usage, "Origin": "EXTERNAL" });
        let made = self.door.ask("CreateKey", &input)?;
        let key = text(&made, "/KeyMetadata/Arn")?;
        let input = json!({
            "KeyId": key, "WrappingAlgorithm": kind.wrapping, "WrappingKeySpec": "RSA_2048",
        });
        let given = self.door.ask("GetParametersForImport", &input)?;
        let public = decoded(&text(&given, "/PublicKey")?)?;
        let wrapped = wrap(kind.wrapping, &public, material)?;
        let input = json!({
            "KeyId": key, "ImportToken": text(&given, "/ImportToken")?,
            "EncryptedKeyMaterial": coded(&wrapped),
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        });
        self.door.ask("ImportKeyMaterial", &input)?;
        self.keys.insert(known, key.clone());
        Ok(key)
    }

    /// The member of an answer; nothing for a refusal that blames the caller.
    fn try_call(
        &mut self,
        operation: &str,
        input: &Value,
        member: &str,
    ) -> Result<Option<Value>, String> {
        let reply = self.door.call(operation, input).map_err(|lost| lost.0)?;
        if reply.status == 400 {
            return Ok(None);
        }
        reply.must_succeed(operation)?;
        Ok(reply.json().get(member).cloned())
    }

    fn oaep(&mut self, run: &Run, counts: &mut Counts) -> Result<(), String> {
        use rsa_oaep::{TestName, TestSet};
        for (name, spec, algorithm) in [
            (TestName::Rsa2048Sha1Mgf1Sha1, "RSA_2048", "RSAES_OAEP_SHA_1"),
            (TestName::Rsa2048Sha256Mgf1Sha256, "RSA_2048", "RSAES_OAEP_SHA_256"),
            (TestName::Rsa3072Sha256Mgf1Sha256, "RSA_3072", "RSAES_OAEP_SHA_256"),
            (TestName::Rsa4096Sha256Mgf1Sha256, "RSA_4096", "RSAES_OAEP_SHA_256"),
        ] {
            let usage = "ENCRYPT_DECRYPT";
            let kind = Kind { spec, usage, wrapping: "RSA_AES_KEY_WRAP_SHA_256" };
            for group in TestSet::load(name).map_err(say)?.test_groups {
                let key = self.key(kind, &group.pkcs8)?;
                for test in group.tests {
                    if !run.goes_on(33) {
                        return Ok(());
                    }
                    let input = json!({
                        "KeyId": key, "CiphertextBlob": coded(&test.ct),
                        "EncryptionAlgorithm": algorithm,
                    });
                    let opened = self.try_call("Decrypt", &input, "Plaintext")?;
                    let ours = opened == Some(coded(&test.pt).into());
                    // KMS has no labels: what has one must not open, nor what is empty.
                    let possible = test.label.is_empty() && !test.pt.is_empty();
                    let held = if possible { may_be(test.result, ours) } else { !ours };
                    demand(held || test.pt.is_empty(), || {
                        format!("{name:?} {}: {opened:?}", test.tc_id)
                    })?;
                    counts.add(OAEP, 1);
                }
            }
        }
        Ok(())
    }

    fn macs(&mut self, run: &Run, counts: &mut Counts) -> Result<(), String> {
        use mac::{TestName, TestSet};
        for (name, bytes, spec, algorithm) in [
            (TestName::HmacSha224, 28, "HMAC_224", "HMAC_SHA_224"),
            (TestName::HmacSha256, 32, "HMAC_256", "HMAC_SHA_256"),
            (TestName::HmacSha384, 48, "HMAC_384", "HMAC_SHA_384"),
            (TestName::HmacSha512, 64, "HMAC_512", "HMAC_SHA_512"),
        ] {
            let usage = "GENERATE_VERIFY_MAC";
            let kind = Kind { spec, usage, wrapping: "RSAES_OAEP_SHA_256" };
            for group in TestSet::load(name).map_err(say)?.test_groups {
                for test in group.tests {
                    if !run.goes_on(66) {
                        return Ok(());
                    }
                    // Keys of one length, and no empty messages: other vectors can't come here.
                    if test.key.len() != bytes || test.msg.is_empty() {
                        continue;
                    }
                    let key = self.key(kind, &test.key)?;
                    let input = json!({
                        "KeyId": key, "Message": coded(&test.msg), "MacAlgorithm": algorithm,
                        "Mac": coded(&test.tag),
                    });
                    let verified = self.try_call("VerifyMac", &input, "MacValid")?.is_some();
                    // A tag that was cut is none to KMS.
                    let whole = test.tag.len() == bytes;
                    let held = if whole { may_be(test.result, verified) } else { !verified };
                    demand(held, || format!("{name:?} {}: {verified}", test.tc_id))?;
                    counts.add(MACS, 1);
                }
            }
        }
        Ok(())
    }

    fn ecdh(&mut self, run: &Run, counts: &mut Counts) -> Result<(), String> {
        use ecdh::{TestName, TestSet};
        for (name, curve) in [
            (TestName::EcdhSecp256r1, &P256),
            (TestName::EcdhSecp384r1, &P384),
            (TestName::EcdhSecp521r1, &P521),
        ] {
            let usage = "KEY_AGREEMENT";
            let kind = Kind { spec: curve.spec, usage, wrapping: "RSA_AES_KEY_WRAP_SHA_256" };
            for group in TestSet::load(name).map_err(say)?.test_groups {
                for test in group.tests {
                    if !run.goes_on(100) {
                        return Ok(());
                    }
                    let key = self.key(kind, &curve.pkcs8(&test.private_key))?;
                    let input = json!({
                        "KeyId": key, "KeyAgreementAlgorithm": "ECDH",
                        "PublicKey": coded(&test.public_key),
                    });
                    let derived = self.try_call("DeriveSharedSecret", &input, "SharedSecret")?;
                    let ours = derived == Some(coded(&test.shared_secret).into());
                    let held = may_be(test.result, ours) && (ours || derived.is_none());
                    demand(held, || format!("{name:?} {}: {derived:?}", test.tc_id))?;
                    counts.add(ECDH, 1);
                }
            }
        }
        Ok(())
    }
}

/// Wraps material under a public key.
fn wrap(algorithm: &str, public: &[u8], material: &[u8]) -> Result<Vec<u8>, String> {
    let rsa = RsaEncryptionKey::from_der(public).map_err(say)?;
    if algorithm == "RSAES_OAEP_SHA_256" {
        return rsa.encrypt(RsaPadding::OaepSha256, material).map_err(say);
    }
    let key = Crypto::standard().generate_key().map_err(say)?;
    let wrapped = rsa.encrypt(RsaPadding::OaepSha256, key.expose()).map_err(say)?;
    Ok([wrapped, wrap_padded(&key, material).map_err(say)?].concat())
}

/// A curve, and what stands around a private key of it in PKCS #8.
struct Curve {
    spec: &'static str,
    len: usize,
    /// The object identifier, with tag and length.
    object: &'static [u8],
}

const P256: Curve = Curve {
    spec: "ECC_NIST_P256",
    len: 32,
    object: &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
};
const P384: Curve =
    Curve { spec: "ECC_NIST_P384", len: 48, object: &[6, 5, 0x2b, 0x81, 4, 0, 0x22] };
const P521: Curve =
    Curve { spec: "ECC_NIST_P521", len: 66, object: &[6, 5, 0x2b, 0x81, 4, 0, 0x23] };
/// id-ecPublicKey, with tag and length.
const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

/// An element whose contents are shorter than 128 bytes.
fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    [&[tag, u8::try_from(contents.len()).unwrap_or(u8::MAX)], contents.as_slice()].concat()
}

impl Curve {
    /// PKCS #8 of a number as the vectors have it: with zeros in front, or without.
    fn pkcs8(&self, number: &[u8]) -> Vec<u8> {
        let digits: Vec<u8> = number.iter().copied().skip_while(|digit| *digit == 0).collect();
        let zeros = vec![0; self.len.saturating_sub(digits.len())];
        let scalar = element(4, &[&zeros, &digits]);
        let inner = element(0x30, &[&[2, 1, 1], &scalar]);
        let algorithm = element(0x30, &[EC_PUBLIC_KEY, self.object]);
        element(0x30, &[&[2, 1, 0], &algorithm, &element(4, &[&inner])])
    }
}
