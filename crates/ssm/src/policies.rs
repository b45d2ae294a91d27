//! Parameter policies: what a request says of them (user guide, "Assigning parameter policies").

use bulla_shapes::Fault;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::fault;
use crate::record::{Plan, PlanKind};

/// The most policies that a parameter has.
const MAX_POLICIES: usize = 10;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// What a waiting time stays below, in AWS's words.
const TOO_LONG: i64 = 8_760_000;

/// A policy of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) kind: PlanKind,
    /// Without the blanks between its tokens.
    pub(crate) text: String,
    when: When,
}

/// When a policy is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// At a time, in milliseconds since 1970.
    At(i64),
    /// So long before the parameter expires.
    Before(i64),
    /// So long after the parameter was changed last.
    After(i64),
}

/// Reads policies. An empty list, and one of empty objects, takes them all away.
pub(crate) fn parse(text: &str) -> Result<Vec<Policy>, Fault> {
    let unreadable = || fault::validation(format!("Invalid policies input: {text}."));
    let values: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|_| unreadable())?;
    if values.len() > MAX_POLICIES {
        let text =
            format!("Number of policies attached to a parameter cannot exceed {MAX_POLICIES}");
        return Err(fault::named("PoliciesLimitExceededException", text));
    }
    let mut policies: Vec<Policy> = Vec::new();
    for (value, text) in values.iter().zip(elements(text)) {
        if value.is_empty() {
            continue;
        }
        let policy = read(value, text)?;
        // The list is a set (recorded).
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
    go_together(&policies)?;
    Ok(policies)
}

/// What policies have in store for a parameter that is changed now.
pub(crate) fn plans(policies: &[Policy], now_ms: i64) -> Vec<Plan> {
    let expires = policies.iter().find_map(|policy| match policy.when {
        When::At(ms) => Some(ms),
        When::Before(_) | When::After(_) => None,
    });
    let plan = |policy: &Policy| {
        let due_ms = match policy.when {
            When::At(ms) => ms,
            When::Before(span) => expires.unwrap_or(i64::MAX).saturating_sub(span),
            When::After(span) => now_ms.saturating_add(span),
        };
        Plan { kind: policy.kind, text: policy.text.clone(), due_ms, done: false }
    };
    policies.iter().map(plan).collect()
}

/// The plans of a parameter that is changed now and keeps its policies: what waits for a time
/// without changes waits anew.
pub(crate) fn kept(plans: &[Plan], now_ms: i64) -> Result<Vec<Plan>, Fault> {
    let again = |plan: &Plan| {
        if plan.kind != PlanKind::NoChangeNotification {
            return Ok(plan.clone());
        }
        let policies = parse(&format!("[{}]", plan.text))?;
        self::plans(&policies, now_ms).into_iter().next().ok_or_else(fault::internal)
    };
    plans.iter().map(again).collect()
}

/// Codes of these two are not recorded: this one is our choice.
fn go_together(policies: &[Policy]) -> Result<(), Fault> {
    let count = |kind| policies.iter().filter(|policy| policy.kind == kind).count();
    let text = match (count(PlanKind::Expiration), count(PlanKind::ExpirationNotification)) {
        (2.., _) => "There can be only one expiration policy",
        (0, 1..) => "Expiration notification policies are missing expiration policy",
        _ => return Ok(()),
    };
    Err(fault::named("IncompatiblePolicyException", text))
}

fn read(value: &Map<String, Value>, text: String) -> Result<Policy, Fault> {
    let name = value.get("Type").and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = PlanKind::of(name) else {
        let text = format!("Policy type {name} is not supported.");
        return Err(fault::named("InvalidPolicyTypeException", text));
    };
    if value.get("Version").and_then(Value::as_str) != Some("1.0") {
        return Err(attribute("Unsupported policy version."));
    }
    let attributes = value.get("Attributes").and_then(Value::as_object);
    let attributes = attributes.ok_or_else(|| missing("Attributes"))?;
    let when = match kind {
        PlanKind::Expiration => When::At(timestamp(attributes)?),
        PlanKind::ExpirationNotification => When::Before(span(attributes, "Before")?),
        PlanKind::NoChangeNotification => When::After(span(attributes, "After")?),
    };
    Ok(Policy { kind, text, when })
}

