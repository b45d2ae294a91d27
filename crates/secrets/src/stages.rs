//! Staging labels: on which version each is, and what moves them (user guide, "Secret versions").
//!
//! A label is on one version at most. AWSCURRENT never goes without coming to another version, and
//! leaves AWSPREVIOUS behind.

use bulla_shapes::Fault;

use crate::fault;
use crate::record::{SecretRecord, Version};

pub(crate) const CURRENT: &str = "AWSCURRENT";
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";
pub(crate) const PENDING: &str = "AWSPENDING";

/// How many labels a secret has at most (user guide, "Quotas").
const MAX_LABELS: usize = 20;
/// More versions than this are thinned out (user guide, "Secret versions").
const KEPT_VERSIONS: usize = 100;
/// Versions of this age stay, however many there are.
const KEPT_MS: i64 = 86_400_000;
/// How many versions there may be, young ones among them. AWS names no number; this one is ours.
pub(crate) const MAX_VERSIONS: usize = 1_000;

impl SecretRecord {
    /// Puts a label on a version, and takes it from the one that has it. AWSCURRENT leaves
    /// AWSPREVIOUS behind.
    pub(crate) fn label(&mut self, stage: &str, id: &str) {
        let before = self.labelled(stage).map(|version| version.id.clone());
        if before.as_deref() == Some(id) {
            return;
        }
        self.unlabel(stage);
        if let Some(version) = self.versions.iter_mut().find(|version| version.id == id) {
            version.stages.push(stage.to_owned());
            if stage == CURRENT {
                version.stages.retain(|label| label != PREVIOUS);
            }
        }
        if let Some(before) = before.filter(|_| stage == CURRENT) {
            self.label(PREVIOUS, &before);
        }
    }

    /// Takes a label away.
    pub(crate) fn unlabel(&mut self, stage: &str) {
        for version in &mut self.versions {
            version.stages.retain(|label| label != stage);
        }
    }

    /// Adds a version with these labels. The first one is the current one, whatever was asked.
    pub(crate) fn add_version(&mut self, version: Version, stages: &[&str]) -> Result<(), Fault> {
        let id = version.id.clone();
        if let Some(placeholder) = self.versions.iter_mut().find(|known| known.id == id) {
            *placeholder = Version { stages: std::mem::take(&mut placeholder.stages), ..version };
        } else {
            self.versions.push(version);
        }
        for stage in stages {
            self.label(stage, &id);
        }
        if self.labelled(CURRENT).is_none() {
            self.label(CURRENT, &id);
        }
        self.must_have_few_labels()
    }

    /// Refuses more labels than a secret may have.
    pub(crate) fn must_have_few_labels(&self) -> Result<(), Fault> {
        let count: usize = self.versions.iter().map(|version| version.stages.len()).sum();
        if count <= MAX_LABELS {
            return Ok(());
        }
        // AWS's text is not recorded; this one is ours.
        let text = format!("A secret can have at most {MAX_LABELS} staging labels.");
        Err(fault::limit_exceeded(text))
    }

    /// Takes away versions that nobody asks for any more, and gives their ids: those without a
    /// label that are a day old, oldest first, while there are more than are kept.
    pub(crate) fn thin_out(&mut self, now_ms: i64) -> Result<Vec<String>, Fault> {
        let mut surplus = self.versions.len().saturating_sub(KEPT_VERSIONS);
        let mut gone = Vec::new();
        self.versions.retain(|version| {
            let is_old = now_ms.saturating_sub(version.created_ms) >= KEPT_MS;
            let goes = surplus > 0 && is_old && version.stages.is_empty();
            if goes {
                surplus -= 1;
                gone.push(version.id.clone());
            }
            !goes
        });
        if self.versions.len() > MAX_VERSIONS {
            let text = "The secret has too many versions that are younger than a day.";
            return Err(fault::limit_exceeded(text));
        }
        Ok(gone)
    }

