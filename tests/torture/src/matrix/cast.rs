//! Who calls: the kinds of principals of one account, and of another.

use bulla_ground::Signer;

use crate::house::House;
use crate::speak::{encoded, must, need};

/// A kind of principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Signs nothing.
    Nobody,
    /// Has an administrator's key id and not the secret.
    Forger,
    /// An administrator whose key was switched off.
    SwitchedOff,
    /// The account's root user.
    Root,
    /// A user who may everything.
    Admin,
    /// A user without policies.
    Bare,
    /// A user who may everything but this.
    Other,
    /// A user who may everything, and is denied this.
    Barred,
    /// A user who may everything, with a boundary that does not hold this.
    Bounded,
    /// A user who may everything, behind a service control policy that denies it.
    Fenced,
    /// A user who may this, on the right resource alone.
    Here,
    /// A user who may this, on the wrong resource alone.
    Elsewhere,
    /// A session of a role that may everything.
    Role,
    /// Such a session with a session policy that does not hold this.
    Narrowed,
    /// An administrator's session of `GetSessionToken`.
    Token,
    /// An administrator's federated user without session policies.
    Federated,
    /// The root user of another account.
    ForeignRoot,
    /// A user of another account who may everything there, and whom nothing here trusts.
    ForeignAdmin,
    /// A user of another account who may everything of KMS there, and whom the keys trust.
    Friend,
}

pub(super) const ALL: [Who; 19] = [
    Who::Nobody,
    Who::Forger,
    Who::SwitchedOff,
    Who::Root,
    Who::Admin,
    Who::Bare,
    Who::Other,
    Who::Barred,
    Who::Bounded,
    Who::Fenced,
    Who::Here,
    Who::Elsewhere,
    Who::Role,
    Who::Narrowed,
    Who::Token,
    Who::Federated,
    Who::ForeignRoot,
    Who::ForeignAdmin,
    Who::Friend,
];

/// A principal and what it signs with.
pub(super) struct Actor {
    pub(super) who: Who,
    pub(super) arn: String,
    pub(super) signer: Signer,
}

/// All kinds of one account.
pub(super) struct Cast {
    pub(super) account: String,
    /// Tells the casts of several accounts apart where they meet in another.
    number: u32,
    root: Signer,
    /// A user who may everything, and keeps what nobody else may have.
    pub(super) keeper: Signer,
    actors: Vec<Actor>,
}

const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const KMS_ALONE: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}"#;

impl Cast {
    pub(super) fn new(
        house: &House,
        account: &str,
        foreign: &str,
        number: u32,
    ) -> Result<Self, String> {
        let root = Signer::of(account);
        let keeper = user(house, &root, "Keeper", Some(EVERYTHING))?;
        let mut cast =
            Self { account: account.to_owned(), number, root, keeper, actors: Vec::new() };
        let stranger = Signer::of(foreign);
        let admin = cast.user(house, Who::Admin, Some(EVERYTHING))?;
        cast.user(house, Who::Bare, None)?;
        for who in [Who::Other, Who::Barred, Who::Here, Who::Elsewhere] {
            cast.user(house, who, None)?;
        }
        for who in [Who::Bounded, Who::Fenced, Who::SwitchedOff] {
            cast.user(house, who, Some(EVERYTHING))?;
        }
        let off = cast.signer(Who::SwitchedOff)?.id.clone();
        let input = format!("UserName=SwitchedOff&AccessKeyId={off}&Status=Inactive");
        must(house, &cast.root, "iam", "UpdateAccessKey", &input)?;
        let arn = format!("arn:aws:iam::{account}:root");
        cast.add(Who::Root, &arn, cast.root.clone());
        cast.add(Who::Nobody, "", Signer::default());
        let forged = Signer { secret: "another".into(), ..admin };
        cast.add(Who::Forger, "", forged);
        cast.sessions(house)?;
        cast.foreigner(house, Who::ForeignAdmin, &stranger, foreign, EVERYTHING)?;
        cast.foreigner(house, Who::Friend, &stranger, foreign, KMS_ALONE)?;
        cast.add(Who::ForeignRoot, &format!("arn:aws:iam::{foreign}:root"), stranger);
        Ok(cast)
    }

    fn add(&mut self, who: Who, arn: &str, signer: Signer) {
        self.actors.push(Actor { who, arn: arn.to_owned(), signer });
    }

    /// A user with a key, and a policy if one is given.
    fn user(&mut self, house: &House, who: Who, policy: Option<&str>) -> Result<Signer, String> {
        let root = self.root.clone();
        let name = format!("{who:?}");
        let signer = user(house, &root, &name, policy)?;
        self.add(who, &format!("arn:aws:iam::{}:user/{name}", self.account), signer.clone());
        Ok(signer)
    }

    /// A user of another account; several casts may share it.
    fn foreigner(
        &mut self,
        house: &House,
        who: Who,
        root: &Signer,
        account: &str,
        policy: &str,
    ) -> Result<(), String> {
        // Its name tells nothing of the account that it calls into.
        let name = format!("{who:?}{}", self.number);
        let signer = user(house, root, &name, Some(policy))?;
        self.add(who, &format!("arn:aws:iam::{account}:user/{name}"), signer);
        Ok(())
    }

