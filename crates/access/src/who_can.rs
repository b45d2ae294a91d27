//! WhoCan: every principal that may, through which path, and on which conditions.
//!
//! The root users of the resource's account and of those that its policy names come first, then
//! those whom the directory lists, in the order of their ARNs, then the services that the policy
//! names. A page looks at no more principals than the directory lists at
//! once, so it may be shorter than asked for; the last page has no token.

use std::sync::Arc;

use bulla_plane::{Authority, Call, Known, Stop};
use bulla_policy::{PrincipalKind, PrincipalType, Proviso, StatementRef, Survey, survey};
use bulla_shapes::bulla::{
    Basis, OpenCondition, PermittedPrincipal, Proviso as ProvisoView, SERVICE, WhoCanRequest,
    WhoCanResponse,
};
use bulla_shapes::{Fault, Record, View};

use crate::Access;
use crate::asked::Asked;
use crate::explain::{is_own, layer_name};
use crate::place::Place;
use crate::subject;

/// How many principals a page has when nothing is said.
const DEFAULT_PAGE: usize = 100;
/// The token of a page that begins with the principals of the directory after an ARN.
const AFTER: &str = "after:";
/// The token of the page that has the services.
const SERVICES: &str = "services";

/// Where a page begins.
enum Start<'a> {
    Directory(Option<&'a str>),
    Services,
}

/// Lists those who may.
pub(crate) async fn who_can(
    access: &Access,
    call: &mut Call,
    input: &WhoCanRequest<'_>,
) -> Result<Option<Record<'static>>, Stop> {
    let action = input.action();
    let place = access.place(call, "bulla:WhoCan", action, input.resource()).await?;
    let question = Question {
        call,
        place: &place,
        action,
        asked: Asked::read(input.context_entries(), input.encryption_context()),
    };
    let most = input.max_results().and_then(|most| usize::try_from(most).ok());
    let most = most.unwrap_or(DEFAULT_PAGE);
    let (principals, next) = match start(input.next_token())? {
        Start::Directory(after) => question.listed(access, after, most).await?,
        Start::Services => (question.services().await?, None),
    };
    let answer = WhoCanResponse::new()
        .with_action(action.to_owned())
        .with_resource_arn(place.inspected.arn().to_owned())
        .with_principals(principals);
    let answer = match next {
        Some(token) => answer.with_next_token(token),
        None => answer,
    };
    Ok(Some(answer.into_record()))
}

fn start(token: Option<&str>) -> Result<Start<'_>, Fault> {
    match token {
        None => Ok(Start::Directory(None)),
        Some(SERVICES) => Ok(Start::Services),
        Some(token) => {
            token.strip_prefix(AFTER).map(|arn| Start::Directory(Some(arn))).ok_or_else(|| {
                Fault::of(&SERVICE, "InvalidNextTokenException").with_message("not a token of ours")
            })
        }
    }
}

struct Question<'a> {
    call: &'a Call,
    place: &'a Place,
    action: &'a str,
    asked: Asked,
}

