//! The index finds what trying each pattern finds.

use proptest::prelude::*;

use super::*;

fn condition() -> BoxedStrategy<String> {
    let text = "[abA]{0,2}";
    prop_oneof![
        text.prop_map(|text| format!("\"{text}\"")),
        (0_i32..4).prop_map(|number| number.to_string()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        text.prop_map(|text| format!("{{\"prefix\":\"{text}\"}}")),
        text.prop_map(|text| format!("{{\"suffix\":\"{text}\"}}")),
        text.prop_map(|text| format!("{{\"prefix\":{{\"equals-ignore-case\":\"{text}\"}}}}")),
        text.prop_map(|text| format!("{{\"suffix\":{{\"equals-ignore-case\":\"{text}\"}}}}")),
        text.prop_map(|text| format!("{{\"equals-ignore-case\":\"{text}\"}}")),
        text.prop_map(|text| format!("{{\"wildcard\":\"{text}*\"}}")),
        text.prop_map(|text| format!("{{\"wildcard\":\"*{text}\"}}")),
        text.prop_map(|text| format!("{{\"wildcard\":\"{text}\"}}")),
        "[abA]{1,2}".prop_map(|text| format!("{{\"wildcard\":\"*{text}*\"}}")),
        "[abA]{1,2}".prop_map(|text| format!("{{\"wildcard\":\"a*{text}*b\"}}")),
        text.prop_map(|text| format!("{{\"anything-but\":\"{text}\"}}")),
        (0_i32..3).prop_map(|from| format!("{{\"numeric\":[\">=\",{from},\"<\",{}]}}", from + 2)),
        any::<bool>().prop_map(|wanted| format!("{{\"exists\":{wanted}}}")),
        Just("{\"cidr\":\"10.0.0.0/8\"}".to_owned()),
    ]
    .boxed()
}

fn field() -> BoxedStrategy<String> {
    let conditions = prop::collection::vec(condition(), 1..3);
    ("[xyz]", conditions).prop_map(|(name, all)| format!("\"{name}\":[{}]", all.join(","))).boxed()
}

fn pattern() -> BoxedStrategy<String> {
    let inner = prop::collection::vec(field(), 1..3).boxed();
    (inner.clone(), inner.clone(), inner, 0..3)
        .prop_map(|(one, two, three, kind)| {
            let (one, two, three) = (one.join(","), two.join(","), three.join(","));
            match kind {
                0 => format!("{{{one}}}"),
                1 => format!("{{{one},\"d\":{{{two}}}}}"),
                _ => format!("{{\"d\":{{{one}}},\"$or\":[{{{two}}},{{{three}}}]}}"),
            }
        })
        .boxed()
}

fn value() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        "[abA]{0,3}".prop_map(|text| format!("\"{text}\"")),
        (0_i32..4).prop_map(|number| number.to_string()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"10.1.2.3\"".to_owned()),
        Just("1.0".to_owned()),
    ]
    .boxed();
    prop_oneof![
        leaf.clone(),
        prop::collection::vec(leaf, 0..3).prop_map(|all| format!("[{}]", all.join(",")))
    ]
    .boxed()
}

fn event() -> BoxedStrategy<String> {
    let members = prop::collection::btree_map("[xyz]", value(), 0..4).prop_map(|members| {
        let members = members.into_iter().map(|(name, value)| format!("\"{name}\":{value}"));
        members.collect::<Vec<_>>().join(",")
    });
    let members = members.boxed();
    (members.clone(), members.clone(), members, any::<bool>())
        .prop_map(|(outer, one, two, many)| {
            let inner = if many { format!("[{{{one}}},{{{two}}}]") } else { format!("{{{one}}}") };
            let comma = if outer.is_empty() { "" } else { "," };
            format!("{{{outer}{comma}\"d\":{inner}}}")
        })
        .boxed()
}

proptest! {
    #[test]
    fn the_index_finds_what_trying_each_pattern_finds(
        patterns in prop::collection::vec(pattern(), 1..20),
        events in prop::collection::vec(event(), 1..5),
    ) {
        let parse = |text: &String| Pattern::parse(text).map_err(|refusal| refusal.to_string());
        let all: Result<Vec<_>, _> = patterns.iter().map(parse).collect();
        let index = Index::build(all.unwrap());
        for text in &events {
            let event = Event::parse(text).unwrap();
            let tried = patterns.iter().zip(0_u32..);
            let tried = tried.filter(|(one, _)| parse(one).unwrap().matches(&event));
            let tried: Vec<u32> = tried.map(|(_, number)| number).collect();
            prop_assert_eq!(index.matches(&event), tried, "{}", text);
        }
    }
}

#[test]
fn a_rare_field_is_chosen_before_a_common_one() {
    let pattern = |id: usize| {
        let text = format!(r#"{{"source":["app"],"detail":{{"id":["order-{id}"],"n":[1]}}}}"#);
        Pattern::parse(&text).unwrap()
    };
    let index = Index::build((0..10_000).map(pattern).collect());
    let event = r#"{"source":"app","detail":{"id":"order-77","n":1}}"#;
    let event = Event::parse(event).unwrap();
    assert_eq!(index.candidates(&event), [77]);
    assert_eq!(index.matches(&event), [77]);
}
