//! What targets are sent.

use bulla_shapes::events::InputTransformer;

use super::*;

const EVENT: &str = r#"{"id":"e","source":"s","detail":{"n":1.0,"text":"say \"hi\"","list":[{"k":"a"},{"k":"b"}],"dotted.name":true}}"#;

fn around() -> Surroundings<'static> {
    Surroundings { rule_arn: "arn:rule", rule_name: "r", ingestion_time: "t" }
}

fn target() -> Target<'static> {
    Target::new().with_id("t").with_arn("arn:aws:sqs:us-east-1:111122223333:q")
}

fn sent(target: &Target<'_>) -> String {
    Input::of(target).unwrap().apply(EVENT, &around()).unwrap()
}

fn transformed(paths: &[(&'static str, &'static str)], template: &'static str) -> Target<'static> {
    let transformer = InputTransformer::new()
        .with_input_paths_map(paths.iter().copied())
        .with_input_template(template);
    target().with_input_transformer(transformer)
}

#[test]
fn a_target_is_sent_what_it_asks_for() {
    assert_eq!(sent(&target()), EVENT);
    assert_eq!(sent(&target().with_input_path("$")), EVENT);
    assert_eq!(sent(&target().with_input(r#"{ "a" : 1 }"#)), r#"{ "a" : 1 }"#);
    for (path, expected) in [
        ("$.source", r#""s""#),
        ("$.detail.list[1]", r#"{"k":"b"}"#),
        ("$.detail.list[*].k", r#"["a","b"]"#),
        ("$['detail']['dotted.name']", "true"),
        ("$.detail.n", "1.0"),
        ("$.nothing", "null"),
    ] {
        assert_eq!(sent(&target().with_input_path(path)), expected, "{path}");
    }
}

#[test]
fn a_template_is_filled_with_parts() {
    let paths = [
        ("n", "$.detail.n"),
        ("text", "$.detail.text"),
        ("list", "$.detail.list"),
        ("none", "$.none"),
    ];
    for (template, expected) in [
        (r#""n is <n>""#, r#""n is 1.0""#),
        (r#"{"n": <n>, "t": <text>}"#, r#"{"n": 1.0, "t": "say \"hi\""}"#),
        (r#"{"t": "<text>!"}"#, r#"{"t": "say \"hi\"!"}"#),
        (r#"{"l": <list>}"#, r#"{"l": [{"k":"a"},{"k":"b"}]}"#),
        (r#""<none>""#, r#""""#),
        (r#""\"<n>\"""#, r#""\"1.0\"""#),
        (
            r#""<aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>""#,
            r#""arn:rule r t""#,
        ),
        ("<aws.events.event.json>", EVENT),
        (r#"{"e": <aws.events.event>}"#, r#"{"e": {"id":"e","source":"s"}}"#),
        (r#""1 < 2 > <>""#, r#""1 < 2 > <>""#),
    ] {
        assert_eq!(sent(&transformed(&paths, template)), expected, "{template}");
    }
}

#[test]
fn no_template_makes_an_endless_text() {
    let all = "<aws.events.event.json>".repeat(300);
    let transformer = InputTransformer::new().with_input_template(all);
    let input = Input::of(&target().with_input_transformer(transformer)).unwrap();
    let large = format!(r#"{{"detail":"{}"}}"#, "x".repeat(200_000));
    let told = input.apply(&large, &around()).unwrap_err();
    assert_eq!(told, "the input would have more than 327680 bytes");
}

#[test]
fn what_no_target_can_ask_for_is_refused() {
    for wrong in [
        target().with_input("{"),
        target().with_input_path("detail"),
        target().with_input_path("$.a..b"),
        target().with_input_path("$[x]"),
        target().with_input("1").with_input_path("$"),
        transformed(&[("a", "b")], "<a>"),
        transformed(&[("a", "$.b")], "<c>"),
        transformed(&[("AWS.a", "$.b")], "<c>"),
    ] {
        assert!(Input::of(&wrong).is_err(), "{wrong:?}");
    }
}
