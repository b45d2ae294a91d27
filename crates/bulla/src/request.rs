//! One request: its body within limits, then the program's own addresses or the services.

use std::sync::Arc;
use std::time::Duration;

use bulla_plane::stages;
use bulla_plane::wire::{MAX_BODY_BYTES, WireRequest, WireResponse};
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::{Answer, json};
use crate::completion::Completion;
use crate::connection::{Peer, Site};
use crate::control;
use crate::house::House;
use crate::traces::Following;

/// How long a request's body may take.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The header that carries the request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It has more bytes than this.
    TooLarge(usize),
    /// Other large bodies take all room.
    NoRoom,
    TooSlow,
    Broken,
}

impl Site for House {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Answer {
        answer(&self, request, peer).await
    }
}

/// Answers a request.
async fn answer(house: &Arc<House>, request: Request<Incoming>, peer: Peer) -> Answer {
    let (parts, body) = request.into_parts();
    let limit = house.plane.body_limit(parts.method.as_str(), parts.uri.path());
    let following = Following::of(house.traces.as_ref(), &parts.headers);
    let read = async {
        let room = room_for(house, &body, limit).await?;
        let _reading = stages::READ.begin();
        Ok((read_to(body, limit).await?, room))
    };
    let (body, room) = match following.within(read).await {
        Ok(read) => read,
        Err(fault) => {
            let refusal = refuse(fault, parts.version);
            following.end(refusal.status());
            return refusal;
        }
    };
    if let Some(address) = parts.uri.path().strip_prefix(control::PREFIX) {
        return control::answer(house, (&parts.method, address), &body, peer.address).await;
    }
    let counter = house.requests.of(&parts.headers, &body);
    let mut request = wire(parts, body, &peer);
    let house = Arc::clone(house);
    let calls = peer.calls.clone();
    let call = async move {
        let response = following.within(house.plane.call(&request)).await;
        house.requests.count(counter, response.status);
        drop((peer.room, room));
        let answer = from_wire(response, std::mem::take(&mut request.headers));
        following.end(answer.status());
        answer
    };
    Completion::of(call, calls).await
}

/// Waits for room for a body that may be larger than most are. All such bodies share it, so that
/// those of strangers, who are told from others only when they were read, can't fill the memory.
async fn room_for(
    house: &House,
    body: &Incoming,
    limit: usize,
) -> Result<Option<OwnedSemaphorePermit>, BodyFault> {
    let length = body.size_hint().upper().and_then(|length| usize::try_from(length).ok());
    let length = length.unwrap_or(limit).min(limit);
    if length <= MAX_BODY_BYTES {
        return Ok(None);
    }
    let kibibytes = u32::try_from(length.div_ceil(1024)).unwrap_or(u32::MAX);
    let room = Arc::clone(&house.large_bodies).acquire_many_owned(kibibytes);
    match tokio::time::timeout(BODY_READ_TIMEOUT, room).await {
        Ok(Ok(room)) => Ok(Some(room)),
        Ok(Err(_)) | Err(_) => Err(BodyFault::NoRoom),
    }
}

/// Reads a whole body, within limits.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, BodyFault> {
    read_to(body, MAX_BODY_BYTES).await
}

async fn read_to(body: Incoming, limit: usize) -> Result<Bytes, BodyFault> {
    if body.size_hint().lower() > limit as u64 {
        return Err(BodyFault::TooLarge(limit));
    }
    match tokio::time::timeout(BODY_READ_TIMEOUT, whole(body, limit)).await {
        Ok(whole) => whole,
        Err(_) => Err(BodyFault::TooSlow),
    }
}

/// All pieces of a body; those that came in one piece, as most do, are not copied.
async fn whole(mut body: Incoming, limit: usize) -> Result<Bytes, BodyFault> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| BodyFault::Broken)?.into_data() else { continue };
        let length = first.len().max(all.len()).saturating_add(piece.len());
        if length > limit {
            return Err(BodyFault::TooLarge(limit));
        }
        if first.is_empty() && all.is_empty() {
            first = piece;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn wire(parts: Parts, body: Bytes, peer: &Peer) -> WireRequest {
    let Parts { method, uri, mut headers, .. } = parts;
    // HTTP/2 has `:authority` in place of `Host`, and clients sign it as `host`.
    if !headers.contains_key(HOST)
        && let Some(authority) = uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        headers.insert(HOST, host);
    }
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    WireRequest { method, path, query, headers, body, peer: peer.address, tls: peer.tls }
}

/// An answer for the connection. Its headers lie where the request's did, and the connection puts
/// those of the next request there: room for them is taken once.
fn from_wire(response: WireResponse, mut room: HeaderMap) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(response.body)));
    *answer.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    room.clear();
    *answer.headers_mut() = room;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::try_from(value))
        {
            headers.insert(name, value);
        }
    }
    if let Ok(id) = HeaderValue::try_from(response.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    answer
}

fn refuse(fault: BodyFault, version: Version) -> Answer {
    let (status, code, message) = match fault {
        BodyFault::TooLarge(limit) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLargeException",
            format!("the request body is larger than {limit} bytes"),
        ),
        BodyFault::NoRoom => (
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailableException",
            "other large requests take all room".to_owned(),
        ),
        BodyFault::TooSlow => (
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeoutException",
            "the request body did not arrive in time".to_owned(),
        ),
        BodyFault::Broken => (
            StatusCode::BAD_REQUEST,
            "SerializationException",
            "the request body ended before its length".to_owned(),
        ),
    };
    let body = format!("{{\"__type\":\"{code}\",\"message\":\"{message}\"}}");
    let mut answer = json(status, body);
    let content_type = HeaderValue::from_static(bulla_shapes::protocol::JSON_1_1);
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    if version < Version::HTTP_2 {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
