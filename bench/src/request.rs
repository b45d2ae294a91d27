//! A call as bytes: what doesn't change is built once, what does is filled in at each sending.

use std::net::SocketAddr;

use crate::signer::{Credentials, REGION, Signer, payload_hash};

/// Two service endpoints, by what their requests look like on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// JSON 1.1: the operation stands in `X-Amz-Target`.
    Kms,
    /// JSON 1.1 as well.
    Ssm,
    /// JSON 1.1, too.
    Secrets,
    /// JSON 1.1, once more.
    Trail,
    /// Query: the operation stands in the form body.
    Sts,
}

impl Service {
    /// The name in the credential scope.
    pub(crate) fn signing_name(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::Ssm => "ssm",
            Self::Secrets => "secretsmanager",
            Self::Trail => "cloudtrail",
            Self::Sts => "sts",
        }
    }

    /// What `X-Amz-Target` begins with.
    fn target(self) -> Option<&'static str> {
        match self {
            Self::Kms => Some("TrentService"),
            Self::Ssm => Some("AmazonSSM"),
            Self::Secrets => Some("secretsmanager"),
            Self::Trail => Some("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"),
            Self::Sts => None,
        }
    }
}

/// One operation with its body.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Call {
    /// A KMS call with a JSON body.
    pub(crate) fn kms(operation: &'static str, body: &serde_json::Value) -> Self {
        Self { service: Service::Kms, operation, body: body.to_string().into_bytes() }
    }

    /// A call to Parameter Store with a JSON body.
    pub(crate) fn ssm(operation: &'static str, body: &serde_json::Value) -> Self {
        Self { service: Service::Ssm, operation, body: body.to_string().into_bytes() }
    }

    /// A Secrets Manager call with a JSON body.
    pub(crate) fn secrets(operation: &'static str, body: &serde_json::Value) -> Self {
        Self { service: Service::Secrets, operation, body: body.to_string().into_bytes() }
    }

    /// A CloudTrail call with a JSON body.
    pub(crate) fn trail(operation: &'static str, body: &serde_json::Value) -> Self {
        Self { service: Service::Trail, operation, body: body.to_string().into_bytes() }
    }

    /// STS GetCallerIdentity, which takes no parameters.
    pub(crate) fn get_caller_identity() -> Self {
        let body = b"Action=GetCallerIdentity&Version=2011-06-15".to_vec();
        Self { service: Service::Sts, operation: "GetCallerIdentity", body }
    }
}

/// As long as botocore's, which is what most KMS requests carry.
const USER_AGENT: &str = "bulla-bench/0.1 md/Signer#0.1 ua/2.1 os/linux#6.12.0 md/arch#x86_64 \
                          lang/rust#1.95.0 md/impl#rustc m/Z,b,e cfg/retry-mode#legacy bench/0.1";

/// A call made ready for one server and one access key. The headers are those botocore sends, in
/// its order; the invocation id is signed too, so that no two requests have the same signature.
pub(crate) struct Request {
    operation: &'static str,
    to_date: Vec<u8>,
    to_day: Vec<u8>,
    to_signature: Vec<u8>,
    to_id: Vec<u8>,
    to_end: Vec<u8>,
    canonical_to_date: Vec<u8>,
    canonical_to_end: Vec<u8>,
}

impl Request {
    pub(crate) fn new(call: &Call, server: SocketAddr, credentials: &Credentials) -> Self {
        let target = call.service.target().map(|begin| format!("{begin}.{}", call.operation));
        let content_type = match target {
            Some(_) => "application/x-amz-json-1.1",
            None => "application/x-www-form-urlencoded; charset=utf-8",
        };
        let target_line =
            target.as_ref().map(|t| format!("X-Amz-Target: {t}\r\n")).unwrap_or_default();
        let canonical_target =
            target.as_ref().map(|t| format!("x-amz-target:{t}\n")).unwrap_or_default();
        let signed = match target {
            Some(_) => "amz-sdk-invocation-id;content-type;host;x-amz-date;x-amz-target",
            None => "amz-sdk-invocation-id;content-type;host;x-amz-date",
        };
        let (id, scope) = (&credentials.access_key_id, call.service.signing_name());
        let to_date = format!(
            "POST / HTTP/1.1\r\nHost: {server}\r\nAccept-Encoding: identity\r\n{target_line}\
             Content-Type: {content_type}\r\nUser-Agent: {USER_AGENT}\r\nX-Amz-Date: "
        );
        let to_end = format!(
            "\r\namz-sdk-request: attempt=1\r\nContent-Length: {}\r\n\r\n",
            call.body.len()
        );
        Self {
            operation: call.operation,
            to_date: to_date.into(),
            to_day: format!("\r\nAuthorization: AWS4-HMAC-SHA256 Credential={id}/").into(),
            to_signature: format!(
                "/{REGION}/{scope}/aws4_request, SignedHeaders={signed}, Signature="
            )
            .into(),
            to_id: b"\r\namz-sdk-invocation-id: ".to_vec(),
            to_end: [to_end.as_bytes(), &call.body].concat(),
            canonical_to_date: format!("\ncontent-type:{content_type}\nhost:{server}\nx-amz-date:")
                .into(),
            canonical_to_end: format!(
                "\n{canonical_target}\n{signed}\n{}",
                payload_hash(&call.body)
            )
            .into(),
        }
    }

