//! CloudHSM key stores on a token of SoftHSM, which is fetched from Debian into a folder of the
//! build. Where that can't be had, the test says so and shows nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::external_keys::{ACCOUNT, kms};
use crate::process::{Server, bulla};

const CLUSTER: &str = "cluster-2345672abcd";
const PIN: &str = "password1";
const PACKAGES: [&str; 4] = ["softhsm2", "softhsm2-common", "libsofthsm2", "libbotan-2-19"];

/// SoftHSM's folder, where it can be had.
fn softhsm() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("softhsm");
    let module = folder.join("usr/lib/softhsm/libsofthsm2.so");
    if module.exists() {
        return Some(folder);
    }
    std::fs::create_dir_all(&folder).ok()?;
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&folder).stdin(Stdio::null());
        command.output().is_ok_and(|output| output.status.success())
    };
    let fetched = run("apt-get", &[&["download"], &PACKAGES[..]].concat());
    for file in std::fs::read_dir(&folder).ok()?.flatten().filter(|_| fetched) {
        let path = file.path();
        if path.extension().is_some_and(|end| end == "deb") {
            run("dpkg", &["-x", path.to_str()?, "."]);
        }
    }
    module.exists().then_some(folder)
}

/// A token, and a server that has it.
struct World {
    home: tempfile::TempDir,
    server: Server,
}

impl World {
    fn new(softhsm: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let library = softhsm.join("usr/lib/x86_64-linux-gnu");
        let module = softhsm.join("usr/lib/softhsm/libsofthsm2.so");
        std::fs::create_dir(at("tokens")).unwrap();
        let conf = format!("directories.tokendir = {}\n", at("tokens").display());
        std::fs::write(at("softhsm.conf"), conf).unwrap();
        std::fs::write(at("pin"), format!("{PIN}\n")).unwrap();
        let made = Command::new(softhsm.join("usr/bin/softhsm2-util"))
            .args(["--init-token", "--free", "--label", "keys", "--so-pin", "12345678", "--pin"])
            .args([PIN, "--module", module.to_str().unwrap()])
            .env("SOFTHSM2_CONF", at("softhsm.conf"))
            .env("LD_LIBRARY_PATH", &library)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let settings = format!(
            "[[token]]\ncluster-id = \"{CLUSTER}\"\nmodule = \"{}\"\nlabel = \"keys\"\n\
             pin-file = \"{}\"\n",
            module.display(),
            at("pin").display()
        );
        std::fs::write(at("bulla.toml"), settings).unwrap();
        let mut command = bulla(&["dev", "--config", at("bulla.toml").to_str().unwrap()]);
        command
            .env("SOFTHSM2_CONF", at("softhsm.conf"))
            .env("LD_LIBRARY_PATH", &library)
            .env("BULLA_LOG", "off");
        let server = Server::run(command);
        Self { home, server }
    }

    fn call(&self, operation: &str, input: &Value) -> (u16, Value) {
        kms(&self.server, ACCOUNT, operation, input)
    }

