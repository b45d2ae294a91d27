//! Calls from one service to another: who they are made for, and what is written down of them.

use std::sync::Arc;

use bulla_shapes::kms::{DeleteAliasRequest, GenerateRandomRequest};
use bulla_shapes::sts::{GetCallerIdentityRequest, GetCallerIdentityResponse};
use bulla_shapes::{Fault, Record, View as _, kms, sts};
use bulla_store::{MAX_PAGE_ROWS, Range, Space};

use super::{DENIED, PANIC, ROWS, Tiny, chain_key, house, memory, whoami};
use crate::journal::{Journal, Medium, Reader};
use crate::{Call, Neighbours, Plane, Row, Rows, Stop, Via, row};

const VIA: Via = Via { service: "porter", recorded: "porter.amazonaws.com" };

/// A service that passes each call on.
struct Porter {
    neighbours: Neighbours,
    asks: Asks,
}

/// What it calls.
#[derive(Clone, Copy)]
enum Asks {
    /// So many times `GenerateRandom`.
    Random(usize),
    /// `GenerateRandom` with a length that has a meaning.
    Length(i64),
    /// `DeleteAlias`, which changes something.
    Change,
    /// What is not served.
    Nothing,
}

static PORTER: &[Row<Porter>] =
    &[row!("GetCallerIdentity", Read, true, "sts", GetCallerIdentityRequest, pass_on)];

async fn pass_on(
    porter: &Porter,
    call: &mut Call,
    _: &GetCallerIdentityRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    let (times, length) = match porter.asks {
        Asks::Random(times) => (times, 4),
        Asks::Length(length) => (1, length),
        Asks::Change => {
            let input = DeleteAliasRequest::new().with_alias_name("alias/inner").into_record();
            porter.neighbours.call(call, VIA, &kms::SERVICE, "DeleteAlias", input).await?;
            (0, 0)
        }
        Asks::Nothing => {
            let input = GenerateRandomRequest::new().into_record();
            porter.neighbours.call(call, VIA, &kms::SERVICE, "Encrypt", input).await?;
            (0, 0)
        }
    };
    for _ in 0..times {
        let input = GenerateRandomRequest::new().with_number_of_bytes(length).into_record();
        porter.neighbours.call(call, VIA, &kms::SERVICE, "GenerateRandom", input).await?;
    }
    let account = call.account().to_owned();
    Ok(Some(GetCallerIdentityResponse::new().with_account(account).into_record()))
}

impl Rows for Porter {
    const MODEL: &'static bulla_shapes::Service = &sts::SERVICE;

    fn rows() -> &'static [Row<Self>] {
        PORTER
    }

    fn forget(&self) {}
}

/// The house with the porter in it.
async fn with_porter(medium: &Arc<dyn Medium>, asks: Asks) -> Plane {
    let mut plane = house(Arc::clone(medium)).await;
    let journal: Arc<Journal> = Arc::clone(&plane.journal);
    let tiny = Arc::new(Tiny { barrier: Arc::clone(&plane.barrier) });
    let neighbours = Neighbours::new(plane.crypto.clone(), journal, vec![tiny]);
    plane.services = vec![Arc::new(Porter { neighbours, asks })];
    plane
}

/// The same, asking for one thing.
pub(super) async fn porter_that_asks_once(medium: &Arc<dyn Medium>) -> Plane {
    with_porter(medium, Asks::Random(1)).await
}

async fn ask(plane: &Plane) -> (u16, String) {
    whoami(plane, "sts", "", "Action=GetCallerIdentity&Version=2011-06-15").await
}

/// Name, error code, who invoked, address and caller of every record.
fn told(medium: &Arc<dyn Medium>) -> Vec<(String, String, String, String, String)> {
    let reader = Reader::from_sequence(Arc::clone(medium), chain_key(), 1).unwrap();
    let told = reader.map(|record| {
        let record = record.unwrap();
        let fields = record.fields().unwrap();
        let own = |text: Option<&str>| text.unwrap_or("-").to_owned();
        (
            own(Some(fields.event_name)),
            own(fields.error_code),
            own(fields.identity.invoked_by),
            own(Some(fields.source_ip)),
            own(fields.identity.arn),
        )
    });
    told.collect()
}

const ANA: &str = "arn:aws:iam::111122223333:user/ana";

fn record(name: &str, code: &str, invoked_by: &str) -> (String, String, String, String, String) {
    let address = if invoked_by == "-" { "127.0.0.1" } else { invoked_by };
    let [name, code, invoked_by, address, arn] =
        [name, code, invoked_by, address, ANA].map(str::to_owned);
    (name, code, invoked_by, address, arn)
}

#[tokio::test]
async fn each_inner_call_has_a_record_before_that_of_the_call_around_it() {
    for times in [1, 2, 70] {
        let medium = memory();
        let plane = with_porter(&medium, Asks::Random(times)).await;
        assert_eq!(ask(&plane).await.0, 200);
        let mut wanted = vec![record("GenerateRandom", "-", VIA.recorded); times];
        wanted.push(record("GetCallerIdentity", "-", "-"));
        assert_eq!(told(&medium), wanted);
    }
}

#[tokio::test]
async fn what_an_inner_call_fails_with_is_recorded_with_it() {
    let too_long = i64::MAX;
    for (length, code) in [
        (DENIED, "AccessDeniedException"),
        (PANIC, "KMSInternalException"),
        (too_long, "ValidationException"),
    ] {
        let medium = memory();
        let plane = with_porter(&medium, Asks::Length(length)).await;
        let (status, body) = ask(&plane).await;
        assert!(status >= 400 && body.contains(code), "{body}");
        let code = code.replace("DeniedException", "Denied");
        let wanted = [
            record("GenerateRandom", &code, VIA.recorded),
            record("GetCallerIdentity", &code, "-"),
        ];
        assert_eq!(told(&medium), wanted);
    }
}

#[tokio::test]
async fn a_change_within_a_call_that_reads_carries_its_record_along() {
    const OUTBOX: Space = Space::new("plane.outbox");
    let medium = memory();
    let plane = with_porter(&medium, Asks::Change).await;
    assert_eq!(ask(&plane).await.0, 200);
    let rows = async |space| {
        let view = plane.barrier.view().await.unwrap();
        view.range(space, &Range::all(), MAX_PAGE_ROWS).await.unwrap().rows.len()
    };
    assert_eq!((rows(ROWS).await, rows(OUTBOX).await), (1, 1));
    plane.outbox.sweep(&plane.barrier, &plane.journal).await.unwrap();
    assert_eq!((rows(ROWS).await, rows(OUTBOX).await), (1, 0));
    let wanted = [record("DeleteAlias", "-", VIA.recorded), record("GetCallerIdentity", "-", "-")];
    assert_eq!(told(&medium), wanted);
}

#[tokio::test]
async fn what_is_not_served_is_our_fault() {
    let medium = memory();
    let plane = with_porter(&medium, Asks::Nothing).await;
    assert_eq!(ask(&plane).await.0, 500);
    let outcome: Vec<_> = told(&medium).into_iter().map(|record| (record.0, record.1)).collect();
    let internal = Fault::new("KMSInternalException", 500).code.into_owned();
    assert_eq!(outcome, [("GetCallerIdentity".to_owned(), internal)]);
}
