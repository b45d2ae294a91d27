//! How questions about access are authorized: identity policies of the resource's account alone.

use super::On::KeysAccount;
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("Explain", KeysAccount, r#"{"Principal":"{nobody}","Action":"kms:Encrypt","Resource":"{key}"}"#),
    rule("WhoCan", KeysAccount, r#"{"Action":"kms:Encrypt","Resource":"{key}"}"#),
];
