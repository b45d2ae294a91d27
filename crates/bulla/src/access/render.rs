//! Answers about access as people read them.

use std::fmt::Write as _;

use serde_json::Value;

/// An explanation as a short tree: the decision, then each policy with its statements.
pub(crate) fn explanation(answer: &Value) -> String {
    let verdict = match text(answer, "Decision") {
        "Allowed" => "allowed",
        "ExplicitlyDenied" => "denied (explicitly)",
        _ => "denied",
    };
    let mut out = format!(
        "{verdict}: {} {} {}\n",
        text(answer, "PrincipalArn"),
        text(answer, "Action"),
        text(answer, "ResourceArn"),
    );
    if let Some(message) = answer.get("Message").and_then(Value::as_str) {
        line(&mut out, &["  ", message]);
    }
    if let Some(id) = answer.get("GrantId").and_then(Value::as_str) {
        line(&mut out, &["  by the grant ", id]);
    }
    for policy in array(answer, "Policies") {
        line(&mut out, &[&source(policy)]);
        if flag(policy, "Hidden") {
            line(&mut out, &["  of another account: not shown"]);
        }
        array(policy, "Statements").iter().for_each(|of| statement(of, &mut out));
    }
    let missing = strings(answer, "MissingContextKeys");
    if !missing.is_empty() {
        let keys = missing.join(", ");
        line(&mut out, &["not in the request, though policies ask for it: ", &keys]);
    }
    out
}

/// Where a policy stands, and what it is called.
fn source(policy: &Value) -> String {
    let layer = layer(text(policy, "Layer"));
    match (text(policy, "Arn"), text(policy, "Name")) {
        ("", "") => layer.to_owned(),
        ("", name) => format!("{layer} {name}"),
        (arn, _) => format!("{layer} {arn}"),
    }
}

fn layer(name: &str) -> &str {
    match name {
        "ResourceControl" => "resource control policy",
        "ServiceControl" => "service control policy",
        "Resource" => "resource policy",
        "Identity" => "identity policy",
        "Boundary" => "permissions boundary",
        "Session" => "session policy",
        other => other,
    }
}

fn statement(of: &Value, out: &mut String) {
    let mark = if flag(of, "Decided") { "*" } else { "-" };
    let outcome = match text(of, "Outcome") {
        "Applied" => "applies",
        "OtherAction" => "another action",
        "OtherPrincipal" => "another principal",
        "OtherResource" => "another resource",
        "ConditionsFailed" if flag(of, "Applied") => "applies, as a condition is in error",
        _ => "a condition does not hold",
    };
    line(out, &["  ", mark, " ", text(of, "Effect"), " ", &place(of), ": ", outcome]);
    for failed in array(of, "FailedConditions") {
        let values = strings(failed, "Values");
        let had = if values.is_empty() { "nothing".to_owned() } else { quoted(&values) };
        let error = if flag(failed, "InError") { " (can't be evaluated)" } else { "" };
        line(out, &["      ", &condition(failed), ", the request has ", &had, error]);
    }
}

/// A statement within its policy: its Sid, or its number, from 1.
fn place(of: &Value) -> String {
    match text(of, "Sid") {
        "" => {
            let index = of.get("Index").and_then(Value::as_i64).unwrap_or_default();
            format!("statement {}", index.saturating_add(1))
        }
        sid => format!("{sid:?}"),
    }
}

fn condition(of: &Value) -> String {
    let operands = quoted(&strings(of, "Operands"));
    format!("{} {} {operands}", text(of, "Operator"), text(of, "Key"))
}

/// What was asked, as the head of a list.
pub(crate) fn question(page: &Value) -> String {
    format!("who can {} {}:\n", text(page, "Action"), text(page, "ResourceArn"))
}

/// One who may: the path, and what it rests on.
pub(crate) fn permitted(principal: &Value) -> String {
    let mut out = format!("{}\n", text(principal, "Arn"));
    if let Some(id) = principal.get("GrantId").and_then(Value::as_str) {
        line(&mut out, &["  by the grant ", id]);
    }
    for by in array(principal, "By") {
        line(&mut out, &["  by ", &basis(by)]);
    }
    for (name, word) in [("OnlyIf", "  only if "), ("Unless", "  unless ")] {
        for proviso in array(principal, name) {
            let conditions: Vec<_> = array(proviso, "Conditions").iter().map(condition).collect();
            let by = proviso.get("Basis").map(basis).unwrap_or_default();
            line(&mut out, &[word, &conditions.join(" and "), " (", &by, ")"]);
        }
    }
    out
}

