//! Archives: a file of encrypted chunks, each a message of the AWS Encryption SDKs.
//!
//! After the first line, [`MAGIC`], come chunks: the length of the message, four bytes,
//! big-endian, then the message. What is in it is JSON, [`Chunk`]. Each chunk says of which
//! archive it is, which number it has and whether it is the last, so that a missing, repeated or
//! foreign one is noticed, and an archive whose writing was interrupted can be gone on with.

use bulla_plane::SecretText;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bulla_crypto::{Crypto, SecretBytes, hex};
use bulla_envelope::{EncryptionContext, Envelope};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::{secret, text};
use super::vault::Kept;
use crate::error::Error;
use crate::message_error::MessageError;

/// The first line of an archive: what it is, and the version of its form.
const MAGIC: &[u8] = b"bulla-archive 1\n";
/// The longest message of a chunk: 16 MiB, more than fifty parameters of all sizes together.
const MAX_CHUNK_BYTES: u32 = 16 << 20;
const LENGTH_BYTES: usize = 4;

/// A parameter in an archive.
#[derive(Serialize, Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// `String`, `StringList` or `SecureString`.
    pub(super) kind: String,
    pub(super) value: SecretText,
    pub(super) description: Option<String>,
    pub(super) tier: Option<String>,
    /// The KMS key of a SecureString, as it was named.
    pub(super) key: Option<String>,
    pub(super) allowed_pattern: Option<String>,
    pub(super) data_type: Option<String>,
    /// The text of each policy.
    pub(super) policies: Vec<String>,
    /// The labels of this version.
    pub(super) labels: Vec<String>,
    /// Key and value of each tag.
    pub(super) tags: Vec<(String, String)>,
}

impl Parameter {
    /// Reads a version as GetParameterHistory gives it. The tags are not in it.
    pub(super) fn read(name: &str, version: &mut Value) -> Result<Self, Error> {
        let some = |member: &str| version.get(member).and_then(Value::as_str).map(str::to_owned);
        let list = |member: &str, of: fn(&Value) -> Option<&str>| {
            let items = version.get(member).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(of).map(str::to_owned).collect()
        };
        Ok(Self {
            name: name.to_owned(),
            kind: text(version, "Type")?,
            description: some("Description"),
            tier: some("Tier"),
            key: some("KeyId"),
            allowed_pattern: some("AllowedPattern"),
            data_type: some("DataType"),
            policies: list("Policies", |policy| policy.get("PolicyText")?.as_str()),
            labels: list("Labels", Value::as_str),
            tags: Vec::new(),
            value: secret(version)?,
        })
    }

    /// The tags as requests have them.
    pub(super) fn tag_list(&self) -> Vec<Value> {
        let tag = |(key, value): &(String, String)| json!({ "Key": key, "Value": value });
        self.tags.iter().map(tag).collect()
    }
}

/// What a chunk holds.
#[derive(Serialize, Deserialize)]
pub(super) struct Chunk {
    /// The archive's id: 16 random bytes in hex.
    archive: String,
    /// 1, 2, 3, …
    number: u64,
    /// Whether the archive ends here.
    last: bool,
    /// What the archive was made of: the option of the command, and what it named.
    path: String,
    pub(super) parameters: Vec<Parameter>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) secrets: Vec<Kept>,
}

/// Writes an archive.
pub(super) struct Writer {
    file: File,
    place: PathBuf,
    envelope: Envelope,
    next: Chunk,
}

impl Writer {
    /// Begins an archive in a file that is not there yet.
    pub(super) fn create(place: &Path, envelope: Envelope, path: &str) -> Result<Self, Error> {
        let failed = |cause| Error::io(format!("make {}", place.display()), cause);
        let mut file = File::options().write(true).create_new(true).open(place).map_err(failed)?;
        file.write_all(MAGIC).map_err(failed)?;
        let id = Crypto::standard().random::<16>()?;
        let (archive, path) = (hex::encode(&id), path.to_owned());
        let (parameters, secrets) = (Vec::new(), Vec::new());
        let next = Chunk { archive, number: 1, last: false, path, parameters, secrets };
        Ok(Self { file, place: place.to_owned(), envelope, next })
    }

