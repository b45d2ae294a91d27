//! The tour's part about who may: a user with a policy, a denial explained, a role, a grant.

use bulla_shapes::{bulla, iam, kms, sts};
use serde_json::{Value, json};

use super::client::{Client, Signer, member};
use crate::error::Error;
use crate::stdout::line;

/// Whose key it is.
pub(super) const OWNER: &str = "000000000000";
/// What is encrypted: five bytes, in base64.
pub(super) const PLAINTEXT: &str = "aGVsbG8=";
const DENIED: &str = "AccessDeniedException";

/// `key` is the ARN of the tour's key, and `sealed` the request that decrypts under it.
pub(super) async fn tell(client: &Client, key: &str, sealed: &Value) -> Result<(), Error> {
    let user = user(client, key).await?;
    client.json(&user, &kms::SERVICE, "Decrypt", sealed.clone()).await?.ok()?;
    line("Decrypt by the user gave the bytes back: the key's policy leaves it to IAM's.")?;
    explain(client, &user, key).await?;
    let session = session(client, &user).await?;
    let refused = client.json(&session, &kms::SERVICE, "Decrypt", sealed.clone()).await?;
    line(format_args!("Decrypt by the role was refused: {}.", refused.refused(DENIED)?))?;
    grant(client, &session, key, sealed).await
}

async fn root(client: &Client, operation: &str, input: &[(&str, &str)]) -> Result<(), Error> {
    let answer = client.query(&Signer::root(OWNER), &iam::SERVICE, operation, input).await?;
    answer.ok().map(drop)
}

/// A user who may decrypt under the key for one tenant.
async fn user(client: &Client, key: &str) -> Result<Signer, Error> {
    root(client, "CreateUser", &[("UserName", "ann")]).await?;
    line("CreateUser made the user ann, who may nothing yet.")?;
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        {
            "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key,
            "Condition": { "StringEquals": { "kms:EncryptionContext:tenant": "a" } },
        },
        { "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*" },
    ] });
    let policy = policy.to_string();
    let input = [("UserName", "ann"), ("PolicyName", "tenant-a"), ("PolicyDocument", &*policy)];
    root(client, "PutUserPolicy", &input).await?;
    line("PutUserPolicy lets ann decrypt under that key, for tenant=a only.")?;
    let by = Signer::root(OWNER);
    let made = client.query(&by, &iam::SERVICE, "CreateAccessKey", &[("UserName", "ann")]).await?;
    line("CreateAccessKey gave ann a key to sign with; from here on signatures are checked.")?;
    made.signer()
}

/// What ann may not do, and why.
async fn explain(client: &Client, user: &Signer, key: &str) -> Result<(), Error> {
    let request = json!({ "KeyId": key, "Plaintext": PLAINTEXT });
    let refused = client.json(user, &kms::SERVICE, "Encrypt", request).await?;
    line(format_args!("Encrypt by ann was refused: {}.", refused.refused(DENIED)?))?;
    let ann = format!("arn:aws:iam::{OWNER}:user/ann");
    let question = json!({ "Principal": ann, "Action": "kms:Encrypt", "Resource": key });
    let by = Signer::root(OWNER);
    let told = client.json(&by, &bulla::SERVICE, "Explain", question).await?;
    let (told, because) = (told.ok()?, "because");
    let reason = member(told, "Message").split_once(because).map_or("", |(_, reason)| reason);
    let policies = told.get("Policies").and_then(Value::as_array).map_or(0, Vec::len);
    line(format_args!(
        "Explain looked at {policies} policies for it and says why: {because}{reason}."
    ))?;
    Ok(())
}

/// A session of a role that has no policies.
async fn session(client: &Client, user: &Signer) -> Result<Signer, Error> {
    let trust = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "AWS": OWNER }, "Action": "sts:AssumeRole",
    } });
    let trust = trust.to_string();
    let input = [("RoleName", "reader"), ("AssumeRolePolicyDocument", &*trust)];
    root(client, "CreateRole", &input).await?;
    line("CreateRole made the role reader, which trusts the account's users.")?;
    let arn = format!("arn:aws:iam::{OWNER}:role/reader");
    let input = [("RoleArn", &*arn), ("RoleSessionName", "tour")];
    let session = client.query(user, &sts::SERVICE, "AssumeRole", &input).await?.signer()?;
    let who = client.query(&session, &sts::SERVICE, "GetCallerIdentity", &[]).await?;
    line(format_args!(
        "AssumeRole gave ann a session of it, good for an hour: she is now {}.",
        who.element("Arn").unwrap_or_default()
    ))?;
    Ok(session)
}

/// A grant opens the key to the role, and its end closes it, each from the next call on.
async fn grant(client: &Client, by: &Signer, key: &str, sealed: &Value) -> Result<(), Error> {
    let owner = Signer::root(OWNER);
    let request = json!({
        "KeyId": key, "GranteePrincipal": format!("arn:aws:iam::{OWNER}:role/reader"),
        "Operations": ["Decrypt"],
    });
    let made = client.json(&owner, &kms::SERVICE, "CreateGrant", request).await?;
    let grant = member(made.ok()?, "GrantId").to_owned();
    client.json(by, &kms::SERVICE, "Decrypt", sealed.clone()).await?.ok()?;
    line("CreateGrant lets the role decrypt, and the next Decrypt gave the bytes back.")?;
    let request = json!({ "KeyId": key, "GrantId": grant });
    client.json(&owner, &kms::SERVICE, "RevokeGrant", request).await?.ok()?;
    let refused = client.json(by, &kms::SERVICE, "Decrypt", sealed.clone()).await?;
    line(format_args!(
        "RevokeGrant ended that, from the next call on: {}.",
        refused.refused(DENIED)?
    ))?;
    Ok(())
}
