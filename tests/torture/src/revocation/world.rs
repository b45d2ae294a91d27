//! The services, and an organization around the account whose callers lose and get what they may.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_ground::{Signer, Watched};

use crate::house::House;
use crate::late_reader::Late;
use crate::speak::{must, need, quoted};

const MANAGEMENT: &str = "111122223333";
const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const DENY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
const NARROW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
/// Denies nothing that is asked for; it may stay attached.
const MILD: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;

/// The services, with an account that is a member of an organization.
pub(super) struct World {
    pub(super) house: House,
    names: BTreeMap<&'static str, String>,
}

impl World {
    pub(super) fn new(seed: u64) -> Result<Self, String> {
        let engine = Watched::new(Arc::new(bulla_store::Memory::new()), Arc::new(Late::default()));
        let house = House::over(Arc::new(engine), seed)?;
        let root = Signer::of(MANAGEMENT);
        let call =
            |operation: &str, input: &str| must(&house, &root, "organizations", operation, input);
        call("CreateOrganization", "{}")?;
        let member = r#"{"AccountName":"member","Email":"member@example.com"}"#;
        let account = need(&call("CreateAccount", member)?, "AccountId")?;
        let top = need(&call("ListRoots", "{}")?, "Id")?;
        let input = format!(r#"{{"RootId":"{top}","PolicyType":"SERVICE_CONTROL_POLICY"}}"#);
        call("EnablePolicyType", &input)?;
        let policy = |name: &str, text: &str| {
            let input = format!(
                r#"{{"Name":"{name}","Description":"d","Type":"SERVICE_CONTROL_POLICY","Content":"{}"}}"#,
                quoted(text)
            );
            need(&call("CreatePolicy", &input)?, "Id")
        };
        let scp = policy("deny", DENY)?;
        let (narrow, mild) = (policy("narrow", NARROW)?, policy("mild", MILD)?);
        let input = format!(r#"{{"ParentId":"{top}","Name":"shut"}}"#);
        let unit = need(&call("CreateOrganizationalUnit", &input)?, "Id")?;
        call("AttachPolicy", &format!(r#"{{"PolicyId":"{scp}","TargetId":"{unit}"}}"#))?;
        let mut names = documents(&account);
        names.extend([("account", account), ("root", top), ("unit", unit)]);
        names.extend([("scp", scp), ("narrow", narrow), ("mild_scp", mild)]);
        Ok(Self { house, names })
    }

    /// What the names in braces stand for.
    pub(super) fn names(&self) -> BTreeMap<&'static str, String> {
        self.names.clone()
    }

    /// Who rules over a service's things.
    pub(super) fn root_of(&self, service: &str) -> Signer {
        match self.names.get("account") {
            Some(account) if service != "organizations" => Signer::of(account),
            _ => Signer::of(MANAGEMENT),
        }
    }
}

/// The policies that cases give and take.
fn documents(account: &str) -> BTreeMap<&'static str, String> {
    let root = format!("arn:aws:iam::{account}:root");
    let one =
        |statement: String| format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    let allow_if = |key: &str, value: &str| {
        one(format!(
            r#"{{"Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{{"ForAnyValue:StringLike":{{"{key}":"{value}"}}}}}}"#
        ))
    };
    let assume = |effect: &str| {
        one(format!(
            r#"{{"Effect":"{effect}","Principal":{{"AWS":"{root}"}},"Action":"sts:AssumeRole"}}"#
        ))
    };
    let own = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{root}"}},"Action":"kms:*","Resource":"*"}}"#
    );
    let users = r#"{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalType":"User"}}}"#;
    BTreeMap::from([
        ("allow", ALLOW.to_owned()),
        ("deny", DENY.to_owned()),
        ("mild", MILD.to_owned()),
        ("allow_tagged", allow_if("aws:ResourceTag/team", "a")),
        ("allow_aliased", allow_if("kms:ResourceAliases", "alias/*")),
        ("allow_team", allow_if("aws:PrincipalTag/team", "a")),
        ("trust", assume("Allow")),
        ("distrust", assume("Deny")),
        ("shut", one(format!("{own},{users}"))),
        ("open", one(own)),
    ])
}
