//! Test 8: secrets that nobody else has are sent through a real server that logs all it can; then
//! they are looked for in its files, log, errors, metrics, and in what others get of its memory.

mod archive;
mod turns;

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use base64_simd::STANDARD;
use bulla_crypto::hex;
use serde_json::{Value, json};

use crate::client::{AccessKey, Client, PARAMETER_STORE};
use crate::door::{Door, Reply, text};
use crate::random::Random;
use crate::run::{Counts, Run, at, demand, say};
use crate::scanner::Scanner;
use crate::server::{Server, Site};
use turns::Turns;

/// Who the server runs as when this test runs as root, who may look everywhere: nobody.
const NOBODY: u32 = 65_534;
/// How many times the load runs before the files are looked through.
const LOADS: usize = 12;
/// More than a plaintext may have.
const TOO_MANY_BYTES: usize = 4097;
/// More than a body may have.
const TOO_LARGE: usize = 1 << 20;

pub(crate) fn run(run: &mut Run) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let mut seals = ["keyfile", "passphrase"].iter().cycle();
    while run.goes_on(100) {
        let (seed, seal) = (run.random.next(), seals.next().copied().unwrap_or("keyfile"));
        site(seal, seed, &mut counts).map_err(|error| format!("site {seed} ({seal}): {error}"))?;
    }
    counts.all_of(&[
        "canaries",
        "rotations",
        "MiB scanned",
        "refusals scanned",
        "memories that were closed",
    ])
}

fn site(seal: &str, seed: u64, counts: &mut Counts) -> Result<(), String> {
    let mut random = Random::new(seed);
    let mut scanner = Scanner::new(&mut random)?;
    let passphrase = hex::encode(&random.bytes(20));
    scanner.watch("the passphrase".into(), passphrase.as_bytes());
    let yes = || "true".to_owned();
    let environment = vec![
        ("BULLA_LOG", "trace".to_owned()),
        ("BULLA_PASSPHRASE", passphrase),
        ("BULLA_ALLOW_FUNCTIONS", yes()),
        ("BULLA_DATABASES_HERE", yes()),
    ];
    let is_root = std::fs::metadata("/proc/self").map_err(say)?.uid() == 0;
    let site = Site::new(seal, environment, is_root.then_some(NOBODY))?;
    scanner.watch("the secret access key".into(), site.root.secret.as_bytes());
    if seal == "keyfile" {
        let digits = std::fs::read(site.home().join("data.key")).map_err(say)?;
        scanner.watch("the key file".into(), digits.trim_ascii());
        scanner.watch("the seal's key".into(), &hex::decode(digits.trim_ascii()).map_err(say)?);
    }
    let (server, address, _) = site.start()?;
    let client = Client::connect(address, &site.root).map_err(|lost| lost.0)?;
    let stranger = AccessKey { id: site.root.id.clone(), secret: "a wrong one".into() };
    let stranger = Client::connect(address, &stranger).map_err(|lost| lost.0)?;
    let mut load = Load { client, stranger, scanner, random, refusals: 0 };
    let key = text(&load.ask("CreateKey", &json!({}))?, "/KeyMetadata/KeyId")?;
    let disabled = text(&load.ask("CreateKey", &json!({}))?, "/KeyMetadata/KeyId")?;
    load.ask("DisableKey", &json!({ "KeyId": disabled }))?;
    let function = load.function()?;
    let mut turns = Turns::default();
    for round in 0..LOADS {
        load.uses(&key)?;
        load.refusals(&key, &disabled)?;
        load.secrets(&disabled)?;
        load.parameters(&key, &disabled, round)?;
        load.begin_turns(&function, &mut turns)?;
        load.invoke()?;
    }
    counts.add("rotations", load.end_turns(&turns)?);
    for path in ["/_bulla/metrics", "/_bulla/health"] {
        let reply = load.client.get(path).map_err(|lost| lost.0)?;
        load.scanner.clear(path, &reply.body)?;
    }
    let closed = memory_is_closed(&server, is_root)?;
    counts.add("memories that were closed", 1);
    counts.add("others that were open", u64::from(closed));
    let mut bytes = sweep(&load.scanner, &site)?;
    no_core(server, site.home())?;
    // What was cut off is brought in order, and written anew.
    let (server, _, _) = site.start()?;
    let status = server.end_by("TERM")?;
    demand(status.success(), || format!("asked to end, it ended with {status}"))?;
    bytes += sweep(&load.scanner, &site)?;
    counts.add("canaries", load.scanner.secrets());
    counts.add("refusals scanned", load.refusals);
    counts.add("MiB scanned", bytes >> 20);
    Ok(())
}

