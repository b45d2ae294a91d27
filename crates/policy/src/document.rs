//! From JSON to compiled statements: the elements of the language, checked strictly.

use std::collections::HashSet;

use crate::arn::ResourcePattern;
use crate::condition::{Condition, OperandRules};
use crate::error::{PolicyError, Reason};
use crate::glob::{Colons, Pattern, Syntax};
use crate::json::{self, Member, Node, Position, Value};
use crate::kind::{Limits, PolicyKind};
use crate::policy::Policy;
use crate::principals::{PrincipalPattern, PrincipalRule, PrincipalType};
use crate::statement::{ActionPattern, ActionRule, Effect, ResourceRule, Statement};

/// A fault and where it is; becomes a [`PolicyError`] at the end.
struct Fault {
    reason: Reason,
    position: Position,
    path: String,
}

impl Fault {
    fn at(node: &Node<'_>, reason: Reason) -> Self {
        Self { reason, position: node.start, path: String::new() }
    }

    /// Puts an element in front of the path.
    fn inside(mut self, element: impl AsRef<str>) -> Self {
        let element = element.as_ref();
        self.path = match self.path.chars().next() {
            None => element.to_owned(),
            Some('[') => format!("{element}{}", self.path),
            Some(_) => format!("{element}.{}", self.path),
        };
        self
    }
}

const START: Position = Position { line: 1, column: 1 };

pub(crate) fn parse(text: &str, kind: PolicyKind, limits: &Limits) -> Result<Policy, PolicyError> {
    let refuse = |fault: Fault| {
        let Fault { reason, position, path } = fault;
        PolicyError { kind, reason, position, path }
    };
    if text.len() > limits.bytes {
        let reason = Reason::TooLarge { limit: limits.bytes };
        return Err(refuse(Fault { reason, position: START, path: String::new() }));
    }
    let root = json::parse(text).map_err(|error| {
        let json::JsonError { reason, position } = error;
        refuse(Fault { reason, position, path: String::new() })
    })?;
    policy(&root, kind, limits).map_err(refuse)
}

fn policy(root: &Node<'_>, kind: PolicyKind, limits: &Limits) -> Result<Policy, Fault> {
    let Value::Object(members) = &root.value else {
        return Err(Fault::at(root, Reason::NotAPolicy));
    };
    let (mut variables, mut id, mut statements) = (false, None, None);
    for member in members {
        let node = &member.node;
        match &*member.name {
            "Version" => variables = version(node).map_err(|f| f.inside("Version"))?,
            "Id" => id = Some(text(node, "a string").map_err(|f| f.inside("Id"))?.into()),
            "Statement" => statements = Some(node),
            _ => return Err(unknown(member)),
        }
    }
    let node = statements.ok_or_else(|| Fault::at(root, Reason::Missing("Statement")))?;
    let reader = Reader { kind, variables };
    let statements = reader.statements(node, limits).map_err(|f| f.inside("Statement"))?;
    Ok(Policy::new(kind, variables, id, statements))
}

fn unknown(member: &Member<'_>) -> Fault {
    let reason = Reason::UnknownElement(member.name.to_string());
    Fault { reason, position: member.at, path: member.name.to_string() }
}

/// Whether the version has variables.
fn version(node: &Node<'_>) -> Result<bool, Fault> {
    match text(node, "a version in quotes")? {
        "2012-10-17" => Ok(true),
        "2008-10-17" => Ok(false),
        other => Err(Fault::at(node, Reason::Version(other.to_owned()))),
    }
}

fn text<'n>(node: &'n Node<'_>, expected: &'static str) -> Result<&'n str, Fault> {
    match &node.value {
        Value::String(text) => Ok(text),
        _ => Err(Fault::at(node, Reason::WrongType(expected))),
    }
}

/// A string or a list of strings, each read by `read`.
fn one_or_many<T>(
    node: &Node<'_>,
    name: &'static str,
    read: impl Fn(&Node<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    match &node.value {
        Value::Array(items) if items.is_empty() => Err(Fault::at(node, Reason::Empty(name))),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| read(item).map_err(|fault| fault.inside(format!("[{index}]"))))
            .collect(),
        _ => Ok(vec![read(node)?]),
    }
}

struct Reader {
    kind: PolicyKind,
    /// Whether `${...}` is a variable.
    variables: bool,
}

/// The members of one statement, found before any is read.
#[derive(Default)]
struct Elements<'n, 'a> {
    sid: Option<&'n Node<'a>>,
    effect: Option<&'n Node<'a>>,
    principal: Option<&'n Node<'a>>,
    not_principal: Option<&'n Node<'a>>,
    action: Option<&'n Node<'a>>,
    not_action: Option<&'n Node<'a>>,
    resource: Option<&'n Node<'a>>,
    not_resource: Option<&'n Node<'a>>,
    condition: Option<&'n Node<'a>>,
}

