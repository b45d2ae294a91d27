//! How STS's operations are authorized (STS API Reference, "Permissions").

use super::On::{Account, Nothing, Own, Shared, Token, Trust};
use super::{Rule, rule};

#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    rule("AssumeRole", Trust, "RoleArn={role}&RoleSessionName=session"),
    rule("AssumeRoleWithWebIdentity", Token, "RoleArn={role}&RoleSessionName=session&WebIdentityToken=no.token.at-all"),
    rule("GetSessionToken", Nothing, "").long_term(),
    rule("GetFederationToken", Own("arn:aws:sts::{account}:federated-user/{user.name}"), "Name={user.name}").long_term(),
    rule("GetCallerIdentity", Nothing, ""),
    rule("GetAccessKeyInfo", Shared, "AccessKeyId={user.key}"),
    rule("DecodeAuthorizationMessage", Account, "EncodedMessage=none"),
];
