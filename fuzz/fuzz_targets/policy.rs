//! Policy documents of any text: nothing panics, and a request is decided and explained under
//! every one that parses.

#![no_main]

use bulla_policy::{Context, Inputs, Policy, PolicyKind, Principal, Request, authorize, explain};
use libfuzzer_sys::fuzz_target;

const KINDS: [PolicyKind; 8] = [
    PolicyKind::Key,
    PolicyKind::Resource,
    PolicyKind::Trust,
    PolicyKind::Identity,
    PolicyKind::Boundary,
    PolicyKind::Session,
    PolicyKind::ServiceControl,
    PolicyKind::ResourceControl,
];
const ACCOUNT: &str = "111122223333";

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let caller = Principal::root("aws", ACCOUNT);
    let context = Context::new()
        .with("aws:SourceIp", "192.0.2.7")
        .with("aws:CurrentTime", "2026-11-24T00:00:00Z")
        .with("aws:SecureTransport", "true")
        .with_many("aws:TagKeys", ["team", "stage"]);
    let request = Request {
        principal: &caller,
        action: "kms:Decrypt",
        resource: "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        resource_account: ACCOUNT,
        conditions: &context,
    };
    for kind in KINDS {
        let policy = match Policy::parse(text, kind) {
            Ok(policy) => policy,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        let resource = Inputs {
            resource_policy: Some(&policy),
            resource_policy_mandatory: true,
            ..Inputs::default()
        };
        let own = [&policy];
        let identity = Inputs { identity: &own, ..Inputs::default() };
        for inputs in [resource, identity] {
            let _decision = authorize(&inputs, &request);
            let _explanation = explain(&inputs, &request);
        }
    }
});
