//! UpdateFunctionCode and UpdateFunctionConfiguration.

use bulla_plane::scheduler::DUE;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::lambda::{UpdateFunctionCodeRequest, UpdateFunctionConfigurationRequest};
use bulla_store::{Expected, SealedBatch};

use super::create::checked_zip;
use super::versions::publish;
use super::{Answer, check_revision, no_keys};
use crate::answer::{Shown, State};
use crate::code::kept::sweep_at;
use crate::functions::Stored;
use crate::identifier::{Identifier, LATEST};
use crate::record::{Config, FunctionRecord, bytes};
use crate::{Lambda, VERSIONS, checks, environment};

/// Refuses a qualifier, as only what is not published can be changed.
fn named(call: &Call, name: &str) -> Result<Identifier, Stop> {
    let named = Identifier::of(call, name, None)?;
    match named.qualifier.as_deref() {
        None | Some(LATEST) => Ok(Identifier { qualifier: None, ..named }),
        // Ours: AWS's text is not recorded.
        Some(_) => Err(crate::fault::invalid("A published version can't be changed.").into()),
    }
}

pub(crate) async fn update_function_code(
    service: &Lambda,
    call: &mut Call,
    input: &UpdateFunctionCodeRequest<'_>,
) -> Answer {
    let named = named(call, input.function_name())?;
    let action = "lambda:UpdateFunctionCode";
    let (_, stored) = service.permitted(call, named, action, &no_keys()).await?;
    service.runner()?;
    check_revision(input.revision_id(), &stored.record.latest.revision)?;
    checks::absent(&[
        ("ImageUri", input.image_uri().is_some()),
        ("S3Bucket", input.s3_bucket().is_some()),
        ("PublishTo", input.publish_to().is_some()),
    ])?;
    let zip = checked_zip(input.zip_file().map(<[u8]>::to_vec)).await?;
    let mut record = stored.record.clone();
    let path = record.path();
    let old = record.latest.code.id.clone();
    let architecture = input.architectures().and_then(|all| all.iter().next().map(str::to_owned));
    if let Some(architecture) = architecture {
        record.latest.architecture = architecture;
    }
    if input.dry_run() == Some(true) {
        let mut config = record.latest.clone();
        config.code.size = u64::try_from(zip.len()).unwrap_or(u64::MAX);
        config.code.sha256 = base64_simd::STANDARD.encode_to_string(bulla_crypto::sha256(&zip));
        return answer(service, call, &record, (LATEST, &config)).await;
    }
    record.latest.code = service.keep(call, &path, &zip).await?;
    let sweep = sweep_at(&path, &old, call.now_ms);
    let batch = SealedBatch::new().put(DUE, sweep, Expected::Absent, Vec::new());
    let publish = input.publish() == Some(true);
    changed(service, call, &stored, record, batch, publish).await
}

pub(crate) async fn update_function_configuration(
    service: &Lambda,
    call: &mut Call,
    input: &UpdateFunctionConfigurationRequest<'_>,
) -> Answer {
    let named = named(call, input.function_name())?;
    let arn = named.arn();
    let action = "lambda:UpdateFunctionConfiguration";
    let (_, stored) = service.permitted(call, named, action, &no_keys()).await?;
    check_revision(input.revision_id(), &stored.record.latest.revision)?;
    refuse_absent(input)?;
    let mut record = stored.record.clone();
    apply(input, &mut record)?;
    if let Some(role) = input.role() {
        service.pass_role(call, role, &arn).await?;
        record.latest.role = role.to_owned();
    }
    let given = input.environment();
    let key = input.kms_key_arn().map(|key| Some(key.to_owned()).filter(|key| !key.is_empty()));
    if given.is_some() || key.as_ref().is_some_and(|key| *key != record.latest.key) {
        let variables = match &given {
            Some(given) => environment::checked(given.variables())?,
            // Under the old key still, which the caller must be allowed to use.
            None => {
                let opened = service.open(call, &arn, record.latest.environment.as_ref()).await?;
                opened.map_err(|refused| crate::fault::kms_refused(&refused))?
            }
        };
        if let Some(key) = key {
            record.latest.key = key;
        }
        let key = record.latest.key.clone();
        record.latest.environment = service.seal(call, &arn, key.as_deref(), variables).await?;
    }
    changed(service, call, &stored, record, SealedBatch::new(), false).await
}

