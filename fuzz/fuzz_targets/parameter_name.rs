//! Names, selectors and ARNs of parameters, through all of GetParameter and PutParameter: what is
//! found is one of those there are, and what can be put can be got by that very name.

#![no_main]

use bulla_fuzz::ssm::House;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

thread_local! {
    static HOUSE: House = House::new();
}

const THERE: [&str; 3] = ["/app/db/host", "/app/top", "flat"];

fuzz_target!(|data: &[u8]| {
    let Ok(name) = std::str::from_utf8(data) else { return };
    HOUSE.with(|house| {
        let by_name = json!({ "Name": name });
        if let Some(found) = house.call("GetParameter", &by_name) {
            let found = found["Parameter"]["Name"].as_str().unwrap().to_owned();
            assert!(THERE.contains(&found.as_str()) && name.contains(&found), "{name}: {found}");
            return;
        }
        let put = json!({ "Name": name, "Value": "v", "Type": "String" });
        if house.call("PutParameter", &put).is_none() {
            return;
        }
        let got = house.must("GetParameter", &by_name);
        assert_eq!(got["Parameter"]["Value"], "v");
        house.must("DeleteParameter", &by_name);
        assert_eq!(house.call("GetParameter", &by_name), None);
    });
});