    /// The labels of a version, in the order in which they came to it.
    pub(crate) fn stages_of(&self, id: &str) -> Vec<String> {
        self.version(id).map(|version| version.stages.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::tests::secret;

    fn version(id: &str, created_ms: i64) -> Version {
        Version {
            id: id.to_owned(),
            created_ms,
            stages: vec![],
            key: None,
            has_value: true,
            shows: None,
        }
    }

    fn stages(record: &SecretRecord) -> Vec<(&str, Vec<&str>)> {
        let versions = record.versions.iter();
        versions
            .map(|version| {
                (version.id.as_str(), version.stages.iter().map(String::as_str).collect())
            })
            .collect()
    }

    #[test]
    fn a_new_value_becomes_current_and_the_old_one_previous() {
        let mut record = secret(&[]);
        record.add_version(version("1", 0), &["BLUE"]).unwrap();
        assert_eq!(stages(&record), [("1", vec!["BLUE", CURRENT])]);
        record.add_version(version("2", 0), &[CURRENT]).unwrap();
        record.add_version(version("3", 0), &[CURRENT]).unwrap();
        let wanted = [("1", vec!["BLUE"]), ("2", vec![PREVIOUS]), ("3", vec![CURRENT])];
        assert_eq!(stages(&record), wanted);
        record.add_version(version("4", 0), &[PENDING, "BLUE"]).unwrap();
        assert_eq!(record.labelled(CURRENT).unwrap().id, "3");
        assert_eq!(stages(&record)[0], ("1", vec![]));
        record.label(CURRENT, "2");
        assert_eq!(stages(&record)[1..3], [("2", vec![CURRENT]), ("3", vec![PREVIOUS])]);
    }

    #[test]
    fn the_value_of_a_version_that_waits_for_it_keeps_its_place_and_labels() {
        let mut record = secret(&[("1", &[CURRENT]), ("2", &[PENDING])]);
        record.versions[1].has_value = false;
        record.add_version(version("2", 5), &[PENDING]).unwrap();
        assert_eq!(stages(&record), [("1", vec![CURRENT]), ("2", vec![PENDING])]);
        assert!(record.versions[1].has_value);
    }

    #[test]
    fn old_versions_without_labels_are_thinned_out() {
        let mut record = secret(&[]);
        for number in 0..150 {
            record.add_version(version(&number.to_string(), number), &[CURRENT]).unwrap();
        }
        record.label("KEPT", "0");
        assert_eq!(record.thin_out(KEPT_MS - 1).unwrap(), [] as [&str; 0]);
        // The ages count from their own creation: those of number 0 to 9 are a day old.
        let gone = record.thin_out(KEPT_MS + 9).unwrap();
        let wanted: Vec<_> = (1..10).map(|number: i32| number.to_string()).collect();
        assert_eq!(gone, wanted);
        assert_eq!(record.thin_out(KEPT_MS * 2).unwrap().len(), 41);
        assert_eq!(record.versions.len(), 100);
    }

    #[test]
    fn there_is_an_end_to_young_versions_and_to_labels() {
        let mut record = secret(&[]);
        for number in 0..MAX_VERSIONS {
            record.add_version(version(&number.to_string(), 0), &[CURRENT]).unwrap();
            record.thin_out(1).unwrap();
        }
        record.add_version(version("one more", 0), &[CURRENT]).unwrap();
        assert_eq!(record.thin_out(1).unwrap_err().code, "LimitExceededException");
        let mut record = secret(&[("1", &[CURRENT])]);
        for number in 1..MAX_LABELS {
            record.label(&format!("L{number}"), "1");
            assert!(record.must_have_few_labels().is_ok());
        }
        record.label("more", "1");
        assert!(record.must_have_few_labels().is_err());
    }

    proptest! {
        #[test]
        fn a_label_is_on_one_version_and_there_is_always_a_current_one(
            moves in prop::collection::vec((0_usize..5, 0_usize..4, any::<bool>()), 1..40)
        ) {
            let mut record = secret(&[]);
            let labels = [CURRENT, PENDING, PREVIOUS, "BLUE"];
            for (at, (id, label, add)) in moves.into_iter().enumerate() {
                if add || record.versions.is_empty() {
                    let new = version(&at.to_string(), 0);
                    record.add_version(new, &[labels[label]]).unwrap();
                } else {
                    let id = record.versions[id % record.versions.len()].id.clone();
                    record.label(labels[label], &id);
                }
                for label in labels {
                    let on = |version: &&Version| version.stages.iter().any(|one| one == label);
                    let count = record.versions.iter().filter(on).count();
                    prop_assert!(count <= 1, "{label} is on {count}");
                }
                prop_assert!(record.labelled(CURRENT).is_some());
            }
        }
    }
}
