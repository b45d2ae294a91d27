//! Requests, counted by operation and status. Labels come from the models alone, so that no caller
//! can make more of them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla_shapes::Service;
use http::HeaderMap;

/// The statuses that are told apart; others count as `other`.
const STATUSES: [u16; 9] = [200, 400, 403, 404, 409, 413, 429, 500, 503];
const CELLS: usize = STATUSES.len() + 1;
/// Where AWS's JSON protocols name the operation.
const TARGET: &str = "x-amz-target";
/// Where Query names it, in the form.
const ACTION: &[u8] = b"Action=";
/// How far into a form the action is looked for, in bytes. Clients send it first.
const ACTION_WITHIN: usize = 1024;

/// Requests by operation and status.
pub(crate) struct Requests {
    services: Vec<(&'static Service, Vec<[AtomicU64; CELLS]>)>,
    other: [AtomicU64; CELLS],
}

/// The operation a request is counted for: service and operation by position, if they are known.
pub(crate) type Counter = Option<(usize, usize)>;

impl Requests {
    pub(crate) fn new(models: impl Iterator<Item = &'static Service>) -> Self {
        let services = models.map(|model| {
            let rows = model.operations.iter().map(|_| <[AtomicU64; CELLS]>::default());
            (model, rows.collect())
        });
        Self { services: services.collect(), other: <[AtomicU64; CELLS]>::default() }
    }

    /// What a request says it is, before it is known to be so.
    pub(crate) fn of(&self, headers: &HeaderMap, body: &[u8]) -> Counter {
        if let Some(target) = headers.get(TARGET) {
            let (prefix, name) = target.to_str().ok()?.split_once('.')?;
            return self.position(|model| model.target_prefix == prefix, name);
        }
        let head = body.get(..ACTION_WITHIN).unwrap_or(body);
        let action = head.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(ACTION))?;
        self.position(|model| model.target_prefix.is_empty(), str::from_utf8(action).ok()?)
    }

    fn position(&self, is: impl Fn(&Service) -> bool, name: &str) -> Counter {
        self.services.iter().enumerate().find_map(|(service, (model, _))| {
            let found = is(model).then(|| {
                model.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()
            });
            found.flatten().map(|operation| (service, operation))
        })
    }

    /// Counts an answer.
    pub(crate) fn count(&self, counter: Counter, status: u16) {
        let cells = counter
            .and_then(|(service, operation)| self.services.get(service)?.1.get(operation))
            .unwrap_or(&self.other);
        let known = STATUSES.iter().position(|known| *known == status);
        if let Some(cell) = cells.get(known.unwrap_or(STATUSES.len())) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what was counted.
    pub(crate) fn render(&self, out: &mut String) {
        for (model, rows) in &self.services {
            for (operation, cells) in model.operations.iter().zip(rows) {
                render_cells(out, model.id, operation.name, cells);
            }
        }
        render_cells(out, "other", "other", &self.other);
    }
}

fn render_cells(out: &mut String, service: &str, operation: &str, cells: &[AtomicU64; CELLS]) {
    for (at, cell) in cells.iter().enumerate() {
        let count = cell.load(Ordering::Relaxed);
        if count == 0 {
            continue;
        }
        let status = STATUSES.get(at).map_or_else(|| "other".to_owned(), u16::to_string);
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            out,
            "bulla_requests_total{{service=\"{service}\",operation=\"{operation}\",\
             code=\"{status}\"}} {count}"
        );
    }
}

#[cfg(test)]
mod tests {
    use bulla_shapes::{kms, sts};

    use super::*;

    #[test]
    fn requests_are_counted_by_what_the_models_know() {
        let requests = Requests::new([&kms::SERVICE, &sts::SERVICE].into_iter());
        let mut headers = HeaderMap::new();
        let form = b"Version=2011-06-15&Action=GetCallerIdentity";
        requests.count(requests.of(&headers, form), 200);
        headers.insert(TARGET, "TrentService.Encrypt".parse().unwrap());
        requests.count(requests.of(&headers, b""), 400);
        headers.insert(TARGET, "TrentService.\"} 1".parse().unwrap());
        requests.count(requests.of(&headers, b""), 418);
        let mut out = String::new();
        requests.render(&mut out);
        let line = |service, operation, code| {
            format!(
                "bulla_requests_total{{service=\"{service}\",operation=\"{operation}\",\
                 code=\"{code}\"}} 1\n"
            )
        };
        let expected = line("kms", "Encrypt", "400")
            + &line("sts", "GetCallerIdentity", "200")
            + &line("other", "other", "other");
        assert_eq!(out, expected);
    }
}
