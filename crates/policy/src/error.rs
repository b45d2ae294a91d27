//! Why a policy document is refused, where, and in AWS's words.

use std::fmt;

use crate::json::Position;
use crate::kind::PolicyKind;

/// What is wrong with a policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The text has more bytes than the caller allows.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The text is not JSON.
    Syntax(&'static str),
    /// An object has the same member twice.
    DuplicateMember(String),
    /// JSON, but not an object.
    NotAPolicy,
    /// An element the grammar does not know, or not here.
    UnknownElement(String),
    /// A required element is missing.
    Missing(&'static str),
    /// An element this type of policy must not have.
    Prohibited(&'static str),
    /// Two elements that exclude each other.
    Exclusive(&'static str, &'static str),
    /// An element of the wrong JSON type.
    WrongType(&'static str),
    /// An element that must not be empty.
    Empty(&'static str),
    /// Not one of the two policy versions.
    Version(String),
    /// Not `Allow` or `Deny`.
    Effect(String),
    /// More statements than the caller allows.
    TooManyStatements {
        /// The limit.
        limit: usize,
    },
    /// Two statements have the same Sid.
    DuplicateSid(String),
    /// A Sid with other than letters and digits.
    Sid(String),
    /// A principal that cannot be one.
    Principal {
        /// The member name: `AWS`, `Service`, ...; `STAR` for a bare star.
        member: String,
        /// The value.
        value: String,
    },
    /// An action without a service prefix.
    ActionWithoutVendor(String),
    /// An action with more than one colon.
    ActionColons(String),
    /// A service prefix with characters that none has.
    ActionVendor(String),
    /// An action the policy type does not take.
    ActionNotAllowed(String),
    /// A resource that is no ARN and not `*`.
    ResourceNotArn(String),
    /// An ARN with a partition that does not exist.
    Partition {
        /// The partition.
        partition: String,
        /// The resource.
        resource: String,
    },
    /// A wildcard or nothing in the service field of a resource.
    ResourceVendor(String),
    /// A variable before the fifth colon of a resource.
    ResourceVariable(String),
    /// A condition operator that does not exist.
    Operator(String),
    /// A condition key without a service prefix.
    ConditionKey(String),
    /// An operand the operator can never evaluate.
    Operand {
        /// The operator as written.
        operator: String,
        /// The operand.
        operand: String,
    },
    /// A malformed policy variable.
    Variable(String),
    /// The document does something its policy type forbids.
    Requirements(&'static str),
}

/// A refused policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    pub(crate) kind: PolicyKind,
    pub(crate) reason: Reason,
    pub(crate) position: Position,
    pub(crate) path: String,
}

impl PolicyError {
    /// What is wrong.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Where: line and column of the element.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Where: the JSON path of the element (`Statement[0].Condition.StringEquals`), empty for the
    /// whole document.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The message AWS gives for a document of this type with this fault, where it is known; the
    /// nearest of the same family where it is not.
    pub fn aws_message(&self) -> String {
        match self.kind {
            PolicyKind::Identity | PolicyKind::Boundary => self.identity_message(),
            PolicyKind::Session => self.session_message(),
            PolicyKind::Trust => self.trust_message(),
            PolicyKind::Key | PolicyKind::Resource => self.resource_message(),
            PolicyKind::ServiceControl | PolicyKind::ResourceControl => REQUIREMENTS.to_owned(),
        }
    }

    fn identity_message(&self) -> String {
        match &self.reason {
            Reason::Missing("Action") | Reason::Empty("Action") => {
                "Policy statement must contain actions.".to_owned()
            }
            Reason::Missing("Resource") | Reason::Empty("Resource") => {
                "Policy statement must contain resources.".to_owned()
            }
            Reason::Prohibited("Principal" | "NotPrincipal") => {
                "Policy document should not specify a principal.".to_owned()
            }
            Reason::DuplicateSid(_) => {
                "Statement IDs (SID) in a single policy must be unique.".to_owned()
            }
            Reason::Sid(_) => {
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
                 regular expression [0-9A-Za-z]*"
                    .to_owned()
            }
            Reason::ActionWithoutVendor(_) | Reason::ConditionKey(_) => {
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                    .to_owned()
            }
            Reason::ActionColons(_) => "Actions/Condition can contain only one colon.".to_owned(),
            Reason::ActionVendor(vendor) => format!("Vendor {vendor} is not valid"),
            Reason::ResourceNotArn(text) => {
                format!("Resource {text} must be in ARN format or \"*\".")
            }
            Reason::Partition { partition, resource } => {
                format!("Partition \"{partition}\" is not valid for resource \"{resource}\".")
            }
            Reason::ResourceVendor(_) => {
                "Resource vendor must be fully qualified and cannot contain regexes.".to_owned()
            }
            Reason::ResourceVariable(_) => "The policy failed legacy parsing".to_owned(),
            _ => SYNTAX.to_owned(),
        }
    }

    fn session_message(&self) -> String {
        match self.reason {
            Reason::Syntax(_) | Reason::NotAPolicy => {
                "The policy is not in the valid JSON format.".to_owned()
            }
            _ => SYNTAX.to_owned(),
        }
    }

    fn trust_message(&self) -> String {
        match &self.reason {
            Reason::Prohibited("NotPrincipal") => {
                "AssumeRole policy must not contain NotPrincipal field.".to_owned()
            }
            Reason::Prohibited(field) => format!("Has prohibited field {field}"),
            Reason::ActionNotAllowed(_) => {
                "AssumeRole policy may only specify STS AssumeRole actions.".to_owned()
            }
            Reason::Version(_) => "The policy must contain a valid version string".to_owned(),
            _ => self.resource_message(),
        }
    }

    fn resource_message(&self) -> String {
        let Position { line, column } = self.position;
        match &self.reason {
            Reason::Syntax(_) | Reason::DuplicateMember(_) => {
                "This policy contains invalid Json".to_owned()
            }
            Reason::NotAPolicy => "This text appears not to be a policy".to_owned(),
            Reason::Missing(field) => format!("Missing required field {field}"),
            Reason::Empty("Statement") => {
                "Could not parse the policy: Statement is empty!".to_owned()
            }
            Reason::DuplicateSid(_) => format!(
                "Invalid statement at line {line} column {column}: The Statement Ids in the policy \
                 are not unique"
            ),
            Reason::Principal { member, value } => {
                format!("Invalid principal in policy: \"{member}\":\"{value}\"")
            }
            Reason::ActionWithoutVendor(action)
            | Reason::ActionColons(action)
            | Reason::ActionVendor(action) => format!(
                "Invalid statement at line {line} column {column}: The following action names are \
                 invalid: \"{action}\""
            ),
            _ => SYNTAX.to_owned(),
        }
    }
}

const SYNTAX: &str = "Syntax errors in policy.";
const REQUIREMENTS: &str =
    "The provided policy document does not meet the requirements of the specified policy type.";

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy refused at {}", self.position)?;
        if !self.path.is_empty() {
            write!(f, " ({})", self.path)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for PolicyError {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TooLarge { limit } => write!(f, "the document is larger than {limit} bytes"),
            Reason::Syntax(what) => write!(f, "not JSON: {what}"),
            Reason::DuplicateMember(name) => write!(f, "member {name:?} appears twice"),
            Reason::NotAPolicy => f.write_str("a policy is a JSON object"),
            Reason::UnknownElement(name) => write!(f, "unknown element {name:?}"),
            Reason::Missing(name) => write!(f, "required element {name} is missing"),
            Reason::Prohibited(name) => write!(f, "this policy type cannot have {name}"),
            Reason::Exclusive(one, two) => write!(f, "{one} and {two} exclude each other"),
            Reason::WrongType(expected) => write!(f, "expected {expected}"),
            Reason::Empty(name) => write!(f, "{name} is empty"),
            Reason::Version(text) => {
                write!(f, "version {text:?} is neither 2012-10-17 nor 2008-10-17")
            }
            Reason::Effect(text) => write!(f, "effect {text:?} is neither Allow nor Deny"),
            Reason::TooManyStatements { limit } => write!(f, "more than {limit} statements"),
            Reason::DuplicateSid(sid) => write!(f, "statement id {sid:?} is not unique"),
            Reason::Sid(sid) => write!(f, "statement id {sid:?} has other than letters and digits"),
            Reason::Principal { member, value } => {
                write!(f, "{value:?} cannot be a principal of type {member}")
            }
            Reason::ActionWithoutVendor(text) => {
                write!(f, "action {text:?} has no service prefix")
            }
            Reason::ActionColons(text) => write!(f, "action {text:?} has more than one colon"),
            Reason::ActionVendor(text) => write!(f, "service prefix {text:?} is not valid"),
            Reason::ActionNotAllowed(text) => {
                write!(f, "this policy type cannot have action {text:?}")
            }
            Reason::ResourceNotArn(text) => write!(f, "resource {text:?} is neither an ARN nor *"),
            Reason::Partition { partition, .. } => write!(f, "unknown partition {partition:?}"),
            Reason::ResourceVendor(text) => {
                write!(f, "the service of resource {text:?} must be spelled out")
            }
            Reason::ResourceVariable(text) => {
                write!(f, "resource {text:?} has a variable before its fifth colon")
            }
            Reason::Operator(text) => write!(f, "unknown condition operator {text:?}"),
            Reason::ConditionKey(text) => write!(f, "condition key {text:?} has no service prefix"),
            Reason::Operand { operator, operand } => {
                write!(f, "{operand:?} is no operand for {operator}")
            }
            Reason::Variable(text) => write!(f, "malformed policy variable in {text:?}"),
            Reason::Requirements(what) => f.write_str(what),
        }
    }
}