/// All but the key file, which holds its key, and the copy of the program; the log is not the
/// program's, and whoever keeps it says who may read it.
fn sweep(scanner: &Scanner, site: &Site) -> Result<u64, String> {
    let bytes = scanner.sweep(&site.data(), &[])?;
    let log = std::fs::read(site.log()).map_err(say)?;
    demand(!log.is_empty(), || "the server logs nothing".into())?;
    scanner.clear("the log", &log)?;
    for beside in std::fs::read_dir(site.home()).map_err(say)? {
        let path = beside.map_err(say)?.path();
        let skipped = ["data", "data.key", "log", "bulla"].map(|name| site.home().join(name));
        if !skipped.contains(&path) {
            scanner.clear("a file beside", &std::fs::read(&path).map_err(at("read a file"))?)?;
        }
    }
    Ok(bytes + log.len() as u64)
}

/// Calls with canaries in them.
struct Load {
    client: Client,
    /// Signs with a wrong secret.
    stranger: Client,
    scanner: Scanner,
    random: Random,
    refusals: u64,
}

impl Load {
    /// A new secret, and its base64.
    fn canary(&mut self) -> (Vec<u8>, String) {
        let size = 24 + self.random.below(40);
        let canary = self.random.bytes(size);
        self.scanner.watch("a plaintext".into(), &canary);
        let encoded = STANDARD.encode_to_string(&canary);
        (canary, encoded)
    }

    /// Calls; the answer holds no secret.
    fn ask(&mut self, operation: &str, input: &Value) -> Result<Value, String> {
        let answer = self.client.ask(operation, input)?;
        self.scanner.clear(operation, answer.to_string().as_bytes())?;
        Ok(answer)
    }

