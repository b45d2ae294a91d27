//! The keyrings that the options ask for.

use std::sync::Arc;

use bulla_envelope::client::Client;
use bulla_envelope::keyring::{
    AwsKmsDiscoveryKeyring, AwsKmsKeyring, AwsKmsRsaKeyring, DiscoveryFilter, Keyring,
    KmsRsaPadding, MultiKeyring,
};
use bulla_envelope::kms::KmsClient;

use super::kms_keys::{found, in_region_of, public_key, usage};
use super::{agreement, branch, raw};
use crate::cli::message::{Discovery, Padding, WrappingKeys};
use crate::error::Error;

/// The keyring that encrypts: the first key draws data keys, all wrap them.
pub(crate) async fn to_encrypt(keys: &WrappingKeys) -> Result<Box<dyn Keyring>, Error> {
    if let Some(one) = one_key(keys).await? {
        return Ok(one);
    }
    let client = Client::from_environment()?;
    let mut all: Option<MultiKeyring> = None;
    for key in &keys.key {
        let keyring = if keys.kms_rsa {
            let (client, arn) = found(&client, key).await?;
            let public = public_key(&client, &arn).await?;
            rsa_keyring(arn, keys.rsa_padding, Some(&public), None)?
        } else {
            keyring(&client, key, keys.multi_region)?
        };
        all = Some(match all {
            None => MultiKeyring::new(keyring),
            Some(all) => all.with(keyring),
        });
    }
    let none = || Error::Usage("no key is named: give --key, as often as there are keys".into());
    Ok(Box::new(all.ok_or_else(none)?))
}

/// The keyring that decrypts: by any of the keys, or by those that messages name.
pub(crate) async fn to_decrypt(
    keys: &WrappingKeys,
    named: &Discovery,
) -> Result<Box<dyn Keyring>, Error> {
    if let Some(one) = one_key(keys).await? {
        return Ok(one);
    }
    let client = Client::from_environment()?;
    if named.discovery {
        return Ok(Box::new(discovery(&client, keys, named)?));
    }
    if keys.key.is_empty() {
        let text = "no key is named: give --key, or --discovery to use those of the message";
        return Err(Error::Usage(text.to_owned()));
    }
    let mut all = MultiKeyring::without_generator();
    for key in &keys.key {
        let (client, arn) = found(&client, key).await?;
        all = all.with(if keys.kms_rsa {
            rsa_keyring(arn, keys.rsa_padding, None, Some(Arc::new(client)))?
        } else {
            keyring(&client, &arn, keys.multi_region)?
        });
    }
    Ok(Box::new(all))
}

/// The keyring of those kinds of which a command takes one: agreement, branch key, raw key.
async fn one_key(keys: &WrappingKeys) -> Result<Option<Box<dyn Keyring>>, Error> {
    if let Some(agreed) = agreement::keyring(keys).await? {
        return Ok(Some(agreed));
    }
    if let Some(branch) = branch::keyring(keys).await? {
        return Ok(Some(branch));
    }
    raw::keyring(keys)
}

fn discovery(
    client: &Client,
    keys: &WrappingKeys,
    named: &Discovery,
) -> Result<AwsKmsDiscoveryKeyring, Error> {
    let filter = (!named.discovery_account.is_empty()).then(|| DiscoveryFilter {
        partition: named.discovery_partition.clone(),
        accounts: named.discovery_account.clone(),
    });
    let kms = Arc::new(client.clone());
    let keyring = if keys.multi_region {
        AwsKmsDiscoveryKeyring::multi_region(kms, client.region(), filter)
    } else {
        AwsKmsDiscoveryKeyring::new(kms, filter)
    };
    keyring.map_err(usage)
}

/// The keyring of one symmetric key, by a client of the key's region.
fn keyring(client: &Client, key: &str, multi_region: bool) -> Result<Box<dyn Keyring>, Error> {
    let client = Arc::new(in_region_of(client, key)?);
    let keyring = if multi_region {
        AwsKmsKeyring::multi_region(client, key)
    } else {
        AwsKmsKeyring::strict(client, key)
    };
    Ok(Box::new(keyring.map_err(usage)?))
}

fn rsa_keyring(
    arn: String,
    padding: Padding,
    public_key: Option<&str>,
    client: Option<Arc<dyn KmsClient>>,
) -> Result<Box<dyn Keyring>, Error> {
    let padding = match padding {
        Padding::OaepSha1 => KmsRsaPadding::OaepSha1,
        Padding::OaepSha256 => KmsRsaPadding::OaepSha256,
        Padding::Pkcs1 | Padding::OaepSha384 | Padding::OaepSha512 => {
            let text = "--kms-rsa: KMS pads with oaep-sha256 and oaep-sha1 alone";
            return Err(Error::Usage(text.to_owned()));
        }
    };
    Ok(Box::new(AwsKmsRsaKeyring::new(arn, padding, public_key, client).map_err(usage)?))
}
