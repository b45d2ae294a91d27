//! Rust names for the models' names.

/// Words that can't be names as they stand, and those which views need for themselves.
const KEYWORDS: [&str; 37] = [
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "gen", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub",
    "ref", "return", "static", "struct", "trait", "true", "type", "unsafe", "use", "where",
    "while", "yield", "final",
];
const TAKEN: [&str; 9] =
    ["new", "view", "from_record", "into_record", "record", "with_some", "self", "super", "crate"];

/// `AWSAccountId` as `aws_account_id`.
pub(super) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, c) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = c.is_ascii_uppercase()
            && before.is_some_and(|before| {
                !before.is_ascii_uppercase()
                    || after.is_some_and(|after| after.is_ascii_lowercase())
            });
        if begins && !out.ends_with('_') {
            out.push('_');
        }
        out.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    out
}

/// A getter's name.
pub(super) fn getter(member: &str) -> String {
    let name = snake(member);
    if TAKEN.contains(&name.as_str()) {
        return name + "_";
    }
    identifier(&name)
}

/// A name that may be a keyword.
pub(super) fn identifier(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

/// A view's type name.
pub(super) fn view(shape: &str) -> String {
    let mut letters = shape.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    let name: String = first.into_iter().chain(letters).collect();
    match name.as_str() {
        "Option" | "String" | "Some" | "None" | "Cow" | "Record" | "Value" | "Held" | "View"
        | "Views" | "Strings" | "StringMap" | "Blob" | "Self" | "Structure" => name + "Shape",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rust() {
        assert_eq!(snake("AWSAccountId"), "aws_account_id");
        assert_eq!(snake("KeyId"), "key_id");
        assert_eq!(snake("DryRunModifiers"), "dry_run_modifiers");
        assert_eq!(snake("message"), "message");
        assert_eq!(getter("Type"), "r#type");
        assert_eq!(getter("New"), "new_");
        assert_eq!(view("accountType"), "AccountType");
    }
}
