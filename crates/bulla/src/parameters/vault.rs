//! Secrets in archives: as they are taken out of a Secrets Manager, and put into another.

use bulla_crypto::{Crypto, hex};
use bulla_plane::SecretText;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answers::{items, text};
use super::secrets::SECRETS;
use crate::client::{Client, ClientError};
use crate::error::Error;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// The most that ListSecrets gives at once.
const MAX_LISTED: usize = 100;

/// A secret in an archive.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) name: String,
    description: Option<String>,
    /// The KMS key, as it was named.
    key: Option<String>,
    /// A partner's kind of secret.
    kind: Option<String>,
    policy: Option<String>,
    /// Key and value of each tag.
    tags: Vec<(String, String)>,
    /// Those that have labels, in the order in which they are to be put: the previous one, the
    /// current one, the others.
    versions: Vec<Version>,
}

#[derive(Serialize, Deserialize)]
struct Version {
    id: String,
    labels: Vec<String>,
    /// `SecretString` or `SecretBinary`, the latter in base64.
    member: String,
    value: SecretText,
}

impl Version {
    fn has(&self, label: &str) -> bool {
        self.labels.iter().any(|one| one == label)
    }

    /// The labels that are asked for by name: AWSPREVIOUS comes by itself.
    fn asked(&self) -> Vec<&str> {
        self.labels.iter().map(String::as_str).filter(|label| *label != PREVIOUS).collect()
    }

    /// A request that brings this version.
    fn input(&self) -> Map<String, Value> {
        let mut input = Map::new();
        input.insert("ClientRequestToken".to_owned(), self.id.as_str().into());
        input.insert(self.member.clone(), self.value.expose().into());
        input
    }
}

/// The names of a page of secrets that begin with a text, and the token of the next page.
pub(super) async fn names(
    client: &Client,
    prefix: &str,
    token: Option<&str>,
) -> Result<(Vec<String>, Option<String>), Error> {
    let mut input = json!({ "MaxResults": MAX_LISTED, "SortBy": "name", "SortOrder": "asc" });
    if let Some(members) = input.as_object_mut() {
        if !prefix.is_empty() {
            let filter = json!([{ "Key": "name", "Values": [prefix] }]);
            members.insert("Filters".to_owned(), filter);
        }
        if let Some(token) = token {
            members.insert("NextToken".to_owned(), token.into());
        }
    }
    let mut answer = client.call(SECRETS, "ListSecrets", &input).await?;
    let found = items(&mut answer, "SecretList");
    let names = found.iter().map(|secret| text(secret, "Name")).collect::<Result<Vec<_>, _>>()?;
    let names = names.into_iter().filter(|name| name.starts_with(prefix)).collect();
    let next = answer.get("NextToken").and_then(Value::as_str).map(str::to_owned);
    Ok((names, next))
}

/// A secret as it is now, with its versions that have labels. None if it is gone.
pub(super) async fn whole(client: &Client, name: &str) -> Result<Option<Kept>, Error> {
    let id = json!({ "SecretId": name });
    let mut shown = match client.call(SECRETS, "DescribeSecret", &id).await {
        Err(ClientError::Refused { code, .. }) if code == "ResourceNotFoundException" => {
            return Ok(None);
        }
        shown => shown?,
    };
    let some =
        |from: &Value, member: &str| from.get(member).and_then(Value::as_str).map(str::to_owned);
    let mut kept = Kept {
        name: name.to_owned(),
        description: some(&shown, "Description"),
        key: some(&shown, "KmsKeyId"),
        kind: some(&shown, "Type"),
        policy: None,
        tags: Vec::new(),
        versions: Vec::new(),
    };
    for tag in items(&mut shown, "Tags") {
        kept.tags.push((text(&tag, "Key")?, text(&tag, "Value")?));
    }
    let ids = shown.get("VersionIdsToStages").and_then(Value::as_object);
    for version in ids.into_iter().flat_map(Map::keys) {
        kept.versions.extend(value(client, name, Some(version)).await?);
    }
    let rank = |version: &Version| match (version.has(PREVIOUS), version.has(CURRENT)) {
        (true, _) => 0,
        (_, true) => 1,
        _ => 2,
    };
    kept.versions.sort_by_key(rank);
    let policy = client.call(SECRETS, "GetResourcePolicy", &id).await?;
    kept.policy = some(&policy, "ResourcePolicy");
    Ok(Some(kept))
}