    /// Goes on with an archive whose writing was interrupted, and gives the names that it has.
    pub(super) async fn resume(
        place: &Path,
        envelope: Envelope,
        path: &str,
    ) -> Result<(Self, Vec<String>), Error> {
        let mut reader = Reader::open(place, envelope)?;
        let (mut names, mut good, mut next) = (Vec::new(), reader.good, None);
        while let Some(chunk) = reader.next_whole().await? {
            // The last chunk has nothing in it, and is written anew.
            let Chunk { archive, number, last, path, parameters, secrets } = chunk;
            names.extend(parameters.into_iter().map(|parameter| parameter.name));
            names.extend(secrets.into_iter().map(|secret| secret.name));
            next = Some((archive, if last { number } else { number.saturating_add(1) }, path));
            if last {
                break;
            }
            good = reader.good;
        }
        let envelope = reader.envelope;
        let (archive, number) = match next {
            Some((archive, number, of)) if of == path => (archive, number),
            Some((.., of)) => {
                return Err(Error::Usage(format!(
                    "{} was begun with {of}: remove it to begin anew",
                    place.display()
                )));
            }
            None => (hex::encode(&Crypto::standard().random::<16>()?), 1),
        };
        let failed = |cause| Error::io(format!("go on with {}", place.display()), cause);
        let mut file = File::options().write(true).open(place).map_err(failed)?;
        file.set_len(good).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let (path, parameters, secrets) = (path.to_owned(), Vec::new(), Vec::new());
        let next = Chunk { archive, number, last: false, path, parameters, secrets };
        Ok((Self { file, place: place.to_owned(), envelope, next }, names))
    }

    /// Adds a chunk.
    pub(super) async fn add(&mut self, parameters: Vec<Parameter>) -> Result<(), Error> {
        self.next.parameters = parameters;
        self.write().await
    }

    /// Adds a chunk of secrets.
    pub(super) async fn add_secrets(&mut self, secrets: Vec<Kept>) -> Result<(), Error> {
        self.next.secrets = secrets;
        self.write().await
    }

    /// Ends the archive, and lets it appear under its name, where nothing may be yet.
    pub(super) async fn end(mut self, name: &Path) -> Result<(), Error> {
        self.next.last = true;
        self.write().await?;
        let failed = |cause| Error::io(format!("write {}", name.display()), cause);
        self.file.sync_all().map_err(failed)?;
        // Fails where there is a file of that name.
        std::fs::hard_link(&self.place, name).map_err(failed)?;
        std::fs::remove_file(&self.place).map_err(failed)
    }

    async fn write(&mut self) -> Result<(), Error> {
        let failed = |cause| Error::io(format!("write {}", self.place.display()), cause);
        let plaintext = serde_json::to_vec(&self.next).map_err(io::Error::from).map_err(failed)?;
        let plaintext = SecretBytes::new(plaintext);
        let message = self.envelope.encrypt(plaintext.expose(), &EncryptionContext::new()).await;
        let message = message.map_err(|error| refused(&self.place, error))?;
        let length = u32::try_from(message.len()).ok().filter(|length| *length <= MAX_CHUNK_BYTES);
        let length = length.ok_or_else(|| {
            Error::Usage(format!("a chunk of {} would be too long", self.place.display()))
        })?;
        let chunk = [length.to_be_bytes().as_slice(), &message].concat();
        self.file.write_all(&chunk).map_err(failed)?;
        self.next.number += 1;
        self.next.parameters = Vec::new();
        self.next.secrets = Vec::new();
        Ok(())
    }
}

/// Reads an archive.
pub(super) struct Reader {
    file: BufReader<File>,
    place: PathBuf,
    envelope: Envelope,
    /// The archive, and the number of the last chunk.
    of: Option<(String, u64)>,
    ended: bool,
    /// How many bytes belong to whole chunks.
    good: u64,
}

