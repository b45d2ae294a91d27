//! The compact binary form of a record, versioned and length-prefixed; little-endian throughout.
//!
//! ```text
//! record = version u8 | flags u16 | present u16 | time i64 | event id 16 | request id 16?
//!          | shared event id 16? | session's creation i64? | blocks
//! block  = length u32 | bytes             one for each bit of `present`, lowest first
//! text   = length u16 (FFFF = absent) | bytes
//! ```
//! A block is what tends to be the same in many records: what was called, who called, from where.
//! So a segment has it once ([`pack`](super::pack)).

use std::borrow::Cow;
use std::fmt;

use super::record::{
    Category, EventType, Identity, MAX_ADDITIONAL_BYTES, MAX_ELEMENTS_BYTES, MAX_RESOURCES,
    MAX_TEXT_BYTES, RecordRef, Resource, Session, SessionIssuer, Tls,
};

/// The version of the encoding that this program writes, and the newest it reads.
pub const ENCODING_VERSION: u8 = 2;

/// What stands for JSON that was over its limit.
const OMITTED: &str = "{\"omitted\":true}";
const ABSENT_TEXT: u16 = u16::MAX;

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
const KNOWN_FLAGS: u16 = (1 << 11) - 1;

/// The blocks that every record has: what, who and whence.
const ALWAYS: u16 = 1 | 1 << 1 | 1 << 3;
/// The most blocks of a record.
const BLOCKS: u16 = 13;
/// The block that has the access key.
pub(super) const ACCESS_KEY: u16 = 2;
/// The first of the blocks that hold JSON; those after it do too.
pub(super) const FIRST_JSON: u16 = 8;
/// The block that says how many units were metered.
pub(super) const METERED: u16 = FIRST_JSON + 4;
/// The blocks by which records are [alike](super::outline): what was called, who called with which
/// access key (or that of a session of the call's own), the error's code, the resources.
pub(super) const ALIKE: [u16; 5] = [0, 1, ACCESS_KEY, 4, 7];
/// The most digits of how many units were metered.
const MAX_UNITS_BYTES: usize = 20;
/// Bytes of an id.
const ID_BYTES: usize = 16;
type Id = [u8; ID_BYTES];

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
    let start = out.len();
    let ids = [Some(&record.event_id), record.request_id.as_ref(), record.shared_event_id.as_ref()];
    let created_ms = record.identity.session.as_ref().map(|session| session.created_ms);
    put_head(&[ENCODING_VERSION], (flags(record), 0), record.time_ms, out);
    ids.into_iter().flatten().for_each(|id| out.extend_from_slice(id));
    out.extend(created_ms.map(i64::to_le_bytes).into_iter().flatten());
    let mut blocks = Blocks { out, present: 0, next: 1 };
    blocks.put(|out| {
        for text in [record.event_source, record.event_name, record.region] {
            put_text(text, out);
        }
    });
    blocks.put(|out| {
        put_text(record.recipient_account_id, out);
        put_identity(&record.identity, out);
    });
    blocks.text(record.identity.access_key_id);
    blocks.put(|out| put_origin(record, out));
    for text in [record.error_code, record.error_message, record.request_text] {
        blocks.text(text);
    }
    if record.resources.is_empty() {
        blocks.skip();
    } else {
        blocks.put(|out| put_resources(&record.resources, out));
    }
    blocks.json(record.request_parameters, MAX_ELEMENTS_BYTES);
    blocks.json(record.response_elements, MAX_ELEMENTS_BYTES);
    blocks.json(record.additional_event_data, MAX_ADDITIONAL_BYTES);
    blocks.json(record.service_event_details, MAX_ELEMENTS_BYTES);
    // A number is JSON too.
    blocks.json(record.metered.map(|units| units.to_string()).as_deref(), MAX_UNITS_BYTES);
    let present = blocks.present.to_le_bytes();
    if let Some(room) = out.get_mut(start + 3..).and_then(|rest| rest.first_chunk_mut()) {
        *room = present;
    }
}

