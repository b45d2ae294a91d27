//! CreateAlias, GetAlias, UpdateAlias, DeleteAlias and ListAliases.

use bulla_plane::{Call, Stop};
use bulla_shapes::View;
use bulla_shapes::lambda::{
    AliasRoutingConfiguration, CreateAliasRequest, DeleteAliasRequest, GetAliasRequest,
    ListAliasesRequest, ListAliasesResponse, UpdateAliasRequest,
};
use bulla_shapes::value::Value;
use bulla_store::SealedBatch;

use super::list::{after, marker, page_size};
use super::{Answer, check_revision, no_keys};
use crate::answer;
use crate::functions::Stored;
use crate::identifier::{Identifier, LATEST, is_number};
use crate::record::{Alias, FunctionRecord};
use crate::{Lambda, fault};

/// How many aliases a function can have. AWS states no number; this one is ours.
const MAX_ALIASES: usize = 1_000;

/// The function of an alias, behind a permission that is on the function itself.
async fn of(
    service: &Lambda,
    call: &mut Call,
    function: &str,
    action: &str,
) -> Result<Stored, Stop> {
    let named = Identifier::of(call, function, None)?;
    let named = Identifier { qualifier: None, ..named };
    Ok(service.permitted(call, named, action, &no_keys()).await?.1)
}

fn missing(record: &FunctionRecord, name: &str) -> Stop {
    fault::no_alias(&format!("{}:{name}", record.arn())).into()
}

/// Checks that a version is there, which an alias is to stand for.
async fn check_version(
    service: &Lambda,
    record: &FunctionRecord,
    version: &str,
) -> Result<(), Stop> {
    if version != LATEST && !is_number(version) {
        return Err(fault::no_function(&format!("{}:{version}", record.arn())).into());
    }
    service.version(record, Some(version), 1.0).await?;
    Ok(())
}

/// The second version of an alias, and which part of the calls it takes.
async fn routing(
    service: &Lambda,
    record: &FunctionRecord,
    version: &str,
    given: Option<&AliasRoutingConfiguration<'_>>,
) -> Result<Option<(String, f64)>, Stop> {
    let weights = given.and_then(|given| given.additional_version_weights()).unwrap_or_default();
    let [(other, weight)] = weights else {
        if weights.is_empty() {
            return Ok(None);
        }
        // AWS's texts are not recorded; these are ours.
        return Err(fault::invalid("An alias has one additional version at most.").into());
    };
    let Value::Double(weight) = weight else { return Err(Stop::Internal) };
    if version == LATEST || other == LATEST || other == version {
        let text = "An alias with a routing configuration stands for two published versions.";
        return Err(fault::invalid(text).into());
    }
    if !(0.0..=1.0).contains(weight) {
        return Err(fault::invalid("A version's weight lies between 0.0 and 1.0.").into());
    }
    check_version(service, record, other).await?;
    Ok(Some((other.as_ref().to_owned(), *weight)))
}

pub(crate) async fn create_alias(
    service: &Lambda,
    call: &mut Call,
    input: &CreateAliasRequest<'_>,
) -> Answer {
    let stored = of(service, call, input.function_name(), "lambda:CreateAlias").await?;
    let mut record = stored.record.clone();
    let (name, version) = (input.name(), input.function_version());
    if record.alias(name).is_some() {
        let text = format!("Alias already exists: {}:{name}", record.arn());
        return Err(fault::conflict(text).into());
    }
    check_version(service, &record, version).await?;
    let routing = routing(service, &record, version, input.routing_config().as_ref()).await?;
    if record.aliases.len() >= MAX_ALIASES {
        let text = format!("A function can have at most {MAX_ALIASES} aliases.");
        return Err(fault::invalid(text).into());
    }
    let alias = Alias {
        name: name.to_owned(),
        version: version.to_owned(),
        description: input.description().unwrap_or_default().to_owned(),
        routing,
        revision: service.revision()?,
    };
    record.aliases.push(alias.clone());
    record.aliases.sort_by(|one, other| one.name.cmp(&other.name));
    service.change(&stored, &record, SealedBatch::new()).await?;
    let answer = answer::alias(&record, &alias);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_alias(
    service: &Lambda,
    call: &mut Call,
    input: &GetAliasRequest<'_>,
) -> Answer {
    let stored = of(service, call, input.function_name(), "lambda:GetAlias").await?;
    let alias = stored.record.alias(input.name());
    let alias = alias.ok_or_else(|| missing(&stored.record, input.name()))?;
    Ok(Some(answer::alias(&stored.record, alias).into_record()))
}

pub(crate) async fn update_alias(
    service: &Lambda,
    call: &mut Call,
    input: &UpdateAliasRequest<'_>,
) -> Answer {
    let stored = of(service, call, input.function_name(), "lambda:UpdateAlias").await?;
    let mut record = stored.record.clone();
    let alias = record.alias(input.name()).cloned();
    let mut alias = alias.ok_or_else(|| missing(&record, input.name()))?;
    check_revision(input.revision_id(), &alias.revision)?;
    if let Some(version) = input.function_version() {
        check_version(service, &record, version).await?;
        alias.version = version.to_owned();
    }
    if let Some(given) = input.routing_config() {
        alias.routing = routing(service, &record, &alias.version, Some(&given)).await?;
    }
    if let Some(description) = input.description() {
        alias.description = description.to_owned();
    }
    alias.revision = service.revision()?;
    for known in record.aliases.iter_mut().filter(|known| known.name == alias.name) {
        *known = alias.clone();
    }
    service.change(&stored, &record, SealedBatch::new()).await?;
    let answer = answer::alias(&record, &alias);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete_alias(
    service: &Lambda,
    call: &mut Call,
    input: &DeleteAliasRequest<'_>,
) -> Answer {
    let stored = of(service, call, input.function_name(), "lambda:DeleteAlias").await?;
    let mut record = stored.record.clone();
    let name = input.name();
    record.aliases.retain(|alias| alias.name != name);
    // One that is not there is gone already (recorded).
    if record.aliases.len() != stored.record.aliases.len() {
        record.policies.retain(|(on, _)| on != name);
        service.change(&stored, &record, SealedBatch::new()).await?;
    }
    Ok(None)
}

pub(crate) async fn list_aliases(
    service: &Lambda,
    call: &mut Call,
    input: &ListAliasesRequest<'_>,
) -> Answer {
    let stored = of(service, call, input.function_name(), "lambda:ListAliases").await?;
    let record = &stored.record;
    let from = after(input.marker())?;
    let wanted = |alias: &&Alias| {
        from.as_ref().is_none_or(|from| alias.name > *from)
            && input.function_version().is_none_or(|version| alias.version == version)
    };
    let size = page_size(input.max_items());
    let mut left = record.aliases.iter().filter(wanted);
    let page: Vec<&Alias> = left.by_ref().take(size).collect();
    let next = left.next().and(page.last()).map(|last| marker(&last.name));
    let aliases: Vec<_> = page.iter().map(|alias| answer::alias(record, alias)).collect();
    let answer = ListAliasesResponse::new()
        .with_aliases(aliases)
        .with_some(next, ListAliasesResponse::with_next_marker);
    Ok(Some(answer.into_record()))
}
