//! GetParameter, GetParameters.

use std::collections::{BTreeMap, BTreeSet};

use bulla_plane::{Call, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::ssm::{
    GetParameterRequest, GetParameterResult, GetParametersRequest, GetParametersResult, Parameter,
};

use super::Answer;
use crate::live::Live;
use crate::name::{self, Selected};
use crate::record::Version;
use crate::references::Reference;
use crate::{Ssm, fault};

pub(crate) async fn get_parameter(
    ssm: &Ssm,
    call: &mut Call,
    input: &GetParameterRequest<'_>,
) -> Answer {
    const ACTION: &str = "ssm:GetParameter";
    let decrypt = input.with_decryption() == Some(true);
    let parameter = match Reference::of(input.name())? {
        Some(reference) => {
            reference.permit(call, ACTION)?;
            reference.resolve(ssm, call, decrypt).await?
        }
        None => {
            let selected = name::of_any(call, input.name(), ACTION)?;
            let keys = RequestKeys::none();
            let permitted = ssm.permitted(call, &selected.name, ACTION, &keys).await?;
            let live = permitted.existing()?;
            answered(ssm, call, &live, &selected, decrypt).await?
        }
    };
    Ok(Some(GetParameterResult::new().with_parameter(parameter).into_record()))
}

/// What a name of a request stands for.
enum Named {
    Reference(Reference),
    Parameter(Selected),
    /// Nothing that could be a reference.
    Misformed,
}

pub(crate) async fn get_parameters(
    ssm: &Ssm,
    call: &mut Call,
    input: &GetParametersRequest<'_>,
) -> Answer {
    const ACTION: &str = "ssm:GetParameters";
    let decrypt = input.with_decryption() == Some(true);
    let names: Vec<&str> = input.names().map(|names| names.iter().collect()).unwrap_or_default();
    let (mut wanted, mut seen) = (Vec::new(), BTreeSet::new());
    for text in names {
        if seen.insert(text) {
            wanted.push((text, named(call, text, ACTION)?));
        }
    }
    // A batch is refused whole (recorded), before anything of it is read.
    let mut found = Vec::new();
    for (text, named) in wanted {
        let live = match &named {
            Named::Reference(reference) => {
                reference.permit(call, ACTION)?;
                None
            }
            Named::Parameter(selected) => {
                let keys = RequestKeys::none();
                ssm.permitted(call, &selected.name, ACTION, &keys).await?.parameter
            }
            Named::Misformed => None,
        };
        found.push((text, named, live));
    }
    let (mut parameters, mut invalid) = (BTreeMap::new(), BTreeSet::new());
    for (text, named, live) in found {
        let outcome = match (&named, live) {
            (Named::Reference(reference), _) => reference.resolve(ssm, call, decrypt).await,
            (Named::Parameter(selected), Some(live)) => {
                answered(ssm, call, &live, selected, decrypt).await
            }
            _ => Err(fault::not_found().into()),
        };
        match outcome {
            Ok(parameter) => drop(parameters.insert(order(&parameter, text), parameter)),
            Err(Stop::Fault(fault)) if is_missing(&named, decrypt, &fault.code) => {
                invalid.insert(text);
            }
            Err(stop) => return Err(stop),
        }
    }
    let answer = GetParametersResult::new()
        .with_parameters(parameters.into_values())
        .with_invalid_parameters(invalid.into_iter().map(str::to_owned));
    Ok(Some(answer.into_record()))
}

/// Whether a name has nothing behind it, rather than that something failed. Without the wish to
/// decrypt every reference is as one to nothing (recorded).
fn is_missing(named: &Named, decrypt: bool, code: &str) -> bool {
    match code {
        "ParameterNotFound" | "ParameterVersionNotFound" => true,
        "ValidationException" => matches!(named, Named::Reference(_)) && !decrypt,
        _ => false,
    }
}

fn named(call: &Call, text: &str, action: &str) -> Result<Named, Stop> {
    match Reference::of(text) {
        Ok(Some(reference)) => return Ok(Named::Reference(reference)),
        Ok(None) => {}
        // A misformed reference is one to nothing (recorded).
        Err(_) => return Ok(Named::Misformed),
    }
    match name::of_any(call, text, action) {
        Ok(selected) => Ok(Named::Parameter(selected)),
        // An ARN of another region, where nothing of this one can be.
        Err(fault) if fault.code == "ParameterNotFound" => Ok(Named::Misformed),
        Err(fault) => Err(fault.into()),
    }
}

/// How answers are sorted: by name, and those with a selector first (recorded).
fn order(parameter: &Parameter<'_>, text: &str) -> (String, bool, String) {
    let name = parameter.name().unwrap_or_default().to_owned();
    (name, parameter.selector().is_none(), text.to_owned())
}

/// What a request gets of a parameter that it may read.
pub(crate) async fn answered(
    ssm: &Ssm,
    call: &mut Call,
    live: &Live,
    selected: &Selected,
    decrypt: bool,
) -> Result<Parameter<'static>, Stop> {
    let name = &selected.name;
    let shown = if name.by_arn { &live.record.name } else { &name.spelling };
    let older;
    let version = match &selected.selector {
        None => &live.record.newest,
        Some(selector) => {
            older = chosen(ssm, live, shown, selector).await?;
            &older
        }
    };
    let selector = selected.selector.as_ref().map(|selector| format!(":{selector}"));
    let parameter = parameter(ssm, call, live, version, (shown, decrypt)).await?;
    Ok(parameter.with_some(selector, Parameter::with_selector))
}

/// A version as it is answered.
pub(crate) async fn parameter(
    ssm: &Ssm,
    call: &mut Call,
    live: &Live,
    version: &Version,
    (name, decrypt): (&str, bool),
) -> Result<Parameter<'static>, Stop> {
    let value = ssm.value(call, &live.arn, version, decrypt).await?;
    version.tier.metered(call);
    Ok(Parameter::new()
        .with_name(name.to_owned())
        .with_type(version.kind.name())
        .with_value(value)
        .with_version(i64::try_from(version.number).unwrap_or(i64::MAX))
        .with_last_modified_date(version.modified_ms)
        .with_arn(live.arn.clone())
        .with_data_type(version.data_type.clone()))
}

/// The version that a selector chooses: digits are a number, all else is a label (recorded).
async fn chosen(ssm: &Ssm, live: &Live, name: &str, selector: &str) -> Result<Version, Stop> {
    let record = &live.record;
    let is_number = selector.bytes().all(|byte| byte.is_ascii_digit());
    let missing = || match is_number {
        true => fault::no_version(name, selector),
        false => fault::no_label(name, selector),
    };
    let number = match is_number {
        true => selector.parse().ok().filter(|number| record.has(*number)),
        false => record.labels.iter().find(|(label, _)| label == selector).map(|(_, at)| *at),
    };
    let number = number.ok_or_else(missing)?;
    ssm.version(live, number).await?.ok_or_else(|| missing().into())
}
