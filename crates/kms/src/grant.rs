//! A grant: who may do what with one key, and under which constraints.

use bulla_plane::Stop;
use bulla_policy::{Conditions, Values};
use serde::{Deserialize, Serialize};

use crate::fault;

/// Whom a grant names. Principals stand as unique ids, so that a namesake who comes later gets
/// nothing: `AIDA…`, `AROA…`, `AROA…:session`, an account's number, `<account>:<name>` of a
/// federated user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Party {
    Principal(String),
    /// A service, by its principal name.
    Service(String),
}

impl Party {
    /// What tells parties apart. A service's name has dots, a unique id never has.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Principal(id) | Self::Service(id) => id,
        }
    }
}

/// Pairs of an encryption context, in the order in which they were given.
pub(crate) type Pairs = Vec<(String, String)>;

/// What must hold of a request. None given, nothing must.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Constraints {
    /// The context has these pairs and no other.
    pub(crate) equals: Option<Pairs>,
    /// The context has these pairs.
    pub(crate) subset: Option<Pairs>,
    /// The resource on whose behalf a service calls.
    pub(crate) source_arn: Option<String>,
}

/// A grant, as it stands in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GrantRecord {
    /// 64 lower-case hex digits.
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) grantee: Party,
    pub(crate) retiring: Option<Party>,
    /// The account that created it.
    pub(crate) issuer: String,
    /// AWS's names, in the order in which they were given.
    pub(crate) operations: Vec<String>,
    pub(crate) constraints: Constraints,
    /// Where the grant stands in the index of names, when it has one.
    pub(crate) name_row: Option<String>,
    /// Where the grant stands in the index of retiring principals, when it has one.
    pub(crate) retiring_row: Option<String>,
}

impl GrantRecord {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Stop> {
        serde_json::from_slice(bytes).map_err(|error| unreadable(&error))
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        serde_json::to_vec(self).map_err(|error| unreadable(&error))
    }

    /// Whether it lets its grantee do this. CreateGrant has a rule of its own, [`Self::bears`].
    pub(crate) fn covers(&self, action: &str, conditions: &dyn Conditions) -> bool {
        let Some(operation) = action.strip_prefix("kms:") else { return false };
        self.has(operation) && self.constraints.hold(operation, conditions)
    }

    /// Whether it lets its grantee create this grant: one of no more operations, under constraints
    /// that are no looser (KMS guide, "Grants"). CreateGrant and RetireGrant count as operations
    /// like others.
    pub(crate) fn bears(&self, child: &GrantRecord) -> bool {
        self.has("CreateGrant")
            && child.operations.iter().all(|operation| self.has(operation))
            && child.constraints.are_within(&self.constraints)
    }

    pub(crate) fn has(&self, operation: &str) -> bool {
        self.operations.iter().any(|known| known == operation)
    }
}

fn unreadable(error: &serde_json::Error) -> Stop {
    tracing::error!(%error, "a stored grant does not read");
    fault::internal().into()
}

impl Constraints {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The pairs that stand for an encryption context where the grant itself is managed.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        self.equals.as_deref().or(self.subset.as_deref()).unwrap_or_default()
    }

    /// Whether they hold for a request (KMS guide, "Grants"): those on the context only where the
    /// operation has one, the one on the source everywhere but in RetireGrant.
    fn hold(&self, operation: &str, conditions: &dyn Conditions) -> bool {
        if operation == "RetireGrant" {
            return true;
        }
        if let Some(arn) = &self.source_arn
            && conditions.get("aws:sourcearn") != Some(Values::One(arn))
        {
            return false;
        }
        if operation == "DescribeKey" {
            return true;
        }
        let has = |pairs: &Pairs| pairs.iter().all(|(key, value)| has_pair(conditions, key, value));
        let given = || conditions.get("kms:encryptioncontextkeys").map_or(0, |keys| keys.len());
        self.equals.as_ref().is_none_or(|pairs| given() == pairs.len() && has(pairs))
            && self.subset.as_ref().is_none_or(has)
    }

    /// Whether whatever these let through, `other` lets through as well.
    fn are_within(&self, other: &Self) -> bool {
        let source = other.source_arn.is_none() || other.source_arn == self.source_arn;
        let equals = other.equals.as_ref().is_none_or(|outer| {
            self.equals.as_ref().is_some_and(|own| own.len() == outer.len() && all_in(outer, own))
        });
        let subset = other.subset.as_ref().is_none_or(|outer| {
            [&self.equals, &self.subset].into_iter().flatten().any(|own| all_in(outer, own))
        });
        source && equals && subset
    }
}

