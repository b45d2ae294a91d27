//! The IAM policy language, pure: parse, compile, evaluate, explain. No input or output.
//!
//! A [`Policy`] is parsed once, strictly, and compiled into matchers; [`authorize`] then decides
//! one
//! request over all the policies that bear on it, in AWS's evaluation order, without allocating.
//! [`explain`] walks the same policies again, slowly, and says of each statement why it did or did
//! not apply; [`survey`] says who may in principle, and under which conditions.

mod arn;
mod authorize;
mod condition;
mod context;
mod decision;
mod denial;
mod document;
mod error;
mod explain;
mod glob;
mod json;
mod kind;
mod policy;
mod principal;
mod principals;
mod request;
mod request_keys;
mod statement;
mod survey;
mod variables;

pub use authorize::{Inputs, authorize};
pub use context::{Conditions, Context, Values};
pub use decision::{Decision, Layer, StatementRef, Verdict};
pub use denial::ResourceName;
pub use error::{PolicyError, Reason};
pub use explain::{Considered, Explanation, FailedCondition, Outcome, explain};
pub use json::Position;
pub use kind::{Limits, PolicyKind};
pub use policy::Policy;
pub use principal::{Principal, PrincipalKind};
pub use principals::{NamedPrincipal, PrincipalType};
pub use request::{GrantRef, Grantee, Request};
pub use request_keys::{RequestKeys, same_name, tag, truth};
pub use statement::{Effect, Statement};
pub use survey::{OpenCondition, Proviso, Survey, survey};
