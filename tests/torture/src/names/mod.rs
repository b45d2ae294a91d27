//! Test 13: names of keys in every spelling. Names of the same key get the same decision, and
//! what is not exactly a key's name reaches no key: not by letter case, `%2F`, `..`, Unicode that
//! looks alike, or another partition, region or account.

mod spelling;
mod world;

use serde_json::{Value, json};

use self::spelling::{as_json, respelled};
use self::world::{ACCOUNTS, Named, REGIONS, World};
use crate::door::Reply;
use crate::random::Random;
use crate::run::{Counts, Run, demand};

/// An operation that takes a key, as the test reads AWS's tables.
struct Operation {
    name: &'static str,
    input: &'static [(&'static str, &'static str)],
    /// Where the answer says which key it was.
    answer: &'static str,
    aliases: bool,
    other_accounts: bool,
    /// Whether the key that lets nobody encrypt refuses it to its owner.
    encrypts: bool,
}

const OPERATIONS: &[Operation] = &[
    Operation {
        name: "DescribeKey",
        input: &[],
        answer: "/KeyMetadata/Arn",
        aliases: true,
        other_accounts: true,
        encrypts: false,
    },
    Operation {
        name: "Encrypt",
        input: &[("Plaintext", "AAAA")],
        answer: "/KeyId",
        aliases: true,
        other_accounts: true,
        encrypts: true,
    },
    Operation {
        name: "GenerateDataKeyWithoutPlaintext",
        input: &[("KeySpec", "AES_256")],
        answer: "/KeyId",
        aliases: true,
        other_accounts: true,
        encrypts: false,
    },
    Operation {
        name: "GetKeyRotationStatus",
        input: &[],
        answer: "/KeyId",
        aliases: false,
        other_accounts: true,
        encrypts: false,
    },
    Operation {
        name: "RotateKeyOnDemand",
        input: &[],
        answer: "/KeyId",
        aliases: false,
        other_accounts: false,
        encrypts: false,
    },
];

/// What must come of a call.
#[derive(Debug, PartialEq, Eq)]
enum Expected<'w> {
    /// It is for this key, by its ARN.
    Reaches(&'w str),
    /// The key is there, and not for this caller.
    Denied,
    /// Nobody has this name, or the operation does not take it.
    Nothing,
}

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let world = World::new(run.seed)?;
    let mut counts = Counts::default();
    no_hints(&world)?;
    while run.goes_on(100) {
        let seed = run.random.next();
        one(&world, seed, &mut counts).map_err(|error| format!("name {seed}: {error}"))?;
    }
    counts.all_of(&["names that reached their key", "look-alikes refused", "names denied"])
}

fn one(world: &World, seed: u64, counts: &mut Counts) -> Result<(), String> {
    let mut random = Random::new(seed);
    let account = random.pick(&ACCOUNTS).copied().unwrap_or_default();
    let region = random.pick(&REGIONS).copied().unwrap_or_default();
    let operation = random.pick(OPERATIONS).ok_or("no operation")?;
    let original = random.pick(&world.names).ok_or("no name")?;
    let name = respelled(&original.text, &mut random);
    let expected = expected(world, operation, account, region, &name);
    let mut body = String::from("{\"KeyId\":");
    as_json(&name, &mut random, &mut body);
    for (member, value) in operation.input {
        body += &format!(",\"{member}\":\"{value}\"");
    }
    body.push('}');
    let door = world.house.door(account, region);
    let reply = door.send(operation.name, body.into_bytes()).map_err(|lost| lost.0)?;
    let what = || format!("{} of {name:?} by {account} in {region}", operation.name);
    check(&expected, operation, &reply).map_err(|error| format!("{}: {error}", what()))?;
    counts.add(
        match expected {
            Expected::Reaches(_) => "names that reached their key",
            Expected::Denied => "names denied",
            Expected::Nothing => "look-alikes refused",
        },
        1,
    );
    Ok(())
}

/// The decision by the table of exact names.
fn expected<'w>(
    world: &'w World,
    operation: &Operation,
    account: &str,
    region: &str,
    name: &str,
) -> Expected<'w> {
    let fits = |named: &&Named| {
        let here = named.region == region && (named.full || named.account == account);
        named.text == name && here && (operation.aliases || !named.alias)
    };
    let Some(named) = world.names.iter().find(fits) else { return Expected::Nothing };
    let own = named.account == account;
    let allowed = match named.key {
        // Which key lets whom do what is in `world.rs`.
        0 => own,
        1 => own || operation.other_accounts,
        _ => own && !operation.encrypts,
    };
    if allowed { Expected::Reaches(&named.arn) } else { Expected::Denied }
}

fn check(expected: &Expected<'_>, operation: &Operation, reply: &Reply) -> Result<(), String> {
    let answer = reply.json();
    let code = answer.get("__type").and_then(Value::as_str).unwrap_or("no error");
    let arn = answer.pointer(operation.answer).and_then(Value::as_str);
    let found = match (reply.status, code) {
        (200, _) => Expected::Reaches(arn.ok_or("an answer tells no key")?),
        (400, "AccessDeniedException") => Expected::Denied,
        (400..500, _) => Expected::Nothing,
        (status, code) => return Err(format!("{status} {code}")),
    };
    // Of another account's keys nobody hears whether they are there.
    let hidden = *expected == Expected::Nothing && found == Expected::Denied;
    demand(found == *expected || hidden, || {
        format!("expected {expected:?}, was {found:?} {answer}")
    })
}

/// A key of another account that is not for the caller is refused as one that does not exist.
fn no_hints(world: &World) -> Result<(), String> {
    let missing = "00000000-0000-4000-8000-000000000000";
    for named in world.names.iter().filter(|named| named.full && named.key == 0) {
        let Named { region, account, text, .. } = named;
        let stranger = ACCOUNTS.iter().find(|other| *other != account).ok_or("no stranger")?;
        let (head, _) = text.rsplit_once('/').ok_or("an ARN without a slash")?;
        let nothing = format!("{head}/{missing}");
        let door = world.house.door(stranger, region);
        let mut said = Vec::new();
        for name in [text, &nothing] {
            let body = json!({ "KeyId": name }).to_string().into_bytes();
            let reply = door.send("DescribeKey", body).map_err(|lost| lost.0)?;
            said.push((reply.status, String::from_utf8_lossy(&reply.body).into_owned()));
        }
        let same = said.first().zip(said.last()).is_some_and(|(a, b)| a == b && a.0 == 400);
        demand(same, || format!("a hint about {text}: {said:?}"))?;
    }
    Ok(())
}
