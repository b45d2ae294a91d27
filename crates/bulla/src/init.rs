//! `bulla init`: a data directory, and the root access key, which is shown once.

use std::sync::Arc;

use bulla_crypto::{Crypto, SecretBytes, harden_process};
use bulla_iam::{
    AccessKeyError, AccessKeys, IssuedKey, Principals, Sessions, draw_account, is_account,
    record_account,
};
use bulla_plane::Clock;

use crate::cli::InitOptions;
use crate::error::Error;
use crate::foundation::Foundation;
use crate::server;
use crate::stdout;

/// Makes a data directory and prints its root access key.
pub(crate) fn init(options: &InitOptions) -> Result<(), Error> {
    harden_process()?;
    let data = options.place.data()?;
    let crypto = Crypto::standard();
    let account = match &options.account {
        Some(given) if !is_account(given) => {
            return Err(AccessKeyError::Account { given: given.clone() }.into());
        }
        Some(given) => given.clone(),
        None => draw_account(&crypto)?,
    };
    let issued = server::runtime()?.block_on(async {
        let house = Foundation::create(crypto.clone(), &data, options.seal).await?;
        let clock = Arc::new(Clock::default());
        let recorded = record_account(&house.barrier, &account, clock.now_ms()).await;
        recorded.map_err(|error| Error::Barrier(data.directory.clone(), error))?;
        let principals = Principals::new(house.barrier.clone(), crypto, clock);
        let keys = AccessKeys::new(Arc::new(Sessions::new(Arc::new(principals))), false);
        let issued = keys.create_root_key(&account).await?;
        server::close(&house.barrier, &house.journal, house.anchor.as_ref()).await?;
        Ok::<IssuedKey, Error>(issued)
    })?;
    let text = render(&account, &issued, options.json);
    stdout::whole(text.expose())
}

/// None of the three texts holds a character that JSON escapes.
fn render(account: &str, key: &IssuedKey, json: bool) -> SecretBytes {
    let id = key.access_key_id.as_str();
    let parts = if json {
        [
            "{\"AccountId\":\"",
            account,
            "\",\"AccessKeyId\":\"",
            id,
            "\",\"SecretAccessKey\":\"",
            "\"}\n",
        ]
    } else {
        [
            "The root access key, shown this once:\nAccount            ",
            account,
            "\nAccess key id      ",
            id,
            "\nSecret access key  ",
            "\n",
        ]
    };
    let [head @ .., tail] = parts;
    let length = parts.iter().map(|part| part.len()).sum::<usize>() + key.secret.len();
    let mut text = Vec::with_capacity(length);
    head.iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
    text.extend_from_slice(key.secret.expose());
    text.extend_from_slice(tail.as_bytes());
    SecretBytes::new(text)
}