/// Appends what is in front of a record's ids: `version`, then flags and which blocks there are.
pub(super) fn put_head(
    version: &[u8],
    (flags, present): (u16, u16),
    time_ms: i64,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(version);
    out.extend_from_slice(&flags.to_le_bytes());
    out.extend_from_slice(&present.to_le_bytes());
    out.extend_from_slice(&time_ms.to_le_bytes());
}

/// Appends a block, whose bytes `put` appends.
pub(super) fn put_block(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    put(out);
    let length = out.len().saturating_sub(start + 4);
    if let Some(room) = out.get_mut(start..).and_then(|rest| rest.first_chunk_mut()) {
        *room = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    }
}

/// The blocks of a record, while they are written.
struct Blocks<'o> {
    out: &'o mut Vec<u8>,
    present: u16,
    next: u16,
}

impl Blocks<'_> {
    fn skip(&mut self) {
        self.next <<= 1;
    }

    fn put(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        put_block(self.out, put);
        self.present |= self.next;
        self.skip();
    }

    fn text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.put(|out| out.extend_from_slice(cut(text).as_bytes())),
            None => self.skip(),
        }
    }

    fn json(&mut self, json: Option<&str>, max: usize) {
        match json {
            Some(json) if json.len() > max => self.text(Some(OMITTED)),
            Some(json) => self.put(|out| out.extend_from_slice(json.as_bytes())),
            None => self.skip(),
        }
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
    ];
    set.into_iter().filter(|(_, on)| *on).fold(0, |flags, (flag, _)| flags | flag)
}

fn put_identity(identity: &Identity<'_>, out: &mut Vec<u8>) {
    for text in [
        identity.kind,
        identity.principal_id,
        identity.arn,
        identity.account_id,
        identity.user_name,
        identity.invoked_by,
    ] {
        put_optional(text, out);
    }
    if let Some(provider) = identity.identity_provider {
        put_text(provider, out);
    }
    let Some(session) = &identity.session else { return };
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

fn put_origin(record: &RecordRef<'_>, out: &mut Vec<u8>) {
    put_text(record.source_ip, out);
    put_optional(record.user_agent, out);
    if let Some(tls) = &record.tls {
        for text in [tls.version, tls.cipher_suite, tls.host] {
            put_text(text, out);
        }
        put_optional(tls.key_exchange, out);
    }
}

fn put_resources(resources: &[Resource<'_>], out: &mut Vec<u8>) {
    let resources = resources.iter().take(MAX_RESOURCES);
    out.push(u8::try_from(resources.len()).unwrap_or(u8::MAX));
    for resource in resources {
        put_text(resource.account_id, out);
        put_optional(resource.kind, out);
        put_text(resource.arn, out);
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES)).unwrap_or_default()
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    let text = cut(text);
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or_default().to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_optional(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => put_text(text, out),
        None => out.extend_from_slice(&ABSENT_TEXT.to_le_bytes()),
    }
}

/// A record in its parts, none of which is looked into.
pub(super) struct Parts<'a> {
    pub(super) flags: u16,
    pub(super) present: u16,
    pub(super) time_ms: i64,
    /// All ids, one after the other.
    pub(super) ids: &'a [u8],
    pub(super) created_ms: Option<i64>,
    /// The blocks that are there.
    blocks: Input<'a>,
}

/// How many bytes of ids, and whether a session's time, a record with these flags has.
pub(super) fn fixed(flags: u16) -> (usize, bool) {
    let ids = [true, flags & REQUEST_ID != 0, flags & SHARED_EVENT_ID != 0];
    (ids.into_iter().filter(|is_there| *is_there).count() * ID_BYTES, flags & SESSION != 0)
}

/// The ids of a record with these flags: the event's, the request's, the shared one.
pub(super) fn ids(flags: u16, bytes: &[u8]) -> Option<(Id, Option<Id>, Option<Id>)> {
    let (first, rest) = bytes.as_chunks().0.split_first()?;
    let mut rest = rest.iter().copied();
    let request_id = if flags & REQUEST_ID != 0 { rest.next() } else { None };
    Some((*first, request_id, rest.next()))
}

