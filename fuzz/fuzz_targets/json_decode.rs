//! JSON bodies of any bytes, by the tables of a real operation: nothing panics, and what was read
//! and written once reads and writes the same again.

#![no_main]

use bulla_shapes::{json, kms, validate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let operations = kms::SERVICE.operations;
    let operation = &operations[usize::from(choice) % operations.len()];
    let Some(input) = operation.input else { return };
    let Ok(record) = json::decode(input, body) else { return };
    if let Err(violations) = validate(&record) {
        assert!(!violations.to_string().is_empty());
    }
    let mut first = Vec::new();
    json::encode(&record, &mut first);
    let again = json::decode(input, &first).expect("own writing must be readable");
    let mut second = Vec::new();
    json::encode(&again, &mut second);
    assert_eq!(first, second, "{}", operation.name);
});
