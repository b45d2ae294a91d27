//! Test 11: the policy evaluator against a second implementation: scenarios by chance, every
//! combination of what the layers may say in a small scope, and every short pattern against every
//! short text.

use bulla_policy::{Grantee, Principal, PrincipalKind};
use serde_json::{Value, json};

use crate::run::{Counts, Run};
use crate::second::compare::{agree, check};
use crate::second::reference::{Answer, Ctx, Scenario};

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";
/// Of how many scenarios the time is looked at again.
const BATCH: u64 = 64;
/// What patterns are made of, and texts.
const PATTERN: [char; 4] = ['a', ':', '*', '?'];
const TEXT: [char; 3] = ['a', 'b', ':'];
const MOST_LETTERS: u32 = 4;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    in_small_scope(run, &mut counts)?;
    patterns(run, &mut counts)?;
    let mut seed = run.random.next();
    while run.goes_on(100) {
        for _ in 0..BATCH {
            let counted = match check(seed)? {
                Answer::Allowed => "allowed",
                Answer::Implicit => "denied by silence",
                Answer::Explicit => "denied",
            };
            counts.add(counted, 1);
            seed = seed.wrapping_add(1);
        }
    }
    let needed = ["allowed", "denied by silence", "denied", "combinations", "patterns and texts"];
    counts.all_of(&needed)
}

/// Runs `one` over all of `0..count`, from a place by chance, or as far as the time goes.
fn sweep(
    run: &mut Run,
    count: usize,
    until_percent: u32,
    one: impl Fn(usize) -> Result<(), String>,
) -> Result<u64, String> {
    let first = run.random.below(count);
    let mut done = 0;
    for step in 0..count {
        if step % 256 == 255 && !run.goes_on(until_percent) {
            break;
        }
        one((first + step) % count)?;
        done += 1;
    }
    Ok(done)
}

/// The digits of a number whose places have these sizes.
struct Digits(usize);

impl Digits {
    fn next(&mut self, size: usize) -> usize {
        let digit = self.0 % size;
        self.0 /= size;
        digit
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.next(all.len())).cloned()
    }
}

