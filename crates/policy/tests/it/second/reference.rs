//! A second, naive evaluator, written from the rules alone: straight recursion over JSON,
//! everything recomputed for each request. Slow, short, and sharing no code with the compiled one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bulla_policy::{Grantee, Principal, PrincipalKind};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) enum Ctx {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) resource_policy: Option<Value>,
    pub(crate) mandatory: bool,
    pub(crate) identity: Vec<Value>,
    pub(crate) boundary: Option<Value>,
    pub(crate) session: Option<Vec<Value>>,
    pub(crate) scps: Vec<Vec<Value>>,
    pub(crate) rcps: Vec<Value>,
    pub(crate) grant: Option<Grantee>,
    pub(crate) principal: Principal,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) account: String,
    pub(crate) context: BTreeMap<String, Ctx>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Allowed,
    Implicit,
    Explicit,
}

pub(crate) fn decide(s: &Scenario) -> Answer {
    let own: Vec<&Value> = s
        .identity
        .iter()
        .chain(&s.boundary)
        .chain(s.session.iter().flatten())
        .chain(s.scps.iter().flatten())
        .chain(&s.rcps)
        .collect();
    if own.iter().chain(&s.resource_policy.iter().collect::<Vec<_>>()).any(|policy| {
        statements(policy).iter().any(|st| st["Effect"] == "Deny" && strength(s, policy, st) > 0)
    }) {
        return Answer::Explicit;
    }
    let allows = |p: &Value| best(s, p) > 0;
    let scp = s.scps.iter().all(|level| level.iter().any(allows));
    let identity = s.principal.kind == PrincipalKind::Root || s.identity.iter().any(allows);
    let limits = s.boundary.as_ref().is_none_or(allows)
        && s.session.as_ref().is_none_or(|all| all.iter().any(allows));
    let named = s.resource_policy.as_ref().map_or(0, |p| best(s, p));
    let granted = match s.grant {
        None => 0,
        Some(Grantee::Account) => 1,
        Some(Grantee::Role) => 2,
        Some(Grantee::Caller) => 3,
    };
    let strongest = named.max(granted);
    let lone = matches!(
        s.principal.kind,
        PrincipalKind::Service { .. }
            | PrincipalKind::WebIdentity { .. }
            | PrincipalKind::Anonymous
    );
    let rest = if lone {
        strongest > 0
    } else if s.principal.account == s.account {
        match strongest {
            3 => true,
            2 => limits,
            1 => identity && limits,
            _ => !s.mandatory && identity && limits,
        }
    } else if named > 0 && granted == 3 {
        true
    } else if named > 0 && granted == 2 {
        limits
    } else {
        strongest > 0 && identity && limits
    };
    if scp && rest { Answer::Allowed } else { Answer::Implicit }
}

fn best(s: &Scenario, policy: &Value) -> u8 {
    let allows = statements(policy).into_iter().filter(|st| st["Effect"] == "Allow");
    allows.map(|st| strength(s, policy, st)).max().unwrap_or(0)
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |items| items.iter().collect())
}

