//! The fields of a record: who called what, from where, on which resources, and what came of it.

use std::borrow::Cow;

use super::encoding::{self, DecodeError};

/// The most bytes of a text that describes (names, ARNs, the user agent, an error message): 1 KiB,
/// CloudTrail's limit. Longer ones are cut at a character.
pub const MAX_TEXT_BYTES: usize = 1024;
/// The most bytes of request parameters, response elements, or details of a service event:
/// 100 KiB, CloudTrail's limit. Larger ones are recorded as omitted.
pub const MAX_ELEMENTS_BYTES: usize = 100 << 10;
/// The most bytes of additional event data: 28 KiB, CloudTrail's limit.
pub const MAX_ADDITIONAL_BYTES: usize = 28 << 10;
/// The most resources of one record; more than any operation of the services here touches.
pub const MAX_RESOURCES: usize = 64;

/// Whether a call manages resources or moves data. All calls of KMS are management events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Category {
    /// `Management`
    #[default]
    Management,
    /// `Data`
    Data,
}

/// What made the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventType {
    /// `AwsApiCall`: a call, from outside or by another service.
    #[default]
    ApiCall,
    /// `AwsServiceEvent`: the service did it by itself, such as a rotation that was due.
    ServiceEvent,
}

/// Who called. Only what applies is set; see the page "CloudTrail userIdentity element".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// `Root`, `IAMUser`, `AssumedRole`, `FederatedUser`, `WebIdentityUser`, `AWSAccount`,
    /// `AWSService`; none for a service event.
    pub kind: Option<&'a str>,
    /// The unique id: the account, `AIDA…`, or `AROA…:session`.
    pub principal_id: Option<&'a str>,
    /// The caller's ARN.
    pub arn: Option<&'a str>,
    /// The caller's account.
    pub account_id: Option<&'a str>,
    /// The access key that signed.
    pub access_key_id: Option<&'a str>,
    /// The user's name, for users, or the subject of a web identity.
    pub user_name: Option<&'a str>,
    /// The identity provider's ARN, for web identities only.
    pub identity_provider: Option<&'a str>,
    /// The session, if the credentials were temporary.
    pub session: Option<Session<'a>>,
    /// The service that called on somebody's behalf, or by itself.
    pub invoked_by: Option<&'a str>,
}

/// The session behind temporary credentials (`sessionContext`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session<'a> {
    /// Who issued the session: the role, or the user behind a federated user.
    pub issuer: Option<SessionIssuer<'a>>,
    /// When the credentials were made, in milliseconds since 1970.
    pub created_ms: i64,
    /// Whether a second factor was shown.
    pub mfa_authenticated: bool,
    /// The source identity that was set when the role was assumed.
    pub source_identity: Option<&'a str>,
    /// The ARN of the identity provider whose token the role was assumed with
    /// (`webIdFederationData`).
    pub federated_provider: Option<&'a str>,
}

/// Who issued a session (`sessionIssuer`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionIssuer<'a> {
    /// `Role`, `IAMUser` or `Root`.
    pub kind: &'a str,
    /// The unique id of the issuer.
    pub principal_id: &'a str,
    /// The ARN of the issuer, path included.
    pub arn: &'a str,
    /// The account of the issuer.
    pub account_id: &'a str,
    /// The name of the role or user.
    pub user_name: &'a str,
}

/// A resource that was touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resource<'a> {
    /// The account that owns it.
    pub account_id: &'a str,
    /// Such as `AWS::KMS::Key`; Parameter Store gives none.
    pub kind: Option<&'a str>,
    /// Its ARN.
    pub arn: &'a str,
}

/// The connection a call came over (`tlsDetails`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tls<'a> {
    /// Such as `TLSv1.3`.
    pub version: &'a str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher_suite: &'a str,
    /// The `Host` header.
    pub host: &'a str,
    /// Such as `X25519MLKEM768`.
    pub key_exchange: Option<&'a str>,
}

/// The fields of a record, borrowed from wherever they are.
///
/// Members that hold JSON are compact JSON texts from which every secret has been left out
/// before: the journal stores what it is given. Texts over their limit are cut, JSON over its
/// limit is recorded as omitted, so that no caller can make a call that can't be recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// When the call was completed, in milliseconds since 1970.
    pub time_ms: i64,
    /// The id of this record, a UUID.
    pub event_id: [u8; 16],
    /// The id the caller was given, a UUID; service events have none.
    pub request_id: Option<[u8; 16]>,
    /// What stands for the request's id where it is no UUID: in some service events.
    pub request_text: Option<&'a str>,
    /// The record's id in the other accounts that have it.
    pub shared_event_id: Option<[u8; 16]>,
    /// Such as `kms.amazonaws.com`.
    pub event_source: &'a str,
    /// The operation, such as `Decrypt`.
    pub event_name: &'a str,
    /// The region.
    pub region: &'a str,
    /// The account in whose trail this stands (`recipientAccountId`).
    pub recipient_account_id: &'a str,
    /// Who called.
    pub identity: Identity<'a>,
    /// The caller's address, or the calling service's name.
    pub source_ip: &'a str,
    /// The caller's user agent, or the calling service's name.
    pub user_agent: Option<&'a str>,
    /// Whether the operation changes nothing.
    pub read_only: bool,
    /// What made the record.
    pub event_type: EventType,
    /// Management or data.
    pub category: Category,
    /// The error's code, if the call failed.
    pub error_code: Option<&'a str>,
    /// The error's message, if the call failed and there is one.
    pub error_message: Option<&'a str>,
    /// `requestParameters`, as JSON.
    pub request_parameters: Option<&'a str>,
    /// `responseElements`, as JSON.
    pub response_elements: Option<&'a str>,
    /// `additionalEventData`, as JSON.
    pub additional_event_data: Option<&'a str>,
    /// `serviceEventDetails`, as JSON.
    pub service_event_details: Option<&'a str>,
    /// The resources that were touched.
    pub resources: Cow<'a, [Resource<'a>]>,
    /// The TLS connection; none if a service called.
    pub tls: Option<Tls<'a>>,
    /// How many units of what AWS charges for the call took, where that is not one. `CloudTrail`
    /// doesn't show it.
    pub metered: Option<u64>,
}

impl RecordRef<'_> {
    /// The encoded fields.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        encoding::encode(self, &mut bytes);
        bytes
    }
}

/// A record as it was read from the journal: its sequence number and its encoded fields.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    sequence: u64,
    bytes: Vec<u8>,
}

impl Record {
    /// A record of these encoded bytes; they are looked at only when fields are asked for.
    #[must_use]
    pub fn new(sequence: u64, bytes: Vec<u8>) -> Self {
        Self { sequence, bytes }
    }

    /// The number of the record in the journal: 1, 2, 3, … without gaps.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The encoded fields.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The fields.
    ///
    /// # Errors
    /// If these bytes are no record, or one of a version that this program does not know.
    pub fn fields(&self) -> Result<RecordRef<'_>, DecodeError> {
        encoding::decode(&self.bytes)
    }

    /// The record as CloudTrail writes it, on one line.
    ///
    /// # Errors
    /// As [`Record::fields`].
    pub fn to_cloudtrail_json(&self) -> Result<String, DecodeError> {
        Ok(self.fields()?.to_cloudtrail_json())
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}
