//! The keyrings that the options ask for.

use std::sync::Arc;

use bulla_envelope::client::{Client, KMS};
use bulla_envelope::keyring::{
    AwsKmsDiscoveryKeyring, AwsKmsKeyring, DiscoveryFilter, Keyring, KeyringError, MultiKeyring,
};
use serde_json::{Value, json};

use super::raw;
use crate::cli::message::{Common, DecryptOptions};
use crate::error::Error;

/// The keyring that encrypts: the first key draws data keys, all wrap them.
pub(super) fn to_encrypt(common: &Common) -> Result<Box<dyn Keyring>, Error> {
    if let Some(raw) = raw::keyring(common)? {
        return Ok(raw);
    }
    let client = Client::from_environment()?;
    let mut keys = common.key.iter().map(|key| keyring(&client, key, common.multi_region));
    let none = || Error::Usage("no key is named: give --key, as often as there are keys".into());
    let mut all = MultiKeyring::new(keys.next().ok_or_else(none)??);
    for key in keys {
        all = all.with(key?);
    }
    Ok(Box::new(all))
}

/// The keyring that decrypts: by any of the keys, or by those that messages name.
pub(super) async fn to_decrypt(options: &DecryptOptions) -> Result<Box<dyn Keyring>, Error> {
    if let Some(raw) = raw::keyring(&options.common)? {
        return Ok(raw);
    }
    let client = Client::from_environment()?;
    if options.discovery {
        return Ok(Box::new(discovery(&client, options)?));
    }
    let common = &options.common;
    if common.key.is_empty() {
        let text = "no key is named: give --key, or --discovery to use those of the message";
        return Err(Error::Usage(text.to_owned()));
    }
    let mut all = MultiKeyring::without_generator();
    for key in &common.key {
        let arn = if key.starts_with("arn:") && !key.contains(":alias/") {
            key.clone()
        } else {
            arn_of(&client, key).await?
        };
        all = all.with(keyring(&client, &arn, common.multi_region)?);
    }
    Ok(Box::new(all))
}

fn discovery(client: &Client, options: &DecryptOptions) -> Result<AwsKmsDiscoveryKeyring, Error> {
    let filter = (!options.discovery_account.is_empty()).then(|| DiscoveryFilter {
        partition: options.discovery_partition.clone(),
        accounts: options.discovery_account.clone(),
    });
    let kms = Arc::new(client.clone());
    let keyring = if options.common.multi_region {
        AwsKmsDiscoveryKeyring::multi_region(kms, client.region(), filter)
    } else {
        AwsKmsDiscoveryKeyring::new(kms, filter)
    };
    keyring.map_err(usage)
}

/// The keyring of one key, by a client of the key's region.
fn keyring(client: &Client, key: &str, multi_region: bool) -> Result<AwsKmsKeyring, Error> {
    let region = key.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2));
    let client = match region {
        Some(region) if region != client.region() => client.in_region(region)?,
        _ => client.clone(),
    };
    let keyring = if multi_region {
        AwsKmsKeyring::multi_region(Arc::new(client), key)
    } else {
        AwsKmsKeyring::strict(Arc::new(client), key)
    };
    keyring.map_err(usage)
}

/// What KMS says is the ARN of a key that is named by its id or an alias.
async fn arn_of(client: &Client, key: &str) -> Result<String, Error> {
    let answer = client.call(KMS, "DescribeKey", &json!({ "KeyId": key })).await?;
    let arn = answer.pointer("/KeyMetadata/Arn").and_then(Value::as_str);
    let none = || Error::Usage(format!("DescribeKey gave no ARN for {key:?}"));
    Ok(arn.ok_or_else(none)?.to_owned())
}

fn usage(error: KeyringError) -> Error {
    Error::Usage(error.to_string())
}
