//! Secure strings: what they are encrypted to, and read from again (user guide, "How Parameter
//! Store uses KMS").
//!
//! A standard one is what KMS's Encrypt gives; an advanced one is a message of the AWS Encryption
//! SDK. Both are bound to the parameter's ARN, and both are made with the caller's own permission
//! for the key.

use base64_simd::STANDARD as BASE64;
use bulla_crypto::SecretBytes;
use bulla_plane::pipeline::id_text;
use bulla_plane::{Call, Stop, Via};
use bulla_shapes::Fault;

use crate::record::{Content, Kind, Tier, Version};
use crate::{Ssm, fault, message};

/// The key of secure strings whose requests name none.
pub(crate) const DEFAULT_KEY: &str = "alias/aws/ssm";
/// How Parameter Store calls KMS.
pub(crate) const VIA: Via = Via { service: "ssm", recorded: "AWS Internal" };
/// What a ciphertext is bound to.
const ARN: &str = "PARAMETER_ARN";

impl Ssm {
    /// Encrypts a value for a parameter, under a key as the caller names it.
    pub(crate) async fn encrypt(
        &self,
        call: &mut Call,
        (key, tier): (&str, Tier),
        arn: &str,
        value: &str,
    ) -> Result<Content, Stop> {
        let context = [(ARN, arn)];
        let bytes = match tier {
            Tier::Standard => {
                let encrypted = self.keys.encrypt(call, key, &context, value.as_bytes()).await;
                encrypted.map_err(|refused| forwarded(call, refused))?.ciphertext
            }
            Tier::Advanced => message::seal(self, call, key, &context, value.as_bytes()).await?,
        };
        Ok(Content::new(BASE64.encode_to_string(bytes)))
    }

    /// A version's value as it is answered: what a secure string is encrypted to, unless it is to
    /// be decrypted.
    pub(crate) async fn value(
        &self,
        call: &mut Call,
        arn: &str,
        version: &Version,
        decrypt: bool,
    ) -> Result<String, Stop> {
        let content = version.content.expose();
        if version.kind != Kind::SecureString || !decrypt {
            return Ok(content.to_owned());
        }
        let bytes = BASE64.decode_to_vec(content).map_err(|_| unreadable())?;
        let context = [(ARN, arn)];
        let value = match version.tier {
            Tier::Standard => {
                let decrypted = self.keys.decrypt(call, &context, &bytes).await;
                decrypted.map_err(|refused| forwarded(call, refused))?
            }
            Tier::Advanced => message::open(self, call, &context, &bytes).await?,
        };
        text(value)
    }
}

fn text(value: SecretBytes) -> Result<String, Stop> {
    String::from_utf8(value.into_vec()).map_err(|_| unreadable())
}

pub(crate) fn unreadable() -> Stop {
    tracing::error!("what a secure string was encrypted to does not read");
    fault::internal().into()
}

/// A refusal of KMS as Parameter Store passes it on (recorded by users): its text, with where it
/// came from. Denials keep their code; whatever else is wrong is wrong with the key.
pub(crate) fn forwarded(call: &Call, refused: Fault) -> Fault {
    if refused.status >= 500 {
        return fault::internal();
    }
    let (code, id) = (refused.code.into_owned(), id_text(call.request_id));
    let text = refused.message.unwrap_or_default();
    let text = format!(
        "{text} (Service: AWSKMS; Status Code: {}; Error Code: {code}; Request ID: {id}; Proxy: \
         null)",
        refused.status
    );
    match code.as_str() {
        "AccessDeniedException" => fault::access_denied(text),
        "ThrottlingException" => Fault::new(code, 400).with_message(text),
        _ => fault::named("InvalidKeyId", text),
    }
}