impl<'n, 'a> Elements<'n, 'a> {
    fn find(node: &'n Node<'a>) -> Result<Self, Fault> {
        let Value::Object(members) = &node.value else {
            return Err(Fault::at(node, Reason::WrongType("a statement object")));
        };
        let mut elements = Self::default();
        for member in members {
            let slot = match &*member.name {
                "Sid" => &mut elements.sid,
                "Effect" => &mut elements.effect,
                "Principal" => &mut elements.principal,
                "NotPrincipal" => &mut elements.not_principal,
                "Action" => &mut elements.action,
                "NotAction" => &mut elements.not_action,
                "Resource" => &mut elements.resource,
                "NotResource" => &mut elements.not_resource,
                "Condition" => &mut elements.condition,
                _ => return Err(unknown(member)),
            };
            *slot = Some(&member.node);
        }
        for (one, two, names) in [
            (elements.principal, elements.not_principal, ("Principal", "NotPrincipal")),
            (elements.action, elements.not_action, ("Action", "NotAction")),
            (elements.resource, elements.not_resource, ("Resource", "NotResource")),
        ] {
            if let (Some(_), Some(node)) = (one, two) {
                return Err(Fault::at(node, Reason::Exclusive(names.0, names.1)));
            }
        }
        Ok(elements)
    }
}

