//! ARNs: the resource patterns of statements and the operands of the ARN operators.

use crate::context::Conditions;
use crate::error::Reason;
use crate::glob::{Colons, Matched, Pattern, Syntax};

/// The partitions AWS has.
const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];
const FIELDS: usize = 6;

/// A pattern of a Resource or NotResource element.
#[derive(Clone, Debug)]
pub(crate) struct ResourcePattern {
    pub(crate) text: Box<str>,
    pattern: Pattern,
}

impl ResourcePattern {
    pub(crate) fn compile(text: &str, variables: bool) -> Result<Self, Reason> {
        check_resource(text, variables)?;
        // Fields missing at the end are wildcards.
        let missing = FIELDS.saturating_sub(text.split(':').count());
        let whole =
            if text == "*" { text.to_owned() } else { text.to_owned() + &":*".repeat(missing) };
        let syntax = Syntax { wildcards: true, variables, colons: Colons::FieldEnds };
        let pattern =
            Pattern::compile(&whole, syntax).map_err(|_| Reason::Variable(text.to_owned()))?;
        Ok(Self { text: text.into(), pattern })
    }

    pub(crate) fn matches(&self, resource: &str, conditions: &dyn Conditions) -> Matched {
        self.pattern.matches(resource, conditions)
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }
}

fn check_resource(text: &str, variables: bool) -> Result<(), Reason> {
    if text == "*" {
        return Ok(());
    }
    let mut fields = text.splitn(FIELDS, ':');
    if fields.next() != Some("arn") {
        return Err(Reason::ResourceNotArn(text.to_owned()));
    }
    let head = || fields.clone().take(FIELDS - 2);
    if variables && head().any(|field| field.contains("${")) {
        return Err(Reason::ResourceVariable(text.to_owned()));
    }
    let partition = fields.next().ok_or_else(|| Reason::ResourceNotArn(text.to_owned()))?;
    if partition != "*" && !PARTITIONS.contains(&partition) {
        let (partition, resource) = (partition.to_owned(), text.to_owned());
        return Err(Reason::Partition { partition, resource });
    }
    let vendor = fields.next().ok_or_else(|| Reason::ResourceNotArn(text.to_owned()))?;
    // A lone star is widely used and harmless; a part of a name is not.
    if vendor != "*" && (vendor.is_empty() || vendor.contains(['*', '?'])) {
        return Err(Reason::ResourceVendor(text.to_owned()));
    }
    Ok(())
}

/// An operand of ArnEquals, ArnLike and their negations.
#[derive(Clone, Debug)]
pub(crate) struct ArnOperand {
    pattern: Pattern,
    /// Whether it can match at all; decided later if it has variables.
    valid: bool,
}

/// What comparing an ARN with an operand gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArnMatch {
    Yes,
    No,
    /// The operand is no ARN pattern: the statement fails closed.
    BadPattern,
}

const ARN_SYNTAX: Syntax = Syntax { wildcards: true, variables: false, colons: Colons::Fields };

impl ArnOperand {
    pub(crate) fn compile(text: &str, variables: bool) -> Result<Self, Reason> {
        let pattern = Pattern::compile(text, Syntax { variables, ..ARN_SYNTAX })
            .map_err(|_| Reason::Variable(text.to_owned()))?;
        // One star is every ARN.
        let pattern = if text == "*" {
            Pattern::compile("*", Syntax { colons: Colons::Cross, ..ARN_SYNTAX })
                .map_err(|_| Reason::Variable(text.to_owned()))?
        } else {
            pattern
        };
        Ok(Self { valid: is_arn_pattern(text), pattern })
    }

    /// Whether it may be stored: a pattern of an ARN, or one that variables may turn into one.
    pub(crate) fn storable(&self) -> bool {
        self.valid || self.pattern.has_variables()
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    pub(crate) fn compare(&self, arn: &str, conditions: &dyn Conditions) -> ArnMatch {
        if !self.pattern.has_variables() {
            if !self.valid {
                return ArnMatch::BadPattern;
            }
            return match self.pattern.matches(arn, conditions) {
                Matched::Yes => ArnMatch::Yes,
                Matched::No | Matched::Unresolved => ArnMatch::No,
            };
        }
        // Fields can only be told apart once the values are known, and a star that comes from a
        // variable is no wildcard.
        let Some(bound) = self.pattern.bind(conditions, ARN_SYNTAX) else { return ArnMatch::No };
        match bound.render(conditions).is_some_and(|text| has_fields(&text)) {
            false => ArnMatch::BadPattern,
            true if bound.matches(arn, conditions) == Matched::Yes => ArnMatch::Yes,
            true => ArnMatch::No,
        }
    }
}

fn is_arn_pattern(text: &str) -> bool {
    text == "*" || has_fields(text)
}

fn has_fields(text: &str) -> bool {
    text.starts_with("arn:") && text.split(':').count() >= FIELDS
}

/// Whether a request value is an ARN.
pub(crate) fn is_arn(text: &str) -> bool {
    let mut fields = text.splitn(FIELDS, ':');
    let mut filled = || fields.next().is_some_and(|field| !field.is_empty());
    text.starts_with("arn:") && filled() && filled() && filled() && {
        fields.nth(2).is_some_and(|resource| !resource.is_empty())
    }
}
