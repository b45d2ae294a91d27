//! LabelParameterVersion, UnlabelParameterVersion.

use std::collections::BTreeSet;

use bulla_plane::Call;
use bulla_policy::RequestKeys;
use bulla_shapes::ssm::{
    LabelParameterVersionRequest, LabelParameterVersionResult, UnlabelParameterVersionRequest,
    UnlabelParameterVersionResult,
};
use bulla_shapes::{Fault, Strings, View};
use bulla_store::SealedBatch;

use super::Answer;
use crate::record::ParameterRecord;
use crate::{Ssm, fault, name};

/// The most labels of a version (user guide, "Working with parameter labels").
const MAX_LABELS: usize = 10;
/// What AWS's SDKs put before it is not on the wire.
const TOO_MANY: &str = "A parameter version can have maximum 10 labels.Move one or more labels to \
                        another version and try again.";

pub(crate) async fn label_parameter_version(
    ssm: &Ssm,
    call: &mut Call,
    input: &LabelParameterVersionRequest<'_>,
) -> Answer {
    const ACTION: &str = "ssm:LabelParameterVersion";
    let name = name::of_own(call, input.name(), ACTION)?;
    let live = ssm.permitted(call, &name, ACTION, &RequestKeys::none()).await?.existing()?;
    let version = match input.parameter_version() {
        Some(number) => existing(&live.record, &name.spelling, number)?,
        None => live.record.newest.number,
    };
    let labels = distinct(input.labels());
    let (valid, invalid): (BTreeSet<&str>, BTreeSet<&str>) =
        labels.into_iter().partition(|label| is_label(label));
    let mut record = live.record.clone();
    let mut batch = SealedBatch::new();
    for label in valid {
        let from = match record.labels.iter_mut().find(|(known, _)| known == label) {
            Some((_, at)) if *at == version => continue,
            Some((_, at)) => Some(std::mem::replace(at, version)),
            None => {
                record.labels.push((label.to_owned(), version));
                None
            }
        };
        batch = ssm.tell_label(batch, &record, (label, from, version), call.now_ms)?;
    }
    if record.labels_of(version).count() > MAX_LABELS {
        return Err(fault::named("ParameterVersionLabelLimitExceeded", TOO_MANY).into());
    }
    if !batch.is_empty() {
        ssm.save(batch, Some(&live), record).await?;
    }
    let answer = LabelParameterVersionResult::new()
        .with_invalid_labels(invalid.into_iter().map(str::to_owned))
        .with_parameter_version(i64::try_from(version).unwrap_or(i64::MAX));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn unlabel_parameter_version(
    ssm: &Ssm,
    call: &mut Call,
    input: &UnlabelParameterVersionRequest<'_>,
) -> Answer {
    const ACTION: &str = "ssm:UnlabelParameterVersion";
    let name = name::of_own(call, input.name(), ACTION)?;
    let live = ssm.permitted(call, &name, ACTION, &RequestKeys::none()).await?.existing()?;
    let version =
        existing(&live.record, &name.spelling, input.parameter_version().unwrap_or_default())?;
    let on_it = |label: &&str| live.record.labels_of(version).any(|known| known == *label);
    let (removed, invalid): (BTreeSet<&str>, BTreeSet<&str>) =
        distinct(input.labels()).into_iter().partition(on_it);
    if !removed.is_empty() {
        let mut record = live.record.clone();
        record.labels.retain(|(label, _)| !removed.contains(label.as_str()));
        ssm.save(SealedBatch::new(), Some(&live), record).await?;
    }
    let answer = UnlabelParameterVersionResult::new()
        .with_removed_labels(removed.into_iter().map(str::to_owned))
        .with_invalid_labels(invalid.into_iter().map(str::to_owned));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

fn distinct<'r>(labels: Option<Strings<'r>>) -> BTreeSet<&'r str> {
    labels.into_iter().flatten().collect()
}

/// The number of a version that is kept.
fn existing(record: &ParameterRecord, name: &str, number: i64) -> Result<u64, Fault> {
    let known = u64::try_from(number).ok().filter(|number| record.has(*number));
    known.ok_or_else(|| fault::no_version(name, &number.to_string()))
}

fn is_label(text: &str) -> bool {
    let word =
        |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && !text.starts_with(|letter: char| letter.is_ascii_digit())
        && !word("aws")
        && !word("ssm")
}
