//! `init` and `serve`: what they print, make and refuse.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::process::{Server, bulla, init, refusal, run};

fn directory() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    (home, data)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    nested.flatten().collect()
}

#[test]
fn init_prints_a_root_key_and_makes_files_that_are_closed_to_others() {
    let (home, data) = directory();
    let [account, id, secret] = init(&data);
    assert!(account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()));
    let tail = id.strip_prefix("AKIA").unwrap();
    assert_eq!(tail.len(), 16);
    assert!(tail.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')), "{id}");
    assert_eq!(secret.len(), 40);
    let made = files(home.path());
    assert!(made.len() > 4, "{made:?}");
    for path in made {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
        let content = fs::read(&path).unwrap();
        let found = content.windows(40).any(|part| part == secret.as_bytes());
        assert!(!found, "the secret is in {}", path.display());
    }
    let again = refusal(&run(&["init", "--data", data.to_str().unwrap()]));
    assert!(again.contains(data.to_str().unwrap()), "{again}");
}

#[test]
fn an_account_has_twelve_digits() {
    let (_home, data) = directory();
    let output = run(&["init", "--data", data.to_str().unwrap(), "--account", "1234"]);
    assert!(refusal(&output).contains("1234"));
    assert!(!data.exists());
}

#[test]
fn beyond_loopback_there_must_be_tls() {
    let (_home, data) = directory();
    init(&data);
    let data = data.to_str().unwrap();
    let said = refusal(&run(&["serve", "--data", data, "--listen", "0.0.0.0:0"]));
    assert!(said.contains("--tls-cert"), "{said}");
}

#[test]
fn a_folder_that_was_never_made_is_refused() {
    let (_home, data) = directory();
    let said = refusal(&run(&["serve", "--data", data.to_str().unwrap()]));
    assert!(said.contains("bulla init") && said.contains(data.to_str().unwrap()), "{said}");
    assert!(!data.exists());
}

#[test]
fn a_second_process_is_refused_and_the_first_goes_on() {
    let (_home, data) = directory();
    let data = data.to_str().unwrap();
    let first = Server::start(&["dev", "--data", data]);
    let said = refusal(&run(&["dev", "--data", data, "--listen", "127.0.0.1:0"]));
    assert!(said.contains(data) && said.contains("in use"), "{said}");
    let request = "GET /_bulla/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(first.send(request).0, 200);
    assert_eq!(first.stop(), Some(0));
}

#[test]
fn another_key_file_is_refused() {
    let (home, data) = directory();
    init(&data);
    let other = home.path().join("other");
    init(&other);
    let key = home.path().join("other.key");
    let (data, key) = (data.to_str().unwrap(), key.to_str().unwrap());
    let listen = ["--listen", "127.0.0.1:0"];
    let arguments = [&["serve", "--data", data, "--key-file", key], &listen[..]].concat();
    let said = refusal(&run(&arguments));
    assert!(said.contains("other.key"), "{said}");
}

#[test]
fn a_passphrase_opens_what_it_sealed() {
    let (_home, data) = directory();
    let data = data.to_str().unwrap();
    let with = |passphrase: &str, arguments: &[&str]| {
        bulla(arguments).env("BULLA_PASSPHRASE", passphrase).output().unwrap()
    };
    let made = with("correct horse", &["init", "--data", data, "--seal", "passphrase"]);
    assert!(made.status.success());
    assert!(with("correct horse", &["audit", "verify", "--data", data]).status.success());
    refusal(&with("battery staple", &["audit", "verify", "--data", data]));
}

/// Empties an access key's row.
fn intrude(data: &Path) {
    let intruder = rusqlite::Connection::open(data.join("bulla.db")).unwrap();
    let sql = "UPDATE kv SET value = zeroblob(length(value)) WHERE space = 'iam.accesskey'";
    assert_eq!(intruder.execute(sql, []), Ok(1));
}

