//! What patterns match, what they are refused for, and what recorded answers of AWS say.

use super::*;

fn matches(pattern: &str, event: &str) -> bool {
    let pattern = Pattern::parse(pattern).map_err(|refusal| refusal.in_text(pattern)).unwrap();
    pattern.matches(&Event::parse(event).unwrap())
}

/// Condition, value, and whether the one holds for the other.
const OPERATORS: &[(&str, &str, bool)] = &[
    (r#""a""#, r#""a""#, true),
    (r#""a""#, r#""A""#, false),
    (r#""""#, r#""""#, true),
    (r#""1""#, "1", false),
    ("1", "1", true),
    ("1", "1.0", true),
    ("100", "1e2", true),
    ("0", "-0.0", true),
    ("1", r#""1""#, false),
    ("12345678901234567890", "12345678901234567890", true),
    ("12345678901234567890", "12345678901234567891", false),
    ("true", "true", true),
    ("true", "false", false),
    ("true", r#""true""#, false),
    ("null", "null", true),
    ("null", "[]", false),
    ("null", r#""null""#, false),
    (r#"{"prefix":"ab"}"#, r#""abc""#, true),
    (r#"{"prefix":"ab"}"#, r#""Abc""#, false),
    (r#"{"prefix":""}"#, r#""x""#, true),
    (r#"{"prefix":{"equals-ignore-case":"aB"}}"#, r#""AbC""#, true),
    (r#"{"suffix":".png"}"#, r#""a.png""#, true),
    (r#"{"suffix":".png"}"#, r#""a.PNG""#, false),
    (r#"{"suffix":{"equals-ignore-case":".pNg"}}"#, r#""a.PnG""#, true),
    (r#"{"equals-ignore-case":"EC2"}"#, r#""ec2""#, true),
    (r#"{"equals-ignore-case":""}"#, r#""""#, true),
    (r#"{"equals-ignore-case":""}"#, r#""a""#, false),
    (r#"{"numeric":["=",5]}"#, "5.0", true),
    (r#"{"numeric":["=",5]}"#, r#""5""#, false),
    (r#"{"numeric":["=",5]}"#, "null", false),
    (r#"{"numeric":[">",0,"<=",5]}"#, "5", true),
    (r#"{"numeric":[">",0,"<=",5]}"#, "0", false),
    (r#"{"numeric":[">=",0,"<",5]}"#, "0", true),
    (r#"{"numeric":[">=",0,"<",5]}"#, "5", false),
    (r#"{"numeric":["<",-3.5]}"#, "-4", true),
    (r#"{"cidr":"10.0.0.0/24"}"#, r#""10.0.0.7""#, true),
    (r#"{"cidr":"10.0.0.0/24"}"#, r#""10.0.1.7""#, false),
    (r#"{"cidr":"10.0.0.0/24"}"#, r#""no address""#, false),
    (r#"{"cidr":"10.0.0.0/24"}"#, "10", false),
    (r#""2001:db8::1""#, r#""2001:0db8:0::1""#, true),
    (r#"{"exists":true}"#, "null", true),
    (r#"{"exists":true}"#, "[]", false),
    (r#"{"exists":true}"#, "{}", false),
    (r#"{"exists":true}"#, r#"{"b":1}"#, false),
    (r#"{"exists":false}"#, "[]", true),
    (r#"{"exists":false}"#, "0", false),
    (r#"{"wildcard":"a*c"}"#, r#""abc""#, true),
    (r#"{"wildcard":"a\\*c"}"#, r#""a*c""#, true),
    (r#"{"wildcard":"a*c"}"#, "1", false),
    (r#"{"anything-but":"a"}"#, r#""b""#, true),
    (r#"{"anything-but":"a"}"#, r#""a""#, false),
    (r#"{"anything-but":"a"}"#, "null", true),
    (r#"{"anything-but":"a"}"#, "[]", false),
    (r#"{"anything-but":["a","b"]}"#, r#""b""#, false),
    (r#"{"anything-but":["a","b"]}"#, r#"["a","c"]"#, true),
    (r#"{"anything-but":0}"#, "0.0", false),
    (r#"{"anything-but":[1,2]}"#, "3", true),
    (r#"{"anything-but":[1,2]}"#, r#""1""#, true),
    (r#"{"anything-but":{"prefix":"in"}}"#, r#""init""#, false),
    (r#"{"anything-but":{"prefix":["in","st"]}}"#, r#""stop""#, false),
    (r#"{"anything-but":{"prefix":"in"}}"#, "123", true),
    (r#"{"anything-but":{"suffix":".txt"}}"#, r#""a.txt""#, false),
    (r#"{"anything-but":{"suffix":[".txt",".rtf"]}}"#, r#""a.png""#, true),
    (r#"{"anything-but":{"equals-ignore-case":"INIT"}}"#, r#""init""#, false),
    (r#"{"anything-but":{"equals-ignore-case":["A","B"]}}"#, "null", true),
    (r#"{"anything-but":{"wildcard":"*/init/*"}}"#, r#""d/init/f""#, false),
    (r#"{"anything-but":{"wildcard":["*/a/*","*/b/*"]}}"#, r#""d/c/f""#, true),
    (r#"{"anything-but":{"wildcard":""}}"#, r#""d""#, true),
];

#[test]
fn each_operator_matches_what_it_says() {
    for (condition, value, expected) in OPERATORS {
        let (pattern, event) = (format!(r#"{{"a":[{condition}]}}"#), format!(r#"{{"a":{value}}}"#));
        assert_eq!(matches(&pattern, &event), *expected, "{pattern} {event}");
    }
    for (condition, expected) in [
        (r#"{"anything-but":"a"}"#, false),
        (r#"{"exists":true}"#, false),
        (r#"{"exists":false}"#, true),
        (r#"null"#, false),
    ] {
        let pattern = format!(r#"{{"a":{{"b":[{condition}]}}}}"#);
        for event in [r#"{"c":1}"#, r#"{"a":1}"#, r#"{"a":{"c":1}}"#, r#"{"a":[]}"#] {
            assert_eq!(matches(&pattern, event), expected, "{pattern} {event}");
        }
    }
}

#[test]
fn fields_hold_together() {
    let event = r#"{"source":"s","detail":{"a":[1,2],"b":{"c":"x"},"list":[{"n":1,"t":"p"},
        {"n":2,"t":"q","deep":[[{"z":9}]]}]}}"#;
    for (pattern, expected) in [
        (r#"{"source":["s"],"detail":{"a":[2]}}"#, true),
        (r#"{"source":["t"],"detail":{"a":[2]}}"#, false),
        (r#"{"detail":{"a":[3,1]}}"#, true),
        (r#"{"detail":{"b":{"c":["x"]}}}"#, true),
        (r#"{"detail":{"b":["x"]}}"#, false),
        (r#"{"detail":{"b.c":["x"]}}"#, true),
        (r#"{"detail.b":{"c":["x"]},"detail.a":[1]}"#, true),
        (r#"{"detail":{"b.c":{"c":["x"]}}}"#, false),
        (r#"{"Source":["s"]}"#, false),
        // One and the same object of a list.
        (r#"{"detail":{"list":{"n":[1],"t":["p"]}}}"#, true),
        (r#"{"detail":{"list":{"n":[1],"t":["q"]}}}"#, false),
        (r#"{"detail":{"list":{"n":[2],"deep":{"z":[9]}}}}"#, true),
        (r#"{"detail":{"list":{"n":[1],"deep":{"z":[9]}}}}"#, false),
        (r#"{"detail":{"list":{"n":[1],"t":[{"exists":false}]}}}"#, false),
        (r#"{"detail":{"list":{"n":[1],"u":[{"exists":false}]}}}"#, true),
        (r#"{"detail":{"list":{"deep":{"z":[{"exists":false}]}}}}"#, false),
        (r#"{"detail":{"gone":{"d":["roses",{"exists":false}]}}}"#, true),
    ] {
        assert_eq!(matches(pattern, event), expected, "{pattern}");
    }
}

#[test]
fn alternatives_are_joined_by_or() {
    let pattern = r#"{"source":["s"],"$or":[{"a":[1]},{"b":{"$or":[{"c":[2]},{"d":[3]}]}},
        {"e":[{"numeric":[">",4]}],"f":[5]}]}"#;
    for (event, expected) in [
        (r#"{"source":"s","a":1}"#, true),
        (r#"{"source":"t","a":1}"#, false),
        (r#"{"source":"s","b":{"c":2}}"#, true),
        (r#"{"source":"s","b":{"d":3}}"#, true),
        (r#"{"source":"s","b":{"d":2}}"#, false),
        (r#"{"source":"s","e":5,"f":5}"#, true),
        (r#"{"source":"s","e":5}"#, false),
    ] {
        assert_eq!(matches(pattern, event), expected, "{event}");
    }
    let group = |count: usize| {
        let one = |at| format!(r#"{{"a{at}":[1]}}"#);
        (0..count).map(one).collect::<Vec<_>>().join(",")
    };
    let combined = |first, second| {
        format!(r#"{{"$or":[{}],"b":{{"$or":[{}]}}}}"#, group(first), group(second))
    };
    assert!(Pattern::parse(&combined(20, 50)).is_ok());
    assert!(Pattern::parse(&combined(21, 50)).is_err());
}

const ANYTHING_BUT_FOLD: &str = "Inside anything-but/equals-ignore-case list, \
                                 number|start|null|boolean is not supported.";

/// Pattern, reason, and each column that is told.
const REFUSALS: &[(&str, &str, &[usize])] = &[
    (r#"{"int": 42}"#, "\"int\" must be an object or an array", &[11]),
    (r#"{"string": "my-value"}"#, "\"string\" must be an object or an array", &[13]),
    (r#"{"resources": []}"#, "Empty arrays are not allowed", &[17]),
    (r#"{"a": {}}"#, "Empty objects are not allowed", &[9]),
    (r#"["not", "a", "dict"]"#, "Filter is not an object", &[2]),
    (r#"{"my_key": [{"EXISTS": true}]}"#, "Unrecognized match type EXISTS", &[28]),
    (r#"{"detail": {"equal": [{"NUMERIC": ["=", 5]}]}}"#, "Unrecognized match type NUMERIC", &[36]),
    (
        r#"{"detail": {"c-count": [{"numeric": [">", 0, ">", 0]}]}}"#,
        "Bad numeric range operator: >",
        &[49],
    ),
    (
        r#"{"detail": {"c-count": [{"numeric": [">", 0, "<"]}]}}"#,
        "Value of < must be numeric",
        &[50],
    ),
    (
        r#"{"detail": {"state": [{"anything-but": {"equals-ignore-case": 123}}]}}"#,
        ANYTHING_BUT_FOLD,
        &[66],
    ),
    (
        r#"{"detail": {"state": [{"anything-but": {"equals-ignore-case": [123, 456]}}]}}"#,
        ANYTHING_BUT_FOLD,
        &[67, 67],
    ),
    (
        r#"{"detail": {"state": [{"anything-but": {"wildcard": [123, "*/dir/*"]}}]}}"#,
        "wildcard match pattern must be a string",
        &[57, 57],
    ),
    (
        r#"{"detail": {"FileName": [{"anything-but": {"suffix": 123}}]}}"#,
        "prefix/suffix match pattern must be a string",
        &[57],
    ),
    (
        r#"{"detail": {"FileName": [{"anything-but": {"prefix": {"equals-ignore-case": "file"}}}]}}"#,
        "Value of anything-but must be an array or single string/number value.",
        &[55],
    ),
    (r#"{"time": [{"prefix": ["2022-07-13"]}]}"#, "prefix match pattern must be a string", &[23]),
    (r#"{"time": [{"prefix": 123}]}"#, "prefix match pattern must be a string", &[25]),
    (r#"{"FileName": [{"suffix": 123}]}"#, "suffix match pattern must be a string", &[29]),
    (
        r#"{"detail-type": [{"equals-ignore-case": ["ec2"]}]}"#,
        "equals-ignore-case match pattern must be a string",
        &[42],
    ),
    (r#"{"EventBusArn": [{"wildcard": 123}]}"#, "wildcard match pattern must be a string", &[34]),
    (
        r#"{"EventBusArn": [{"wildcard": "arn:aws:events:x:**"}]}"#,
        "Consecutive wildcard characters at pos 18",
        &[52],
    ),
    (
        r#"{"detail": {"sourceIPAddress": [{"cidr": ["bad-type"]}]}}"#,
        "prefix match pattern must be a string",
        &[43],
    ),
    (r#"{"a": [{"cidr": "bad"}]}"#, "Malformed CIDR, one '/' required", &[]),
    (
        r#"{"EventBusArn": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}"#,
        "Rule is too complex - try using fewer wildcard characters or fewer repeating \
         character sequences after a wildcard character",
        &[],
    ),
    (r#"{"$or": [{"a": [1]}]}"#, "There must have at least 2 Objects in $or relationship.", &[21]),
];

/// Recorded by LocalStack's tests, or by AWS's own open engine where no record is.
#[test]
fn refusals_have_awss_words_and_places() {
    for (pattern, reason, columns) in REFUSALS {
        let refusal = Pattern::parse(pattern).unwrap_err();
        let places: String = columns
            .iter()
            .map(|column| {
                format!("\n at [Source: (String)\"{pattern}\"; line: 1, column: {column}]")
            })
            .collect();
        assert_eq!(refusal.in_text(pattern), format!("{reason}{places}"));
    }
    for pattern in [
        r#"{"a": [[1]]}"#,
        r#"{"a": [{}]}"#,
        r#"{"a": [{"prefix": "a", "suffix": "b"}]}"#,
        r#"{"a": [{"prefix": {"suffix": "b"}}]}"#,
        r#"{"a": [{"anything-but": true}]}"#,
        r#"{"a": [{"anything-but": []}]}"#,
        r#"{"a": [{"anything-but": [1, "a"]}]}"#,
        r#"{"a": [{"anything-but": {"prefix": ""}}]}"#,
        r#"{"a": [{"anything-but": {"numeric": ["=", 1]}}]}"#,
        r#"{"a": [{"numeric": []}]}"#,
        r#"{"a": [{"numeric": ["=", 1, "<", 2]}]}"#,
        r#"{"a": [{"numeric": [">", 2, "<", 1]}]}"#,
        r#"{"a": [{"numeric": [">", 2, "<", 3, "<", 4]}]}"#,
        r#"{"a": [{"numeric": ["=", 5000000001]}]}"#,
        r#"{"a": [{"exists": "true"}]}"#,
        r#"{"a": [{"wildcard": "a\\b"}]}"#,
        r#"{"$or": {"a": [1]}}"#,
        r#"{"$or": [1, 2]}"#,
        r#"{"$or": [{"numeric": [1]}, {"a": [1]}]}"#,
        "{}",
        "",
    ] {
        assert!(Pattern::parse(pattern).is_err(), "{pattern}");
    }
}