    /// Calls; the answer holds a secret, which is looked for everywhere else.
    fn tells(&mut self, operation: &str, input: &Value) -> Result<Value, String> {
        let mut answer = self.client.ask(operation, input)?;
        let told = STANDARD.decode_to_vec(text(&answer, "/Plaintext")?).map_err(say)?;
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("Plaintext");
        }
        self.scanner.watch(format!("what {operation} told"), &told);
        self.scanner.clear(operation, answer.to_string().as_bytes())?;
        Ok(answer)
    }

    fn uses(&mut self, key: &str) -> Result<(), String> {
        let (_, canary) = self.canary();
        let context = json!({ "tenant": "a" });
        let input = json!({ "KeyId": key, "Plaintext": canary, "EncryptionContext": context });
        let sealed = text(&self.ask("Encrypt", &input)?, "/CiphertextBlob")?;
        let input = json!({ "CiphertextBlob": sealed, "EncryptionContext": context });
        self.tells("Decrypt", &input)?;
        self.ask(
            "ReEncrypt",
            &json!({
                "CiphertextBlob": sealed,
                "SourceEncryptionContext": context,
                "DestinationKeyId": key
            }),
        )?;
        self.tells("GenerateRandom", &json!({ "NumberOfBytes": 40 }))?;
        let spec = json!({ "KeyId": key, "KeySpec": "AES_256" });
        self.tells("GenerateDataKey", &spec)?;
        let hidden = self.ask("GenerateDataKeyWithoutPlaintext", &spec)?;
        let sealed = text(&hidden, "/CiphertextBlob")?;
        self.tells("Decrypt", &json!({ "CiphertextBlob": sealed }))?;
        Ok(())
    }

    /// A canary stored as a secret, in each way that it can go in and out, and refused in others.
    fn secrets(&mut self, disabled: &str) -> Result<(), String> {
        let name = hex::encode(&self.random.bytes(8));
        let (raw, binary) = self.canary();
        // Under its own name a text, under the other the same bytes.
        let text_canary = hex::encode(&raw);
        self.scanner.watch("a secret".into(), text_canary.as_bytes());
        let token = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
        let input =
            json!({ "Name": name, "SecretString": text_canary, "ClientRequestToken": token(0) });
        self.stores("CreateSecret", &input)?;
        let put =
            json!({ "SecretId": name, "SecretBinary": binary, "ClientRequestToken": token(1) });
        self.stores("PutSecretValue", &put)?;
        for (stage, told) in [("AWSCURRENT", &binary), ("AWSPREVIOUS", &text_canary)] {
            let get = json!({ "SecretId": name, "VersionStage": stage });
            let answer = self.manager("GetSecretValue", &get)?;
            let body = String::from_utf8_lossy(&answer.body);
            demand(body.contains(told.as_str()), || format!("{stage} reads as {body}"))?;
        }
        let replicate =
            json!({ "SecretId": name, "AddReplicaRegions": [{ "Region": "us-east-1" }] });
        self.stores("ReplicateSecretToRegions", &replicate)?;
        // Another value under the same token, a key that is disabled, and what is misspelt.
        let other = format!("{text_canary}!");
        let again = json!({ "Name": name, "SecretString": other, "ClientRequestToken": token(0) });
        let new = format!("{name}-2");
        let closed = json!({
            "Name": new, "SecretString": other, "ClientRequestToken": token(0), "KmsKeyId": disabled,
        });
        let both = json!({
            "Name": new, "SecretString": other, "SecretBinary": binary,
            "ClientRequestToken": token(0),
        });
        let list = json!({ "Name": name, "SecretString": [text_canary] });
        for input in [&again, &closed, &both, &list] {
            self.refused("secretsmanager.CreateSecret", input.to_string().as_bytes())?;
        }
        let delete = json!({ "SecretId": name, "RecoveryWindowInDays": 7 });
        self.refused("secretsmanager.DeleteSecret", delete.to_string().as_bytes())?;
        let password = self.manager("GetRandomPassword", &json!({ "ExcludePunctuation": true }))?;
        let told: Value = serde_json::from_slice(&password.body).map_err(say)?;
        let told = text(&told, "/RandomPassword")?;
        self.scanner.watch("a random password".into(), told.as_bytes());
        Ok(())
    }

    /// Calls Secrets Manager, which must succeed.
    fn manager(&mut self, operation: &str, input: &Value) -> Result<Reply, String> {
        let target = format!("secretsmanager.{operation}");
        let request = self.client.signed(&target, input.to_string().as_bytes())?;
        let reply = self.client.send(&request).map_err(|lost| lost.0)?;
        let said = || format!("{operation}: {}", String::from_utf8_lossy(&reply.body));
        demand(reply.status == 200, said)?;
        Ok(reply)
    }

    /// The same; the answer holds no secret.
    fn stores(&mut self, operation: &str, input: &Value) -> Result<(), String> {
        let reply = self.manager(operation, input)?;
        self.scanner.clear(operation, &reply.body)
    }

    /// Parameters whose values are canaries, read and overwritten, and what can go wrong with them.
    fn parameters(&mut self, key: &str, disabled: &str, round: usize) -> Result<(), String> {
        let name = format!("/canaries/{round}");
        for (kind, tier) in
            [("SecureString", "Standard"), ("SecureString", "Advanced"), ("String", "Advanced")]
        {
            let value = self.text_canary();
            let input = json!({
                "Name": name, "Value": value, "Type": kind, "KeyId": key, "Tier": tier,
                "Overwrite": true, "Description": "d",
            });
            self.stored("PutParameter", &input, None)?;
            let read = json!({ "Name": name, "WithDecryption": true });
            self.stored("GetParameter", &read, Some(&value))?;
            if kind == "SecureString" {
                self.stored("GetParameter", &json!({ "Name": name }), None)?;
            }
        }
        let read = json!({ "Names": [name], "WithDecryption": false });
        self.parameter_call("GetParameters", &read)?.must_succeed("GetParameters")?;
        self.parameter_refusals(&name, disabled)
    }

    /// Everything that can go wrong with a parameter's value.
    fn parameter_refusals(&mut self, name: &str, disabled: &str) -> Result<(), String> {
        let (first, second) = (self.text_canary(), self.text_canary());
        let long = first.repeat(1 + 2 * TOO_MANY_BYTES / first.len());
        let other = "/canaries/none";
        for input in [
            json!({ "Name": name, "Value": first, "Type": "SecureString" }),
            json!({ "Name": other, "Value": first }),
            json!({ "Name": other, "Value": first, "Type": "Secret" }),
            json!({ "Name": other, "Value": long, "Type": "String", "Tier": "Advanced" }),
            json!({ "Name": other, "Value": first, "Type": "String", "AllowedPattern": "[A-Z]" }),
            json!({ "Name": other, "Value": first, "Type": "String", "DataType": "integer" }),
            json!({ "Name": other, "Value": first, "Type": "SecureString", "KeyId": disabled }),
            json!({ "Name": other, "Value": [first], "Type": "String" }),
            json!({ "Name": "no name", "Value": first, "Type": "String" }),
        ] {
            let reply = self.parameter_call("PutParameter", &input)?;
            self.refusal(&reply, true)?;
        }
        // AWS's words repeat this value to who sent it; nothing else may.
        let nested =
            json!({ "Name": other, "Value": format!("{{{{{second}}}}}"), "Type": "String" });
        let reply = self.parameter_call("PutParameter", &nested)?;
        demand(reply.status == 400, || format!("a nested value was answered {}", reply.status))
    }

    /// A new secret that is a text.
    fn text_canary(&mut self) -> String {
        let value = hex::encode(&self.random.bytes(24));
        self.scanner.watch("a parameter's value".into(), value.as_bytes());
        value
    }

    /// Calls Parameter Store; the answer holds this value and no other secret.
    fn stored(
        &mut self,
        operation: &str,
        input: &Value,
        value: Option<&str>,
    ) -> Result<(), String> {
        let reply = self.parameter_call(operation, input)?;
        reply.must_succeed(operation)?;
        let mut answer = reply.json();
        if let Some(value) = value {
            let told = text(&answer, "/Parameter/Value")?;
            demand(told == value, || format!("{operation} told another value"))?;
            if let Some(parameter) = answer.get_mut("Parameter").and_then(Value::as_object_mut) {
                parameter.remove("Value");
            }
        }
        self.scanner.clear(operation, answer.to_string().as_bytes())
    }

    fn parameter_call(&mut self, operation: &str, input: &Value) -> Result<Reply, String> {
        let target = format!("{PARAMETER_STORE}{operation}");
        let request = self.client.signed(&target, input.to_string().as_bytes())?;
        self.client.send(&request).map_err(|lost| lost.0)
    }

    /// Everything that can go wrong with a secret in the request.
    fn refusals(&mut self, key: &str, disabled: &str) -> Result<(), String> {
        let missing = "00000000-0000-4000-8000-000000000000";
        let (_, first) = self.canary();
        let (raw, second) = self.canary();
        let mut long = raw.repeat(1 + TOO_MANY_BYTES / raw.len());
        long.truncate(TOO_MANY_BYTES);
        let long = STANDARD.encode_to_string(long);
        for input in [
            json!({ "KeyId": disabled, "Plaintext": first }),
            json!({ "KeyId": missing, "Plaintext": first }),
            json!({ "KeyId": "alias/none", "Plaintext": first }),
            json!({ "KeyId": key, "Plaintext": first, "DryRun": true }),
            json!({ "KeyId": key, "Plaintext": first, "EncryptionAlgorithm": "none" }),
            json!({ "KeyId": key, "Plaintext": long }),
            json!({ "KeyId": key, "Plaintext": [first] }),
            json!({ "KeyId": key, "Plaintext": { "of": first } }),
            json!({ "KeyId": key, "Plaintext": format!("{first}!") }),
            json!({ "Plaintext": first }),
        ] {
            self.refused("TrentService.Encrypt", input.to_string().as_bytes())?;
        }
        let whole = json!({ "KeyId": key, "Plaintext": second }).to_string();
        for target in ["TrentService.Fly", "Nobody.Encrypt", "TrentService.Sign", "none"] {
            self.refused(target, whole.as_bytes())?;
        }
        let half = whole.get(..whole.len().saturating_sub(3)).unwrap_or_default();
        let twice = format!("{whole}{whole}");
        let bare = format!("{{\"Plaintext\":{second}}}");
        for body in [half, &twice, &bare] {
            self.refused("TrentService.Encrypt", body.as_bytes())?;
        }
        self.too_large(&second)?;
        // It has been idle for as long as the rest took, and the server ends what is idle.
        self.stranger.again().map_err(|lost| lost.0)?;
        let request = self.stranger.signed("TrentService.Encrypt", whole.as_bytes())?;
        let reply = self.stranger.send(&request).map_err(|lost| lost.0)?;
        self.refusal(&reply, false)
    }

    fn refused(&mut self, target: &str, body: &[u8]) -> Result<(), String> {
        let request = self.client.signed(target, body)?;
        let reply = self.client.send(&request).map_err(|lost| lost.0)?;
        self.refusal(&reply, true)
    }

    /// The server refuses such a body unread and ends the connection, so that the answer may be
    /// lost on its way.
    fn too_large(&mut self, canary: &str) -> Result<(), String> {
        let text = canary.repeat(1 + TOO_LARGE / canary.len());
        let body = format!("{{\"Plaintext\":\"{text}\"}}");
        let request = self.client.signed("TrentService.Encrypt", body.as_bytes())?;
        if let Ok(reply) = self.client.send(&request) {
            self.refusal(&reply, true)?;
        }
        self.client.again().map_err(|lost| lost.0)
    }

    fn refusal(&mut self, reply: &Reply, own: bool) -> Result<(), String> {
        let head = if own { &self.client.head } else { &self.stranger.head };
        let said = String::from_utf8_lossy(&reply.body);
        demand((400..500).contains(&reply.status), || format!("{}: {said}", reply.status))?;
        self.scanner.clear("a refusal", &reply.body)?;
        self.scanner.clear("the head of a refusal", head)?;
        self.refusals += 1;
        Ok(())
    }
}

