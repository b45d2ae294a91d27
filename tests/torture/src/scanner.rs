//! Looks for secrets in bytes, in every form in which a program lets one slip: raw, base64, hex,
//! percent-encoded, and as Rust prints bytes.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64_simd::{STANDARD, URL_SAFE};
use bulla_crypto::hex;

use crate::random::Random;
use crate::run::{at, demand};

/// So many bytes of a form are looked for: 64 bits of a secret or more.
const WINDOW: usize = 16;
/// Secrets must be at least this long, so that each form has a window of its own.
pub(crate) const LEAST_SECRET: usize = 16;
/// One bit for every three bytes that a form may begin with.
const FILTER_WORDS: usize = 1 << 18;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

type Window = [u8; WINDOW];

/// Knows the secrets.
pub(crate) struct Scanner {
    /// Which secret, and in which form.
    windows: HashMap<Window, (usize, &'static str)>,
    filter: Vec<u64>,
    names: Vec<String>,
}

impl Scanner {
    /// A scanner without secrets, which has shown that it finds some.
    pub(crate) fn new(random: &mut Random) -> Result<Self, String> {
        let mut proof = Self::empty();
        let secret = random.bytes(40);
        proof.watch("a planted secret".into(), &secret);
        for (form, text) in forms(&secret) {
            for before in 0..3 {
                let planted = [random.bytes(before), text.clone(), random.bytes(5)].concat();
                demand(proof.find(&planted).is_some(), || format!("{form} is not found"))?;
            }
        }
        for before in 0..3 {
            let planted = [random.bytes(before), secret.clone(), random.bytes(7)].concat();
            let text = STANDARD.encode_to_string(planted);
            demand(proof.find(text.as_bytes()).is_some(), || "base64 is not found".into())?;
        }
        let noise = random.bytes(4096);
        demand(proof.find(&noise).is_none(), || "noise is taken for a secret".into())?;
        Ok(Self::empty())
    }

    fn empty() -> Self {
        Self { windows: HashMap::new(), filter: vec![0; FILTER_WORDS], names: Vec::new() }
    }

    /// How many secrets are looked for.
    pub(crate) fn secrets(&self) -> u64 {
        self.names.len() as u64
    }

    /// Looks for this secret too, of at least [`LEAST_SECRET`] bytes.
    pub(crate) fn watch(&mut self, name: String, secret: &[u8]) {
        for (form, text) in forms(secret) {
            let Some(window) = text.first_chunk::<WINDOW>() else { continue };
            let (word, bit) = place(window);
            if let Some(word) = self.filter.get_mut(word) {
                *word |= bit;
            }
            self.windows.insert(*window, (self.names.len(), form));
        }
        self.names.push(name);
    }

    /// The first secret in these bytes, and its form.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        let mut windows = bytes.windows(WINDOW).filter_map(<[u8]>::first_chunk::<WINDOW>);
        let (secret, form) = windows.find_map(|window| {
            let (word, bit) = place(window);
            let maybe = self.filter.get(word).is_some_and(|word| word & bit != 0);
            if maybe { self.windows.get(window) } else { None }
        })?;
        Some(format!("{} ({form})", self.names.get(*secret)?))
    }

    /// Looks through bytes, which must hold no secret.
    pub(crate) fn clear(&self, place: &str, bytes: &[u8]) -> Result<(), String> {
        self.find(bytes).map_or(Ok(()), |secret| Err(format!("{place} holds {secret}")))
    }

    /// Looks through all files below a folder but those named, and at who may open them. Answers
    /// how many bytes there were.
    pub(crate) fn sweep(&self, folder: &Path, but: &[&str]) -> Result<u64, String> {
        let mut bytes = 0;
        closed(folder)?;
        for entry in fs::read_dir(folder).map_err(at("read a folder"))? {
            let path = entry.map_err(at("read a folder"))?.path();
            let name = path.file_name().unwrap_or_default();
            if but.iter().any(|but| name == *but) {
                continue;
            }
            if path.is_dir() {
                bytes += self.sweep(&path, but)?;
                continue;
            }
            let content = match fs::read(&path) {
                // Files come and go while a server works.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                content => content.map_err(at("read a file"))?,
            };
            closed(&path)?;
            self.clear(&path.display().to_string(), &content)?;
            self.clear("a file's name", path.as_os_str().as_encoded_bytes())?;
            bytes += content.len() as u64;
        }
        Ok(bytes)
    }
}

/// Demands that nobody but the owner may open it.
fn closed(path: &Path) -> Result<(), String> {
    let Ok(about) = fs::metadata(path) else { return Ok(()) };
    let mode = about.permissions().mode();
    demand(mode & OTHERS == 0, || format!("{} is open to others ({mode:o})", path.display()))
}

fn place(window: &Window) -> (usize, u64) {
    let [first, second, third, ..] = window;
    let number = u32::from_le_bytes([*first, *second, *third, 0]);
    let word = usize::try_from(number / 64).unwrap_or_default();
    (word, 1 << (number % 64))
}

/// What a secret looks like where it slips out. In base64 that depends on where it begins.
fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let list = |between: &str| {
        secret.iter().map(u8::to_string).collect::<Vec<_>>().join(between).into_bytes()
    };
    let mut forms = vec![
        ("raw", secret.to_vec()),
        ("hex", hex::encode(secret).into_bytes()),
        ("HEX", hex::encode(secret).to_uppercase().into_bytes()),
        ("percent-encoded", percent(secret, true)),
        ("percent-encoded in small letters", percent(secret, false)),
        ("as a list", list(", ")),
        ("as a compact list", list(",")),
        ("as a byte string", secret.escape_ascii().to_string().into_bytes()),
    ];
    for skipped in 0..3 {
        let rest = secret.get(skipped..).unwrap_or_default();
        forms.push(("base64", STANDARD.encode_to_string(rest).into_bytes()));
        forms.push(("base64 for addresses", URL_SAFE.encode_to_string(rest).into_bytes()));
    }
    forms
}

fn percent(secret: &[u8], large: bool) -> Vec<u8> {
    let mut text = String::new();
    for byte in secret {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            _ if large => text += &format!("%{byte:02X}"),
            _ => text += &format!("%{byte:02x}"),
        }
    }
    text.into_bytes()
}
