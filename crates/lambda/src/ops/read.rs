//! GetFunction, GetFunctionConfiguration, GetFunctionCodeSigningConfig and GetAccountSettings.

use bulla_plane::Call;
use bulla_plane::gate::permit_account;
use bulla_shapes::View;
use bulla_shapes::lambda::{
    AccountLimit, AccountUsage, Concurrency, FunctionCodeLocation, FunctionConfiguration,
    GetAccountSettingsRequest, GetAccountSettingsResponse, GetFunctionCodeSigningConfigRequest,
    GetFunctionCodeSigningConfigResponse, GetFunctionConfigurationRequest, GetFunctionRequest,
    GetFunctionResponse,
};
use bulla_store::Range;

use super::{Answer, no_keys};
use crate::answer::{Shown, State, is_qualified};
use crate::code::{MAX_UNZIPPED_BYTES, MAX_ZIPPED_BYTES};
use crate::functions::Stored;
use crate::identifier::Identifier;
use crate::record::{self, FunctionRecord};
use crate::{FUNCTIONS, Lambda};

/// How much code an account can keep, in bytes (user guide, "Quotas").
const CODE_STORAGE_BYTES: i64 = 75 << 30;
/// How many rows a look at all functions of an account takes at once.
const ROWS_A_PAGE: usize = 500;

/// The version that a request names, as answers show it.
async fn shown(
    service: &Lambda,
    call: &mut Call,
    named: &Identifier,
    stored: &Stored,
) -> Result<FunctionConfiguration<'static>, bulla_plane::Stop> {
    let qualifier = named.qualifier.as_deref();
    let version = service.version(&stored.record, qualifier, 1.0).await?;
    let qualified = is_qualified(qualifier, &version.name);
    let (record, config) = (&stored.record, &version.config);
    let version = &version.name;
    let shown = Shown { record, version, config, qualified, state: State::Active };
    service.configuration(call, shown).await
}

pub(crate) async fn get_function(
    service: &Lambda,
    call: &mut Call,
    input: &GetFunctionRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), input.qualifier())?;
    let (named, stored) = service.permitted(call, named, "lambda:GetFunction", &no_keys()).await?;
    let configuration = shown(service, call, &named, &stored).await?;
    let record = &stored.record;
    let tags = (!record.tags.is_empty()).then(|| record.tags.clone());
    let concurrency = record
        .reserved
        .map(|reserved| Concurrency::new().with_reserved_concurrent_executions(reserved));
    // There is no address to fetch the archive from: this server has no S3.
    let answer = GetFunctionResponse::new()
        .with_configuration(configuration)
        .with_code(FunctionCodeLocation::new().with_repository_type("S3"))
        .with_some(tags, GetFunctionResponse::with_tags)
        .with_some(concurrency, GetFunctionResponse::with_concurrency);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_function_configuration(
    service: &Lambda,
    call: &mut Call,
    input: &GetFunctionConfigurationRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), input.qualifier())?;
    let action = "lambda:GetFunctionConfiguration";
    let (named, stored) = service.permitted(call, named, action, &no_keys()).await?;
    Ok(Some(shown(service, call, &named, &stored).await?.into_record()))
}

pub(crate) async fn get_function_code_signing_config(
    service: &Lambda,
    call: &mut Call,
    input: &GetFunctionCodeSigningConfigRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), None)?;
    let action = "lambda:GetFunctionCodeSigningConfig";
    let (named, _) = service.permitted(call, named, action, &no_keys()).await?;
    // No function here has one.
    let answer = GetFunctionCodeSigningConfigResponse::new()
        .with_code_signing_config_arn("")
        .with_function_name(named.name);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_account_settings(
    service: &Lambda,
    call: &mut Call,
    _input: &GetAccountSettingsRequest<'_>,
) -> Answer {
    permit_account(call, "lambda:GetAccountSettings", "*", &no_keys())?;
    let (mut count, mut bytes, mut reserved) = (0_i64, 0_u64, 0_i64);
    let mut next = Some(Range::prefix(format!("{}/{}/", call.account(), call.region)));
    while let Some(range) = next.take() {
        let view = service.barrier.view().await?;
        let page = view.range(FUNCTIONS, &range, ROWS_A_PAGE).await?;
        for (_, opened) in &page.rows {
            let record: FunctionRecord = record::read(opened.value.expose())?;
            count += 1;
            bytes = bytes.saturating_add(record.latest.code.size);
            reserved += record.reserved.unwrap_or(0);
        }
        next = page.next.map(|from| Range { from, to: range.to.clone() });
    }
    let concurrent = service.concurrency();
    let limit = AccountLimit::new()
        .with_total_code_size(CODE_STORAGE_BYTES)
        .with_code_size_unzipped(i64::try_from(MAX_UNZIPPED_BYTES).unwrap_or(i64::MAX))
        .with_code_size_zipped(i64::try_from(MAX_ZIPPED_BYTES).unwrap_or(i64::MAX))
        .with_concurrent_executions(concurrent)
        .with_unreserved_concurrent_executions(concurrent.saturating_sub(reserved).max(0));
    let usage = AccountUsage::new()
        .with_total_code_size(i64::try_from(bytes).unwrap_or(i64::MAX))
        .with_function_count(count);
    let answer =
        GetAccountSettingsResponse::new().with_account_limit(limit).with_account_usage(usage);
    Ok(Some(answer.into_record()))
}
