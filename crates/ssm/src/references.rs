//! References to secrets: `/aws/reference/secretsmanager/<secret>[:<version or stage>]`.
//!
//! The order of the checks is AWS's (recorded): the selector, the permission for the reference, the
//! wish to decrypt, the secret. Secrets Manager is not among the services yet, so that every secret
//! is one that is not there. It will be asked like KMS, as a neighbour on behalf of the caller.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_shapes::Fault;
use bulla_shapes::ssm::Parameter;

use crate::conditions::RequestKeys;
use crate::fault;
use crate::name::{self, SECRETS};

/// A reference as a request names it.
pub(crate) struct Reference {
    /// The secret's name.
    secret: String,
    /// The colon and what stands behind it.
    selector: Option<String>,
}

impl Reference {
    /// The reference of a name, if it is one.
    pub(crate) fn of(text: &str) -> Result<Option<Self>, Fault> {
        let led = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
        let Some(rest) = led.strip_prefix(SECRETS) else { return Ok(None) };
        match rest.split_once(':') {
            None => Ok(Some(Self { secret: rest.to_owned(), selector: None })),
            Some((secret, selector)) if !selector.is_empty() && !selector.contains(':') => {
                let selector = Some(format!(":{selector}"));
                Ok(Some(Self { secret: secret.to_owned(), selector }))
            }
            Some(_) => Err(name::misformed_selector()),
        }
    }

    /// Asks for permission on the reference itself.
    pub(crate) fn permit(&self, call: &mut Call, action: &str) -> Result<(), Fault> {
        let path = format!("{}{}", name::path(SECRETS), self.secret);
        let arn = name::arn(call, call.account(), &path);
        permit_account(call, action, &arn, &RequestKeys::none())?;
        let account = call.account().to_owned();
        call.touched(&arn, &account, "");
        Ok(())
    }

    /// The secret as a parameter.
    pub(crate) async fn resolve(&self, decrypt: bool) -> Result<Parameter<'static>, Stop> {
        if !decrypt {
            let text = "WithDecryption flag must be True for retrieving a Secret Manager secret.";
            return Err(fault::validation(text).into());
        }
        let selector = self.selector.as_deref().unwrap_or("null");
        let text = format!(
            "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret \
             {}{}{selector} not found.",
            name::path(SECRETS),
            self.secret
        );
        Err(fault::named("ParameterNotFound", text).into())
    }
}
