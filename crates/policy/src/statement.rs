//! One compiled statement and whether it applies to a request.

use crate::arn::ResourcePattern;
use crate::condition::{Condition, Holds};
use crate::glob::{Matched, Pattern};
use crate::json::Position;
use crate::principals::{NamedPrincipal, PrincipalRule, Reach};
use crate::request::Request;

/// Allow or Deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The statement allows.
    Allow,
    /// The statement denies, whatever others allow.
    Deny,
}

#[derive(Clone, Debug)]
pub(crate) enum ActionRule {
    /// No Action element, which a key policy may leave out: matches nothing.
    Nothing,
    Of(Box<[ActionPattern]>),
    NotOf(Box<[ActionPattern]>),
}

#[derive(Clone, Debug)]
pub(crate) struct ActionPattern {
    pub(crate) text: Box<str>,
    pub(crate) pattern: Pattern,
}

#[derive(Clone, Debug)]
pub(crate) enum ResourceRule {
    /// No Resource element, which a key policy may leave out: matches nothing.
    Nothing,
    /// A trust policy, which is about the role it belongs to.
    Everything,
    Of(Box<[ResourcePattern]>),
    NotOf(Box<[ResourcePattern]>),
}

/// A statement of a policy.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    pub(crate) principals: PrincipalRule,
    pub(crate) actions: ActionRule,
    pub(crate) resources: ResourceRule,
    pub(crate) conditions: Box<[Condition]>,
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// A request with what does not change from statement to statement.
pub(crate) struct Target<'a> {
    pub(crate) request: &'a Request<'a>,
    /// Whether the caller has a permissions boundary.
    pub(crate) bounded: bool,
}

impl<'a> Target<'a> {
    pub(crate) fn new(request: &'a Request<'a>, bounded: bool) -> Self {
        Self { request, bounded }
    }
}

impl Statement {
    /// The statement's Sid.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Allow or Deny.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Where the policy simulator says the statement starts: after the last token before it.
    pub fn start(&self) -> Position {
        self.start
    }

    /// Just after the statement's closing brace.
    pub fn end(&self) -> Position {
        self.end
    }

    /// The principals named in Principal or NotPrincipal.
    pub fn principals(&self) -> impl Iterator<Item = NamedPrincipal<'_>> {
        self.principals.patterns().iter().map(|pattern| NamedPrincipal {
            principal_type: pattern.principal_type,
            text: &pattern.text,
        })
    }

    /// The action patterns of Action or NotAction, as written.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        let patterns: &[ActionPattern] = match &self.actions {
            ActionRule::Nothing => &[],
            ActionRule::Of(patterns) | ActionRule::NotOf(patterns) => patterns,
        };
        patterns.iter().map(|pattern| &*pattern.text)
    }

    /// The resource patterns of Resource or NotResource, as written.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.resource_patterns().iter().map(|pattern| &*pattern.text)
    }

    /// The context keys that conditions and variables ask for, in lower case, with repetitions.
    pub fn context_keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.resource_patterns().iter().flat_map(|p| p.pattern().variables());
        let keys = self.conditions.iter().flat_map(Condition::context_keys);
        keys.chain(variables.map(|variable| &*variable.key))
    }

    /// The same keys as they are written, with repetitions.
    pub fn written_context_keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.resource_patterns().iter().flat_map(|p| p.pattern().variables());
        let keys = self.conditions.iter().flat_map(Condition::written_keys);
        keys.chain(variables.map(|variable| &*variable.written))
    }

    fn resource_patterns(&self) -> &[ResourcePattern] {
        match &self.resources {
            ResourceRule::Nothing | ResourceRule::Everything => &[],
            ResourceRule::Of(patterns) | ResourceRule::NotOf(patterns) => patterns,
        }
    }

    /// Lets the statement match nothing, and keep its place.
    pub(crate) fn silence(&mut self) {
        self.actions = ActionRule::Nothing;
    }

    pub(crate) fn covers_action(&self, action: &str) -> bool {
        let any = |patterns: &[ActionPattern]| {
            patterns.iter().any(|pattern| pattern.pattern.matches_action(action))
        };
        match &self.actions {
            ActionRule::Nothing => false,
            ActionRule::Of(patterns) => any(patterns),
            ActionRule::NotOf(patterns) => !any(patterns),
        }
    }

    /// A variable without a value matches no resource; in NotResource it makes the statement
    /// unsure.
    pub(crate) fn covers_resource(&self, request: &Request<'_>) -> Holds {
        let matches =
            |pattern: &ResourcePattern| pattern.matches(request.resource, request.conditions);
        match &self.resources {
            ResourceRule::Nothing => Holds::No,
            ResourceRule::Everything => Holds::Yes,
            ResourceRule::Of(patterns) => {
                Holds::from(patterns.iter().any(|pattern| matches(pattern) == Matched::Yes))
            }
            ResourceRule::NotOf(patterns) => {
                let mut holds = Holds::Yes;
                for pattern in patterns {
                    match matches(pattern) {
                        Matched::Yes => return Holds::No,
                        Matched::No => {}
                        Matched::Unresolved => holds = Holds::Error,
                    }
                }
                holds
            }
        }
    }

    pub(crate) fn covers_principal(&self, target: &Target<'_>) -> Reach {
        self.principals.reach(target.request.principal, target.bounded)
    }

    pub(crate) fn conditions_hold(&self, request: &Request<'_>) -> Holds {
        let mut holds = Holds::Yes;
        for condition in &self.conditions {
            match condition.holds(request.conditions) {
                Holds::No => return Holds::No,
                Holds::Error => holds = Holds::Error,
                Holds::Yes => {}
            }
        }
        holds
    }

    /// How strongly the statement applies. An evaluation error fails closed: an Allow does not
    /// apply, a Deny does.
    pub(crate) fn applies(&self, target: &Target<'_>) -> Reach {
        let request = target.request;
        if !self.covers_action(request.action) {
            return Reach::None;
        }
        let reach = self.covers_principal(target);
        if reach == Reach::None {
            return Reach::None;
        }
        let holds = match self.covers_resource(request) {
            Holds::No => Holds::No,
            resource => resource.and(self.conditions_hold(request)),
        };
        match (holds, self.effect) {
            (Holds::Yes, _) | (Holds::Error, Effect::Deny) => reach,
            (Holds::No, _) | (Holds::Error, Effect::Allow) => Reach::None,
        }
    }
}
