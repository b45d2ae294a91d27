//! STS's operations.

pub(super) mod assume_role;
pub(super) mod identity;
pub(super) mod tokens;
pub(super) mod web_identity;

/// The shortest token that a request asks for, in characters; the model limits it.
fn min_token_chars(asked: Option<i64>) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or_default()
}
