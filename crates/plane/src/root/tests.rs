//! The seals and the anchor, as an operator, an accident or a thief meets them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use bulla_crypto::{Argon2Cost, Crypto, CryptoError, Rng, SecretBytes};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, passes: 1, parallelism: 4 };

struct Place {
    within: TempDir,
    dir: PathBuf,
    crypto: Crypto,
}

impl Place {
    fn new() -> Self {
        let within = TempDir::new().unwrap();
        let dir = within.path().join("data");
        fs::create_dir(&dir).unwrap();
        Self { within, dir, crypto: Crypto::standard() }
    }

    fn key_seal(&self) -> KeyFileSeal {
        KeyFileSeal::beside(&self.dir).unwrap()
    }

    fn create(&self, seal: &dyn Seal) -> Result<RootKey, SealError> {
        create(&self.crypto, &self.dir, seal)
    }

    fn unseal(&self, seal: &dyn Seal) -> Result<RootKey, SealError> {
        unseal(&self.crypto, &self.dir, seal)
    }

    fn anchor(&self, root: &RootKey) -> Result<Anchor, AnchorError> {
        Anchor::open(&self.crypto, &self.dir, root)
    }

    fn header(&self) -> PathBuf {
        header_path(&self.dir)
    }

    /// Every file in and beside the data directory, with its content.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = [self.within.path(), &self.dir]
            .iter()
            .flat_map(|dir| fs::read_dir(dir).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn edit(&self, path: &Path, change: impl FnOnce(&mut Value)) {
        let mut json = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        change(&mut json);
        fs::write(path, json.to_string()).unwrap();
    }
}

fn same(a: &RootKey, b: &RootKey) -> bool {
    a.id == b.id && a.key.ct_eq(&b.key)
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The other digit for the first one of a hexadecimal field.
fn flip(field: &mut Value) {
    let mut digits = field.as_str().unwrap().to_owned();
    let first = if digits.starts_with('0') { "1" } else { "0" };
    digits.replace_range(..1, first);
    *field = digits.into();
}

#[test]
fn a_key_file_opens_what_it_sealed() {
    let place = Place::new();
    let seal = place.key_seal();
    let root = place.create(&seal).unwrap();
    assert!(same(&root, &place.unseal(&seal).unwrap()));
    assert_eq!(kind_of(&place.dir).unwrap(), SealKind::KeyFile);
    assert_eq!(seal.path(), place.within.path().join("data.key"));
    assert_eq!((mode(seal.path()), mode(&place.header())), (0o400, 0o600));
    // Nothing but the two files is left, and the key is not in the data directory.
    let files = place.files();
    assert_eq!(files.len(), 2);
    let digits = String::from_utf8(fs::read(seal.path()).unwrap()).unwrap();
    assert_eq!(digits.trim().len(), 64);
    assert!(!fs::read_to_string(place.header()).unwrap().contains(digits.trim()));
}

#[test]
fn a_passphrase_opens_what_it_sealed() {
    let place = Place::new();
    let passphrase = secret("clay envelope");
    let root = place.create(&PassphraseSeal::with_cost(&passphrase, CHEAP)).unwrap();
    // The cost to open it is the header's.
    assert!(same(&root, &place.unseal(&PassphraseSeal::new(&passphrase)).unwrap()));
    for wrong in ["clay envelopes", "clay envelop", ""] {
        let refused = place.unseal(&PassphraseSeal::new(&secret(wrong)));
        assert!(matches!(refused, Err(SealError::WrongPassphrase)));
    }
}

#[test]
fn every_root_and_salt_is_new() {
    let (a, b) = (Place::new(), Place::new());
    let passphrase = secret("the same for both");
    let seal = PassphraseSeal::with_cost(&passphrase, CHEAP);
    let (root_a, root_b) = (a.create(&seal).unwrap(), b.create(&seal).unwrap());
    assert!(root_a.id != root_b.id && !root_a.key.ct_eq(&root_b.key));
    let salt = |place: &Place| *SealHeader::read(&place.header()).unwrap().salt();
    assert_ne!(salt(&a), salt(&b));
}

#[test]
fn nothing_is_ever_overwritten() {
    let place = Place::new();
    let seal = place.key_seal();
    place.create(&seal).unwrap();
    let before = place.files();
    assert!(matches!(place.create(&seal), Err(SealError::AlreadySealed { .. })));
    assert_eq!(place.files(), before);
    // A key file without a header may be another directory's only one.
    fs::remove_file(place.header()).unwrap();
    let before = place.files();
    assert!(matches!(place.create(&seal), Err(SealError::KeyFileExists { .. })));
    assert_eq!(place.files(), before);
    // Nor is a link followed to what it names.
    fs::remove_file(seal.path()).unwrap();
    symlink(place.within.path().join("elsewhere"), seal.path()).unwrap();
    assert!(matches!(place.create(&seal), Err(SealError::KeyFileExists { .. })));
}

#[test]
fn a_failed_attempt_leaves_nothing_behind() {
    let place = Place::new();
    let seal = place.key_seal();
    fs::remove_dir(&place.dir).unwrap();
    let refused = place.create(&seal);
    assert!(matches!(refused, Err(SealError::Unreadable { action: "write", .. })));
    assert_eq!(fs::read_dir(place.within.path()).unwrap().count(), 0);
}

#[test]
fn a_stuck_random_source_seals_nothing() {
    struct Stuck;
    impl Rng for Stuck {
        fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
            out.fill(9);
            Ok(())
        }
    }
    let mut place = Place::new();
    place.crypto = Crypto::with_rng(Stuck);
    let refused = place.create(&place.key_seal());
    assert!(matches!(refused, Err(SealError::Crypto(CryptoError::RandomSourceStuck))));
    assert_eq!(place.files(), []);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let (place, other) = (Place::new(), Place::new());
    let seal = place.key_seal();
    assert!(matches!(place.unseal(&seal), Err(SealError::NotSealed { .. })));
    assert!(matches!(kind_of(&place.dir), Err(SealError::NotSealed { .. })));
    place.create(&seal).unwrap();
    other.create(&other.key_seal()).unwrap();
    let before = place.files();
    assert!(matches!(place.unseal(&other.key_seal()), Err(SealError::WrongKey { .. })));
    let nowhere = KeyFileSeal::at(place.within.path().join("nowhere"));
    assert!(matches!(place.unseal(&nowhere), Err(SealError::MissingKeyFile { .. })));
    let directory = KeyFileSeal::at(place.within.path().to_path_buf());
    assert!(matches!(place.unseal(&directory), Err(SealError::Unreadable { .. })));
    let passphrase = secret("a passphrase");
    let by_passphrase = PassphraseSeal::new(&passphrase);
    assert!(matches!(place.unseal(&by_passphrase), Err(SealError::WrongKind { .. })));
    assert_eq!(place.files(), before);
}

#[test]
fn a_key_file_open_to_others_is_refused() {
    let place = Place::new();
    let seal = place.key_seal();
    place.create(&seal).unwrap();
    for bits in [0o440, 0o404, 0o420, 0o401, 0o644] {
        fs::set_permissions(seal.path(), fs::Permissions::from_mode(bits)).unwrap();
        let refused = place.unseal(&seal);
        assert!(matches!(refused, Err(SealError::OpenToOthers { mode, .. }) if mode == bits));
    }
    fs::set_permissions(seal.path(), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(place.unseal(&seal).is_ok());
}

#[test]
fn a_key_file_that_holds_no_key_is_refused() {
    let place = Place::new();
    let seal = place.key_seal();
    place.create(&seal).unwrap();
    let good = fs::read_to_string(seal.path()).unwrap();
    fs::set_permissions(seal.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let (first, rest) = good.split_at(1);
    for bad in ["", "\n", rest, &format!("0{good}"), &good.replace(first, "g")] {
        fs::write(seal.path(), bad).unwrap();
        assert!(matches!(place.unseal(&seal), Err(SealError::MalformedKeyFile { .. })), "{bad}");
    }
    fs::write(seal.path(), good.trim_end().to_uppercase()).unwrap();
    assert!(place.unseal(&seal).is_ok());
    fs::write(seal.path(), good.repeat(1000)).unwrap();
    assert!(matches!(place.unseal(&seal), Err(SealError::Unreadable { .. })));
}

#[test]
fn every_field_of_the_header_is_vouched_for() {
    let place = Place::new();
    let seal = place.key_seal();
    place.create(&seal).unwrap();
    let good = fs::read(place.header()).unwrap();
    type Expected = fn(&SealError) -> bool;
    let altered: Expected = |e| matches!(e, SealError::AlteredHeader { .. });
    let wrong: Expected = |e| matches!(e, SealError::WrongKey { .. });
    let malformed: Expected = |e| matches!(e, SealError::MalformedHeader { .. });
    let refused = |what: &str, expected: Expected, change: &dyn Fn(&mut Value)| {
        fs::write(place.header(), &good).unwrap();
        place.edit(&place.header(), change);
        let error = place.unseal(&seal).err().unwrap();
        assert!(expected(&error), "{what}: {error}");
    };
    refused("key_id", altered, &|h| flip(&mut h["key_id"]));
    refused("root", altered, &|h| flip(&mut h["root"]));
    refused("salt", wrong, &|h| flip(&mut h["salt"]));
    refused("check", wrong, &|h| flip(&mut h["check"]));
    refused("kind", malformed, &|h| h["kind"] = json!("passphrase"));
    refused("kind", malformed, &|h| h["kind"] = json!("wax"));
    refused("unknown", malformed, &|h| h["more"] = json!(1));
    refused("argon2id", malformed, &|h| {
        h["argon2id"] = json!({"memory_kib": 64, "passes": 1, "parallelism": 1});
    });
    refused("short", malformed, &|h| h["root"] = json!("00"));
    refused("version", |e| matches!(e, SealError::UnknownVersion { version: 2, .. }), &|h| {
        *h = json!({"version": 2, "quorum": 3});
    });
    for field in ["version", "kind", "key_id", "salt", "check", "root"] {
        refused(field, malformed, &|h| {
            h.as_object_mut().unwrap().remove(field);
        });
    }
}

#[test]
fn an_altered_cost_is_refused_and_a_hostile_one_is_not_paid() {
    let place = Place::new();
    let passphrase = secret("clay envelope");
    let seal = PassphraseSeal::with_cost(&passphrase, CHEAP);
    place.create(&seal).unwrap();
    let good = fs::read(place.header()).unwrap();
    let refused = |field: &str, number: u64| {
        fs::write(place.header(), &good).unwrap();
        place.edit(&place.header(), |h| h["argon2id"][field] = number.into());
        place.unseal(&seal).err().unwrap()
    };
    for (field, other) in [("memory_kib", 128), ("passes", 2), ("parallelism", 2)] {
        assert!(matches!(refused(field, other), SealError::WrongPassphrase), "{field}");
    }
    for (field, hostile) in [
        ("memory_kib", 100 * 1024 * 1024),
        ("memory_kib", u64::from(MAX_HEADER_MEMORY_KIB) + 1),
        ("memory_kib", u64::MAX),
        ("passes", u64::from(MAX_HEADER_PASSES) + 1),
        ("passes", 0),
        ("parallelism", u64::from(MAX_HEADER_PARALLELISM) + 1),
        ("parallelism", 0),
    ] {
        let error = refused(field, hostile);
        assert!(matches!(error, SealError::MalformedHeader { .. }), "{field}: {error}");
    }
}

#[test]
fn a_new_seal_needs_a_passphrase_of_some_length() {
    let place = Place::new();
    let passphrase = secret("7 bytes");
    let refused = place.create(&PassphraseSeal::with_cost(&passphrase, CHEAP));
    assert!(matches!(refused, Err(SealError::ShortPassphrase { min: MIN_PASSPHRASE_LEN })));
    assert_eq!(place.files(), []);
}

#[test]
fn another_seal_keeps_the_root_key() {
    let place = Place::new();
    let (key_file, passphrase) = (place.key_seal(), secret("clay envelope"));
    let by_passphrase = PassphraseSeal::with_cost(&passphrase, CHEAP);
    let root = place.create(&key_file).unwrap();
    reseal(&place.crypto, &place.dir, &key_file, &by_passphrase).unwrap();
    assert!(same(&root, &place.unseal(&by_passphrase).unwrap()));
    assert!(matches!(place.unseal(&key_file), Err(SealError::WrongKind { .. })));
    assert_eq!(mode(&place.header()), 0o600);
    // The old key file is still there, and does not become the new one.
    let before = place.files();
    let refused = reseal(&place.crypto, &place.dir, &by_passphrase, &key_file);
    assert!(matches!(refused, Err(SealError::KeyFileExists { .. })));
    assert_eq!(place.files(), before);
    let wrong = secret("clay envelops");
    let wrong = PassphraseSeal::new(&wrong);
    let refused = reseal(&place.crypto, &place.dir, &wrong, &by_passphrase);
    assert!(matches!(refused, Err(SealError::WrongPassphrase)));
    assert_eq!(place.files(), before);
}

#[test]
fn keys_derived_from_the_root_are_told_apart() {
    let place = Place::new();
    let root = place.create(&place.key_seal()).unwrap();
    let key = |label: &[u8], context: &[u8]| root.derive(&place.crypto, label, context).unwrap();
    assert!(key(b"a", b"1").ct_eq(&key(b"a", b"1")));
    assert!(!key(b"a", b"1").ct_eq(&key(b"b", b"1")));
    assert!(!key(b"a", b"1").ct_eq(&key(b"a", b"2")));
}

#[test]
fn errors_tell_where_and_what_next() {
    let place = Place::new();
    let seal = place.key_seal();
    place.create(&seal).unwrap();
    fs::remove_file(seal.path()).unwrap();
    let text = place.unseal(&seal).err().unwrap().to_string();
    assert!(text.contains("data.key is missing: put it back"), "{text}");
    let text = place.create(&seal).err().unwrap().to_string();
    assert!(text.contains("seal.json holds a root key already: use another"), "{text}");
}

#[test]
fn the_anchor_refuses_an_old_copy() {
    let place = Place::new();
    let root = place.create(&place.key_seal()).unwrap();
    let anchor = place.anchor(&root).unwrap();
    assert!(anchor.is_first());
    anchor.check(0, 0).unwrap();
    anchor.record(10, 200).unwrap();
    anchor.record(9, 250).unwrap();
    let anchor = place.anchor(&root).unwrap();
    assert!(!anchor.is_first());
    anchor.check(10, 250).unwrap();
    anchor.check(11, 251).unwrap();
    for (revision, sequence, expected) in
        [(9, 250, ("store revision", 9, 10)), (10, 249, ("journal sequence", 249, 250))]
    {
        match anchor.check(revision, sequence) {
            Err(AnchorError::RolledBack { what, found, seen, .. }) => {
                assert_eq!((what, found, seen), expected);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(mode(&place.within.path().join("data.anchor")), 0o600);
    assert_eq!(place.files().len(), 3);
}

#[test]
fn an_altered_or_foreign_anchor_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    let root = place.create(&place.key_seal()).unwrap();
    let other_root = other.create(&other.key_seal()).unwrap();
    place.anchor(&root).unwrap().record(10, 20).unwrap();
    let path = place.within.path().join("data.anchor");
    let good = fs::read(&path).unwrap();
    let refused = || matches!(place.anchor(&root), Err(AnchorError::Altered { .. }));
    for field in ["version", "revision", "journal_sequence"] {
        fs::write(&path, &good).unwrap();
        place.edit(&path, |a| a[field] = (a[field].as_u64().unwrap() - 1).into());
        assert!(refused(), "{field}");
    }
    fs::write(&path, &good).unwrap();
    place.edit(&path, |a| flip(&mut a["mac"]));
    assert!(refused());
    fs::write(&path, "{").unwrap();
    assert!(refused());
    other.anchor(&other_root).unwrap().record(99, 99).unwrap();
    fs::copy(other.within.path().join("data.anchor"), &path).unwrap();
    assert!(refused());
}

#[test]
fn an_anchor_that_a_power_cut_emptied_has_seen_nothing() {
    let place = Place::new();
    let root = place.create(&place.key_seal()).unwrap();
    fs::write(place.within.path().join("data.anchor"), "").unwrap();
    let anchor = place.anchor(&root).unwrap();
    assert!(anchor.is_first());
    anchor.record(1, 1).unwrap();
    assert!(!place.anchor(&root).unwrap().is_first());
}

#[test]
fn an_anchor_that_cannot_be_written_says_so_and_tries_again() {
    let place = Place::new();
    let root = place.create(&place.key_seal()).unwrap();
    let anchor = place.anchor(&root).unwrap();
    let path = place.within.path().join("data.anchor");
    fs::create_dir(&path).unwrap();
    assert!(matches!(anchor.record(5, 5), Err(AnchorError::File(_))));
    fs::remove_dir(&path).unwrap();
    anchor.record(5, 5).unwrap();
    assert!(place.anchor(&root).unwrap().check(4, 5).is_err());
}

#[test]
fn what_lies_beside_a_directory_is_named_after_it() {
    let place = Place::new();
    let beside = |dir: PathBuf| KeyFileSeal::beside(&dir).map(|seal| seal.path().to_path_buf());
    let key = place.within.path().join("data.key");
    assert_eq!(beside(place.dir.join("")).unwrap(), key);
    fs::create_dir(place.dir.join("sub")).unwrap();
    let same_file = |path: PathBuf| path.canonicalize().unwrap_or(path);
    let found = beside(place.dir.join("sub/..")).unwrap();
    assert_eq!(same_file(found).file_name(), key.file_name());
    assert!(matches!(beside(PathBuf::from("/")), Err(SealError::NoPlaceBeside { .. })));
}

proptest! {
    #[test]
    fn no_altered_byte_yields_another_root(at: prop::sample::Index, change in 1..=255_u8) {
        let place = Place::new();
        let seal = place.key_seal();
        let root = place.create(&seal).unwrap();
        let mut text = fs::read(place.header()).unwrap();
        let at = at.index(text.len());
        text[at] ^= change;
        fs::write(place.header(), &text).unwrap();
        // White space and the case of digits mean nothing; all else is refused.
        let before = text[at] ^ change;
        match place.unseal(&seal) {
            Ok(opened) => {
                prop_assert!(same(&root, &opened));
                let blank = before.is_ascii_whitespace() && text[at].is_ascii_whitespace();
                prop_assert!(blank || before.eq_ignore_ascii_case(&text[at]));
            }
            Err(SealError::Crypto(error)) => prop_assert!(false, "{}", error),
            Err(_) => {}
        }
    }

    #[test]
    fn any_header_is_refused_without_a_fault(text: Vec<u8>) {
        let place = Place::new();
        fs::write(place.header(), &text).unwrap();
        let refused = place.unseal(&place.key_seal());
        let malformed = matches!(refused, Err(SealError::MalformedHeader { .. }));
        prop_assert!(malformed);
    }
}
