//! What is kept of accounts and organizations.
//!
//! An organization is one row: its root, units, parents, policies and what they are attached to.
//! So every change of it is one compare-and-commit, and a reader sees one moment. The limits below
//! keep the row within what the store takes.

use std::collections::{BTreeMap, BTreeSet};

use bulla_plane::Stop;
use bulla_store::Space;
use serde::{Deserialize, Serialize};

use crate::records::{PARTITION, bytes};

/// One row an account: its number.
pub(crate) const ACCOUNTS: Space = Space::new("org.account");
/// One row an organization: its id.
pub(crate) const ORGANIZATIONS: Space = Space::new("org.organization");
/// One row a policy's document: `<organization>/<policy>`.
pub(crate) const DOCUMENTS: Space = Space::new("org.document");
/// One row a request for an account: `<organization>/<request>`.
pub(crate) const REQUESTS: Space = Space::new("org.request");
/// One row an account's address, in lower case: nobody has two accounts under one.
pub(crate) const EMAILS: Space = Space::new("org.email");

/// The most accounts of an organization; AWS's own limit is negotiable.
pub(crate) const MAX_ACCOUNTS: usize = 2_000;
/// The most units of an organization ("Quotas for AWS Organizations").
pub(crate) const MAX_UNITS: usize = 2_000;
/// How deep units lie within each other, the root not counted (same page).
pub(crate) const MAX_DEPTH: usize = 5;
/// The most service control policies of an organization; AWS's own limit is negotiable.
pub(crate) const MAX_POLICIES: usize = 500;
/// The most service control policies of a target (same page).
pub(crate) const MAX_ATTACHED: usize = 5;

/// The policy that every target has at first: it allows everything.
pub(crate) const FULL_ACCESS: &str = "p-FullAWSAccess";

/// An account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) state: AccountState,
    /// The organization that it is in.
    pub(crate) organization: Option<String>,
    pub(crate) joined: Joined,
    pub(crate) joined_ms: i64,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AccountState {
    Active,
    Closed,
}

/// How an account came into its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Joined {
    /// It was there before, and made the organization.
    Invited,
    /// The organization made it.
    Created,
}

/// An organization.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Organization {
    pub(crate) id: String,
    /// The account that manages it, which its policies do not bind.
    pub(crate) management: String,
    pub(crate) management_email: String,
    /// Whether all features are on; else there are no policies.
    pub(crate) all_features: bool,
    pub(crate) root: String,
    /// Whether service control policies are in force.
    pub(crate) scps: bool,
    /// By id.
    pub(crate) units: BTreeMap<String, Unit>,
    /// The root or unit that an account is in.
    pub(crate) parents: BTreeMap<String, String>,
    /// By id; [`FULL_ACCESS`] is not among them.
    pub(crate) policies: BTreeMap<String, PolicyEntry>,
    /// The policies of a root, unit or account.
    pub(crate) attached: BTreeMap<String, BTreeSet<String>>,
}

/// An organizational unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) name: String,
    /// The root or the unit above.
    pub(crate) parent: String,
}

/// A policy without its document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PolicyEntry {
    pub(crate) name: String,
    pub(crate) description: String,
    /// How often the document was written: a compiled one is known by this.
    pub(crate) edition: u64,
}

/// A request for an account, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccountRequest {
    pub(crate) id: String,
    pub(crate) account_name: String,
    pub(crate) requested_ms: i64,
    /// The account, or why there is none.
    pub(crate) outcome: Result<String, String>,
}

impl Account {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        bytes(self)
    }
}

impl Organization {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Stop> {
        bytes(self)
    }

    fn arn_of(&self, rest: &str) -> String {
        format!("arn:{PARTITION}:organizations::{}:{rest}", self.management)
    }

    pub(crate) fn arn(&self) -> String {
        self.arn_of(&format!("organization/{}", self.id))
    }

    pub(crate) fn account_arn(&self, account: &str) -> String {
        self.arn_of(&format!("account/{}/{account}", self.id))
    }

    pub(crate) fn root_arn(&self) -> String {
        self.arn_of(&format!("root/{}/{}", self.id, self.root))
    }

    pub(crate) fn unit_arn(&self, unit: &str) -> String {
        self.arn_of(&format!("ou/{}/{unit}", self.id))
    }

    pub(crate) fn policy_arn(&self, policy: &str) -> String {
        if policy == FULL_ACCESS {
            let tail = "aws:policy/service_control_policy";
            return format!("arn:{PARTITION}:organizations::{tail}/{FULL_ACCESS}");
        }
        self.arn_of(&format!("policy/{}/service_control_policy/{policy}", self.id))
    }
}
