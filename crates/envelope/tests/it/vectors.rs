//! The vectors that AWS publishes: `BULLA_VECTORS` names the folder that has them in `esdk`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla_envelope::keyring::{Keyring, MultiKeyring, RawAesKeyring, RawRsaKeyring};
use bulla_envelope::{
    DefaultSource, EncryptionContext, Error, Header, MaterialsSource, RequiredContext, RsaPadding,
    SecretBytes,
};
use serde_json::Value;

use crate::support::decrypt;

/// A set of vectors.
struct Set {
    folder: PathBuf,
    manifest: Value,
    keys: Value,
}

impl Set {
    /// Nothing, and a line that says so, where the vectors are not.
    fn read(name: &str) -> Option<Self> {
        let Some(root) = std::env::var_os("BULLA_VECTORS") else {
            println!("skipped: BULLA_VECTORS does not name the vectors' folder");
            return None;
        };
        let folder = Path::new(&root).join("esdk").join(name);
        let json = |file| serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap());
        Some(Self {
            manifest: json("manifest.json").unwrap(),
            keys: json("keys.json").unwrap(),
            folder,
        })
    }

    fn file(&self, uri: &Value) -> Vec<u8> {
        let path = uri.as_str().unwrap().strip_prefix("file://").unwrap();
        std::fs::read(self.folder.join(path)).unwrap()
    }

    fn tests(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.manifest["tests"].as_object().unwrap().iter()
    }

    /// The keyring of a master key; nothing for one that only AWS has.
    fn keyring(&self, master: &Value) -> Option<Box<dyn Keyring>> {
        let key = &self.keys["keys"][master["key"].as_str().unwrap()];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        if key["type"] == "aws-kms" {
            return None;
        }
        let (namespace, name) = (text(&master["provider-id"]), text(&key["key-id"]));
        let material = text(&key["material"]);
        if key["type"] == "symmetric" {
            let bytes = base64_simd::STANDARD.decode_to_vec(material).unwrap();
            let keyring = RawAesKeyring::new(namespace, name, &SecretBytes::new(bytes));
            return Some(Box::new(keyring.unwrap()));
        }
        let padding = match (&*text(&master["padding-algorithm"]), &master["padding-hash"]) {
            ("pkcs1", _) => RsaPadding::Pkcs1,
            (_, hash) if hash == "sha1" => RsaPadding::OaepSha1,
            (_, hash) if hash == "sha256" => RsaPadding::OaepSha256,
            (_, hash) if hash == "sha384" => RsaPadding::OaepSha384,
            _ => RsaPadding::OaepSha512,
        };
        let keyring = match &*text(&key["type"]) {
            "private" => RawRsaKeyring::private(namespace, name, padding, &material),
            _ => RawRsaKeyring::public(namespace, name, padding, &material),
        };
        Some(Box::new(keyring.unwrap()))
    }

    async fn outcome(&self, test: &Value) -> Option<Result<Vec<u8>, Error>> {
        let mut keyrings = MultiKeyring::without_generator();
        for master in test["master-keys"].as_array().unwrap() {
            keyrings = keyrings.with(self.keyring(master)?);
        }
        let pairs: BTreeMap<String, String> = test["encryption-context"]
            .as_object()
            .map(|pairs| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                pairs.iter().map(|(key, value)| (key.clone(), text(value))).collect()
            })
            .unwrap_or_default();
        let expected = EncryptionContext::from_pairs(pairs).unwrap();
        let source: Box<dyn MaterialsSource> = if test["cmm"] == "RequiredEncryptionContext" {
            let keys = expected.iter().map(|(key, _)| key.to_owned());
            Box::new(RequiredContext::new(keys, DefaultSource::new(keyrings)).unwrap())
        } else {
            Box::new(DefaultSource::new(keyrings))
        };
        let message = self.file(&test["ciphertext"]);
        Some(decrypt(source, &message, &expected).await.map(|opened| opened.plaintext))
    }
}

#[tokio::test]
async fn valid_messages_decrypt() {
    // What only AWS can unwrap is checked as far as its header.
    for (name, decrypted, of_aws) in [("v4-Net-4.0.1", 99, 33), ("valid-Net-4.0.0", 5, 0)] {
        let Some(set) = Set::read(name) else { return };
        let mut counts = (0, 0);
        for (name, test) in set.tests() {
            match set.outcome(test).await {
                Some(plain) => {
                    let expected = set.file(&test["result"]["output"]["plaintext"]);
                    assert_eq!(plain.unwrap(), expected, "{name}");
                    counts.0 += 1;
                }
                None => {
                    let header = Header::parse(&set.file(&test["ciphertext"])).unwrap();
                    let key = &header.encrypted_data_keys()[0];
                    assert_eq!(key.provider_id(), "aws-kms", "{name}");
                    assert!(key.provider_info().starts_with(b"arn:aws:kms:us-west-2:"), "{name}");
                    counts.1 += 1;
                }
            }
        }
        assert_eq!(counts, (decrypted, of_aws));
    }
}

#[tokio::test]
async fn invalid_messages_are_refused() {
    let Some(set) = Set::read("invalid-Net-4.0.0") else { return };
    let mut refused = 0;
    for (name, test) in set.tests() {
        let outcome = set.outcome(test).await.unwrap();
        // Their header is authenticated with something else than the format says.
        println!("{name} {:?}", outcome.as_ref().err());
        assert!(matches!(outcome, Err(Error::HeaderTag)), "{name}");
        refused += 1;
    }
    assert_eq!(refused, 28);
}
