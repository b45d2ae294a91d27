//! `--cache`: its settings, and the source that they make.

use std::time::Duration;

use bulla_envelope::DefaultSource;
use bulla_envelope::cache::{CachingSource, LocalCache};

use crate::error::Error;

/// How many entries are kept unless it is said.
const DEFAULT_CAPACITY: usize = 100;

/// Keeps the materials of `source` as `settings` say.
pub(super) fn around(
    source: DefaultSource,
    settings: &str,
) -> Result<CachingSource<DefaultSource>, Error> {
    let refused = |why: String| Error::Usage(format!("--cache {settings:?}: {why}"));
    let (mut age, mut messages, mut bytes, mut capacity) = (None, None, None, DEFAULT_CAPACITY);
    for setting in settings.split(',') {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| refused(format!("{setting:?} is not written as NAME=NUMBER")))?;
        let number = |text: &str| {
            let number: Result<u64, _> = text.parse();
            number.map_err(|_| refused(format!("{text:?} is no number")))
        };
        match name {
            "max-age" => age = Some(Duration::from_secs(number(value)?)),
            "max-messages" => messages = Some(number(value)?),
            "max-bytes" => bytes = Some(number(value)?),
            "capacity" => capacity = usize::try_from(number(value)?).unwrap_or(usize::MAX),
            _ => {
                let known = "max-age, max-messages, max-bytes and capacity";
                return Err(refused(format!("{name:?} is not one of {known}")));
            }
        }
    }
    let age = age.ok_or_else(|| refused("max-age is missing, in seconds".to_owned()))?;
    let capacity =
        capacity.try_into().map_err(|_| refused("capacity must be at least 1".to_owned()))?;
    let refuse = |error: bulla_envelope::Error| refused(error.to_string());
    let mut source = CachingSource::new(source, LocalCache::new(capacity), age).map_err(refuse)?;
    if let Some(messages) = messages {
        source = source.max_messages(messages).map_err(refuse)?;
    }
    if let Some(bytes) = bytes {
        source = source.max_bytes(bytes).map_err(refuse)?;
    }
    Ok(source)
}