    fn ok(&self, operation: &str, input: &Value) -> Value {
        let (status, answer) = self.call(operation, input);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    fn refused(&self, operation: &str, input: &Value) -> String {
        let (status, answer) = self.call(operation, input);
        assert_ne!(status, 200, "{operation}: {answer}");
        answer["__type"].as_str().unwrap().to_owned()
    }

    fn state(&self, store: &Value) -> (String, Value) {
        let listed = self.ok("DescribeCustomKeyStores", store);
        let entry = &listed["CustomKeyStores"][0];
        let state = entry["ConnectionState"].as_str().unwrap().to_owned();
        (state, entry["ConnectionErrorCode"].clone())
    }

    /// The files of the keys that the token has.
    fn key_files(&self) -> Vec<PathBuf> {
        let token = std::fs::read_dir(self.home.path().join("tokens")).unwrap().next().unwrap();
        let files = std::fs::read_dir(token.unwrap().path()).unwrap();
        let is_key = |name: &str| name.ends_with(".object") && name != "token.object";
        let files = files.map(|file| file.unwrap().path());
        files.filter(|file| is_key(file.file_name().unwrap().to_str().unwrap())).collect()
    }

    fn keys(&self) -> usize {
        self.key_files().len()
    }

    /// What SoftHSM's own tool says of a yes-or-no attribute of the one key.
    fn attribute(&self, softhsm: &Path, name: &str) -> String {
        let [file] = <[PathBuf; 1]>::try_from(self.key_files()).unwrap();
        let dump = Command::new(softhsm.join("usr/bin/softhsm2-dump-file"))
            .arg(file)
            .env("LD_LIBRARY_PATH", softhsm.join("usr/lib/x86_64-linux-gnu"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&dump.stdout).into_owned();
        let mut lines = text.lines().skip_while(|line| !line.ends_with(&format!(" {name}")));
        let value = lines.nth(2).unwrap_or_default();
        value.split_whitespace().last().unwrap_or_default().to_owned()
    }
}

fn described(password: &str) -> Value {
    json!({ "CustomKeyStoreName": "hsm", "CloudHsmClusterId": CLUSTER,
            "TrustAnchorCertificate": "a certificate", "KeyStorePassword": password })
}

#[test]
fn keys_live_in_a_token_and_survive_that_it_goes_away() {
    let Some(softhsm) = softhsm() else {
        eprintln!("SKIPPED: SoftHSM can't be had (apt-get download, dpkg), so nothing is shown");
        return;
    };
    let world = World::new(&softhsm);
    let made = world.ok("CreateCustomKeyStore", &described("not the password"));
    assert_eq!(
        world.refused(
            "CreateCustomKeyStore",
            &json!({ "CustomKeyStoreName": "other",
            "CloudHsmClusterId": CLUSTER, "TrustAnchorCertificate": "x",
            "KeyStorePassword": PIN })
        ),
        "CloudHsmClusterInUseException"
    );
    let store = json!({ "CustomKeyStoreId": made["CustomKeyStoreId"] });
    world.ok("ConnectCustomKeyStore", &store);
    assert_eq!(world.state(&store), ("FAILED".into(), "INVALID_CREDENTIALS".into()));
    world.ok("DisconnectCustomKeyStore", &store);
    let id = &made["CustomKeyStoreId"];
    world.ok("UpdateCustomKeyStore", &json!({ "CustomKeyStoreId": id, "KeyStorePassword": PIN }));
    world.ok("ConnectCustomKeyStore", &store);
    assert_eq!(world.state(&store).0, "CONNECTED");

    let wanted = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": id });
    let metadata = world.ok("CreateKey", &wanted)["KeyMetadata"].clone();
    assert_eq!(metadata["Origin"], "AWS_CLOUDHSM");
    assert_eq!(metadata["CloudHsmClusterId"], CLUSTER);
    assert_eq!(&metadata["CustomKeyStoreId"], id);
    assert_eq!(world.keys(), 1);
    for (name, value) in [
        ("CKA_EXTRACTABLE", "FALSE"),
        ("CKA_NEVER_EXTRACTABLE", "TRUE"),
        ("CKA_SENSITIVE", "TRUE"),
        ("CKA_ALWAYS_SENSITIVE", "TRUE"),
        ("CKA_PRIVATE", "TRUE"),
        ("CKA_WRAP", "FALSE"),
    ] {
        assert_eq!(world.attribute(&softhsm, name), value, "{name}");
    }
    let key = &metadata["Arn"];
    let sealing = json!({ "KeyId": key, "Plaintext": "aGVsbG8=", "EncryptionContext": {"a": "b"} });
    let blob = world.ok("Encrypt", &sealing)["CiphertextBlob"].as_str().unwrap().to_owned();
    let opening = json!({ "CiphertextBlob": blob, "EncryptionContext": { "a": "b" } });
    assert_eq!(world.ok("Decrypt", &opening)["Plaintext"], "aGVsbG8=");
    world.ok("GenerateDataKey", &json!({ "KeyId": key, "KeySpec": "AES_256" }));
    let wrong = json!({ "CiphertextBlob": blob });
    assert_eq!(world.refused("Decrypt", &wrong), "InvalidCiphertextException");
    let random = json!({ "NumberOfBytes": 32, "CustomKeyStoreId": id });
    let random = (world.ok("GenerateRandom", &random), world.ok("GenerateRandom", &random));
    assert_ne!(random.0["Plaintext"], random.1["Plaintext"]);

    // The token goes, and comes back.
    let (here, away) = (world.home.path().join("tokens"), world.home.path().join("away"));
    std::fs::rename(&here, &away).unwrap();
    std::fs::create_dir(&here).unwrap();
    for (operation, input) in [("Encrypt", &sealing), ("Decrypt", &opening)] {
        assert_eq!(world.refused(operation, input), "KeyUnavailableException");
    }
    assert_eq!(world.refused("CreateKey", &wanted), "KMSInternalException");
    std::fs::remove_dir(&here).unwrap();
    std::fs::rename(&away, &here).unwrap();
    let began = std::time::Instant::now();
    let opened = loop {
        let (status, answer) = world.call("Decrypt", &opening);
        if status == 200 {
            break answer;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{answer}");
    };
    assert_eq!(opened["Plaintext"], "aGVsbG8=");

    // A deleted key's key goes from the token.
    world.ok("ScheduleKeyDeletion", &json!({ "KeyId": key, "PendingWindowInDays": 7 }));
    assert_eq!(world.server.post("/_bulla/clock", "", "{\"advance\":\"P8D\"}").0, 200);
    assert_eq!(world.keys(), 0);
    world.ok("DisconnectCustomKeyStore", &store);
    world.ok("DeleteCustomKeyStore", &store);
    assert_eq!(world.server.stop(), Some(0));
}