fn attribute(text: impl Into<String>) -> Fault {
    fault::named("InvalidPolicyAttributeException", text)
}

fn missing(name: &str) -> Fault {
    attribute(format!("Mandatory policy attribute {name} is missing."))
}

/// `2018-12-02T21:34:33.000Z`, or with an offset.
fn timestamp(attributes: &Map<String, Value>) -> Result<i64, Fault> {
    let text = attributes.get("Timestamp").and_then(Value::as_str);
    let text = text.ok_or_else(|| {
        attribute("A valid Expiration policy must have an attribute of Timestamp.")
    })?;
    let time = text.parse::<Timestamp>().ok().filter(|_| text.contains('T'));
    time.map(Timestamp::as_millisecond).ok_or_else(|| attribute("Invalid timestamp format"))
}

/// A waiting time in milliseconds.
fn span(attributes: &Map<String, Value>, name: &str) -> Result<i64, Fault> {
    let number = match attributes.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(missing(name)),
    };
    let unit = attributes.get("Unit").and_then(Value::as_str).ok_or_else(|| missing("Unit"))?;
    let unit = [("DAYS", DAY_MS), ("HOURS", HOUR_MS)]
        .into_iter()
        .find_map(|(known, ms)| known.eq_ignore_ascii_case(unit).then_some(ms))
        .ok_or_else(|| attribute("Supported time units: DAYS HOURS"))?;
    match number.parse::<i64>() {
        Ok(number) if number <= 0 => {
            Err(attribute(format!("Attribute {name} must be a positive integer.")))
        }
        Ok(number) if number < TOO_LONG => Ok(number.saturating_mul(unit)),
        // The blank is AWS's.
        Ok(_) | Err(_) => Err(attribute(format!(
            "Attribute {name} must be a positive integer smaller than {TOO_LONG} ."
        ))),
    }
}

