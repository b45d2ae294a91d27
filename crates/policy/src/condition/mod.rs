//! Conditions: operators, set qualifiers and what holds for absent and multi-valued keys.
//!
//! Follows recorded answers of AWS where they differ from its documentation: a plain operator never
//! matches a multi-valued key that is present; an empty string is a value like any other; a bad ARN
//! pattern fails closed.

mod binary;
mod date;
mod fold;
mod network;
mod number;
mod operator;
mod test;

use crate::context::{Conditions, Values};
use crate::error::Reason;

use operator::Operator;
pub(crate) use operator::Quantifier;
use test::Test;

/// Whether a condition, or a whole statement, holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Yes,
    No,
    /// It cannot be evaluated: an Allow then does not apply, a Deny does.
    Error,
}

impl From<bool> for Holds {
    fn from(yes: bool) -> Self {
        if yes { Holds::Yes } else { Holds::No }
    }
}

impl Holds {
    /// Both; what surely does not hold wins over an error.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Holds::No, _) | (_, Holds::No) => Holds::No,
            (Holds::Error, _) | (_, Holds::Error) => Holds::Error,
            (Holds::Yes, Holds::Yes) => Holds::Yes,
        }
    }
}

/// One operator applied to one key.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    /// The operator as written, with qualifier and suffix.
    pub(crate) operator: Box<str>,
    /// The key in lower case.
    pub(crate) key: Box<str>,
    /// The key as written.
    written: Box<str>,
    /// The operands as written.
    pub(crate) operands: Box<[Box<str>]>,
    quantifier: Quantifier,
    if_exists: bool,
    test: Test,
}

/// How operands are read, which depends on the policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperandRules {
    /// Whether `${...}` is a variable (version 2012-10-17).
    pub(crate) variables: bool,
    /// Whether operands that can never be evaluated are refused.
    pub(crate) strict: bool,
}

impl Condition {
    pub(crate) fn compile(
        operator: &str,
        key: &str,
        operands: Vec<Box<str>>,
        rules: OperandRules,
    ) -> Result<Self, Reason> {
        let parsed =
            Operator::parse(operator).ok_or_else(|| Reason::Operator(operator.to_owned()))?;
        let test = Test::compile(operator, parsed.comparison, &operands, rules)?;
        Ok(Self {
            operator: operator.into(),
            key: key.to_lowercase().into(),
            written: key.into(),
            operands: operands.into(),
            quantifier: parsed.quantifier,
            if_exists: parsed.if_exists,
            test,
        })
    }

    /// The keys this condition asks for: its own and those of variables.
    pub(crate) fn context_keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.test.variables().map(|variable| &*variable.key);
        std::iter::once(&*self.key).chain(variables)
    }

    /// The same keys as written.
    pub(crate) fn written_keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.test.variables().map(|variable| &*variable.written);
        std::iter::once(&*self.written).chain(variables)
    }

    pub(crate) fn holds(&self, conditions: &dyn Conditions) -> Holds {
        let values = conditions.get(&self.key).filter(|values| !values.is_empty());
        if let Test::Null(absent) = &self.test {
            return absent.iter().any(|absent| *absent == values.is_none()).into();
        }
        match values {
            None => self.absent().into(),
            Some(values) => self.present(values, conditions),
        }
    }

    fn absent(&self) -> bool {
        if self.if_exists {
            return true;
        }
        match self.quantifier {
            Quantifier::Plain => self.test.negated(),
            Quantifier::ForAll => true,
            Quantifier::ForAny => false,
        }
    }

    fn present(&self, values: Values<'_>, conditions: &dyn Conditions) -> Holds {
        // The verdict of a value that ends the search, and of none doing so.
        let (decisive, otherwise) = match self.quantifier {
            Quantifier::Plain => {
                return values
                    .single()
                    .map_or(Holds::No, |value| self.test.holds(value, conditions));
            }
            Quantifier::ForAll => (Holds::No, Holds::Yes),
            Quantifier::ForAny => (Holds::Yes, Holds::No),
        };
        for value in values.iter() {
            let verdict = self.test.holds(value, conditions);
            if verdict == decisive || verdict == Holds::Error {
                return verdict;
            }
        }
        otherwise
    }
}
