//! What operations are about: fresh for each operation, so that no call spoils the next.

use std::collections::BTreeMap;

use bulla_ground::Signer;

use crate::house::House;
use crate::run::say;

use super::cast::trust;
use crate::speak::{encoded, must, need, quoted};

/// An identity policy, for operations that store or simulate one.
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}"#;

/// A trust policy that names no account.
const SERVICE_TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

/// A trust policy that lets functions have a role.
const LAMBDA_TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

/// An archive with an empty `main.py`.
const ARCHIVE: &str = "UEsDBBQAAAAAAAAAIQAAAAAAAAAAAAAAAAAHAAAAbWFpbi5weVBLAQIUAxQAAAAAAAAAIQAAAAAAAAAAAAAAAAAHAAAAAAAAAAAAAACkgQAAAABtYWluLnB5UEsFBgAAAAABAAEANQAAACUAAAAAAA==";

/// The version that a secret has.
const SECRET_VERSION: &str = "00000000-0000-4000-8000-000000000000";

/// A secret's policy that lets its own account alone.
const SECRET_POLICY: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::{account}:root"},"Action":"secretsmanager:Describe*","Resource":"*"}}"#;

/// The names that rules use, of one resource of each kind.
#[derive(Default)]
pub(super) struct Targets(BTreeMap<&'static str, String>);

/// Makes targets in one account.
pub(super) struct Maker<'a> {
    pub(super) house: &'a House,
    pub(super) account: &'a str,
    /// Who may use the keys besides the account.
    pub(super) friend: &'a str,
    /// Somebody who may be named.
    pub(super) nobody: String,
    /// Makes every name another.
    pub(super) number: u64,
}

impl Targets {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, value.into());
    }
}