    /// The operation's name, for messages.
    pub(crate) fn operation(&self) -> &'static str {
        self.operation
    }

    /// Writes the request, freshly signed, in place of what `out` held. `scratch` holds the
    /// canonical request, so that a sending allocates nothing.
    pub(crate) fn write(&self, signer: &mut Signer, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.to_date);
        out.extend_from_slice(signer.amz_date().as_bytes());
        out.extend_from_slice(&self.to_day);
        out.extend_from_slice(signer.day().as_bytes());
        out.extend_from_slice(&self.to_signature);

        scratch.clear();
        scratch.extend_from_slice(b"POST\n/\n\namz-sdk-invocation-id:");
        let id_at = scratch.len();
        signer.invocation_id(scratch);
        let id_end = scratch.len();
        scratch.extend_from_slice(&self.canonical_to_date);
        scratch.extend_from_slice(signer.amz_date().as_bytes());
        scratch.extend_from_slice(&self.canonical_to_end);

        out.extend_from_slice(&signer.signature(scratch));
        out.extend_from_slice(&self.to_id);
        out.extend_from_slice(scratch.get(id_at..id_end).unwrap_or_default());
        out.extend_from_slice(&self.to_end);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bulla_crypto::{hex, hmac_sha256, sha256};
    use serde_json::json;

    use super::*;

    fn credentials() -> Credentials {
        Credentials { access_key_id: "AKIAEXAMPLE".into(), secret_access_key: "secret".into() }
    }

    fn written(call: &Call) -> String {
        let server = "127.0.0.1:45678".parse().unwrap();
        let mut signer = Signer::new(credentials(), call.service.signing_name()).unwrap();
        let mut out = b"left over".to_vec();
        Request::new(call, server, &credentials()).write(&mut signer, &mut Vec::new(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Signs once more from the written bytes alone, step by step as AWS's documentation has it.
    fn verify(text: &str, service: &str) {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        assert_eq!(lines.next(), Some("POST / HTTP/1.1"));
        let headers: HashMap<String, &str> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        assert_eq!(headers["content-length"], body.len().to_string());
        let parts: Vec<&str> = headers["authorization"].split(['=', ',', ' ', '/']).collect();
        let (signed, signature) = (parts[9], parts[12]);
        let mut canonical = "POST\n/\n\n".to_owned();
        for name in signed.split(';') {
            canonical += &format!("{name}:{}\n", headers[name]);
        }
        canonical += &format!("\n{signed}\n{}", hex::encode(&sha256(body.as_bytes())));
        let date = headers["x-amz-date"];
        let scope = format!("{}/us-east-1/{service}/aws4_request", date.split_once('T').unwrap().0);
        let digest = hex::encode(&sha256(canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
        let mut key = b"AWS4secret".to_vec();
        for part in scope.split('/') {
            key = hmac_sha256(&key, &[part.as_bytes()]).to_vec();
        }
        assert_eq!(signature, hex::encode(&hmac_sha256(&key, &[to_sign.as_bytes()])));
    }

    #[test]
    fn a_json_request_verifies_from_its_bytes() {
        let text = written(&Call::kms("Encrypt", &json!({"KeyId": "k", "Plaintext": "AAAA"})));
        assert!(text.contains("\r\nX-Amz-Target: TrentService.Encrypt\r\n"));
        verify(&text, "kms");
    }

    #[test]
    fn a_query_request_verifies_from_its_bytes() {
        let text = written(&Call::get_caller_identity());
        assert!(!text.contains("X-Amz-Target"));
        verify(&text, "sts");
    }
}
