//! The tree of an organization: who is above whom, and which policies hang where.

use super::fault;
use super::records::{FULL_ACCESS, MAX_ATTACHED, MAX_DEPTH, Organization};
use bulla_shapes::Fault;

/// What an id in an organization names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Root,
    Unit,
    Account,
}

impl Organization {
    /// What an id names; nothing when it is none of this organization's.
    pub(crate) fn target(&self, id: &str) -> Option<Target> {
        if id == self.root {
            Some(Target::Root)
        } else if self.units.contains_key(id) {
            Some(Target::Unit)
        } else if self.parents.contains_key(id) {
            Some(Target::Account)
        } else {
            None
        }
    }

    /// The root or unit that something is in; nothing above the root.
    pub(crate) fn parent(&self, id: &str) -> Option<&str> {
        let unit = self.units.get(id).map(|unit| &unit.parent);
        unit.or_else(|| self.parents.get(id)).map(String::as_str)
    }

    /// What is from the root down to something, itself included.
    pub(crate) fn path<'a>(&'a self, id: &'a str) -> Vec<&'a str> {
        let mut path = vec![id];
        let mut at = id;
        // Units are never moved, so that nothing is its own parent; the bound is for a row that
        // another program wrote.
        while let Some(above) = self.parent(at).filter(|_| path.len() <= MAX_DEPTH + 1) {
            path.push(above);
            at = above;
        }
        path.reverse();
        path
    }

    /// The path of an account as `aws:PrincipalOrgPaths` has it.
    pub(crate) fn org_path(&self, account: &str) -> String {
        let mut text = format!("{}/", self.id);
        let above = self.path(account);
        for id in above.iter().filter(|id| **id != account) {
            text.push_str(id);
            text.push('/');
        }
        text
    }

    /// How deep a root or unit lies; the root is at 0.
    pub(crate) fn depth(&self, id: &str) -> usize {
        self.path(id).len().saturating_sub(1)
    }

    /// The units right below something, in the order of their ids.
    pub(crate) fn units_of<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a str> {
        let below = self.units.iter().filter(move |(_, unit)| unit.parent == parent);
        below.map(|(id, _)| id.as_str())
    }

    /// The accounts right below something, in the order of their numbers.
    pub(crate) fn accounts_of<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a str> {
        let below = self.parents.iter().filter(move |(_, above)| *above == parent);
        below.map(|(id, _)| id.as_str())
    }

    /// The ids of everything that policies can be attached to.
    fn targets(&self) -> Vec<String> {
        let ids = self.units.keys().chain(self.parents.keys()).chain([&self.root]);
        ids.cloned().collect()
    }

    /// Puts service control policies in force, which at first allow everything everywhere.
    pub(crate) fn enable_scps(&mut self) {
        self.scps = true;
        for target in self.targets() {
            self.attached.entry(target).or_default().insert(FULL_ACCESS.to_owned());
        }
    }

    /// Takes all service control policies out of force, and off everything.
    pub(crate) fn disable_scps(&mut self) {
        self.scps = false;
        self.attached.clear();
    }

    /// What a new unit or account has attached.
    pub(crate) fn attach_first(&mut self, target: &str) {
        if self.scps {
            let first = [FULL_ACCESS.to_owned()].into();
            self.attached.insert(target.to_owned(), first);
        }
    }

    /// Attaches a policy that exists to a target that exists.
    pub(crate) fn attach(&mut self, policy: &str, target: &str) -> Result<(), Fault> {
        let held = self.attached.entry(target.to_owned()).or_default();
        if held.contains(policy) {
            return Err(fault::duplicate_attachment());
        }
        if held.len() >= MAX_ATTACHED {
            return Err(fault::too_many_attached());
        }
        held.insert(policy.to_owned());
        Ok(())
    }

