//! Names and ARNs of trails, and the rules of the names (CloudTrail guide, "Naming requirements").

use bulla_plane::Call;
use bulla_shapes::Fault;

use crate::fault;

const MIN_NAME: usize = 3;
const MAX_NAME: usize = 128;
const MAX_PREFIX: usize = 200;

/// A trail as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    /// The account and home region, where an ARN tells them.
    pub(crate) home: Option<(String, String)>,
}

impl Named {
    /// Reads a name or an ARN.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        if !text.starts_with("arn:") {
            must_be_name(text)?;
            return Ok(Self { name: text.to_owned(), home: None });
        }
        let mut parts = text.splitn(6, ':').skip(2);
        let mut next = || parts.next().unwrap_or_default();
        let (service, region, account, rest) = (next(), next(), next(), next());
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let name = rest.strip_prefix("trail/");
        match name {
            Some(name) if service == "cloudtrail" && !region.is_empty() && is_account => {
                must_be_name(name)?;
                let home = Some((account.to_owned(), region.to_owned()));
                Ok(Self { name: name.to_owned(), home })
            }
            _ => Err(fault::arn(text)),
        }
    }

    /// The ARN that is meant.
    pub(crate) fn arn(&self, call: &Call) -> String {
        match &self.home {
            Some((account, region)) => arn(call.partition, region, account, &self.name),
            None => arn(call.partition, &call.region, call.account(), &self.name),
        }
    }
}

pub(crate) fn arn(partition: &str, region: &str, account: &str, name: &str) -> String {
    format!("arn:{partition}:cloudtrail:{region}:{account}:trail/{name}")
}

/// AWS's texts.
pub(crate) fn must_be_name(name: &str) -> Result<(), Fault> {
    let length = name.chars().count();
    if name.is_empty() {
        return Err(fault::name("Trail name cannot be blank!"));
    }
    let is_known = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
    if !name.chars().all(is_known) {
        return Err(fault::name(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, \
             periods (.), hyphens (-), and underscores (_).",
        ));
    }
    if length < MIN_NAME {
        return Err(fault::name(format!(
            "Trail name too short. Minimum allowed length: {MIN_NAME} characters. Specified name \
             length: {length} characters."
        )));
    }
    if length > MAX_NAME {
        return Err(fault::name(format!(
            "Trail name too long. Maximum allowed length: {MAX_NAME} characters. Specified name \
             length: {length} characters."
        )));
    }
    if !name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        return Err(fault::name("Trail name must starts with a letter or number."));
    }
    if !name.ends_with(|letter: char| letter.is_ascii_alphanumeric()) {
        return Err(fault::name("Trail name must ends with a letter or number."));
    }
    let is_mark = |byte: u8| b".-_".contains(&byte);
    if name.as_bytes().array_windows().any(|[one, next]| is_mark(*one) && is_mark(*next)) {
        // Our text.
        return Err(fault::name("Trail name must not have two marks beside each other."));
    }
    Ok(())
}

/// The name of a bucket becomes that of a folder: it names no other place than its own.
pub(crate) fn must_be_bucket(name: &str) -> Result<(), Fault> {
    let is_known =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let fits = (3..=63).contains(&name.len())
        && name.bytes().all(is_known)
        && name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.ends_with(|letter: char| letter.is_ascii_alphanumeric())
        && !name.contains("..");
    if fits { Ok(()) } else { Err(fault::bucket(name)) }
}

/// So does the prefix. An empty one is none.
pub(crate) fn must_be_prefix(prefix: &str) -> Result<(), Fault> {
    let is_step = |step: &str| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"!-_.*'()".contains(&byte);
        !step.is_empty() && step.bytes().all(is_known) && step != "." && step != ".."
    };
    let fits = prefix.is_empty() || prefix.split('/').all(is_step);
    if fits && prefix.len() <= MAX_PREFIX { Ok(()) } else { Err(fault::prefix()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        must_be_name(name).unwrap_err().message.unwrap().into_owned()
    }

    #[test]
    fn names_follow_the_rules() {
        for fine in ["abc", "a.b-c_d", "0ab", &"a".repeat(128)] {
            assert!(must_be_name(fine).is_ok(), "{fine}");
        }
        assert!(text("ab").ends_with("Specified name length: 2 characters."));
        assert!(text(&"a".repeat(129)).starts_with("Trail name too long."));
        assert_eq!(text("-ab"), "Trail name must starts with a letter or number.");
        assert_eq!(text("ab-"), "Trail name must ends with a letter or number.");
        assert!(text("a#b").starts_with("Trail name or ARN can only contain"));
        assert!(must_be_name("a--b").is_err());
    }

    #[test]
    fn an_arn_tells_home_and_name() {
        let named = Named::parse("arn:aws:cloudtrail:eu-west-1:111122223333:trail/main").unwrap();
        assert_eq!(named.name, "main");
        assert_eq!(named.home, Some(("111122223333".to_owned(), "eu-west-1".to_owned())));
        for bad in [
            "arn:aws:s3:::bucket",
            "arn:aws:cloudtrail:eu-west-1:1:trail/main",
            "arn:aws:cloudtrail:eu-west-1:111122223333:eventdatastore/main",
        ] {
            assert_eq!(Named::parse(bad).unwrap_err().code, "CloudTrailARNInvalidException");
        }
    }

    #[test]
    fn no_bucket_or_prefix_leads_elsewhere() {
        assert!(must_be_bucket("trail-bkt.x").is_ok());
        for bad in ["..", "a", "a/b", "UPPER", "a..b", ".ab", "ab."] {
            assert!(must_be_bucket(bad).is_err(), "{bad}");
        }
        assert!(must_be_prefix("").is_ok() && must_be_prefix("a/b.c").is_ok());
        for bad in ["/", "a/", "/a", "a//b", "..", "a/../b", "a/./b", &"a".repeat(201)] {
            assert!(must_be_prefix(bad).is_err(), "{bad}");
        }
    }
}
