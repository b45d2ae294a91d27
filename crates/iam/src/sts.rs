//! STS: `GetCallerIdentity`, which needs no permission.

use bulla_plane::{Call, Row, Rows, Stop, row};
use bulla_shapes::sts::{GetCallerIdentityRequest, GetCallerIdentityResponse, SERVICE};
use bulla_shapes::{Record, View};

/// The Security Token Service.
#[derive(Debug, Default)]
pub struct Sts;

#[rustfmt::skip]
static ROWS: &[Row<Sts>] = &[
    row!("GetCallerIdentity", Read, true, "GetCallerIdentity", GetCallerIdentityRequest, get_caller_identity),
];

async fn get_caller_identity(
    _: &Sts,
    call: &mut Call,
    _: &GetCallerIdentityRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    let caller = call.principal();
    let answer = GetCallerIdentityResponse::new()
        .with_user_id(caller.unique_id.clone())
        .with_account(caller.account.clone())
        .with_arn(caller.arn.clone());
    Ok(Some(answer.into_record()))
}

impl Rows for Sts {
    const MODEL: &'static bulla_shapes::Service = &SERVICE;

    fn rows() -> &'static [Row<Self>] {
        ROWS
    }

    fn forget(&self) {}
}