impl Reader {
    /// Opens an archive.
    pub(super) fn open(place: &Path, envelope: Envelope) -> Result<Self, Error> {
        let failed = |cause| Error::io(format!("read {}", place.display()), cause);
        let mut file = BufReader::new(File::open(place).map_err(failed)?);
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() || magic != MAGIC {
            return Err(Error::Usage(format!("{} is no archive of bulla", place.display())));
        }
        let (place, good) = (place.to_owned(), MAGIC.len() as u64);
        Ok(Self { file, place, envelope, of: None, ended: false, good })
    }

    /// The next chunk; none after the last.
    ///
    /// # Errors
    /// Also when the archive ends before its last chunk.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        let ended = self.ended;
        match self.next_whole().await? {
            None if !ended => {
                Err(self.damaged("ends before its last chunk: export again, or go on exporting"))
            }
            Some(_) if ended => Err(self.damaged("goes on after its last chunk")),
            chunk => Ok(chunk),
        }
    }

    /// The next chunk; none where no more whole ones follow.
    async fn next_whole(&mut self) -> Result<Option<Chunk>, Error> {
        let Some(message) = self.message()? else { return Ok(None) };
        let opened = self.envelope.decrypt(&message, &EncryptionContext::new()).await;
        let opened = opened.map_err(|error| refused(&self.place, error))?;
        let plaintext = SecretBytes::new(opened.plaintext);
        let chunk: Chunk = serde_json::from_slice(plaintext.expose())
            .map_err(|error| self.damaged(&format!("holds a chunk that does not read: {error}")))?;
        let follows = match &self.of {
            None => chunk.number == 1,
            Some((archive, number)) => {
                chunk.archive == *archive && chunk.number == number.saturating_add(1)
            }
        };
        if !follows {
            return Err(self.damaged("has chunks that do not follow each other"));
        }
        self.of = Some((chunk.archive.clone(), chunk.number));
        self.ended = chunk.last;
        self.good += (LENGTH_BYTES + message.len()) as u64;
        Ok(Some(chunk))
    }

    /// The bytes of the next message; none if they are not all there.
    fn message(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut length = [0; LENGTH_BYTES];
        if !self.fill(&mut length)? {
            return Ok(None);
        }
        let length = u32::from_be_bytes(length);
        if length > MAX_CHUNK_BYTES {
            return Err(self.damaged("names a chunk that is too long"));
        }
        let mut message = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        Ok(self.fill(&mut message)?.then_some(message))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, Error> {
        match self.file.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Error::io(format!("read {}", self.place.display()), error)),
        }
    }

    fn damaged(&self, how: &str) -> Error {
        Error::Faults(format!("the archive {} {how}", self.place.display()))
    }
}

fn refused(place: &Path, error: bulla_envelope::Error) -> Error {
    let error = MessageError::Envelope(error);
    Error::Message(place.display().to_string(), Box::new(error))
}

/// What PutParameter is asked for.
pub(super) fn put(parameter: &Parameter, overwrite: bool, kms_key: Option<&str>) -> Value {
    let mut input = json!({
        "Name": parameter.name,
        "Type": parameter.kind,
        "Value": parameter.value.expose(),
        "Overwrite": overwrite,
    });
    let key = kms_key.or(parameter.key.as_deref()).filter(|_| parameter.kind == "SecureString");
    let policies = format!("[{}]", parameter.policies.join(","));
    let tags = parameter.tag_list();
    for (member, value) in [
        ("Description", parameter.description.as_deref().map(Value::from)),
        ("Tier", parameter.tier.as_deref().map(Value::from)),
        ("KeyId", key.map(Value::from)),
        ("AllowedPattern", parameter.allowed_pattern.as_deref().map(Value::from)),
        ("DataType", parameter.data_type.as_deref().map(Value::from)),
        ("Policies", (!parameter.policies.is_empty()).then(|| policies.into())),
        // Together with Overwrite they are refused.
        ("Tags", (!overwrite && !tags.is_empty()).then(|| tags.into())),
    ] {
        if let (Some(value), Some(members)) = (value, input.as_object_mut()) {
            members.insert(member.to_owned(), value);
        }
    }
    input
}

#[cfg(test)]
mod tests;
