//! The Principal and NotPrincipal elements: patterns for callers, and how strongly they name one.

use crate::principal::{Principal, PrincipalKind};

/// How strongly a resource policy names the caller, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Not at all.
    #[default]
    None,
    /// By its account, which delegates to the account's identity policies.
    Account,
    /// By the role of its session (or the user of its federated session): identity policies are not
    /// needed, boundary and session policies still limit.
    Role,
    /// Itself: nothing else is needed within the account.
    Direct,
}

/// The type of a named principal: the member name in the Principal element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalType {
    /// `AWS`: accounts, users, roles, sessions, unique ids.
    Aws,
    /// `Service`.
    Service,
    /// `Federated`: identity providers.
    Federated,
    /// `CanonicalUser`: canonical user ids.
    CanonicalUser,
}

impl PrincipalType {
    /// The member name in a policy document.
    pub fn name(self) -> &'static str {
        match self {
            PrincipalType::Aws => "AWS",
            PrincipalType::Service => "Service",
            PrincipalType::Federated => "Federated",
            PrincipalType::CanonicalUser => "CanonicalUser",
        }
    }
}

/// A principal that a policy names, as written; for services to check that it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedPrincipal<'a> {
    /// Its type.
    pub principal_type: PrincipalType,
    /// Its text: `*`, an account number, an ARN, a unique id, a service name, ...
    pub text: &'a str,
}

#[derive(Clone, Debug)]
pub(crate) struct PrincipalPattern {
    pub(crate) principal_type: PrincipalType,
    pub(crate) text: Box<str>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Anyone,
    Account(Box<str>),
    /// A user or role, by ARN, or by id once bound to an entity that existed.
    Entity {
        id: Option<Box<str>>,
    },
    /// A role session or federated-user session.
    Session,
    UniqueId,
    Service,
    Federated,
    CanonicalUser,
}

/// Why an ARN cannot be a principal.
pub(crate) struct NotAPrincipal;

const ACCOUNT_DIGITS: usize = 12;
const CANONICAL_DIGITS: usize = 64;
const UNIQUE_ID_MIN: usize = 16;

impl PrincipalPattern {
    pub(crate) fn anyone() -> Self {
        Self { principal_type: PrincipalType::Aws, text: "*".into(), form: Form::Anyone }
    }

    pub(crate) fn is_anyone(&self) -> bool {
        matches!(self.form, Form::Anyone)
    }

    pub(crate) fn parse(kind: PrincipalType, text: &str) -> Result<Self, NotAPrincipal> {
        let form = match kind {
            PrincipalType::Aws => aws_form(text)?,
            PrincipalType::Service if service_name(text) => Form::Service,
            PrincipalType::Federated if !text.is_empty() && !text.contains(['*', '?']) => {
                Form::Federated
            }
            PrincipalType::CanonicalUser
                if text.len() == CANONICAL_DIGITS
                    && text.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                Form::CanonicalUser
            }
            _ => return Err(NotAPrincipal),
        };
        Ok(Self { principal_type: kind, text: text.into(), form })
    }

    /// Ties a user or role ARN to the unique id of the entity that has it now.
    pub(crate) fn bind(&mut self, unique_id: &mut dyn FnMut(&str) -> Option<String>) {
        if let Form::Entity { id } = &mut self.form {
            *id = unique_id(&self.text).map(String::into_boxed_str);
        }
    }

    /// How strongly this names `caller`.
    pub(crate) fn reach(&self, caller: &Principal) -> Reach {
        let text = &*self.text;
        match (&self.form, &caller.kind) {
            (Form::Anyone, _) => Reach::Direct,
            (Form::Account(account), kind) if **account == caller.account => match kind {
                PrincipalKind::Root => Reach::Direct,
                PrincipalKind::Service { .. }
                | PrincipalKind::WebIdentity { .. }
                | PrincipalKind::Anonymous => Reach::None,
                PrincipalKind::User
                | PrincipalKind::AssumedRole { .. }
                | PrincipalKind::FederatedUser { .. } => Reach::Account,
            },
            (Form::Entity { id: Some(id) }, _) => unique_id_reach(id, caller),
            (Form::Entity { id: None }, kind) => match kind {
                PrincipalKind::User if text == caller.arn => Reach::Direct,
                PrincipalKind::AssumedRole { role_arn } if text == role_arn => Reach::Role,
                PrincipalKind::FederatedUser { user_arn, .. } if text == user_arn => Reach::Role,
                _ => Reach::None,
            },
            (
                Form::Session,
                PrincipalKind::AssumedRole { .. } | PrincipalKind::FederatedUser { .. },
            ) => direct(text == caller.arn),
            (Form::UniqueId, _) => unique_id_reach(text, caller),
            (Form::Service, PrincipalKind::Service { name }) => direct(text == name),
            (Form::Federated, PrincipalKind::WebIdentity { provider }) => direct(text == provider),
            (Form::CanonicalUser, PrincipalKind::Root) => {
                direct(caller.canonical_user.as_deref() == Some(text))
            }
            (Form::CanonicalUser, _) if caller.canonical_user.as_deref() == Some(text) => {
                Reach::Account
            }
            _ => Reach::None,
        }
    }
}

