//! DeleteParameter, DeleteParameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_plane::{Call, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::ssm::{DeleteParameterRequest, DeleteParametersRequest, DeleteParametersResult};
use bulla_store::SealedBatch;

use super::Answer;
use crate::events::Change;
use crate::live::Live;
use crate::{Ssm, due, name};

pub(crate) async fn delete_parameter(
    ssm: &Ssm,
    call: &mut Call,
    input: &DeleteParameterRequest<'_>,
) -> Answer {
    const ACTION: &str = "ssm:DeleteParameter";
    let name = name::of_own(call, input.name(), ACTION)?;
    let permitted = ssm.permitted(call, &name, ACTION, &RequestKeys::none()).await?;
    delete(ssm, call, &[permitted.existing()?]).await?;
    Ok(None)
}

pub(crate) async fn delete_parameters(
    ssm: &Ssm,
    call: &mut Call,
    input: &DeleteParametersRequest<'_>,
) -> Answer {
    const ACTION: &str = "ssm:DeleteParameters";
    let names: Vec<&str> = input.names().map(|names| names.iter().collect()).unwrap_or_default();
    let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
    // By row, as two spellings can be one parameter.
    let mut parameters: BTreeMap<String, Arc<Live>> = BTreeMap::new();
    for text in names {
        let name = name::of_own(call, text, ACTION)?;
        let permitted = ssm.permitted(call, &name, ACTION, &RequestKeys::none()).await?;
        match permitted.parameter {
            Some(live) => {
                parameters.insert(live.row.clone(), live);
                deleted.push(text.to_owned());
            }
            None => invalid.push(text.to_owned()),
        }
    }
    let parameters: Vec<_> = parameters.into_values().collect();
    delete(ssm, call, &parameters).await?;
    for names in [&mut deleted, &mut invalid] {
        names.sort_unstable();
        names.dedup();
    }
    let answer = DeleteParametersResult::new()
        .with_deleted_parameters(deleted)
        .with_invalid_parameters(invalid);
    Ok(Some(answer.into_record()))
}

/// Deletes parameters in one commit.
async fn delete(ssm: &Ssm, call: &Call, parameters: &[Arc<Live>]) -> Result<(), Stop> {
    let mut batch = SealedBatch::new();
    for live in parameters {
        batch = due::removed(batch, live);
        batch = ssm.tell_change(batch, &live.record, Change::Delete, call.now_ms)?;
    }
    ssm.remove(batch, parameters).await
}
