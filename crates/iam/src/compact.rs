//! JSON without the white space between its tokens.

/// A JSON text without the white space around its tokens.
pub(crate) fn compact_json(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let stays = |letter: &char| {
        let stays = quoted || !letter.is_ascii_whitespace();
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        stays
    };
    json.chars().filter(stays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_from_between_tokens_only() {
        let text = "{ \"a b\" :\n [ 1, \"c \\\" d\" , \"\\\\\" , true ] }";
        assert_eq!(compact_json(text), r#"{"a b":[1,"c \" d","\\",true]}"#);
    }
}
