//! What a server answers over TCP: to signed calls, and at its own addresses.

use std::time::{SystemTime, UNIX_EPOCH};

use bulla_sigv4::{Credentials, RequestParts, SignOptions, sign_header};

use crate::process::{Server, init, run};

const FORM: &str = "application/x-www-form-urlencoded";
const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// GetCallerIdentity, signed as an SDK signs it.
fn who_am_i(server: &Server, id: &str, secret: &str) -> (u16, String) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let host = server.address.to_string();
    let headers = [("host", host.as_bytes()), ("content-type", FORM.as_bytes())];
    let parts = RequestParts {
        method: "POST",
        path: "/",
        query: "",
        headers: &headers,
        body: WHO.as_bytes(),
    };
    let credentials = Credentials { access_key_id: id, secret: secret.as_bytes(), token: None };
    let options = SignOptions::new("sts", "eu-central-1", i64::try_from(now).unwrap());
    let signed = sign_header(&parts, &credentials, &options).unwrap();
    let mut lines = format!("content-type: {FORM}\r\n");
    signed.iter().for_each(|(name, value)| lines += &format!("{name}: {value}\r\n"));
    server.post("/", &lines, WHO)
}

#[test]
fn serve_tells_the_root_user_who_it_is_and_nobody_else() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let [account, id, secret] = init(&data);
    let server = Server::start(&["serve", "--data", data.to_str().unwrap()]);
    let (status, answer) = who_am_i(&server, &id, &secret);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains(&format!("<Arn>arn:aws:iam::{account}:root</Arn>")), "{answer}");
    assert!(answer.contains("content-type: text/xml"), "{answer}");
    assert!(answer.contains("x-amzn-requestid: "), "{answer}");
    assert_eq!(who_am_i(&server, &id, "wrong").0, 403);
    assert_eq!(who_am_i(&server, "test", "test").0, 403);
    for path in ["/_bulla/clock", "/_bulla/reset"] {
        assert_eq!(server.post(path, "", "{\"advance\":\"P1D\"}").0, 404);
    }
    assert_eq!(server.stop(), Some(0));
    let data = data.to_str().unwrap();
    let tail = run(&["audit", "tail", "--data", data]);
    let told = String::from_utf8(tail.stdout).unwrap();
    assert!(told.contains("GetCallerIdentity") && !told.contains(&secret), "{told}");
    let checked = run(&["audit", "verify", "--data", data]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn dev_lets_anyone_in_but_who_uses_a_real_key() {
    let server = Server::start(&["dev"]);
    let (status, answer) = who_am_i(&server, "123456789012", "anything");
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("<Account>123456789012</Account>"), "{answer}");
    assert_eq!(who_am_i(&server, "AKIAIOSFODNN7EXAMPLE", "x").0, 403);
    let (status, answer) = server.post("/_bulla/clock", "", "{\"advance\":\"P90D\"}");
    assert_eq!(status, 200);
    assert!(answer.contains("{\"now\":\"2"), "{answer}");
    assert_eq!(server.post("/_bulla/clock", "", "{\"advance\":\"-P1D\"}").0, 400);
    assert_eq!(server.post("/_bulla/reset", "", "{}").0, 200);
    let get = "GET /_bulla/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let (_, metrics) = server.send(get);
    let line =
        "bulla_requests_total{service=\"sts\",operation=\"GetCallerIdentity\",code=\"200\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_body_over_the_limit_is_refused_unread() {
    let server = Server::start(&["dev"]);
    let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 68719476736\r\n\r\n{";
    assert_eq!(server.send(head).0, 413);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_control_character_in_a_header_is_refused_before_anything_reads_it() {
    let server = Server::start(&["dev"]);
    for (between, status) in
        [("\t", 200), ("\x0b", 400), ("\x0c", 400), ("\x00", 400), ("\x7f", 400)]
    {
        let request = format!(
            "GET /_bulla/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             X-Amz-Meta: a{between}b\r\n\r\n"
        );
        assert_eq!(server.send(&request).0, status, "{between:?}");
    }
    assert_eq!(server.stop(), Some(0));
}
