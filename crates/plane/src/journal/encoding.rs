//! The compact binary form of a record, versioned and length-prefixed; little-endian throughout.
//!
//! ```text
//! version u8 | flags u16 | time i64 | event id 16 | request id 16? | shared event id 16?
//! request text?
//! texts: length u16 (FFFF = absent) | bytes        JSON: length u32 (FFFFFFFF = absent) | bytes
//! ```

use std::borrow::Cow;
use std::fmt;

use super::record::{
    Category, EventType, Identity, MAX_ADDITIONAL_BYTES, MAX_ELEMENTS_BYTES, MAX_RESOURCES,
    MAX_TEXT_BYTES, RecordRef, Resource, Session, SessionIssuer, Tls,
};

/// The version of the encoding that this program writes, and the newest it reads.
pub const ENCODING_VERSION: u8 = 1;

/// What stands for JSON that was over its limit.
const OMITTED: &str = "{\"omitted\":true}";
const ABSENT_TEXT: u16 = u16::MAX;
const ABSENT_JSON: u32 = u32::MAX;

const READ_ONLY: u16 = 1;
const DATA: u16 = 1 << 1;
const SERVICE_EVENT: u16 = 1 << 2;
const REQUEST_ID: u16 = 1 << 3;
const SHARED_EVENT_ID: u16 = 1 << 4;
const SESSION: u16 = 1 << 5;
const ISSUER: u16 = 1 << 6;
const MFA: u16 = 1 << 7;
const TLS: u16 = 1 << 8;
const FEDERATED: u16 = 1 << 9;
const PROVIDER: u16 = 1 << 10;
const REQUEST_TEXT: u16 = 1 << 11;
const KNOWN_FLAGS: u16 = (1 << 12) - 1;

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The record was written by a newer program.
    Version(u8),
    /// The bytes end too early, go on too long, or hold something that is never written.
    Malformed {
        /// Where, in bytes from the start of the record.
        offset: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "the record has encoding version {version}, this program reads up to \
                 {ENCODING_VERSION}: use a newer one"
            ),
            Self::Malformed { offset } => write!(f, "the record is malformed at byte {offset}"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Appends the encoded record to `out`.
pub(super) fn encode(record: &RecordRef<'_>, out: &mut Vec<u8>) {
    out.push(ENCODING_VERSION);
    out.extend_from_slice(&flags(record).to_le_bytes());
    out.extend_from_slice(&record.time_ms.to_le_bytes());
    out.extend_from_slice(&record.event_id);
    for id in [&record.request_id, &record.shared_event_id].into_iter().flatten() {
        out.extend_from_slice(id);
    }
    if let Some(text) = record.request_text {
        put_text(text, out);
    }
    for text in [record.event_source, record.event_name, record.region, record.recipient_account_id]
    {
        put_text(text, out);
    }
    put_identity(&record.identity, out);
    put_text(record.source_ip, out);
    for text in [record.user_agent, record.error_code, record.error_message] {
        put_optional(text, out);
    }
    put_json(record.request_parameters, MAX_ELEMENTS_BYTES, out);
    put_json(record.response_elements, MAX_ELEMENTS_BYTES, out);
    put_json(record.additional_event_data, MAX_ADDITIONAL_BYTES, out);
    put_json(record.service_event_details, MAX_ELEMENTS_BYTES, out);
    let resources = record.resources.iter().take(MAX_RESOURCES);
    out.push(u8::try_from(resources.len()).unwrap_or(u8::MAX));
    for resource in resources {
        put_text(resource.account_id, out);
        put_optional(resource.kind, out);
        put_text(resource.arn, out);
    }
    if let Some(tls) = &record.tls {
        for text in [tls.version, tls.cipher_suite, tls.host] {
            put_text(text, out);
        }
        put_optional(tls.key_exchange, out);
    }
}

fn flags(record: &RecordRef<'_>) -> u16 {
    let session = record.identity.session.as_ref();
    let set = [
        (READ_ONLY, record.read_only),
        (DATA, record.category == Category::Data),
        (SERVICE_EVENT, record.event_type == EventType::ServiceEvent),
        (REQUEST_ID, record.request_id.is_some()),
        (SHARED_EVENT_ID, record.shared_event_id.is_some()),
        (SESSION, session.is_some()),
        (ISSUER, session.is_some_and(|session| session.issuer.is_some())),
        (MFA, session.is_some_and(|session| session.mfa_authenticated)),
        (TLS, record.tls.is_some()),
        (FEDERATED, session.is_some_and(|session| session.federated_provider.is_some())),
        (PROVIDER, record.identity.identity_provider.is_some()),
        (REQUEST_TEXT, record.request_text.is_some()),
    ];
    set.into_iter().filter(|(_, on)| *on).fold(0, |flags, (flag, _)| flags | flag)
}

fn put_identity(identity: &Identity<'_>, out: &mut Vec<u8>) {
    for text in [
        identity.kind,
        identity.principal_id,
        identity.arn,
        identity.account_id,
        identity.access_key_id,
        identity.user_name,
        identity.invoked_by,
    ] {
        put_optional(text, out);
    }
    if let Some(provider) = identity.identity_provider {
        put_text(provider, out);
    }
    let Some(session) = &identity.session else { return };
    out.extend_from_slice(&session.created_ms.to_le_bytes());
    put_optional(session.source_identity, out);
    if let Some(issuer) = &session.issuer {
        for text in
            [issuer.kind, issuer.principal_id, issuer.arn, issuer.account_id, issuer.user_name]
        {
            put_text(text, out);
        }
    }
    if let Some(provider) = session.federated_provider {
        put_text(provider, out);
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    let cut = text.floor_char_boundary(MAX_TEXT_BYTES);
    let text = text.get(..cut).unwrap_or_default();
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or_default().to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_optional(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => put_text(text, out),
        None => out.extend_from_slice(&ABSENT_TEXT.to_le_bytes()),
    }
}

fn put_json(json: Option<&str>, max: usize, out: &mut Vec<u8>) {
    let json = json.map(|json| if json.len() > max { OMITTED } else { json });
    let length = json.map_or(ABSENT_JSON, |json| u32::try_from(json.len()).unwrap_or_default());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(json.unwrap_or_default().as_bytes());
}

/// Reads a record; total: any bytes give a record or an error, within their own length.
pub(super) fn decode(bytes: &[u8]) -> Result<RecordRef<'_>, DecodeError> {
    let mut input = Input { all: bytes.len(), rest: bytes };
    let [version] = input.array()?;
    if version != ENCODING_VERSION {
        return Err(DecodeError::Version(version));
    }
    let flags = u16::from_le_bytes(input.array()?);
    if flags & !KNOWN_FLAGS != 0 {
        return Err(input.malformed());
    }
    let on = |flag: u16| flags & flag != 0;
    let record = RecordRef {
        time_ms: i64::from_le_bytes(input.array()?),
        event_id: input.array()?,
        request_id: on(REQUEST_ID).then(|| input.array()).transpose()?,
        shared_event_id: on(SHARED_EVENT_ID).then(|| input.array()).transpose()?,
        request_text: on(REQUEST_TEXT).then(|| input.text()).transpose()?,
        event_source: input.text()?,
        event_name: input.text()?,
        region: input.text()?,
        recipient_account_id: input.text()?,
        identity: identity(&mut input, on)?,
        source_ip: input.text()?,
        user_agent: input.optional()?,
        read_only: on(READ_ONLY),
        event_type: if on(SERVICE_EVENT) { EventType::ServiceEvent } else { EventType::ApiCall },
        category: if on(DATA) { Category::Data } else { Category::Management },
        error_code: input.optional()?,
        error_message: input.optional()?,
        request_parameters: input.json(MAX_ELEMENTS_BYTES)?,
        response_elements: input.json(MAX_ELEMENTS_BYTES)?,
        additional_event_data: input.json(MAX_ADDITIONAL_BYTES)?,
        service_event_details: input.json(MAX_ELEMENTS_BYTES)?,
        resources: resources(&mut input)?,
        tls: on(TLS).then(|| tls(&mut input)).transpose()?,
    };
    if input.rest.is_empty() { Ok(record) } else { Err(input.malformed()) }
}

fn identity<'a>(
    input: &mut Input<'a>,
    on: impl Fn(u16) -> bool,
) -> Result<Identity<'a>, DecodeError> {
    let mut identity = Identity {
        kind: input.optional()?,
        principal_id: input.optional()?,
        arn: input.optional()?,
        account_id: input.optional()?,
        access_key_id: input.optional()?,
        user_name: input.optional()?,
        invoked_by: input.optional()?,
        identity_provider: on(PROVIDER).then(|| input.text()).transpose()?,
        session: None,
    };
    if on(SESSION) {
        identity.session = Some(Session {
            created_ms: i64::from_le_bytes(input.array()?),
            mfa_authenticated: on(MFA),
            source_identity: input.optional()?,
            issuer: on(ISSUER).then(|| issuer(input)).transpose()?,
            federated_provider: on(FEDERATED).then(|| input.text()).transpose()?,
        });
    } else if on(ISSUER) || on(MFA) || on(FEDERATED) {
        return Err(input.malformed());
    }
    Ok(identity)
}

