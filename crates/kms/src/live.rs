//! A key in memory: its record, its policy compiled, its material unwrapped.

use std::sync::Arc;

use bulla_crypto::SecretKey;
use bulla_plane::{Call, Protected};
use bulla_policy::{Conditions, GrantRef, Policy, Values};
use bulla_shapes::Fault;

use crate::conditions;
use crate::fault;
use crate::grant::GrantRecord;
use crate::grants::CallersGrants;
use crate::key::{KeyRecord, State};

/// A key, ready for use.
pub(crate) struct LiveKey {
    pub(crate) record: KeyRecord,
    /// The version of the record's row.
    pub(crate) version: u64,
    pub(crate) arn: String,
    /// The row of the record.
    pub(crate) path: String,
    pub(crate) policy: Policy,
    /// In the order of `record.materials`.
    pub(crate) materials: Vec<LiveMaterial>,
}

/// One generation of material, unwrapped into locked memory.
pub(crate) struct LiveMaterial {
    pub(crate) id: [u8; 32],
    pub(crate) hex: String,
    pub(crate) key: SecretKey,
}

/// A key that goes through the Gate.
pub(crate) struct Held {
    pub(crate) key: Arc<LiveKey>,
    /// The grants on it that name the caller.
    pub(crate) grants: CallersGrants,
    /// The grant that the caller wants to create.
    pub(crate) child: Option<Arc<GrantRecord>>,
}

impl LiveKey {
    /// Its spec, in AWS's name.
    pub(crate) fn spec(&self) -> &'static str {
        "SYMMETRIC_DEFAULT"
    }

    /// Its usage, in AWS's name.
    pub(crate) fn usage(&self) -> &'static str {
        "ENCRYPT_DECRYPT"
    }

    /// Whether there is one key for both sides, as in encryption keys and those for MACs.
    pub(crate) fn is_symmetric(&self) -> bool {
        let spec = self.spec();
        spec == "SYMMETRIC_DEFAULT" || spec.starts_with("HMAC_")
    }

    /// The material that encrypts.
    pub(crate) fn current(&self) -> Result<&LiveMaterial, Fault> {
        self.materials.last().ok_or_else(fault::internal)
    }

    /// The material with this id.
    pub(crate) fn material(&self, id: &[u8; 32]) -> Option<&LiveMaterial> {
        self.materials.iter().rev().find(|material| material.id == *id)
    }

    /// Whether the state lets the key be used or its rotation be changed (KMS guide, "Key states").
    pub(crate) fn must_be_enabled(&self) -> Result<(), Fault> {
        match self.record.state {
            State::Enabled => Ok(()),
            State::Disabled => Err(fault::disabled(&self.arn)),
            State::PendingDeletion => Err(fault::invalid_state(&self.arn, "pending deletion")),
        }
    }

    /// Whether the state lets the key be changed.
    pub(crate) fn must_not_be_going(&self) -> Result<(), Fault> {
        match self.record.state {
            State::PendingDeletion => Err(fault::invalid_state(&self.arn, "pending deletion")),
            State::Enabled | State::Disabled => Ok(()),
        }
    }

    /// AWS managed keys take no changes from customers.
    pub(crate) fn must_be_the_customers(&self) -> Result<(), Fault> {
        match self.record.managed_by {
            None => Ok(()),
            Some(_) => Err(fault::denied_managed(&self.arn)),
        }
    }
}

impl Protected for Held {
    fn arn(&self) -> &str {
        &self.key.arn
    }

    fn account(&self) -> &str {
        &self.key.record.account
    }

    fn policy(&self) -> Option<&Policy> {
        Some(&self.key.policy)
    }

    fn grant<'g>(
        &'g self,
        _call: &Call,
        action: &str,
        conditions: &dyn Conditions,
    ) -> Option<GrantRef<'g>> {
        match &self.child {
            Some(child) => self.grants.first(|grant| grant.bears(child)),
            None => self.grants.first(|grant| grant.covers(action, conditions)),
        }
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        condition(&self.key, key)
    }
}

/// A condition key that a key itself sets, in lower case (KMS guide).
pub(crate) fn condition<'k>(live: &'k LiveKey, key: &str) -> Option<Values<'k>> {
    let record = &live.record;
    match key {
        "kms:keyorigin" => Some(Values::One("AWS_KMS")),
        "kms:keyspec" | "kms:customermasterkeyspec" => Some(Values::One(live.spec())),
        "kms:keyusage" | "kms:customermasterkeyusage" => Some(Values::One(live.usage())),
        "kms:multiregion" => Some(Values::One("false")),
        "kms:resourcealiases" if record.aliases.is_empty() => None,
        "kms:resourcealiases" => Some(Values::Owned(&record.aliases)),
        "aws:resourceaccount" => Some(Values::One(&record.account)),
        _ => conditions::tag(&record.tags, key.strip_prefix("aws:resourcetag/")?),
    }
}