fn statements(policy: &Value) -> Vec<&Value> {
    list(&policy["Statement"])
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// 0 does not apply, 1 by account, 2 by role, 3 by itself.
fn strength(s: &Scenario, policy: &Value, st: &Value) -> u8 {
    let vars = policy["Version"] == "2012-10-17";
    let deny = st["Effect"] == "Deny";
    let action = |p: &Value| {
        let like =
            |t: &str| glob(&wild(t.to_lowercase().as_str()), &units(&s.action.to_lowercase()));
        list(p).iter().any(|p| like(p.as_str().unwrap()))
    };
    let covers_action = match (st.get("Action"), st.get("NotAction")) {
        (Some(p), _) => action(p),
        (_, Some(p)) => !action(p),
        _ => false,
    };
    let resource = |p: &Value| -> Vec<Option<bool>> {
        list(p).iter().map(|p| resource_like(s, p.as_str().unwrap(), vars)).collect()
    };
    // None is "cannot be evaluated".
    let covers_resource = match (st.get("Resource"), st.get("NotResource")) {
        (Some(p), _) => Some(resource(p).contains(&Some(true))),
        (_, Some(p)) if resource(p).contains(&Some(true)) => Some(false),
        (_, Some(p)) if resource(p).contains(&None) => None,
        (_, Some(_)) => Some(true),
        _ => Some(false),
    };
    let mut verdicts = vec![covers_resource];
    for (operator, keys) in st["Condition"].as_object().into_iter().flatten() {
        for (key, operands) in keys.as_object().unwrap() {
            verdicts.push(condition(s, operator, key, &list(operands), vars));
        }
    }
    if !covers_action || verdicts.contains(&Some(false)) || verdicts.contains(&None) && !deny {
        return 0;
    }
    match (st.get("Principal"), st.get("NotPrincipal")) {
        (Some(p), _) => names(p).iter().map(|n| named(&s.principal, n)).max().unwrap_or(0),
        (_, Some(p)) => 3 * u8::from(s.boundary.is_some() || !exempt(&s.principal, &names(p))),
        _ => 3,
    }
}

fn names(element: &Value) -> Vec<(String, String)> {
    match element.as_object() {
        None => vec![("AWS".to_owned(), "*".to_owned())],
        Some(members) => members
            .iter()
            .flat_map(|(kind, names)| list(names).into_iter().map(|n| (kind.clone(), text(n))))
            .collect(),
    }
}

fn named(p: &Principal, (kind, name): &(String, String)) -> u8 {
    let role_id = p.unique_id.split(':').next().unwrap();
    match (kind.as_str(), &p.kind) {
        ("AWS", _) if name == "*" => 3,
        ("Service", PrincipalKind::Service { name: own }) => 3 * u8::from(name == own),
        ("AWS", PrincipalKind::Service { .. }) => 0,
        ("AWS", kind) => {
            let account = *name == p.account || name.ends_with(&format!("::{}:root", p.account));
            let own = name == &p.arn || name == &p.unique_id;
            let parent = match kind {
                PrincipalKind::AssumedRole { role_arn } => name == role_arn || name == role_id,
                PrincipalKind::FederatedUser { user_arn, user_id } => {
                    name == user_arn || name == user_id
                }
                _ => false,
            };
            match kind {
                PrincipalKind::Root if account => 3,
                PrincipalKind::Root => 0,
                _ if account => 1,
                _ if own => 3,
                _ if parent => 2,
                _ => 0,
            }
        }
        _ => 0,
    }
}

fn exempt(p: &Principal, listed: &[(String, String)]) -> bool {
    let has = |n: u8| listed.iter().any(|name| named(p, name) == n);
    let everyone = listed.iter().any(|(kind, name)| kind == "AWS" && name == "*");
    everyone
        || match p.kind {
            PrincipalKind::AssumedRole { .. } => has(1) && has(2) && has(3),
            PrincipalKind::User | PrincipalKind::FederatedUser { .. } => has(1) && has(3),
            _ => has(3),
        }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum W {
    Unit(u16),
    One(bool),
    Many(bool),
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn wild(text: &str) -> Vec<W> {
    units(text)
        .into_iter()
        .map(|u| match u {
            0x2A => W::Many(true),
            0x3F => W::One(true),
            u => W::Unit(u),
        })
        .collect()
}

fn literal(text: &str) -> Vec<W> {
    units(text).into_iter().map(W::Unit).collect()
}

/// Variables replaced by what they stand for; `None` if one has no value.
fn expand(s: &Scenario, text: &str, vars: bool, read: fn(&str) -> Vec<W>) -> Option<Vec<W>> {
    let Some((before, rest)) = text.split_once("${").filter(|_| vars) else {
        return Some(read(text));
    };
    let (name, after) = rest.split_once('}').unwrap();
    let value = match name.split_once(", ") {
        None if ["*", "?", "$"].contains(&name) => Some(name.to_owned()),
        None => lookup(s, name, None),
        Some((name, default)) => lookup(s, name, Some(default.trim_matches('\''))),
    };
    let mut all = read(before);
    all.extend(literal(&value?));
    all.extend(expand(s, after, vars, read)?);
    Some(all)
}

fn lookup(s: &Scenario, name: &str, default: Option<&str>) -> Option<String> {
    match s.context.get(&name.to_lowercase()) {
        Some(Ctx::One(value)) => Some(value.clone()),
        Some(Ctx::Many(values)) if !values.is_empty() => None,
        _ => default.map(str::to_owned),
    }
}

fn glob(pattern: &[W], text: &[u16]) -> bool {
    let colon = text.first() == Some(&0x3A);
    match pattern.first() {
        None => text.is_empty(),
        Some(W::Unit(u)) => text.first() == Some(u) && glob(&pattern[1..], &text[1..]),
        Some(W::One(c)) => !text.is_empty() && (*c || !colon) && glob(&pattern[1..], &text[1..]),
        Some(W::Many(c)) => {
            glob(&pattern[1..], text)
                || !text.is_empty() && (*c || !colon) && glob(pattern, &text[1..])
        }
    }
}

/// Wildcards before the fifth colon stay in their field; with `ends`, a star at a field's end not.
fn confine(mut pattern: Vec<W>, ends: bool) -> Vec<W> {
    let mut colons = 0;
    for i in 0..pattern.len() {
        let end = pattern.get(i + 1).is_none_or(|next| *next == W::Unit(0x3A));
        match &mut pattern[i] {
            W::Unit(0x3A) => colons += 1,
            W::One(c) if colons < 5 => *c = false,
            W::Many(c) if colons < 5 => *c = ends && end,
            _ => {}
        }
    }
    pattern
}

fn resource_like(s: &Scenario, pattern: &str, vars: bool) -> Option<bool> {
    if pattern == "*" {
        return Some(true);
    }
    let missing = 6usize.saturating_sub(pattern.split(':').count());
    let whole = format!("{pattern}{}", ":*".repeat(missing));
    let pattern = confine(expand(s, &whole, vars, wild)?, true);
    Some(glob(&pattern, &units(&s.resource)))
}

fn condition(
    s: &Scenario,
    operator: &str,
    key: &str,
    operands: &[&Value],
    vars: bool,
) -> Option<bool> {
    let values = match s.context.get(&key.to_lowercase()) {
        Some(Ctx::One(value)) => Some(vec![value.clone()]),
        Some(Ctx::Many(values)) if !values.is_empty() => Some(values.clone()),
        _ => None,
    };
    let many = matches!(s.context.get(&key.to_lowercase()), Some(Ctx::Many(_)));
    let (set, rest) = operator.split_once(':').unwrap_or(("", operator));
    let name = rest.strip_suffix("IfExists").unwrap_or(rest);
    let operands: Vec<String> = operands.iter().map(|operand| text(operand)).collect();
    if name == "Null" {
        return Some(operands.iter().any(|o| (o.to_lowercase() == "true") == values.is_none()));
    }
    let Some(values) = values else {
        let negated = name.contains("Not");
        return Some(
            rest.ends_with("IfExists") || set == "ForAllValues" || set.is_empty() && negated,
        );
    };
    if set.is_empty() && many {
        return Some(false);
    }
    for value in &values {
        let one = compare(s, name, value, &operands, vars)?;
        if one != (set == "ForAllValues") {
            return Some(one);
        }
    }
    Some(set == "ForAllValues")
}

/// One value against all operands.
fn compare(s: &Scenario, name: &str, value: &str, operands: &[String], vars: bool) -> Option<bool> {
    let any = |test: &dyn Fn(&str) -> bool| operands.iter().any(|operand| test(operand));
    let is = |operand: &str, read: fn(&str) -> Vec<W>| {
        expand(s, operand, vars, read).is_some_and(|pattern| glob(&pattern, &units(value)))
    };
    let order = |accept: &dyn Fn(std::cmp::Ordering) -> bool, number: fn(&str) -> Option<i128>| {
        any(&|operand| match (number(value), number(operand)) {
            (Some(value), Some(operand)) => accept(value.cmp(&operand)),
            _ => false,
        })
    };
    let ordered = |name: &str, number: fn(&str) -> Option<i128>| match name {
        "Equals" => order(&|o| o.is_eq(), number),
        "NotEquals" => !order(&|o| o.is_eq(), number),
        "LessThan" => order(&|o| o.is_lt(), number),
        "LessThanEquals" => order(&|o| o.is_le(), number),
        "GreaterThan" => order(&|o| o.is_gt(), number),
        "GreaterThanEquals" => order(&|o| o.is_ge(), number),
        other => panic!("{other}"),
    };
    let folded = |operand: &str| {
        let pattern = expand(s, operand, vars, literal);
        let units = |w: &W| if let W::Unit(u) = w { *u } else { 0 };
        pattern.is_some_and(|pattern| {
            let text = String::from_utf16(&pattern.iter().map(units).collect::<Vec<_>>()).unwrap();
            text.to_lowercase() == value.to_lowercase()
        })
    };
    Some(match name {
        "StringEquals" => any(&|o| is(o, literal)),
        "StringNotEquals" => !any(&|o| is(o, literal)),
        "StringLike" => any(&|o| is(o, wild)),
        "StringNotLike" => !any(&|o| is(o, wild)),
        "StringEqualsIgnoreCase" => any(&folded),
        "StringNotEqualsIgnoreCase" => !any(&folded),
        "Bool" => any(&|o| o.eq_ignore_ascii_case("true") == value.eq_ignore_ascii_case("true")),
        "BinaryEquals" => any(&|o| o == value),
        "IpAddress" => address(value).is_some() && any(&|o| inside(o, value)),
        "NotIpAddress" => address(value).is_some() && !any(&|o| inside(o, value)),
        "ArnEquals" | "ArnLike" => arn(s, value, operands, vars)? == Some(true),
        "ArnNotEquals" | "ArnNotLike" => arn(s, value, operands, vars)? == Some(false),
        _ if name.starts_with("Numeric") => {
            ordered(name.trim_start_matches("Numeric"), thousandths)
        }
        _ if name.starts_with("Date") => ordered(name.trim_start_matches("Date"), instant),
        _ => panic!("{name}"),
    })
}

/// Outside `None` is an error; inside, `None` is a value that is no ARN.
fn arn(s: &Scenario, value: &str, operands: &[String], vars: bool) -> Option<Option<bool>> {
    let fields: Vec<&str> = value.splitn(6, ':').collect();
    if fields.len() < 6 || fields[0] != "arn" || [1, 2, 5].iter().any(|i| fields[*i].is_empty()) {
        return Some(None);
    }
    for operand in operands {
        let Some(pattern) = expand(s, operand, vars, wild) else { continue };
        let colons = pattern.iter().filter(|w| **w == W::Unit(0x3A)).count();
        let star = operand == "*";
        if !star && (colons < 5 || !pattern.starts_with(&literal("arn:"))) {
            return None;
        }
        if star || glob(&confine(pattern, false), &units(value)) {
            return Some(Some(true));
        }
    }
    Some(Some(false))
}

/// Numbers as thousandths; the generator makes none finer, and no exponents.
fn thousandths(text: &str) -> Option<i128> {
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let number: i128 =
        format!("{whole}{fraction:0<3}").parse().ok().filter(|_| !whole.is_empty())?;
    Some(if negative { -number } else { number })
}

fn instant(text: &str) -> Option<i128> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * 1_000);
    }
    let full = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        _ if text.ends_with('Z') => text.to_owned(),
        _ => format!("{text}Z"),
    };
    full.parse::<jiff::Timestamp>().ok().map(|t| i128::from(t.as_millisecond()))
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

fn inside(operand: &str, value: &str) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (32, u128::from(ip.to_bits())),
        IpAddr::V6(ip) => (128, ip.to_bits()),
    };
    let (net, prefix) = operand.split_once('/').map_or((operand, None), |(n, p)| (n, Some(p)));
    let (Ok(net), Some(ip)) = (net.parse::<IpAddr>(), address(value)) else { return false };
    let ((width, net), (other, ip)) = (bits(net), bits(ip));
    let prefix: u32 = prefix.map_or(width, |p| p.parse().unwrap());
    if prefix > width || width != other {
        return false;
    }
    let cut = |bits: u128| bits.checked_shr(width - prefix).unwrap_or(0);
    let loose = width == 128 && cut(net).checked_shl(width - prefix).unwrap_or(0) != net;
    !loose && cut(net) == cut(ip)
}
