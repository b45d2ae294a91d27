//! Condition operators against answers recorded from AWS.

use bulla_policy::{Context, Inputs, Policy, PolicyKind, Principal, Request, authorize};

/// Whether an Allow and a Deny with this condition apply.
fn applies(condition: &str, context: &Context) -> (bool, bool) {
    let principal = Principal::user("111122223333", "arn:aws:iam::111122223333:user/u", "AIDA1");
    let request = Request {
        principal: &principal,
        action: "iam:TagUser",
        resource: "arn:aws:iam::111122223333:user/u",
        resource_account: "111122223333",
        conditions: context,
    };
    let statement = |effect: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"*",
                "Resource":"*","Condition":{condition}}}}}"#
        );
        Policy::parse(&text, PolicyKind::Session).unwrap_or_else(|e| panic!("{condition}: {e}"))
    };
    let (allow, deny) = (statement("Allow"), statement("Deny"));
    let everything = Policy::parse(
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        PolicyKind::Identity,
    )
    .unwrap();
    let decide = |identity: &[&Policy]| {
        authorize(&Inputs { identity, ..Inputs::default() }, &request).allowed()
    };
    (decide(&[&allow]), !decide(&[&everything, &deny]))
}

/// Whether the condition holds; Allow and Deny must agree.
fn holds(operator: &str, key: &str, operands: &str, context: &Context) -> bool {
    let condition = format!(r#"{{"{operator}":{{"{key}":{operands}}}}}"#);
    let (allow, deny) = applies(&condition, context);
    assert_eq!(allow, deny, "{condition} is an error for {context:?}");
    allow
}

fn value(text: &str) -> Context {
    Context::new().with("aws:RequestTag/x", text)
}

/// One value against one operand.
fn x(operator: &str, operand: &str, text: &str) -> bool {
    holds(operator, "aws:RequestTag/x", &format!("{operand:?}"), &value(text))
}

fn tags(keys: &[&str]) -> Context {
    Context::new().with_many("aws:TagKeys", keys.iter().copied())
}

#[test]
fn sets() {
    // Columns: no key, [team], [env], [team, env].
    let table = [
        ("ForAnyValue:StringEquals", [false, true, false, true]),
        ("ForAllValues:StringEquals", [true, true, false, false]),
        ("ForAnyValue:StringNotEquals", [false, false, true, true]),
        ("ForAllValues:StringNotEquals", [true, false, true, false]),
        ("StringEquals", [false, false, false, false]),
        ("StringNotEquals", [true, false, false, false]),
        ("StringEqualsIfExists", [true, false, false, false]),
        ("StringNotEqualsIfExists", [true, false, false, false]),
    ];
    let contexts = [Context::new(), tags(&["team"]), tags(&["env"]), tags(&["team", "env"])];
    for (operator, row) in table {
        for (context, expected) in contexts.iter().zip(row) {
            let found = holds(operator, "aws:TagKeys", "\"team\"", context);
            assert_eq!(found, expected, "{operator} {context:?}");
        }
    }
    assert!(holds("ForAllValues:StringEquals", "aws:tagkeys", "\"a\"", &tags(&[])));
    assert!(holds("Null", "aws:TagKeys", "\"true\"", &tags(&[])));
}

#[test]
fn the_same_table_holds_for_numbers() {
    for (operator, row) in [
        ("ForAnyValue:NumericEquals", [false, true, false, true]),
        ("ForAllValues:NumericEquals", [true, true, false, false]),
        ("ForAnyValue:NumericNotEquals", [false, false, true, true]),
        ("ForAllValues:NumericNotEquals", [true, false, true, false]),
        ("NumericEquals", [false, false, false, false]),
        ("NumericNotEquals", [true, false, false, false]),
    ] {
        let contexts = [Context::new(), tags(&["1.0"]), tags(&["no"]), tags(&["1", "no"])];
        for (context, expected) in contexts.iter().zip(row) {
            let found = holds(operator, "aws:TagKeys", "\"1\"", context);
            assert_eq!(found, expected, "{operator} {context:?}");
        }
    }
}

#[test]
fn presence() {
    for (operand, absent, present) in
        [("true", true, false), ("TRUE", true, false), ("false", false, true), ("yes", false, true)]
    {
        let operand = format!("{operand:?}");
        assert_eq!(holds("Null", "aws:RequestTag/x", &operand, &Context::new()), absent);
        assert_eq!(holds("Null", "aws:RequestTag/x", &operand, &value("v")), present);
        // An empty string is a value.
        assert_eq!(holds("Null", "aws:RequestTag/x", &operand, &value("")), present);
    }
    assert!(x("StringEquals", "", ""));
    assert!(x("ForAnyValue:StringEquals", "", ""));
    assert!(!x("ForAllValues:StringEquals", "capture", ""));
}

#[test]
fn numbers() {
    for text in ["1", "01", "+1", "1.0", "1e0", "1.", "0.1e1", "10e-1", "100E-2"] {
        assert!(x("NumericEquals", "1", text), "{text}");
        assert!(x("NumericEquals", text, "1"), "{text}");
        assert!(!x("NumericNotEquals", "1", text), "{text}");
        assert!(x("NumericLessThanEquals", "1", text), "{text}");
        assert!(!x("NumericLessThan", "1", text), "{text}");
    }
    assert!(!x("NumericEquals", "9007199254740992", "9007199254740993"));
    assert!(x("NumericGreaterThan", "9007199254740992", "9007199254740993"));
    assert!(x("NumericLessThan", "0", "-0.5"));
    assert!(x("NumericGreaterThan", "-2", "-1"));
    assert!(x("NumericEquals", "0", "-0"));
    assert!(x("NumericGreaterThan", "-1e2000000000", "0"));
    assert!(x("NumericLessThan", "1e2000000000", "1e1999999999"));
    assert!(x("NumericEquals", "1e2", "100"));
    assert!(x("NumericLessThan", "0.02", "0.0199999"));
    for bad in ["no-number", "", "NaN", "Infinity", " 1", "1 ", ".", "e1", "1e", "1e99999999999"] {
        assert!(!x("NumericEquals", "1", bad), "{bad}");
        assert!(x("NumericNotEquals", "1", bad), "{bad}");
        assert!(x("NumericNotEquals", bad, "1"), "{bad}");
        assert!(!x("NumericLessThan", "1", bad), "{bad}");
        assert!(!x("NumericGreaterThanEquals", "1", bad), "{bad}");
    }
    assert!(holds("NumericEquals", "aws:RequestTag/x", "5", &value("5.0")));
}

#[test]
fn dates() {
    for text in [
        "2030-01-01T00:00:00Z",
        "2030-01-01T00:00:00",
        "2030-01-01",
        "1893456000",
        "+1893456000",
        "2030-01-01T00:00:00.0001Z",
        "2030-01-01T01:00:00+01:00",
        "2029-12-31T23:30-00:30",
    ] {
        assert!(x("DateEquals", "2030-01-01T00:00:00Z", text), "{text}");
        assert!(x("DateEquals", text, "2030-01-01T00:00:00.000Z"), "{text}");
    }
    assert!(x("DateEquals", "2030-01-01T00:00:00.1231Z", "2030-01-01T00:00:00.1239Z"));
    assert!(x("DateLessThan", "2030-01-01T00:00:00.124Z", "2030-01-01T00:00:00.1239Z"));
    assert!(x("DateGreaterThan", "2024-02-28", "2024-02-29"));
    for bad in ["", "not-a-date", "2030-13-01", "2023-02-29", "2030-01-01T24:00:00Z", "2030-01-01 "]
    {
        assert!(!x("DateEquals", "2030-01-01", bad), "{bad}");
        assert!(x("DateNotEquals", "2030-01-01", bad), "{bad}");
        assert!(x("DateNotEquals", bad, "2030-01-01"), "{bad}");
        assert!(!x("DateLessThan", "2030-01-01", bad), "{bad}");
    }
}

#[test]
fn booleans() {
    for (operand, text, expected) in [
        ("true", "TRUE", true),
        ("True", "true", true),
        ("false", "yes", true),
        ("false", "1", true),
        ("false", "", true),
        ("false", " true ", true),
        ("true", " true ", false),
        ("yes", "false", true),
        ("yes", "true", false),
    ] {
        assert_eq!(x("Bool", operand, text), expected, "{operand} {text}");
    }
    assert!(holds("Bool", "aws:RequestTag/x", "true", &value("true")));
}

#[test]
fn binaries() {
    assert!(x("BinaryEquals", "YQ==", "YQ=="));
    for text in ["YQ", "YR==", " YQ== ", ""] {
        assert!(!x("BinaryEquals", "YQ==", text), "{text}");
    }
}

#[test]
fn arns() {
    const USER: &str = "arn:aws:iam::111122223333:user/a/b";
    assert!(x("ArnLike", "arn:aws:iam::*:user/*", USER));
    assert!(x("ArnEquals", "arn:aws:iam::1111*3333:user/?/b", USER));
    assert!(!x("ArnNotLike", "arn:aws:iam::*:user/*", USER));
    assert!(x("ArnNotEquals", "arn:aws:iam::*:role/*", USER));
    assert!(!x("ArnLike", "arn:aws:IAM::*:user/*", USER));
    // A star stays in its field, except in the last.
    assert!(!x("ArnLike", "arn:aws:*:user/a/b:*:*", USER));
    assert!(!x("ArnLike", "arn:aws:*:store/abc*:a:b", "arn:aws:s:r:1:store/abc:a:b"));
    assert!(x("ArnLike", "arn:aws:s:r:1:secret:*", "arn:aws:s:r:1:secret:a:b"));
    assert!(x("StringLike", "arn:aws:*:store/abc*", "arn:aws:s:r:1:store/abcd"));
    for text in ["", "no-arn", "arn:aws:iam::1:"] {
        assert!(!x("ArnLike", "arn:aws:iam::*:*", text), "{text}");
        assert!(!x("ArnNotLike", "arn:aws:iam::*:*", text), "{text}");
        // The value is looked at first.
        assert!(!x("ArnLike", "not-an-arn", text), "{text}");
    }
}

#[test]
fn a_bad_arn_pattern_fails_closed() {
    let user = Context::new()
        .with("aws:RequestTag/x", "arn:aws:iam::111122223333:user/u")
        .with("aws:RequestTag/p", "not-an-arn");
    let failed = |operands: &str, operator: &str| {
        let condition = format!(r#"{{"{operator}":{{"aws:RequestTag/x":{operands}}}}}"#);
        applies(&condition, &user) == (false, true)
    };
    for operator in ["ArnLike", "ArnNotLike", "ArnEquals"] {
        assert!(failed(r#""not-an-arn""#, operator));
        assert!(failed(r#""${aws:RequestTag/p}""#, operator));
        assert!(failed(r#"["not-an-arn", "arn:aws:iam::*:user/*"]"#, operator));
        assert!(failed(r#"["arn:aws:iam::*:role/*", "not-an-arn"]"#, operator));
        assert!(!failed(r#"["arn:aws:iam::*:user/*", "not-an-arn"]"#, operator));
    }
    let first = r#"["arn:aws:iam::*:user/*", "not-an-arn"]"#;
    assert!(holds("ArnLike", "aws:RequestTag/x", first, &user));
    // What surely does not hold keeps a Deny with an error from applying.
    let both = r#"{"ArnLike":{"aws:RequestTag/x":"not-an-arn"},
                   "StringEquals":{"aws:RequestTag/p":"other"}}"#;
    assert_eq!(applies(both, &user), (false, false));
}

#[test]
fn ipv4() {
    for (operand, text, expected) in [
        ("192.0.2.5/24", "192.0.2.200", true),
        ("192.0.2.0/24", "192.0.3.0", false),
        ("0.0.0.0/0", "203.0.113.9", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("192.000.002.0/024", "192.0.2.9", true),
        ("192.0.2.0/+24", "192.0.2.9", true),
        ("192.0.2.0/24", "192.000.002.001", true),
        ("192.0.2.0/24", "::ffff:192.0.2.1", true),
        ("192.0.2.0/24", "::FFFF:c000:201", true),
    ] {
        assert_eq!(x("IpAddress", operand, text), expected, "{operand} {text}");
        assert_eq!(x("NotIpAddress", operand, text), !expected, "{operand} {text}");
    }
}

#[test]
fn ipv6() {
    for (operand, text, expected) in [
        ("2001:db8::/32", "2001:DB8:0:0:0:0:0:5", true),
        ("2001:DB8::/064", "2001:db8::5", true),
        ("2001:db8::5/64", "2001:db8::5", false),
        ("::1/0", "2001:db8::5", false),
        ("::/0", "2001:db8::5", true),
        ("::/0", "192.0.2.1", false),
        ("::/0", "::ffff:192.0.2.1", false),
        ("::ffff:c000:200/120", "::ffff:192.0.2.1", false),
        ("2001:db8::192.0.2.0/120", "2001:db8::c000:201", false),
        ("2001:db8:::1", "2001:db8::1", true),
        ("2001:db8::1:", "2001:db8::1", true),
        ("2001:db8::1", "2001:db8:::1", true),
        ("2001:db8::1", "2001:db8::1:", true),
        ("::", ":::", true),
        ("2001:db8::1", ":2001:db8::1", false),
        ("0:2001:db8::1", ":2001:db8::1", true),
    ] {
        assert_eq!(x("IpAddress", operand, text), expected, "{operand} {text}");
        assert_eq!(x("NotIpAddress", operand, text), !expected, "{operand} {text}");
    }
}

#[test]
fn invalid_addresses() {
    for text in [
        "",
        "192.0.513",
        "3221225985",
        "192.0.2.1/32",
        "::192.0.2.1",
        "2001:db8::192.0.2.1",
        "2001:db8::::1",
        "2001::db8::1",
        "2001:db8::12345",
        "1:2:3:4:5:6:7",
        "192.0.2.256",
    ] {
        assert!(!x("IpAddress", "0.0.0.0/0", text), "{text}");
        assert!(!x("NotIpAddress", "192.0.2.0/24", text), "{text}");
        assert!(!x("NotIpAddress", "2001:db8::/32", text), "{text}");
    }
    for operand in ["192.0.2.0/33", "2001:db8::/129", "not-an-ip", "192.0.2.0/", "192.0.2.0/-1"] {
        assert!(!x("IpAddress", operand, "192.0.2.1"), "{operand}");
        assert!(x("NotIpAddress", operand, "192.0.2.1"), "{operand}");
    }
    let list = r#"["not-an-ip", "192.0.2.0/24"]"#;
    assert!(holds("IpAddress", "aws:RequestTag/x", list, &value("192.0.2.1")));
    assert!(!holds("NotIpAddress", "aws:RequestTag/x", list, &value("192.0.2.1")));
}

#[test]
fn letter_case() {
    for (one, two, expected) in [
        ("K", "\u{212A}", true),
        ("É", "é", true),
        ("ß", "\u{1E9E}", true),
        ("Σ", "σ", true),
        ("ΟΣ", "ος", true),
        ("ΟΣ", "οσ", false),
        ("ΟΣΑ", "οσα", true),
        ("I", "ı", false),
        ("i", "İ", false),
        ("s", "ſ", false),
        ("ß", "SS", false),
        ("Σ", "ς", false),
        ("\u{10400}", "\u{10428}", false),
        ("\u{10400}A", "\u{10400}a", true),
    ] {
        assert_eq!(x("StringEqualsIgnoreCase", one, two), expected, "{one} {two}");
        assert_eq!(x("StringEqualsIgnoreCase", two, one), expected, "{two} {one}");
        assert_eq!(x("StringNotEqualsIgnoreCase", one, two), !expected, "{one} {two}");
    }
    assert!(!x("StringEquals", "A", "a"));
}

#[test]
fn wildcards() {
    let astral = "\u{1F600}";
    for (pattern, text, expected) in [
        ("??", astral, true),
        ("?", astral, false),
        ("?", "é", true),
        ("a*b?c", "a/:bxc", true),
        ("a?b", "a:b", true),
        ("[b]", "b", false),
        ("[b]", "[b]", true),
        ("*?", "x", true),
        ("?*", "x", true),
        ("*?", "", false),
        ("\u{1F600}?", "\u{1F600}x", true),
        ("\u{1F600}?", "\u{1F600}\u{1F600}", false),
        ("\u{1F600}??", "\u{1F600}\u{1F600}", true),
        ("?*?", astral, true),
        ("*a*", "bab", true),
        ("", "", true),
        ("*", "", true),
        ("", "a", false),
    ] {
        assert_eq!(x("StringLike", pattern, text), expected, "{pattern} {text}");
        assert_eq!(x("StringNotLike", pattern, text), !expected, "{pattern} {text}");
    }
}

#[test]
fn variables() {
    let context = Context::new()
        .with("aws:RequestTag/x", "pq")
        .with("aws:RequestTag/p", "p")
        .with("aws:RequestTag/star", "*")
        .with_many("aws:TagKeys", ["pq"]);
    let x = |operator: &str, operand: &str| {
        holds(operator, "aws:RequestTag/x", &format!("{operand:?}"), &context)
    };
    assert!(x("StringLike", "${aws:RequestTag/p}?"));
    assert!(x("StringEquals", "${AWS:requesttag/P}q"));
    assert!(x("StringEqualsIgnoreCase", "${aws:RequestTag/p}Q"));
    assert!(x("StringEquals", "${aws:nothing, 'pq'}"));
    assert!(!x("StringLike", "${*}"));
    assert!(!x("StringLike", "${aws:RequestTag/star}"));
    assert!(holds("StringLike", "aws:requesttag/star", "\"${*}\"", &context));
    // Without a value, or with several: equal to nothing, default or not.
    for operand in ["${aws:nothing}", "${aws:TagKeys}", "${aws:TagKeys, 'pq'}"] {
        assert!(!x("StringEquals", operand), "{operand}");
        assert!(x("StringNotEquals", operand), "{operand}");
    }
}
