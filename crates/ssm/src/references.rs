//! References to secrets: `/aws/reference/secretsmanager/<secret>[:<version or stage>]`.
//!
//! The order of the checks is AWS's (recorded): the selector, the permission for the reference, the
//! wish to decrypt, the secret. Secrets Manager is asked on behalf of the caller, who needs its
//! permissions as well.

mod source;

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::secretsmanager::{self, GetSecretValueRequest, GetSecretValueResponse};
use bulla_shapes::ssm::Parameter;
use bulla_shapes::{Fault, View};

use crate::name::{self, SECRETS};
use crate::secure::VIA;
use crate::{Ssm, fault};

const UNDECRYPTED: &str =
    "WithDecryption flag must be True for retrieving a Secret Manager secret.";

/// A reference as a request names it.
pub(crate) struct Reference {
    /// The name as the request has it, without selector; the answer has it too.
    shown: String,
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
        let (secret, selector) = match rest.split_once(':') {
            None => (rest, None),
            Some((secret, selector)) if !selector.is_empty() && !selector.contains(':') => {
                (secret, Some(selector.to_owned()))
            }
            Some(_) => return Err(name::misformed_selector()),
        };
        let shown = text.split(':').next().unwrap_or(text).to_owned();
        Ok(Some(Self { shown, secret: secret.to_owned(), selector }))
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
    pub(crate) async fn resolve(
        &self,
        ssm: &Ssm,
        call: &mut Call,
        decrypt: bool,
    ) -> Result<Parameter<'static>, Stop> {
        if !decrypt {
            return Err(fault::validation(UNDECRYPTED).into());
        }
        if self.secret.is_empty() {
            return Err(dependency().into());
        }
        let model = &secretsmanager::SERVICE;
        let asked = self.request().into_record();
        let answer = ssm.neighbours.call(call, VIA, model, "GetSecretValue", asked).await;
        let answer = answer.map_err(|refused| self.refusal(&refused))?;
        let answer = GetSecretValueResponse::from_record(answer.ok_or_else(fault::internal)?);
        self.parameter(&answer)
    }

    /// A selector in the form of a UUID is a version's id, any other a staging label (recorded).
    fn request(&self) -> GetSecretValueRequest<'_> {
        let request = GetSecretValueRequest::new().with_secret_id(self.secret.as_str());
        match self.selector.as_deref() {
            None => request,
            Some(id) if is_uuid(id) => request.with_version_id(id),
            Some(stage) => request.with_version_stage(stage),
        }
    }

    fn parameter(&self, answer: &GetSecretValueResponse<'_>) -> Result<Parameter<'static>, Stop> {
        let selector = self.selector.as_ref().map(|selector| format!(":{selector}"));
        let given = |member: Option<&str>| member.map(str::to_owned).ok_or_else(fault::internal);
        let created_ms = answer.created_date().ok_or_else(fault::internal)?;
        Ok(Parameter::new()
            .with_name(self.shown.clone())
            .with_type("SecureString")
            .with_some(answer.secret_string().map(str::to_owned), Parameter::with_value)
            .with_version(0)
            .with_some(selector, Parameter::with_selector)
            .with_source_result(source::result(answer, created_ms)?)
            .with_last_modified_date(created_ms)
            .with_arn(given(answer.arn())?))
    }

    /// A refusal of Secrets Manager as it is passed on (recorded).
    fn refusal(&self, refused: &Fault) -> Fault {
        match &*refused.code {
            "ResourceNotFoundException" => {
                let selector = self.selector.as_ref().map(|selector| format!(":{selector}"));
                let text = format!(
                    "An error occurred (ParameterNotFound) when referencing Secrets Manager: \
                     Secret {}{}{} not found.",
                    name::path(SECRETS),
                    self.secret,
                    selector.as_deref().unwrap_or("null"),
                );
                fault::named("ParameterNotFound", text)
            }
            "InvalidRequestException" => fault::validation("Invalid Request to Secrets Manager"),
            _ if refused.status >= 500 => fault::internal(),
            _ => dependency(),
        }
    }
}

fn dependency() -> Fault {
    fault::validation("An error occurred while calling one AWS dependency service.")
}

/// Whether a text has the form of a UUID (RFC 9562, section 4).
fn is_uuid(text: &str) -> bool {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups = || text.split('-');
    groups().map(str::len).eq(LENGTHS)
        && groups().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
