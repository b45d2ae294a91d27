//! `bulla tour`: the main jobs, told line by line, over TCP and signed as SDKs sign.

mod client;
mod people;

use std::net::Ipv4Addr;
use std::sync::Arc;

use bulla_crypto::{Crypto, harden_process};
use bulla_plane::journal::Journal;
use bulla_shapes::kms;
use serde_json::{Value, json};
use tokio::sync::watch;

use self::client::{Answer, Client, Signer, member};
use self::people::{OWNER, PLAINTEXT};
use crate::config::KeySettings;
use crate::error::Error;
use crate::foundation::Foundation;
use crate::house::House;
use crate::key_stores::KeyStores;
use crate::listener::listen;
use crate::server;
use crate::stdout::line;

const STRANGER: &str = "111111111111";

/// Runs a server in memory, calls it, and tells what it answers.
pub(crate) fn tour() -> Result<(), Error> {
    harden_process()?;
    server::runtime()?.block_on(async {
        let listener = server::bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let address = listener.local_addr();
        let address = address.map_err(|cause| Error::io("ask for the port", cause))?;
        let foundation = Foundation::in_memory(Crypto::standard()).await?;
        let keys = KeySettings::default();
        let house = Arc::new(House::new(foundation, true, KeyStores::none()?, keys, None));
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(listen(listener, None, Arc::clone(&house), stopped));
        line(format_args!("A server that lives in memory listens on http://{address}."))?;
        let told = tell(&Client { address }).await;
        stop.send_replace(true);
        let ended = serving.await;
        told?;
        ended.map_err(|error| Error::Tour(format!("the server ended early: {error}")))?;
        read_back(&house.plane.journal)?;
        server::close(&house.plane.barrier, &house.plane.journal, None).await?;
        line("That was the tour. `bulla dev` starts a server for your own tests.")?;
        Ok(())
    })
}

async fn tell(client: &Client) -> Result<(), Error> {
    let key = make(client).await?;
    let sealed = seal(client).await?;
    refuse(client, &sealed).await?;
    people::tell(client, &key, &sealed).await?;
    rotate(client, &key, &sealed).await?;
    delete(client, &key, &sealed).await
}

/// Calls KMS as the root user of an account.
async fn kms(client: &Client, account: &str, op: &str, input: Value) -> Result<Answer, Error> {
    client.json(&Signer::root(account), &kms::SERVICE, op, input).await
}

/// Makes a key, and answers its ARN.
async fn make(client: &Client) -> Result<String, Error> {
    let made = kms(client, OWNER, "CreateKey", json!({ "Description": "tour" })).await?;
    let key = made.ok()?.pointer("/KeyMetadata/Arn").and_then(Value::as_str).unwrap_or_default();
    line(format_args!("CreateKey made {key}."))?;
    let alias = json!({ "AliasName": "alias/tour", "TargetKeyId": key });
    kms(client, OWNER, "CreateAlias", alias).await?.ok()?;
    line("CreateAlias named it alias/tour.")?;
    Ok(key.to_owned())
}

/// Encrypts and decrypts, and answers the request that decrypts.
async fn seal(client: &Client) -> Result<Value, Error> {
    let context = json!({ "tenant": "a" });
    let request =
        json!({ "KeyId": "alias/tour", "Plaintext": PLAINTEXT, "EncryptionContext": context });
    let sealed = kms(client, OWNER, "Encrypt", request).await?;
    let blob = member(sealed.ok()?, "CiphertextBlob");
    line("Encrypt sealed five bytes for the encryption context tenant=a.")?;
    let request = json!({ "CiphertextBlob": blob, "EncryptionContext": context });
    opens(client, &request).await?;
    line("Decrypt gave them back.")?;
    let request = json!({ "KeyId": "alias/tour", "KeySpec": "AES_256" });
    kms(client, OWNER, "GenerateDataKey", request).await?.ok()?;
    line("GenerateDataKey gave a data key, in clear and sealed.")?;
    Ok(json!({ "CiphertextBlob": blob, "EncryptionContext": context }))
}

