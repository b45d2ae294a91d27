//! Random scenarios from a seed, drawn from small pools by type, so that most of them mean
//! something.

use std::collections::BTreeMap;

use bulla_policy::{Grantee, Principal, PrincipalKind};
use serde_json::{Map, Value, json};

use super::reference::{Ctx, Scenario};

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    fn pick<'a, T>(&mut self, pool: &'a [T]) -> &'a T {
        &pool[self.roll(pool.len())]
    }

    /// One value or a list of up to three.
    fn some(&mut self, pool: &[&str]) -> Value {
        if self.chance(60) {
            return json!(self.pick(pool));
        }
        let count = 1 + self.roll(3);
        json!((0..count).map(|_| *self.pick(pool)).collect::<Vec<_>>())
    }
}

const A: &str = "111122223333";
const B: &str = "444455556666";
const ACTIONS: [&str; 4] = ["kms:Decrypt", "kms:Encrypt", "kms:DescribeKey", "s3:GetObject"];
const ACTION_PATTERNS: [&str; 9] = [
    "*",
    "kms:*",
    "KMS:decrypt",
    "kms:De*",
    "kms:*crypt",
    "kms:?ncrypt",
    "s3:*",
    "*:*",
    "kms:D*e*y",
];
const RESOURCES: [&str; 5] = [
    "arn:aws:kms:us-east-1:111122223333:key/k1",
    "arn:aws:kms:us-east-1:111122223333:key/k2:x",
    "arn:aws:s3:::b/team/\u{1F600}a",
    "arn:aws:s3:::b/u/x",
    "*",
];
const RESOURCE_PATTERNS: [&str; 14] = [
    "*",
    "arn:aws:kms:us-east-1:111122223333:key/k1",
    "arn:aws:kms:*:*:key/*",
    "arn:aws:kms:us-*-1:1*:key/k?",
    "arn:aws:kms:*",
    "arn:aws:kms:*:key/k1",
    "arn:aws:kms:us?east-1:*",
    "arn:aws:*:*:*:*:x",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/${aws:username}/*",
    "arn:aws:s3:::b/${aws:PrincipalTag/team, 'team'}/??a",
    "arn:aws:s3:::b/${aws:TagKeys}/x",
    "arn:aws:s3:::b/*/*a",
    "arn:aws:s3:::b/${*}/*",
];
const KEYS: [&str; 5] =
    ["aws:username", "aws:PrincipalTag/team", "aws:TagKeys", "kms:EncryptionContextKeys", "aws:x"];
const STRINGS: [&str; 10] = ["team", "Team", "u", "", "a/b:c", "*", "É", "é", "\u{1F600}", "t"];
const STRING_OPERANDS: [&str; 16] = [
    "team",
    "TEAM",
    "t*",
    "*m",
    "?",
    "??",
    "",
    "*",
    "é",
    "a?b*",
    "${aws:username}",
    "${*}",
    "${?}",
    "${aws:PrincipalTag/team}?",
    "${aws:x, 'team'}",
    "${aws:TagKeys}",
];
const NUMBERS: [&str; 9] = ["1", "01", "+1", "1.0", "2", "-0.5", "9007199254740993", "no", ""];
const DATES: [&str; 7] = [
    "2030-01-01T00:00:00Z",
    "2030-01-01",
    "1893456000",
    "2030-01-01T00:00:00.1239Z",
    "2030-01-01T00:00:00.123Z",
    "never",
    "",
];
const BOOLS: [&str; 5] = ["true", "TRUE", "false", "yes", ""];
const BINARIES: [&str; 3] = ["YQ==", "Yg==", "YWI="];
const ADDRESSES: [&str; 8] = [
    "192.0.2.1",
    "192.0.2.200",
    "203.0.113.1",
    "::ffff:192.0.2.1",
    "2001:db8::1",
    "2001:DB8:1::5",
    "x",
    "",
];
const NETWORKS: [&str; 9] = [
    "192.0.2.5/24",
    "0.0.0.0/0",
    "192.0.2.1",
    "2001:db8::/32",
    "2001:db8::5/64",
    "::/0",
    "192.0.2.0/33",
    "not-an-ip",
    "2001:db8::1",
];
const ARNS: [&str; 7] = [
    "arn:aws:iam::111122223333:user/u",
    "arn:aws:iam::111122223333:role/R",
    "arn:aws:s3:::b/a:b",
    "arn:aws:iam::1:",
    "no-arn",
    "",
    "arn:aws:s:r:1:store/abc:a",
];
const ARN_OPERANDS: [&str; 11] = [
    "arn:aws:iam::*:user/*",
    "arn:aws:iam::1111*:role/?",
    "not-an-arn",
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:*:store/abc*",
    "arn:aws:iam::*:*",
    "${aws:username}",
    "arn:aws:iam::${aws:x}:user/u",
    "arn:aws:*::*:*u",
    "arn:aws:i?m::??????????33:*",
];
const ORDERINGS: [&str; 6] =
    ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"];
