//! Values, each sealed under a data key of its own (user guide, "Secret encryption and
//! decryption").
//!
//! KMS gives the data key on behalf of the caller, bound to the secret's ARN and the version's id.
//! The value is sealed with it by AES-256-GCM, bound to the same again. Without KMS's leave, today
//! and on every reading, nothing opens.

use bulla_crypto::{NONCE_LEN, SecretBytes, SecretKey, ct_eq};
use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bulla_store::Opened;

use crate::record::SecretRecord;
use crate::{Secrets, fault};

/// The version of what a value's row holds.
const FORMAT: u8 = 1;
/// The names of what a data key is bound to.
const ARN: &str = "SecretARN";
const VERSION: &str = "SecretVersionId";
/// The version id of the data key that only shows whether a KMS key can be used.
const TRIAL: &str = "RequestToValidateKeyAccess";

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
}

/// A value in clear.
pub(crate) struct Value {
    pub(crate) kind: Kind,
    pub(crate) bytes: SecretBytes,
}

impl Value {
    /// Whether two values are the same; the time it takes says nothing of their bytes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind && ct_eq(self.bytes.expose(), other.bytes.expose())
    }
}

/// A value's row: format, kind, length of the wrapped data key in two bytes, wrapped data key,
/// nonce, ciphertext with tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed(Box<[u8]>);

/// The parts of a value's row.
struct Parts<'s> {
    kind: Kind,
    data_key: &'s [u8],
    nonce: &'s [u8; NONCE_LEN],
    ciphertext: &'s [u8],
}

impl Sealed {
    /// Takes a row for what it is.
    pub(crate) fn read(row: &Opened) -> Result<Self, Stop> {
        Self::of(row.value.expose())
    }

    /// Takes the content of a row for what it is.
    pub(crate) fn of(row: &[u8]) -> Result<Self, Stop> {
        let sealed = Self(row.into());
        match sealed.parts() {
            Some(_) => Ok(sealed),
            None => Err(unreadable()),
        }
    }

    /// The row.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let (&[format, kind, high, low], rest) = self.0.split_first_chunk()?;
        let kind = match (format, kind) {
            (FORMAT, 0) => Kind::Text,
            (FORMAT, 1) => Kind::Binary,
            _ => return None,
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (data_key, rest) = rest.split_at_checked(length)?;
        let (nonce, ciphertext) = rest.split_first_chunk()?;
        Some(Parts { kind, data_key, nonce, ciphertext })
    }
}

/// Who gives the data key of a value.
#[derive(Clone, Copy)]
pub(crate) enum Giver {
    /// KMS, in the secret's own region.
    Kms,
    /// We, and KMS encrypts it: so it is for a secret of another account, under whose key whoever
    /// replicates may encrypt, and no more (user guide, "How Secrets Manager authorizes
    /// cross-account replication").
    Us,
}

fn unreadable() -> Stop {
    tracing::error!("a stored secret value does not read");
    Stop::Internal
}

impl Secrets {
    /// Seals a value under a new data key, which stands in the row as the secret's KMS key wrapped
    /// it.
    pub(crate) async fn seal(
        &self,
        giver: Giver,
        call: &mut Call,
        record: &SecretRecord,
        (version, value): (&str, &Value),
    ) -> Result<Sealed, Stop> {
        let arn = record.arn();
        let context = [(ARN, arn.as_str()), (VERSION, version)];
        let (key, wrapped) = match giver {
            Giver::Kms => {
                let home = std::mem::replace(&mut call.region, record.region.clone());
                let given = self.keys.data_key(call, record.key_name(), &context).await;
                call.region = home;
                let given = given.map_err(|refused| refusal(refused, fault::encryption))?;
                (SecretKey::from_slice(given.plaintext.expose())?, given.ciphertext)
            }
            Giver::Us => {
                let key = self.crypto.generate_key()?;
                let named = record.key_arn();
                let given = self.keys.encrypt(call, &named, &context, key.expose()).await;
                let given = given.map_err(|refused| refusal(refused, fault::encryption))?;
                (key, given.ciphertext)
            }
        };
        let nonce = self.crypto.random::<NONCE_LEN>()?;
        let length = u16::try_from(wrapped.len()).map_err(|_| unreadable())?;
        let kind = u8::from(value.kind == Kind::Binary);
        let [high, low] = length.to_be_bytes();
        let mut row = vec![FORMAT, kind, high, low];
        row.extend_from_slice(&wrapped);
        row.extend_from_slice(&nonce);
        let bound = bound_to(&arn, version, kind);
        self.crypto.seal(&key, &nonce, &bound, value.bytes.expose(), &mut row)?;
        Ok(Sealed(row.into()))
    }

