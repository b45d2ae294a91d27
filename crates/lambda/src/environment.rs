//! The variables of a function: checked, sealed, and opened.

use bulla_crypto::{NONCE_LEN, SecretBytes, SecretKey};
use bulla_plane::{Call, SecretText, Stop};
use bulla_shapes::Fault;
use bulla_shapes::StringMap;
use bulla_shapes::lambda::{EnvironmentError, EnvironmentResponse};

use crate::record::{self, Environment};
use crate::{Lambda, fault};

/// How many bytes all variables together have at most (user guide, "Quotas").
pub(crate) const MAX_BYTES: usize = 4 * 1_024;
/// What a data key is bound to (user guide, "Securing Lambda environment variables").
const CONTEXT: &str = "aws:lambda:FunctionArn";

/// The names that are Lambda's own (user guide, "Defined runtime environment variables").
const RESERVED: [&str; 20] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Variables, as a request brings them.
pub(crate) type Variables = Vec<(String, SecretText)>;

/// Checks what variables must fulfil.
pub(crate) fn checked(given: Option<StringMap<'_>>) -> Result<Variables, Fault> {
    let given = given.into_iter();
    let pairs: Variables = given
        .flat_map(|map| {
            map.iter().map(|(n, v)| (n.to_owned(), SecretText::from(v))).collect::<Vec<_>>()
        })
        .collect();
    let reserved: Vec<&str> = pairs
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| RESERVED.contains(name))
        .collect();
    if !reserved.is_empty() {
        return Err(fault::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment \
             variables you have provided contains reserved keys that are currently not supported \
             for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.expose().len()).sum();
    if bytes > MAX_BYTES {
        // AWS repeats all variables here. What may be secret stays out of ours.
        return Err(fault::env_too_large(&format!("{bytes} bytes")));
    }
    Ok(pairs)
}

impl Lambda {
    /// Variables as they are kept: under a key of KMS where the function has one.
    pub(crate) async fn seal(
        &self,
        call: &mut Call,
        arn: &str,
        key: Option<&str>,
        variables: Variables,
    ) -> Result<Option<Environment>, Stop> {
        if variables.is_empty() {
            return Ok(None);
        }
        let Some(key) = key else { return Ok(Some(Environment::Plain(variables))) };
        let given = self.keys.data_key(call, key, &[(CONTEXT, arn)]).await;
        let given = given.map_err(|refused| refused_key(&refused))?;
        let json = SecretBytes::new(record::bytes(&variables)?);
        let nonce = self.crypto.random::<NONCE_LEN>()?;
        let data_key = SecretKey::from_slice(given.plaintext.expose())?;
        let mut sealed = nonce.to_vec();
        self.crypto.seal(&data_key, &nonce, arn.as_bytes(), json.expose(), &mut sealed)?;
        Ok(Some(Environment::Sealed {
            key: given.key_arn,
            data_key: base64_simd::STANDARD.encode_to_string(&given.ciphertext),
            sealed: base64_simd::STANDARD.encode_to_string(&sealed),
        }))
    }

    /// The variables, if KMS lets whoever calls have them. The fault is KMS's own.
    pub(crate) async fn open(
        &self,
        call: &mut Call,
        arn: &str,
        environment: Option<&Environment>,
    ) -> Result<Result<Variables, Fault>, Stop> {
        let (data_key, sealed) = match environment {
            None => return Ok(Ok(Vec::new())),
            Some(Environment::Plain(variables)) => return Ok(Ok(variables.clone())),
            Some(Environment::Sealed { data_key, sealed, .. }) => (data_key, sealed),
        };
        let decode = |text: &str| {
            base64_simd::STANDARD.decode_to_vec(text).map_err(|_| {
                tracing::error!("stored variables of a function do not read");
                Stop::Internal
            })
        };
        let (data_key, sealed) = (decode(data_key)?, decode(sealed)?);
        let given = match self.keys.decrypt(call, &[(CONTEXT, arn)], &data_key).await {
            Ok(given) => given,
            Err(refused) if refused.status >= 500 => return Err(Stop::Internal),
            Err(refused) => return Ok(Err(refused)),
        };
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Stop::Internal)?;
        let key = SecretKey::from_slice(given.expose())?;
        let json = self.crypto.open(&key, nonce, arn.as_bytes(), ciphertext)?;
        Ok(Ok(record::read(json.expose())?))
    }

    /// The variables as answers show them; nothing where there are none.
    pub(crate) async fn shown(
        &self,
        call: &mut Call,
        arn: &str,
        environment: Option<&Environment>,
    ) -> Result<Option<EnvironmentResponse<'static>>, Stop> {
        if environment.is_none() {
            return Ok(None);
        }
        Ok(Some(match self.open(call, arn, environment).await? {
            Ok(variables) => {
                let pairs = variables.into_iter().map(|(name, text)| (name, text.into_exposed()));
                EnvironmentResponse::new().with_variables(pairs)
            }
            Err(refused) => {
                let text = refused.message.unwrap_or_default();
                let error = EnvironmentError::new()
                    .with_error_code(refused.code.into_owned())
                    .with_message(text.into_owned());
                EnvironmentResponse::new().with_error(error)
            }
        }))
    }
}

/// KMS refused to give a data key; a caller hears why (our words around KMS's).
fn refused_key(refused: &Fault) -> Stop {
    if refused.status >= 500 {
        return Stop::Internal;
    }
    let told = refused.message.as_deref().unwrap_or_default();
    let text = format!(
        "Lambda was unable to configure access to your environment variables because the KMS key \
         is invalid. Please check your KMS key settings. KMS Exception: {} KMS Message: {told}",
        refused.code
    );
    Stop::Fault(fault::invalid(text))
}

#[cfg(test)]
mod tests {
    use bulla_shapes::lambda::Environment as Given;

    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Result<Variables, Fault> {
        let view = Given::new().with_variables(pairs.iter().copied());
        checked(view.variables())
    }

    #[test]
    fn reserved_names_are_refused_by_name() {
        let refused = given(&[("A", "1"), ("AWS_REGION", "x"), ("_HANDLER", "y")]).err().unwrap();
        let text = refused.message.unwrap();
        assert!(text.ends_with("Reserved keys used in this request: AWS_REGION, _HANDLER"));
    }

    #[test]
    fn four_kibibytes_fit() {
        assert!(given(&[("A", &"x".repeat(MAX_BYTES - 1))]).is_ok());
        let refused = given(&[("A", &"secret-".repeat(600))]).err().unwrap();
        let text = refused.message.unwrap();
        assert!(text.contains("4KB limit") && !text.contains("secret"), "{text}");
    }
}
