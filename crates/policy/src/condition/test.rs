//! Compiled operands and the test of one request value against them.

use crate::arn::{ArnMatch, ArnOperand, is_arn};
use crate::context::Conditions;
use crate::error::Reason;
use crate::glob::{Colons, Matched, Pattern, Syntax};
use crate::variables::Variable;

use super::fold::{self, FoldedOperand};
use super::network::{Address, Network};
use super::number::Decimal;
use super::operator::{Comparison, Ordering};
use super::{Holds, OperandRules, binary, date};

/// An operator with its compiled operands.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Text {
        operands: Box<[Pattern]>,
        negated: bool,
    },
    TextIgnoreCase {
        operands: Box<[FoldedOperand]>,
        negated: bool,
    },
    Number {
        operands: Box<[Box<str>]>,
        ordering: Ordering,
    },
    /// Milliseconds since 1970; `None` is an operand that is no date.
    Date {
        operands: Box<[Option<i64>]>,
        ordering: Ordering,
    },
    Bool(Box<[Pattern]>),
    Binary(Box<[Box<str>]>),
    /// `None` is an operand that is no network.
    Address {
        operands: Box<[Option<Network>]>,
        negated: bool,
    },
    Arn {
        operands: Box<[ArnOperand]>,
        negated: bool,
    },
    /// For each operand whether it asks for absence.
    Null(Box<[bool]>),
}

impl Test {
    pub(super) fn compile(
        operator: &str,
        comparison: Comparison,
        operands: &[Box<str>],
        rules: OperandRules,
    ) -> Result<Self, Reason> {
        let refuse = |operand: &str| Reason::Operand {
            operator: operator.to_owned(),
            operand: operand.to_owned(),
        };
        let valid = |checks: bool, operand: &str| {
            if checks { Ok(()) } else { Err(refuse(operand)) }
        };
        let text = |operand: &str, wildcards: bool| {
            let syntax = Syntax { wildcards, variables: rules.variables, colons: Colons::Cross };
            Pattern::compile(operand, syntax).map_err(|_| Reason::Variable(operand.to_owned()))
        };
        Ok(match comparison {
            Comparison::Text { wildcards, negated } => {
                Test::Text { operands: each(operands, |text_| text(text_, wildcards))?, negated }
            }
            Comparison::TextIgnoreCase { negated } => {
                let fold = |operand: &str| Ok(FoldedOperand::new(text(operand, false)?));
                Test::TextIgnoreCase { operands: each(operands, fold)?, negated }
            }
            Comparison::Bool => Test::Bool(each(operands, |operand| text(operand, false))?),
            Comparison::Number(ordering) => {
                let number = |operand: &str| {
                    valid(!rules.strict || Decimal::parse(operand).is_some(), operand)?;
                    Ok(operand.into())
                };
                Test::Number { operands: each(operands, number)?, ordering }
            }
            Comparison::Date(ordering) => {
                let date = |operand: &str| {
                    let millis = date::millis(operand);
                    valid(!rules.strict || millis.is_some(), operand)?;
                    Ok(millis)
                };
                Test::Date { operands: each(operands, date)?, ordering }
            }
            Comparison::Binary => {
                let binary = |operand: &str| {
                    valid(binary::is_base64(operand), operand)?;
                    Ok(operand.into())
                };
                Test::Binary(each(operands, binary)?)
            }
            Comparison::Address { negated } => {
                let network = |operand: &str| {
                    let network = Network::parse(operand);
                    valid(!rules.strict || network.is_some(), operand)?;
                    Ok(network)
                };
                Test::Address { operands: each(operands, network)?, negated }
            }
            Comparison::Arn { negated } => {
                let arn = |operand: &str| {
                    let compiled = ArnOperand::compile(operand, rules.variables)?;
                    valid(!rules.strict || compiled.storable(), operand)?;
                    Ok(compiled)
                };
                Test::Arn { operands: each(operands, arn)?, negated }
            }
            Comparison::Null => Test::Null(each(operands, |operand| Ok(is_true(operand)))?),
        })
    }

    /// What a plain operator answers for an absent key.
    pub(super) fn negated(&self) -> bool {
        match self {
            Test::Text { negated, .. }
            | Test::TextIgnoreCase { negated, .. }
            | Test::Address { negated, .. }
            | Test::Arn { negated, .. } => *negated,
            Test::Number { ordering, .. } | Test::Date { ordering, .. } => {
                *ordering == Ordering::NotEquals
            }
            Test::Bool(_) | Test::Binary(_) | Test::Null(_) => false,
        }
    }

