//! UpdateSecretVersionStage.

use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{
    UpdateSecretVersionStageRequest, UpdateSecretVersionStageResponse,
};
use bulla_store::SealedBatch;

use super::Answer;
use crate::conditions;
use crate::record::SecretRecord;
use crate::stages::CURRENT;
use crate::{Secrets, fault};

pub(crate) async fn update_secret_version_stage(
    service: &Secrets,
    call: &mut Call,
    input: &UpdateSecretVersionStageRequest<'_>,
) -> Answer {
    let stage = input.version_stage();
    let keys = conditions::of(input.secret_id()).with("secretsmanager:versionstage", stage);
    let action = "secretsmanager:UpdateSecretVersionStage";
    let secret = service.permitted(call, input.secret_id(), action, &keys).await?;
    secret.record.must_live()?;
    secret.record.must_be_primary()?;
    let mut record = secret.record.clone();
    let (from, to) = (input.remove_from_version_id(), input.move_to_version_id());
    move_stage(&mut record, stage, from, to)?;
    if record != secret.record {
        record.changed_ms = call.now_ms;
        service.change(&secret, &record, SealedBatch::new()).await?;
    }
    let answer = UpdateSecretVersionStageResponse::new()
        .with_arn(secret.arn.clone())
        .with_name(secret.record.name.clone());
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

/// Moves a label, or takes it away. Texts other than the first are ours.
fn move_stage(
    record: &mut SecretRecord,
    stage: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), Stop> {
    let on = record.labelled(stage).map(|version| version.id.clone());
    for id in [from, to].into_iter().flatten() {
        let version =
            record.version(id).ok_or_else(|| fault::no_value(&format!("VersionId: {id}")))?;
        if to == Some(id) && !version.has_own_value() {
            return Err(fault::no_value(&format!("VersionId: {id}")).into());
        }
    }
    if on.is_some() && on.as_deref() == to && from.is_none() {
        return Ok(());
    }
    match (&on, from) {
        (Some(on), None) => {
            let text = format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is \
                 currently attached to version {on}, so you must explicitly reference that \
                 version in RemoveFromVersionId."
            );
            return Err(fault::invalid_parameter(text).into());
        }
        (on, Some(from)) if on.as_deref() != Some(from) => {
            let text = format!("The staging label {stage} isn't attached to version {from}.");
            return Err(fault::invalid_parameter(text).into());
        }
        _ => {}
    }
    match to {
        Some(to) => record.label(stage, to),
        None if stage == CURRENT => {
            let text = "You can't remove the staging label AWSCURRENT. Move it to another \
                        version instead.";
            return Err(fault::invalid_parameter(text).into());
        }
        None if from.is_none() => {
            let text = "You must provide MoveToVersionId or RemoveFromVersionId.";
            return Err(fault::invalid_parameter(text).into());
        }
        None => record.unlabel(stage),
    }
    Ok(record.must_have_few_labels()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::secret;

    fn moved(stage: &str, from: Option<&str>, to: Option<&str>) -> Result<SecretRecord, String> {
        let mut record =
            secret(&[("v1", &["AWSPREVIOUS"]), ("v2", &["AWSCURRENT", "BLUE"]), ("v3", &[])]);
        match move_stage(&mut record, stage, from, to) {
            Ok(()) => Ok(record),
            Err(Stop::Fault(fault)) => Err(fault.message.unwrap_or_default().into_owned()),
            Err(_) => panic!("no refusal"),
        }
    }

    #[test]
    fn the_current_version_leaves_the_previous_one_behind() {
        let record = moved("AWSCURRENT", Some("v2"), Some("v3")).unwrap();
        let on = |stage: &str| record.labelled(stage).map(|version| version.id.as_str());
        assert_eq!(
            (on("AWSCURRENT"), on("AWSPREVIOUS"), on("BLUE")),
            (Some("v3"), Some("v2"), Some("v2"))
        );
        assert!(moved("AWSCURRENT", None, Some("v3")).unwrap_err().contains("version v2, so"));
        assert!(moved("AWSCURRENT", Some("v1"), Some("v3")).unwrap_err().contains("isn't"));
        assert!(moved("AWSCURRENT", Some("v2"), None).is_err());
        assert!(moved("AWSCURRENT", None, Some("v2")).is_ok());
    }

    #[test]
    fn other_labels_come_move_and_go() {
        assert!(moved("NEW", None, Some("v1")).unwrap().labelled("NEW").is_some());
        assert_eq!(moved("BLUE", Some("v2"), Some("v1")).unwrap().stages_of("v1").len(), 2);
        assert!(moved("BLUE", Some("v2"), None).unwrap().labelled("BLUE").is_none());
        for (from, to) in
            [(None, None), (None, Some("v1")), (Some("v9"), None), (Some("v2"), Some("v9"))]
        {
            assert!(moved("BLUE", from, to).is_err(), "{from:?} {to:?}");
        }
    }
}