/// What each layer has to choose from; their product is the scope.
struct Scope {
    callers: Vec<Principal>,
    accounts: [&'static str; 2],
    mandatory: [bool; 2],
    grants: [Option<Grantee>; 4],
    identity: Vec<Vec<Value>>,
    boundary: Vec<Option<Value>>,
    session: Vec<Option<Vec<Value>>>,
    scps: Vec<Vec<Vec<Value>>>,
    rcps: Vec<Vec<Value>>,
    resource: Vec<Option<Value>>,
}

fn in_small_scope(run: &mut Run, counts: &mut Counts) -> Result<(), String> {
    let scope = Scope::new();
    let count = scope.len();
    let done = sweep(run, count, 40, |number| {
        let scenario = scope.scenario(number).ok_or("a combination of nothing")?;
        agree(&scenario).map(drop).map_err(|error| format!("combination {number}: {error}"))
    })?;
    counts.add("combinations", done);
    counts.add("of as many", u64::try_from(count).unwrap_or(u64::MAX));
    Ok(())
}

fn policy(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn own(effect: &str) -> Value {
    policy(&[json!({ "Effect": effect, "Action": "kms:Decrypt", "Resource": "*" })])
}

/// Allows something that is not asked for.
fn silent() -> Value {
    policy(&[json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" })])
}

fn of_key(effect: &str, principal: &Value) -> Value {
    json!({ "Effect": effect, "Principal": principal, "Action": "kms:Decrypt", "Resource": "*" })
}

impl Scope {
    fn new() -> Self {
        let (allow, deny) = (own("Allow"), own("Deny"));
        let everyone = json!("*");
        let aws = |name: &str| json!({ "AWS": name });
        let root = aws("arn:aws:iam::111122223333:root");
        let names = [
            "arn:aws:iam::111122223333:user/u",
            "arn:aws:iam::111122223333:role/R",
            "arn:aws:sts::111122223333:assumed-role/R/S",
            "arn:aws:sts::111122223333:federated-user/f",
        ];
        let mut resource = vec![None, Some(silent_of_key())];
        resource.push(Some(policy(&[of_key("Allow", &root)])));
        for name in names {
            resource.push(Some(policy(&[of_key("Allow", &aws(name))])));
        }
        resource.push(Some(policy(&[of_key("Allow", &everyone)])));
        let service = json!({ "Service": "events.amazonaws.com" });
        resource.push(Some(policy(&[of_key("Allow", &service)])));
        resource.push(Some(policy(&[of_key("Deny", &everyone)])));
        let user = aws("arn:aws:iam::111122223333:user/u");
        resource.push(Some(policy(&[of_key("Allow", &everyone), of_key("Deny", &user)])));
        let rcp =
            json!({ "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*" });
        Self {
            callers: callers(),
            accounts: [OWNER, OTHER],
            mandatory: [true, false],
            grants: [None, Some(Grantee::Account), Some(Grantee::Role), Some(Grantee::Caller)],
            identity: vec![vec![], vec![allow.clone()], vec![allow.clone(), deny.clone()]],
            boundary: vec![None, Some(allow.clone()), Some(silent()), Some(deny.clone())],
            session: vec![None, Some(vec![]), Some(vec![allow.clone()]), Some(vec![deny.clone()])],
            scps: vec![
                vec![],
                vec![vec![allow.clone()], vec![allow.clone()]],
                vec![vec![allow.clone()], vec![silent()]],
                vec![vec![allow, deny]],
            ],
            rcps: vec![vec![], vec![policy(&[rcp])]],
            resource,
        }
    }

    fn len(&self) -> usize {
        [
            self.callers.len(),
            self.accounts.len(),
            self.mandatory.len(),
            self.grants.len(),
            self.identity.len(),
            self.boundary.len(),
            self.session.len(),
            self.scps.len(),
            self.rcps.len(),
            self.resource.len(),
        ]
        .iter()
        .product()
    }

    fn scenario(&self, number: usize) -> Option<Scenario> {
        let mut digits = Digits(number);
        Some(Scenario {
            principal: digits.pick(&self.callers)?,
            account: digits.pick(&self.accounts)?.to_owned(),
            mandatory: digits.pick(&self.mandatory)?,
            grant: digits.pick(&self.grants)?,
            identity: digits.pick(&self.identity)?,
            boundary: digits.pick(&self.boundary)?,
            session: digits.pick(&self.session)?,
            scps: digits.pick(&self.scps)?,
            rcps: digits.pick(&self.rcps)?,
            resource_policy: digits.pick(&self.resource)?,
            ..empty()
        })
    }
}

fn silent_of_key() -> Value {
    policy(&[json!({
        "Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"
    })])
}

fn callers() -> Vec<Principal> {
    let user = "arn:aws:iam::111122223333:user/u";
    let role = "arn:aws:iam::111122223333:role/R";
    let session = "arn:aws:sts::111122223333:assumed-role/R/S";
    vec![
        Principal::root("aws", OWNER),
        Principal::user(OWNER, user, "AIDA0000000000000USER"),
        Principal::assumed_role(OWNER, role, session, "AROA0000000000000ROLE:S"),
        Principal {
            account: OWNER.to_owned(),
            kind: PrincipalKind::FederatedUser {
                user_arn: user.to_owned(),
                user_id: "AIDA0000000000000USER".to_owned(),
            },
            arn: "arn:aws:sts::111122223333:federated-user/f".to_owned(),
            unique_id: "111122223333:f".to_owned(),
            canonical_user: None,
        },
        Principal::service("events.amazonaws.com"),
    ]
}

/// A user who asks to decrypt with a key, and nothing says anything.
fn empty() -> Scenario {
    Scenario {
        resource_policy: None,
        mandatory: false,
        identity: Vec::new(),
        boundary: None,
        session: None,
        scps: Vec::new(),
        rcps: Vec::new(),
        grant: None,
        principal: Principal::user(OWNER, "arn:aws:iam::111122223333:user/u", "AIDAU"),
        action: "kms:Decrypt".to_owned(),
        resource: KEY.to_owned(),
        account: OWNER.to_owned(),
        context: std::collections::BTreeMap::default(),
    }
}

/// How many texts of at most [`MOST_LETTERS`] letters there are.
fn words(letters: usize) -> usize {
    (0..=MOST_LETTERS).map(|length| letters.pow(length)).sum()
}

/// The word of a number, the shorter ones first.
fn word(letters: &[char], mut number: usize) -> Option<String> {
    let mut length = 0;
    while number >= letters.len().pow(length) {
        number -= letters.len().pow(length);
        length += 1;
    }
    let mut digits = Digits(number);
    (0..length).map(|_| digits.pick(letters)).collect()
}

fn patterns(run: &mut Run, counts: &mut Counts) -> Result<(), String> {
    let (patterns, texts) = (words(PATTERN.len()), words(TEXT.len()));
    let done = sweep(run, patterns * texts, 60, |number| {
        let missing = || "a word of nothing".to_owned();
        let pattern = word(&PATTERN, number % patterns).ok_or_else(missing)?;
        let text = word(&TEXT, number / patterns).ok_or_else(missing)?;
        for scenario in matching(&pattern, &text) {
            agree(&scenario).map_err(|error| format!("{pattern:?} against {text:?}: {error}"))?;
        }
        Ok(())
    })?;
    counts.add("patterns and texts", done);
    counts.add("of so many", u64::try_from(patterns * texts).unwrap_or(u64::MAX));
    Ok(())
}

/// Scenarios in which a pattern meets a text: in a condition, and in a resource.
fn matching(pattern: &str, text: &str) -> [Scenario; 2] {
    let condition = json!({ "StringLike": { "aws:x": pattern } });
    let by_condition = policy(&[json!({
        "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition
    })]);
    let resource = format!("arn:aws:s3:::x{pattern}");
    let by_resource = policy(&[json!({ "Effect": "Allow", "Action": "*", "Resource": resource })]);
    let context = [("aws:x".to_owned(), Ctx::One(text.to_owned()))].into();
    [
        Scenario { identity: vec![by_condition], context, ..empty() },
        Scenario {
            identity: vec![by_resource],
            resource: format!("arn:aws:s3:::x{text}"),
            ..empty()
        },
    ]
}
