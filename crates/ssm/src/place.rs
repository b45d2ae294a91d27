//! Where parameters lie in the store.
//!
//! ```text
//! ssm.parameter   <account>/<region>[/<part>…] 00 <last part>
//! ssm.version     <row of the parameter> 00 <version, 20 digits>
//! ```
//! A zero byte stands where the last slash of the name would. So the parameters right under a path
//! are one range of rows, and those further below it are one range behind it: a list costs what
//! its page costs, however deep the tree is and however many parameters there are. The parts of
//! names are of letters, digits and `.-_`, which never compare below a zero byte.

use bulla_store::{Key, Range, Space};

/// One row a parameter, with its newest version.
pub(crate) const PARAMETERS: Space = Space::new("ssm.parameter");
/// One row for each version that is not the newest.
pub(crate) const VERSIONS: Space = Space::new("ssm.version");

/// What the rows of an account's region begin with.
pub(crate) fn home(account: &str, region: &str) -> String {
    format!("{account}/{region}")
}

/// The row of a parameter.
pub(crate) fn row(account: &str, region: &str, path: &str) -> String {
    let home = home(account, region);
    match path.rsplit_once('/') {
        Some((parent, leaf)) => format!("{home}/{parent}\0{leaf}"),
        None => format!("{home}\0{path}"),
    }
}

/// The row of an old version of a parameter.
pub(crate) fn version_row(row: &str, version: u64) -> String {
    format!("{row}\0{version:020}")
}

/// The rows of old versions from one on.
pub(crate) fn versions(row: &str, from: u64) -> Range {
    let all = Range::prefix(format!("{row}\0"));
    all.resume(version_row(row, from))
}

/// The rows of the parameters right under a path, which is empty for the root.
pub(crate) fn children(home: &str, path: &str) -> Range {
    Range::prefix(format!("{}\0", above(home, path)))
}

/// The rows of the parameters further below a path.
pub(crate) fn descendants(home: &str, path: &str) -> Range {
    Range::prefix(format!("{}/", above(home, path)))
}

/// The rows of the parameters whose paths begin so.
pub(crate) fn beginning(home: &str, start: &str) -> [Range; 2] {
    let (parent, leaf) = start.rsplit_once('/').unwrap_or(("", start));
    let above = above(home, parent);
    [Range::prefix(format!("{above}\0{leaf}")), Range::prefix(format!("{above}/{leaf}"))]
}

/// The one row of a parameter, as a range.
pub(crate) fn only(row: &str) -> Range {
    let key = Key::from(row);
    Range { to: Some(key.successor()), from: key }
}

fn above(home: &str, path: &str) -> String {
    if path.is_empty() { home.to_owned() } else { format!("{home}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = "111122223333/eu-central-1";

    fn at(path: &str) -> String {
        row("111122223333", "eu-central-1", path)
    }

    #[test]
    fn lists_are_ranges() {
        let paths = ["a", "b/a", "b/a/c", "b/a/c/d", "b/a.c", "b/a-c/d", "b/ab", "b", "bc/d"];
        let within = |ranges: &[Range]| {
            let inside = |path: &&&str| ranges.iter().any(|r| r.contains(at(path).as_bytes()));
            paths.iter().filter(inside).copied().collect::<Vec<_>>()
        };
        assert_eq!(within(&[children(HOME, "")]), ["a", "b"]);
        assert_eq!(within(&[children(HOME, "b")]), ["b/a", "b/a.c", "b/ab"]);
        assert_eq!(
            within(&[children(HOME, "b/a"), descendants(HOME, "b/a")]),
            ["b/a/c", "b/a/c/d"]
        );
        let all = [children(HOME, ""), descendants(HOME, "")];
        assert_eq!(within(&all), paths);
        let begun = ["b/a", "b/a/c", "b/a/c/d", "b/a.c", "b/a-c/d", "b/ab"];
        assert_eq!(within(&beginning(HOME, "b/a")), begun);
        assert_eq!(
            within(&beginning(HOME, "b")),
            ["b/a", "b/a/c", "b/a/c/d", "b/a.c", "b/a-c/d", "b/ab", "b", "bc/d"]
        );
        assert_eq!(within(&[only(&at("b/a"))]), ["b/a"]);
    }

    #[test]
    fn another_regions_rows_are_not_in_a_list() {
        let other = row("111122223333", "eu-central-10", "a");
        for range in [children(HOME, ""), descendants(HOME, "")] {
            assert!(!range.contains(other.as_bytes()));
        }
    }
}
