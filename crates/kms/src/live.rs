//! A key in memory: its record, its policy compiled, its material unwrapped.

use std::ops::Deref;
use std::sync::Arc;

use bulla_crypto::SecretKey;
use bulla_plane::Protected;
use bulla_policy::{Policy, Values};
use bulla_shapes::Fault;

use crate::fault;
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
pub(crate) struct Held(pub(crate) Arc<LiveKey>);

impl Deref for Held {
    type Target = LiveKey;

    fn deref(&self) -> &LiveKey {
        &self.0
    }
}

impl LiveKey {
    /// The material that encrypts.
    pub(crate) fn current(&self) -> Result<&LiveMaterial, Fault> {
        self.materials.last().ok_or_else(fault::internal)
    }

    /// The material with this id.
    pub(crate) fn material(&self, id: &[u8; 32]) -> Option<&LiveMaterial> {
        self.materials.iter().rev().find(|material| material.id == *id)
    }

    /// Whether the state lets the key be used or its rotation be changed (facts 1.4).
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
        &self.0.arn
    }

    fn account(&self) -> &str {
        &self.0.record.account
    }

    fn policy(&self) -> Option<&Policy> {
        Some(&self.0.policy)
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        let record = &self.0.record;
        match key {
            "kms:keyorigin" => Some(Values::One("AWS_KMS")),
            "kms:keyspec" | "kms:customermasterkeyspec" => Some(Values::One("SYMMETRIC_DEFAULT")),
            "kms:keyusage" | "kms:customermasterkeyusage" => Some(Values::One("ENCRYPT_DECRYPT")),
            "kms:multiregion" => Some(Values::One("false")),
            "kms:resourcealiases" if record.aliases.is_empty() => None,
            "kms:resourcealiases" => Some(Values::Owned(&record.aliases)),
            "aws:resourceaccount" => Some(Values::One(&record.account)),
            _ => {
                let name = key.strip_prefix("aws:resourcetag/")?;
                let tag = record.tags.iter().find(|(tag, _)| tag.to_lowercase() == name)?;
                Some(Values::One(&tag.1))
            }
        }
    }
}