impl Reader {
    fn statements(&self, node: &Node<'_>, limits: &Limits) -> Result<Vec<Statement>, Fault> {
        let lone = matches!(node.value, Value::Object(_));
        let items = match &node.value {
            Value::Array(items) => items.as_slice(),
            Value::Object(_) => std::slice::from_ref(node),
            _ => return Err(Fault::at(node, Reason::WrongType("a statement or a list of them"))),
        };
        if items.is_empty() {
            return Err(Fault::at(node, Reason::Empty("Statement")));
        }
        if items.len() > limits.statements {
            let reason = Reason::TooManyStatements { limit: limits.statements };
            return Err(Fault::at(node, reason));
        }
        let mut sids = HashSet::new();
        let mut statements = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let place = |fault: Fault| {
                if lone { fault } else { fault.inside(format!("[{index}]")) }
            };
            let statement = self.statement(item, lone).map_err(place)?;
            let repeated = |sid: &&str| !sid.is_empty() && !sids.insert((*sid).to_owned());
            if let Some(sid) = statement.sid().filter(repeated) {
                let reason = Reason::DuplicateSid(sid.to_owned());
                return Err(place(Fault::at(item, reason).inside("Sid")));
            }
            statements.push(statement);
        }
        Ok(statements)
    }

    fn statement(&self, node: &Node<'_>, lone: bool) -> Result<Statement, Fault> {
        let elements = Elements::find(node)?;
        let effect_node =
            elements.effect.ok_or_else(|| Fault::at(node, Reason::Missing("Effect")))?;
        let effect = effect(effect_node).map_err(|f| f.inside("Effect"))?;
        let sid = match elements.sid {
            Some(node) => Some(self.sid(node).map_err(|f| f.inside("Sid"))?),
            None => None,
        };
        // A lone statement is said to start after its own brace.
        let start = if lone {
            Position { column: node.start.column.saturating_add(1), ..node.start }
        } else {
            node.after_token
        };
        let statement = Statement {
            sid,
            effect,
            principals: self.principals(node, &elements, effect)?,
            actions: self.actions(node, &elements)?,
            resources: self.resources(node, &elements)?,
            conditions: self.conditions(elements.condition)?.into(),
            start,
            end: node.end,
        };
        if self.kind == PolicyKind::ResourceControl {
            check_resource_control(node, &elements, &statement)?;
        }
        Ok(statement)
    }

    fn sid(&self, node: &Node<'_>) -> Result<Box<str>, Fault> {
        let sid = text(node, "a string")?;
        if self.kind.plain_sid() && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Fault::at(node, Reason::Sid(sid.to_owned())));
        }
        Ok(sid.into())
    }

    fn principals(
        &self,
        node: &Node<'_>,
        elements: &Elements<'_, '_>,
        effect: Effect,
    ) -> Result<PrincipalRule, Fault> {
        let prohibited =
            |node: &Node<'_>, name| Err(Fault::at(node, Reason::Prohibited(name)).inside(name));
        match (elements.principal, elements.not_principal) {
            (Some(node), _) if !self.kind.has_principal() => prohibited(node, "Principal"),
            (_, Some(node)) if !self.kind.has_principal() => prohibited(node, "NotPrincipal"),
            (_, Some(node)) if self.kind == PolicyKind::Trust => prohibited(node, "NotPrincipal"),
            (_, Some(node)) if effect == Effect::Allow => prohibited(node, "NotPrincipal"),
            (Some(node), _) => {
                let patterns = principal_patterns(node).map_err(|f| f.inside("Principal"))?;
                Ok(PrincipalRule::Of(patterns.into()))
            }
            (None, Some(node)) => {
                let patterns = principal_patterns(node).map_err(|f| f.inside("NotPrincipal"))?;
                Ok(PrincipalRule::NotOf(patterns.into()))
            }
            (None, None) if self.kind.has_principal() => {
                Err(Fault::at(node, Reason::Missing("Principal")))
            }
            (None, None) => Ok(PrincipalRule::Holder),
        }
    }

    fn actions(&self, node: &Node<'_>, elements: &Elements<'_, '_>) -> Result<ActionRule, Fault> {
        let read = |node: &Node<'_>, name| {
            one_or_many(node, name, |item| self.action(item)).map_err(|f| f.inside(name))
        };
        match (elements.action, elements.not_action) {
            (Some(node), _) => Ok(ActionRule::Of(read(node, "Action")?.into())),
            (None, Some(node)) => Ok(ActionRule::NotOf(read(node, "NotAction")?.into())),
            (None, None) if self.kind == PolicyKind::Key => Ok(ActionRule::Nothing),
            (None, None) => Err(Fault::at(node, Reason::Missing("Action"))),
        }
    }

    fn action(&self, node: &Node<'_>) -> Result<ActionPattern, Fault> {
        let action = text(node, "an action in quotes")?;
        self.check_action(action).map_err(|reason| Fault::at(node, reason))?;
        let syntax = Syntax { wildcards: true, variables: false, colons: Colons::Cross };
        let pattern = Pattern::compile(action, syntax)
            .map_err(|_| Fault::at(node, Reason::Variable(action.to_owned())))?;
        Ok(ActionPattern { text: action.into(), pattern })
    }

    fn check_action(&self, action: &str) -> Result<(), Reason> {
        let trust = self.kind == PolicyKind::Trust;
        if action == "*" && !trust {
            return Ok(());
        }
        let Some((vendor, name)) = action.split_once(':') else {
            return Err(Reason::ActionWithoutVendor(action.to_owned()));
        };
        if name.contains(':') {
            return Err(Reason::ActionColons(action.to_owned()));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        let known = vendor == "*" || (!vendor.is_empty() && vendor.bytes().all(plain));
        if !known || name.is_empty() {
            return Err(Reason::ActionVendor(vendor.to_owned()));
        }
        if trust && !vendor.eq_ignore_ascii_case("sts") {
            return Err(Reason::ActionNotAllowed(action.to_owned()));
        }
        Ok(())
    }

    fn resources(
        &self,
        node: &Node<'_>,
        elements: &Elements<'_, '_>,
    ) -> Result<ResourceRule, Fault> {
        if self.kind == PolicyKind::Trust {
            let found = elements.resource.map(|node| (node, "Resource"));
            let found = found.or(elements.not_resource.map(|node| (node, "NotResource")));
            return match found {
                Some((node, name)) => Err(Fault::at(node, Reason::Prohibited(name)).inside(name)),
                None => Ok(ResourceRule::Everything),
            };
        }
        let read = |node: &Node<'_>, name| {
            let compile = |item: &Node<'_>| {
                let resource = text(item, "a resource in quotes")?;
                ResourcePattern::compile(resource, self.variables)
                    .map_err(|reason| Fault::at(item, reason))
            };
            one_or_many(node, name, compile).map_err(|f| f.inside(name))
        };
        match (elements.resource, elements.not_resource) {
            (Some(node), _) => Ok(ResourceRule::Of(read(node, "Resource")?.into())),
            (None, Some(node)) => Ok(ResourceRule::NotOf(read(node, "NotResource")?.into())),
            (None, None) if self.kind == PolicyKind::Key => Ok(ResourceRule::Nothing),
            (None, None) => Err(Fault::at(node, Reason::Missing("Resource"))),
        }
    }

    fn conditions(&self, node: Option<&Node<'_>>) -> Result<Vec<Condition>, Fault> {
        let Some(node) = node else { return Ok(Vec::new()) };
        let Value::Object(operators) = &node.value else {
            let fault = Fault::at(node, Reason::WrongType("an object of condition operators"));
            return Err(fault.inside("Condition"));
        };
        let mut conditions = Vec::new();
        for operator in operators {
            self.operator(operator, &mut conditions)
                .map_err(|f| f.inside(&operator.name).inside("Condition"))?;
        }
        Ok(conditions)
    }

    fn operator(
        &self,
        operator: &Member<'_>,
        conditions: &mut Vec<Condition>,
    ) -> Result<(), Fault> {
        let Value::Object(keys) = &operator.node.value else {
            let reason = Reason::WrongType("an object of condition keys");
            return Err(Fault::at(&operator.node, reason));
        };
        let rules = OperandRules { variables: self.variables, strict: self.kind.checks_operands() };
        for key in keys {
            let fail = |reason| {
                let fault = Fault { reason, position: key.at, path: String::new() };
                fault.inside(&key.name)
            };
            if !key.name.contains(':') {
                return Err(fail(Reason::ConditionKey(key.name.to_string())));
            }
            let operands =
                one_or_many(&key.node, "Condition", operand).map_err(|f| f.inside(&key.name))?;
            let condition =
                Condition::compile(&operator.name, &key.name, operands, rules).map_err(fail)?;
            conditions.push(condition);
        }
        // An operator without keys is checked for its name all the same.
        if keys.is_empty() {
            Condition::compile(&operator.name, ":", Vec::new(), rules).map_err(|reason| Fault {
                reason,
                position: operator.at,
                path: String::new(),
            })?;
        }
        Ok(())
    }
}