fn apply(
    input: &UpdateFunctionConfigurationRequest<'_>,
    record: &mut FunctionRecord,
) -> Result<(), Stop> {
    let name = record.name.clone();
    let config = &mut record.latest;
    if let Some(runtime) = input.runtime() {
        config.runtime = checks::runtime(Some(runtime))?;
    }
    if let Some(handler) = input.handler().filter(|handler| !handler.is_empty()) {
        config.handler = handler.to_owned();
    }
    if let Some(description) = input.description() {
        config.description = description.to_owned();
    }
    if let Some(timeout) = input.timeout() {
        config.timeout_s = checks::timeout(timeout)?;
    }
    if let Some(memory) = input.memory_size() {
        config.memory_mb = checks::memory(memory)?;
    }
    if let Some(storage) = input.ephemeral_storage().and_then(|given| given.size()) {
        config.storage_mb = storage;
    }
    if let Some(mode) = input.tracing_config().and_then(|given| given.mode().map(str::to_owned)) {
        config.tracing = mode;
    }
    if let Some(given) = input.logging_config() {
        config.logging = checks::logging(&name, Some(&given));
    }
    Ok(())
}

fn refuse_absent(input: &UpdateFunctionConfigurationRequest<'_>) -> Result<(), Stop> {
    let vpc = input.vpc_config();
    let vpc = vpc.as_ref().and_then(|vpc| vpc.subnet_ids().map(|ids| !ids.is_empty()));
    let snap = input.snap_start().and_then(|snap| snap.apply_on().map(|on| on != "None"));
    let dead = input.dead_letter_config();
    let dead = dead.as_ref().and_then(|dead| dead.target_arn().map(|arn| !arn.is_empty()));
    checks::absent(&[
        ("VpcConfig", vpc == Some(true)),
        ("DeadLetterConfig", dead == Some(true)),
        ("Layers", input.layers().is_some_and(|layers| !layers.is_empty())),
        ("FileSystemConfigs", input.file_system_configs().is_some_and(|all| !all.is_empty())),
        ("ImageConfig", input.image_config().is_some()),
        ("SnapStart", snap == Some(true)),
        ("CapacityProviderConfig", input.capacity_provider_config().is_some()),
        ("DurableConfig", input.durable_config().is_some()),
    ])?;
    Ok(())
}

/// Commits what a function has become, and answers it.
async fn changed(
    service: &Lambda,
    call: &mut Call,
    before: &Stored,
    mut record: FunctionRecord,
    mut batch: SealedBatch,
    publishes: bool,
) -> Answer {
    record.latest.modified_ms = call.now_ms;
    record.latest.revision = service.revision()?;
    let mut shown = (LATEST.to_owned(), record.latest.clone());
    if publishes {
        let description = record.latest.description.clone();
        let (number, config) = publish(service, &mut record, description)?;
        let row = record.version_row(number);
        batch = batch.put(VERSIONS, row.as_str(), Expected::Absent, bytes(&config)?);
        shown = (number.to_string(), config);
    }
    service.change(before, &record, batch).await?;
    if let Ok(runner) = service.runner() {
        runner.forget(Some(&record.path()));
    }
    answer(service, call, &record, (&shown.0, &shown.1)).await
}

async fn answer(
    service: &Lambda,
    call: &mut Call,
    record: &FunctionRecord,
    (version, config): (&str, &Config),
) -> Answer {
    let qualified = version != LATEST;
    let shown = Shown { record, version, config, qualified, state: State::Updating };
    let answer = service.configuration(call, shown).await?;
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}
