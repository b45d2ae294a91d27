//! Answers that several operations give.

use bulla_plane::{Call, Stop};
use bulla_shapes::View as _;
use bulla_shapes::lambda::{
    AliasConfiguration, AliasRoutingConfiguration, EphemeralStorage, FunctionConfiguration,
    LoggingConfig, RuntimeVersionConfig, SnapStartResponse, TracingConfigResponse,
};
use bulla_shapes::value::Value;

use crate::Lambda;
use crate::identifier::LATEST;
use crate::record::{Alias, Config, FunctionRecord};

/// What a version is told to be doing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It was made by the call that is answered.
    Creating,
    /// It was changed by the call that is answered.
    Updating,
    /// It can be called.
    Active,
}

/// A version as most operations answer it. `qualified` has the ARN name the version.
pub(crate) struct Shown<'s> {
    pub(crate) record: &'s FunctionRecord,
    pub(crate) version: &'s str,
    pub(crate) config: &'s Config,
    pub(crate) qualified: bool,
    pub(crate) state: State,
}

impl Lambda {
    /// A version, with its variables as far as the caller may see them.
    pub(crate) async fn configuration(
        &self,
        call: &mut Call,
        shown: Shown<'_>,
    ) -> Result<FunctionConfiguration<'static>, Stop> {
        let Shown { record, version, config, qualified, state } = shown;
        let arn = record.arn();
        let environment = self.shown(call, &arn, config.environment.as_ref()).await?;
        let arn = if qualified { format!("{arn}:{version}") } else { arn };
        let logging = LoggingConfig::new()
            .with_log_format(config.logging.format.clone())
            .with_some(
                config.logging.application_level.clone(),
                LoggingConfig::with_application_log_level,
            )
            .with_some(config.logging.system_level.clone(), LoggingConfig::with_system_log_level)
            .with_log_group(config.logging.group.clone());
        let answer = FunctionConfiguration::new()
            .with_function_name(record.name.clone())
            .with_function_arn(arn)
            .with_runtime(config.runtime.clone())
            .with_role(config.role.clone())
            .with_handler(config.handler.clone())
            .with_code_size(i64::try_from(config.code.size).unwrap_or(i64::MAX))
            .with_description(config.description.clone())
            .with_timeout(config.timeout_s)
            .with_memory_size(config.memory_mb)
            .with_last_modified(modified(config.modified_ms))
            .with_code_sha256(config.code.sha256.clone())
            .with_version(version.to_owned())
            .with_some(environment, FunctionConfiguration::with_environment)
            .with_some(config.key.clone(), FunctionConfiguration::with_kms_key_arn)
            .with_tracing_config(TracingConfigResponse::new().with_mode(config.tracing.clone()))
            .with_revision_id(config.revision.clone())
            .with_package_type("Zip")
            .with_architectures([config.architecture.clone()])
            .with_ephemeral_storage(EphemeralStorage::new().with_size(config.storage_mb))
            .with_snap_start(
                SnapStartResponse::new().with_apply_on("None").with_optimization_status("Off"),
            )
            .with_runtime_version_config(
                RuntimeVersionConfig::new().with_runtime_version_arn(runtime_arn(record, config)),
            )
            .with_logging_config(logging);
        Ok(with_state(answer, state))
    }
}

fn with_state(
    answer: FunctionConfiguration<'static>,
    state: State,
) -> FunctionConfiguration<'static> {
    match state {
        State::Creating => answer
            .with_state("Pending")
            .with_state_reason("The function is being created.")
            .with_state_reason_code("Creating"),
        State::Updating => answer
            .with_state("Active")
            .with_last_update_status("InProgress")
            .with_last_update_status_reason("The function is being created.")
            .with_last_update_status_reason_code("Creating"),
        State::Active => answer.with_state("Active").with_last_update_status("Successful"),
    }
}

/// The version of a runtime. AWS names its own by a digest; ours is that of the interpreter found
/// when it runs, and so the same for all.
fn runtime_arn(record: &FunctionRecord, config: &Config) -> String {
    let FunctionRecord { partition, region, .. } = record;
    let name = bulla_crypto::hex::encode(&bulla_crypto::sha256(config.runtime.as_bytes()));
    format!("arn:{partition}:lambda:{region}::runtime:{name}")
}

/// `2024-11-24T00:00:00.000+0000`
fn modified(ms: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_millisecond(ms) else { return String::new() };
    time.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

/// An alias.
pub(crate) fn alias(record: &FunctionRecord, alias: &Alias) -> AliasConfiguration<'static> {
    let routing = alias.routing.as_ref().map(|(version, weight)| {
        let weights = vec![(version.clone().into(), Value::Double(*weight))];
        AliasRoutingConfiguration::new().with_additional_version_weights(weights)
    });
    AliasConfiguration::new()
        .with_alias_arn(format!("{}:{}", record.arn(), alias.name))
        .with_name(alias.name.clone())
        .with_function_version(alias.version.clone())
        .with_description(alias.description.clone())
        .with_some(routing, AliasConfiguration::with_routing_config)
        .with_revision_id(alias.revision.clone())
}

/// Whether an answer's ARN names the version: only where the request did (recorded).
pub(crate) fn is_qualified(qualifier: Option<&str>, version: &str) -> bool {
    qualifier.is_some() || version != LATEST
}
