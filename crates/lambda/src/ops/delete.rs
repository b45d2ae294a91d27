//! DeleteFunction.

use bulla_plane::scheduler::DUE;
use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::lambda::{DeleteFunctionRequest, DeleteFunctionResponse};
use bulla_store::{Expected, SealedBatch};

use super::{Answer, no_keys};
use crate::code::kept::sweep_at;
use crate::functions::Stored;
use crate::identifier::{Identifier, LATEST, is_number};
use crate::record::Config;
use crate::{FUNCTIONS, Lambda, VERSIONS, fault, record};

pub(crate) async fn delete_function(
    service: &Lambda,
    call: &mut Call,
    input: &DeleteFunctionRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), input.qualifier())?;
    let action = "lambda:DeleteFunction";
    let (named, stored) = service.permitted(call, named, action, &no_keys()).await?;
    match named.qualifier.as_deref() {
        None => delete_all(service, call, &stored).await?,
        Some(LATEST) => {
            let text = "$LATEST version cannot be deleted without deleting the function.";
            return Err(fault::invalid(text).into());
        }
        Some(number) if is_number(number) => {
            delete_version(service, call, &stored, number).await?;
        }
        Some(_) => {
            let text = "Deletion of aliases is not currently supported.";
            return Err(fault::invalid(text).into());
        }
    }
    Ok(Some(DeleteFunctionResponse::new().with_status_code(204).into_record()))
}

async fn delete_all(service: &Lambda, call: &Call, stored: &Stored) -> Result<(), Stop> {
    let (record, path) = (&stored.record, stored.record.path());
    let mut codes = vec![record.latest.code.id.clone()];
    // The first commit takes the function away; what belonged to it follows.
    let mut rows = Vec::new();
    for &number in &record.versions {
        let row = record.version_row(number);
        if let Some(opened) = service.barrier.get(VERSIONS, row.as_bytes()).await? {
            let config: Config = record::read(opened.value.expose())?;
            codes.push(config.code.id);
            rows.push(row);
        }
    }
    codes.sort_unstable();
    codes.dedup();
    let mut batch = SealedBatch::new().delete(FUNCTIONS, path.as_str(), Expected::At(stored.row));
    for code in codes.iter().take(MAX_SWEEPS) {
        let sweep = sweep_at(&path, code, call.now_ms);
        batch = batch.put(DUE, sweep, Expected::Absent, Vec::new());
    }
    service.barrier.commit(batch).await?;
    for rows in rows.chunks(MAX_SWEEPS) {
        let keys = rows.iter().map(|row| bulla_store::Key::from(row.as_str()));
        service.barrier.discard(VERSIONS, keys).await?;
    }
    for codes in codes.get(MAX_SWEEPS..).unwrap_or_default().chunks(MAX_SWEEPS) {
        let mut batch = SealedBatch::new();
        for code in codes {
            let sweep = sweep_at(&path, code, call.now_ms);
            batch = batch.put(DUE, sweep, Expected::Absent, Vec::new());
        }
        service.barrier.commit(batch).await?;
    }
    if let Ok(runner) = service.runner() {
        runner.forget(Some(&path));
    }
    Ok(())
}

/// How many rows one commit of a deletion touches.
const MAX_SWEEPS: usize = 500;

async fn delete_version(
    service: &Lambda,
    call: &Call,
    stored: &Stored,
    number: &str,
) -> Result<(), Stop> {
    let mut record = stored.record.clone();
    let missing = || fault::no_function(&format!("{}:{number}", record.arn()));
    let parsed: u64 = number.parse().map_err(|_| missing())?;
    let Some(config) = service.published(&record, parsed).await? else {
        return Err(missing().into());
    };
    let uses = |alias: &&crate::record::Alias| {
        alias.version == number
            || alias.routing.as_ref().is_some_and(|(version, _)| version == number)
    };
    let users: Vec<&str> =
        record.aliases.iter().filter(uses).map(|alias| alias.name.as_str()).collect();
    if !users.is_empty() {
        // The sentence is AWS's as users quote it.
        let text = format!(
            "Unable to delete version because the following aliases reference it: \
             {users:?}"
        );
        return Err(fault::conflict(text).into());
    }
    let row = record.version_row(parsed);
    record.versions.retain(|version| *version != parsed);
    record.policies.retain(|(on, _)| on != number);
    let mut batch = SealedBatch::new();
    if let Some(opened) = service.barrier.get(VERSIONS, row.as_bytes()).await? {
        batch = batch.delete(VERSIONS, row.as_str(), Expected::At(opened.version));
    }
    let sweep = sweep_at(&record.path(), &config.code.id, call.now_ms);
    let batch = batch.put(DUE, sweep, Expected::Absent, Vec::new());
    service.change(stored, &record, batch).await
}
