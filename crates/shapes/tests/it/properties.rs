//! Arbitrary input never panics, and what is written is read back.

use bulla_shapes::kms::{self, EncryptRequest};
use bulla_shapes::protocol::{Incoming, codec};
use bulla_shapes::query::Params;
use bulla_shapes::tables::Protocol;
use bulla_shapes::{View, json, sts, validate};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

fn json_like() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(":".to_owned()),
        Just(",".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"Tags\"".to_owned()),
        Just("\"Policy\"".to_owned()),
        Just("\"TagKey\"".to_owned()),
        Just("\\u12".to_owned()),
        "-?[0-9]{1,3}(\\.[0-9])?(e[0-9])?",
        "\"[a-z\\\\]{0,4}\"",
    ];
    vec(part, 0..24).prop_map(|parts| parts.concat())
}

fn name_like() -> impl Strategy<Value = String> {
    vec(
        prop_oneof![
            Just("PolicyArns"),
            Just("Tags"),
            Just("member"),
            Just("arn"),
            Just("Key"),
            Just("1"),
            Just("2"),
            Just("x"),
            Just("")
        ],
        1..5,
    )
    .prop_map(|parts| parts.join("."))
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        for operation in kms::SERVICE.operations {
            if let Some(Ok(record)) = operation.input.map(|input| json::decode(input, &bytes)) {
                let _ = validate(&record);
            }
        }
        for operation in sts::SERVICE.operations {
            let _ = codec(Protocol::Query).expect("a codec").decode(operation, &Incoming::body(&bytes));
        }
    }

    #[test]
    fn near_json_is_judged_as_serde_json_does(text in json_like()) {
        let input = kms::SERVICE.operation("CreateKey").and_then(|row| row.input).expect("an input");
        if json::decode(input, text.as_bytes()).is_ok() && !text.trim().is_empty() {
            let theirs: Result<serde_json::Value, _> = serde_json::from_str(&text);
            prop_assert!(theirs.is_ok(), "we took {text}");
        }
    }

    #[test]
    fn json_under_an_unknown_member_is_passed_over(text in json_like()) {
        let body = format!("{{\"Unknown\":{text}}}");
        let theirs: Result<serde_json::Value, _> = serde_json::from_str(&body);
        let input = kms::SERVICE.operation("Decrypt").and_then(|row| row.input).expect("an input");
        let known = ["Policy", "Tags"].iter().any(|name| text.contains(name));
        let ours = json::decode(input, body.as_bytes()).is_ok();
        prop_assert_eq!(ours || known, theirs.is_ok() || known);
    }

    #[test]
    fn requests_survive_the_wire(
        key in ".{0,40}",
        plaintext in vec(any::<u8>(), 0..100),
        context in option::of(btree_map(".{0,8}", ".{0,8}", 0..30)),
        tokens in option::of(vec(".{0,8}", 0..6)),
        dry_run in option::of(any::<bool>()),
    ) {
        let request = EncryptRequest::new()
            .with_key_id(key.as_str())
            .with_plaintext(&plaintext)
            .with_some(context.as_ref(), |r, c| {
                r.with_encryption_context(c.iter().map(|(k, v)| (k.as_str(), v.as_str())))
            })
            .with_some(tokens.as_ref(), |r, t| r.with_grant_tokens(t.iter().map(String::as_str)))
            .with_some(dry_run, EncryptRequest::with_dry_run);
        let mut body = Vec::new();
        json::encode(request.record(), &mut body);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
        let back = json::decode(request.record().shape(), &body).expect("what was written is read");
        let back = EncryptRequest::from_record(back);
        prop_assert_eq!(back.key_id(), key.as_str());
        prop_assert_eq!(back.plaintext(), plaintext.as_slice());
        prop_assert_eq!(back.dry_run(), dry_run);
        let sent = back.grant_tokens();
        let sent: Option<Vec<_>> = sent.map(|t| t.iter().map(str::to_owned).collect());
        prop_assert_eq!(sent.as_ref(), tokens.as_ref());
        let sent = back.encryption_context().map(|c| {
            c.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
        });
        prop_assert_eq!(sent.as_ref(), context.as_ref());
    }

    #[test]
    fn parameters_are_found_wherever_they_stand(
        pairs in vec((name_like(), "[a-z]{0,3}"), 0..12),
    ) {
        let body: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let body = body.join("&");
        let params = Params::parse(body.as_bytes()).expect("a form");
        for (name, _) in &pairs {
            let last = pairs.iter().rev().find(|(other, _)| other == name).map(|(_, v)| v.as_str());
            prop_assert_eq!(params.get(name), last);
        }
        for operation in sts::SERVICE.operations {
            let _ = codec(Protocol::Query).expect("a codec").decode(operation, &Incoming::body(body.as_bytes()));
        }
    }
}