/// The numbers of the blocks that are there.
pub(super) fn numbers(present: u16) -> impl Iterator<Item = u16> {
    (0..BLOCKS).filter(move |number| present & 1 << number != 0)
}

/// Whether a record can have these flags and blocks.
pub(super) fn is_known(flags: u16, present: u16) -> bool {
    flags & !KNOWN_FLAGS == 0 && present >> BLOCKS == 0 && present & ALWAYS == ALWAYS
}

impl<'a> Parts<'a> {
    pub(super) fn event_id(&self) -> Option<Id> {
        self.ids.first_chunk().copied()
    }

    /// Takes a record apart.
    ///
    /// # Errors
    /// If these bytes are no record, or one of another version.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut input = Input { all: bytes.len(), rest: bytes };
        let [version] = input.array()?;
        if version != ENCODING_VERSION {
            return Err(DecodeError::Version(version));
        }
        let flags = u16::from_le_bytes(input.array()?);
        let present = u16::from_le_bytes(input.array()?);
        if !is_known(flags, present) {
            return Err(input.malformed());
        }
        let time_ms = i64::from_le_bytes(input.array()?);
        let (ids, has_created) = fixed(flags);
        let ids = input.bytes(ids)?;
        let created_ms = has_created.then(|| input.array().map(i64::from_le_bytes)).transpose()?;
        Ok(Self { flags, present, time_ms, ids, created_ms, blocks: input })
    }

    /// The next block that is there.
    pub(super) fn block(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = u32::from_le_bytes(self.blocks.array()?);
        let length = usize::try_from(length).map_err(|_| self.blocks.malformed())?;
        self.blocks.bytes(length)
    }

    /// Whether nothing stands behind the last block.
    pub(super) fn is_done(&self) -> bool {
        self.blocks.rest.is_empty()
    }

    /// The next block, to read in it.
    fn within(&mut self) -> Result<Input<'a>, DecodeError> {
        let rest = self.block()?;
        Ok(Input { all: self.blocks.all - self.blocks.rest.len(), rest })
    }

    /// The block with this number as a text of at most `max` bytes, if it is there.
    fn text(&mut self, number: u16, max: usize) -> Result<Option<&'a str>, DecodeError> {
        if self.present & 1 << number == 0 {
            return Ok(None);
        }
        let mut block = self.within()?;
        if block.rest.len() > max {
            return Err(block.malformed());
        }
        block.utf8(block.rest.len()).map(Some)
    }
}

/// Reads a record; total: any bytes give a record or an error, within their own length.
pub(super) fn decode(bytes: &[u8]) -> Result<RecordRef<'_>, DecodeError> {
    let mut parts = Parts::of(bytes)?;
    let flags = parts.flags;
    let on = |flag: u16| flags & flag != 0;
    let created_ms = parts.created_ms;
    let (event_id, request_id, shared_event_id) = ids(flags, parts.ids).ok_or(parts.error())?;
    let time_ms = parts.time_ms;
    let [event_source, event_name, region] = what(&mut parts)?;
    let (recipient_account_id, mut identity) = who(&mut parts, created_ms, on)?;
    identity.access_key_id = parts.text(2, MAX_TEXT_BYTES)?;
    let (source_ip, user_agent, tls) = origin(&mut parts, on(TLS))?;
    let record = RecordRef {
        time_ms,
        event_id,
        request_id,
        shared_event_id,
        event_source,
        event_name,
        region,
        recipient_account_id,
        identity,
        source_ip,
        user_agent,
        read_only: on(READ_ONLY),
        event_type: if on(SERVICE_EVENT) { EventType::ServiceEvent } else { EventType::ApiCall },
        category: if on(DATA) { Category::Data } else { Category::Management },
        error_code: parts.text(4, MAX_TEXT_BYTES)?,
        error_message: parts.text(5, MAX_TEXT_BYTES)?,
        request_text: parts.text(6, MAX_TEXT_BYTES)?,
        resources: resources(&mut parts)?,
        request_parameters: parts.text(FIRST_JSON, MAX_ELEMENTS_BYTES)?,
        response_elements: parts.text(FIRST_JSON + 1, MAX_ELEMENTS_BYTES)?,
        additional_event_data: parts.text(FIRST_JSON + 2, MAX_ADDITIONAL_BYTES)?,
        service_event_details: parts.text(FIRST_JSON + 3, MAX_ELEMENTS_BYTES)?,
        metered: metered(&mut parts)?,
        tls,
    };
    if parts.is_done() { Ok(record) } else { Err(parts.error()) }
}

