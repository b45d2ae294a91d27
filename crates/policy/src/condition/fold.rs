//! Letter case for the IgnoreCase operators: both sides in lower case, the way AWS does it.

use std::borrow::Cow;

use crate::context::Conditions;
use crate::glob::Pattern;
use crate::variables::Variable;

/// `text` in lower case: full Unicode mapping with the final-sigma rule, but characters above
/// U+FFFF stay as they are (AWS works on UTF-16 units).
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        return Cow::Borrowed(text);
    }
    let lowered = text.to_lowercase();
    if !text.chars().any(is_astral) {
        return Cow::Owned(lowered);
    }
    // Lower case keeps the number and order of characters above U+FFFF.
    let mut kept = text.chars().filter(|c| is_astral(*c));
    lowered.chars().map(|c| if is_astral(c) { kept.next().unwrap_or(c) } else { c }).collect()
}

fn is_astral(c: char) -> bool {
    u32::from(c) > 0xFFFF
}

/// An operand, lowered already unless it has variables.
#[derive(Clone, Debug)]
pub(super) enum FoldedOperand {
    Fixed(Box<str>),
    Variable(Pattern),
}

impl FoldedOperand {
    pub(super) fn new(operand: Pattern) -> Self {
        match operand.exact() {
            Some(text) => FoldedOperand::Fixed(lower(text).into()),
            None => FoldedOperand::Variable(operand),
        }
    }

    pub(super) fn variables(&self) -> &[Variable] {
        match self {
            FoldedOperand::Fixed(_) => &[],
            FoldedOperand::Variable(operand) => operand.variables(),
        }
    }

    /// Whether this equals a text already in lower case.
    pub(super) fn equals(&self, lowered: &str, conditions: &dyn Conditions) -> bool {
        match self {
            FoldedOperand::Fixed(text) => **text == *lowered,
            FoldedOperand::Variable(operand) => {
                operand.render(conditions).is_some_and(|text| lower(&text) == lowered)
            }
        }
    }
}
