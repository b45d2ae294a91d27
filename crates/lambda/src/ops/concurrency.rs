//! PutFunctionConcurrency, GetFunctionConcurrency and DeleteFunctionConcurrency.

use bulla_plane::Call;
use bulla_shapes::View;
use bulla_shapes::lambda::{
    Concurrency, DeleteFunctionConcurrencyRequest, GetFunctionConcurrencyRequest,
    GetFunctionConcurrencyResponse, PutFunctionConcurrencyRequest,
};
use bulla_store::SealedBatch;

use super::{Answer, no_keys};
use crate::identifier::Identifier;
use crate::{Lambda, fault};

impl Lambda {
    /// How many calls can run at once.
    pub(crate) fn concurrency(&self) -> i64 {
        self.runner.as_ref().map_or(0, |runner| i64::from(runner.environments()))
    }
}

pub(crate) async fn put_function_concurrency(
    service: &Lambda,
    call: &mut Call,
    input: &PutFunctionConcurrencyRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), None)?;
    let action = "lambda:PutFunctionConcurrency";
    let (_, stored) = service.permitted(call, named, action, &no_keys()).await?;
    let wanted = input.reserved_concurrent_executions().unwrap_or(0);
    let all = service.concurrency();
    if wanted > all {
        // The text is ours: AWS's speaks of what must stay unreserved.
        return Err(fault::invalid(format!(
            "Specified ReservedConcurrentExecutions is more than the {all} that this server runs \
             at once."
        ))
        .into());
    }
    let mut record = stored.record.clone();
    record.reserved = Some(wanted);
    service.change(&stored, &record, SealedBatch::new()).await?;
    let answer = Concurrency::new().with_reserved_concurrent_executions(wanted);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_function_concurrency(
    service: &Lambda,
    call: &mut Call,
    input: &GetFunctionConcurrencyRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), None)?;
    let action = "lambda:GetFunctionConcurrency";
    let (_, stored) = service.permitted(call, named, action, &no_keys()).await?;
    let answer = GetFunctionConcurrencyResponse::new().with_some(
        stored.record.reserved,
        GetFunctionConcurrencyResponse::with_reserved_concurrent_executions,
    );
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete_function_concurrency(
    service: &Lambda,
    call: &mut Call,
    input: &DeleteFunctionConcurrencyRequest<'_>,
) -> Answer {
    let named = Identifier::of(call, input.function_name(), None)?;
    let action = "lambda:DeleteFunctionConcurrency";
    let (_, stored) = service.permitted(call, named, action, &no_keys()).await?;
    let mut record = stored.record.clone();
    if record.reserved.take().is_some() {
        service.change(&stored, &record, SealedBatch::new()).await?;
    }
    Ok(None)
}
