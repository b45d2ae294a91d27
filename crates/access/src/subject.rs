//! Whom a question is about.

use std::sync::Arc;

use bulla_plane::{Authority, Directory};
use bulla_policy::Principal;
use bulla_shapes::Fault;
use bulla_shapes::bulla::SERVICE;

/// How names of AWS's services end.
const SERVICE_SUFFIX: &str = ".amazonaws.com";

/// Whom a text names: an access key id, an account, the ARN or unique id of a user or role, the
/// ARN of a role's session (which stands for the role), or a service's name.
pub(crate) async fn subject(
    directory: &dyn Directory,
    text: &str,
) -> Result<Arc<Authority>, Fault> {
    if text.ends_with(SERVICE_SUFFIX) {
        return Ok(service(text));
    }
    let missing = || {
        let text = format!("there is no principal {text}");
        Fault::of(&SERVICE, "PrincipalNotFoundException").with_message(text)
    };
    let known = directory.find(text).await?.ok_or_else(missing)?;
    directory.authority(&known.arn).await?.ok_or_else(missing)
}

/// A service that acts for itself.
pub(crate) fn service(name: &str) -> Arc<Authority> {
    Arc::new(Authority::bare(Principal::service(name)))
}
