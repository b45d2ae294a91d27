//! The course of a rotation, as a secret's record and the schedule have it.
//!
//! A secret has one job in the schedule at most: for the window that opens next, or for the
//! rotation that is under way. It is written once, so that its row always has its first version.

use bulla_plane::Stop;
use bulla_plane::scheduler::{DUE, due_key};
use bulla_store::{Expected, SealedBatch};

use crate::due::ROTATE;
use crate::fault;
use crate::record::{Rotation, SecretRecord, UnderWay, Version};
use crate::schedule::{Schedule, Window};
use crate::stages::{CURRENT, PENDING};

/// The first window of a rotation's rules after a time, if they tell any.
pub(crate) fn next_window(rotation: &Rotation, after_ms: i64) -> Result<Option<Window>, Stop> {
    let schedule = rotation.rules.as_ref().map(Schedule::read).transpose()?.flatten();
    Ok(schedule.and_then(|schedule| schedule.next(after_ms)))
}

/// Begins a rotation: a version without a value yet gets the label AWSPENDING. One that is not
/// through is taken up again, by its own token alone.
pub(crate) fn begin(
    record: &mut SecretRecord,
    rotation: &mut Rotation,
    token: &str,
    now_ms: i64,
) -> Result<(), Stop> {
    must_be_free(record, token)?;
    // The trial of a rotation is over when the rotation itself begins.
    end_trial(record, token);
    if record.version(token).is_none() {
        record.versions.push(Version {
            id: token.to_owned(),
            created_ms: now_ms,
            stages: vec![],
            key: record.key.clone(),
            has_value: false,
            shows: None,
        });
    }
    record.label(PENDING, token);
    record.must_have_few_labels()?;
    rotation.under_way = Some(UnderWay { token: token.to_owned(), failures: 0, trial: false });
    Ok(())
}

/// Begins the trial of a rotation: a version that shows the current value gets the label
/// AWSPENDING, for as long as the trial takes (API reference, RotateSecret, RotateImmediately).
/// False where there is nothing to try with.
pub(crate) fn begin_trial(
    record: &mut SecretRecord,
    rotation: &mut Rotation,
    token: &str,
    now_ms: i64,
) -> Result<bool, Stop> {
    must_be_free(record, token)?;
    let Some(current) = record.labelled(CURRENT).filter(|version| version.has_value) else {
        return Ok(false);
    };
    if record.version(token).is_some_and(|known| known.shows.is_none()) {
        return Ok(false);
    }
    let (shows, key) = (Some(current.sealed_as().to_owned()), current.key.clone());
    if record.version(token).is_none() {
        let (id, stages) = (token.to_owned(), vec![]);
        let shown = Version { id, created_ms: now_ms, stages, key, has_value: true, shows };
        record.versions.push(shown);
    }
    record.label(PENDING, token);
    record.must_have_few_labels()?;
    rotation.under_way = Some(UnderWay { token: token.to_owned(), failures: 0, trial: true });
    Ok(true)
}

/// Takes away the version of a trial, unless somebody has put another label on it.
pub(crate) fn end_trial(record: &mut SecretRecord, token: &str) {
    if record.version(token).is_some_and(|version| version.shows.is_some()) {
        if record.labelled(PENDING).is_some_and(|version| version.id == token) {
            record.unlabel(PENDING);
        }
        record.versions.retain(|version| version.id != token || !version.stages.is_empty());
    }
}

/// Refuses to begin while another rotation is not through.
fn must_be_free(record: &SecretRecord, token: &str) -> Result<(), Stop> {
    let current = record.labelled(CURRENT).map(|version| version.id.as_str());
    let pending = record.labelled(PENDING).map(|version| version.id.as_str());
    if pending.is_none() || pending == current || pending == Some(token) {
        return Ok(());
    }
    let text = "A previous rotation isn't complete. That rotation will be reattempted.";
    Err(fault::invalid_request(text).into())
}

/// Takes the job of a rotation out of the schedule.
pub(crate) fn unscheduled(batch: SealedBatch, path: &str, rotation: &mut Rotation) -> SealedBatch {
    match rotation.due_ms.take() {
        Some(due) => {
            batch.delete(DUE, due_key(due, "secretsmanager", ROTATE, path), Expected::At(1))
        }
        None => batch,
    }
}

/// Puts the job of a rotation into the schedule, which has none of it.
pub(crate) fn scheduled(
    batch: SealedBatch,
    path: &str,
    rotation: &mut Rotation,
    due_ms: i64,
) -> SealedBatch {
    rotation.due_ms = Some(due_ms);
    let due = due_key(due_ms, "secretsmanager", ROTATE, path);
    batch.put(DUE, due, Expected::Absent, b"{}".to_vec())
}

/// Puts the job of a rotation into the schedule, in place of the one that is there.
pub(crate) fn rescheduled(
    batch: SealedBatch,
    path: &str,
    rotation: &mut Rotation,
    due_ms: i64,
) -> SealedBatch {
    if rotation.due_ms == Some(due_ms) {
        return batch;
    }
    let batch = unscheduled(batch, path, rotation);
    scheduled(batch, path, rotation, due_ms)
}

/// Plans the next rotation from now on, where one is planned and none is under way: a value that
/// somebody gives by hand counts as a rotation for when the next one is due (user guide).
pub(crate) fn replanned(
    batch: SealedBatch,
    record: &mut SecretRecord,
    now_ms: i64,
) -> Result<SealedBatch, Stop> {
    let path = record.path();
    let idle = |rotation: &&mut Rotation| rotation.enabled && rotation.under_way.is_none();
    let Some(rotation) = record.rotation.as_mut().filter(idle) else { return Ok(batch) };
    let Some(window) = next_window(rotation, now_ms)? else { return Ok(batch) };
    rotation.next_ms = Some(window.closes_ms);
    Ok(rescheduled(batch, &path, rotation, window.opens_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::secret;

    #[test]
    fn a_trial_shows_the_current_value_and_leaves_nothing_behind() {
        let before = secret(&[("v1", &["AWSCURRENT", "BLUE"])]);
        let (mut record, mut rotation) = (before.clone(), Rotation::default());
        assert!(begin_trial(&mut record, &mut rotation, "t", 5).unwrap());
        assert_eq!(record.labelled(PENDING).unwrap().sealed_as(), "v1");
        assert!(rotation.under_way.as_ref().unwrap().trial);
        assert!(begin_trial(&mut record, &mut rotation, "t", 5).unwrap());
        assert!(begin_trial(&mut record, &mut rotation, "u", 5).is_err());
        end_trial(&mut record, "v1");
        assert_eq!(record.versions.len(), 2);
        end_trial(&mut record, "t");
        assert_eq!(record, before);
        let mut empty = secret(&[]);
        assert!(!begin_trial(&mut empty, &mut rotation, "t", 5).unwrap());
        assert!(!begin_trial(&mut record, &mut rotation, "v1", 5).unwrap());
    }

    #[test]
    fn a_rotation_follows_its_trial_and_no_other_rotation() {
        let (mut record, mut rotation) = (secret(&[("v1", &["AWSCURRENT"])]), Rotation::default());
        begin_trial(&mut record, &mut rotation, "t", 5).unwrap();
        begin(&mut record, &mut rotation, "t", 6).unwrap();
        let pending = record.labelled(PENDING).unwrap();
        assert_eq!((pending.has_value, pending.created_ms), (false, 6));
        assert!(begin(&mut record, &mut rotation, "u", 7).is_err());
        assert!(begin_trial(&mut record, &mut rotation, "u", 7).is_err());
    }
}
