//! A request that can be altered byte by byte, and what it means by a second, slow reading.

use bulla_sigv4::{
    AuthError, Claim, Credentials, Header, RequestParts, ServiceRules, SigningKey, parse,
};

use crate::random::Random;

/// A request as it comes over the wire, in pieces: method, path, query, header lines, body.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// What a signature covers, by the second reading. Two requests that mean the same are equal.
#[derive(PartialEq, Eq)]
pub(crate) struct Meaning {
    identity: Vec<String>,
    method: String,
    path: Vec<String>,
    query: Vec<(Vec<u8>, Vec<u8>)>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    /// Gives `look` the parts as the verifier takes them.
    pub(crate) fn with_parts<T>(&self, look: impl FnOnce(&RequestParts<'_>) -> T) -> T {
        let headers: Vec<Header<'_>> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        look(&RequestParts {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            body: &self.body,
        })
    }

    fn pieces(&self) -> Vec<Vec<u8>> {
        let mut pieces = vec![
            self.method.clone().into_bytes(),
            self.path.clone().into_bytes(),
            self.query.clone().into_bytes(),
            self.body.clone(),
        ];
        for (name, value) in &self.headers {
            pieces.push(name.clone().into_bytes());
            pieces.push(value.clone());
        }
        pieces
    }

    fn from_pieces(pieces: Vec<Vec<u8>>) -> Option<Self> {
        let mut pieces = pieces.into_iter();
        let mut text = || String::from_utf8(pieces.next()?).ok();
        let (method, path, query) = (text()?, text()?, text()?);
        let body = pieces.next()?;
        let mut headers = Vec::new();
        while let Some(name) = pieces.next() {
            headers.push((String::from_utf8(name).ok()?, pieces.next()?));
        }
        Some(Self { method, path, query, headers, body })
    }

    /// One byte anywhere replaced, inserted, removed or exchanged with the next one; nothing if
    /// what comes out is no request at all.
    pub(crate) fn mutate(&self, random: &mut Random) -> Option<Self> {
        let mut pieces = self.pieces();
        let total: usize = pieces.iter().map(|piece| piece.len() + 1).sum();
        let mut at = random.below(total);
        let piece = pieces.iter_mut().find(|piece| {
            let here = at <= piece.len();
            at -= if here { 0 } else { piece.len() + 1 };
            here
        })?;
        // Half of the bytes are those that mean something to some parser.
        let telling = random.pick(b" \t\r\n%+&=;,:/?#.-_~ABZabz019\0\x7f").copied()?;
        let byte = if random.below(2) == 0 { telling } else { random.byte() };
        match random.below(4) {
            0 if at < piece.len() => drop(piece.remove(at)),
            1 if at + 1 < piece.len() => piece.swap(at, at + 1),
            2 if at < piece.len() => piece.get_mut(at).map(|old| *old = byte)?,
            _ => piece.insert(at, byte),
        }
        Self::from_pieces(pieces)
    }

    /// What the signature of `claim` covers; nothing if that is not clear.
    pub(crate) fn meaning(&self, claim: &Claim<'_>) -> Option<Meaning> {
        let headers = claim.signed_headers().map(|name| {
            let name = name.to_ascii_lowercase();
            let values = self.headers.iter().filter(|(one, _)| one.eq_ignore_ascii_case(&name));
            let values: Vec<_> = values.map(|(_, value)| plain(value)).collect();
            (name, values.join(&b','))
        });
        Some(Meaning {
            identity: [claim.access_key_id(), claim.scope_date(), claim.region(), claim.service()]
                .map(str::to_owned)
                .into_iter()
                .chain([claim.stamp().to_string(), format!("{:?}", claim.session_token())])
                .chain([format!("{:?} {:?}", claim.form(), claim.expires())])
                .collect(),
            method: self.method.clone(),
            path: path(&self.path),
            query: query(&self.query)?,
            headers: headers.collect(),
            body: self.body.clone(),
        })
    }
}

/// A header's value with single blanks between its words.
fn plain(value: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| matches!(byte, b' ' | 9..=13);
    let words: Vec<&[u8]> = value.split(blank).filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

/// The segments without dots; an empty one at the end for a slash there.
fn path(raw: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(out.pop()),
            other => out.push(other.to_owned()),
        }
    }
    if raw.ends_with('/') && !out.is_empty() {
        out.push(String::new());
    }
    out
}

/// The parameters but the signature, decoded and in order.
fn query(raw: &str) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut out = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        if name != b"X-Amz-Signature" {
            out.push((name, value));
        }
    }
    out.sort();
    Some(out)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            out.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

/// Verifies as a service does that knows one access key, and tells what was verified.
///
/// A signature does not cover the access key id: the secret that is looked up by it does. The
/// session token is for the service to compare.
pub(crate) fn accept<'a>(
    parts: &RequestParts<'a>,
    now: i64,
    rules: &ServiceRules<'_>,
    known: &Credentials<'_>,
) -> Result<Claim<'a>, AuthError> {
    let claim = parse(parts, now, rules)?;
    let (date, region) = (claim.scope_date(), claim.region());
    let key = if claim.access_key_id() == known.access_key_id {
        SigningKey::derive(known.secret, date, region, claim.service())
    } else {
        SigningKey::dummy()
    };
    claim.verify(parts, &key)?;
    if claim.session_token() != known.token {
        return Err(AuthError::BadToken);
    }
    Ok(claim)
}