impl Maker<'_> {
    /// What an operation of a service is about; of IAM's only what its input names, and only if it
    /// shall exist.
    pub(super) fn make(&self, service: &str, input: &str, exists: bool) -> Result<Targets, String> {
        let mut targets = Targets::default();
        targets.set("account", self.account);
        targets.set("nobody", self.nobody.as_str());
        targets.set("document", DOCUMENT);
        targets.set("trust", trust(self.account));
        targets.set("service_trust", SERVICE_TRUST);
        match service {
            "kms" | "bulla" => {
                let policy = self.key_policy();
                self.keys(&mut targets, &Signer::of(self.account), &policy)?;
            }
            "secretsmanager" => self.secrets(&mut targets)?,
            "organizations" => self.organization(&mut targets)?,
            "ssm" => self.parameters(&mut targets)?,
            "events" => self.events(&mut targets)?,
            "cloudtrail" => self.trails(&mut targets)?,
            "lambda" => self.functions(&mut targets)?,
            "servicequotas" | "bullaquotas" => self.quotas(&mut targets)?,
            "ce" => {}
            _ => {
                self.principals(&mut targets)?;
                if exists {
                    self.found(&mut targets, input)?;
                }
            }
        }
        Ok(targets)
    }

    /// A key that lets nobody of the account but `keeper`, and what is about it.
    pub(super) fn make_shut(&self, keeper: (&str, &Signer)) -> Result<Targets, String> {
        let mut targets = Targets::default();
        targets.set("account", self.account);
        targets.set("nobody", self.nobody.as_str());
        let allow = format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:*","Resource":"*"}}"#,
            keeper.0
        );
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{allow}]}}"#);
        self.keys(&mut targets, keeper.1, &policy)?;
        Ok(targets)
    }

    fn key_policy(&self) -> String {
        let allow = |who: &str| {
            format!(
                r#"{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"kms:*","Resource":"*"}}"#
            )
        };
        let root = allow(&format!("arn:aws:iam::{}:root", self.account));
        let friend = allow(self.friend);
        format!(r#"{{"Version":"2012-10-17","Statement":[{root},{friend}]}}"#)
    }

    fn keys(&self, targets: &mut Targets, owner: &Signer, policy: &str) -> Result<(), String> {
        let kms =
            |operation: &str, input: String| must(self.house, owner, "kms", operation, &input);
        let text = quoted(policy);
        let input = format!(r#"{{"Policy":"{text}","BypassPolicyLockoutSafetyCheck":true}}"#);
        let made = kms("CreateKey", input)?;
        let (id, key) = (need(&made, "KeyId")?, need(&made, "Arn")?);
        let alias = format!("alias/a-{}-{id}", self.number);
        kms("CreateAlias", format!(r#"{{"AliasName":"{alias}","TargetKeyId":"{id}"}}"#))?;
        let made = kms("Encrypt", format!(r#"{{"KeyId":"{id}","Plaintext":"AAAA"}}"#))?;
        targets.set("blob", need(&made, "CiphertextBlob")?);
        let input = format!(
            r#"{{"KeyId":"{id}","GranteePrincipal":"{}","Operations":["Encrypt"]}}"#,
            self.nobody
        );
        let made = kms("CreateGrant", input)?;
        targets.set("grant", need(&made, "GrantId")?);
        let (head, _) = key.split_once("key/").ok_or("a key's ARN without a key")?;
        targets.set("alias", format!("{head}{alias}"));
        targets.set("alias.name", alias.clone());
        targets.set("new_alias", format!("{head}{alias}-new"));
        targets.set("new_alias.name", format!("{alias}-new"));
        targets.set("key_policy", policy.to_owned());
        targets.set("key", key);
        Ok(())
    }

    /// A secret, and the name of another.
    fn secrets(&self, targets: &mut Targets) -> Result<(), String> {
        let owner = Signer::of(self.account);
        let n = self.number;
        let input = format!(
            r#"{{"Name":"it{n}","SecretString":"s","ClientRequestToken":"{SECRET_VERSION}"}}"#
        );
        let made = must(self.house, &owner, "secretsmanager", "CreateSecret", &input)?;
        targets.set("secret", need(&made, "ARN")?);
        targets.set("secret.version", SECRET_VERSION);
        targets.set("new_secret.name", format!("new{n}"));
        let policy = SECRET_POLICY.replace("{account}", self.account);
        targets.set("secret_policy", policy);
        Ok(())
    }

    /// Names of what there may be.
    fn principals(&self, targets: &mut Targets) -> Result<(), String> {
        let n = self.number;
        for (word, existing, coming) in [
            ("user", ["user", "user.name"], ["new_user", "new_user.name"]),
            ("group", ["group", "group.name"], ["new_group", "new_group.name"]),
            ("role", ["role", "role.name"], ["new_role", "new_role.name"]),
            ("policy", ["policy", "policy.name"], ["new_policy", "new_policy.name"]),
            ("instance-profile", ["profile", "profile.name"], ["new_profile", "new_profile.name"]),
            ("oidc-provider", ["issuer", "issuer.name"], ["new_issuer", "new_issuer.name"]),
        ] {
            for ([arn, short], prefix) in [(existing, "it"), (coming, "new")] {
                let dot = if word == "oidc-provider" { ".example" } else { "" };
                let name = format!("{prefix}{n}{dot}");
                targets.set(arn, format!("arn:aws:iam::{}:{word}/{name}", self.account));
                targets.set(short, name);
            }
        }
        // A key id of AWS's own documentation, which nobody has.
        targets.set("user.key", "AKIAIOSFODNN7EXAMPLE");
        Ok(())
    }

    /// Makes what `input` names.
    fn found(&self, targets: &mut Targets, input: &str) -> Result<(), String> {
        let root = Signer::of(self.account);
        let iam =
            |operation: &str, input: String| must(self.house, &root, "iam", operation, &input);
        let n = self.number;
        let uses = |name: &str| input.contains(&format!("{{{name}"));
        if uses("user") {
            iam("CreateUser", format!("UserName=it{n}"))?;
            let made = iam("CreateAccessKey", format!("UserName=it{n}"))?;
            targets.set("user.key", need(&made, "AccessKeyId")?);
        }
        if uses("group") {
            iam("CreateGroup", format!("GroupName=it{n}"))?;
        }
        if uses("role") {
            let trust = encoded(&trust(self.account));
            iam("CreateRole", format!("RoleName=it{n}&AssumeRolePolicyDocument={trust}"))?;
        }
        if uses("policy") {
            let document = encoded(DOCUMENT);
            iam("CreatePolicy", format!("PolicyName=it{n}&PolicyDocument={document}"))?;
        }
        if uses("profile") {
            iam("CreateInstanceProfile", format!("InstanceProfileName=it{n}"))?;
        }
        if uses("issuer") {
            iam("CreateOpenIDConnectProvider", format!("Url=https://it{n}.example"))?;
        }
        Ok(())
    }

    /// A quota, which every account has.
    fn quotas(&self, targets: &mut Targets) -> Result<(), String> {
        let root = Signer::of(self.account);
        let input = r#"{"ServiceCode":"kms","QuotaCode":"L-6E3AF000"}"#;
        let quota = must(self.house, &root, "servicequotas", "GetServiceQuota", input)?;
        targets.set("quota", need(&quota, "QuotaArn")?.to_owned());
        Ok(())
    }

    /// A parameter that can be shared, and names of what there may be.
    fn parameters(&self, targets: &mut Targets) -> Result<(), String> {
        let root = Signer::of(self.account);
        let n = self.number;
        let ssm =
            |operation: &str, input: String| must(self.house, &root, "ssm", operation, &input);
        let name = format!("/at{n}/it");
        let input = format!(r#"{{"Name":"{name}","Value":"v","Type":"String","Tier":"Advanced"}}"#);
        ssm("PutParameter", input)?;
        let made = ssm("GetParameter", format!(r#"{{"Name":"{name}"}}"#))?;
        let arn = need(&made, "ARN")?;
        let (head, _) = arn.split_once(":parameter/").ok_or("no ARN of a parameter")?;
        targets.set("new_parameter", format!("{head}:parameter/at{n}/new"));
        targets.set("new_parameter.name", format!("/at{n}/new"));
        targets.set("path", format!("{head}:parameter/at{n}"));
        targets.set("path.name", format!("/at{n}"));
        targets.set("every", format!("{head}:*"));
        targets.set("settings", format!("{head}:servicesetting"));
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*","Action":"ssm:GetParameter","Resource":"{arn}","Condition":{{"Bool":{{"aws:ViaAWSService":"true"}}}}}}}}"#
        );
        targets.set("sharing", policy);
        targets.set("parameter.name", name);
        targets.set("parameter", arn);
        Ok(())
    }

    /// A bus, a rule, a connection and an API destination, and names for more of each.
    fn events(&self, targets: &mut Targets) -> Result<(), String> {
        let root = Signer::of(self.account);
        let call =
            |operation: &str, input: String| must(self.house, &root, "events", operation, &input);
        let n = self.number;
        let pattern = r#"{"source":["s"]}"#;
        targets.set("event_pattern", pattern);
        call("CreateEventBus", format!(r#"{{"Name":"it{n}"}}"#))?;
        let text = quoted(pattern);
        call("PutRule", format!(r#"{{"Name":"it{n}","EventPattern":"{text}"}}"#))?;
        let auth = r#"{"ApiKeyAuthParameters":{"ApiKeyName":"k","ApiKeyValue":"v"}}"#;
        let input =
            format!(r#"{{"Name":"it{n}","AuthorizationType":"API_KEY","AuthParameters":{auth}}}"#);
        let connection = need(&call("CreateConnection", input)?, "ConnectionArn")?;
        let input = format!(
            r#"{{"Name":"it{n}","ConnectionArn":"{connection}","InvocationEndpoint":"https://hooks.example","HttpMethod":"POST"}}"#
        );
        call("CreateApiDestination", input)?;
        let (place, _) = connection.split_once(":connection/").ok_or("no connection's ARN")?;
        for (word, [name, short, coming, coming_short]) in [
            ("event-bus", ["bus", "bus.name", "new_bus", "new_bus.name"]),
            ("rule", ["rule", "rule.name", "new_rule", "new_rule.name"]),
            (
                "connection",
                ["connection", "connection.name", "new_connection", "new_connection.name"],
            ),
            (
                "api-destination",
                ["destination", "destination.name", "new_destination", "new_destination.name"],
            ),
        ] {
            targets.set(name, format!("{place}:{word}/it{n}"));
            targets.set(short, format!("it{n}"));
            targets.set(coming, format!("{place}:{word}/new{n}"));
            targets.set(coming_short, format!("new{n}"));
        }
        targets.set("connection.arn", connection);
        Ok(())
    }

    /// A trail, which is deleted again with the next one: a region takes few.
    fn trails(&self, targets: &mut Targets) -> Result<(), String> {
        let root = Signer::of(self.account);
        let call = |operation: &str, input: String| {
            must(self.house, &root, "cloudtrail", operation, &input)
        };
        let n = self.number;
        let listed = call("ListTrails", "{}".to_owned())?;
        let listed: serde_json::Value = serde_json::from_slice(&listed.body).map_err(say)?;
        let listed = listed.get("Trails").and_then(serde_json::Value::as_array);
        let names = listed.into_iter().flatten().filter_map(|trail| trail.get("Name")?.as_str());
        for name in names {
            call("DeleteTrail", format!(r#"{{"Name":"{name}"}}"#))?;
        }
        let input = format!(r#"{{"Name":"it{n}","S3BucketName":"trail-bkt"}}"#);
        let arn = need(&call("CreateTrail", input)?, "TrailARN")?;
        let (place, _) = arn.split_once(":trail/").ok_or("no trail's ARN")?;
        targets.set("new_trail", format!("{place}:trail/new{n}"));
        targets.set("new_trail.name", format!("new{n}"));
        targets.set("trail.name", format!("it{n}"));
        targets.set("trail", arn);
        Ok(())
    }

    /// A function with a version, an alias and a policy, and the name of another.
    fn functions(&self, targets: &mut Targets) -> Result<(), String> {
        let root = Signer::of(self.account);
        let n = self.number;
        let trust = encoded(LAMBDA_TRUST);
        let input = format!("RoleName=function{n}&AssumeRolePolicyDocument={trust}");
        let role = need(&must(self.house, &root, "iam", "CreateRole", &input)?, "Arn")?;
        let call = |operation: &str, rest: &str| {
            let input = format!(r#"{{"FunctionName":"it{n}"{rest}}}"#);
            must(self.house, &root, "lambda", operation, &input)
        };
        let rest = format!(
            r#","Role":"{role}","Runtime":"python3.12","Handler":"main.h","Publish":true,"Code":{{"ZipFile":"{ARCHIVE}"}}"#
        );
        let made = need(&call("CreateFunction", &rest)?, "FunctionArn")?;
        let arn = made.strip_suffix(":1").unwrap_or(&made);
        call("CreateAlias", r#","Name":"it","FunctionVersion":"1""#)?;
        let rest = r#","StatementId":"s","Action":"lambda:InvokeFunction","Principal":"events.amazonaws.com""#;
        call("AddPermission", rest)?;
        targets.set("new_function", arn.replace(&format!(":it{n}"), &format!(":new{n}")));
        targets.set("new_function.name", format!("new{n}"));
        targets.set("function", arn);
        targets.set("function.name", format!("it{n}"));
        targets.set("function.role", role);
        Ok(())
    }

    fn organization(&self, targets: &mut Targets) -> Result<(), String> {
        let root = Signer::of(self.account);
        let call = |operation: &str, input: String| {
            must(self.house, &root, "organizations", operation, &input)
        };
        let n = self.number;
        let top = need(&call("ListRoots", "{}".to_owned())?, "Id")?;
        let input = format!(r#"{{"ParentId":"{top}","Name":"unit{n}"}}"#);
        targets.set("unit", need(&call("CreateOrganizationalUnit", input)?, "Id")?);
        let input = format!(r#"{{"AccountName":"a","Email":"it{n}@example.com"}}"#);
        targets.set("member", need(&call("CreateAccount", input)?, "AccountId")?);
        let content = quoted(DOCUMENT);
        let input = format!(
            r#"{{"Name":"it{n}","Description":"d","Type":"SERVICE_CONTROL_POLICY","Content":"{content}"}}"#
        );
        targets.set("scp", need(&call("CreatePolicy", input)?, "Id")?);
        targets.set("root", top);
        targets.set("new_unit", format!("new{n}"));
        targets.set("email", format!("new{n}@example.com"));
        Ok(())
    }
}
