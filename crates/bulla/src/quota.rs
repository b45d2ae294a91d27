//! `bulla quota`: what accounts may have and how fast they may call, asked of a running Bulla.

use serde_json::{Value, json};

use crate::cli::quota::QuotaCommand;
use crate::client::{self, Client, Target};
use crate::error::Error;
use crate::server;
use crate::stdout::line;

const QUOTAS: Target = Target { service: "servicequotas", prefix: "ServiceQuotasV20190624" };
const OPERATOR: Target = Target { service: "bulla", prefix: "BullaQuotas_20261128" };

/// Runs the command.
pub(crate) fn run(command: &QuotaCommand) -> Result<(), Error> {
    server::runtime()?.block_on(async {
        let client = client::of_bulla()?;
        match command {
            QuotaCommand::List { service: None } => services(&client).await,
            QuotaCommand::List { service: Some(service) } => list(&client, service).await,
            QuotaCommand::Set { service, code, value } => set(&client, service, code, value).await,
            QuotaCommand::Requests => requests(&client).await,
            QuotaCommand::Approve { request, deny } => decide(&client, request, !deny).await,
        }
    })
}

async fn services(client: &Client) -> Result<(), Error> {
    for service in all(client, "ListServices", json!({}), "Services").await? {
        line(format_args!("{}\t{}", text(&service, "ServiceCode"), text(&service, "ServiceName")))?;
    }
    Ok(())
}

async fn list(client: &Client, service: &str) -> Result<(), Error> {
    let input = json!({ "ServiceCode": service });
    let held = all(client, "ListServiceQuotas", input.clone(), "Quotas").await?;
    let defaults = all(client, "ListAWSDefaultServiceQuotas", input, "Quotas").await?;
    for (quota, default) in held.iter().zip(&defaults) {
        line(format_args!(
            "{}\t{}\t{}\t{}",
            text(quota, "QuotaCode"),
            number(quota, "Value"),
            number(default, "Value"),
            text(quota, "QuotaName")
        ))?;
    }
    Ok(())
}

async fn set(client: &Client, service: &str, code: &str, value: &str) -> Result<(), Error> {
    let mut input = json!({ "ServiceCode": service, "QuotaCode": code });
    if value != "default" {
        let number: f64 = value.parse().map_err(|_| {
            Error::Usage(format!("{value:?} is no value of a quota: give a number, or `default`"))
        })?;
        if let Some(members) = input.as_object_mut() {
            members.insert("Value".to_owned(), number.into());
        }
    }
    let answer = client.call(OPERATOR, "SetServiceQuota", &input).await?;
    line(number(&answer, "Value"))?;
    Ok(())
}

async fn requests(client: &Client) -> Result<(), Error> {
    let operation = "ListRequestedServiceQuotaChangeHistory";
    for request in all(client, operation, json!({}), "RequestedQuotas").await? {
        line(format_args!(
            "{}\t{}\t{}\t{}\t{}",
            text(&request, "Id"),
            text(&request, "Status"),
            text(&request, "ServiceCode"),
            text(&request, "QuotaCode"),
            number(&request, "DesiredValue")
        ))?;
    }
    Ok(())
}

async fn decide(client: &Client, request: &str, approve: bool) -> Result<(), Error> {
    let input = json!({ "RequestId": request, "Approve": approve });
    let answer = client.call(OPERATOR, "DecideQuotaRequest", &input).await?;
    line(text(&answer, "Status"))?;
    Ok(())
}

/// All entries of a list, page by page.
async fn all(
    client: &Client,
    operation: &str,
    mut input: Value,
    name: &str,
) -> Result<Vec<Value>, Error> {
    let mut entries = Vec::new();
    loop {
        let answer = client.call(QUOTAS, operation, &input).await?;
        entries.extend(answer.get(name).and_then(Value::as_array).into_iter().flatten().cloned());
        match (answer.get("NextToken"), input.as_object_mut()) {
            (Some(next), Some(members)) => {
                members.insert("NextToken".to_owned(), next.clone());
            }
            _ => return Ok(entries),
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> f64 {
    value.get(name).and_then(Value::as_f64).unwrap_or_default()
}