/// What the system lets others of the same user see of the server: nothing. Answers whether it
/// lets them see another process, without which this would say little.
fn memory_is_closed(server: &Server, is_root: bool) -> Result<bool, String> {
    for file in ["mem", "maps", "environ"] {
        let open = may_open(server.id(), file, is_root)?;
        demand(!open, || format!("others may read /proc/{}/{file}", server.id()))?;
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id()));
    if let Ok(limits) = limits {
        let cores = limits.lines().find(|line| line.starts_with("Max core file size"));
        let none = cores.is_some_and(|line| line.split_whitespace().nth(4) == Some("0"));
        demand(none, || format!("core dumps are not forbidden: {cores:?}"))?;
    }
    let mut other = of_nobody(Command::new("sh"), is_root);
    let mut other = other.args(["-c", "read line"]).stdin(Stdio::piped()).spawn().map_err(say)?;
    let open = may_open(other.id(), "mem", is_root);
    // It ends with its input.
    drop(other.stdin.take());
    other.wait().map_err(say)?;
    open
}

/// Whether another process of the server's user may open a file of /proc for reading.
fn may_open(process: u32, file: &str, is_root: bool) -> Result<bool, String> {
    let mut reader = of_nobody(Command::new("sh"), is_root);
    reader.args(["-c", &format!("exec 3< /proc/{process}/{file}")]);
    reader.stdin(Stdio::null()).stderr(Stdio::null());
    Ok(reader.status().map_err(say)?.success())
}

fn of_nobody(mut command: Command, is_root: bool) -> Command {
    if is_root {
        std::os::unix::process::CommandExt::uid(&mut command, NOBODY);
    }
    command
}

/// A server that aborts leaves no picture of its memory.
fn no_core(server: Server, folder: &Path) -> Result<(), String> {
    let status = server.end_by("ABRT")?;
    demand(status.signal().is_some(), || format!("it did not abort but ended with {status}"))?;
    demand(!status.core_dumped(), || "it left a core dump".into())?;
    for entry in std::fs::read_dir(folder).map_err(say)? {
        let name = entry.map_err(say)?.file_name();
        let name = name.to_string_lossy();
        demand(!name.starts_with("core"), || format!("it left {name}"))?;
    }
    Ok(())
}
