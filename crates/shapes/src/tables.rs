//! What AWS's interface models state, as static tables: shapes, members, limits, operations.

use crate::pattern::Pattern;

/// A service: how its wire is named and which operations it has.
#[derive(Debug)]
pub struct Service {
    /// Bulla's short name, which is also the model's file name: `kms`.
    pub id: &'static str,
    /// AWS's service id, as SDKs print it: `KMS`.
    pub service_id: &'static str,
    /// The service name in a SigV4 credential scope.
    pub signing_name: &'static str,
    /// What stands before the dot in `X-Amz-Target`; empty where the protocol has no target.
    pub target_prefix: &'static str,
    /// The version of the interface, `2014-11-01`: Query's `Version` parameter.
    pub api_version: &'static str,
    /// The namespace of XML answers; empty for JSON services.
    pub xml_namespace: &'static str,
    /// The protocol the tables are read and written with.
    pub protocol: Protocol,
    /// Operations with tables, sorted by name.
    pub operations: &'static [Operation],
    /// Names of operations which the model has and Bulla has no tables for, sorted.
    pub untabled: &'static [&'static str],
    /// The modelled errors, sorted by wire code.
    pub errors: &'static [ErrorShape],
    /// Errors whose text AWS sends in another member than the model has (recorded): code, member.
    pub message_keys: &'static [(&'static str, &'static str)],
}

impl Service {
    /// The operation of that name, where it has tables.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        let at = self.operations.binary_search_by(|row| row.name.cmp(name)).ok()?;
        self.operations.get(at)
    }

    /// Whether AWS's model knows an operation of that name, served here or not.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.operation(name).is_some() || self.untabled.binary_search(&name).is_ok()
    }

    /// The modelled error with that wire code.
    #[must_use]
    pub fn error(&self, code: &str) -> Option<&'static ErrorShape> {
        let at = self.errors.binary_search_by(|row| row.code.cmp(code)).ok()?;
        self.errors.get(at)
    }

    /// The name of an error's message member on the wire: what was recorded, else the model's,
    /// else `message`.
    #[must_use]
    pub fn message_key(&self, code: &str) -> &'static str {
        if let Some((_, key)) = self.message_keys.iter().find(|(known, _)| *known == code) {
            return key;
        }
        let members = self.error(code).map_or(&[][..], |error| error.structure.members);
        let member = members.iter().find(|member| member.name.eq_ignore_ascii_case("message"));
        member.map_or("message", |member| member.wire)
    }

    /// The HTTP status of an error code: the model's, else that of AWS's common errors, else 400.
    #[must_use]
    pub fn error_status(&self, code: &str) -> u16 {
        match self.error(code) {
            Some(error) => error.status,
            None => crate::fault::common_status(code, self.protocol),
        }
    }
}

/// The wire protocols of AWS's models. [`crate::protocol::codec`] tells which are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `application/x-amz-json-1.1`: KMS, SSM, Secrets Manager, CloudTrail, EventBridge.
    Json11,
    /// `application/x-amz-json-1.0`.
    Json10,
    /// Form parameters in, XML out: IAM, STS, RDS, Redshift, CloudFormation.
    Query,
    /// EC2's dialect of Query.
    Ec2,
    /// HTTP bindings with JSON bodies: EBS, Lambda.
    RestJson,
    /// HTTP bindings with XML bodies: S3.
    RestXml,
}

/// One operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// The operation's name, as in `X-Amz-Target` or `Action`.
    pub name: &'static str,
    /// Its input; absent where the model has none.
    pub input: Option<&'static Structure>,
    /// Its output; absent where the answer has an empty body (JSON) or only metadata (Query).
    pub output: Option<&'static Structure>,
    /// The element around a Query answer's members (`GetCallerIdentityResult`), or empty.
    pub result_wrapper: &'static str,
    /// HTTP method of the model.
    pub method: &'static str,
    /// URI template of the model.
    pub uri: &'static str,
    /// HTTP status of an answer that succeeded.
    pub status: u16,
    /// Wire codes of the errors this operation is modelled to answer, in the model's order.
    pub errors: &'static [&'static str],
    /// Whether requests carry a signature.
    pub auth: Auth,
}

/// How an operation's requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// SigV4 over everything.
    Signed,
    /// SigV4 without the body's hash.
    UnsignedBody,
    /// No signature (STS `AssumeRoleWithWebIdentity`).
    Unsigned,
}

