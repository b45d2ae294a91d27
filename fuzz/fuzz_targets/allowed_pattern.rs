//! Allowed patterns, and values after a line's end, through all of PutParameter: in bounded time,
//! and a value that was taken is taken again.

#![no_main]

use std::time::{Duration, Instant};

use bulla_fuzz::ssm::House;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

thread_local! {
    static HOUSE: House = House::new();
}

/// A pattern that could go back and try again would take far longer over a value that is so long.
const LONG: usize = 4_000;
/// Fuzz builds are slow, and so is the machine at times.
const PATIENCE: Duration = Duration::from_secs(5);

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, value) = text.split_once('\n').unwrap_or((text, "v"));
    HOUSE.with(|house| {
        let put = |value: &str| {
            let input = json!({
                "Name": "/p", "Value": value, "Type": "String", "AllowedPattern": pattern,
                "Overwrite": true,
            });
            house.call("PutParameter", &input).is_some()
        };
        assert_eq!(put(value), put(value));
        let long: String = value.chars().cycle().take(LONG).chain(['!']).collect();
        let begun = Instant::now();
        put(&long);
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        house.call("DeleteParameter", &json!({ "Name": "/p" }));
    });
});
