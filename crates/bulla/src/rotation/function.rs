//! Functions that rotate secrets, called as AWS calls them.

use bulla_lambda::{Invoked, Lambda, Service};
use bulla_plane::Call;
use bulla_secrets::{Failure, StepOf};
use bulla_shapes::Fault;
use serde_json::{Value, json};

use super::desk::place;

/// Secrets Manager, as functions' policies name it.
const PRINCIPAL: &str = "secretsmanager.amazonaws.com";
/// How much of the name of a function's error is told.
const MAX_KIND: usize = 64;

/// Whether a rotator's ARN is a function's.
pub(super) fn is_one(rotator: &str) -> bool {
    rotator.split(':').nth(2) == Some("lambda")
}

fn service(secret: &str) -> Service<'_> {
    let source_account = place(secret).map_or("", |(_, account)| account);
    Service { principal: PRINCIPAL, source_arn: secret, source_account }
}

/// Whether the function's policy lets Secrets Manager call it for a secret. Whoever asks for the
/// rotation must be allowed to call it too (API reference, RotateSecret).
pub(super) async fn may_invoke(
    lambda: &Lambda,
    call: &Call,
    function: &str,
    secret: &str,
) -> Result<bool, Fault> {
    if !lambda.may_be_invoked_by(function, service(secret)).await? {
        return Ok(false);
    }
    lambda.permit_caller(call, function).await?;
    Ok(true)
}

/// Has a function carry out a step (user guide, "Lambda rotation functions").
pub(super) async fn carry_out(
    lambda: &Lambda,
    function: &str,
    of: StepOf<'_>,
) -> Result<(), Failure> {
    let step = of.step.name();
    let event = json!({ "Step": step, "SecretId": of.secret, "ClientRequestToken": of.token });
    let event = event.to_string().into_bytes();
    match lambda.invoke_for_service(function, service(of.secret), event).await {
        Ok(Invoked { function_error: None, .. }) => Ok(()),
        Ok(Invoked { payload, .. }) => {
            let kind = kind(&payload);
            Err(Failure(format!("the function {function} failed in the step {step}: {kind}")))
        }
        Err(fault) => {
            let text = format!("the function {function} can't be called: {fault}");
            Err(Failure(text))
        }
    }
}

/// What a function calls its error. Its message is not told: it may hold anything, the secret too.
fn kind(payload: &[u8]) -> String {
    let error: Value = serde_json::from_slice(payload).unwrap_or_default();
    let kind = error.get("errorType").and_then(Value::as_str).unwrap_or("an unknown error");
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || " ._".contains(*letter);
    kind.chars().filter(plain).take(MAX_KIND).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_error_its_name_alone_is_told() {
        let error = br#"{"errorType":"Sandbox.Timedout","errorMessage":"hush"}"#;
        assert_eq!(kind(error), "Sandbox.Timedout");
        let long = json!({ "errorType": format!("a\n<{}>", "b".repeat(99)) }).to_string();
        assert_eq!(kind(long.as_bytes()), format!("a{}", "b".repeat(63)));
        assert_eq!(kind(b"nonsense"), "an unknown error");
    }

    #[test]
    fn functions_are_told_from_rotators_of_the_house() {
        assert!(is_one("arn:aws:lambda:eu-central-1:111122223333:function:f"));
        assert!(!is_one("arn:aws:secretsmanager:eu-central-1::rotator:postgresql"));
    }
}
