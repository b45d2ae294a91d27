//! PublishVersion.

use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::lambda::PublishVersionRequest;
use bulla_store::{Expected, SealedBatch};

use super::{Answer, check_revision, no_keys};
use crate::answer::{Shown, State};
use crate::identifier::Identifier;
use crate::record::{Config, FunctionRecord, bytes};
use crate::{Lambda, VERSIONS, fault};

/// How many versions a function can have. AWS bounds their code alone; this number is ours, so
/// that a function's record stays small.
const MAX_VERSIONS: usize = 10_000;

/// Makes a version of what a function is now, and answers its number.
pub(crate) fn publish(
    service: &Lambda,
    record: &mut FunctionRecord,
    description: String,
) -> Result<(u64, Config), Stop> {
    if record.versions.len() >= MAX_VERSIONS {
        return Err(fault::code_storage_exceeded().into());
    }
    let number = record.next_version;
    record.next_version = number.saturating_add(1);
    record.versions.push(number);
    let revision = service.revision()?;
    let latest = record.latest.clone();
    let origin = Some(latest.revision.clone());
    Ok((number, Config { description, revision, origin, ..latest }))
}

pub(crate) async fn publish_version(
    service: &Lambda,
    call: &mut Call,
    input: &PublishVersionRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), None)?;
    let action = "lambda:PublishVersion";
    let (_, stored) = service.permitted(call, named, action, &no_keys()).await?;
    let mut record = stored.record.clone();
    check_revision(input.revision_id(), &record.latest.revision)?;
    if let Some(given) = input.code_sha256().filter(|given| !given.is_empty())
        && given != record.latest.code.sha256
    {
        let is = &record.latest.code.sha256;
        return Err(fault::invalid(format!(
            "CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({is}). Please \
             try again with the CodeSHA256 in $LATEST."
        ))
        .into());
    }
    if input.publish_to().is_some() {
        return Err(fault::unsupported("PublishTo").into());
    }
    // Nothing changed since: the last version is the answer again.
    let last = record.versions.last().copied();
    if let Some(number) = last
        && let Some(config) = service.published(&record, number).await?
        && config.origin.as_ref() == Some(&record.latest.revision)
    {
        return shown(service, call, &record, number, &config).await;
    }
    let given = input.description().map(str::to_owned);
    let description = given.unwrap_or_else(|| record.latest.description.clone());
    let (number, config) = publish(service, &mut record, description)?;
    let row = record.version_row(number);
    let batch = SealedBatch::new().put(VERSIONS, row.as_str(), Expected::Absent, bytes(&config)?);
    service.change(&stored, &record, batch).await?;
    shown(service, call, &record, number, &config).await
}

async fn shown(
    service: &Lambda,
    call: &mut Call,
    record: &FunctionRecord,
    number: u64,
    config: &Config,
) -> Answer {
    let version = number.to_string();
    let version = version.as_str();
    let shown = Shown { record, version, config, qualified: true, state: State::Active };
    let answer = service.configuration(call, shown).await?;
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}
