//! `bulla explain` and `bulla who-can`: questions about access, asked of a running Bulla.

mod render;

use serde_json::{Map, Value, json};

use crate::cli::{ExplainOptions, Supposed, WhoCanOptions};
use crate::client::{self, Target};
use crate::error::Error;
use crate::server;
use crate::stdout;

const TARGET: Target = Target { service: "bulla", prefix: "Bulla_20261128" };

/// `bulla explain`.
pub(crate) fn explain(options: &ExplainOptions) -> Result<(), Error> {
    let mut input = supposed(&options.supposed, &options.action, &options.resource)?;
    input.insert("Principal".to_owned(), json!(options.principal));
    server::runtime()?.block_on(async {
        let client = client::of_bulla()?;
        let answer = client.call(TARGET, "Explain", &Value::Object(input)).await?;
        print(if options.json { lines_of(&answer) } else { render::explanation(&answer) })
    })
}

/// `bulla who-can`.
pub(crate) fn who_can(options: &WhoCanOptions) -> Result<(), Error> {
    let mut input = supposed(&options.supposed, &options.action, &options.resource)?;
    server::runtime()?.block_on(async {
        let client = client::of_bulla()?;
        let mut found = false;
        loop {
            let page = client.call(TARGET, "WhoCan", &Value::Object(input.clone())).await?;
            if !options.json && !input.contains_key("NextToken") {
                print(render::question(&page))?;
            }
            for principal in page.get("Principals").and_then(Value::as_array).into_iter().flatten()
            {
                found = true;
                let told = if options.json {
                    format!("{principal}\n")
                } else {
                    render::permitted(principal)
                };
                print(told)?;
            }
            let Some(token) = page.get("NextToken") else { break };
            input.insert("NextToken".to_owned(), token.clone());
        }
        if !found && !options.json {
            print("nobody\n".to_owned())?;
        }
        Ok(())
    })
}

/// What both questions have in common.
fn supposed(options: &Supposed, action: &str, resource: &str) -> Result<Map<String, Value>, Error> {
    let mut context = Map::new();
    for pair in &options.context {
        let (key, value) = split("--context", pair)?;
        context.insert(key.to_owned(), json!(value));
    }
    let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
    for pair in &options.with {
        let (key, value) = split("--with", pair)?;
        match entries.iter_mut().find(|(of, _)| *of == key) {
            Some((_, values)) => values.push(value),
            None => entries.push((key, vec![value])),
        }
    }
    let entries = entries.iter().map(|(key, values)| json!({ "Key": key, "Values": values }));
    let mut input = Map::new();
    input.insert("Action".to_owned(), json!(action));
    input.insert("Resource".to_owned(), json!(resource));
    input.insert("EncryptionContext".to_owned(), Value::Object(context));
    input.insert("ContextEntries".to_owned(), entries.collect());
    Ok(input)
}

fn split<'a>(option: &str, pair: &'a str) -> Result<(&'a str, &'a str), Error> {
    pair.split_once('=')
        .ok_or_else(|| Error::Usage(format!("{option} {pair:?} is not of the form KEY=VALUE")))
}

fn lines_of(answer: &Value) -> String {
    format!("{answer:#}\n")
}

fn print(text: String) -> Result<(), Error> {
    stdout::whole(text.as_bytes())
}
