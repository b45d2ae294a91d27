//! What an event is about in `LookupEvents`: not the record's `resources`, but what CloudTrail
//! makes of request and answer (recorded of KMS, IAM and STS; by analogy of the others).
//!
//! Calls that change nothing are about nothing, but for those that issue credentials; so are calls
//! that failed.

use std::borrow::Cow;

use bulla_plane::journal::RecordRef;
use serde_json::Value;

/// Type and name.
pub(crate) type Named<'a> = (Cow<'static, str>, Cow<'a, str>);

const USER: &str = "AWS::IAM::User";
const ROLE: &str = "AWS::IAM::Role";
const ACCESS_KEY: &str = "AWS::IAM::AccessKey";
const ASSUMED_ROLE: &str = "AWS::STS::AssumedRole";
const PARAMETER: &str = "AWS::SSM::Parameter";

/// The members of IAM's requests that name something.
const NAMES: [(&str, &str); 7] = [
    ("accessKeyId", ACCESS_KEY),
    ("userName", USER),
    ("roleName", ROLE),
    ("groupName", "AWS::IAM::Group"),
    ("policyArn", "AWS::IAM::Policy"),
    ("instanceProfileName", "AWS::IAM::InstanceProfile"),
    ("openIDConnectProviderArn", "AWS::IAM::OIDCProvider"),
];

/// What an event is about.
pub(crate) fn named<'a>(record: &RecordRef<'a>) -> Vec<Named<'a>> {
    if record.error_code.is_some() {
        return Vec::new();
    }
    match record.event_source {
        "sts.amazonaws.com" => session(record),
        _ if record.read_only => Vec::new(),
        "iam.amazonaws.com" => identity(record),
        _ => touched(record),
    }
}

/// Whether [`named`] looks at request and answer, which events that are alike don't share.
pub(super) fn are_in_json(record: &RecordRef<'_>) -> bool {
    record.error_code.is_none()
        && match record.event_source {
            "sts.amazonaws.com" => record.response_elements.is_some(),
            "iam.amazonaws.com" => !record.read_only,
            _ => false,
        }
}

/// What the record itself says.
fn touched<'a>(record: &RecordRef<'a>) -> Vec<Named<'a>> {
    let resources = record.resources.iter();
    let shown = |kind: Option<&str>| match kind {
        Some(kind) => Cow::Owned(kind.to_owned()),
        // Parameter Store alone gives none.
        None => Cow::Borrowed(PARAMETER),
    };
    resources.map(|resource| (shown(resource.kind), Cow::Borrowed(resource.arn))).collect()
}

fn parsed(json: Option<&str>) -> Value {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

fn text(value: &Value, path: &str) -> Option<Cow<'static, str>> {
    value.pointer(path).and_then(Value::as_str).map(|text| Cow::Owned(text.to_owned()))
}

fn identity<'a>(record: &RecordRef<'a>) -> Vec<Named<'a>> {
    let answer = parsed(record.response_elements);
    let all = |kind: &'static str, paths: &[&str]| -> Vec<Named<'a>> {
        let texts = paths.iter().filter_map(|path| text(&answer, path));
        texts.map(|text| (Cow::Borrowed(kind), text)).collect()
    };
    match record.event_name {
        "CreateUser" => all(USER, &["/user/userName", "/user/userId", "/user/arn"]),
        "CreateRole" => all(ROLE, &["/role/roleName", "/role/roleId", "/role/arn"]),
        "CreateAccessKey" => {
            let mut named = all(ACCESS_KEY, &["/accessKey/accessKeyId"]);
            named.extend(all(USER, &["/accessKey/userName"]));
            named
        }
        _ => {
            let asked = parsed(record.request_parameters);
            let found = |(member, kind): &(&str, &'static str)| {
                let name = asked.get(member)?.as_str()?.to_owned();
                Some((Cow::Borrowed(*kind), Cow::Owned(name)))
            };
            NAMES.iter().filter_map(found).collect()
        }
    }
}

fn session<'a>(record: &RecordRef<'a>) -> Vec<Named<'a>> {
    let answer = parsed(record.response_elements);
    let Some(key) = text(&answer, "/credentials/accessKeyId") else { return Vec::new() };
    let mut named = vec![(Cow::Borrowed(ACCESS_KEY), key)];
    if !record.event_name.starts_with("AssumeRole") {
        return named;
    }
    let asked = parsed(record.request_parameters);
    let assumed = [
        text(&answer, "/assumedRoleUser/assumedRoleId"),
        text(&asked, "/roleSessionName"),
        text(&answer, "/assumedRoleUser/arn"),
    ];
    named.extend(assumed.into_iter().flatten().map(|name| (Cow::Borrowed(ASSUMED_ROLE), name)));
    named.extend(text(&asked, "/roleArn").map(|arn| (Cow::Borrowed(ROLE), arn)));
    named
}

#[cfg(test)]
mod tests {
    use bulla_plane::journal::Resource;

    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/k";

    fn on_key(source: &'static str, name: &'static str, reads: bool) -> RecordRef<'static> {
        let kind = Some("AWS::KMS::Key");
        let resource = Resource { account_id: "111122223333", kind, arn: KEY };
        RecordRef {
            event_source: source,
            event_name: name,
            read_only: reads,
            resources: Cow::Owned(vec![resource]),
            ..RecordRef::default()
        }
    }

    fn pairs(record: &RecordRef<'_>) -> Vec<(String, String)> {
        named(record).into_iter().map(|(kind, name)| (kind.into(), name.into())).collect()
    }

    #[test]
    fn only_what_changes_a_key_is_about_it() {
        let decrypt = on_key("kms.amazonaws.com", "Decrypt", true);
        assert!(named(&decrypt).is_empty());
        let disable = on_key("kms.amazonaws.com", "DisableKey", false);
        assert_eq!(pairs(&disable), [("AWS::KMS::Key".to_owned(), KEY.to_owned())]);
        let failed = RecordRef { error_code: Some("AccessDenied"), ..disable };
        assert!(named(&failed).is_empty());
    }

    #[test]
    fn a_new_user_is_told_thrice() {
        let record = RecordRef {
            event_source: "iam.amazonaws.com",
            event_name: "CreateUser",
            response_elements: Some(
                r#"{"user":{"arn":"arn:aws:iam::1:user/a","userId":"AIDA","userName":"a"}}"#,
            ),
            ..RecordRef::default()
        };
        let names = pairs(&record).into_iter().map(|(kind, name)| {
            assert_eq!(kind, USER);
            name
        });
        assert_eq!(names.collect::<Vec<_>>(), ["a", "AIDA", "arn:aws:iam::1:user/a"]);
    }

    #[test]
    fn an_assumed_role_is_told_with_its_session() {
        let record = RecordRef {
            event_source: "sts.amazonaws.com",
            event_name: "AssumeRole",
            read_only: true,
            request_parameters: Some(r#"{"roleArn":"arn:role","roleSessionName":"night"}"#),
            response_elements: Some(
                r#"{"credentials":{"accessKeyId":"ASIA1"},
                "assumedRoleUser":{"assumedRoleId":"AROA:night","arn":"arn:session"}}"#,
            ),
            ..RecordRef::default()
        };
        let expected = [
            (ACCESS_KEY, "ASIA1"),
            (ASSUMED_ROLE, "AROA:night"),
            (ASSUMED_ROLE, "night"),
            (ASSUMED_ROLE, "arn:session"),
            (ROLE, "arn:role"),
        ];
        assert_eq!(pairs(&record), expected.map(|(kind, name)| (kind.into(), name.into())));
    }
}
