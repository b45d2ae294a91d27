//! The compiled evaluator agrees with the naive one on random scenarios.
//!
//! The slice runs in the suite. A long run: `POLICY_SCENARIOS=1000000 cargo test -p bulla-policy
//! --release --test it -- --ignored agreement`, with `POLICY_SEED` to start elsewhere. The seed of
//! a disagreement belongs into [`REGRESSIONS`].

use bulla_policy::{
    Context, GrantRef, Inputs, Policy, PolicyKind, Request, Verdict, authorize, survey,
};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::Value;

use crate::generate::{Dice, scenario};
use crate::reference::{Answer, Ctx, Scenario, decide};

/// Seeds that once disagreed.
const REGRESSIONS: [u64; 1] = [4_295_419_775];

/// Policies without principals are parsed as session policies, whose operands are not checked; how
/// a policy is evaluated does not depend on its type.
fn compile(policy: &Value, kind: PolicyKind) -> Policy {
    let text = policy.to_string();
    Policy::parse(&text, kind).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn own(policies: &[Value]) -> Vec<Policy> {
    policies.iter().map(|policy| compile(policy, PolicyKind::Session)).collect()
}

fn compiled(s: &Scenario) -> (Answer, bool) {
    let resource = s.resource_policy.as_ref().map(|p| compile(p, PolicyKind::Key));
    let rcps: Vec<_> = s.rcps.iter().map(|p| compile(p, PolicyKind::ResourceControl)).collect();
    let (identity, boundary) = (own(&s.identity), own(s.boundary.as_slice()));
    let session = s.session.as_deref().map(own);
    let scps: Vec<_> = s.scps.iter().map(|level| own(level)).collect();
    let scps: Vec<Vec<&Policy>> = scps.iter().map(|level| level.iter().collect()).collect();
    let scps: Vec<&[&Policy]> = scps.iter().map(Vec::as_slice).collect();
    let session: Option<Vec<&Policy>> = session.as_ref().map(|all| all.iter().collect());
    let context = s.context.iter().fold(Context::new(), |context, (key, value)| match value {
        Ctx::One(value) => context.with(key, value.clone()),
        Ctx::Many(values) => context.with_many(key, values.clone()),
    });
    let inputs = Inputs {
        resource_policy: resource.as_ref(),
        resource_policy_mandatory: s.mandatory,
        identity: &identity.iter().collect::<Vec<_>>(),
        boundary: boundary.first(),
        session: session.as_deref(),
        scps: &scps,
        rcps: &rcps.iter().collect::<Vec<_>>(),
        grant: s.grant.map(|grantee| GrantRef { grant_id: "g", grantee }),
    };
    let request = Request {
        principal: &s.principal,
        action: &s.action,
        resource: &s.resource,
        resource_account: &s.account,
        conditions: &context,
    };
    let decision = authorize(&inputs, &request);
    surveys_agree(&inputs, &request, decision.allowed(), s);
    let answer = match decision.verdict() {
        Verdict::Allowed => Answer::Allowed,
        Verdict::ImplicitDeny => Answer::Implicit,
        Verdict::ExplicitDeny => Answer::Explicit,
    };
    (answer, decision.cross_account())
}

/// With nothing open a survey is the decision; the more is open, the more is possible.
fn surveys_agree(inputs: &Inputs<'_>, request: &Request<'_>, allowed: bool, of: &Scenario) {
    let closed = survey(inputs, request, &|_| false);
    assert_eq!((closed.allowed, closed.only_if.len(), closed.unless.len()), (allowed, 0, 0));
    let open = survey(inputs, request, &|_| true);
    assert!(open.allowed || !allowed, "{of:#?}");
    let halfway = survey(inputs, request, &|key| key.len() % 2 == 0);
    assert!(halfway.allowed || !allowed, "{of:#?}");
    assert!(open.allowed || !halfway.allowed, "{of:#?}");
}

/// Checks one seed; the compiled answer.
fn check(seed: u64) -> Answer {
    let scenario = scenario(&mut Dice(seed));
    let expected = decide(&scenario);
    let (found, cross_account) = compiled(&scenario);
    // Across accounts a foreign Deny may be reported as the caller's own missing Allow.
    let masked = cross_account && (expected, found) == (Answer::Explicit, Answer::Implicit);
    assert!(
        found == expected || masked,
        "seed {seed}: expected {expected:?}, found {found:?}\n{scenario:#?}"
    );
    found
}

#[test]
fn regressions() {
    for seed in REGRESSIONS {
        check(seed);
    }
}

#[test]
fn the_generator_reaches_every_answer() {
    let mut counts = [0u32; 3];
    for seed in 0..2_000 {
        counts[match check(seed) {
            Answer::Allowed => 0,
            Answer::Implicit => 1,
            Answer::Explicit => 2,
        }] += 1;
    }
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn slice(seed in any::<u64>()) {
        check(seed);
    }
}

#[test]
#[ignore = "long; see the module's text"]
fn long_run() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().expect(name))
    };
    let (first, count) = (number("POLICY_SEED", 1 << 32), number("POLICY_SCENARIOS", 100_000));
    let mut counts = [0u64; 3];
    for seed in first..first + count {
        counts[check(seed) as usize] += 1;
    }
    println!("{count} scenarios from seed {first}: {counts:?} allowed, implicit, explicit");
}
