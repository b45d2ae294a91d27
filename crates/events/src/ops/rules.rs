//! PutRule, DeleteRule, DescribeRule, EnableRule, DisableRule, ListRules, ListRuleNamesByTarget.

use bulla_plane::gate::permit_account;
use bulla_plane::{Call, Stop};
use bulla_policy::{Context, RequestKeys};
use bulla_shapes::View;
use bulla_shapes::events::{
    DeleteRuleRequest, DescribeRuleRequest, DescribeRuleResponse, DisableRuleRequest,
    EnableRuleRequest, ListRuleNamesByTargetRequest, ListRuleNamesByTargetResponse,
    ListRulesRequest, ListRulesResponse, PutRuleRequest, PutRuleResponse, Rule,
};
use bulla_store::{Expected, SealedBatch};

use super::tags::{self, pairs};
use super::{Answer, RULE_TYPE};
use crate::guard::{RuleAt, permit};
use crate::pattern::Pattern;
use crate::place::{DEFAULT, Place};
use crate::records::{RULES, RuleRecord, State, Stored, load_bus, read};
use crate::schedule::Schedule;
use crate::{Events, fault, page, quotas};

/// What a request says a rule shall be.
struct Wished<'r> {
    pattern: Option<&'r str>,
    schedule: Option<&'r str>,
}

pub(crate) async fn put_rule(
    events: &Events,
    call: &mut Call,
    input: &PutRuleRequest<'_>,
) -> Answer {
    let tags = pairs(input.tags());
    let named = input.event_bus_name();
    let found = events.rule(call, named, input.name()).await?;
    let rule = permit(found, call, "events:PutRule", &RequestKeys::none().tags(&tags))?;
    call.touched(&rule.arn, &rule.place.account, RULE_TYPE);
    let wished = Wished { pattern: input.event_pattern(), schedule: input.schedule_expression() };
    check(call, &rule.place, &wished)?;
    rule.must_be_on_a_bus()?;
    tags::check(call, &tags)?;
    let record = RuleRecord {
        name: input.name().to_owned(),
        pattern: wished.pattern.map(str::to_owned),
        schedule: wished.schedule.map(str::to_owned),
        state: State::named(input.state()),
        description: input.description().map(str::to_owned),
        role: input.role_arn().map(str::to_owned),
        tags,
        created_by: call.account().to_owned(),
        targets: Vec::new(),
        next_ms: None,
    };
    // A rule that is there keeps what the request does not speak of: targets, tags, its maker.
    let record = match rule.stored.as_ref().map(|stored| &stored.record) {
        None => {
            events.must_have_room_for_a_rule(call, &rule.place).await?;
            record
        }
        Some(known) => RuleRecord {
            tags: known.tags.clone(),
            created_by: known.created_by.clone(),
            targets: known.targets.clone(),
            ..record
        },
    };
    events.save_rule(&rule, record, call.now_ms).await?;
    Ok(Some(PutRuleResponse::new().with_rule_arn(rule.arn).into_record()))
}

/// Refuses what a rule can't be.
fn check(call: &Call, place: &Place, wished: &Wished<'_>) -> Result<(), Stop> {
    if wished.pattern.is_none() && wished.schedule.is_none() {
        let text = "Parameter(s) EventPattern or ScheduleExpression must be specified.";
        return Err(fault::validation(text).into());
    }
    if let Some(schedule) = wished.schedule {
        // Recorded.
        if place.bus != DEFAULT {
            let text = "ScheduleExpression is supported only on the default event bus.";
            return Err(fault::validation(text).into());
        }
        if Schedule::parse(schedule).is_none() {
            return Err(fault::validation("Parameter ScheduleExpression is not valid.").into());
        }
    }
    if let Some(text) = wished.pattern {
        let most = quotas::PATTERN_BYTES.limit(call);
        if text.len() > most {
            return Err(fault::too_many().into());
        }
        Pattern::parse(text).map_err(|refusal| fault::invalid_pattern(refusal.in_text(text)))?;
    }
    Ok(())
}

impl RuleAt {
    /// Refuses rules on a bus that is not there.
    pub(crate) fn must_be_on_a_bus(&self) -> Result<(), Stop> {
        if self.on_bus { Ok(()) } else { Err(fault::no_bus(&self.place.bus).into()) }
    }

    /// The rule, if it and its bus are there.
    pub(crate) fn must_be_there(&self, name: &str) -> Result<&Stored<RuleRecord>, Stop> {
        self.must_be_on_a_bus()?;
        let stored = self.stored.as_ref();
        Ok(stored.ok_or_else(|| fault::no_rule(name, &self.place.bus))?)
    }
}

pub(crate) async fn delete_rule(
    events: &Events,
    call: &mut Call,
    input: &DeleteRuleRequest<'_>,
) -> Answer {
    let found = events.rule(call, input.event_bus_name(), input.name()).await?;
    let rule = permit(found, call, "events:DeleteRule", &())?;
    call.touched(&rule.arn, &rule.place.account, RULE_TYPE);
    rule.must_be_on_a_bus()?;
    // Whether it is there makes no difference (recorded).
    let Some(stored) = &rule.stored else { return Ok(None) };
    if !stored.record.targets.is_empty() {
        return Err(fault::validation("Rule can't be deleted since it has targets.").into());
    }
    let batch = SealedBatch::new().delete(RULES, rule.row.as_str(), Expected::At(stored.version));
    events.change_rules(&rule.place, batch).await?;
    Ok(None)
}

