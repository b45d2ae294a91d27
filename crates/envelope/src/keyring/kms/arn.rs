//! Names of keys of AWS KMS (specification: `framework/aws-kms/aws-kms-key-arn.md` and
//! `aws-kms-mrk-match-for-decrypt.md`).

/// What the ids of multi-Region keys begin with.
const MRK_PREFIX: &str = "mrk-";

/// The ARN of a key or an alias, in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KmsArn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// `key` or `alias`.
    kind: &'a str,
    /// What stands behind that.
    id: &'a str,
}

impl<'a> KmsArn<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let ("arn", partition, "kms", region, account, resource) = (
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next()?,
            parts.next()?,
        ) else {
            return None;
        };
        let (kind, id) = resource.split_once('/')?;
        let whole = [partition, region, account, id].iter().all(|part| !part.is_empty());
        (whole && matches!(kind, "key" | "alias")).then_some(Self {
            partition,
            region,
            account,
            kind,
            id,
        })
    }

    /// The ARN of a key, from a message's provider info.
    pub(crate) fn of_key(info: &'a [u8]) -> Option<Self> {
        let arn = Self::parse(std::str::from_utf8(info).ok()?)?;
        (arn.kind == "key").then_some(arn)
    }

    pub(crate) fn is_multi_region(&self) -> bool {
        self.kind == "key" && self.id.starts_with(MRK_PREFIX)
    }

    /// The same key's replica in another region.
    pub(crate) fn in_region(&self, region: &str) -> String {
        let Self { partition, account, kind, id, .. } = self;
        format!("arn:{partition}:kms:{region}:{account}:{kind}/{id}")
    }

    /// Whether both name the same key, or replicas of one.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self == other
            || (self.is_multi_region()
                && other.is_multi_region()
                && Self { region: other.region, ..*self } == *other)
    }
}

/// Whether a key can be named so: by an ARN, an alias, or an id.
pub(crate) fn is_key_id(text: &str) -> bool {
    if text.starts_with("arn:") {
        return KmsArn::parse(text).is_some();
    }
    match text.strip_prefix("alias/") {
        Some(name) => !name.is_empty(),
        None => !text.is_empty() && !text.contains([':', '/']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234";
    const MRK: &str = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234";

    #[test]
    fn arns_are_read() {
        let arn = KmsArn::parse(KEY).unwrap();
        assert_eq!(
            (arn.partition, arn.region, arn.account),
            ("aws", "eu-central-1", "111122223333")
        );
        assert!(!arn.is_multi_region() && KmsArn::parse(MRK).unwrap().is_multi_region());
        assert!(KmsArn::parse(&KEY.replace("key/", "alias/")).is_some());
        assert!(KmsArn::of_key(KEY.replace("key/", "alias/").as_bytes()).is_none());
        for wrong in [
            "",
            "1234",
            "arn:aws:s3:eu-central-1:111122223333:key/1234",
            "arn:aws:kms::111122223333:key/1234",
            "arn:aws:kms:eu-central-1::key/1234",
            "arn:aws:kms:eu-central-1:111122223333:key/",
            "arn:aws:kms:eu-central-1:111122223333:key:1234",
            "arn:aws:kms:eu-central-1:111122223333:grant/1234",
            "arn::kms:eu-central-1:111122223333:key/1234",
        ] {
            assert_eq!(KmsArn::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn replicas_match_and_other_keys_do_not() {
        fn arn(text: &str) -> KmsArn<'_> {
            KmsArn::parse(text).unwrap()
        }
        let replica = arn(MRK).in_region("us-east-1");
        assert!(arn(MRK).matches(&arn(&replica)));
        assert!(arn(MRK).matches(&arn(MRK)) && arn(KEY).matches(&arn(KEY)));
        assert!(!arn(KEY).matches(&arn(&arn(KEY).in_region("us-east-1"))));
        for (from, to) in [("1234", "1235"), ("111122223333", "444455556666"), ("aws:", "aws-cn:")]
        {
            assert!(!arn(MRK).matches(&arn(&replica.replacen(from, to, 1))), "{from}");
        }
    }

    #[test]
    fn names_of_keys() {
        for good in [KEY, MRK, "1234", "alias/a", "alias/a/b", "mrk-1234"] {
            assert!(is_key_id(good), "{good}");
        }
        for bad in ["", "alias/", "arn:aws:kms", "key/1234", "a:b"] {
            assert!(!is_key_id(bad), "{bad}");
        }
    }
}
