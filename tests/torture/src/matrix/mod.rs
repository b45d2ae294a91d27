//! Test 12: who may what. The operations are those of the services' rows, so that one which nobody
//! gave a rule fails; each is called by every kind of principal, about the right and the wrong
//! resource, and must answer what its rule and the order of evaluation say.

mod cast;
mod expect;
mod rules;
mod targets;
mod unchanged;

use bulla_ground::Signer;
use bulla_plane::Facts;

use self::cast::{ALL, Cast, Who};
use self::expect::{Cell, Expected, Which};
use self::rules::{On, Rule};
use self::targets::{Maker, Targets};
use crate::house::House;
use crate::random::Random;
use crate::run::{Counts, Run, demand};
use crate::speak::{self, encoded, is_form, must, need, quoted};

/// Manages the organization.
const MANAGEMENT: &str = "111122223333";
const FENCE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/who":"Fenced"}}}]}"#;
/// Every service; one that is not among them fails.
const SERVICES: [&str; 13] = [
    "kms",
    "ssm",
    "secretsmanager",
    "iam",
    "sts",
    "organizations",
    "events",
    "lambda",
    "cloudtrail",
    "bulla",
    "servicequotas",
    "bullaquotas",
    "ce",
];
const DENIED: &str = "denials";

/// One operation of one service.
type Operation = (&'static str, &'static Facts, &'static Rule);

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    // At least once over everything, however short the time.
    loop {
        let seed = run.random.next();
        pass(seed, &SERVICES, &mut counts).map_err(|error| format!("pass {seed}: {error}"))?;
        if !run.goes_on(100) {
            break;
        }
    }
    counts.all_of(&["operations", "allowed", DENIED, "unknown callers", "into another account"])
}

/// Every operation of these services, once.
fn pass(seed: u64, services: &[&str], counts: &mut Counts) -> Result<(), String> {
    let mut random = Random::new(seed);
    let mut world = World::new(seed)?;
    let mut operations = operations(&world.house)?;
    operations.retain(|(service, ..)| services.contains(service));
    let mut wrong = Vec::new();
    while !operations.is_empty() {
        let operation = operations.swap_remove(random.below(operations.len()));
        let (service, facts, _) = operation;
        let found = world.cells(operation, counts);
        let found = found.unwrap_or_else(|error| vec![error]);
        wrong.extend(found.iter().map(|fault| format!("{service}:{} {fault}", facts.name)));
        counts.add("operations", 1);
    }
    demand(wrong.is_empty(), || format!("{} cells are wrong\n{}", wrong.len(), wrong.join("\n")))
}

/// The rows of all services with their rules. Each has one, and there is none without a row.
fn operations(house: &House) -> Result<Vec<Operation>, String> {
    let mut all = Vec::new();
    for service in &house.plane.services {
        let id = service.model().id;
        demand(SERVICES.contains(&id), || format!("{id} is not in the matrix"))?;
        let rows = service.operations();
        for facts in &rows {
            let rule = rules::find(id, facts.name).ok_or_else(|| {
                format!("{id}:{} has no rule in tests/torture/src/matrix/rules", facts.name)
            })?;
            all.push((id, *facts, rule));
        }
        for rule in rules::of(id) {
            let served = rows.iter().any(|facts| facts.name == rule.operation);
            demand(served, || format!("{id}:{} has a rule and no row", rule.operation))?;
        }
    }
    Ok(all)
}

/// The services, an organization, and everybody who calls.
struct World {
    house: House,
    /// Of the account that manages the organization.
    management: Cast,
    /// Of an account within it.
    member: Cast,
    number: u64,
}

