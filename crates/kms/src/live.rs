//! A key in memory: its record, its policy compiled, its material unwrapped.

use std::sync::Arc;

use bulla_crypto::{Hash, KeyPair, SecretBytes, SecretKey};
use bulla_plane::{Call, Protected};
use bulla_policy::{Conditions, GrantRef, Policy, Values};
use bulla_shapes::Fault;

use crate::fault;
use crate::grant::GrantRecord;
use crate::grants::CallersGrants;
use crate::key::{KeyRecord, Origin, State};
use crate::kind::Usage;

/// A key, ready for use.
pub(crate) struct LiveKey {
    pub(crate) record: KeyRecord,
    /// The version of the record's row.
    pub(crate) version: u64,
    pub(crate) arn: String,
    /// The row of the record.
    pub(crate) path: String,
    pub(crate) policy: Policy,
    /// Those of `record.materials` that are here, in that order.
    pub(crate) materials: Vec<LiveMaterial>,
}

/// One generation of material, unwrapped.
pub(crate) struct LiveMaterial {
    pub(crate) id: [u8; 32],
    pub(crate) hex: String,
    pub(crate) secret: Secret,
}

/// Key material, ready for use.
pub(crate) enum Secret {
    /// Further keys are derived from it. In locked memory.
    Symmetric(SecretKey),
    /// It makes message authentication codes.
    Mac(Hash, SecretBytes),
    /// A private key, and the public one.
    Pair(Arc<dyn KeyPair>),
}

impl LiveMaterial {
    /// The key that blobs are sealed under, if it is one.
    pub(crate) fn sealing(&self) -> Result<&SecretKey, Fault> {
        match &self.secret {
            Secret::Symmetric(key) => Ok(key),
            Secret::Mac(..) | Secret::Pair(_) => Err(fault::internal()),
        }
    }
}

/// A key that goes through the Gate.
pub(crate) struct Held {
    pub(crate) key: Arc<LiveKey>,
    /// The grants on it that name the caller.
    pub(crate) grants: CallersGrants,
    /// The grant that the caller wants to create.
    pub(crate) child: Option<Arc<GrantRecord>>,
    /// The ARN of the alias by which a caller of another account named the key.
    pub(crate) asked: Option<String>,
}

impl LiveKey {
    /// Refuses an operation that is not one of the key's usage.
    pub(crate) fn must_be_for(&self, operation: &str, usage: Usage) -> Result<(), Fault> {
        if self.record.kind.usage == usage {
            return Ok(());
        }
        let (arn, usage) = (&self.arn, self.record.kind.usage.name());
        let text = format!("{arn} key usage is {usage} which is not valid for {operation}.");
        Err(fault::invalid_usage(text))
    }

    /// Refuses an algorithm that a key of this kind is not used with.
    pub(crate) fn must_know(&self, algorithm: &str) -> Result<(), Fault> {
        let kind = self.record.kind;
        if kind.algorithms.contains(&algorithm) {
            return Ok(());
        }
        let text = format!("Algorithm {algorithm} is incompatible with key spec {}.", kind.spec);
        Err(fault::invalid_usage(text))
    }

    /// The material that is used for what is new.
    pub(crate) fn current(&self) -> Result<&LiveMaterial, Fault> {
        self.materials.last().ok_or_else(fault::internal)
    }

    /// The material with this id.
    pub(crate) fn material(&self, id: &[u8; 32]) -> Option<&LiveMaterial> {
        self.materials.iter().rev().find(|material| material.id == *id)
    }

    /// Its one hash function and key, if it makes message authentication codes.
    pub(crate) fn mac(&self) -> Result<(Hash, &SecretBytes), Fault> {
        match &self.current()?.secret {
            Secret::Mac(hash, key) => Ok((*hash, key)),
            Secret::Symmetric(_) | Secret::Pair(_) => Err(fault::internal()),
        }
    }

    /// Its key pair, if it is one.
    pub(crate) fn pair(&self) -> Result<Arc<dyn KeyPair>, Fault> {
        match &self.current()?.secret {
            Secret::Pair(pair) => Ok(Arc::clone(pair)),
            Secret::Symmetric(_) | Secret::Mac(..) => Err(fault::internal()),
        }
    }

    /// Whether the state lets the key be used or its rotation be changed (KMS guide, "Key states").
    pub(crate) fn must_be_enabled(&self) -> Result<(), Fault> {
        self.must_not_be_going()?;
        match self.record.state {
            State::Enabled | State::PendingDeletion | State::PendingReplicaDeletion => Ok(()),
            State::Disabled => Err(fault::disabled(&self.arn)),
            State::PendingImport => Err(fault::invalid_state(&self.arn, "pending import")),
        }
    }

    /// Whether all of its material is here, as far as the state tells.
    pub(crate) fn must_have_material(&self) -> Result<(), Fault> {
        match self.record.state {
            State::PendingImport => Err(fault::invalid_state(&self.arn, "pending import")),
            _ => Ok(()),
        }
    }

    /// Whether its owner brings its material.
    pub(crate) fn must_be_imported(&self) -> Result<(), Fault> {
        match self.record.origin {
            Origin::External => Ok(()),
            Origin::AwsKms | Origin::ExternalKeyStore | Origin::CloudHsm => {
                Err(self.wrong_origin())
            }
        }
    }

    /// Refuses what keys in custom key stores do not do.
    pub(crate) fn must_not_be_in_a_store(&self) -> Result<(), Fault> {
        if self.record.custom.is_some() { Err(self.wrong_origin()) } else { Ok(()) }
    }

    /// The refusal of what keys of this origin do not do (recorded).
    pub(crate) fn wrong_origin(&self) -> Fault {
        let origin = self.record.origin.name();
        let text =
            format!("{} origin is {origin} which is not valid for this operation.", self.arn);
        fault::unsupported(text)
    }

    /// Whether the state lets the key be changed.
    pub(crate) fn must_not_be_going(&self) -> Result<(), Fault> {
        match self.record.state.going() {
            Some(going) => Err(fault::invalid_state(&self.arn, going)),
            None => Ok(()),
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

    fn asked_arn(&self) -> &str {
        self.asked.as_deref().unwrap_or(&self.key.arn)
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
        "kms:resourcealiases" if record.aliases.is_empty() => None,
        "kms:resourcealiases" => Some(Values::Owned(&record.aliases)),
        _ => match key.strip_prefix("aws:resourcetag/") {
            Some(tag) => bulla_policy::tag(&record.tags, tag),
            None => lasting_condition(record, key),
        },
    }
}

/// One that stays as it is, whoever changes tags and aliases.
pub(crate) fn lasting_condition<'k>(record: &'k KeyRecord, key: &str) -> Option<Values<'k>> {
    match key {
        "kms:keyorigin" => Some(Values::One(record.origin.name())),
        "kms:keyspec" | "kms:customermasterkeyspec" => Some(Values::One(record.kind.spec)),
        "kms:keyusage" | "kms:customermasterkeyusage" => {
            Some(Values::One(record.kind.usage.name()))
        }
        "kms:multiregion" => Some(Values::One(bulla_policy::truth(record.family.is_some()))),
        "kms:multiregionkeytype" => record.part().map(Values::One),
        "aws:resourceaccount" => Some(Values::One(&record.account)),
        _ => None,
    }
}
