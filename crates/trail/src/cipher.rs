//! Files under a trail's KMS key: what S3 does by SSE-KMS, where no S3 is in between.
//!
//! CloudTrail asks KMS for a data key for each file, as itself: the key's policy must let it, and
//! can hold it to the trail by the encryption context and by `aws:SourceArn`. The file becomes a
//! message of the AWS Encryption SDK, which whoever may call `kms:Decrypt` reads with any of them,
//! or with `bulla decrypt`. What is hashed and signed is what is in it.

use std::sync::{Arc, Mutex, PoisonError};

use bulla_envelope::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use bulla_envelope::{BoxFuture, Committing, EncryptionContext, Envelope, SecretBytes};
use bulla_plane::identity::{Authority, ConditionValue};
use bulla_plane::key_service::{DataKey, KeyService};
use bulla_plane::{Call, Neighbours, Stop, Via};
use bulla_policy::Principal;
use bulla_shapes::{Fault, cloudtrail};

use crate::place::{Object, PutError};
use crate::records::TrailRecord;
use crate::{Trail, fault};

const PRINCIPAL: &str = "cloudtrail.amazonaws.com";
const VIA: Via = Via { service: "cloudtrail", recorded: PRINCIPAL };
/// What data keys are bound to (CloudTrail guide, "How AWS CloudTrail uses AWS KMS").
const CONTEXT: &str = "aws:cloudtrail:arn";
/// What an encrypted data key of KMS calls its provider.
const PROVIDER: &str = "aws-kms";

/// KMS, as CloudTrail calls it.
pub(crate) struct Keys {
    neighbours: Arc<Neighbours>,
    kms: KeyService,
}

impl Keys {
    pub(crate) fn new(neighbours: Arc<Neighbours>) -> Self {
        let kms = KeyService::new(Arc::clone(&neighbours), VIA);
        Self { neighbours, kms }
    }

    /// A data key for a trail, under the key with this ARN. The call is recorded.
    async fn data_key(
        &self,
        trail: &TrailRecord,
        key: &str,
        now_ms: i64,
    ) -> Result<DataKey, Fault> {
        let arn = trail.arn();
        let one =
            |name: &str, value: &str| (name.to_owned(), ConditionValue::One(value.to_owned()));
        let authority = Authority {
            conditions: vec![one("aws:sourceaccount", &trail.account), one("aws:sourcearn", &arn)],
            ..Authority::bare(Principal::service(PRINCIPAL))
        };
        let region = key.split(':').nth(3).unwrap_or_default();
        let model = &cloudtrail::SERVICE;
        let mut call = self.neighbours.house_call(model, Arc::new(authority), region, now_ms)?;
        let given = self.kms.data_key(&mut call, key, &[(CONTEXT, &arn)]).await;
        self.neighbours.settle(call).await?;
        given
    }

    /// Whether there is no such key, as far as whoever calls CloudTrail may know: to CloudTrail
    /// itself, KMS does not tell a key that is not there from one that it may not use.
    async fn is_missing(&self, call: &mut Call, key: &str) -> bool {
        let told = self.kms.describe(call, key).await;
        told.is_err_and(|refused| refused.code == "NotFoundException")
    }
}

impl Trail {
    /// The ARN of the key that a trail's files are to be encrypted with, once CloudTrail can use
    /// it; none where none is named.
    pub(crate) async fn key_of(
        &self,
        call: &mut Call,
        trail: &TrailRecord,
        given: Option<&str>,
    ) -> Result<Option<String>, Stop> {
        let Some(given) = given.filter(|key| !key.is_empty()) else { return Ok(None) };
        let Some(keys) = &self.keys else {
            return Err(fault::unsupported("Encryption of log files with a KMS key").into());
        };
        let key = named(trail, given)?;
        match keys.data_key(trail, &key, call.now_ms).await {
            Ok(given) => Ok(Some(given.key_arn)),
            Err(_) if keys.is_missing(call, &key).await => Err(fault::unknown_key(&key).into()),
            Err(refused) => Err(refusal(&refused, &trail.bucket, &key).into()),
        }
    }