#[test]
fn the_store_is_checked_with_the_journal_unless_a_server_runs_on_it() {
    let (_home, data) = directory();
    init(&data);
    let arguments = ["audit", "verify", "--data", data.to_str().unwrap()];
    let said = |output: Output| {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told = said(run(&arguments));
    assert!(told.contains("the store: ") && told.contains("are intact"), "{told}");
    let server = Server::start(&["serve", "--data", data.to_str().unwrap()]);
    let told = said(run(&arguments));
    assert!(told.contains("the journal: ") && told.contains("NOT CHECKED"), "{told}");
    assert_eq!(server.stop(), Some(0));
    intrude(&data);
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(3));
    let told = refusal(&output);
    assert!(told.contains("do not open: iam.accesskey/AKIA"), "{told}");
}

#[test]
fn what_the_daily_check_finds_is_told_and_stops_nothing() {
    let (_home, data) = directory();
    init(&data);
    let server = Server::start(&["dev", "--data", data.to_str().unwrap()]);
    let get = |path: &str| {
        server.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    };
    let a_day_later = || server.post("/_bulla/clock", "", "{\"advance\":\"P1D\"}");
    assert_eq!(a_day_later().0, 200);
    let (status, health) = get("/_bulla/health");
    assert!(status == 200 && health.ends_with("{\"status\":\"ready\"}"), "{health}");
    intrude(&data);
    assert_eq!(a_day_later().0, 200);
    let (status, health) = get("/_bulla/health");
    assert_eq!(status, 200);
    assert!(health.contains("\"degraded\""), "{health}");
    let (_, metrics) = get("/_bulla/metrics");
    for line in ["bulla_store_check_altered_rows 1\n", "bulla_store_check_attested 0\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn an_old_copy_of_the_data_is_refused() {
    let (home, data) = directory();
    init(&data);
    let server = Server::start(&["dev", "--data", data.to_str().unwrap()]);
    let old = home.path().join("old");
    copy(&data, &old);
    let signed = "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/\
                  aws4_request, SignedHeaders=host, Signature=x\r\n\
                  Content-Type: application/x-www-form-urlencoded\r\n";
    // Even a refused call is recorded, so that the journal goes on.
    server.post("/", signed, "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(server.stop(), Some(0));
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&old, &data).unwrap();
    let said = refusal(&run(&["serve", "--data", data.to_str().unwrap()]));
    assert!(said.contains("old copy"), "{said}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_tour_ends_well_and_tells_its_steps() {
    let output = run(&["tour"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let refusals = [
        "InvalidCiphertextException",
        "AccessDeniedException",
        "KMSInvalidStateException",
        "NotFoundException",
    ];
    let steps = [
        "CreateKey",
        "CreateAccessKey",
        "Explain",
        "AssumeRole",
        "RevokeGrant",
        "RotateKeyOnDemand",
    ];
    for word in steps.iter().chain(&refusals) {
        assert!(told.contains(word), "{told}");
    }
    assert!(
        told.contains("because no identity-based policy allows the kms:Encrypt action"),
        "{told}"
    );
    let record = told.lines().find(|line| line.contains("audit journal")).unwrap();
    assert!(record.contains(": CreateKey, CreateAlias, Encrypt, Decrypt, "), "{record}");
    // The record calls every denial by one name.
    let recorded = refusals.map(|code| code.replace("DeniedException", "Denied"));
    assert!(recorded.iter().all(|code| record.contains(code)), "{record}");
}

#[test]
fn the_help_teaches_by_examples_that_are_understood() {
    let help = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let first = help(&["--help"]);
    for line in first.lines().filter_map(|line| line.trim().strip_prefix("bulla ")) {
        let command = line.split(' ').next().unwrap();
        assert!(help(&[command, "--help"]).contains("Usage: bulla "), "{line}");
    }
    let dev = help(&["dev", "--help"]);
    assert!(dev.contains("AWS_ENDPOINT_URL=http://127.0.0.1:4566"), "{dev}");
}