/// The elements of an array that is JSON, each without the blanks between its tokens.
fn elements(text: &str) -> Vec<String> {
    let (mut elements, mut element) = (Vec::new(), String::new());
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for letter in text.chars() {
        if in_string {
            element.push(letter);
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match letter {
            ' ' | '\t' | '\n' | '\r' => continue,
            '[' | '{' => depth = depth.saturating_add(1),
            ']' | '}' => depth = depth.saturating_sub(1),
            '"' => in_string = true,
            _ => {}
        }
        let ends = (letter == ',' && depth == 1) || (letter == ']' && depth == 0);
        if ends {
            elements.push(std::mem::take(&mut element));
        } else if !(letter == '[' && depth == 1) {
            element.push(letter);
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRATION: &str = r#"{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2026-01-02T00:00:00Z"}}"#;

    fn refusal(text: &str) -> (String, String) {
        let fault = parse(text).unwrap_err();
        (fault.code.into_owned(), fault.message.unwrap_or_default().into_owned())
    }

    fn notification(kind: &str, attributes: &str) -> String {
        format!(r#"{{"Type":"{kind}","Version":"1.0","Attributes":{{{attributes}}}}}"#)
    }

    #[test]
    fn policies_are_due_by_their_attributes() {
        let before = notification("ExpirationNotification", r#""Before":"1","Unit":"Days""#);
        let after = notification("NoChangeNotification", r#""After":"2","Unit":"hours""#);
        let policies =
            parse(&format!("[ {EXPIRATION} ,\n{before}, {after}, {EXPIRATION}, {{}} ]")).unwrap();
        let plans = plans(&policies, 1_000);
        let due: Vec<_> = plans.iter().map(|plan| (plan.due_ms, plan.text.as_str())).collect();
        let expires = 1_767_312_000_000;
        assert_eq!(
            due,
            [
                (expires, EXPIRATION),
                (expires - DAY_MS, before.as_str()),
                (1_000 + 2 * HOUR_MS, after.as_str()),
            ]
        );
        let kept = kept(&plans, 5_000).unwrap();
        let due: Vec<_> = kept.iter().map(|plan| plan.due_ms).collect();
        assert_eq!(due, [expires, expires - DAY_MS, 5_000 + 2 * HOUR_MS]);
    }

    #[test]
    fn an_empty_list_has_no_policies() {
        assert_eq!(parse("[]").unwrap(), []);
        assert_eq!(parse("[{}]").unwrap(), []);
    }

    #[test]
    fn blanks_within_strings_stay() {
        assert_eq!(
            elements(r#" [ {"a" : "b, \" ]"} , [ 1, 2 ] ] "#),
            [r#"{"a":"b, \" ]"}"#, "[1,2]"]
        );
    }

    #[test]
    fn each_rule_has_its_refusal() {
        const ATTRIBUTE: &str = "InvalidPolicyAttributeException";
        let after =
            |attributes: &str| format!("[{}]", notification("NoChangeNotification", attributes));
        let before = notification("ExpirationNotification", r#""Before":"1","Unit":"Days""#);
        let other = EXPIRATION.replace("2026", "2027");
        for (text, code, message) in [
            ("not-json".to_owned(), "ValidationException", "Invalid policies input: not-json."),
            (
                r#"[{"Type":"BadType"}]"#.to_owned(),
                "InvalidPolicyTypeException",
                "Policy type BadType is not supported.",
            ),
            (
                r#"[{"Type":"expiration"}]"#.to_owned(),
                "InvalidPolicyTypeException",
                "Policy type expiration is not supported.",
            ),
            (
                format!("[{}]", ["{}"; 11].join(",")),
                "PoliciesLimitExceededException",
                "Number of policies attached to a parameter cannot exceed 10",
            ),
            (
                after(r#""After":"0","Unit":"Days""#),
                ATTRIBUTE,
                "Attribute After must be a positive integer.",
            ),
            (
                after(r#""After":"0.5","Unit":"Days""#),
                ATTRIBUTE,
                "Attribute After must be a positive integer smaller than 8760000 .",
            ),
            (
                after(r#""After":"8760000","Unit":"Days""#),
                ATTRIBUTE,
                "Attribute After must be a positive integer smaller than 8760000 .",
            ),
            (after(r#""Unit":"Days""#), ATTRIBUTE, "Mandatory policy attribute After is missing."),
            (after(r#""After":"1""#), ATTRIBUTE, "Mandatory policy attribute Unit is missing."),
            (after(r#""After":"1","Unit":"Weeks""#), ATTRIBUTE, "Supported time units: DAYS HOURS"),
            (
                format!("[{before}]"),
                "IncompatiblePolicyException",
                "Expiration notification policies are missing expiration policy",
            ),
            (
                format!("[{EXPIRATION},{other}]"),
                "IncompatiblePolicyException",
                "There can be only one expiration policy",
            ),
            (EXPIRATION.replace("1.0", "2.0"), "ValidationException", ""),
            (
                format!("[{}]", EXPIRATION.replace("1.0", "2.0")),
                ATTRIBUTE,
                "Unsupported policy version.",
            ),
            (
                format!("[{}]", EXPIRATION.replace("Timestamp", "Time")),
                ATTRIBUTE,
                "A valid Expiration policy must have an attribute of Timestamp.",
            ),
            (
                format!("[{}]", EXPIRATION.replace("T00:00:00Z", "")),
                ATTRIBUTE,
                "Invalid timestamp format",
            ),
            (
                r#"[{"Type":"Expiration","Version":"1.0"}]"#.to_owned(),
                ATTRIBUTE,
                "Mandatory policy attribute Attributes is missing.",
            ),
        ] {
            let (found, told) = refusal(&text);
            assert_eq!(found, code, "{text}");
            assert!(message.is_empty() || told == message, "{text}: {told}");
        }
    }
}