/// A modelled error.
#[derive(Debug)]
pub struct ErrorShape {
    /// The code on the wire.
    pub code: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// Whether the caller is at fault (`Sender`), not the service (`Receiver`).
    pub sender: bool,
    /// The error's members.
    pub structure: &'static Structure,
}

/// A structure: an ordered list of members. Records keep one slot per member.
#[derive(Debug)]
pub struct Structure {
    /// The model's name of the shape.
    pub name: &'static str,
    /// The members, in the model's order.
    pub members: &'static [Member],
    /// Whether the whole structure is marked sensitive.
    pub sensitive: bool,
    /// Whether exactly one member is set.
    pub union: bool,
    /// The member which is the HTTP body (REST protocols), or empty.
    pub payload: &'static str,
    /// The XML namespace of this structure alone, or empty.
    pub xml_namespace: &'static str,
}

impl Structure {
    /// The position of the member with that model name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }
}

/// One member of a structure.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// The model's name.
    pub name: &'static str,
    /// The name on the wire: the model's `locationName`, else its name.
    pub wire: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether a request must have it.
    pub required: bool,
    /// Whether a list or map is written without its wrapper (Query, XML).
    pub flattened: bool,
    /// Whether it is an XML attribute.
    pub xml_attribute: bool,
    /// Prefix and URI of the member's own XML namespace.
    pub xml_namespace: Option<XmlNamespace>,
    /// Where REST protocols carry it.
    pub location: Location,
    /// EC2's own parameter name, or empty.
    pub query_name: &'static str,
    /// Whether SDKs fill it with a random token.
    pub idempotency_token: bool,
    /// Whether a JSON document travels in the string (`jsonvalue`).
    pub json_value: bool,
}

impl Member {
    /// A member with everything else at its default.
    #[must_use]
    pub const fn new(name: &'static str, shape: Shape) -> Self {
        Self {
            name,
            wire: name,
            shape,
            required: false,
            flattened: false,
            xml_attribute: false,
            xml_namespace: None,
            location: Location::Body,
            query_name: "",
            idempotency_token: false,
            json_value: false,
        }
    }

    /// Marks it required.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Gives it a name on the wire.
    #[must_use]
    pub const fn wire(mut self, name: &'static str) -> Self {
        self.wire = name;
        self
    }

    /// Marks it flattened.
    #[must_use]
    pub const fn flattened(mut self) -> Self {
        self.flattened = true;
        self
    }

    /// Marks it an XML attribute.
    #[must_use]
    pub const fn xml_attribute(mut self) -> Self {
        self.xml_attribute = true;
        self
    }

    /// Gives it an XML namespace.
    #[must_use]
    pub const fn xml_namespace(mut self, namespace: XmlNamespace) -> Self {
        self.xml_namespace = Some(namespace);
        self
    }

    /// Says where REST protocols carry it.
    #[must_use]
    pub const fn location(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// Gives it EC2's parameter name.
    #[must_use]
    pub const fn query_name(mut self, name: &'static str) -> Self {
        self.query_name = name;
        self
    }

    /// Marks it an idempotency token.
    #[must_use]
    pub const fn idempotency_token(mut self) -> Self {
        self.idempotency_token = true;
        self
    }

    /// Marks it as JSON within a string.
    #[must_use]
    pub const fn json_value(mut self) -> Self {
        self.json_value = true;
        self
    }
}

/// An XML namespace declaration.
#[derive(Debug, Clone, Copy)]
pub struct XmlNamespace {
    /// The prefix; empty for the default namespace.
    pub prefix: &'static str,
    /// The namespace's URI.
    pub uri: &'static str,
}

/// Where a REST protocol carries a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// In the header of its wire name.
    Header,
    /// In all headers which begin with its wire name.
    Headers,
    /// In the query string.
    QueryString,
    /// In the path.
    Uri,
    /// The HTTP status.
    StatusCode,
}