fn basis(by: &Value) -> String {
    let layer = layer(text(by, "Layer"));
    if flag(by, "Hidden") {
        return format!("{layer} of another account");
    }
    let policy = match (text(by, "PolicyArn"), text(by, "PolicyName")) {
        ("", "") => layer.to_owned(),
        ("", name) => format!("{layer} {name}"),
        (arn, _) => format!("{layer} {arn}"),
    };
    format!("{policy}, {}", place(by))
}

fn line(out: &mut String, parts: &[&str]) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(out, "{}", parts.concat());
}

fn quoted(values: &[&str]) -> String {
    values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" or ")
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn flag(of: &Value, name: &str) -> bool {
    of.get(name).and_then(Value::as_bool).unwrap_or_default()
}

fn array<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn strings<'a>(of: &'a Value, name: &str) -> Vec<&'a str> {
    array(of, name).iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_explanation_is_a_short_tree() {
        let answer = json!({
            "Decision": "ImplicitlyDenied", "Layer": "Identity",
            "PrincipalArn": "arn:u", "Action": "kms:Decrypt", "ResourceArn": "arn:k",
            "Message": "User: arn:u is not authorized",
            "Policies": [
                { "Layer": "Resource", "Name": "default", "Statements": [
                    { "Index": 0, "Sid": "root", "Effect": "Allow", "Outcome": "Applied",
                      "Applied": true, "Decided": true }] },
                { "Layer": "Identity", "Arn": "arn:p", "Name": "p", "Statements": [
                    { "Index": 0, "Effect": "Allow", "Outcome": "OtherAction" },
                    { "Index": 1, "Effect": "Allow", "Outcome": "ConditionsFailed",
                      "FailedConditions": [
                        { "Operator": "StringEquals", "Key": "kms:encryptioncontext:app",
                          "Operands": ["a", "b"], "Values": ["c"] },
                        { "Operator": "ArnLike", "Key": "aws:principalarn",
                          "Operands": ["x"], "Values": [], "InError": true }] }] },
                { "Layer": "Session", "Hidden": true },
            ],
            "MissingContextKeys": ["aws:sourceip"],
        });
        assert_eq!(
            explanation(&answer),
            r#"denied: arn:u kms:Decrypt arn:k
  User: arn:u is not authorized
resource policy default
  * Allow "root": applies
identity policy arn:p
  - Allow statement 1: another action
  - Allow statement 2: a condition does not hold
      StringEquals kms:encryptioncontext:app "a" or "b", the request has "c"
      ArnLike aws:principalarn "x", the request has nothing (can't be evaluated)
session policy
  of another account: not shown
not in the request, though policies ask for it: aws:sourceip
"#
        );
    }

    #[test]
    fn one_who_may_is_told_with_path_and_provisos() {
        let principal = json!({
            "Arn": "arn:u", "GrantId": "9f",
            "By": [{ "Layer": "Resource", "PolicyName": "default", "Index": 2 },
                   { "Layer": "Identity", "Hidden": true }],
            "OnlyIf": [{ "Basis": { "Layer": "Resource", "PolicyName": "default", "Sid": "app" },
                "Conditions": [{ "Operator": "StringEquals", "Key": "k", "Operands": ["v"] },
                               { "Operator": "Bool", "Key": "b", "Operands": ["true"] }] }],
            "Unless": [{ "Basis": { "Layer": "Identity", "PolicyArn": "arn:p", "Index": 0 },
                "Conditions": [{ "Operator": "Null", "Key": "x", "Operands": ["true"] }] }],
        });
        assert_eq!(
            permitted(&principal),
            r#"arn:u
  by the grant 9f
  by resource policy default, statement 3
  by identity policy of another account
  only if StringEquals k "v" and Bool b "true" (resource policy default, "app")
  unless Null x "true" (identity policy arn:p, statement 1)
"#
        );
    }
}
