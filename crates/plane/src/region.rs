//! Regions by their names: how they are formed, and which partition each is in.

/// The longest region that is taken; AWS's longest has 16 characters.
const MAX_REGION_BYTES: usize = 32;
/// What AWS's regions begin with: a part of the world, or of one.
const PLACES: [&str; 12] =
    ["af", "ap", "ca", "cn", "eu", "eusc-de", "il", "me", "mx", "sa", "us", "us-gov"];
/// What tells the regions of a place apart.
const SIDES: [&str; 9] = [
    "central",
    "north",
    "south",
    "east",
    "west",
    "northeast",
    "northwest",
    "southeast",
    "southwest",
];

/// The partition of a region.
#[must_use]
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// Whether a text is formed as regions are: two or three words of small letters, then a number.
#[must_use]
pub fn is_region(text: &str) -> bool {
    if text.len() > MAX_REGION_BYTES {
        return false;
    }
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let count = words.split('-').count();
    (2..=3).contains(&count)
        && words.split('-').all(word)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a region is named as AWS names its regions (`eu-central-1`), so that it can be one. A
/// list of those that there are would be out of date soon.
#[must_use]
pub fn is_known(text: &str) -> bool {
    let Some((words, _)) = text.rsplit_once('-').filter(|_| is_region(text)) else { return false };
    let parts = words.rsplit_once('-');
    parts.is_some_and(|(place, side)| PLACES.contains(&place) && SIDES.contains(&side))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_known_by_their_form() {
        for region in ["eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-12"] {
            assert!(is_region(region), "{region}");
        }
        let long = format!("{}-central-1", "e".repeat(MAX_REGION_BYTES));
        for text in [
            "",
            "eu",
            "eu-1",
            "eu-central",
            "eu-central-",
            "EU-central-1",
            "-central-1",
            "a-b-c-d-1",
            "eu--1",
            "eu-central-1x",
            "aws-global",
            &long,
        ] {
            assert!(!is_region(text), "{text}");
        }
    }

    #[test]
    fn partitions_follow_from_regions() {
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
        assert_eq!(partition("us-east-1"), "aws");
    }

    #[test]
    fn what_is_formed_as_a_region_may_still_be_none() {
        for region in ["eu-central-1", "us-gov-west-1", "ap-southeast-12", "eusc-de-east-1"] {
            assert!(is_known(region), "{region}");
        }
        for text in ["us-invalid-1", "xx-east-1", "eu-1", "east-1", "eu-central"] {
            assert!(!is_known(text), "{text}");
        }
    }
}
