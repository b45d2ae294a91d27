//! Which costs are asked for: Cost Explorer's expressions.

use bulla_shapes::Fault;
use bulla_shapes::ce::Expression;

use crate::facet::Facet;
use crate::fault;
use crate::report::Line;

/// How deep expressions may be in each other.
const MAX_DEPTH: usize = 16;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Is(Test),
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    of: Facet,
    values: Vec<String>,
    how: How,
    /// Whether capitals are as good as small letters.
    any_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
    Absent,
}

impl Filter {
    /// Reads an expression, which has one thing to say on each level.
    pub(crate) fn read(given: &Expression<'_>, with_resources: bool) -> Result<Self, Fault> {
        Self::within(given, with_resources, 0)
    }

    fn within(given: &Expression<'_>, with_resources: bool, depth: usize) -> Result<Self, Fault> {
        if depth >= MAX_DEPTH {
            return Err(fault::validation("Expressions are in each other too deeply."));
        }
        let inner = |one: Expression<'_>| Self::within(&one, with_resources, depth + 1);
        let mut said = Vec::new();
        if let Some(all) = given.and() {
            said.push(Self::All(all.iter().map(inner).collect::<Result<_, _>>()?));
        }
        if let Some(any) = given.or() {
            said.push(Self::Any(any.iter().map(inner).collect::<Result<_, _>>()?));
        }
        if let Some(not) = given.not() {
            said.push(Self::Not(Box::new(inner(not)?)));
        }
        if let Some(test) = given.dimensions() {
            let of = Facet::dimension(test.key().unwrap_or_default(), with_resources)?;
            let options = test.match_options().into_iter().flatten();
            said.push(Test::read(of, test.values().into_iter().flatten(), options)?);
        }
        if let Some(test) = given.tags() {
            let of = Facet::Tag(test.key().unwrap_or_default().to_owned());
            let options = test.match_options().into_iter().flatten();
            said.push(Test::read(of, test.values().into_iter().flatten(), options)?);
        }
        if let Some(test) = given.cost_categories() {
            let of = Facet::Category(test.key().unwrap_or_default().to_owned());
            let options = test.match_options().into_iter().flatten();
            said.push(Test::read(of, test.values().into_iter().flatten(), options)?);
        }
        match (said.pop(), said.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => Err(fault::validation(
                "An expression has one of Dimensions, Tags, CostCategories, And, Or and Not.",
            )),
        }
    }

    /// Whether a line is asked for.
    pub(crate) fn takes(&self, line: &Line<'_>) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.takes(line)),
            Self::Any(any) => any.iter().any(|one| one.takes(line)),
            Self::Not(not) => !not.takes(line),
            Self::Is(test) => test.holds(&test.of.of(line)),
        }
    }
}

impl Test {
    fn read<'v>(
        of: Facet,
        values: impl Iterator<Item = &'v str>,
        options: impl Iterator<Item = &'v str>,
    ) -> Result<Filter, Fault> {
        let (mut how, mut any_case) = (How::Equals, false);
        for option in options {
            match option {
                "EQUALS" => how = How::Equals,
                "STARTS_WITH" => how = How::StartsWith,
                "ENDS_WITH" => how = How::EndsWith,
                "CONTAINS" => how = How::Contains,
                "ABSENT" => how = How::Absent,
                "CASE_SENSITIVE" => any_case = false,
                "CASE_INSENSITIVE" => any_case = true,
                other => {
                    let text = format!("The match option {other} is not supported.");
                    return Err(fault::validation(text));
                }
            }
        }
        let cased = |value: &str| if any_case { value.to_lowercase() } else { value.to_owned() };
        let values = values.map(cased).collect();
        Ok(Filter::Is(Self { of, values, how, any_case }))
    }

    fn holds(&self, value: &str) -> bool {
        let lower;
        let value = if self.any_case {
            lower = value.to_lowercase();
            lower.as_str()
        } else {
            value
        };
        let fits = |wanted: &String| match self.how {
            How::Equals => value == wanted,
            How::StartsWith => value.starts_with(wanted.as_str()),
            How::EndsWith => value.ends_with(wanted.as_str()),
            How::Contains => value.contains(wanted.as_str()),
            How::Absent => false,
        };
        if self.how == How::Absent { value.is_empty() } else { self.values.iter().any(fits) }
    }
}