    /// Detaches a policy; one must stay.
    pub(crate) fn detach(&mut self, policy: &str, target: &str) -> Result<(), Fault> {
        let held = self.attached.entry(target.to_owned()).or_default();
        if !held.contains(policy) {
            return Err(fault::not_attached());
        }
        if held.len() == 1 {
            return Err(fault::last_attached());
        }
        held.remove(policy);
        Ok(())
    }

    /// The policies of each level from the root to an account, where they bind it.
    pub(crate) fn levels<'a>(&'a self, account: &'a str) -> Vec<Vec<&'a str>> {
        if !self.scps || account == self.management {
            return Vec::new();
        }
        let held = |id: &&str| {
            let policies = self.attached.get(*id);
            policies.into_iter().flatten().map(String::as_str).collect()
        };
        self.path(account).iter().map(held).collect()
    }

    /// Whether a policy exists.
    pub(crate) fn has_policy(&self, id: &str) -> bool {
        id == FULL_ACCESS || self.policies.contains_key(id)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::super::records::Unit;
    use super::*;

    pub(crate) const MANAGEMENT: &str = "111111111111";
    pub(crate) const MEMBER: &str = "222222222222";

    pub(crate) fn organization() -> Organization {
        let unit = |name: &str, parent: &str| Unit { name: name.into(), parent: parent.into() };
        Organization {
            id: "o-a1b2c3d4e5".into(),
            management: MANAGEMENT.into(),
            management_email: "m@example.com".into(),
            all_features: true,
            root: "r-ab12".into(),
            scps: false,
            units: BTreeMap::from([
                ("ou-ab12-11111111".into(), unit("one", "r-ab12")),
                ("ou-ab12-22222222".into(), unit("two", "ou-ab12-11111111")),
            ]),
            parents: BTreeMap::from([
                (MANAGEMENT.into(), "r-ab12".into()),
                (MEMBER.into(), "ou-ab12-22222222".into()),
            ]),
            policies: BTreeMap::new(),
            attached: BTreeMap::new(),
        }
    }

    #[test]
    fn paths_lead_from_the_root() {
        let organization = organization();
        let path = ["r-ab12", "ou-ab12-11111111", "ou-ab12-22222222", MEMBER];
        assert_eq!(organization.path(MEMBER), path);
        assert_eq!(
            organization.org_path(MEMBER),
            "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/"
        );
        assert_eq!(organization.org_path(MANAGEMENT), "o-a1b2c3d4e5/r-ab12/");
        assert_eq!(organization.depth("ou-ab12-22222222"), 2);
        assert_eq!(organization.target("r-zz99"), None);
    }

    #[test]
    fn every_level_has_full_access_once_policies_are_in_force() {
        let mut organization = organization();
        assert!(organization.levels(MEMBER).is_empty());
        organization.enable_scps();
        assert_eq!(organization.levels(MEMBER), vec![vec![FULL_ACCESS]; 4]);
        assert!(organization.levels(MANAGEMENT).is_empty(), "the management account is exempt");
        organization.disable_scps();
        assert!(organization.levels(MEMBER).is_empty());
    }

    #[test]
    fn a_target_has_from_one_to_five_policies() {
        let mut organization = organization();
        organization.enable_scps();
        let code = |outcome: Result<(), Fault>| outcome.unwrap_err().code;
        let last = organization.detach(FULL_ACCESS, MEMBER);
        assert_eq!(code(last), "ConstraintViolationException");
        for number in 1..MAX_ATTACHED {
            organization.attach(&format!("p-{number}"), MEMBER).unwrap();
        }
        assert_eq!(code(organization.attach("p-9", MEMBER)), "ConstraintViolationException");
        let twice = organization.attach("p-1", MEMBER);
        assert_eq!(code(twice), "DuplicatePolicyAttachmentException");
        organization.detach(FULL_ACCESS, MEMBER).unwrap();
        let absent = organization.detach(FULL_ACCESS, MEMBER);
        assert_eq!(code(absent), "PolicyNotAttachedException");
    }
}
