//! Making, listing, moving and closing accounts.

use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::organizations::{
    CloseAccountRequest, CreateAccountRequest, CreateAccountResponse, DescribeAccountRequest,
    DescribeAccountResponse, DescribeCreateAccountStatusRequest,
    DescribeCreateAccountStatusResponse, ListAccountsRequest, ListAccountsResponse,
    ListCreateAccountStatusRequest, ListCreateAccountStatusResponse, MoveAccountRequest,
};
use bulla_store::{Expected, Range, SealedBatch, View as Snapshot};

use super::super::page::page;
use super::super::records::{
    ACCOUNTS, Account, AccountRequest, AccountState, EMAILS, Joined, MAX_ACCOUNTS, Organization,
    REQUESTS,
};
use super::super::tree::Target;
use super::super::{Organizations, fault, ids, load, role, view};
use super::Answer;
use crate::records::{Stored, bytes, load as load_record};

/// How many requests are looked through at a time.
const REQUESTS_A_PAGE: usize = 500;
const EMAIL_TAKEN: &str = "EMAIL_ALREADY_EXISTS";

/// Carried out at once, so that the first status is the last.
pub(crate) async fn create(
    service: &Organizations,
    call: &mut Call,
    input: &CreateAccountRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:CreateAccount").await?;
    if found.record.parents.len() >= MAX_ACCOUNTS {
        return Err(fault::too_many_accounts().into());
    }
    let principals = &service.principals;
    let email = input.email().to_lowercase();
    let taken = principals.barrier.get(EMAILS, email.as_bytes()).await?.is_some();
    let id = ids::draw_account(&principals.crypto)?;
    let request = AccountRequest {
        id: ids::draw::<32>(&principals.crypto, "car-")?,
        account_name: input.account_name().to_owned(),
        requested_ms: call.now_ms,
        outcome: if taken { Err(EMAIL_TAKEN.to_owned()) } else { Ok(id.clone()) },
    };
    let row = format!("{}/{}", found.record.id, request.id);
    let batch = SealedBatch::new().put(REQUESTS, row, Expected::Absent, bytes(&request)?);
    if taken {
        service.commit(batch).await?;
    } else {
        let account = Account {
            id: id.clone(),
            name: input.account_name().to_owned(),
            email: input.email().to_owned(),
            state: AccountState::Active,
            organization: Some(found.record.id.clone()),
            joined: Joined::Created,
            joined_ms: call.now_ms,
        };
        let batch = batch.put(ACCOUNTS, id.as_str(), Expected::Absent, account.to_bytes()?).put(
            EMAILS,
            email,
            Expected::Absent,
            bytes(&id)?,
        );
        let role = input.role_name().unwrap_or(role::DEFAULT_NAME);
        let management = found.record.management.clone();
        let batch = role::put(&service.iam, batch, &id, &management, role, call.now_ms);
        let batch = batch.await?;
        let root = found.record.root.clone();
        found.record.parents.insert(id.clone(), root);
        found.record.attach_first(&id);
        service.save(&found, batch).await?;
    }
    let answer = CreateAccountResponse::new().with_create_account_status(view::request(&request));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn describe_request(
    service: &Organizations,
    call: &mut Call,
    input: &DescribeCreateAccountStatusRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:DescribeCreateAccountStatus").await?;
    let view = service.principals.barrier.view().await?;
    let row = format!("{}/{}", found.record.id, input.create_account_request_id());
    let request = load_record::<AccountRequest>(&view, REQUESTS, &row).await?;
    let request = request.ok_or_else(fault::request_not_found)?.record;
    let answer = DescribeCreateAccountStatusResponse::new()
        .with_create_account_status(view::request(&request));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_requests(
    service: &Organizations,
    call: &mut Call,
    input: &ListCreateAccountStatusRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListCreateAccountStatus").await?;
    let view = service.principals.barrier.view().await?;
    let mut requests: Vec<AccountRequest> = Vec::new();
    let mut range = Range::prefix(format!("{}/", found.record.id));
    loop {
        let read = view.range(REQUESTS, &range, REQUESTS_A_PAGE).await?;
        for (_, opened) in read.rows {
            requests.push(crate::records::read::<AccountRequest>(opened)?.record);
        }
        let Some(next) = read.next else { break };
        range = range.resume(next);
    }
    drop(view);
    let wanted = input.states();
    let is_wanted = |request: &AccountRequest| {
        wanted.as_ref().is_none_or(|states| states.contains(view::state(request)))
    };
    let all = requests.iter().filter(|request| is_wanted(request));
    let (requests, next) =
        page(all, |request| &request.id, input.next_token(), input.max_results())?;
    let answer = ListCreateAccountStatusResponse::new()
        .with_create_account_statuses(requests.into_iter().map(view::request))
        .with_some(next, |this, next| this.with_next_token(next));
    Ok(Some(answer.into_record()))
}

/// An account of the organization.
async fn member(
    view: &Snapshot<'_>,
    organization: &Organization,
    id: &str,
) -> Result<Stored<Account>, Stop> {
    if organization.target(id) != Some(Target::Account) {
        return Err(fault::account_not_found().into());
    }
    load::account(view, id).await?.ok_or_else(|| {
        tracing::error!(id, "an account of an organization is not in the store");
        Stop::Internal
    })
}

pub(crate) async fn describe(
    service: &Organizations,
    call: &mut Call,
    input: &DescribeAccountRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:DescribeAccount").await?;
    let view = service.principals.barrier.view().await?;
    let account = member(&view, &found.record, input.account_id()).await?.record;
    let answer =
        DescribeAccountResponse::new().with_account(view::account(&found.record, &account));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list(
    service: &Organizations,
    call: &mut Call,
    input: &ListAccountsRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:ListAccounts").await?;
    let ids = found.record.parents.keys().map(String::as_str);
    let (ids, next) = page(ids, |id| id, input.next_token(), input.max_results())?;
    let accounts = views(service, &found.record, &ids).await?;
    let answer = ListAccountsResponse::new()
        .with_accounts(accounts)
        .with_some(next, |this, next| this.with_next_token(next));
    Ok(Some(answer.into_record()))
}

/// Accounts as they are answered.
pub(super) async fn views(
    service: &Organizations,
    organization: &Organization,
    ids: &[&str],
) -> Result<Vec<bulla_shapes::organizations::Account<'static>>, Stop> {
    let view = service.principals.barrier.view().await?;
    let mut accounts = Vec::with_capacity(ids.len());
    for id in ids {
        let account = member(&view, organization, id).await?;
        accounts.push(view::account(organization, &account.record));
    }
    Ok(accounts)
}

pub(crate) async fn close(
    service: &Organizations,
    call: &mut Call,
    input: &CloseAccountRequest<'_>,
) -> Answer {
    let found = service.managed(call, "organizations:CloseAccount").await?;
    let id = input.account_id();
    if id == found.record.management {
        return Err(fault::management_account_stays().into());
    }
    let known = {
        let view = service.principals.barrier.view().await?;
        member(&view, &found.record, id).await?
    };
    if known.record.state == AccountState::Closed {
        return Err(fault::already_closed().into());
    }
    let closed = Account { state: AccountState::Closed, ..known.record };
    let expected = Expected::At(known.version);
    let batch = SealedBatch::new().put(ACCOUNTS, id, expected, closed.to_bytes()?);
    service.commit(batch).await?;
    Ok(None)
}

pub(crate) async fn move_account(
    service: &Organizations,
    call: &mut Call,
    input: &MoveAccountRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:MoveAccount").await?;
    let organization = &mut found.record;
    let (id, from, to) =
        (input.account_id(), input.source_parent_id(), input.destination_parent_id());
    let is_parent = |organization: &Organization, id: &str| {
        matches!(organization.target(id), Some(Target::Root | Target::Unit))
    };
    if !is_parent(organization, to) {
        return Err(fault::destination_not_found().into());
    }
    if !is_parent(organization, from) {
        return Err(fault::source_not_found().into());
    }
    match organization.parents.get_mut(id) {
        None => return Err(fault::account_not_found().into()),
        Some(parent) if parent == to => return Err(fault::already_there().into()),
        Some(parent) if parent != from => return Err(fault::source_not_found().into()),
        Some(parent) => to.clone_into(parent),
    }
    service.save(&found, SealedBatch::new()).await?;
    Ok(None)
}
