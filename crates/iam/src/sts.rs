//! STS: `GetCallerIdentity`, which needs no permission.

use bulla_plane::scheduler::Job;
use bulla_plane::{Access, BoxFuture, Call, Outcome, Row, Service};
use bulla_shapes::sts::{GetCallerIdentityResponse, SERVICE};
use bulla_shapes::{Fault, Record, View};

/// The Security Token Service.
#[derive(Debug, Default)]
pub struct Sts;

static ROWS: [Row<Sts>; 1] = [Row {
    name: "GetCallerIdentity",
    access: Access::Read,
    read_only: true,
    quota: "GetCallerIdentity",
    handler: |_, call, _| Box::pin(async move { get_caller_identity(call) }),
}];

fn get_caller_identity(call: &Call) -> Outcome {
    let caller = call.principal();
    let answer = GetCallerIdentityResponse::new()
        .with_user_id(caller.unique_id.clone())
        .with_account(caller.account.clone())
        .with_arn(caller.arn.clone());
    Ok(Some(answer.into_record()))
}

fn row(operation: &str) -> Option<&'static Row<Sts>> {
    ROWS.iter().find(|row| row.name == operation)
}

impl Service for Sts {
    fn model(&self) -> &'static bulla_shapes::Service {
        &SERVICE
    }

    fn operations(&self) -> Vec<(&'static str, Access, bool, &'static str)> {
        ROWS.iter().map(|row| (row.name, row.access, row.read_only, row.quota)).collect()
    }

    fn read_only(&self, operation: &str) -> Option<bool> {
        row(operation).map(|row| row.read_only)
    }

    fn invoke<'c>(
        &'c self,
        operation: &str,
        call: &'c mut Call,
        input: Record<'c>,
    ) -> BoxFuture<'c, Outcome> {
        match row(operation) {
            Some(row) => (row.handler)(self, call, input),
            None => Box::pin(std::future::ready(Err(Fault::new("InvalidAction", 400)))),
        }
    }

    fn run_due<'c>(&'c self, job: &'c Job) -> BoxFuture<'c, Result<(), Fault>> {
        let fault = Fault::new("InternalFailure", 500)
            .with_message(format!("no job of the kind {} is known to STS", job.kind));
        Box::pin(std::future::ready(Err(fault)))
    }

    fn forget(&self) {}
}
