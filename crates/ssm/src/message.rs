//! Advanced secure strings: messages of the AWS Encryption SDK, format 1, suite 03 78.
//!
//! A message's keyring lives longer than a call, and the call to KMS needs the call that it is made
//! for. So the keyring only passes on what it is asked, and whoever drives the message asks KMS.

use std::num::NonZeroU16;

use bulla_crypto::SecretBytes;
use bulla_envelope::keyring::{Keyring, KeyringError, UnwrapTask, WrapTask};
use bulla_envelope::{
    BoxFuture, EncryptionContext, Envelope, Error, ForbidEncryptAllowDecrypt, Uncommitting,
};
use bulla_plane::key_service::DataKey;
use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use tokio::sync::{mpsc, oneshot};

use crate::secure::{forwarded, unreadable};
use crate::{Ssm, fault};

/// What an encrypted data key of KMS calls its provider.
const PROVIDER: &str = "aws-kms";
/// How many encrypted data keys a message here has.
const ONE_KEY: NonZeroU16 = NonZeroU16::MIN;

/// What KMS is asked, and where the answer goes; nowhere if it refuses.
enum Question {
    DataKey(Pairs, oneshot::Sender<DataKey>),
    Decrypt(Pairs, Vec<u8>, oneshot::Sender<SecretBytes>),
}

type Pairs = Vec<(String, String)>;

/// Passes on what it is asked.
struct Messenger(mpsc::UnboundedSender<Question>);

impl Messenger {
    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> Question,
    ) -> Result<T, KeyringError> {
        let refused = || KeyringError::Refused("KMS refused".to_owned());
        let (answer, answered) = oneshot::channel();
        self.0.send(question(answer)).map_err(|_| refused())?;
        answered.await.map_err(|_| refused())
    }
}

fn pairs(context: &EncryptionContext) -> Pairs {
    context.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

impl Keyring for Messenger {
    fn wrap_key<'a>(&'a self, task: &'a mut WrapTask) -> BoxFuture<'a, Result<(), KeyringError>> {
        Box::pin(async move {
            let context = pairs(task.context());
            let key = self.ask(|answer| Question::DataKey(context, answer)).await?;
            task.set_data_key(key.plaintext)?;
            task.push_parts(PROVIDER, key.key_arn.into_bytes(), key.ciphertext)
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        task: &'a UnwrapTask<'a>,
    ) -> BoxFuture<'a, Result<SecretBytes, KeyringError>> {
        Box::pin(async move {
            let mut keys = task.keys().iter().filter(|key| key.provider_id() == PROVIDER);
            let key = keys.next().ok_or(KeyringError::NothingFits)?;
            let (context, wrapped) = (pairs(task.context()), key.ciphertext().to_vec());
            self.ask(|answer| Question::Decrypt(context, wrapped, answer)).await
        })
    }
}

/// A message that holds a value.
pub(crate) async fn seal(
    ssm: &Ssm,
    call: &mut Call,
    key: &str,
    context: &[(&str, &str)],
    value: &[u8],
) -> Result<Vec<u8>, Stop> {
    let (envelope, questions) = envelope();
    let pairs = EncryptionContext::from_pairs(context.iter().copied()).map_err(|_| unreadable())?;
    let sealing = async move { envelope.encrypt(value, &pairs).await };
    driven(ssm, call, Some(key), questions, sealing).await
}

/// The value that a message holds.
pub(crate) async fn open(
    ssm: &Ssm,
    call: &mut Call,
    context: &[(&str, &str)],
    message: &[u8],
) -> Result<SecretBytes, Stop> {
    let (envelope, questions) = envelope();
    let pairs = EncryptionContext::from_pairs(context.iter().copied()).map_err(|_| unreadable())?;
    let opening = async move {
        let opened = envelope.decrypt(message, &pairs).await?;
        Ok(SecretBytes::new(opened.plaintext))
    };
    driven(ssm, call, None, questions, opening).await
}

type Questions = mpsc::UnboundedReceiver<Question>;

/// Frames are of 4,096 bytes (recorded), as the library has them.
fn envelope() -> (Envelope<ForbidEncryptAllowDecrypt>, Questions) {
    let (asking, questions) = mpsc::unbounded_channel();
    let envelope = Envelope::new(Messenger(asking))
        .with_policy::<ForbidEncryptAllowDecrypt>()
        .suite(Uncommitting::Aes256HkdfSha384EcdsaP384)
        .max_encrypted_data_keys(ONE_KEY);
    (envelope, questions)
}

/// Runs what works on a message to its end, and asks KMS in between.
async fn driven<T>(
    ssm: &Ssm,
    call: &mut Call,
    key: Option<&str>,
    mut questions: Questions,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Stop> {
    let mut refusal: Option<Fault> = None;
    let mut work = std::pin::pin!(work);
    let outcome = loop {
        tokio::select! {
            biased;
            Some(question) = questions.recv() => {
                refusal = asked(ssm, call, key, question).await.err();
            }
            outcome = &mut work => break outcome,
        }
    };
    match (outcome, refusal) {
        (Ok(done), _) => Ok(done),
        (Err(_), Some(refused)) => Err(forwarded(call, refused).into()),
        (Err(error), None) => {
            tracing::error!(%error, "a message of an advanced secure string failed");
            Err(fault::internal().into())
        }
    }
}

/// Asks KMS. One who no longer waits for the answer gets none.
async fn asked(
    ssm: &Ssm,
    call: &mut Call,
    key: Option<&str>,
    question: Question,
) -> Result<(), Fault> {
    let (Question::DataKey(pairs, _) | Question::Decrypt(pairs, ..)) = &question;
    let pairs = pairs.clone();
    let context: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (&**key, &**value)).collect();
    match question {
        Question::DataKey(_, answer) => {
            let key = key.ok_or_else(fault::internal)?;
            let _ = answer.send(ssm.keys.data_key(call, key, &context).await?);
        }
        Question::Decrypt(_, wrapped, answer) => {
            let _ = answer.send(ssm.keys.decrypt(call, &context, &wrapped).await?);
        }
    }
    Ok(())
}