/// Decrypts, and answers the id of the material that did it.
async fn opens(client: &Client, request: &Value) -> Result<String, Error> {
    let opened = kms(client, OWNER, "Decrypt", request.clone()).await?;
    if member(opened.ok()?, "Plaintext") != PLAINTEXT {
        return Err(Error::Tour("Decrypt gave other bytes back".to_owned()));
    }
    Ok(member(opened.ok()?, "KeyMaterialId").to_owned())
}

async fn refuse(client: &Client, sealed: &Value) -> Result<(), Error> {
    let blob = member(sealed, "CiphertextBlob");
    let other = json!({ "CiphertextBlob": blob, "EncryptionContext": { "tenant": "b" } });
    let refused = kms(client, OWNER, "Decrypt", other).await?;
    line(format_args!(
        "Decrypt for tenant=b was refused: {}.",
        refused.refused("InvalidCiphertextException")?
    ))?;
    let refused = kms(client, STRANGER, "Decrypt", sealed.clone()).await?;
    line(format_args!(
        "Decrypt by account {STRANGER} was refused: {}.",
        refused.refused("AccessDeniedException")?
    ))?;
    Ok(())
}

async fn rotate(client: &Client, key: &str, sealed: &Value) -> Result<(), Error> {
    kms(client, OWNER, "RotateKeyOnDemand", json!({ "KeyId": key })).await?.ok()?;
    client.post("/_bulla/clock", &[], br#"{"advance":"PT1H"}"#).await?.ok()?;
    line("RotateKeyOnDemand gave the key new material, an hour later by the server's clock.")?;
    let request = json!({ "KeyId": key, "Plaintext": PLAINTEXT });
    let newer = kms(client, OWNER, "Encrypt", request).await?;
    let newer = json!({ "CiphertextBlob": member(newer.ok()?, "CiphertextBlob") });
    let (old, new) = (opens(client, sealed).await?, opens(client, &newer).await?);
    if old == new {
        return Err(Error::Tour("the rotation left the key's material as it was".to_owned()));
    }
    line("Encrypt uses it, and Decrypt still opens what was sealed before the rotation.")?;
    Ok(())
}

async fn delete(client: &Client, key: &str, sealed: &Value) -> Result<(), Error> {
    let soon = json!({ "KeyId": key, "PendingWindowInDays": 7 });
    kms(client, OWNER, "ScheduleKeyDeletion", soon.clone()).await?.ok()?;
    let refused = kms(client, OWNER, "Decrypt", sealed.clone()).await?;
    line(format_args!(
        "ScheduleKeyDeletion stopped the key at once: {}.",
        refused.refused("KMSInvalidStateException")?
    ))?;
    kms(client, OWNER, "CancelKeyDeletion", json!({ "KeyId": key })).await?.ok()?;
    kms(client, OWNER, "EnableKey", json!({ "KeyId": key })).await?.ok()?;
    opens(client, sealed).await?;
    line("CancelKeyDeletion and EnableKey brought it back: Decrypt works again.")?;
    kms(client, OWNER, "ScheduleKeyDeletion", soon).await?.ok()?;
    client.post("/_bulla/clock", &[], br#"{"advance":"P8D"}"#).await?.ok()?;
    let gone = kms(client, OWNER, "DescribeKey", json!({ "KeyId": key })).await?;
    line(format_args!(
        "ScheduleKeyDeletion again, and eight days later the key is gone: {}.",
        gone.refused("NotFoundException")?
    ))?;
    Ok(())
}

/// Reads the record of all those calls.
fn read_back(journal: &Journal) -> Result<(), Error> {
    let failed = |cause| Error::io("read the journal", cause);
    let mut calls = Vec::new();
    for record in journal.read_from(1).map_err(failed)? {
        let record = record.map_err(|error| Error::Tour(error.to_string()))?;
        let fields = record.fields().map_err(|error| Error::Tour(error.to_string()))?;
        let account = fields.identity.account_id.unwrap_or_default();
        calls.push(match fields.error_code {
            None => fields.event_name.to_owned(),
            Some(code) => format!("{} by {account} ({code})", fields.event_name),
        });
    }
    line(format_args!(
        "The audit journal has a record of each call, refusals too: {}.",
        calls.join(", ")
    ))?;
    Ok(())
}
