//! A session: what temporary credentials stand for, as their token carries it.

use super::claims::{Reader, Writer};

/// Everything a session token says. Nothing of it is kept in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// Who acts in it.
    pub(crate) actor: Actor,
    /// The account of the actor.
    pub(crate) account: String,
    /// When the credentials were made, in milliseconds since 1970.
    pub(crate) issued_ms: i64,
    /// When they end, in milliseconds since 1970.
    pub(crate) expires_ms: i64,
    /// Whether a second factor was shown.
    pub(crate) mfa: bool,
    /// The source identity.
    pub(crate) source_identity: Option<String>,
    /// The inline session policy, without white space around its tokens.
    pub(crate) policy: Option<String>,
    /// The managed session policies, whose documents are read when a call is decided.
    pub(crate) policy_arns: Vec<String>,
    /// The session tags.
    pub(crate) tags: Vec<SessionTag>,
    /// The identity provider's word that the session rests on.
    pub(crate) web_identity: Option<Provided>,
}

/// Who acts in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// A role, by `AssumeRole` and its kin.
    Role {
        /// The role's ARN, with its path.
        arn: String,
        /// `AROA…`: a role made later under the same name is another.
        id: String,
        /// The session's name.
        name: String,
    },
    /// A user, by `GetSessionToken`.
    User {
        /// The user's ARN.
        arn: String,
        /// `AIDA…`
        id: String,
    },
    /// An account's root user, by `GetSessionToken`.
    Root,
    /// A federated user, by `GetFederationToken`.
    Federated {
        /// The federated user's name.
        name: String,
        /// The ARN and the id of the user who made the session; none for a root user.
        maker: Option<(String, String)>,
    },
}

/// A session tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionTag {
    pub(crate) key: String,
    pub(crate) value: String,
    /// Whether sessions of roles that are assumed from this one inherit it.
    pub(crate) transitive: bool,
}

/// What an identity provider said of the bearer of its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Provided {
    /// The provider's ARN.
    pub(crate) provider: String,
    /// The issuer without its scheme, which condition keys begin with.
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
}

const ROLE: u8 = 1;
const USER: u8 = 2;
const ROOT: u8 = 3;
const FEDERATED: u8 = 4;
const FEDERATED_BY_ROOT: u8 = 5;

/// The most tags of a session, which the model states for a request and inheritance can't exceed.
const MAX_TAGS: u8 = 50;
/// The most managed session policies.
const MAX_POLICY_ARNS: u8 = 10;

impl Session {
    /// The claims as bytes, with so many zero bytes after them.
    pub(crate) fn encode(&self, padding: usize) -> Vec<u8> {
        let mut out = Writer::default();
        match &self.actor {
            Actor::Role { arn, id, name } => out.byte(ROLE).text(arn).text(id).text(name),
            Actor::User { arn, id } => out.byte(USER).text(arn).text(id),
            Actor::Root => out.byte(ROOT),
            Actor::Federated { name, maker: Some((arn, id)) } => {
                out.byte(FEDERATED).text(name).text(arn).text(id)
            }
            Actor::Federated { name, maker: None } => out.byte(FEDERATED_BY_ROOT).text(name),
        };
        out.text(&self.account);
        out.number(self.issued_ms).number(self.expires_ms).flag(self.mfa);
        out.optional(self.source_identity.as_deref()).optional(self.policy.as_deref());
        out.count(self.policy_arns.len());
        for arn in &self.policy_arns {
            out.text(arn);
        }
        out.count(self.tags.len());
        for tag in &self.tags {
            out.text(&tag.key).text(&tag.value).flag(tag.transitive);
        }
        out.flag(self.web_identity.is_some());
        if let Some(web) = &self.web_identity {
            out.text(&web.provider).text(&web.issuer).text(&web.subject).text(&web.audience);
        }
        out.finish(padding)
    }

    /// Reads claims; nothing when they are not what [`encode`](Self::encode) writes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = Reader::new(bytes);
        let actor = match input.byte()? {
            ROLE => Actor::Role { arn: input.text()?, id: input.text()?, name: input.text()? },
            USER => Actor::User { arn: input.text()?, id: input.text()? },
            ROOT => Actor::Root,
            FEDERATED => {
                let name = input.text()?;
                Actor::Federated { name, maker: Some((input.text()?, input.text()?)) }
            }
            FEDERATED_BY_ROOT => Actor::Federated { name: input.text()?, maker: None },
            _ => return None,
        };
        let session = Self {
            actor,
            account: input.text()?,
            issued_ms: input.number()?,
            expires_ms: input.number()?,
            mfa: input.flag()?,
            source_identity: input.optional()?,
            policy: input.optional()?,
            policy_arns: input.list(MAX_POLICY_ARNS, Reader::text)?,
            tags: input.list(MAX_TAGS, |input| {
                Some(SessionTag {
                    key: input.text()?,
                    value: input.text()?,
                    transitive: input.flag()?,
                })
            })?,
            web_identity: match input.flag()? {
                false => None,
                true => Some(Provided {
                    provider: input.text()?,
                    issuer: input.text()?,
                    subject: input.text()?,
                    audience: input.text()?,
                }),
            },
        };
        input.is_padding().then_some(session)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn session() -> Session {
        Session {
            actor: Actor::Role {
                arn: "arn:aws:iam::123456789012:role/team/reader".into(),
                id: "AROAEXAMPLE0000000000".into(),
                name: "ann".into(),
            },
            account: "123456789012".into(),
            issued_ms: 1_000,
            expires_ms: 3_601_000,
            mfa: false,
            source_identity: Some("Ann".into()),
            policy: Some(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#.into()),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()],
            tags: vec![SessionTag { key: "team".into(), value: "é".into(), transitive: true }],
            web_identity: Some(Provided {
                provider: "arn:aws:iam::123456789012:oidc-provider/issuer.example".into(),
                issuer: "issuer.example".into(),
                subject: "repo:a".into(),
                audience: "sts.amazonaws.com".into(),
            }),
        }
    }

    #[test]
    fn claims_come_back_whoever_acts() {
        let base = session();
        let user = Actor::User { arn: "arn:u".into(), id: "AIDA".into() };
        let made = Some(("arn:u".into(), "AIDA".into()));
        let federated = Actor::Federated { name: "bob".into(), maker: made };
        let by_root = Actor::Federated { name: "bob".into(), maker: None };
        for actor in [base.actor.clone(), user, Actor::Root, federated, by_root] {
            let plain = Session {
                actor,
                source_identity: None,
                policy: None,
                policy_arns: Vec::new(),
                tags: Vec::new(),
                web_identity: None,
                mfa: true,
                ..base.clone()
            };
            assert_eq!(Session::decode(&plain.encode(0)), Some(plain.clone()));
            assert_eq!(Session::decode(&plain.encode(9)), Some(plain));
        }
        assert_eq!(Session::decode(&base.encode(0)), Some(base));
    }

    #[test]
    fn cut_or_lengthened_claims_are_none() {
        let bytes = session().encode(0);
        for end in 0..bytes.len() {
            assert_eq!(Session::decode(&bytes[..end]), None, "{end}");
        }
        let longer: Vec<u8> = bytes.iter().copied().chain([1]).collect();
        assert_eq!(Session::decode(&longer), None);
    }
}
