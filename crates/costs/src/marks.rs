//! How far the journal was counted, part by part.
//!
//! What is counted is written a part at a time, each together with how far it goes. So parts differ
//! in it, and whoever begins again begins where the least of them stands, and passes over what the
//! others have already.

use bulla_crypto::hex;
use serde::{Deserialize, Serialize};

/// Into how many parts uses are split.
pub(crate) const PARTS: usize = 256;
/// The changes of lives are one more part.
pub(crate) const CHANGES: usize = PARTS;

/// A place in the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The last record that was counted, or passed over.
    pub(crate) sequence: u64,
    /// The id of the last request that was counted up to there, in whichever part.
    pub(crate) request: Option<[u8; 16]>,
}

/// How far each part was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marks([Mark; PARTS + 1]);

impl Marks {
    /// The mark of a part.
    pub(crate) fn of(&self, part: usize) -> Mark {
        self.0.get(part).copied().unwrap_or_default()
    }

    /// Where reading begins.
    pub(crate) fn least(&self) -> Mark {
        self.0.iter().copied().min_by_key(|mark| mark.sequence).unwrap_or_default()
    }

    /// Has those parts that are told so, and are not there yet, go on to a place.
    pub(crate) fn go_on(&mut self, to: Mark, goes: impl Fn(usize) -> bool) {
        for (part, mark) in self.0.iter_mut().enumerate() {
            if mark.sequence < to.sequence && goes(part) {
                *mark = to;
            }
        }
    }
}

impl Default for Marks {
    fn default() -> Self {
        Self([Mark::default(); PARTS + 1])
    }
}

/// How far the journal was counted, as a row keeps it.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    #[serde(flatten)]
    least: At,
    /// The parts that are further, by where they are. Rows of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ahead: Vec<Ahead>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct At {
    sequence: u64,
    request: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ahead {
    #[serde(flatten)]
    at: At,
    parts: Vec<usize>,
}

impl From<Mark> for At {
    fn from(mark: Mark) -> Self {
        Self { sequence: mark.sequence, request: mark.request.map(|id| hex::encode(&id)) }
    }
}

impl At {
    fn mark(&self) -> Mark {
        let request = self.request.as_deref().and_then(|id| hex::decode(id).ok());
        let request = request.and_then(|id| id.try_into().ok());
        Mark { sequence: self.sequence, request }
    }
}

impl From<&Marks> for Position {
    fn from(marks: &Marks) -> Self {
        let least = marks.least();
        let mut ahead: Vec<(Mark, Vec<usize>)> = Vec::new();
        for (part, mark) in marks.0.iter().enumerate() {
            if *mark == least {
                continue;
            }
            match ahead.iter_mut().find(|(known, _)| known == mark) {
                Some((_, parts)) => parts.push(part),
                None => ahead.push((*mark, vec![part])),
            }
        }
        let ahead = ahead.into_iter().map(|(mark, parts)| Ahead { at: mark.into(), parts });
        Self { least: least.into(), ahead: ahead.collect() }
    }
}

impl From<&Position> for Marks {
    fn from(position: &Position) -> Self {
        let mut marks = Self([position.least.mark(); PARTS + 1]);
        for Ahead { at, parts } in &position.ahead {
            for part in parts {
                if let Some(mark) = marks.0.get_mut(*part) {
                    *mark = at.mark();
                }
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(sequence: u64) -> Mark {
        Mark { sequence, request: Some([u8::try_from(sequence).unwrap(); 16]) }
    }

    fn row(marks: &Marks) -> String {
        serde_json::to_string(&Position::from(marks)).unwrap()
    }

    #[test]
    fn a_row_of_one_position_is_that_of_every_part() {
        let before = format!(r#"{{"sequence":7,"request":"{}"}}"#, "07".repeat(16));
        let position: Position = serde_json::from_str(&before).unwrap();
        let marks = Marks::from(&position);
        assert!((0..=PARTS).all(|part| marks.of(part) == mark(7)));
        assert_eq!(row(&marks), before);
        let none: Position = serde_json::from_str(r#"{"sequence":3,"request":null}"#).unwrap();
        assert_eq!(Marks::from(&none).least(), Mark { sequence: 3, request: None });
    }

    #[test]
    fn parts_that_are_further_are_kept_and_never_go_back() {
        let mut marks = Marks::default();
        marks.go_on(mark(5), |part| part != 3);
        marks.go_on(mark(9), |part| part == 1 || part == CHANGES);
        marks.go_on(mark(6), |part| part < 3);
        let known = [0, 1, 2, 3, 4, CHANGES].map(|part| marks.of(part).sequence);
        assert_eq!((known, marks.least()), ([6, 9, 6, 0, 5, 9], Mark::default()));
        let read: Position = serde_json::from_str(&row(&marks)).unwrap();
        assert_eq!(Marks::from(&read), marks);
    }
}
