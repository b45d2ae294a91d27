//! The canonical path.

use crate::PathRule;
use crate::percent::{BadPercent, encode, recode};

/// Appends the canonical form of `path` to `out`.
pub(crate) fn push(rule: PathRule, path: &str, out: &mut Vec<u8>) -> Result<(), BadPercent> {
    match rule {
        _ if path.is_empty() || path == "/" => out.push(b'/'),
        PathRule::Normalized => normalized(path, out),
        PathRule::AsSent => segments(path, out, |segment, out| {
            encode(segment, out);
            Ok(())
        })?,
        PathRule::Once => segments(path, out, recode)?,
    }
    Ok(())
}

fn segments(
    path: &str,
    out: &mut Vec<u8>,
    mut segment: impl FnMut(&str, &mut Vec<u8>) -> Result<(), BadPercent>,
) -> Result<(), BadPercent> {
    for (index, part) in path.split('/').enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        segment(part, out)?;
    }
    Ok(())
}

/// RFC 3986, 5.2.4 on top of single slashes. `out` always holds whole segments, each after its
/// slash, so that `..` takes off the last one. A slash at the end stays, one after a final dot
/// segment is not added: as botocore and AWS's C runtime do it.
fn normalized(path: &str, out: &mut Vec<u8>) {
    let start = out.len();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                let kept = out.iter().skip(start).rposition(|&byte| byte == b'/').unwrap_or(0);
                out.truncate(start + kept);
            }
            _ => {
                out.push(b'/');
                encode(segment, out);
            }
        }
    }
    if out.len() == start || path.ends_with('/') {
        out.push(b'/');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(rule: PathRule, path: &str) -> String {
        let mut out = b"x/y".to_vec();
        push(rule, path, &mut out).unwrap();
        String::from_utf8(out.split_off(3)).unwrap()
    }

    #[test]
    fn normalizing() {
        for (path, want) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a/../..", "/"),
            ("/a//b/./c/../d/", "/a/b/d/"),
            ("/a/b/..", "/a"),
            ("/a/.", "/a"),
            ("/a/%2e%2e/b", "/a/%252e%252e/b"),
            ("/a%2Fb", "/a%252Fb"),
            ("/a b", "/a%20b"),
            ("a", "/a"),
            ("/a/...", "/a/..."),
        ] {
            assert_eq!(canonical(PathRule::Normalized, path), want, "{path}");
        }
    }

    #[test]
    fn as_sent_and_once() {
        assert_eq!(canonical(PathRule::AsSent, "//a/../%20b/"), "//a/../%2520b/");
        assert_eq!(canonical(PathRule::Once, "//a/../%20b+c/"), "//a/../%20b%2Bc/");
        assert_eq!(canonical(PathRule::Once, "/a%2Fb"), "/a%2Fb");
        let mut out = Vec::new();
        assert_eq!(push(PathRule::Once, "/a%2", &mut out), Err(BadPercent));
    }
}
