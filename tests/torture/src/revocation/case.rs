//! One caller, with a key and all else that a way of taking away is about.

use std::collections::BTreeMap;

use bulla_ground::Signer;

use super::ways::Way;
use super::world::World;
use crate::door::Reply;
use crate::speak::{self, encoded, is_form, must, need, quoted};

/// Who makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The account's root user; of Organizations' calls the one that manages the organization.
    Root,
    /// The case's own user, by its first access key.
    User,
}

/// A call, in whose input names in braces stand for the case's own.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    input: &'static str,
    by: By,
    /// What of the answer is kept: members, and under what names.
    keeps: &'static [(&'static str, &'static str)],
}

pub(super) const fn step(
    service: &'static str,
    operation: &'static str,
    input: &'static str,
) -> Step {
    Step { service, operation, input, by: By::Root, keeps: &[] }
}

impl Step {
    pub(super) const fn by(self, by: By) -> Self {
        Self { by, ..self }
    }

    pub(super) const fn keeps(self, keeps: &'static [(&'static str, &'static str)]) -> Self {
        Self { keeps, ..self }
    }
}

/// A way of taking away, and whom it concerns.
pub(super) struct Case<'w> {
    pub(super) way: &'w Way,
    user: Signer,
    names: BTreeMap<&'static str, String>,
}

/// A call that is ready to be made again and again.
pub(super) struct Ask {
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    pub(super) body: Vec<u8>,
}

/// Makes the caller and what else there must be.
pub(super) fn make<'w>(world: &World, way: &'w Way, number: usize) -> Result<Case<'w>, String> {
    let name = format!("it{number}");
    let mut names = world.names();
    let account = names.get("account").cloned().unwrap_or_default();
    let arn = |kind: &str| format!("arn:aws:iam::{account}:{kind}/{name}");
    names.insert("user.arn", arn("user"));
    names.insert("role.arn", arn("role"));
    names.insert("policy", arn("policy"));
    names.insert("name", name);
    let mut case = Case { way, user: Signer::default(), names };
    for (operation, input) in [
        ("CreateUser", "UserName={name}"),
        ("CreateGroup", "GroupName={name}"),
        ("CreateRole", "RoleName={name}&AssumeRolePolicyDocument={trust}"),
        ("CreatePolicy", "PolicyName={name}&PolicyDocument={allow}"),
    ] {
        case.run(world, &step("iam", operation, input))?;
    }
    let key = &[("AccessKeyId", "id"), ("SecretAccessKey", "secret")];
    case.run(world, &step("iam", "CreateAccessKey", "UserName={name}").keeps(key))?;
    case.user = case.caller();
    case.run(world, &step("kms", "CreateKey", "{}").keeps(&[("Arn", "key")]))?;
    let blob = &[("CiphertextBlob", "blob")];
    let input = r#"{"KeyId":"{key}","Plaintext":"AAAA"}"#;
    case.run(world, &step("kms", "Encrypt", input).keeps(blob))?;
    for step in way.before {
        case.run(world, step)?;
    }
    Ok(case)
}

impl Case<'_> {
    /// Who calls now.
    pub(super) fn caller(&self) -> Signer {
        let name = |name: &str| self.names.get(name).cloned();
        Signer {
            id: name("id").unwrap_or_default(),
            secret: name("secret").unwrap_or_default(),
            token: name("token"),
        }
    }

    /// The calls that the case is about.
    pub(super) fn asks(&self, world: &World) -> Result<Vec<Ask>, String> {
        let ask = |step: &Step| {
            let input = self.input(step)?;
            let Step { service, operation, .. } = *step;
            let body = speak::body(&world.house, service, operation, &input)?;
            Ok(Ask { service, operation, body })
        };
        self.way.ask.iter().map(ask).collect()
    }

    fn input(&self, step: &Step) -> Result<String, String> {
        let escape = if is_form(step.service) { encoded } else { quoted };
        speak::expand(step.input, |name| self.names.get(name).map(|text| escape(text)))
    }

    /// Makes a call, which must succeed.
    pub(super) fn run(&mut self, world: &World, step: &Step) -> Result<Reply, String> {
        let input = self.input(step)?;
        let signer = match step.by {
            By::User => self.user.clone(),
            By::Root => world.root_of(step.service),
        };
        let reply = must(&world.house, &signer, step.service, step.operation, &input)?;
        for (member, name) in step.keeps {
            self.names.insert(name, need(&reply, member)?);
        }
        Ok(reply)
    }
}
