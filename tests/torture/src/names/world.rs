//! Keys and aliases in several accounts, regions and partitions, and every exact name of them.

use serde_json::json;

use crate::door::{Door, text};
use crate::house::House;

pub(crate) const ACCOUNTS: [&str; 3] = ["111122223333", "111122223334", "444455556666"];
pub(crate) const REGIONS: [&str; 4] =
    ["eu-central-1", "eu-central-2", "cn-north-1", "us-gov-west-1"];

/// Aliases of each account and region, and of which of its keys. They differ by letter case, by
/// what may be taken for a separator, and by what looks like a key's name.
const ALIASES: [(&str, usize); 9] = [
    ("alias/name", 0),
    ("alias/Name", 1),
    ("alias/NAME", 2),
    ("alias/a/b", 0),
    ("alias/a:b", 1),
    ("alias/a_b-", 2),
    ("alias/key/name", 1),
    ("alias/alias/name", 2),
    ("alias//name", 1),
];

/// A key's name.
pub(crate) struct Named {
    pub(crate) text: String,
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    /// Whether it is an ARN, so that it holds for callers of all accounts.
    pub(crate) full: bool,
    pub(crate) alias: bool,
    /// Which key: 0 is for its account, 1 for all accounts, 2 is for its account and lets nobody
    /// encrypt.
    pub(crate) key: usize,
    /// The key's ARN.
    pub(crate) arn: String,
}

/// The services, and all names of all their keys.
pub(crate) struct World {
    pub(crate) house: House,
    pub(crate) names: Vec<Named>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Result<Self, String> {
        let house = House::in_memory(seed)?;
        let mut world = Self { house, names: Vec::new() };
        for account in ACCOUNTS {
            for region in REGIONS {
                world.fill(account, region)?;
            }
        }
        Ok(world)
    }

    fn fill(&mut self, account: &'static str, region: &'static str) -> Result<(), String> {
        let mut door = self.house.door(account, region);
        let (mut keys, mut names) = (Vec::new(), Vec::new());
        for key in 0..3 {
            let input = json!({ "Policy": policy(account, region, key) });
            let made = door.ask("CreateKey", &input)?;
            let id = text(&made, "/KeyMetadata/KeyId")?;
            let arn = text(&made, "/KeyMetadata/Arn")?;
            let named = |text: &str, full| Named {
                text: text.to_owned(),
                account,
                region,
                full,
                alias: false,
                key,
                arn: arn.clone(),
            };
            names.push(named(&id, false));
            names.push(named(&arn, true));
            keys.push((id, arn));
        }
        for (alias, key) in ALIASES {
            let (id, arn) = keys.get(key).ok_or("an alias of no key")?;
            door.ask("CreateAlias", &json!({ "AliasName": alias, "TargetKeyId": id }))?;
            let (head, _) = arn.split_once("key/").ok_or("an ARN of no key")?;
            for (text, full) in [(alias.to_owned(), false), (format!("{head}{alias}"), true)] {
                names.push(Named {
                    text,
                    account,
                    region,
                    full,
                    alias: true,
                    key,
                    arn: arn.clone(),
                });
            }
        }
        self.names.extend(names);
        Ok(())
    }
}

fn policy(account: &str, region: &str, key: usize) -> String {
    let partition = match region.split_once('-') {
        Some(("cn", _)) => "aws-cn",
        Some(("us", rest)) if rest.starts_with("gov-") => "aws-us-gov",
        _ => "aws",
    };
    let own = json!({ "AWS": format!("arn:{partition}:iam::{account}:root") });
    let allow = |principal| json!({ "Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*" });
    let statements = match key {
        0 => vec![allow(own)],
        1 => vec![allow(own), allow(json!("*"))],
        _ => vec![
            allow(own),
            json!({
                "Effect": "Deny", "Principal": "*", "Action": "kms:encrypt", "Resource": "*"
            }),
        ],
    };
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}