    /// Opens a value, if KMS lets the caller.
    pub(crate) async fn open(
        &self,
        call: &mut Call,
        record: &SecretRecord,
        version: &str,
        sealed: &Sealed,
    ) -> Result<Value, Stop> {
        let Some(parts) = sealed.parts() else { return Err(unreadable()) };
        let arn = record.arn();
        let context = [(ARN, arn.as_str()), (VERSION, version)];
        let home = std::mem::replace(&mut call.region, record.region.clone());
        let given = self.keys.decrypt(call, &context, parts.data_key).await;
        call.region = home;
        let given = given.map_err(|refused| refusal(refused, fault::decryption))?;
        let key = SecretKey::from_slice(given.expose())?;
        let bound = bound_to(&arn, version, u8::from(parts.kind == Kind::Binary));
        let bytes = self.crypto.open(&key, parts.nonce, &bound, parts.ciphertext)?;
        Ok(Value { kind: parts.kind, bytes })
    }

    /// Whether the caller can use the secret's KMS key both ways, which is asked whenever a secret
    /// gets another.
    pub(crate) async fn try_key(&self, call: &mut Call, record: &SecretRecord) -> Result<(), Stop> {
        let arn = record.arn();
        let context = [(ARN, arn.as_str()), (VERSION, TRIAL)];
        let home = std::mem::replace(&mut call.region, record.region.clone());
        let tried = self.tried(call, record.key_name(), &context).await;
        call.region = home;
        tried
    }

    /// Whether the caller may encrypt with the secret's KMS key. Without that, versions that are
    /// there stay under the key that they have, and no replica is made under it (API reference,
    /// UpdateSecret and ReplicateSecretToRegions).
    pub(crate) async fn may_encrypt(
        &self,
        call: &mut Call,
        record: &SecretRecord,
    ) -> Result<bool, Stop> {
        let arn = record.arn();
        let context = [(ARN, arn.as_str()), (VERSION, TRIAL)];
        let home = std::mem::replace(&mut call.region, record.region.clone());
        let tried = self.keys.could_encrypt(call, record.key_name(), &context).await;
        call.region = home;
        match tried {
            Ok(()) => Ok(true),
            Err(refused) if refused.code == "AccessDeniedException" => Ok(false),
            Err(refused) => Err(refusal(refused, fault::encryption)),
        }
    }

    /// Whether the caller could replicate a value from one account's secret to another's, as far
    /// as their keys go: a dry run of each.
    pub(crate) async fn could_replicate(
        &self,
        call: &mut Call,
        from: (&SecretRecord, &str, &Sealed),
        to: &SecretRecord,
    ) -> Result<(), Stop> {
        let (record, version, sealed) = from;
        let Some(parts) = sealed.parts() else { return Err(unreadable()) };
        let arn = record.arn();
        let context = [(ARN, arn.as_str()), (VERSION, version)];
        let tried = self.keys.could_decrypt(call, &context, parts.data_key).await;
        tried.map_err(|refused| refusal(refused, fault::invalid_request))?;
        let arn = to.arn();
        let context = [(ARN, arn.as_str()), (VERSION, TRIAL)];
        let tried = self.keys.could_encrypt(call, &to.key_arn(), &context).await;
        tried.map_err(|refused| refusal(refused, fault::invalid_request))
    }

    async fn tried(
        &self,
        call: &mut Call,
        key: &str,
        context: &[(&str, &str)],
    ) -> Result<(), Stop> {
        let given = self.keys.data_key(call, key, context).await;
        let given = given.map_err(|refused| refusal(refused, fault::encryption))?;
        let back = self.keys.decrypt(call, context, &given.ciphertext).await;
        let back = back.map_err(|refused| refusal(refused, fault::decryption))?;
        if back.ct_eq(given.plaintext.expose()) { Ok(()) } else { Err(unreadable()) }
    }
}

/// What a ciphertext is bound to: ARN and version id, which hold no zero byte, and the kind.
fn bound_to(arn: &str, version: &str, kind: u8) -> Vec<u8> {
    [arn.as_bytes(), &[0], version.as_bytes(), &[0, kind]].concat()
}

/// What a caller hears of a refusal of KMS: no more than that where it lacks permission, KMS's own
/// text where something is wrong with the key.
fn refusal(refused: Fault, failure: impl FnOnce(String) -> Fault) -> Stop {
    if refused.status >= 500 {
        return Stop::Internal;
    }
    match refused.code.as_ref() {
        "AccessDeniedException" => fault::access_to_kms().into(),
        "ThrottlingException" => refused.into(),
        code => {
            let text = refused.message.as_deref().unwrap_or_default();
            failure(format!("{text} (Service: AWSKMS; Status Code: {}; Error Code: {code})", {
                refused.status
            }))
            .into()
        }
    }
}