fn effect(node: &Node<'_>) -> Result<Effect, Fault> {
    match text(node, "Allow or Deny in quotes")? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(Fault::at(node, Reason::Effect(other.to_owned()))),
    }
}

fn operand(node: &Node<'_>) -> Result<Box<str>, Fault> {
    match &node.value {
        Value::String(text) => Ok(text.as_ref().into()),
        Value::Bool(true) => Ok("true".into()),
        Value::Bool(false) => Ok("false".into()),
        Value::Number(digits) => Ok((*digits).into()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(Fault::at(node, Reason::WrongType("a string, a number or a boolean")))
        }
    }
}

fn principal_patterns(node: &Node<'_>) -> Result<Vec<PrincipalPattern>, Fault> {
    match &node.value {
        Value::String(text) if text == "*" => Ok(vec![PrincipalPattern::anyone()]),
        Value::String(text) => {
            let (member, value) = ("STAR".to_owned(), text.to_string());
            Err(Fault::at(node, Reason::Principal { member, value }))
        }
        Value::Object(members) if members.is_empty() => {
            Err(Fault::at(node, Reason::Empty("Principal")))
        }
        Value::Object(members) => {
            let mut patterns = Vec::new();
            for member in members {
                let found = principal_member(member).map_err(|f| f.inside(&member.name))?;
                patterns.extend(found);
            }
            Ok(patterns)
        }
        _ => Err(Fault::at(node, Reason::WrongType("a principal object or \"*\""))),
    }
}

fn principal_member(member: &Member<'_>) -> Result<Vec<PrincipalPattern>, Fault> {
    let kind = match &*member.name {
        "AWS" => PrincipalType::Aws,
        "Service" => PrincipalType::Service,
        "Federated" => PrincipalType::Federated,
        "CanonicalUser" => PrincipalType::CanonicalUser,
        _ => {
            let reason = Reason::UnknownElement(member.name.to_string());
            return Err(Fault { reason, position: member.at, path: String::new() });
        }
    };
    one_or_many(&member.node, "Principal", |node| {
        let value = text(node, "a principal in quotes")?;
        PrincipalPattern::parse(kind, value).map_err(|_| {
            let (member, value) = (kind.name().to_owned(), value.to_owned());
            Fault::at(node, Reason::Principal { member, value })
        })
    })
}

/// Resource control policies only deny, everyone, named services' actions.
fn check_resource_control(
    node: &Node<'_>,
    elements: &Elements<'_, '_>,
    statement: &Statement,
) -> Result<(), Fault> {
    let everyone = statement.principals.patterns().iter().all(PrincipalPattern::is_anyone);
    let every_action = statement.actions().any(|action| action == "*" || action.starts_with("*:"));
    let fault = if statement.effect == Effect::Allow {
        "a resource control policy can only deny"
    } else if elements.not_principal.is_some() || !everyone {
        "the principal of a resource control policy is \"*\""
    } else if elements.not_action.is_some() || every_action {
        "a resource control policy names the services of its actions"
    } else {
        return Ok(());
    };
    Err(Fault::at(node, Reason::Requirements(fault)))
}
