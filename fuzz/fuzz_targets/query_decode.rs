//! Form bodies of any bytes, by the tables of a real operation: nothing panics, and the same
//! parameters with every byte written as an escape read the same.

#![no_main]

use bulla_shapes::{json, query, sts, validate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let operations = sts::SERVICE.operations;
    let operation = &operations[usize::from(choice) % operations.len()];
    let Some(input) = operation.input else { return };
    let Ok(params) = query::Params::parse(body) else { return };
    let again = escaped(body);
    let again = query::Params::parse(&again).expect("escapes of what was read must be readable");
    for name in ["Action", "Version"] {
        assert_eq!(params.get(name), again.get(name));
    }
    let (record, again) = match (query::decode(input, &params), query::decode(input, &again)) {
        (Ok(record), Ok(again)) => (record, again),
        (Err(error), Err(again)) => {
            assert_eq!(error.kind(), again.kind());
            assert!(!error.to_string().is_empty());
            return;
        }
        (record, again) => panic!("read {}, escaped {}", record.is_ok(), again.is_ok()),
    };
    if let Err(violations) = validate(&record) {
        assert!(!violations.to_string().is_empty());
    }
    let mut texts = [Vec::new(), Vec::new()];
    for (record, text) in [record, again].iter().zip(&mut texts) {
        json::encode(record, text);
        let mut xml = Vec::new();
        query::encode(&sts::SERVICE, operation, Some(record), "an id", &mut xml);
        assert!(std::str::from_utf8(&xml).is_ok());
    }
    assert_eq!(texts[0], texts[1], "{}", operation.name);
});

/// The same parameters by a reader of its own, with every byte as an escape.
fn escaped(body: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let middle = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(middle);
        if !out.is_empty() {
            out.push('&');
        }
        escape(name, &mut out);
        out.push('=');
        escape(value.strip_prefix(b"=").unwrap_or_default(), &mut out);
    }
    out.into_bytes()
}

fn escape(text: &[u8], out: &mut String) {
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next().unwrap()).to_digit(16).unwrap();
                u8::try_from(digit() * 16 + digit()).unwrap()
            }
            byte => byte,
        };
        *out += &format!("%{byte:02X}");
    }
}