fn direct(yes: bool) -> Reach {
    if yes { Reach::Direct } else { Reach::None }
}

fn unique_id_reach(id: &str, caller: &Principal) -> Reach {
    match &caller.kind {
        PrincipalKind::User => direct(id == caller.unique_id),
        PrincipalKind::AssumedRole { .. } if id == caller.unique_id => Reach::Direct,
        PrincipalKind::AssumedRole { .. } | PrincipalKind::FederatedUser { .. }
            if id == caller.entity_id() =>
        {
            Reach::Role
        }
        _ => Reach::None,
    }
}

fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_DIGITS && text.bytes().all(|b| b.is_ascii_digit())
}

fn service_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    text.contains('.') && text.bytes().all(allowed)
}

fn aws_form(text: &str) -> Result<Form, NotAPrincipal> {
    if text == "*" {
        return Ok(Form::Anyone);
    }
    if is_account(text) {
        return Ok(Form::Account(text.into()));
    }
    let unique = |prefix: &str| text.starts_with(prefix) && text.len() >= UNIQUE_ID_MIN;
    if unique("AIDA") || unique("AROA") {
        let id = text.split(':').next().unwrap_or("");
        let plain = id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        return if plain { Ok(Form::UniqueId) } else { Err(NotAPrincipal) };
    }
    arn_form(text)
}

fn arn_form(text: &str) -> Result<Form, NotAPrincipal> {
    let mut fields = text.splitn(6, ':');
    let mut field = || fields.next().ok_or(NotAPrincipal);
    let (arn, partition, service) = (field()?, field()?, field()?);
    let (region, account, resource) = (field()?, field()?, field()?);
    let well_formed = arn == "arn" && partition.starts_with("aws") && region.is_empty();
    if !well_formed || !is_account(account) || text.contains(['*', '?', '$']) {
        return Err(NotAPrincipal);
    }
    let named = |prefix: &str| resource.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
    match service {
        "iam" if resource == "root" => Ok(Form::Account(account.into())),
        "iam" if named("user/") || named("role/") => Ok(Form::Entity { id: None }),
        "sts" if named("federated-user/") => Ok(Form::Session),
        "sts" if named("assumed-role/") && resource.split('/').count() == 3 => Ok(Form::Session),
        _ => Err(NotAPrincipal),
    }
}

/// The Principal or NotPrincipal element of a statement.
#[derive(Clone, Debug)]
pub(crate) enum PrincipalRule {
    /// The policy type has no principals: every caller it is evaluated for.
    Holder,
    Of(Box<[PrincipalPattern]>),
    /// NotPrincipal, which only Deny statements have.
    NotOf(Box<[PrincipalPattern]>),
}

impl PrincipalRule {
    pub(crate) fn patterns(&self) -> &[PrincipalPattern] {
        match self {
            PrincipalRule::Holder => &[],
            PrincipalRule::Of(patterns) | PrincipalRule::NotOf(patterns) => patterns,
        }
    }

    pub(crate) fn patterns_mut(&mut self) -> &mut [PrincipalPattern] {
        match self {
            PrincipalRule::Holder => &mut [],
            PrincipalRule::Of(patterns) | PrincipalRule::NotOf(patterns) => patterns,
        }
    }

    /// How strongly the element covers `caller`. `bounded`: the caller has a permissions boundary,
    /// which a NotPrincipal never exempts.
    pub(crate) fn reach(&self, caller: &Principal, bounded: bool) -> Reach {
        match self {
            PrincipalRule::Holder => Reach::Direct,
            PrincipalRule::Of(patterns) => {
                patterns.iter().map(|pattern| pattern.reach(caller)).max().unwrap_or_default()
            }
            PrincipalRule::NotOf(patterns) => direct(bounded || !exempts(patterns, caller)),
        }
    }
}

/// Whether a NotPrincipal list exempts `caller`: account, role and session are checked in turn, and
/// each must be listed.
fn exempts(patterns: &[PrincipalPattern], caller: &Principal) -> bool {
    let listed = |reach: Reach| patterns.iter().any(|pattern| pattern.reach(caller) == reach);
    if patterns.iter().any(PrincipalPattern::is_anyone) {
        return true;
    }
    match caller.kind {
        PrincipalKind::User => listed(Reach::Direct) && listed(Reach::Account),
        PrincipalKind::AssumedRole { .. } => {
            listed(Reach::Direct) && listed(Reach::Role) && listed(Reach::Account)
        }
        PrincipalKind::FederatedUser { .. } => listed(Reach::Direct) && listed(Reach::Account),
        PrincipalKind::Root
        | PrincipalKind::Service { .. }
        | PrincipalKind::WebIdentity { .. }
        | PrincipalKind::Anonymous => listed(Reach::Direct),
    }
}
