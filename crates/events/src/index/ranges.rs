//! Ranges of numbers: which of them hold one, without trying each.

use crate::pattern::Range;

/// Ranges in the order of their bottoms, and over them a tree by the middle of each stretch.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    ranges: Vec<(Range, u32)>,
    /// The highest top of the stretch that each range is the middle of.
    highest: Vec<f64>,
}

impl Ranges {
    pub(super) fn build(mut ranges: Vec<(Range, u32)>) -> Self {
        ranges.sort_by(|(one, _), (other, _)| one.bottom.total_cmp(&other.bottom));
        let mut highest = vec![f64::NEG_INFINITY; ranges.len()];
        fill(&ranges, &mut highest);
        Self { ranges, highest }
    }

    /// Tells the ids of the ranges that hold a number.
    pub(super) fn of(&self, value: f64, tell: &mut dyn FnMut(u32)) {
        search(&self.ranges, &self.highest, value, tell);
    }
}

/// Fills in the highest tops of a stretch, and answers that of all of it. As deep as the logarithm
/// of its length.
fn fill(ranges: &[(Range, u32)], highest: &mut [f64]) -> f64 {
    let middle = ranges.len() / 2;
    let (left, rest) = ranges.split_at(middle);
    let (highest_left, highest_rest) = highest.split_at_mut(middle);
    let (Some(((range, _), right)), Some((own, highest_right))) =
        (rest.split_first(), highest_rest.split_first_mut())
    else {
        return f64::NEG_INFINITY;
    };
    let top = range.top.max(fill(left, highest_left)).max(fill(right, highest_right));
    *own = top;
    top
}

fn search(ranges: &[(Range, u32)], highest: &[f64], value: f64, tell: &mut dyn FnMut(u32)) {
    let middle = ranges.len() / 2;
    let (left, rest) = ranges.split_at(middle);
    let (highest_left, highest_rest) = highest.split_at(middle);
    let (Some(((range, id), right)), Some((top, highest_right))) =
        (rest.split_first(), highest_rest.split_first())
    else {
        return;
    };
    if value > *top {
        return;
    }
    search(left, highest_left, value, tell);
    if range.contains(value) {
        tell(*id);
    }
    if value >= range.bottom {
        search(right, highest_right, value, tell);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bottom, length, and which ends are open.
    type Bounds = (i32, i32, bool, bool);

    fn bounds() -> impl Strategy<Value = Bounds> {
        (-9..9, 0..9, any::<bool>(), any::<bool>())
    }

    proptest! {
        #[test]
        fn the_same_are_found_as_by_trying_each(
            bounds in prop::collection::vec(bounds(), 0..40),
            value in -10_i32..20,
        ) {
            let range = |&(bottom, length, open_bottom, open_top): &Bounds| Range {
                bottom: f64::from(bottom),
                open_bottom,
                top: f64::from(bottom + length),
                open_top,
            };
            let value = f64::from(value);
            let ranges: Vec<_> = bounds.iter().map(range).zip(0_u32..).collect();
            let tried = ranges.iter().filter(|(range, _)| range.contains(value));
            let mut tried: Vec<u32> = tried.map(|(_, id)| *id).collect();
            let mut found = Vec::new();
            Ranges::build(ranges).of(value, &mut |id| found.push(id));
            found.sort_unstable();
            tried.sort_unstable();
            prop_assert_eq!(found, tried);
        }
    }
}