fn issuer<'a>(input: &mut Input<'a>) -> Result<SessionIssuer<'a>, DecodeError> {
    Ok(SessionIssuer {
        kind: input.text()?,
        principal_id: input.text()?,
        arn: input.text()?,
        account_id: input.text()?,
        user_name: input.text()?,
    })
}

fn resources<'a>(input: &mut Input<'a>) -> Result<Cow<'a, [Resource<'a>]>, DecodeError> {
    let [count] = input.array()?;
    if usize::from(count) > MAX_RESOURCES {
        return Err(input.malformed());
    }
    (0..count)
        .map(|_| {
            Ok(Resource { account_id: input.text()?, kind: input.optional()?, arn: input.text()? })
        })
        .collect::<Result<Vec<_>, _>>()
        .map(Cow::Owned)
}

fn tls<'a>(input: &mut Input<'a>) -> Result<Tls<'a>, DecodeError> {
    Ok(Tls {
        version: input.text()?,
        cipher_suite: input.text()?,
        host: input.text()?,
        key_exchange: input.optional()?,
    })
}

/// What is still to be read.
struct Input<'a> {
    all: usize,
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { offset: self.all - self.rest.len() }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(self.malformed())?;
        self.rest = rest;
        Ok(*array)
    }

    fn utf8(&mut self, length: usize) -> Result<&'a str, DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(self.malformed())?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.malformed())?;
        self.rest = rest;
        Ok(text)
    }

    fn optional(&mut self) -> Result<Option<&'a str>, DecodeError> {
        let length = u16::from_le_bytes(self.array()?);
        match usize::from(length) {
            _ if length == ABSENT_TEXT => Ok(None),
            length if length > MAX_TEXT_BYTES => Err(self.malformed()),
            length => self.utf8(length).map(Some),
        }
    }

    fn text(&mut self) -> Result<&'a str, DecodeError> {
        self.optional()?.ok_or(self.malformed())
    }

    fn json(&mut self, max: usize) -> Result<Option<&'a str>, DecodeError> {
        let length = u32::from_le_bytes(self.array()?);
        if length == ABSENT_JSON {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| self.malformed())?;
        if length > max { Err(self.malformed()) } else { self.utf8(length).map(Some) }
    }
}
