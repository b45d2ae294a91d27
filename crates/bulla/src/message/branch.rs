//! Branch keys: the keyring of one, and `bulla branch-key`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bulla_envelope::client::Client;
use bulla_envelope::keyring::{
    FolderRecords, HierarchicalKeyring, Keyring, KeyringError, KmsBranchKeys,
};

use super::kms_keys;
use crate::cli::message::{BranchKeyCommand, WrappingKeys};
use crate::error::Error;

/// How long a command goes on with a branch key before it asks for it again: as long as AWS's
/// examples have it.
const MAX_AGE: Duration = Duration::from_secs(600);

/// The keyring of `--branch-key`, if it is given.
pub(super) async fn keyring(keys: &WrappingKeys) -> Result<Option<Box<dyn Keyring>>, Error> {
    let branch = &keys.branch;
    let (Some(id), Some(folder)) = (&branch.branch_key, &branch.branch_keys) else {
        return Ok(None);
    };
    let [key] = &*keys.key else {
        let text = "--branch-key: one key of KMS wraps it, so give --key once";
        return Err(Error::Usage(text.to_owned()));
    };
    let store = Arc::new(store(key, folder, &branch.branch_store).await?);
    let keyring = HierarchicalKeyring::new(store, id.as_str(), MAX_AGE).map_err(kms_keys::usage)?;
    Ok(Some(Box::new(keyring)))
}

/// Runs `bulla branch-key`.
pub(super) async fn run(command: &BranchKeyCommand) -> Result<(), Error> {
    let (BranchKeyCommand::Create(options) | BranchKeyCommand::Rotate(options)) = command;
    let store = store(&options.key, &options.branch_keys, &options.branch_store).await?;
    let done = match command {
        BranchKeyCommand::Create(_) => store.create(&options.id).await,
        BranchKeyCommand::Rotate(_) => store.rotate(&options.id).await,
    };
    done.map(|_version| ()).map_err(|error| kms_keys::unusable(&options.id, error))
}

async fn store(
    key: &str,
    folder: &Path,
    name: &str,
) -> Result<KmsBranchKeys<FolderRecords>, Error> {
    let (client, arn) = kms_keys::found(&Client::from_environment()?, key).await?;
    let store = KmsBranchKeys::new(Arc::new(client), arn, name, FolderRecords::new(folder));
    store.map_err(|error: KeyringError| kms_keys::usage(error))
}
