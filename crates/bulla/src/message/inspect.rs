//! `bulla inspect`: what a header says, without any key.

use std::fs::File;
use std::io::{self, Read};

use base64_simd::STANDARD;
use bulla_crypto::hex;
use bulla_envelope::{EncryptedDataKey, FormatError, Framing, Header, HeaderReader, Version};
use serde_json::{Value, json};

use crate::cli::message::InspectOptions;
use crate::error::Error;
use crate::message_error::MessageError;
use crate::stdout;

/// So many bytes are read at once.
const BLOCK_LEN: usize = 16 << 10;

/// Runs the command.
pub(super) fn run(options: &InspectOptions) -> Result<(), Error> {
    let (name, header) = match &options.file {
        None => ("standard input".to_owned(), read(io::stdin().lock())),
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path);
            let file = file.map_err(|cause| Error::io(format!("read {name}"), cause))?;
            (name, read(file))
        }
    };
    let header =
        header.map_err(|error| Error::Message(name, Box::new(MessageError::Envelope(error))))?;
    let text = if options.json { format!("{:#}\n", described(&header)) } else { told(&header) };
    stdout::whole(text.as_bytes())
}

fn read(mut from: impl Read) -> Result<Header, bulla_envelope::Error> {
    let mut reader = HeaderReader::new();
    let mut block = vec![0; BLOCK_LEN];
    loop {
        let read = from.read(&mut block)?;
        if read == 0 {
            return Err(FormatError::Truncated.into());
        }
        if let Some((header, _)) = reader.push(block.get(..read).unwrap_or_default())? {
            return Ok(header);
        }
    }
}

/// A header as JSON.
pub(super) fn described(header: &Header) -> Value {
    let keys: Vec<Value> = header.encrypted_data_keys().iter().map(key).collect();
    let context: Value =
        header.context().iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    json!({
        "version": version(header),
        "suite": format!("{:04x}", header.suite().id()),
        "suiteName": header.suite().name(),
        "messageId": hex::encode(header.message_id()),
        "encryptionContext": context,
        "encryptedDataKeys": keys,
        "frameLength": frame_len(header),
        "headerLength": header.as_bytes().len(),
    })
}

fn key(key: &EncryptedDataKey) -> Value {
    json!({
        "providerId": key.provider_id(),
        "providerInfo": info(key),
        "ciphertext": STANDARD.encode_to_string(key.ciphertext()),
    })
}

/// Text where it is text, as with ARNs, else base64.
fn info(key: &EncryptedDataKey) -> String {
    match std::str::from_utf8(key.provider_info()) {
        Ok(text) if !text.contains(char::is_control) => text.to_owned(),
        _ => STANDARD.encode_to_string(key.provider_info()),
    }
}

fn version(header: &Header) -> u8 {
    match header.suite().version() {
        Version::V1 => 1,
        Version::V2 => 2,
    }
}

/// Nothing for a message without frames.
fn frame_len(header: &Header) -> Option<u32> {
    match header.framing() {
        Framing::Framed(len) => Some(len),
        Framing::NonFramed => None,
    }
}

/// A header for people. What a stranger wrote is quoted, so that it can't move a terminal's cursor.
fn told(header: &Header) -> String {
    let suite = header.suite();
    let mut text = format!(
        "version   {}\nsuite     {:04x} {}\nmessage   {}\n",
        version(header),
        suite.id(),
        suite.name(),
        hex::encode(header.message_id()),
    );
    text.push_str(&match frame_len(header) {
        Some(len) => format!("frames    of {len} bytes\n"),
        None => "frames    none\n".to_owned(),
    });
    for (key, value) in header.context().iter() {
        text.push_str(&format!("context   {key:?} = {value:?}\n"));
    }
    for key in header.encrypted_data_keys() {
        let len = key.ciphertext().len();
        let (id, info) = (key.provider_id(), info(key));
        text.push_str(&format!("data key  {id:?} {info:?}, {len} bytes\n"));
    }
    text
}