    /// An object as it is put: encrypted, if the trail has a key and the place does not see to it.
    pub(crate) async fn sealed(
        &self,
        trail: &TrailRecord,
        mut object: Object,
    ) -> Result<Object, PutError> {
        let Some(key) = &trail.kms_key else { return Ok(object) };
        object.kms_key = Some(key.clone());
        if self.place.encrypts() {
            return Ok(object);
        }
        let failed = |error: &dyn std::fmt::Display| {
            PutError(format!("the file can't be encrypted under {key}: {error}"))
        };
        let keys = self.keys.as_ref().ok_or_else(|| failed(&"there is no KMS here"))?;
        let given = keys.data_key(trail, key, self.clock.now_ms()).await;
        let given = given.map_err(|refused| {
            failed(&format!("{}: {}", refused.code, refused.told().unwrap_or_default()))
        })?;
        let context = EncryptionContext::from_pairs([(CONTEXT, trail.arn())]);
        let context = context.map_err(|error| failed(&error))?;
        // No signature: so the encryption context is what KMS was told, and nothing else.
        let envelope = Envelope::new(Given(Mutex::new(Some(given)))).suite(Committing::Unsigned);
        let sealed = envelope.encrypt(&object.body, &context).await;
        object.body = sealed.map_err(|error| failed(&error))?;
        Ok(object)
    }
}

/// The ARN of what a request names: an id or alias is one of the trail's account and region.
fn named(trail: &TrailRecord, given: &str) -> Result<String, Fault> {
    let is_arn = given.starts_with("arn:");
    let is_known = |letter: char| letter.is_ascii_alphanumeric() || "/_-".contains(letter);
    if is_arn && given.split(':').nth(2) == Some("kms") && given.split(':').count() == 6 {
        return Ok(given.to_owned());
    }
    if is_arn || !given.chars().all(is_known) {
        return Err(fault::key_id(given));
    }
    let TrailRecord { partition, home, account, .. } = trail;
    let rest = if given.starts_with("alias/") { given.to_owned() } else { format!("key/{given}") };
    Ok(format!("arn:{partition}:kms:{home}:{account}:{rest}"))
}

/// What KMS's refusal is to whoever makes or changes a trail.
fn refusal(refused: &Fault, bucket: &str, key: &str) -> Fault {
    match refused.code.as_ref() {
        "AccessDeniedException" => fault::encryption_policy(bucket, key),
        "InvalidArnException" | "ValidationException" => fault::key_id(key),
        _ => fault::key(key, refused.told().unwrap_or_default()),
    }
}

/// Gives the one data key that it was made with.
struct Given(Mutex<Option<DataKey>>);

impl Keyring for Given {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        let key = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            let key = key.ok_or(KeyringError::NothingFits)?;
            task.set_data_key(key.plaintext)?;
            task.push_parts(PROVIDER, key.key_arn.into_bytes(), key.ciphertext)
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        _task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        Box::pin(std::future::ready(Err(KeyringError::NothingFits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_in_each_of_awss_ways() {
        let trail = TrailRecord {
            account: "111122223333".to_owned(),
            partition: "aws".to_owned(),
            home: "eu-west-1".to_owned(),
            name: "main".to_owned(),
            bucket: "trail-bkt".to_owned(),
            prefix: None,
            global: true,
            multi_region: false,
            validation: true,
            kms_key: None,
            tags: Vec::new(),
            selectors: None,
        };
        let begin = "arn:aws:kms:eu-west-1:111122223333:";
        for (given, rest) in [("alias/app", "alias/app"), ("1111-22", "key/1111-22")] {
            assert_eq!(named(&trail, given).unwrap(), format!("{begin}{rest}"));
        }
        let foreign = "arn:aws:kms:eu-west-1:444455556666:key/1";
        assert_eq!(named(&trail, foreign).unwrap(), foreign);
        for bad in ["arn:aws:s3:::bucket", "arn:aws:kms", "a b", "k\u{e9}y"] {
            assert_eq!(named(&trail, bad).unwrap_err().code, "InvalidKmsKeyIdException");
        }
    }
}