    fn sessions(&mut self, house: &House) -> Result<(), String> {
        let account = self.account.clone();
        let trust = trust(&account);
        let input = format!("RoleName=Role&AssumeRolePolicyDocument={}", encoded(&trust));
        must(house, &self.root, "iam", "CreateRole", &input)?;
        let input = format!("RoleName=Role&PolicyName=own&PolicyDocument={}", encoded(EVERYTHING));
        must(house, &self.root, "iam", "PutRolePolicy", &input)?;
        let signer = self.assume(house, None)?;
        let arn = format!("arn:aws:sts::{account}:assumed-role/Role/session");
        self.add(Who::Role, &arn, signer.clone());
        self.add(Who::Narrowed, &arn, signer);
        let admin = self.signer(Who::Admin)?.clone();
        let reply = must(house, &admin, "sts", "GetSessionToken", "")?;
        let arn = format!("arn:aws:iam::{account}:user/Admin");
        self.add(Who::Token, &arn, temporary(&reply)?);
        let reply = must(house, &admin, "sts", "GetFederationToken", "Name=fed")?;
        let arn = format!("arn:aws:sts::{account}:federated-user/fed");
        self.add(Who::Federated, &arn, temporary(&reply)?);
        Ok(())
    }

    fn assume(&self, house: &House, policy: Option<&str>) -> Result<Signer, String> {
        let role = format!("arn:aws:iam::{}:role/Role", self.account);
        let policy = policy.map_or_else(String::new, |text| format!("&Policy={}", encoded(text)));
        let input = format!("RoleArn={role}&RoleSessionName=session{policy}");
        let admin = self.signer(Who::Admin)?;
        temporary(&must(house, admin, "sts", "AssumeRole", &input)?)
    }

    pub(super) fn actor(&self, who: Who) -> Result<&Actor, String> {
        let found = self.actors.iter().find(|actor| actor.who == who);
        found.ok_or_else(|| format!("there is no {who:?}"))
    }

    pub(super) fn signer(&self, who: Who) -> Result<&Signer, String> {
        Ok(&self.actor(who)?.signer)
    }

    /// Gives those whose policies depend on the operation the policies of `actions`, on the ARNs
    /// of the right and of the wrong resource.
    pub(super) fn dress(
        &mut self,
        house: &House,
        actions: &[String],
        right: &[String],
        wrong: &[String],
    ) -> Result<(), String> {
        let all = "[\"*\"]".to_owned();
        let list = |texts: &[String]| format!("[\"{}\"]", texts.join("\",\""));
        let actions = list(actions);
        let allow = |what: &str, on: &str| {
            format!(r#"{{"Effect":"Allow","{what}":{actions},"Resource":{on}}}"#)
        };
        let document =
            |statements: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let everything = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let barred =
            format!(r#"{everything},{{"Effect":"Deny","Action":{actions},"Resource":"*"}}"#);
        let rest = document(&allow("NotAction", &all));
        for (who, text) in [
            (Who::Other, rest.clone()),
            (Who::Barred, document(&barred)),
            (Who::Here, document(&allow("Action", &list(right)))),
            (Who::Elsewhere, document(&allow("Action", &list(wrong)))),
        ] {
            let input =
                format!("UserName={who:?}&PolicyName=own&PolicyDocument={}", encoded(&text));
            must(house, &self.root, "iam", "PutUserPolicy", &input)?;
        }
        self.bound(house, &rest)?;
        let narrowed = self.assume(house, Some(&rest))?;
        if let Some(actor) = self.actors.iter_mut().find(|actor| actor.who == Who::Narrowed) {
            actor.signer = narrowed;
        }
        Ok(())
    }

    /// Gives `Bounded` a boundary of this text; the one before is thrown away.
    fn bound(&self, house: &House, text: &str) -> Result<(), String> {
        let root = &self.root;
        let arn = format!("arn:aws:iam::{}:policy/boundary", self.account);
        let put = format!("UserName=Bounded&PermissionsBoundary={arn}");
        let old = crate::speak::call(house, root, "iam", "GetPolicy", &format!("PolicyArn={arn}"))?;
        if old.status == 200 {
            let user = "UserName=Bounded";
            must(house, root, "iam", "DeleteUserPermissionsBoundary", user)?;
            must(house, root, "iam", "DeletePolicy", &format!("PolicyArn={arn}"))?;
        }
        let create = format!("PolicyName=boundary&PolicyDocument={}", encoded(text));
        must(house, root, "iam", "CreatePolicy", &create)?;
        must(house, root, "iam", "PutUserPermissionsBoundary", &put)?;
        Ok(())
    }
}

/// A trust policy for everyone of an account whom the account lets.
pub(super) fn trust(account: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"sts:AssumeRole"}}}}"#
    )
}

fn user(house: &House, root: &Signer, name: &str, policy: Option<&str>) -> Result<Signer, String> {
    let tag = "Tags.member.1.Key=who&Tags.member.1.Value";
    must(house, root, "iam", "CreateUser", &format!("UserName={name}&{tag}={name}"))?;
    if let Some(text) = policy {
        let input = format!("UserName={name}&PolicyName=own&PolicyDocument={}", encoded(text));
        must(house, root, "iam", "PutUserPolicy", &input)?;
    }
    let reply = must(house, root, "iam", "CreateAccessKey", &format!("UserName={name}"))?;
    let (id, secret) = (need(&reply, "AccessKeyId")?, need(&reply, "SecretAccessKey")?);
    Ok(Signer { id, secret, token: None })
}

fn temporary(reply: &crate::door::Reply) -> Result<Signer, String> {
    Ok(Signer {
        id: need(reply, "AccessKeyId")?,
        secret: need(reply, "SecretAccessKey")?,
        token: Some(need(reply, "SessionToken")?),
    })
}
