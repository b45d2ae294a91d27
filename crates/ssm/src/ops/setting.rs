//! GetServiceSetting, UpdateServiceSetting, ResetServiceSetting.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::ssm::{
    GetServiceSettingRequest, GetServiceSettingResult, ResetServiceSettingRequest,
    ResetServiceSettingResult, ServiceSetting, UpdateServiceSettingRequest,
};
use bulla_store::{Expected, SealedBatch};

use super::Answer;
use crate::settings::{Known, SETTINGS, SettingRecord};
use crate::{Ssm, fault};

/// Who AWS says set what nobody set (user guide, "Specifying a default parameter tier").
const NOBODY: &str = "System";

pub(crate) async fn get_service_setting(
    ssm: &Ssm,
    call: &mut Call,
    input: &GetServiceSettingRequest<'_>,
) -> Answer {
    let known = permitted(call, input.setting_id(), "ssm:GetServiceSetting")?;
    let opened = ssm.barrier.get(SETTINGS, known.row(call).as_bytes()).await?;
    let record = opened.map(|opened| SettingRecord::read(opened.value.expose())).transpose()?;
    let setting = shown(call, known, record.as_ref());
    Ok(Some(GetServiceSettingResult::new().with_service_setting(setting).into_record()))
}

pub(crate) async fn update_service_setting(
    ssm: &Ssm,
    call: &mut Call,
    input: &UpdateServiceSettingRequest<'_>,
) -> Answer {
    let known = permitted(call, input.setting_id(), "ssm:UpdateServiceSetting")?;
    let value = input.setting_value();
    if !known.values.contains(&value) {
        // AWS's text is not recorded; this one is ours.
        let text = format!("{} is one of {}.", known.id, known.values.join(", "));
        return Err(fault::validation(text).into());
    }
    let record = SettingRecord {
        value: value.to_owned(),
        modified_ms: call.now_ms,
        modified_by: call.principal().arn.clone(),
    };
    let row = known.row(call);
    let before = ssm.barrier.get(SETTINGS, row.as_bytes()).await?.map(|opened| opened.version);
    let bytes = record.to_bytes()?;
    let batch = SealedBatch::new().put(SETTINGS, row.as_str(), Expected::from(before), bytes);
    ssm.change_setting(&row, batch).await?;
    Ok(None)
}

pub(crate) async fn reset_service_setting(
    ssm: &Ssm,
    call: &mut Call,
    input: &ResetServiceSettingRequest<'_>,
) -> Answer {
    let known = permitted(call, input.setting_id(), "ssm:ResetServiceSetting")?;
    let row = known.row(call);
    if let Some(opened) = ssm.barrier.get(SETTINGS, row.as_bytes()).await? {
        let expected = Expected::At(opened.version);
        let batch = SealedBatch::new().delete(SETTINGS, row.as_str(), expected);
        ssm.change_setting(&row, batch).await?;
    }
    let setting = shown(call, known, None);
    Ok(Some(ResetServiceSettingResult::new().with_service_setting(setting).into_record()))
}

/// A setting that the caller may do this to. Settings of other parts of Systems Manager are not
/// here.
fn permitted(call: &mut Call, text: &str, action: &str) -> Result<&'static Known, Stop> {
    let known = Known::find(call, text);
    let arn = match known {
        Some(known) => known.arn(call),
        None => format!(
            "arn:{}:ssm:{}:{}:servicesetting{text}",
            call.partition,
            call.region,
            call.account()
        ),
    };
    permit_account(call, action, &arn, &RequestKeys::none())?;
    let account = call.account().to_owned();
    call.touched(&arn, &account, "");
    // AWS's text is not recorded; this one is ours.
    let missing = || fault::named("ServiceSettingNotFound", format!("There is no setting {text}."));
    Ok(known.ok_or_else(missing)?)
}

/// AWS shows a date even of what nobody set; here there is none to show.
fn shown(call: &Call, known: &Known, record: Option<&SettingRecord>) -> ServiceSetting<'static> {
    let setting = ServiceSetting::new().with_setting_id(known.id).with_arn(known.arn(call));
    match record {
        Some(record) => setting
            .with_setting_value(record.value.clone())
            .with_last_modified_date(record.modified_ms)
            .with_last_modified_user(record.modified_by.clone())
            .with_status("Customized"),
        None => setting
            .with_setting_value(known.default())
            .with_last_modified_user(NOBODY)
            .with_status("Default"),
    }
}
