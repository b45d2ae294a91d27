//! What each type of policy may and must contain, and how large a document may be.

/// The type of a policy, which decides the elements it may and must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// A KMS key policy: a principal is required; a statement lacking Action or Resource is
    /// accepted and does nothing.
    Key,
    /// Any other resource policy: principal, action and resource are required.
    Resource,
    /// The trust policy of a role: principal and STS actions, no resource.
    Trust,
    /// An inline or managed identity policy: action and resource, no principal.
    Identity,
    /// A managed policy used as a permissions boundary; the rules of an identity policy.
    Boundary,
    /// A session policy: as an identity policy, but condition operands are not checked on parsing
    /// (only base64 is), as STS does; a bad operand is met during evaluation.
    Session,
    /// An organization's service control policy: no principal.
    ServiceControl,
    /// An organization's resource control policy: Deny only, for every principal.
    ResourceControl,
}

impl PolicyKind {
    pub(crate) fn has_principal(self) -> bool {
        matches!(
            self,
            PolicyKind::Key
                | PolicyKind::Resource
                | PolicyKind::Trust
                | PolicyKind::ResourceControl
        )
    }

    /// Whether condition operands that can never be evaluated are refused when parsing.
    pub(crate) fn checks_operands(self) -> bool {
        self != PolicyKind::Session
    }

    /// Whether a Sid is limited to letters and digits.
    pub(crate) fn plain_sid(self) -> bool {
        matches!(self, PolicyKind::Identity | PolicyKind::Boundary)
    }
}

/// How large a policy document may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text as given, white space included.
    pub bytes: usize,
    /// Statements.
    pub statements: usize,
}

/// The largest policy parameter of any API (the interface models' maximum), in characters; bytes
/// can be twice that in the allowed repertoire.
const MAX_BYTES: usize = 262_144;
/// More statements than fit in any document within the quotas of IAM, KMS and Organizations.
const MAX_STATEMENTS: usize = 1_000;

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, statements: MAX_STATEMENTS }
    }
}
