//! Links in Markdown lead to files that are there.

use std::path::Path;

use super::Fault;

pub(super) fn check(root: &Path, file: &Path, text: &str, faults: &mut Vec<Fault>) {
    let folder = root.join(file.parent().unwrap_or(Path::new("")));
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for link in links(line) {
            if !leads_somewhere(root, &folder, link) {
                let what = format!("the link leads to no file: {link}");
                faults.push(Fault::new(file, index + 1, what));
            }
        }
    }
}

/// The targets of `[text](target)` in `line`, outside `code`.
fn links(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    // Every second piece between back ticks is code.
    for prose in line.split('`').step_by(2) {
        let targets = prose.split("](").skip(1);
        found.extend(targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target)));
    }
    // A link text that is code leaves its target at the start of the next piece.
    found.retain(|target| !target.is_empty());
    found
}

fn leads_somewhere(root: &Path, folder: &Path, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with('#') {
        return true;
    }
    let path = link.split(['#', ' ']).next().unwrap_or_default();
    match path.strip_prefix('/') {
        Some(from_root) => root.join(from_root).exists(),
        None => folder.join(path).exists(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;

    fn faults(text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        check(&paths::root(), Path::new("xtask/x.md"), text, &mut faults);
        faults.iter().map(Fault::to_string).collect()
    }

    #[test]
    fn links_to_files_are_followed_from_the_document() {
        let text = "[a](src/main.rs) [b](../Cargo.toml#x) [c](/xtask) [`d`](src/report.rs)\n";
        assert_eq!(faults(text), Vec::<String>::new());
        assert_eq!(
            faults("[a](src/none.rs)\n"),
            ["xtask/x.md:1: the link leads to no file: src/none.rs"]
        );
        assert_eq!(faults("[`a`](src/none.rs)\n").len(), 1);
    }

    #[test]
    fn addresses_anchors_and_code_are_left_alone() {
        let text = "[a](https://example.com) [b](#here) `[c](none)`\n```\n[d](none)\n```\n";
        assert_eq!(faults(text), Vec::<String>::new());
    }
}