impl Question<'_> {
    /// A page of the directory's principals, and the token of the page that follows.
    async fn listed(
        &self,
        access: &Access,
        after: Option<&str>,
        most: usize,
    ) -> Result<(Vec<PermittedPrincipal<'static>>, Option<String>), Stop> {
        let mut permitted = Vec::new();
        let roots = self.roots(access).await?;
        if after.is_none() {
            for root in &roots {
                if let Some(authority) = access.directory.authority(&root.arn).await? {
                    permitted.extend(self.about(authority, &root.arn, &root.account).await?);
                }
            }
        }
        let known = access.directory.list(after).await?;
        let Some(last) = known.last() else {
            permitted.extend(self.services().await?);
            return Ok((permitted, None));
        };
        for principal in known.iter().filter(|principal| !roots.contains(principal)) {
            // One who was deleted since the listing may nothing.
            let Some(authority) = access.directory.authority(&principal.arn).await? else {
                continue;
            };
            permitted.extend(self.about(authority, &principal.arn, &principal.account).await?);
            if permitted.len() >= most {
                return Ok((permitted, Some(format!("{AFTER}{}", principal.arn))));
            }
        }
        Ok((permitted, Some(format!("{AFTER}{}", last.arn))))
    }

    /// The root users of the resource's account and of those that its policy names. They may act
    /// though nothing is kept of them where they have no access keys.
    async fn roots(&self, access: &Access) -> Result<Vec<Known>, Fault> {
        let named =
            self.place.inspected.policy().into_iter().flat_map(bulla_policy::Policy::principals);
        let named = named.filter(|of| of.principal_type == PrincipalType::Aws).map(|of| of.text);
        let mut roots: Vec<Known> = Vec::new();
        for text in std::iter::once(self.place.inspected.account(self.call)).chain(named) {
            let Some(known) = access.directory.find(text).await? else { continue };
            if known.unique_id == known.account && !roots.contains(&known) {
                roots.push(known);
            }
        }
        Ok(roots)
    }

    /// The services that the resource's policy names.
    async fn services(&self) -> Result<Vec<PermittedPrincipal<'static>>, Stop> {
        let Some(policy) = self.place.inspected.policy() else { return Ok(Vec::new()) };
        let named = policy.principals().filter(|of| of.principal_type == PrincipalType::Service);
        let mut names: Vec<&str> = named.map(|of| of.text).collect();
        names.sort_unstable();
        names.dedup();
        let mut permitted = Vec::new();
        for name in names {
            permitted.extend(self.about(subject::service(name), name, "").await?);
        }
        Ok(permitted)
    }

    async fn about(
        &self,
        authority: Arc<Authority>,
        arn: &str,
        account: &str,
    ) -> Result<Option<PermittedPrincipal<'static>>, Stop> {
        let of_a_service = matches!(authority.principal.kind, PrincipalKind::Service { .. });
        let foreign = !of_a_service && account != self.call.account();
        let supposed = self.call.as_if(authority);
        let Some(seen) = self.place.found_for(&supposed).await? else { return Ok(None) };
        Ok(seen.judge(&supposed, self.action, &self.asked, |inputs, request| {
            let found = survey(inputs, request, &|key| self.asked.leaves_open(key));
            found.allowed.then(|| {
                let view = permitted(&found, foreign).with_arn(arn.to_owned());
                if account.is_empty() { view } else { view.with_account(account.to_owned()) }
            })
        }))
    }
}

/// On what a permission rests. Of a `foreign` principal's own policies it tells only that they
/// allow: they are another account's secret.
fn permitted(found: &Survey<'_>, foreign: bool) -> PermittedPrincipal<'static> {
    let told = |of: &&Proviso<'_>| !(foreign && is_own(of.statement.layer));
    let provisos = |of: &[Proviso<'_>]| -> Vec<_> { of.iter().filter(told).map(proviso).collect() };
    let view = PermittedPrincipal::new()
        .with_by(found.by.iter().map(|by| basis(by, foreign)).collect::<Vec<_>>())
        .with_only_if(provisos(&found.only_if))
        .with_unless(provisos(&found.unless));
    match found.grant {
        Some(id) => view.with_grant_id(id.to_owned()),
        None => view,
    }
}

fn proviso(of: &Proviso<'_>) -> ProvisoView<'static> {
    let conditions = of.conditions.iter().map(|open| {
        let operands: Vec<_> = open.operands.iter().map(|&operand| operand.to_owned()).collect();
        OpenCondition::new()
            .with_operator(open.operator.to_owned())
            .with_key(open.key.to_owned())
            .with_operands(operands)
    });
    ProvisoView::new().with_basis(basis(&of.statement, false)).with_conditions(conditions)
}

fn basis(by: &StatementRef<'_>, foreign: bool) -> Basis<'static> {
    let view = Basis::new().with_layer(layer_name(by.layer));
    if foreign && is_own(by.layer) {
        return view.with_hidden(true);
    }
    let view = view
        .with_policy_name(by.policy.name().to_owned())
        .with_index(i64::try_from(by.index).unwrap_or(i64::MAX));
    let view = match by.policy.arn() {
        Some(arn) => view.with_policy_arn(arn.to_owned()),
        None => view,
    };
    match by.sid() {
        Some(sid) => view.with_sid(sid.to_owned()),
        None => view,
    }
}