    pub(super) fn variables(&self) -> Box<dyn Iterator<Item = &Variable> + '_> {
        match self {
            Test::Text { operands, .. } | Test::Bool(operands) => {
                Box::new(operands.iter().flat_map(Pattern::variables))
            }
            Test::TextIgnoreCase { operands, .. } => {
                Box::new(operands.iter().flat_map(FoldedOperand::variables))
            }
            Test::Arn { operands, .. } => {
                Box::new(operands.iter().flat_map(|operand| operand.pattern().variables()))
            }
            Test::Number { .. }
            | Test::Date { .. }
            | Test::Binary(_)
            | Test::Address { .. }
            | Test::Null(_) => Box::new(std::iter::empty()),
        }
    }

    /// Whether one request value passes.
    pub(super) fn holds(&self, value: &str, conditions: &dyn Conditions) -> Holds {
        match self {
            Test::Text { operands, negated } => {
                let equal = |operand: &Pattern| operand.matches(value, conditions) == Matched::Yes;
                (operands.iter().any(equal) != *negated).into()
            }
            Test::TextIgnoreCase { operands, negated } => {
                let folded = fold::lower(value);
                let equal = |operand: &FoldedOperand| operand.equals(&folded, conditions);
                (operands.iter().any(equal) != *negated).into()
            }
            Test::Number { operands, ordering } => number_holds(operands, *ordering, value).into(),
            Test::Date { operands, ordering } => date_holds(operands, *ordering, value).into(),
            Test::Bool(operands) => {
                let wanted = is_true(value);
                operands
                    .iter()
                    .any(|operand| bool_operand(operand, conditions) == Some(wanted))
                    .into()
            }
            Test::Binary(operands) => operands.iter().any(|operand| **operand == *value).into(),
            Test::Address { operands, negated } => match Address::parse(value) {
                None => Holds::No,
                Some(address) => {
                    let inside = operands.iter().flatten().any(|net| net.contains(&address));
                    (inside != *negated).into()
                }
            },
            Test::Arn { operands, negated } => arn_holds(operands, *negated, value, conditions),
            // Decided from the key's presence, before any value is looked at.
            Test::Null(absent) => absent.iter().any(|absent| !absent).into(),
        }
    }
}

fn each<T>(
    operands: &[Box<str>],
    compile: impl Fn(&str) -> Result<T, Reason>,
) -> Result<Box<[T]>, Reason> {
    operands.iter().map(|operand| compile(operand)).collect()
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// An operand of Bool without value equals neither.
fn bool_operand(operand: &Pattern, conditions: &dyn Conditions) -> Option<bool> {
    if operand.has_variables() {
        return operand.render(conditions).map(|text| is_true(&text));
    }
    Some(operand.exact().is_some_and(is_true))
}

/// What is no number equals none and is neither less nor greater.
fn number_holds(operands: &[Box<str>], ordering: Ordering, value: &str) -> bool {
    let value = Decimal::parse(value);
    let test = |ordering: Ordering| {
        operands.iter().any(|operand| match (&value, Decimal::parse(operand)) {
            (Some(value), Some(operand)) => ordering.accepts(value.compare(&operand)),
            _ => false,
        })
    };
    match ordering {
        Ordering::NotEquals => !test(Ordering::Equals),
        other => test(other),
    }
}

fn date_holds(operands: &[Option<i64>], ordering: Ordering, value: &str) -> bool {
    let value = date::millis(value);
    let test = |ordering: Ordering| {
        operands.iter().any(|operand| match (value, operand) {
            (Some(value), Some(operand)) => ordering.accepts(value.cmp(operand)),
            _ => false,
        })
    };
    match ordering {
        Ordering::NotEquals => !test(Ordering::Equals),
        other => test(other),
    }
}

/// Reads the operands in order up to the first match; a bad pattern before it is an error. A value
/// that is no ARN passes neither the operator nor its negation.
fn arn_holds(
    operands: &[ArnOperand],
    negated: bool,
    value: &str,
    conditions: &dyn Conditions,
) -> Holds {
    if !is_arn(value) {
        return Holds::No;
    }
    for operand in operands {
        match operand.compare(value, conditions) {
            ArnMatch::Yes => return (!negated).into(),
            ArnMatch::No => {}
            ArnMatch::BadPattern => return Holds::Error,
        }
    }
    negated.into()
}