impl Parts<'_> {
    fn error(&self) -> DecodeError {
        self.blocks.malformed()
    }
}

/// How many units were metered: there is one way to write a number.
fn metered(parts: &mut Parts<'_>) -> Result<Option<u64>, DecodeError> {
    let Some(text) = parts.text(METERED, MAX_UNITS_BYTES)? else { return Ok(None) };
    units(text).map(Some).ok_or(parts.error())
}

/// How many units a text tells.
pub(super) fn units(text: &str) -> Option<u64> {
    text.parse().ok().filter(|units: &u64| units.to_string() == text)
}

fn what<'a>(parts: &mut Parts<'a>) -> Result<[&'a str; 3], DecodeError> {
    let mut block = parts.within()?;
    let names = [block.text()?, block.text()?, block.text()?];
    block.end(names)
}

fn who<'a>(
    parts: &mut Parts<'a>,
    created_ms: Option<i64>,
    on: impl Fn(u16) -> bool,
) -> Result<(&'a str, Identity<'a>), DecodeError> {
    let mut input = parts.within()?;
    let recipient = input.text()?;
    let mut identity = Identity {
        kind: input.optional()?,
        principal_id: input.optional()?,
        arn: input.optional()?,
        account_id: input.optional()?,
        access_key_id: None,
        user_name: input.optional()?,
        invoked_by: input.optional()?,
        identity_provider: on(PROVIDER).then(|| input.text()).transpose()?,
        session: None,
    };
    if let Some(created_ms) = created_ms {
        identity.session = Some(Session {
            created_ms,
            mfa_authenticated: on(MFA),
            source_identity: input.optional()?,
            issuer: on(ISSUER).then(|| issuer(&mut input)).transpose()?,
            federated_provider: on(FEDERATED).then(|| input.text()).transpose()?,
        });
    } else if on(ISSUER) || on(MFA) || on(FEDERATED) {
        return Err(input.malformed());
    }
    input.end((recipient, identity))
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

type Origin<'a> = (&'a str, Option<&'a str>, Option<Tls<'a>>);

fn origin<'a>(parts: &mut Parts<'a>, has_tls: bool) -> Result<Origin<'a>, DecodeError> {
    let mut input = parts.within()?;
    let (source_ip, user_agent) = (input.text()?, input.optional()?);
    let tls = has_tls.then(|| tls(&mut input)).transpose()?;
    input.end((source_ip, user_agent, tls))
}

fn resources<'a>(parts: &mut Parts<'a>) -> Result<Cow<'a, [Resource<'a>]>, DecodeError> {
    if parts.present & 1 << 7 == 0 {
        return Ok(Cow::Borrowed(&[]));
    }
    let mut input = parts.within()?;
    let [count] = input.array()?;
    if count == 0 || usize::from(count) > MAX_RESOURCES {
        return Err(input.malformed());
    }
    let resources = (0..count)
        .map(|_| {
            Ok(Resource { account_id: input.text()?, kind: input.optional()?, arn: input.text()? })
        })
        .collect::<Result<Vec<_>, _>>()?;
    input.end(Cow::Owned(resources))
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
        DecodeError::Malformed { offset: self.all.saturating_sub(self.rest.len()) }
    }

    /// What was read, if it is all.
    fn end<T>(&self, read: T) -> Result<T, DecodeError> {
        if self.rest.is_empty() { Ok(read) } else { Err(self.malformed()) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(self.malformed())?;
        self.rest = rest;
        Ok(*array)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(self.malformed())?;
        self.rest = rest;
        Ok(bytes)
    }

    fn utf8(&mut self, length: usize) -> Result<&'a str, DecodeError> {
        let at = self.malformed();
        std::str::from_utf8(self.bytes(length)?).map_err(|_| at)
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
}
