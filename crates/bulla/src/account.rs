//! `bulla account`: makes, lists and closes accounts, as a client of a running Bulla.

use bulla_envelope::client::ClientError;
use serde_json::{Value, json};

use crate::cli::{Account, CloseOptions, CreateOptions};
use crate::client::{self, Client, Target};
use crate::error::Error;
use crate::server;
use crate::stdout::line;

const ORGANIZATIONS: Target =
    Target { service: "organizations", prefix: "AWSOrganizationsV20161128" };
/// What an account gets that is in no organization yet.
const NOT_IN_USE: &str = "AWSOrganizationsNotInUseException";

/// Runs the command.
pub(crate) fn run(command: &Account) -> Result<(), Error> {
    server::runtime()?.block_on(async {
        let client = client::of_bulla()?;
        match command {
            Account::Create(options) => create(&client, options).await,
            Account::List => list(&client).await,
            Account::Close(options) => close(&client, options).await,
        }
    })
}

/// Makes an account, and the organization first, where the caller's account has none.
async fn create(client: &Client, options: &CreateOptions) -> Result<(), Error> {
    let described = client.call(ORGANIZATIONS, "DescribeOrganization", &json!({})).await;
    match described {
        Ok(_) => {}
        Err(ClientError::Refused { code, .. }) if code == NOT_IN_USE => {
            let features = json!({ "FeatureSet": "ALL" });
            client.call(ORGANIZATIONS, "CreateOrganization", &features).await?;
        }
        Err(error) => return Err(error.into()),
    }
    let mut input = json!({ "AccountName": options.name, "Email": options.email });
    if let (Some(role), Some(members)) = (&options.role, input.as_object_mut()) {
        members.insert("RoleName".to_owned(), role.as_str().into());
    }
    let answer = client.call(ORGANIZATIONS, "CreateAccount", &input).await?;
    let status = |name: &str| {
        let found = answer.pointer(&format!("/CreateAccountStatus/{name}"));
        found.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    match status("AccountId") {
        account if account.is_empty() => Err(Error::Usage(format!(
            "no account was made ({}): another account has this address, so give another",
            status("FailureReason")
        ))),
        account => line(account),
    }
}

/// Prints number, status, name and address of each account.
async fn list(client: &Client) -> Result<(), Error> {
    let mut input = json!({});
    loop {
        let answer = client.call(ORGANIZATIONS, "ListAccounts", &input).await?;
        for account in answer.get("Accounts").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| account.get(name).and_then(Value::as_str).unwrap_or_default();
            line(format_args!(
                "{}\t{}\t{}\t{}",
                text("Id"),
                text("Status"),
                text("Name"),
                text("Email")
            ))?;
        }
        match answer.get("NextToken") {
            Some(next) => input = json!({ "NextToken": next }),
            None => return Ok(()),
        }
    }
}

async fn close(client: &Client, options: &CloseOptions) -> Result<(), Error> {
    let input = json!({ "AccountId": options.account });
    client.call(ORGANIZATIONS, "CloseAccount", &input).await?;
    Ok(())
}
