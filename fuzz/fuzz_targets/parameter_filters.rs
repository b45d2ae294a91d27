//! Filters and paths, through all of DescribeParameters and GetParametersByPath: what is listed is
//! there, and pages of one give what one page gives.

#![no_main]

use bulla_fuzz::ssm::House;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

thread_local! {
    static HOUSE: House = House::new();
}

/// Names as a list tells them, page by page; nothing when the caller is at fault.
fn listed(house: &House, operation: &str, input: &Value, page: u32) -> Option<Vec<String>> {
    let (mut names, mut input) = (Vec::new(), input.clone());
    input["MaxResults"] = page.into();
    loop {
        let answer = house.call(operation, &input)?;
        let found = answer["Parameters"].as_array().unwrap();
        names.extend(found.iter().map(|one| one["Name"].as_str().unwrap().to_owned()));
        match answer.get("NextToken").and_then(Value::as_str) {
            Some(token) => input["NextToken"] = token.into(),
            // A page is in the order of names, what comes on which is in the order of rows.
            None => {
                names.sort();
                return Some(names);
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, filters) = text.split_once('\n').unwrap_or(("/", text));
    let Ok(filters) = serde_json::from_str::<Value>(filters) else { return };
    HOUSE.with(|house| {
        let by_path = json!({ "Path": path, "Recursive": true, "ParameterFilters": filters });
        for (operation, input) in [
            ("DescribeParameters", json!({ "ParameterFilters": filters })),
            ("DescribeParameters", json!({ "Filters": filters })),
            ("GetParametersByPath", by_path),
        ] {
            let Some(whole) = listed(house, operation, &input, 10) else { continue };
            assert_eq!(listed(house, operation, &input, 1), Some(whole.clone()), "{operation}");
            for name in whole {
                house.must("GetParameter", &json!({ "Name": name }));
            }
        }
    });
});
