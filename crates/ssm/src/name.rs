//! Names of parameters: what may be one, and how requests spell them.
//!
//! A name without any slash and the same name behind one slash are one parameter (recorded); the
//! answer spells it as the request did. What names a row and an ARN is the [`Name::path`].

use bulla_plane::Call;
use bulla_shapes::Fault;

use crate::fault;

/// The most parts that a name has (user guide, "Working with parameter hierarchies").
pub(crate) const MAX_LEVELS: usize = 15;
/// The most characters that a parameter's ARN has (API Reference, `PutParameter`).
const MAX_ARN_CHARACTERS: usize = 1_011;
/// Where references to secrets begin.
pub(crate) const SECRETS: &str = "/aws/reference/secretsmanager/";

const MISFORMED: &str = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If \
                         formed as a path, it can consist of sub-paths divided by slash symbol; \
                         each sub-path can be formed as a mix of letters, numbers and the \
                         following 3 symbols .-_";
const MISFORMED_PATH: &str = "The parameter doesn't meet the parameter name requirements. The \
                              parameter name must begin with a forward slash \"/\". It can't be \
                              prefixed with \\\"aws\\\" or \\\"ssm\\\" (case-insensitive). It \
                              must use only letters, numbers, or the following symbols: . \
                              (period), - (hyphen), _ (underscore). Special characters are not \
                              allowed. All sub-paths, if specified, must use the forward slash \
                              symbol \"/\". Valid example: /get/parameters2-/by1./path0_.";
const MISFORMED_SELECTOR: &str = "Invalid parameter name. Please use correct syntax for \
                                  referencing a version/label  <name>:<version/label>";
const SECRETS_ARN: &str = "Secrets manager ARN reference should not be passed in the \
                           GetParameter(s) request, please refer to \
                           https://docs.aws.amazon.com/systems-manager/latest/userguide/\
                           integration-ps-secretsmanager.html";

/// The name of a parameter that may exist, as a request spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// As it was sent, or as it is stored where it was named by ARN.
    pub(crate) spelling: String,
    /// Whether it was named by ARN, so that the answer must look up its spelling.
    pub(crate) by_arn: bool,
    /// The account that it belongs to.
    pub(crate) account: String,
}

/// A name with what stands behind its colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) name: Name,
    /// A version's number or a label, as it was sent.
    pub(crate) selector: Option<String>,
}

impl Name {
    /// The name without the slash that it begins with.
    pub(crate) fn path(&self) -> &str {
        path(&self.spelling)
    }

    pub(crate) fn arn(&self, call: &Call) -> String {
        arn(call, &self.account, self.path())
    }
}

/// A name without the slash that it begins with.
pub(crate) fn path(spelling: &str) -> &str {
    spelling.strip_prefix('/').unwrap_or(spelling)
}

/// The ARN of a path of the call's region.
pub(crate) fn arn(call: &Call, account: &str, path: &str) -> String {
    format!("arn:{}:ssm:{}:{account}:parameter/{path}", call.partition, call.region)
}

/// The name of a parameter that is to be made or changed. Blanks around it don't count (API
/// Reference).
pub(crate) fn of_new(call: &Call, text: &str) -> Result<Name, Fault> {
    let text = text.trim_matches(' ');
    let plain = well_formed(text)?;
    if plain && text.contains('/') {
        return Err(fault::validation("Parameter name must be a fully qualified name."));
    }
    let first = path(text).split('/').next().unwrap_or_default();
    if begins_with(first, "aws") && !plain {
        // Recorded without the leading slash.
        let text = format!("No access to reserved parameter name: {}.", path(text));
        return Err(fault::access_denied(text));
    }
    if plain && (begins_with(first, "aws") || begins_with(first, "ssm")) {
        return Err(fault::validation(
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).",
        ));
    }
    if begins_with(first, "ssm") {
        return Err(fault::validation(MISFORMED));
    }
    if path(text).split('/').count() > MAX_LEVELS {
        // AWS's text is not recorded; this one is ours.
        let text = format!("A parameter hierarchy has at most {MAX_LEVELS} levels.");
        return Err(fault::named("HierarchyLevelLimitExceededException", text));
    }
    own(call, text, "ssm:PutParameter")
}

