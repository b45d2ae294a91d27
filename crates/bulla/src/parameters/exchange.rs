//! What is asked of a Parameter Store, and how its answers are read.

use bulla_plane::SecretText;
use serde_json::{Value, json};

use super::answers::{items, secret, text};
use super::archive::Parameter;
use crate::client::{Client, ClientError, Target, of_service};
use crate::error::Error;

/// Parameter Store.
pub(super) const SSM: Target = Target { service: "ssm", prefix: "AmazonSSM" };
/// The most parameters that one environment is made of: more than any system lets a program have.
const MAX_VARIABLES: usize = 10_000;
/// The most names that GetParameters takes.
pub(super) const NAMES_A_CALL: usize = 10;
/// The most that DescribeParameters gives at once.
const MAX_DESCRIBED: usize = 50;

/// A client of Parameter Store by the environment and AWS's shared files.
pub(super) fn client() -> Result<Client, Error> {
    of_service("SSM", SSM)
}

/// Name and value of all parameters under a path, in the order in which they come.
pub(super) async fn under(client: &Client, path: &str) -> Result<Vec<(String, SecretText)>, Error> {
    let mut found = Vec::new();
    let mut input = json!({ "Path": path, "Recursive": true, "WithDecryption": true });
    loop {
        let mut answer = client.call(SSM, "GetParametersByPath", &input).await?;
        for mut parameter in items(&mut answer, "Parameters") {
            found.push((text(&parameter, "Name")?, secret(&mut parameter)?));
        }
        if found.len() > MAX_VARIABLES {
            let text = format!(
                "there are more than {MAX_VARIABLES} parameters under {path}: give a longer --path"
            );
            return Err(Error::Usage(text));
        }
        if !turn(&mut input, &answer) {
            return Ok(found);
        }
    }
}

/// The names of a page of parameters under a path, and the token of the next page.
pub(super) async fn names(
    client: &Client,
    path: &str,
    token: Option<&str>,
) -> Result<(Vec<String>, Option<String>), Error> {
    let filter = json!([{ "Key": "Path", "Option": "Recursive", "Values": [path] }]);
    let mut input = json!({ "ParameterFilters": filter, "MaxResults": MAX_DESCRIBED });
    if let (Some(token), Some(members)) = (token, input.as_object_mut()) {
        members.insert("NextToken".to_owned(), token.into());
    }
    let mut answer = client.call(SSM, "DescribeParameters", &input).await?;
    let parameters = items(&mut answer, "Parameters");
    let names = parameters.iter().map(|parameter| text(parameter, "Name"));
    let next = answer.get("NextToken").and_then(Value::as_str).map(str::to_owned);
    Ok((names.collect::<Result<_, _>>()?, next))
}

/// A parameter as it is now, and how many labels its older versions have. None if it is gone.
pub(super) async fn whole(
    client: &Client,
    name: &str,
) -> Result<Option<(Parameter, usize)>, Error> {
    let mut input = json!({ "Name": name, "WithDecryption": true });
    let (mut present, mut left) = (None, 0);
    loop {
        let mut answer = match client.call(SSM, "GetParameterHistory", &input).await {
            Err(ClientError::Refused { code, .. }) if code == "ParameterNotFound" => {
                return Ok(None);
            }
            answer => answer?,
        };
        for version in items(&mut answer, "Parameters") {
            if let Some(before) = present.replace(version) {
                left += before.get("Labels").and_then(Value::as_array).map_or(0, Vec::len);
            }
        }
        if !turn(&mut input, &answer) {
            break;
        }
    }
    let Some(mut version) = present else { return Ok(None) };
    let asked = json!({ "ResourceType": "Parameter", "ResourceId": name });
    let mut tags = client.call(SSM, "ListTagsForResource", &asked).await?;
    let mut parameter = Parameter::read(name, &mut version)?;
    for tag in items(&mut tags, "TagList") {
        parameter.tags.push((text(&tag, "Key")?, text(&tag, "Value")?));
    }
    Ok(Some((parameter, left)))
}

/// Type and value of those of these parameters that are there.
pub(super) async fn present(
    client: &Client,
    names: &[&str],
) -> Result<Vec<(String, String, SecretText)>, Error> {
    let input = json!({ "Names": names, "WithDecryption": true });
    let mut answer = client.call(SSM, "GetParameters", &input).await?;
    let read = |mut parameter: Value| {
        Ok((text(&parameter, "Name")?, text(&parameter, "Type")?, secret(&mut parameter)?))
    };
    items(&mut answer, "Parameters").into_iter().map(read).collect()
}

/// Makes the input ask for the next page; false if there is none.
fn turn(input: &mut Value, answer: &Value) -> bool {
    let (Some(token), Some(members)) = (answer.get("NextToken"), input.as_object_mut()) else {
        return false;
    };
    members.insert("NextToken".to_owned(), token.clone());
    true
}
