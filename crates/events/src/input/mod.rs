//! What a target is sent of an event: all of it, a part, a constant, or a text made of parts.

mod path;
mod template;

use bulla_shapes::events::Target;
use serde_json::Value;

use path::Path;
use template::Template;

/// The most bytes that a target is sent: what an event may have, and room for what surrounds its
/// detail. A template could make any number of a large event.
const MAX_INPUT_BYTES: usize = 320 * 1024;
/// The most parts that a text is made of (API reference, `InputTransformer`).
const MAX_PATHS: usize = 100;

/// What a target is sent.
#[derive(Debug)]
pub(crate) enum Input {
    Whole,
    Constant(String),
    Part(Path),
    Template(Template),
}

/// What a text may have beside parts of the event (EventBridge user guide, "Predefined variables").
pub(crate) struct Surroundings<'s> {
    pub(crate) rule_arn: &'s str,
    pub(crate) rule_name: &'s str,
    pub(crate) ingestion_time: &'s str,
}

impl Input {
    /// What a target asks for, or what is wrong with it.
    pub(crate) fn of(target: &Target<'_>) -> Result<Self, String> {
        let transformer = target.input_transformer();
        let given =
            [target.input().is_some(), target.input_path().is_some(), transformer.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err("Only one of Input, InputPath, or InputTransformer must be provided".into());
        }
        if let Some(constant) = target.input() {
            if serde_json::from_str::<Value>(constant).is_err() {
                return Err("JSON syntax error in input".into());
            }
            return Ok(Self::Constant(constant.to_owned()));
        }
        if let Some(path) = target.input_path() {
            let path = Path::parse(path).ok_or("Invalid InputPath")?;
            return Ok(if path.is_whole() { Self::Whole } else { Self::Part(path) });
        }
        let Some(transformer) = transformer else { return Ok(Self::Whole) };
        let paths = transformer.input_paths_map();
        let mut parts = Vec::new();
        for (name, path) in paths.iter().flat_map(|paths| paths.iter()) {
            // Recorded of names that AWS keeps for itself.
            if name.starts_with("AWS.") {
                return Err(format!("InputPathsMap: {name} is reserved"));
            }
            let path = Path::parse(path).ok_or_else(|| format!("Invalid InputPath for {name}"))?;
            parts.push((name.to_owned(), path));
        }
        if parts.len() > MAX_PATHS {
            return Err(format!("InputPathsMap has more than {MAX_PATHS} entries"));
        }
        Template::parse(transformer.input_template(), parts).map(Self::Template)
    }

    /// What is sent of an event, which is JSON; or why nothing is.
    pub(crate) fn apply(&self, event: &str, around: &Surroundings<'_>) -> Result<String, String> {
        let parsed = || serde_json::from_str::<Value>(event).map_err(|error| error.to_string());
        match self {
            Self::Whole => Ok(event.to_owned()),
            Self::Constant(constant) => Ok(constant.clone()),
            // What a path leads to nowhere sends null, which is our choice.
            Self::Part(path) => Ok(path.find(&parsed()?).unwrap_or(Value::Null).to_string()),
            Self::Template(template) => template
                .fill(event, &parsed()?, around, MAX_INPUT_BYTES)
                .ok_or_else(|| format!("the input would have more than {MAX_INPUT_BYTES} bytes")),
        }
    }
}

#[cfg(test)]
mod tests;