const PRINCIPALS: [&str; 16] = [
    "*",
    A,
    B,
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::444455556666:root",
    "arn:aws:iam::111122223333:user/u",
    "arn:aws:iam::111122223333:user/v",
    "arn:aws:iam::111122223333:role/p/R",
    "arn:aws:sts::111122223333:assumed-role/R/S",
    "arn:aws:sts::111122223333:federated-user/f",
    "arn:aws:iam::444455556666:user/u",
    "arn:aws:sts::444455556666:assumed-role/R/S",
    "AIDA0000000000000USER",
    "AROA0000000000000ROLE",
    "AROA0000000000000ROLE:S",
    "arn:aws:iam::444455556666:role/p/R",
];

fn caller(dice: &mut Dice) -> Principal {
    let account = if dice.chance(65) { A } else { B };
    let user = format!("arn:aws:iam::{account}:user/u");
    let role = format!("arn:aws:iam::{account}:role/p/R");
    let session = format!("arn:aws:sts::{account}:assumed-role/R/S");
    match dice.roll(9) {
        0 => Principal::root("aws", account),
        1..=3 => Principal::user(account, user, "AIDA0000000000000USER"),
        4..=6 => Principal::assumed_role(account, role, session, "AROA0000000000000ROLE:S"),
        7 => Principal {
            account: account.to_owned(),
            kind: PrincipalKind::FederatedUser {
                user_arn: user,
                user_id: "AIDA0000000000000USER".to_owned(),
            },
            arn: format!("arn:aws:sts::{account}:federated-user/f"),
            unique_id: format!("{account}:f"),
            canonical_user: None,
        },
        _ => Principal::service("events.amazonaws.com"),
    }
}

fn principal_element(dice: &mut Dice) -> Value {
    match dice.roll(6) {
        0 => json!("*"),
        1 => json!({"Service": "events.amazonaws.com", "AWS": dice.some(&PRINCIPALS)}),
        2 => json!({"Service": dice.some(&["events.amazonaws.com", "x.amazonaws.com"])}),
        _ => json!({"AWS": dice.some(&PRINCIPALS)}),
    }
}

/// Operands that are refused on storing, and so cannot be in a resource policy.
const UNSTORABLE: [&str; 8] = [
    "no",
    "never",
    "",
    "192.0.2.0/33",
    "2001:db8::5/64",
    "not-an-ip",
    "not-an-arn",
    "arn:aws:*:store/abc*",
];

/// A condition; `stored` ones have operands that may be stored.
fn condition(dice: &mut Dice, stored: bool) -> (String, Value) {
    loop {
        let (name, keys) = any_condition(dice);
        let arn = name.contains("Arn");
        let unstorable = |operand: &Value| {
            UNSTORABLE.iter().any(|bad| operand == bad) || arn && operand == "${aws:username}"
        };
        let bad = keys.as_object().unwrap().values().any(|operands| {
            operands
                .as_array()
                .map_or_else(|| unstorable(operands), |all| all.iter().any(unstorable))
        });
        if !stored || !bad {
            return (name, keys);
        }
    }
}

fn any_condition(dice: &mut Dice) -> (String, Value) {
    let ordering = *dice.pick(&ORDERINGS);
    let (name, operands) = match dice.roll(14) {
        0 => ("StringEquals".to_owned(), dice.some(&STRING_OPERANDS)),
        1 => ("StringNotEquals".to_owned(), dice.some(&STRING_OPERANDS)),
        2 => ("StringLike".to_owned(), dice.some(&STRING_OPERANDS)),
        3 => ("StringNotLike".to_owned(), dice.some(&STRING_OPERANDS)),
        4 => ("StringEqualsIgnoreCase".to_owned(), dice.some(&STRING_OPERANDS)),
        5 => ("StringNotEqualsIgnoreCase".to_owned(), dice.some(&STRING_OPERANDS)),
        6 => (format!("Numeric{ordering}"), dice.some(&NUMBERS)),
        7 => (format!("Date{ordering}"), dice.some(&DATES)),
        8 => ("Bool".to_owned(), dice.some(&BOOLS)),
        9 => ("BinaryEquals".to_owned(), dice.some(&BINARIES)),
        10 => ("IpAddress".to_owned(), dice.some(&NETWORKS)),
        11 => ("NotIpAddress".to_owned(), dice.some(&NETWORKS)),
        12 => {
            let name = *dice.pick(&["ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals"]);
            (name.to_owned(), dice.some(&ARN_OPERANDS))
        }
        _ => return ("Null".to_owned(), json!({*dice.pick(&KEYS): dice.some(&BOOLS)})),
    };
    let key = match dice.roll(3) {
        0 => (*dice.pick(&KEYS)).to_owned(),
        // A key whose values mostly have the operator's type.
        _ => format!("t:{}", family(&name)),
    };
    let set = *dice.pick(&["", "", "", "ForAllValues:", "ForAnyValue:"]);
    let suffix = if dice.chance(20) { "IfExists" } else { "" };
    (format!("{set}{name}{suffix}"), json!({ key: operands }))
}

