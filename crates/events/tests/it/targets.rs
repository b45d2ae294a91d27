//! What targets are sent, and what no target can be.

use serde_json::{Value, json};

use crate::house::{House, code, message};
use crate::people::A;

const QUEUE: &str = "arn:aws:sqs:eu-central-1:111122223333:q";

#[tokio::test]
async fn a_target_is_sent_what_it_asks_for() {
    let house = House::new().await;
    let transformer = json!({
        "InputPathsMap": { "n": "$.detail.n" },
        "InputTemplate": r#"{"number": <n>, "rule": "<aws.events.rule-name>"}"#,
    });
    let targets = json!([
        { "Id": "constant", "Arn": QUEUE, "Input": r#"{"a": "constant"}"# },
        { "Id": "part", "Arn": QUEUE, "InputPath": "$.detail" },
        { "Id": "transformed", "Arn": QUEUE, "InputTransformer": transformer },
    ]);
    let rule = json!({ "Name": "r", "EventPattern": r#"{"source":["s"]}"# });
    house.done("PutRule", rule).await;
    house.done("PutTargets", json!({ "Rule": "r", "Targets": targets })).await;
    house.put(json!({ "n": 7 })).await;
    house.settle().await;
    let mut lines: Vec<Value> = house.world.lines().into_iter().map(|(_, line)| line).collect();
    lines.sort_by_key(ToString::to_string);
    let expected =
        [json!({ "a": "constant" }), json!({ "n": 7 }), json!({ "number": 7, "rule": "r" })];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_no_target_can_be_is_refused() {
    let house = House::new().await;
    house.rule("r", json!({ "Id": "t", "Arn": QUEUE })).await;
    let put = |target: Value| json!({ "Rule": "r", "Targets": [target] });
    for (target, expected) in [
        (
            json!({ "Id": "t", "Arn": "queue" }),
            "Parameter queue is not valid. Reason: Provided Arn is not in correct format.",
        ),
        (
            json!({ "Id": "t", "Arn": QUEUE, "Input": "1", "InputPath": "$" }),
            "Only one of Input, InputPath, or InputTransformer must be provided for target t, \
             rule r.",
        ),
        (
            json!({ "Id": "t", "Arn": QUEUE, "Input": "{" }),
            "JSON syntax error in input for target t, rule r.",
        ),
        (
            json!({ "Id": "!@#$@!#$", "Arn": QUEUE }),
            "1 validation error detected: Value '!@#$@!#$' at 'targets.1.member.id' failed to \
             satisfy constraint: Member must satisfy regular expression pattern: \
             [\\.\\-_A-Za-z0-9]+",
        ),
    ] {
        let refused = house.call(A, "PutTargets", put(target)).await;
        assert_eq!((code(&refused), message(&refused)), ("ValidationException", expected));
    }
    let missing = json!({ "Rule": "none", "Targets": [{ "Id": "t", "Arn": QUEUE }] });
    let refused = house.call(A, "PutTargets", missing).await;
    assert_eq!(message(&refused), "Rule none does not exist on EventBus default.");
    let shown = house.done("ListTargetsByRule", json!({ "Rule": "r" })).await;
    assert_eq!(shown, json!({ "Targets": [{ "Id": "t", "Arn": QUEUE }] }));
}
