//! The condition keys that requests to Secrets Manager have in common (Service Authorization
//! Reference).

use bulla_policy::RequestKeys;

/// What all operations on one secret set: how the request names it.
pub(crate) fn of(secret_id: &str) -> RequestKeys<'_> {
    RequestKeys::none().with("secretsmanager:secretid", secret_id)
}

/// Adds the KMS key that the request names, under both names that the key has.
pub(crate) fn with_kms_key<'a>(keys: RequestKeys<'a>, key: Option<&'a str>) -> RequestKeys<'a> {
    keys.with_some("secretsmanager:kmskeyid", key)
        .with_some("secretsmanager:kmskeyarn", key.filter(|key| key.starts_with("arn:")))
}

#[cfg(test)]
mod tests {
    use bulla_policy::{Conditions, Values};

    use super::*;

    #[test]
    fn a_key_is_an_arn_only_where_it_is_one() {
        let keys = with_kms_key(of("db"), Some("alias/a"));
        assert_eq!(keys.get("secretsmanager:secretid"), Some(Values::One("db")));
        assert_eq!(keys.get("secretsmanager:kmskeyid"), Some(Values::One("alias/a")));
        assert!(keys.get("secretsmanager:kmskeyarn").is_none());
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1";
        let keys = with_kms_key(of("db"), Some(arn));
        assert_eq!(keys.get("secretsmanager:kmskeyarn"), Some(Values::One(arn)));
    }
}