fn family(name: &str) -> &'static str {
    ["Numeric", "Date", "Bool", "Binary", "IpAddress", "Arn"]
        .into_iter()
        .find(|family| name.contains(family))
        .unwrap_or("String")
}

fn pool(family: &str) -> &'static [&'static str] {
    match family {
        "Numeric" => &NUMBERS,
        "Date" => &DATES,
        "Bool" => &BOOLS,
        "Binary" => &BINARIES,
        "IpAddress" => &ADDRESSES,
        "Arn" => &ARNS,
        _ => &STRINGS,
    }
}

fn statement(dice: &mut Dice, principals: bool) -> Value {
    let mut st = Map::new();
    let deny = dice.chance(20);
    st.insert("Effect".into(), json!(if deny { "Deny" } else { "Allow" }));
    if principals {
        let not = deny && dice.chance(30);
        let name = if not { "NotPrincipal" } else { "Principal" };
        st.insert(name.into(), principal_element(dice));
    }
    let name = if dice.chance(85) { "Action" } else { "NotAction" };
    st.insert(name.into(), dice.some(&ACTION_PATTERNS));
    let name = if dice.chance(85) { "Resource" } else { "NotResource" };
    st.insert(name.into(), dice.some(&RESOURCE_PATTERNS));
    if dice.chance(45) {
        let count = 1 + dice.roll(2);
        let conditions: Map<String, Value> =
            (0..count).map(|_| condition(dice, principals)).collect();
        st.insert("Condition".into(), Value::Object(conditions));
    }
    Value::Object(st)
}

fn policy(dice: &mut Dice, principals: bool) -> Value {
    let version = if dice.chance(85) { "2012-10-17" } else { "2008-10-17" };
    let count = 1 + dice.roll(3);
    let statements: Vec<Value> = (0..count).map(|_| statement(dice, principals)).collect();
    json!({"Version": version, "Statement": statements})
}

fn policies(dice: &mut Dice, most: usize) -> Vec<Value> {
    let count = dice.roll(most + 1);
    (0..count).map(|_| policy(dice, false)).collect()
}

fn rcp(dice: &mut Dice) -> Value {
    let mut st = statement(dice, true);
    let members = st.as_object_mut().unwrap();
    members.remove("NotAction");
    members.remove("NotPrincipal");
    members.insert("Effect".into(), json!("Deny"));
    members.insert("Principal".into(), json!("*"));
    members.insert("Action".into(), dice.some(&["kms:Decrypt", "s3:*", "kms:D*"]));
    json!({"Version": "2012-10-17", "Statement": [st]})
}

fn context(dice: &mut Dice) -> BTreeMap<String, Ctx> {
    let mut context = BTreeMap::new();
    let families = ["String", "Numeric", "Date", "Bool", "Binary", "IpAddress", "Arn"];
    let typed = families.map(|family| (format!("t:{}", family.to_lowercase()), pool(family)));
    let plain = KEYS.map(|key| (key.to_lowercase(), &STRINGS[..]));
    for (key, pool) in typed.into_iter().chain(plain) {
        let value = match dice.roll(4) {
            0 => continue,
            1 => {
                let count = dice.roll(4);
                Ctx::Many((0..count).map(|_| (*dice.pick(pool)).to_owned()).collect())
            }
            _ => Ctx::One((*dice.pick(pool)).to_owned()),
        };
        context.insert(key, value);
    }
    context
}

pub(crate) fn scenario(dice: &mut Dice) -> Scenario {
    let account = if dice.chance(90) { A } else { B };
    Scenario {
        resource_policy: dice.chance(80).then(|| policy(dice, true)),
        mandatory: dice.chance(60),
        identity: policies(dice, 2),
        boundary: dice.chance(30).then(|| policy(dice, false)),
        session: dice.chance(30).then(|| policies(dice, 2)),
        scps: if dice.chance(25) { vec![policies(dice, 2), policies(dice, 2)] } else { vec![] },
        rcps: if dice.chance(10) { vec![rcp(dice)] } else { vec![] },
        grant: dice
            .chance(15)
            .then(|| *dice.pick(&[Grantee::Account, Grantee::Role, Grantee::Caller])),
        principal: caller(dice),
        action: (*dice.pick(&ACTIONS)).to_owned(),
        resource: (*dice.pick(&RESOURCES)).to_owned(),
        account: account.to_owned(),
        context: context(dice),
    }
}
