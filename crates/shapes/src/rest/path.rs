//! Paths against the URI templates of a model.

use std::borrow::Cow;

use crate::decode_error::{DecodeError, DecodeErrorKind};
use crate::query::unescape;
use crate::tables::{Operation, Service};

/// A segment of a template.
enum Segment<'t> {
    /// Itself.
    Literal(&'t str),
    /// `{Name}`: one segment, which is not empty.
    Label(&'t str),
    /// `{Name+}`: as many segments as the rest of the template leaves.
    Greedy(&'t str),
}

impl<'t> Segment<'t> {
    fn of(text: &'t str) -> Self {
        let label = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        match label.map(|label| (label, label.strip_suffix('+'))) {
            Some((_, Some(label))) => Self::Greedy(label),
            Some((label, None)) => Self::Label(label),
            None => Self::Literal(text),
        }
    }
}

/// The operation of a service that a method and a raw path are for. Where several are, the one
/// whose template has the most text of its own. A slash at the end does not matter (recorded of
/// Lambda, whose older clients send one).
#[must_use]
pub fn operation(service: &Service, method: &str, path: &str) -> Option<&'static Operation> {
    let fits = |row: &&Operation| row.method == method && labels(row.uri, path).is_some();
    let text = |row: &&Operation| {
        let segments = template(row.uri);
        segments.filter(|segment| matches!(Segment::of(segment), Segment::Literal(_))).count()
    };
    service.operations.iter().filter(fits).max_by_key(text)
}

/// The labels of a template with what stands in their places, still escaped; nothing when the path
/// does not fit.
pub(super) fn labels<'p>(uri: &'static str, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
    let mut rest = path.strip_prefix('/')?;
    rest = rest.strip_suffix('/').unwrap_or(rest);
    let mut found = Vec::new();
    let mut left = template(uri).count();
    let mut ended = rest.is_empty();
    for segment in template(uri) {
        left -= 1;
        if ended {
            return None;
        }
        let (taken, tail) = match Segment::of(segment) {
            Segment::Greedy(_) => split_before_last(rest, left)?,
            _ => rest.split_once('/').map_or((rest, None), |(one, tail)| (one, Some(tail))),
        };
        match Segment::of(segment) {
            Segment::Literal(text) if text != taken => return None,
            Segment::Literal(_) => {}
            Segment::Label(_) | Segment::Greedy(_) if taken.is_empty() => return None,
            Segment::Label(name) | Segment::Greedy(name) => found.push((name, taken)),
        }
        ended = tail.is_none();
        rest = tail.unwrap_or_default();
    }
    ended.then_some(found)
}

/// The segments of a template, without its query.
fn template(uri: &'static str) -> impl Iterator<Item = &'static str> {
    let path = uri.split_once('?').map_or(uri, |(path, _)| path);
    let path = path.trim_matches('/');
    path.split('/').filter(|segment| !segment.is_empty())
}

/// A path without its last `count` segments, and these.
fn split_before_last(path: &str, count: usize) -> Option<(&str, Option<&str>)> {
    if count == 0 {
        return Some((path, None));
    }
    let (at, _) = path.rmatch_indices('/').nth(count - 1)?;
    let (taken, tail) = path.split_at_checked(at)?;
    Some((taken, tail.get(1..)))
}

/// What a label stands for.
pub(super) fn label(raw: &str) -> Result<Cow<'_, str>, DecodeError> {
    // In a path, a plus is a plus.
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw));
    }
    let escaped = raw.replace('+', "%2B");
    let text = unescape(escaped.as_bytes(), 0).map_err(|_| {
        DecodeError::new(DecodeErrorKind::Malformed("the path has a malformed escape"), 0)
    })?;
    Ok(Cow::Owned(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambda;

    #[test]
    fn paths_lead_to_operations() {
        let found = |method: &str, path: &str| {
            operation(&lambda::SERVICE, method, path).map(|row| row.name)
        };
        for (method, path, wanted) in [
            ("POST", "/2015-03-31/functions", Some("CreateFunction")),
            ("POST", "/2015-03-31/functions/", Some("CreateFunction")),
            ("GET", "/2015-03-31/functions", Some("ListFunctions")),
            ("GET", "/2015-03-31/functions/f", Some("GetFunction")),
            ("POST", "/2015-03-31/functions/f/invocations", Some("Invoke")),
            ("GET", "/2015-03-31/functions//invocations", None),
            ("PATCH", "/2015-03-31/functions/f", None),
            ("GET", "/2015-03-31/functions/f/g", None),
            ("GET", "/2015-03-31", None),
            ("GET", "/", None),
            ("GET", "", None),
            ("DELETE", "/2015-03-31/functions/f/aliases/a", Some("DeleteAlias")),
        ] {
            assert_eq!(found(method, path), wanted, "{method} {path}");
        }
    }

    #[test]
    fn greedy_labels_leave_what_follows() {
        let uri = "/a/{one}/b/{rest+}/c?x=y";
        let found = labels(uri, "/a/1/b/2/3/4/c").unwrap();
        assert_eq!(found, [("one", "1"), ("rest", "2/3/4")]);
        assert!(labels(uri, "/a/1/b/c").is_none());
        assert!(labels(uri, "/a/1/b/2/d").is_none());
    }

    #[test]
    fn labels_are_decoded_once_and_keep_their_plus() {
        assert_eq!(label("arn%3Aaws%3A+%2525").unwrap(), "arn:aws:+%25");
        assert!(label("%zz").is_err() && label("%ff").is_err());
    }
}