/// What a member, list element or map entry holds.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Text.
    Str(&'static StringShape),
    /// Bytes; base64 on the wire.
    Blob(&'static BlobShape),
    /// A boolean.
    Bool,
    /// A whole number.
    Int(&'static IntegerShape),
    /// A floating-point number.
    Double(&'static FloatShape),
    /// A point in time.
    Time(TimestampFormat),
    /// A list.
    List(&'static ListShape),
    /// A map with string keys.
    Map(&'static MapShape),
    /// A structure.
    Struct(&'static Structure),
}

impl Shape {
    /// Whether the model marks the shape sensitive.
    #[must_use]
    pub const fn sensitive(&self) -> bool {
        match self {
            Self::Str(shape) => shape.sensitive,
            Self::Blob(shape) => shape.sensitive,
            Self::List(shape) => shape.sensitive,
            Self::Map(shape) => shape.sensitive,
            Self::Struct(shape) => shape.sensitive,
            Self::Bool | Self::Int(_) | Self::Double(_) | Self::Time(_) => false,
        }
    }
}

/// Inclusive limits; what is counted depends on the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The least value or length.
    pub min: Option<i64>,
    /// The greatest value or length.
    pub max: Option<i64>,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self { min: None, max: None };

    /// Both limits.
    #[must_use]
    pub const fn both(min: i64, max: i64) -> Self {
        Self { min: Some(min), max: Some(max) }
    }

    /// A lower limit alone.
    #[must_use]
    pub const fn least(min: i64) -> Self {
        Self { min: Some(min), max: None }
    }

    /// An upper limit alone.
    #[must_use]
    pub const fn most(max: i64) -> Self {
        Self { min: None, max: Some(max) }
    }
}

/// A string.
#[derive(Debug)]
pub struct StringShape {
    /// The model's name.
    pub name: &'static str,
    /// Limits of the length in Unicode code points.
    pub length: Limits,
    /// What the whole string must match.
    pub pattern: Option<&'static Pattern>,
    /// The values of an enumeration in the model's order; empty where it is none.
    pub values: &'static [&'static str],
    /// Whether it must not be printed.
    pub sensitive: bool,
}

/// A blob.
#[derive(Debug)]
pub struct BlobShape {
    /// The model's name.
    pub name: &'static str,
    /// Limits of the decoded length in bytes.
    pub length: Limits,
    /// Whether it must not be printed.
    pub sensitive: bool,
}

/// A whole number.
#[derive(Debug)]
pub struct IntegerShape {
    /// The model's name.
    pub name: &'static str,
    /// Its width on the wire.
    pub width: Width,
    /// Limits of the value.
    pub range: Limits,
}

/// Widths of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Short,
    /// 32 bits.
    Integer,
    /// 64 bits.
    Long,
}

impl Width {
    /// Whether a value fits.
    #[must_use]
    pub const fn fits(self, value: i64) -> bool {
        match self {
            Self::Byte => value >= i8::MIN as i64 && value <= i8::MAX as i64,
            Self::Short => value >= i16::MIN as i64 && value <= i16::MAX as i64,
            Self::Integer => value >= i32::MIN as i64 && value <= i32::MAX as i64,
            Self::Long => true,
        }
    }
}

/// A floating-point number.
#[derive(Debug)]
pub struct FloatShape {
    /// The model's name.
    pub name: &'static str,
    /// Whether it has single precision.
    pub single: bool,
    /// Limits of the value.
    pub range: Limits,
}

/// How a timestamp is written. Readers take every form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampFormat {
    /// As the protocol has it: numbers in JSON, ISO 8601 in XML.
    Protocol,
    /// `2024-11-24T00:00:00Z`.
    Iso8601,
    /// Seconds since 1970.
    UnixTimestamp,
    /// `Sun, 24 Nov 2024 00:00:00 GMT`.
    HttpDate,
}

/// A list.
#[derive(Debug)]
pub struct ListShape {
    /// The model's name.
    pub name: &'static str,
    /// What it holds.
    pub member: Shape,
    /// The element's name on Query and XML wires: `member` unless the model has another.
    pub wire: &'static str,
    /// Whether the model names the element itself.
    pub named: bool,
    /// Whether the shape is flattened wherever it is used.
    pub flattened: bool,
    /// Limits of the number of elements.
    pub length: Limits,
    /// Whether it must not be printed.
    pub sensitive: bool,
}

/// A map with string keys.
#[derive(Debug)]
pub struct MapShape {
    /// The model's name.
    pub name: &'static str,
    /// The keys.
    pub key: &'static StringShape,
    /// The values.
    pub value: Shape,
    /// The key's name on Query and XML wires: `key` unless the model has another.
    pub key_wire: &'static str,
    /// The value's name on Query and XML wires: `value` unless the model has another.
    pub value_wire: &'static str,
    /// Whether the shape is flattened wherever it is used.
    pub flattened: bool,
    /// Limits of the number of entries.
    pub length: Limits,
    /// Whether it must not be printed.
    pub sensitive: bool,
}
