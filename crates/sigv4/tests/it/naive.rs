//! A second signer, written from AWS's description in the plainest way and sharing no code with
//! the crate but the hash. It decides whether two requests mean the same.

use bulla_crypto::{hex, hmac_sha256, sha256};

use crate::request::Request;

/// What a signature names besides the request.
pub(crate) struct Signed<'a> {
    pub(crate) headers: &'a str,
    pub(crate) date: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) presigned: bool,
}

fn encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                (b as char).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let (mut out, mut i) = (vec![], 0);
    while i < bytes.len() {
        if bytes[i] == b'%' {
            out.extend(hex::decode(bytes.get(i + 1..i + 3)?).ok()?);
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    Some(out)
}

fn path(raw: &str) -> String {
    let mut stack = vec![];
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(stack.pop()),
            _ => stack.push(encode(segment.as_bytes())),
        }
    }
    let end = if raw.ends_with('/') && !stack.is_empty() { "/" } else { "" };
    format!("/{}{end}", stack.join("/"))
}

fn query(raw: &str, presigned: bool) -> Option<String> {
    let mut pairs = vec![];
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (encode(&decode(name)?), encode(&decode(value)?));
        if !(presigned && name == "X-Amz-Signature") {
            pairs.push((name, value));
        }
    }
    pairs.sort();
    Some(pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&"))
}

pub(crate) fn canonical(request: &Request, signed: &Signed<'_>) -> Option<Vec<u8>> {
    let mut out = format!(
        "{}\n{}\n{}\n",
        request.method,
        path(&request.path),
        query(&request.query, signed.presigned)?
    )
    .into_bytes();
    for name in signed.headers.split(';') {
        let values: Vec<Vec<u8>> = request
            .headers
            .iter()
            .filter(|(other, _)| other.to_ascii_lowercase() == name)
            .map(|(_, value)| {
                let words = value.split(|b| b" \t\r\n\x0c".contains(b));
                words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(&b' ')
            })
            .collect();
        if values.is_empty() {
            return None;
        }
        out.extend([name.as_bytes(), b":", &values.join(&b','), b"\n"].concat());
    }
    out.extend(format!("\n{}\n{}", signed.headers, hex::encode(&sha256(&request.body))).bytes());
    Some(out)
}

pub(crate) fn signature(request: &Request, signed: &Signed<'_>, secret: &str) -> Option<String> {
    let digest = hex::encode(&sha256(&canonical(request, signed)?));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{}\n{digest}", signed.date, signed.scope);
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in signed.scope.split('/') {
        key = hmac_sha256(&key, &[part.as_bytes()]).to_vec();
    }
    Some(hex::encode(&hmac_sha256(&key, &[text.as_bytes()])))
}

/// Whether a request bears the signature that its own pieces give, for the given scope.
pub(crate) fn verify(request: &Request, secret: &str, scope: &str) -> Option<bool> {
    let text = |name: &str| {
        let found = request.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8(found.1.clone()).ok()?.trim().to_owned())
    };
    let parameter = |wanted: &str| {
        let mut pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(n, _)| decode(n).as_deref() == Some(wanted.as_bytes()))?;
        String::from_utf8(decode(value)?).ok()
    };
    let (headers, date, given, presigned) = if let Some(authorization) = text("authorization") {
        let piece = |name: &str| {
            let (_, rest) = authorization.split_once(name)?;
            Some(rest.split(',').next()?.trim_ascii().to_owned())
        };
        (piece("SignedHeaders=")?, text("x-amz-date")?, piece("Signature=")?, false)
    } else {
        let headers = parameter("X-Amz-SignedHeaders")?;
        (headers, parameter("X-Amz-Date")?, parameter("X-Amz-Signature")?, true)
    };
    let signed = Signed { headers: &headers, date: &date, scope, presigned };
    Some(signature(request, &signed, secret)? == given)
}
