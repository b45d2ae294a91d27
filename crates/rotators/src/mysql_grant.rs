//! What one account of MySQL's or MariaDB's may, given to another.

/// A statement that does for `account` what `shown`, a line of `SHOW GRANTS`, says of another; none
/// if it is no such line. The account's password stays out; what TLS it needs and its limits don't.
pub(crate) fn regranted(shown: &str, account: &str) -> Option<String> {
    // MariaDB tells a default role so, behind the grants.
    if shown.starts_with("SET DEFAULT ROLE ") {
        let (what, _) = bare_split(shown, " FOR ")?;
        return Some(format!("{what} FOR {account}"));
    }
    if !shown.starts_with("GRANT ") {
        return None;
    }
    let (what, to) = bare_split(shown, " TO ")?;
    let with = [" REQUIRE ", " WITH "].into_iter().find_map(|word| {
        let (_, rest) = bare_split(to, word)?;
        Some(format!("{word}{rest}"))
    });
    Some(format!("{what} TO {account}{}", with.unwrap_or_default()))
}

/// The parts before and behind the first `word` that is in no quotes: names may hold any text.
fn bare_split<'t>(text: &'t str, word: &str) -> Option<(&'t str, &'t str)> {
    let mut open: Option<u8> = None;
    for (at, byte) in text.bytes().enumerate() {
        match (open, byte) {
            // A quote within quotes is doubled: it closes and opens again.
            (Some(quote), _) if quote == byte => open = None,
            (Some(_), _) => {}
            (None, b'`' | b'\'' | b'"') => open = Some(byte),
            (None, _) => {
                let (before, behind) = text.split_at_checked(at).unwrap_or_default();
                if let Some(behind) = behind.strip_prefix(word) {
                    return Some((before, behind));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_given_to_another_and_nothing_else_with_them() {
        for (shown, wanted) in [
            (
                "GRANT USAGE ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*5E5'",
                Some("GRANT USAGE ON *.* TO 'app_clone'@'%'"),
            ),
            (
                "GRANT SELECT ON `a`.`b` TO `app`@`%` WITH GRANT OPTION",
                Some("GRANT SELECT ON `a`.`b` TO 'app_clone'@'%' WITH GRANT OPTION"),
            ),
            (
                "GRANT USAGE ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*5E5' REQUIRE SSL WITH \
                 MAX_USER_CONNECTIONS 3",
                Some(
                    "GRANT USAGE ON *.* TO 'app_clone'@'%' REQUIRE SSL WITH MAX_USER_CONNECTIONS 3",
                ),
            ),
            (
                "GRANT SELECT ON `a TO ``b`.* TO `app WITH x`@`%`",
                Some("GRANT SELECT ON `a TO ``b`.* TO 'app_clone'@'%'"),
            ),
            ("GRANT `reader` TO `app`@`%`", Some("GRANT `reader` TO 'app_clone'@'%'")),
            (
                "SET DEFAULT ROLE `reader` FOR `app`@`%`",
                Some("SET DEFAULT ROLE `reader` FOR 'app_clone'@'%'"),
            ),
            ("DROP USER `x` TO `app`", None),
            ("GRANT SELECT ON `a TO b", None),
            ("nonsense", None),
            ("", None),
        ] {
            let regranted = regranted(shown, "'app_clone'@'%'");
            assert_eq!(regranted.as_deref(), wanted, "{shown}");
        }
    }
}
