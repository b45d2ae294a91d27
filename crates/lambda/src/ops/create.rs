//! CreateFunction.

use bulla_plane::gate::Named;
use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::lambda::CreateFunctionRequest;
use bulla_store::{Expected, SealedBatch};

use super::{Answer, tags};
use crate::answer::{Shown, State};
use crate::code::archive;
use crate::functions::FUNCTION_TYPE;
use crate::identifier::{Identifier, LATEST};
use crate::ops::versions::publish;
use crate::record::{Code, Config, FunctionRecord, bytes};
use crate::{FUNCTIONS, Lambda, checks, environment, fault};

pub(crate) async fn create_function(
    service: &Lambda,
    call: &mut Call,
    input: &CreateFunctionRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), None)?;
    named.check_new(call)?;
    let tags = tags::pairs(input.tags());
    let keys = tags::keys(Context::new(), &tags);
    let (arn, path) = (named.arn(), named.path());
    let held = service.find(named.clone()).await?;
    let held = held.permit(call, "lambda:CreateFunction", &keys, Named::Arn)?;
    service.runner()?;
    let config = settings(input, &named)?;
    tags::check(&tags)?;
    let variables = environment::checked(input.environment().as_ref().and_then(|e| e.variables()))?;
    if held.stored.is_some() {
        return Err(fault::name_taken(&named.name).into());
    }
    service.pass_role(call, &config.role, &arn).await?;
    let zip = input.code().as_ref().and_then(|code| code.zip_file().map(<[u8]>::to_vec));
    let zip = checked_zip(zip).await?;
    let sealed = service.seal(call, &arn, config.key.as_deref(), variables).await?;
    let code = service.keep(call, &path, &zip).await?;
    let revision = service.revision()?;
    let config = Config { code, environment: sealed, modified_ms: call.now_ms, revision, ..config };
    let mut record = FunctionRecord {
        account: named.account.clone(),
        region: named.region.clone(),
        partition: named.partition.clone(),
        name: named.name.clone(),
        id: service.revision()?,
        latest: config,
        next_version: 1,
        versions: Vec::new(),
        aliases: Vec::new(),
        policies: Vec::new(),
        tags,
        reserved: None,
    };
    let mut batch = SealedBatch::new();
    let mut shown = (LATEST.to_owned(), record.latest.clone());
    if input.publish() == Some(true) {
        let description = record.latest.description.clone();
        let (number, published) = publish(service, &mut record, description)?;
        let row = record.version_row(number);
        batch = batch.put(crate::VERSIONS, row.as_str(), Expected::Absent, bytes(&published)?);
        shown = (number.to_string(), published);
    }
    let batch = batch.put(FUNCTIONS, path.as_str(), Expected::Absent, bytes(&record)?);
    service.barrier.commit(batch).await?;
    call.touched(&arn, &record.account, FUNCTION_TYPE);
    let (version, config) = (&shown.0, &shown.1);
    let shown =
        Shown { record: &record, version, config, qualified: false, state: State::Creating };
    let answer = service.configuration(call, shown).await?;
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// The settings of a new function, without its code and variables.
fn settings(input: &CreateFunctionRequest<'_>, named: &Identifier) -> Result<Config, Stop> {
    refuse_absent(input)?;
    let runtime = checks::runtime(input.runtime())?;
    let Some(handler) = input.handler().filter(|handler| !handler.is_empty()) else {
        return Err(checks::runtime(None).err().unwrap_or_else(fault::internal).into());
    };
    let architecture = input.architectures().and_then(|all| all.iter().next().map(str::to_owned));
    let tracing = input.tracing_config().and_then(|given| given.mode().map(str::to_owned));
    let storage = input.ephemeral_storage().and_then(|given| given.size());
    Ok(Config {
        runtime,
        handler: handler.to_owned(),
        role: input.role().to_owned(),
        description: input.description().unwrap_or_default().to_owned(),
        timeout_s: checks::timeout(input.timeout().unwrap_or(checks::TIMEOUT_S))?,
        memory_mb: checks::memory(input.memory_size().unwrap_or(checks::MEMORY_MB))?,
        storage_mb: storage.unwrap_or(checks::STORAGE_MB),
        architecture: architecture.unwrap_or_else(|| "x86_64".to_owned()),
        tracing: tracing.unwrap_or_else(|| "PassThrough".to_owned()),
        logging: checks::logging(&named.name, input.logging_config().as_ref()),
        key: input.kms_key_arn().filter(|key| !key.is_empty()).map(str::to_owned),
        environment: None,
        code: Code { id: String::new(), sha256: String::new(), size: 0 },
        modified_ms: 0,
        revision: String::new(),
        origin: None,
    })
}

fn refuse_absent(input: &CreateFunctionRequest<'_>) -> Result<(), Stop> {
    let code = input.code();
    let code = code.as_ref();
    let vpc = input.vpc_config();
    let vpc = vpc.as_ref().and_then(|vpc| vpc.subnet_ids().map(|ids| !ids.is_empty()));
    let snap = input.snap_start().and_then(|snap| snap.apply_on().map(|on| on != "None"));
    let dead = input.dead_letter_config();
    let dead = dead.as_ref().and_then(|dead| dead.target_arn().map(|arn| !arn.is_empty()));
    checks::absent(&[
        ("PackageType Image", input.package_type() == Some("Image")),
        ("Code.ImageUri", code.is_some_and(|code| code.image_uri().is_some())),
        ("Code.S3Bucket", code.is_some_and(|code| code.s3_bucket().is_some())),
        ("PublishTo", input.publish_to().is_some()),
        ("VpcConfig", vpc == Some(true)),
        ("DeadLetterConfig", dead == Some(true)),
        ("Layers", input.layers().is_some_and(|layers| !layers.is_empty())),
        ("FileSystemConfigs", input.file_system_configs().is_some_and(|all| !all.is_empty())),
        ("CodeSigningConfigArn", input.code_signing_config_arn().is_some()),
        ("ImageConfig", input.image_config().is_some()),
        ("SnapStart", snap == Some(true)),
        ("TenancyConfig", input.tenancy_config().is_some()),
        ("CapacityProviderConfig", input.capacity_provider_config().is_some()),
        ("DurableConfig", input.durable_config().is_some()),
    ])?;
    Ok(())
}

/// An archive that can be unpacked.
pub(crate) async fn checked_zip(zip: Option<Vec<u8>>) -> Result<Vec<u8>, Stop> {
    let Some(zip) = zip else {
        return Err(fault::invalid("Please provide a source for function code.").into());
    };
    if zip.len() > crate::code::MAX_ZIPPED_BYTES {
        let limit = crate::rows::MAX_UPLOAD_BYTES;
        return Err(fault::too_large(limit, "CreateFunction").into());
    }
    // Up to a second's work.
    let checked = tokio::task::spawn_blocking(move || archive::check(&zip).map(|()| zip));
    match checked.await {
        Ok(checked) => Ok(checked.map_err(archive::Refusal::fault)?),
        Err(error) => {
            tracing::error!(%error, "the check of an archive ended");
            Err(Stop::Internal)
        }
    }
}