pub(crate) async fn describe_rule(
    events: &Events,
    call: &mut Call,
    input: &DescribeRuleRequest<'_>,
) -> Answer {
    let found = events.rule(call, input.event_bus_name(), input.name()).await?;
    let rule = permit(found, call, "events:DescribeRule", &())?;
    let record = &rule.must_be_there(input.name())?.record;
    let answer = DescribeRuleResponse::new()
        .with_name(record.name.clone())
        .with_arn(rule.arn.clone())
        .with_state(record.state.name())
        .with_event_bus_name(rule.place.bus.clone())
        .with_created_by(record.created_by.clone())
        .with_some(record.pattern.clone(), DescribeRuleResponse::with_event_pattern)
        .with_some(record.schedule.clone(), DescribeRuleResponse::with_schedule_expression)
        .with_some(record.description.clone(), DescribeRuleResponse::with_description)
        .with_some(record.role.clone(), DescribeRuleResponse::with_role_arn);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn enable_rule(
    events: &Events,
    call: &mut Call,
    input: &EnableRuleRequest<'_>,
) -> Answer {
    let found = events.rule(call, input.event_bus_name(), input.name()).await?;
    let rule = permit(found, call, "events:EnableRule", &())?;
    switch(events, call, &rule, (input.name(), State::Enabled)).await
}

pub(crate) async fn disable_rule(
    events: &Events,
    call: &mut Call,
    input: &DisableRuleRequest<'_>,
) -> Answer {
    let found = events.rule(call, input.event_bus_name(), input.name()).await?;
    let rule = permit(found, call, "events:DisableRule", &())?;
    switch(events, call, &rule, (input.name(), State::Disabled)).await
}

async fn switch(
    events: &Events,
    call: &mut Call,
    rule: &RuleAt,
    (name, state): (&str, State),
) -> Answer {
    call.touched(&rule.arn, &rule.place.account, RULE_TYPE);
    let record = rule.must_be_there(name)?.record.clone();
    if record.state.is_on() != state.is_on() {
        events.save_rule(rule, RuleRecord { state, ..record }, call.now_ms).await?;
    }
    Ok(None)
}

pub(crate) async fn list_rules(
    events: &Events,
    call: &mut Call,
    input: &ListRulesRequest<'_>,
) -> Answer {
    permit_account(call, "events:ListRules", "*", &Context::new())?;
    let place = existing(events, call, input.event_bus_name()).await?;
    let prefix = place.rule_row(input.name_prefix().unwrap_or_default());
    let view = events.barrier.view().await?;
    let size = page::size(input.limit());
    let rows = page::rows(&view, (RULES, &prefix), input.next_token(), size, |_, opened| {
        Ok(Some(shown(&place, read::<RuleRecord>(opened)?.record)))
    });
    let (rules, next) = rows.await?;
    let answer = ListRulesResponse::new()
        .with_rules(rules)
        .with_some(next, ListRulesResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

fn shown(place: &Place, record: RuleRecord) -> Rule<'static> {
    Rule::new()
        .with_arn(place.rule_arn(&record.name))
        .with_name(record.name)
        .with_state(record.state.name())
        .with_event_bus_name(place.bus.clone())
        .with_some(record.pattern, Rule::with_event_pattern)
        .with_some(record.schedule, Rule::with_schedule_expression)
        .with_some(record.description, Rule::with_description)
        .with_some(record.role, Rule::with_role_arn)
}

pub(crate) async fn list_rule_names_by_target(
    events: &Events,
    call: &mut Call,
    input: &ListRuleNamesByTargetRequest<'_>,
) -> Answer {
    permit_account(call, "events:ListRuleNamesByTarget", "*", &Context::new())?;
    let place = existing(events, call, input.event_bus_name()).await?;
    let view = events.barrier.view().await?;
    let size = page::size(input.limit());
    let prefix = place.rule_row("");
    let rows = page::rows(&view, (RULES, &prefix), input.next_token(), size, |_, opened| {
        let record = read::<RuleRecord>(opened)?.record;
        let holds = record.targets.iter().any(|target| target.arn == input.target_arn());
        Ok(holds.then_some(record.name))
    });
    let (names, next) = rows.await?;
    let answer = ListRuleNamesByTargetResponse::new()
        .with_rule_names(names)
        .with_some(next, ListRuleNamesByTargetResponse::with_next_token);
    Ok(Some(answer.into_record()))
}

/// The bus that a list is of, which must be there and the caller's own.
async fn existing(events: &Events, call: &Call, named: Option<&str>) -> Result<Place, Stop> {
    let place = Place::of(call, named)?;
    let view = events.barrier.view().await?;
    let own = place.account == call.account();
    match load_bus(&view, &place).await?.filter(|_| own) {
        Some(_) => Ok(place),
        None => Err(fault::no_bus(&place.bus).into()),
    }
}
