//! Archives that are whole, cut off, altered, or put together from others.

use std::fs;
use std::path::{Path, PathBuf};

use bulla_envelope::keyring::RawAesKeyring;

use super::*;

fn envelope() -> Envelope {
    let key = SecretBytes::new(vec![7; 32]);
    Envelope::new(RawAesKeyring::new("test", "key", &key).unwrap())
}

fn parameter(name: &str) -> Parameter {
    Parameter {
        name: name.to_owned(),
        kind: "SecureString".to_owned(),
        value: SecretText::new(format!("secret of {name}")),
        description: None,
        tier: Some("Standard".to_owned()),
        key: Some("alias/aws/ssm".to_owned()),
        allowed_pattern: None,
        data_type: Some("text".to_owned()),
        policies: Vec::new(),
        labels: vec!["live".to_owned()],
        tags: vec![("team".to_owned(), "a".to_owned())],
    }
}

/// An archive of three chunks with a parameter each, and the last; and where each ends.
async fn archive(folder: &Path, name: &str) -> (PathBuf, Vec<u64>) {
    let (place, whole) = (folder.join("partial"), folder.join(name));
    let mut writer = Writer::create(&place, envelope(), "/app").unwrap();
    let mut ends = Vec::new();
    for number in 0..3 {
        writer.add(vec![parameter(&format!("/app/{number}"))]).await.unwrap();
        ends.push(fs::metadata(&place).unwrap().len());
    }
    writer.end(&whole).await.unwrap();
    (whole, ends)
}

async fn names(place: &Path) -> Result<Vec<String>, Error> {
    let mut reader = Reader::open(place, envelope())?;
    let mut names = Vec::new();
    while let Some(chunk) = reader.next().await? {
        for parameter in chunk.parameters {
            assert_eq!(parameter.value.expose(), format!("secret of {}", parameter.name));
            assert_eq!(parameter.labels, ["live"]);
            names.push(parameter.name);
        }
    }
    Ok(names)
}

const ALL: [&str; 3] = ["/app/0", "/app/1", "/app/2"];

#[tokio::test]
async fn an_archive_is_read_as_it_was_written_and_shows_nothing_in_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (place, _) = archive(folder.path(), "a").await;
    assert_eq!(names(&place).await.unwrap(), ALL);
    let bytes = fs::read(&place).unwrap();
    let clear = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(clear("bulla-archive") && !clear("secret of") && !clear("/app/"));
    assert!(!folder.path().join("partial").exists());
}

#[tokio::test]
async fn whatever_is_cut_off_altered_or_exchanged_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (place, ends) = archive(folder.path(), "a").await;
    let (other, _) = archive(folder.path(), "b").await;
    let (bytes, other) = (fs::read(&place).unwrap(), fs::read(other).unwrap());
    let chunk = |of: &[u8], number: usize| {
        let from = if number == 0 { MAGIC.len() } else { ends[number - 1] as usize };
        let to = ends.get(number).map_or(of.len(), |end| *end as usize);
        of[from..to].to_vec()
    };
    let joined = |chunks: &[Vec<u8>]| [MAGIC, &chunks.concat()].concat();
    let own = |number| chunk(&bytes, number);
    let mut wrong = vec![
        joined(&[own(0), own(2), own(3)]),
        joined(&[own(1), own(0), own(2), own(3)]),
        joined(&[own(0), own(0), own(1), own(2), own(3)]),
        joined(&[own(0), chunk(&other, 1), own(2), own(3)]),
        joined(&[own(0), own(1), own(2), own(3), own(3)]),
        joined(&[vec![0xff; 8]]),
        Vec::new(),
    ];
    wrong.extend((MAGIC.len()..bytes.len()).step_by(97).map(|length| bytes[..length].to_vec()));
    wrong.extend((0..bytes.len()).step_by(31).map(|at| {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        altered
    }));
    for (number, bytes) in wrong.iter().enumerate() {
        fs::write(&place, bytes).unwrap();
        assert!(names(&place).await.is_err(), "archive {number} of {}", wrong.len());
    }
    fs::write(&place, &bytes).unwrap();
    assert_eq!(names(&place).await.unwrap(), ALL);
}

#[tokio::test]
async fn an_interrupted_archive_goes_on_after_its_last_whole_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let (place, ends) = archive(folder.path(), "a").await;
    let bytes = fs::read(&place).unwrap();
    for length in (MAGIC.len()..=bytes.len()).step_by(53).chain([bytes.len()]) {
        let (partial, whole) = (folder.path().join("p"), folder.path().join("w"));
        fs::write(&partial, &bytes[..length]).unwrap();
        let (mut writer, had) = Writer::resume(&partial, envelope(), "/app").await.unwrap();
        let wanted = ends.iter().filter(|end| **end as usize <= length).count();
        assert_eq!(had, ALL[..wanted]);
        for name in &ALL[wanted..] {
            writer.add(vec![parameter(name)]).await.unwrap();
        }
        writer.end(&whole).await.unwrap();
        assert_eq!(names(&whole).await.unwrap(), ALL);
        fs::remove_file(&whole).unwrap();
    }
    fs::write(folder.path().join("p"), &bytes[..ends[0] as usize]).unwrap();
    let other = Writer::resume(&folder.path().join("p"), envelope(), "/other").await;
    assert!(other.err().unwrap().to_string().contains("was begun with /app"));
}

#[tokio::test]
async fn an_archive_replaces_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (place, there) = (folder.path().join("p"), folder.path().join("there"));
    fs::write(&there, "mine").unwrap();
    let writer = Writer::create(&place, envelope(), "/").unwrap();
    assert!(writer.end(&there).await.is_err());
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    assert!(Writer::create(&place, envelope(), "/").is_err());
}

#[test]
fn what_is_put_is_what_was_read() {
    let mut version = json!({
        "Name": "/a", "Type": "SecureString", "Value": "v", "Version": 3, "Tier": "Advanced",
        "KeyId": "alias/k", "Description": "d", "AllowedPattern": ".", "DataType": "text",
        "Labels": ["x"], "Policies": [{ "PolicyText": "{\"Type\":\"Expiration\"}" }],
    });
    let mut read = Parameter::read("/a", &mut version).unwrap();
    read.tags.push(("t".to_owned(), "u".to_owned()));
    let wanted = json!({
        "Name": "/a", "Type": "SecureString", "Value": "v", "Overwrite": false,
        "Description": "d", "Tier": "Advanced", "KeyId": "alias/k", "AllowedPattern": ".",
        "DataType": "text", "Policies": "[{\"Type\":\"Expiration\"}]",
        "Tags": [{ "Key": "t", "Value": "u" }],
    });
    assert_eq!(put(&read, false, None), wanted);
    let over = put(&read, true, Some("alias/other"));
    assert_eq!((&over["KeyId"], &over["Tags"]), (&json!("alias/other"), &Value::Null));
    read.kind = "String".to_owned();
    assert_eq!(put(&read, false, Some("alias/other")).get("KeyId"), None);
}
