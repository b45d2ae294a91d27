//! Texts made of parts of an event (EventBridge user guide, "Input transformation").

use serde_json::Value;

use super::Surroundings;
use super::path::Path;

/// A template.
#[derive(Debug)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    /// A part of the event, and whether it stands within a string of the template.
    Part(Path, bool),
    RuleArn,
    RuleName,
    IngestionTime,
    /// `<aws.events.event>`: the event without its detail.
    Event,
    /// `<aws.events.event.json>`: all of it.
    WholeEvent,
}

impl Template {
    pub(super) fn parse(text: &str, parts: Vec<(String, Path)>) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let (mut plain, mut quoted, mut escaped) = (String::new(), false, false);
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if let Some((piece, after)) = variable(rest, &parts, quoted)? {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
                pieces.push(piece);
                rest = after;
                continue;
            }
            quoted ^= letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            plain.push(letter);
            rest = rest.split_at(letter.len_utf8()).1;
        }
        pieces.push(Piece::Text(plain));
        Ok(Self { pieces })
    }

    /// The text for an event; none if it would have more than so many bytes.
    pub(super) fn fill(
        &self,
        text: &str,
        event: &Value,
        around: &Surroundings<'_>,
        most: usize,
    ) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.pieces {
            if filled.len() > most {
                return None;
            }
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Part(path, quoted) => filled.push_str(&shown(path.find(event), *quoted)),
                Piece::RuleArn => filled.push_str(around.rule_arn),
                Piece::RuleName => filled.push_str(around.rule_name),
                Piece::IngestionTime => filled.push_str(around.ingestion_time),
                Piece::WholeEvent => filled.push_str(text),
                Piece::Event => filled.push_str(&without_detail(event)),
            }
        }
        (filled.len() <= most).then_some(filled)
    }
}

/// The variable that a text begins with, and what follows it. Refuses names of no part; what is no
/// name at all is text.
fn variable<'t>(
    text: &'t str,
    parts: &[(String, Path)],
    quoted: bool,
) -> Result<Option<(Piece, &'t str)>, String> {
    let Some((name, after)) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')) else {
        return Ok(None);
    };
    let formed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(formed) {
        return Ok(None);
    }
    let piece = match name {
        "aws.events.rule-arn" => Piece::RuleArn,
        "aws.events.rule-name" => Piece::RuleName,
        "aws.events.event.ingestion-time" => Piece::IngestionTime,
        "aws.events.event" => Piece::Event,
        "aws.events.event.json" => Piece::WholeEvent,
        _ => match parts.iter().find(|(known, _)| known == name) {
            Some((_, path)) => Piece::Part(path.clone(), quoted),
            // The text is ours after the recorded beginning.
            None => return Err(format!("Invalid InputTemplate: {name} is not in InputPathsMap")),
        },
    };
    Ok(Some((piece, after)))
}

/// A part as it is put in: within a string a string without its quotes, else JSON. What is not
/// there puts in nothing.
fn shown(found: Option<Value>, quoted: bool) -> String {
    let Some(value) = found else { return String::new() };
    if !quoted {
        return value.to_string();
    }
    let text = match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let escaped = Value::String(text).to_string();
    escaped.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&escaped).to_owned()
}

fn without_detail(event: &Value) -> String {
    let mut event = event.clone();
    if let Value::Object(members) = &mut event {
        members.remove("detail");
    }
    event.to_string()
}
