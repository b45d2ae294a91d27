//! PutTargets, RemoveTargets, ListTargetsByRule.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::events::{
    ListTargetsByRuleRequest, ListTargetsByRuleResponse, PutTargetsRequest, PutTargetsResponse,
    RemoveTargetsRequest, RemoveTargetsResponse, RemoveTargetsResultEntry, Target,
};

use super::{Answer, RULE_TYPE};
use crate::guard::permit;
use crate::input::Input;
use crate::records::TargetRecord;
use crate::{Events, fault, page, quotas};

pub(crate) async fn put_targets(
    events: &Events,
    call: &mut Call,
    input: &PutTargetsRequest<'_>,
) -> Answer {
    let all: Vec<Target<'_>> = input.targets().map(|all| all.iter().collect()).unwrap_or_default();
    let arns = all.iter().map(|target| target.arn().to_owned());
    let conditions = Context::new().with_many("events:targetarn", arns);
    let found = events.rule(call, input.event_bus_name(), input.rule()).await?;
    let rule = permit(found, call, "events:PutTargets", &conditions)?;
    call.touched(&rule.arn, &rule.place.account, RULE_TYPE);
    let mut record = rule.must_be_there(input.rule())?.record.clone();
    for target in &all {
        check(target, &record.name)?;
        let put = TargetRecord::new(target)?;
        match record.targets.iter_mut().find(|known| known.id == put.id) {
            Some(known) => *known = put,
            None => record.targets.push(put),
        }
    }
    if record.targets.len() > quotas::TARGETS_PER_RULE.limit(call) {
        return Err(fault::too_many().into());
    }
    events.save_targets(&rule, &record).await?;
    let none = Vec::<bulla_shapes::events::PutTargetsResultEntry<'_>>::new();
    let answer = PutTargetsResponse::new().with_failed_entry_count(0).with_failed_entries(none);
    Ok(Some(answer.into_record()))
}

/// Refuses what a target can't be. Texts without a record are ours.
fn check(target: &Target<'_>, rule: &str) -> Result<(), Stop> {
    let arn = target.arn();
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let formed = matches!(parts.as_slice(), ["arn", partition, service, _, _, resource]
        if !partition.is_empty() && !service.is_empty() && !resource.is_empty());
    if !formed {
        let text = format!(
            "Parameter {arn} is not valid. Reason: Provided Arn is not in correct \
                            format."
        );
        return Err(fault::validation(text).into());
    }
    Input::of(target).map_err(|wrong| {
        let id = target.id();
        fault::validation(format!("{wrong} for target {id}, rule {rule}."))
    })?;
    Ok(())
}

pub(crate) async fn remove_targets(
    events: &Events,
    call: &mut Call,
    input: &RemoveTargetsRequest<'_>,
) -> Answer {
    let found = events.rule(call, input.event_bus_name(), input.rule()).await?;
    let rule = permit(found, call, "events:RemoveTargets", &())?;
    call.touched(&rule.arn, &rule.place.account, RULE_TYPE);
    let stored = rule.must_be_there(input.rule())?;
    let mut record = stored.record.clone();
    let gone = |id: &str| input.ids().is_some_and(|ids| ids.contains(id));
    record.targets.retain(|target| !gone(&target.id));
    // Ids of no target are passed over, as AWS does.
    if record.targets.len() != stored.record.targets.len() {
        events.save_targets(&rule, &record).await?;
    }
    let none = Vec::<RemoveTargetsResultEntry<'_>>::new();
    let answer = RemoveTargetsResponse::new().with_failed_entry_count(0).with_failed_entries(none);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_targets_by_rule(
    events: &Events,
    call: &mut Call,
    input: &ListTargetsByRuleRequest<'_>,
) -> Answer {
    let found = events.rule(call, input.event_bus_name(), input.rule()).await?;
    let rule = permit(found, call, "events:ListTargetsByRule", &())?;
    let record = &rule.must_be_there(input.rule())?.record;
    let size = page::size(input.limit());
    let (targets, next) = page::entries(&record.targets, input.next_token(), size)?;
    let targets = targets.into_iter().map(TargetRecord::target).collect::<Result<Vec<_>, _>>()?;
    let answer = ListTargetsByRuleResponse::new()
        .with_targets(targets)
        .with_some(next, ListTargetsByRuleResponse::with_next_token);
    Ok(Some(answer.into_record()))
}
