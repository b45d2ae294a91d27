//! A compiled policy and its evaluation for one request.

use crate::document;
use crate::error::PolicyError;
use crate::kind::{Limits, PolicyKind};
use crate::principals::{NamedPrincipal, Reach};
use crate::statement::{Effect, Statement, Target};

/// A parsed and compiled policy document.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) kind: PolicyKind,
    variables: bool,
    pub(crate) id: Option<Box<str>>,
    pub(crate) statements: Box<[Statement]>,
    name: Box<str>,
    arn: Option<Box<str>>,
}

/// What a policy says about a request: the first Deny, or the strongest Allow.
#[derive(Clone, Copy, Default)]
pub(crate) struct PolicyOutcome {
    pub(crate) deny: Option<usize>,
    pub(crate) allow: Option<usize>,
    pub(crate) reach: Reach,
}

impl Policy {
    /// Parses and compiles a document of the given type, within the largest size any API takes.
    ///
    /// # Errors
    /// A [`PolicyError`] naming the first fault and its place.
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Self, PolicyError> {
        Self::parse_within(text, kind, &Limits::default())
    }

    /// Parses and compiles a document within the caller's limits.
    ///
    /// # Errors
    /// A [`PolicyError`] naming the first fault and its place.
    pub fn parse_within(
        text: &str,
        kind: PolicyKind,
        limits: &Limits,
    ) -> Result<Self, PolicyError> {
        document::parse(text, kind, limits)
    }

    pub(crate) fn new(
        kind: PolicyKind,
        variables: bool,
        id: Option<Box<str>>,
        statements: Vec<Statement>,
    ) -> Self {
        Self { kind, variables, id, statements: statements.into(), name: "".into(), arn: None }
    }

    /// Names the policy, for decisions and explanations: its name, and its ARN if it is a managed
    /// or organization policy.
    #[must_use]
    pub fn named(mut self, name: &str, arn: Option<&str>) -> Self {
        self.name = name.into();
        self.arn = arn.map(Into::into);
        self
    }

    /// Ties user and role ARNs in Principal to the unique ids of the entities that have them now,
    /// as AWS does on storing: an entity made later under the same name is not trusted. `unique_id`
    /// gives the id of a user's or role's ARN; an ARN without one keeps matching by its text.
    pub fn bind_principals(&mut self, mut unique_id: impl FnMut(&str) -> Option<String>) {
        for statement in &mut self.statements {
            for pattern in statement.principals.patterns_mut() {
                pattern.bind(&mut unique_id);
            }
        }
    }

    /// Whether its version, 2012-10-17, has variables; that of 2008, which also counts where none
    /// is given, has none.
    pub fn has_variables(&self) -> bool {
        self.variables
    }

    /// The policy without its Allow statements, for an action that this type of policy can only
    /// deny, as a key's policy `kms:RetireGrant`. Statements are numbered anew.
    #[must_use]
    pub fn without_allows(&self) -> Self {
        let denies = |statement: &&Statement| statement.effect == Effect::Deny;
        let statements = self.statements.iter().filter(denies).cloned().collect();
        Self { statements, ..self.clone() }
    }

    /// Both policies as one, where a resource has several: what either denies is denied, what
    /// either allows is allowed. Statements keep their order; kind and name are the first's.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        let statements = self.statements.into_iter().chain(other.statements).collect();
        Self { statements, variables: self.variables || other.variables, ..self }
    }

    /// The policy's type.
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// The name given with [`Policy::named`]; empty without.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ARN given with [`Policy::named`].
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    /// The document's `Id` element.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The statements in order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Every principal the policy names, with repetitions.
    pub fn principals(&self) -> impl Iterator<Item = NamedPrincipal<'_>> {
        self.statements.iter().flat_map(Statement::principals)
    }

    /// The context keys the policy asks for, in lower case, sorted.
    pub fn context_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> =
            self.statements.iter().flat_map(Statement::context_keys).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Evaluates all statements; Allows no stronger than `reached` are skipped.
    pub(crate) fn evaluate(&self, target: &Target<'_>, reached: Reach) -> PolicyOutcome {
        let mut outcome = PolicyOutcome { reach: reached, ..PolicyOutcome::default() };
        for (index, statement) in self.statements.iter().enumerate() {
            if statement.effect == Effect::Allow && outcome.reach == Reach::Direct {
                continue;
            }
            let reach = statement.applies(target);
            if reach == Reach::None {
                continue;
            }
            match statement.effect {
                Effect::Deny => {
                    outcome.deny = Some(index);
                    return outcome;
                }
                Effect::Allow if reach > outcome.reach => {
                    outcome.allow = Some(index);
                    outcome.reach = reach;
                }
                Effect::Allow => {}
            }
        }
        outcome
    }
}