/// A version with its value, the current one if none is named; none if there is no value.
async fn value(
    client: &Client,
    name: &str,
    version: Option<&str>,
) -> Result<Option<Version>, Error> {
    let mut input = json!({ "SecretId": name });
    if let (Some(version), Some(members)) = (version, input.as_object_mut()) {
        members.insert("VersionId".to_owned(), version.into());
    }
    let mut answer = match client.call(SECRETS, "GetSecretValue", &input).await {
        Err(ClientError::Refused { code, .. }) if code == "ResourceNotFoundException" => {
            return Ok(None);
        }
        answer => answer?,
    };
    let labels = items(&mut answer, "VersionStages");
    let labels = labels.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let id = text(&answer, "VersionId")?;
    let held = ["SecretString", "SecretBinary"].into_iter().find_map(|member| {
        match answer.get_mut(member).map(Value::take) {
            Some(Value::String(value)) => Some((member.to_owned(), SecretText::new(value))),
            _ => None,
        }
    });
    Ok(held.map(|(member, value)| Version { id, labels, member, value }))
}

/// How a secret of an archive stands to what is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    /// One with the same current value.
    Same,
    Other,
}

impl Kept {
    /// What there is of its name.
    pub(super) async fn there(&self, client: &Client) -> Result<There, Error> {
        let id = json!({ "SecretId": self.name });
        match client.call(SECRETS, "DescribeSecret", &id).await {
            Err(ClientError::Refused { code, .. }) if code == "ResourceNotFoundException" => {
                return Ok(There::Nothing);
            }
            shown => shown?,
        };
        let own = self.versions.iter().find(|version| version.has(CURRENT));
        let same = match (value(client, &self.name, None).await?, own) {
            (None, None) => true,
            (Some(there), Some(own)) => {
                there.member == own.member && there.value.expose() == own.value.expose()
            }
            _ => false,
        };
        Ok(if same { There::Same } else { There::Other })
    }

    /// Makes the secret, with all its versions.
    pub(super) async fn create(&self, client: &Client, kms_key: Option<&str>) -> Result<(), Error> {
        let first = self.versions.first();
        let mut input = first.map(Version::input).unwrap_or_default();
        input.insert("Name".to_owned(), self.name.as_str().into());
        if first.is_none() {
            // One without a value needs a token, too.
            let token = hex::encode(&Crypto::standard().random::<16>()?);
            input.insert("ClientRequestToken".to_owned(), token.into());
        }
        let tags = self.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
        let tags: Vec<Value> = tags.collect();
        for (member, value) in [
            ("Description", self.description.as_deref().map(Value::from)),
            ("KmsKeyId", kms_key.or(self.key.as_deref()).map(Value::from)),
            ("Type", self.kind.as_deref().map(Value::from)),
            ("Tags", (!tags.is_empty()).then(|| tags.into())),
        ] {
            if let Some(value) = value {
                input.insert(member.to_owned(), value);
            }
        }
        client.call(SECRETS, "CreateSecret", &Value::Object(input)).await?;
        self.put(client).await?;
        if let Some(policy) = &self.policy {
            let input = json!({ "SecretId": self.name, "ResourcePolicy": policy });
            client.call(SECRETS, "PutResourcePolicy", &input).await?;
        }
        Ok(())
    }

    /// Puts the versions under the labels that they are to have. One that is there already only
    /// gets its labels.
    pub(super) async fn put(&self, client: &Client) -> Result<(), Error> {
        for version in &self.versions {
            let labels = version.asked();
            if labels.is_empty() {
                continue;
            }
            let mut input = version.input();
            input.insert("SecretId".to_owned(), self.name.as_str().into());
            input.insert("VersionStages".to_owned(), labels.into());
            client.call(SECRETS, "PutSecretValue", &Value::Object(input)).await?;
            if version.has(CURRENT) {
                self.make_current(client, version).await?;
            }
        }
        Ok(())
    }

    /// Makes a version the current one that was there already: its token does not.
    async fn make_current(&self, client: &Client, version: &Version) -> Result<(), Error> {
        let Some(current) = value(client, &self.name, None).await? else { return Ok(()) };
        if current.id == version.id {
            return Ok(());
        }
        let input = json!({
            "SecretId": self.name,
            "VersionStage": CURRENT,
            "MoveToVersionId": version.id,
            "RemoveFromVersionId": current.id,
        });
        client.call(SECRETS, "UpdateSecretVersionStage", &input).await?;
        Ok(())
    }
}