/// Keys are compared without case, values with.
fn all_in(pairs: &Pairs, others: &Pairs) -> bool {
    pairs.iter().all(|(key, value)| {
        let key = key.to_lowercase();
        others.iter().any(|(other, with)| with == value && bulla_policy::same_name(other, &key))
    })
}

/// Whether the request's context has this pair. Of keys that differ in case alone the context's
/// first counts, so that a context with two of them is refused rather than guessed at.
fn has_pair(conditions: &dyn Conditions, key: &str, value: &str) -> bool {
    let mut name = String::from("kms:encryptioncontext:");
    name.push_str(&key.to_lowercase());
    conditions.get(&name) == Some(Values::One(value))
}

#[cfg(test)]
mod tests {
    use bulla_policy::Context;

    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Option<Pairs> {
        Some(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
    }

    fn equals(of: &[(&str, &str)]) -> Constraints {
        Constraints { equals: pairs(of), ..Constraints::default() }
    }

    fn subset(of: &[(&str, &str)]) -> Constraints {
        Constraints { subset: pairs(of), ..Constraints::default() }
    }

    fn request(context: &[(&str, &str)]) -> Context {
        let keys = context.iter().map(|(key, _)| *key);
        let all = Context::new().with_many("kms:EncryptionContextKeys", keys);
        let with = |all: Context, (key, value): &(&str, &str)| {
            all.with(&format!("kms:EncryptionContext:{key}"), *value)
        };
        context.iter().fold(all, with)
    }

    #[test]
    fn keys_are_compared_without_case_and_values_with() {
        let two = request(&[("Department", "IT"), ("Stage", "prod")]);
        for (constraints, holds) in [
            (Constraints::default(), true),
            (subset(&[("department", "IT")]), true),
            (subset(&[("DEPARTMENT", "IT"), ("stage", "prod")]), true),
            (subset(&[("Department", "it")]), false),
            (subset(&[("Other", "IT")]), false),
            (equals(&[("stage", "prod"), ("department", "IT")]), true),
            (equals(&[("department", "IT")]), false),
            (equals(&[("stage", "prod"), ("department", "it")]), false),
            (equals(&[]), false),
            (subset(&[]), true),
        ] {
            assert_eq!(constraints.hold("Decrypt", &two), holds, "{constraints:?}");
            assert!(constraints.hold("DescribeKey", &two), "DescribeKey has no context");
            assert!(constraints.hold("RetireGrant", &two), "RetireGrant has no context");
        }
        assert!(equals(&[]).hold("Encrypt", &request(&[])));
    }

    #[test]
    fn the_source_counts_for_every_operation_but_retire_grant() {
        let arn = "arn:aws:s3:eu-central-1:111122223333:bucket/a";
        let constraints = Constraints { source_arn: Some(arn.into()), ..Constraints::default() };
        let from = |arn: &str| Context::new().with("aws:SourceArn", arn);
        for (operation, other) in
            [("Decrypt", false), ("DescribeKey", false), ("RetireGrant", true)]
        {
            assert!(constraints.hold(operation, &from(arn)), "{operation}");
            assert_eq!(constraints.hold(operation, &from("arn:aws:s3:::b")), other, "{operation}");
            assert_eq!(constraints.hold(operation, &()), other, "{operation} without source");
        }
    }

    #[test]
    fn constraints_can_only_get_tighter() {
        let one = [("A", "1")];
        let two = [("a", "1"), ("B", "2")];
        for (child, parent, within) in [
            (subset(&two), subset(&one), true),
            (equals(&one), subset(&one), true),
            (equals(&two), subset(&one), true),
            (equals(&one), equals(&one), true),
            (subset(&one), Constraints::default(), true),
            (subset(&one), subset(&two), false),
            (subset(&one), equals(&one), false),
            (equals(&two), equals(&one), false),
            (equals(&[("A", "2")]), subset(&one), false),
            (Constraints::default(), subset(&one), false),
        ] {
            assert_eq!(child.are_within(&parent), within, "{child:?} within {parent:?}");
        }
        let source = |arn: &str| Constraints { source_arn: Some(arn.into()), ..subset(&one) };
        assert!(source("a").are_within(&source("a")) && source("a").are_within(&subset(&one)));
        assert!(!source("b").are_within(&source("a")) && !subset(&one).are_within(&source("a")));
    }
}
