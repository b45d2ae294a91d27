//! Conditions of any text over a context of any values: nothing panics, and a condition holds or
//! does not, whatever effect the statement has that it stands in.
//!
//! The input reads line by line: first `key=value` lines of the context (a key again makes it
//! multi-valued), then an empty line, then the `Condition` element.

#![no_main]

use bulla_policy::{
    Context, Inputs, Policy, PolicyKind, Principal, Request, Verdict, authorize, explain,
};
use libfuzzer_sys::fuzz_target;

const ACCOUNT: &str = "111122223333";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn policy(statements: &str) -> Option<Policy> {
    let text = format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statements}]}}");
    Policy::parse(&text, PolicyKind::Key).ok()
}

fn statement(effect: &str, condition: &str) -> String {
    format!(
        "{{\"Effect\":\"{effect}\",\"Principal\":\"*\",\"Action\":\"kms:*\",\"Resource\":\"*\"\
         {condition}}}"
    )
}

fn context(lines: &str) -> Context {
    let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
    for (key, value) in lines.lines().filter_map(|line| line.split_once('=')) {
        match entries.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(key)) {
            Some((_, values)) => values.push(value),
            None => entries.push((key, vec![value])),
        }
    }
    entries.into_iter().fold(Context::new(), |context, (key, values)| match &values[..] {
        [one] => context.with(key, *one),
        many => context.with_many(key, many.iter().copied()),
    })
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (lines, condition) = text.split_once("\n\n").unwrap_or(("", text));
    let condition = format!(",\"Condition\":{condition}");
    let allow = statement("Allow", &condition);
    let deny = statement("Deny", &condition);
    let Some(allows) = policy(&allow) else { return };
    // Whatever may stand behind an Allow may stand behind a Deny.
    let everything = statement("Allow", "");
    let denies = policy(&format!("{everything},{deny}")).expect("the same under Deny");
    let both = policy(&format!("{allow},{deny}")).expect("the same twice");

    let caller = Principal::root("aws", ACCOUNT);
    let context = context(lines);
    let request = Request {
        principal: &caller,
        action: "kms:Decrypt",
        resource: KEY,
        resource_account: ACCOUNT,
        conditions: &context,
    };
    let verdict = |policy: &Policy| {
        let inputs = Inputs {
            resource_policy: Some(policy),
            resource_policy_mandatory: true,
            ..Inputs::default()
        };
        let decided = authorize(&inputs, &request).verdict();
        let explained = explain(&inputs, &request);
        assert_eq!(explained.decision.verdict(), decided);
        decided
    };
    let holds = verdict(&allows);
    assert_ne!(holds, Verdict::ExplicitDeny);
    match holds {
        // What allows denies, too.
        Verdict::Allowed => assert_eq!(verdict(&denies), Verdict::ExplicitDeny),
        // It does not hold, or can't be told, and then neither side may gain by it.
        _ => assert_ne!(verdict(&both), Verdict::Allowed),
    }
});