impl World {
    fn new(seed: u64) -> Result<Self, String> {
        let house = House::in_memory(seed)?;
        let root = Signer::of(MANAGEMENT);
        let call =
            |operation: &str, input: &str| must(&house, &root, "organizations", operation, input);
        call("CreateOrganization", "{}")?;
        let mut accounts = Vec::new();
        for name in ["member", "other"] {
            let input = format!(r#"{{"AccountName":"{name}","Email":"{name}@example.com"}}"#);
            accounts.push(need(&call("CreateAccount", &input)?, "AccountId")?);
        }
        let [member, other] = accounts.as_slice() else { return Err("two accounts".into()) };
        let input = format!(
            r#"{{"Name":"fence","Description":"d","Type":"SERVICE_CONTROL_POLICY","Content":"{}"}}"#,
            quoted(FENCE)
        );
        let fence = need(&call("CreatePolicy", &input)?, "Id")?;
        let top = need(&call("ListRoots", "{}")?, "Id")?;
        let input = format!(r#"{{"RootId":"{top}","PolicyType":"SERVICE_CONTROL_POLICY"}}"#);
        call("EnablePolicyType", &input)?;
        call("AttachPolicy", &format!(r#"{{"PolicyId":"{fence}","TargetId":"{top}"}}"#))?;
        let management = Cast::new(&house, MANAGEMENT, other, 1)?;
        let member = Cast::new(&house, member, other, 2)?;
        Ok(Self { house, management, member, number: 0 })
    }

    /// All cells of one operation: the refused ones first, about what nobody has changed yet. What
    /// is answered are the cells that are wrong.
    fn cells(&mut self, operation: Operation, counts: &mut Counts) -> Result<Vec<String>, String> {
        let (service, facts, rule) = operation;
        let actions: Vec<String> = {
            let prefix = self.house.service(service)?.model().signing_name;
            rule.actions.split(' ').map(|action| format!("{prefix}:{action}")).collect()
        };
        let (right, wrong) = (self.targets(service, rule)?, self.targets(service, rule)?);
        let (here, mut there) = (resources(rule, &right)?, resources(rule, &wrong)?);
        let alike = here == there;
        if alike {
            there = vec!["arn:aws:none:::of/these".to_owned()];
        }
        // Who may give a role to an instance must be allowed to pass it.
        let mut granted = actions.clone();
        if facts.name == "AddRoleToInstanceProfile" {
            granted.push("iam:PassRole".to_owned());
        }
        let managed = service == "organizations";
        let cast = if managed { &mut self.management } else { &mut self.member };
        cast.dress(&self.house, &granted, &here, &there)?;
        let mut places = vec![(Which::Right, right), (Which::Wrong, wrong)];
        if service == "kms"
            && matches!(rule.on, On::Key | On::OwnKey)
            && facts.name != "RetireGrant"
        {
            places.push((Which::Shut, self.shut()?));
        }
        if service == "iam" {
            places.push((Which::Missing, self.maker("iam")?.make("iam", rule.input, false)?));
        }
        let action = actions.first().ok_or("no action")?;
        let cell = |who, which| Cell { service, rule, action, who, which, alike };
        let mut cells = Vec::new();
        for (which, targets) in &places {
            cells.extend(ALL.map(|who| (cell(who, *which), targets)));
        }
        let (refused, others): (Vec<_>, Vec<_>) =
            cells.into_iter().partition(|(cell, _)| cell.expected().changes_nothing());
        let before = unchanged::rows(&self.house)?;
        let mut wrong = self.ask_all(&refused, counts);
        if unchanged::rows(&self.house)? != before {
            wrong.push("a refused call changed something".to_owned());
        }
        wrong.extend(self.ask_all(&others, counts));
        Ok(wrong)
    }

    /// The cells that are wrong.
    fn ask_all(&self, cells: &[(Cell<'_>, &Targets)], counts: &mut Counts) -> Vec<String> {
        let ask = |(cell, targets): &(Cell<'_>, &Targets)| {
            let wrong = self.ask(cell, targets, counts).err()?;
            Some(format!("by {:?}, {:?}: {wrong}", cell.who, cell.which))
        };
        cells.iter().filter_map(ask).collect()
    }

    fn ask(&self, cell: &Cell<'_>, targets: &Targets, counts: &mut Counts) -> Result<(), String> {
        let Cell { service, rule, .. } = *cell;
        let cast = if service == "organizations" { &self.management } else { &self.member };
        let actor = cast.actor(cell.who)?;
        let escape = if is_form(service) { encoded } else { quoted };
        let input = speak::expand(rule.input, |name| targets.get(name).map(escape))?;
        let reply = speak::call(&self.house, &actor.signer, service, rule.operation, &input)?;
        let protocol = self.house.service(service)?.model().protocol;
        let counted = match cell.check(protocol, &reply, &actor.arn, &cast.account)? {
            Expected::Allowed => "allowed",
            Expected::Denied(_) | Expected::Refused(_) => DENIED,
            Expected::Unknown(_) => "unknown callers",
            Expected::OwnAccount => "into another account",
        };
        counts.add(counted, 1);
        Ok(())
    }

    fn maker(&mut self, service: &str) -> Result<Maker<'_>, String> {
        self.number += 1;
        let cast = if service == "organizations" { &self.management } else { &self.member };
        Ok(Maker {
            house: &self.house,
            account: &cast.account,
            friend: &cast.actor(Who::Friend)?.arn,
            nobody: format!("arn:aws:iam::{}:user/Keeper", cast.account),
            number: self.number,
        })
    }

    fn targets(&mut self, service: &str, rule: &Rule) -> Result<Targets, String> {
        self.maker(service)?.make(service, rule.input, true)
    }

    /// What is about a key that lets a single user, who is not one of the cast.
    fn shut(&mut self) -> Result<Targets, String> {
        let keeper = self.member.keeper.clone();
        let arn = format!("arn:aws:iam::{}:user/Keeper", self.member.account);
        self.maker("kms")?.make_shut((&arn, &keeper))
    }
}

/// The ARNs that an operation asks for permission on.
fn resources(rule: &Rule, targets: &Targets) -> Result<Vec<String>, String> {
    let words = match rule.on {
        On::Key | On::OwnKey | On::KeysAccount => "{key}",
        On::Trust => "{role}",
        On::Own(words) => words,
        On::Account | On::Shared | On::Nothing | On::Token => "*",
    };
    let name = |name: &str| targets.get(name).map(str::to_owned);
    words.split(' ').map(|word| speak::expand(word, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new row without a rule, or with a wrong one, fails here.
    fn keeps_its_rules(services: &[&str]) {
        if let Err(wrong) = pass(1, services, &mut Counts::default()) {
            panic!("{wrong}");
        }
    }

    #[test]
    fn every_operation_of_kms_keeps_its_rule() {
        keeps_its_rules(&["kms"]);
    }

    #[test]
    fn every_operation_of_secrets_manager_keeps_its_rule() {
        keeps_its_rules(&["secretsmanager"]);
    }

    #[test]
    fn every_operation_of_iam_keeps_its_rule() {
        keeps_its_rules(&["iam"]);
    }

    #[test]
    fn every_operation_of_eventbridge_keeps_its_rule() {
        keeps_its_rules(&["events"]);
    }

    #[test]
    fn every_operation_of_lambda_keeps_its_rule() {
        keeps_its_rules(&["lambda"]);
    }

    #[test]
    fn every_operation_of_the_other_services_keeps_its_rule() {
        keeps_its_rules(&["ssm", "sts", "organizations", "cloudtrail", "bulla"]);
        keeps_its_rules(&["servicequotas", "bullaquotas", "ce"]);
    }
}
