//! Documents: what is taken, what is refused, where and in which words.

use bulla_policy::{Limits, Policy, PolicyKind, Reason};

use PolicyKind::{
    Boundary, Identity, Key, Resource, ResourceControl, ServiceControl, Session, Trust,
};

fn refused(text: &str, kind: PolicyKind) -> bulla_policy::PolicyError {
    match Policy::parse(text, kind) {
        Err(error) => error,
        Ok(_) => panic!("taken as {kind:?}: {text}"),
    }
}

fn accepted(text: &str, kind: PolicyKind) -> Policy {
    Policy::parse(text, kind).unwrap_or_else(|error| panic!("{kind:?}: {error}: {text}"))
}

/// An identity policy of one statement with one member replaced or added.
fn identity(member: &str) -> String {
    let mut members = vec![
        r#""Effect":"Allow""#.to_owned(),
        r#""Action":"s3:GetObject""#.to_owned(),
        r#""Resource":"*""#.to_owned(),
    ];
    let name = member.split(':').next().unwrap();
    members.retain(|known| !known.starts_with(name));
    members.push(member.to_owned());
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{}}}]}}"#, members.join(","))
}

fn with_principal(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},
            "Action":"kms:*","Resource":"*"}}]}}"#
    )
}

#[test]
fn texts_of_refusals() {
    let syntax = "Syntax errors in policy.";
    for (text, kind, message) in [
        ("", Identity, syntax),
        ("file://policy.json", Identity, syntax),
        ("{", Trust, "This policy contains invalid Json"),
        ("{", Resource, "This policy contains invalid Json"),
        ("", Resource, "This policy contains invalid Json"),
        ("null", Resource, "This text appears not to be a policy"),
        ("{", Session, "The policy is not in the valid JSON format."),
        ("{}", Session, syntax),
        (r#"{"Statement":[]}"#, Resource, "Could not parse the policy: Statement is empty!"),
        (
            r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}]}"#,
            Trust,
            "Has prohibited field Resource",
        ),
        (
            r#"{"Statement":[{"Effect":"Deny","NotPrincipal":"*","Action":"sts:AssumeRole"}]}"#,
            Trust,
            "AssumeRole policy must not contain NotPrincipal field.",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}]}"#,
            Trust,
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}"#,
            Trust,
            "Missing required field Principal",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:role/x"},"Action":"sts:AssumeRole"}]}"#,
            Trust,
            r#"Invalid principal in policy: "AWS":"arn:aws:iam::1:role/x""#,
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
            ResourceControl,
            "The provided policy document does not meet the requirements of the specified policy type.",
        ),
    ] {
        assert_eq!(refused(text, kind).aws_message(), message, "{kind:?} {text}");
    }
    for (member, message) in [
        (r#""Principal":"*""#, "Policy document should not specify a principal."),
        (r#""Action":[]"#, "Policy statement must contain actions."),
        (r#""Resource":[]"#, "Policy statement must contain resources."),
        (
            r#""Action":"GetObject""#,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (r#""Action":"s3:a:b""#, "Actions/Condition can contain only one colon."),
        (r#""Action":"a a:b""#, "Vendor a a is not valid"),
        (r#""Resource":"x""#, r#"Resource x must be in ARN format or "*"."#),
        (
            r#""Resource":"arn:b:s3:::x""#,
            r#"Partition "b" is not valid for resource "arn:b:s3:::x"."#,
        ),
        (
            r#""Resource":"arn:aws:s*:::x""#,
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (r#""Resource":"arn:aws:s3::${aws:userid}:x""#, "The policy failed legacy parsing"),
        (r#""Effect":"allow""#, syntax),
        (r#""Condition":{"StringIs":{"aws:x":"y"}}"#, syntax),
        (r#""Unknown":"x""#, syntax),
    ] {
        assert_eq!(refused(&identity(member), Identity).aws_message(), message, "{member}");
    }
}

#[test]
fn places() {
    let text = "{\"Statement\":[\n  {\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},\n  \
                {\"Effect\":\"Allow\",\"Action\":[\"s3:*\",\"x\"],\"Resource\":\"*\"}]}";
    let error = refused(text, Identity);
    assert_eq!(error.path(), "Statement[1].Action[1]");
    assert_eq!(
        error.to_string(),
        "policy refused at line 3, column 38 (Statement[1].Action[1]): action \"x\" has no service \
         prefix"
    );
    let error =
        refused(&identity(r#""Condition":{"NumericEquals":{"aws:x":["1","NaN"]}}"#), Identity);
    assert_eq!(error.path(), "Statement[0].Condition.NumericEquals.aws:x");
    let error = refused("{\n\"a\":tru}", Identity);
    assert_eq!((error.position().line, error.position().column), (2, 5));
}

#[test]
fn statement_positions_are_the_simulators() {
    let lone = r#"{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}"#;
    let policy = accepted(lone, Identity);
    let statement = &policy.statements()[0];
    assert_eq!((statement.start().column, statement.end().column), (41, 113));
    let two = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let policy = accepted(two, Identity);
    let [first, second] = policy.statements() else { panic!("two statements") };
    assert_eq!(first.start().column, 38);
    assert_eq!(second.start(), first.end());
}

#[test]
fn elements_by_policy_type() {
    let plain = r#"{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#;
    for kind in [Identity, Boundary, Session, ServiceControl] {
        accepted(plain, kind);
    }
    for kind in [Key, Resource, Trust, ResourceControl] {
        assert_eq!(*refused(plain, kind).reason(), Reason::Missing("Principal"));
    }
    let principal =
        r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
    for kind in [Key, Resource, ResourceControl] {
        accepted(principal, kind);
    }
    for kind in [Identity, Boundary, Session, ServiceControl] {
        assert_eq!(*refused(principal, kind).reason(), Reason::Prohibited("Principal"));
    }
    for text in [
        r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Principal":"*","Resource":"*"}}"#,
    ] {
        accepted(text, Key);
        refused(text, Resource);
    }
    accepted(
        r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#,
        Trust,
    );
    let not = r#"{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}}"#;
    assert_eq!(*refused(not, Resource).reason(), Reason::Prohibited("NotPrincipal"));
    for bad in [
        r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Deny","Principal":"*","NotAction":"s3:*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Deny","NotPrincipal":"*","Action":"s3:*","Resource":"*"}}"#,
    ] {
        refused(bad, ResourceControl);
    }
    accepted(
        r#"{"Version":"2008-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"S3:Nothing","NotResource":"arn:aws:s3:::b"}}"#,
        ResourceControl,
    );
}

#[test]
fn principals() {
    let hex = "a".repeat(64);
    for principal in [
        r#""*""#,
        r#"{"AWS":"*"}"#,
        r#"{"AWS":"111122223333"}"#,
        r#"{"AWS":["arn:aws:iam::111122223333:root","arn:aws-cn:iam::111122223333:user/a/b"]}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:role/path/R"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/R/S"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:federated-user/f"}"#,
        r#"{"AWS":"AIDAJQABLZS4A3QDU576Q"}"#,
        r#"{"AWS":"AROAQ7SSZBKHRKPWRZUN6:session"}"#,
        r#"{"Service":"kms.amazonaws.com","AWS":"111122223333"}"#,
        r#"{"Federated":["accounts.google.com","arn:aws:iam::111122223333:saml-provider/x"]}"#,
        &format!(r#"{{"CanonicalUser":"{hex}"}}"#),
    ] {
        accepted(&with_principal(principal), Resource);
    }
    for principal in [
        r#""111122223333""#,
        r#""""#,
        "{}",
        "[]",
        r#"{"AWS":[]}"#,
        r#"{"AWS":""}"#,
        r#"{"AWS":"1111222233334"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:group/g"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/"}"#,
        r#"{"AWS":"arn:aws:iam:us-east-1:111122223333:user/u"}"#,
        r#"{"AWS":"arn:aws:iam::*:root"}"#,
        r#"{"AWS":"arn:aws:iam::${aws:userid}:root"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/R"}"#,
        r#"{"AWS":"arn:aws:s3:::b"}"#,
        r#"{"aws":"111122223333"}"#,
        r#"{"Service":"*"}"#,
        r#"{"CanonicalUser":"abc"}"#,
        r#"{"Nobody":"*"}"#,
        r#"{"AWS":{"x":"y"}}"#,
        r#"{"AWS":"111122223333","AWS":"*"}"#,
    ] {
        refused(&with_principal(principal), Resource);
    }
}

#[test]
fn operands_are_checked_on_storing_and_not_in_sessions() {
    let text = |operator: &str, operand: &str| {
        identity(&format!(r#""Condition":{{"{operator}":{{"aws:x":"{operand}"}}}}"#))
    };
    for (operator, operand) in [
        ("NumericEquals", "NaN"),
        ("NumericEquals", "no-number"),
        ("DateEquals", "not-a-date"),
        ("ArnLike", "not-an-arn"),
        ("IpAddress", "not-an-ip"),
        ("IpAddress", "192.0.2.0/33"),
        ("IpAddress", "2001:db8::/129"),
        ("IpAddress", "2001:db8::5/64"),
        ("IpAddress", "::ffff:192.0.2.0/120"),
        ("NotIpAddress", "2001:db8::192.0.2.0/120"),
    ] {
        refused(&text(operator, operand), Identity);
        accepted(&text(operator, operand), Session);
    }
    for kind in [Identity, Session] {
        refused(&text("BinaryEquals", "no base64"), kind);
        for (operator, operand) in [
            ("NumericEquals", "01"),
            ("Bool", "TRUE"),
            ("Bool", "yes"),
            ("Null", "TRUE"),
            ("Null", "yes"),
            ("IpAddress", "192.0.2.5/24"),
            ("IpAddress", "192.0.2.0/0"),
            ("IpAddress", "192.000.002.0/024"),
            ("IpAddress", "192.0.2.0/+24"),
            ("IpAddress", "::ffff:c000:200/120"),
            ("IpAddress", "2001:db8:::1/128"),
            ("IpAddress", "2001:db8::1:/128"),
            ("ArnLike", "arn:aws:iam::*:role/*"),
            ("ArnLike", "*"),
            ("ArnLike", "${aws:PrincipalTag/arn}"),
            ("ForAnyValue:StringLikeIfExists", "a"),
        ] {
            accepted(&text(operator, operand), kind);
        }
        for operator in [
            "NullIfExists",
            "ForAnyValue:Null",
            "stringEquals",
            "ForSomeValue:StringEquals",
            "ForAnyValue:",
            "IfExists",
            "NumericLike",
            "",
        ] {
            refused(&text(operator, "true"), kind);
            refused(&identity(&format!(r#""Condition":{{"{operator}":{{}}}}"#)), kind);
        }
    }
}

#[test]
fn malformed_variables() {
    for operand in [
        "${",
        "${}",
        "${aws:x",
        "${aws:${aws:y}}",
        "${aws:x,'d'}",
        "${aws:x, d}",
        "${aws:x, 'd}",
        "${aws:x, 'a'b'}",
        "${aws:x, '${aws:y}'}",
        "${aws:x y}",
    ] {
        let text = identity(&format!(r#""Condition":{{"StringLike":{{"aws:x":"{operand}"}}}}"#));
        for kind in [Identity, Session] {
            assert!(matches!(refused(&text, kind).reason(), Reason::Variable(_)), "{operand}");
        }
        accepted(&text.replace("2012-10-17", "2008-10-17"), Identity);
    }
}

#[test]
fn malformed_documents() {
    for text in [
        r#"{"Version":"2012-10-17"}"#,
        r#"{"Version":"2013-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        r#"{"Version":2012,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        r#"{"Statement":"x"}"#,
        r#"{"Statement":[[]]}"#,
        r#"{"Statement":{"Action":"*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","NotAction":"s3:*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","NotResource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":{"a":"b"},"Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":null,"Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":[]}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":"x"}}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:x":null}}}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:x":[]}}}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"x":"y"}}}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","condition":{}}}"#,
        r#"{"Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}]}"#,
        r#"{"Statement":{"Sid":"a b","Effect":"Allow","Action":"*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}} x"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"},}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"\ud800"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"\udc00\ud800"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":01}}"#,
        "{'Statement':{}}",
        "\u{feff}{}",
        "[]",
        "\"policy\"",
    ] {
        refused(text, Identity);
    }
    let twice = r#"{"Statement":[{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    accepted(twice, Identity);
    accepted(
        r#"{"Statement":{"Sid":"Enable IAM","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}"#,
        Key,
    );
    accepted(
        r#"{"Statement":{"Effect":"Allow","Action":"\u0073\u0033:*","Resource":"*"}}"#,
        Identity,
    );
}

#[test]
fn bounds() {
    for open in ["[", "{\"a\":", "{\"Statement\":["] {
        let error = refused(&open.repeat(10_000), Identity);
        assert_eq!(*error.reason(), Reason::Syntax("nested too deeply"));
    }
    let statement = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let many = |count: usize| format!("{{\"Statement\":[{}]}}", vec![statement; count].join(","));
    accepted(&many(1_000), Identity);
    assert_eq!(
        *refused(&many(1_001), Identity).reason(),
        Reason::TooManyStatements { limit: 1_000 }
    );
    let text = many(2);
    let limits = |bytes| Limits { bytes, ..Limits::default() };
    assert!(Policy::parse_within(&text, Identity, &limits(text.len())).is_ok());
    let error = Policy::parse_within(&text, Identity, &limits(text.len() - 1)).unwrap_err();
    assert_eq!(*error.reason(), Reason::TooLarge { limit: text.len() - 1 });
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(256))]

    /// The parser takes as JSON exactly what serde_json takes, duplicates aside, and never panics.
    #[test]
    fn json_as_serde_reads_it(text in "[\\[\\]{}:,\"a-c0-2.eE+\\\\u /n-]{0,24}") {
        let error = Policy::parse(&text, Identity).unwrap_err();
        let syntax = matches!(error.reason(), Reason::Syntax(_) | Reason::DuplicateMember(_));
        let json = serde_json::from_str::<serde_json::Value>(&text);
        // serde_json also refuses numbers beyond a double.
        if !matches!(error.reason(), Reason::DuplicateMember(_)) && !text.contains(['e', 'E']) {
            proptest::prop_assert_eq!(syntax, json.is_err(), "{} {:?}", error, json);
        }
    }

    /// Any one byte changed in a good document is taken or refused, never a panic.
    #[test]
    fn mutations(at in 0usize..400, with in proptest::char::any()) {
        let text = r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"A","Effect":"Deny",
            "Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:role/R"]},
            "NotAction":["kms:De*","s3:Get?"],"Resource":"arn:aws:s3:::b/${aws:username, 'x'}/*",
            "Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a${*}","b"]},
            "IpAddress":{"aws:SourceIp":"2001:db8::/32"},"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}]}"#;
        accepted(text, Resource);
        let mut chars: Vec<char> = text.chars().collect();
        let at = at % chars.len();
        chars[at] = with;
        let mutated: String = chars.into_iter().collect();
        let _ = Policy::parse(&mutated, Resource).map_err(|error| error.aws_message());
    }
}