/// The name of a parameter of the caller's own, which may exist.
pub(crate) fn of_own(call: &Call, text: &str, action: &str) -> Result<Name, Fault> {
    let text = text.trim_matches(' ');
    existing(text)?;
    own(call, text, action)
}

/// The name of a parameter of any account, with or without a selector.
pub(crate) fn of_any(call: &Call, text: &str, action: &str) -> Result<Selected, Fault> {
    let text = text.trim_matches(' ');
    if let Some(rest) = text.strip_prefix("arn:") {
        return of_arn(call, rest, action);
    }
    let (text, selector) = selected(text)?;
    existing(text)?;
    Ok(Selected { name: own(call, text, action)?, selector })
}

/// A path that a list begins at: the name without its slashes at either end.
pub(crate) fn of_path(text: &str) -> Result<&str, Fault> {
    let misformed = || fault::validation(MISFORMED_PATH);
    let text = text.trim_matches(' ');
    let rest = text.strip_prefix('/').ok_or_else(misformed)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let first = rest.split('/').next().unwrap_or_default();
    let reserved = begins_with(first, "aws") || begins_with(first, "ssm");
    if text == "/" || (rest.split('/').all(is_part) && !reserved) {
        Ok(rest)
    } else {
        Err(misformed())
    }
}

/// What stands behind the last slash of an ARN's resource, as `of_any` takes it.
fn of_arn(call: &Call, rest: &str, action: &str) -> Result<Selected, Fault> {
    let mut fields = rest.splitn(5, ':');
    let mut next = || fields.next().unwrap_or_default();
    let (partition, service, region, account, resource) = (next(), next(), next(), next(), next());
    if service == "secretsmanager" {
        return Err(fault::validation(SECRETS_ARN));
    }
    let path = resource.strip_prefix("parameter/").filter(|_| service == "ssm");
    let path = path.ok_or_else(|| fault::validation(MISFORMED))?;
    let (path, selector) = selected(path)?;
    let spelling = if path.contains('/') { format!("/{path}") } else { path.to_owned() };
    existing(&spelling)?;
    if partition != call.partition || region != call.region || !is_account(account) {
        return Err(fault::not_found());
    }
    let name = Name { spelling, by_arn: true, account: account.to_owned() };
    within_arn(call, &name, action)?;
    Ok(Selected { name, selector })
}

fn own(call: &Call, text: &str, action: &str) -> Result<Name, Fault> {
    let account = call.account().to_owned();
    let name = Name { spelling: text.to_owned(), by_arn: false, account };
    within_arn(call, &name, action)?;
    Ok(name)
}

fn within_arn(call: &Call, name: &Name, action: &str) -> Result<(), Fault> {
    let arn = name.arn(call);
    if arn.chars().count() > MAX_ARN_CHARACTERS {
        return Err(fault::oversized(call, action, &arn));
    }
    Ok(())
}

/// Splits off what stands behind a colon.
fn selected(text: &str) -> Result<(&str, Option<String>), Fault> {
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((name, selector)) if !selector.is_empty() && !selector.contains(':') => {
            Ok((name, Some(selector.to_owned())))
        }
        Some(_) => Err(misformed_selector()),
    }
}

/// The refusal of what stands behind a name's colon, if that can't be a selector.
pub(crate) fn misformed_selector() -> Fault {
    fault::validation(MISFORMED_SELECTOR)
}

/// Checks the name of what may exist.
fn existing(text: &str) -> Result<(), Fault> {
    let plain = well_formed(text)?;
    let first = path(text).split('/').next().unwrap_or_default();
    if (plain && text.contains('/')) || (!plain && begins_with(first, "ssm")) {
        return Err(fault::validation(MISFORMED));
    }
    Ok(())
}

/// Checks the letters of a name, and tells whether it is not led by a slash.
fn well_formed(text: &str) -> Result<bool, Fault> {
    let rest = path(text);
    let plain = rest.len() == text.len();
    if rest.ends_with('/') && rest.trim_end_matches('/').split('/').all(is_part) {
        return Err(fault::validation("Parameter name must not end with slash."));
    }
    if rest.split('/').all(is_part) { Ok(plain) } else { Err(fault::validation(MISFORMED)) }
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}
