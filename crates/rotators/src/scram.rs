//! SCRAM as a client speaks it (RFC 5802 and 7677), without channel binding.
//!
//! Passwords are taken as they are: what the rotators make is ASCII, which SASLprep leaves alone.

use std::num::NonZeroU32;

use bulla_crypto::{LoginHash, SecretBytes, ct_eq};

use crate::trouble::Trouble;

/// The fewest rounds that are done: fewer would give an impostor a password that is quickly
/// guessed (RFC 7677, section 4).
const MIN_ITERATIONS: u32 = 4_096;
/// The most, so that an impostor can't keep this machine busy.
const MAX_ITERATIONS: u32 = 200_000;
/// The GS2 header without channel binding, and its base64.
const GS2: &str = "n,,";
const GS2_BASE64: &str = "biws";
/// The rounds of verifiers that are made here: PostgreSQL's own number.
const VERIFIER_ITERATIONS: NonZeroU32 = NonZeroU32::new(4_096).unwrap();
/// The length of salts that are made here, in bytes.
pub(crate) const SALT_LEN: usize = 16;
/// The length of nonces, in bytes.
pub(crate) const NONCE_LEN: usize = 18;

fn garbled<T>(part: Option<T>) -> Result<T, Trouble> {
    part.ok_or(Trouble::Garbled("SCRAM"))
}

/// An exchange that has begun.
pub(crate) struct Scram {
    hash: LoginHash,
    nonce: String,
    first_bare: String,
}

/// An exchange whose proof was sent.
pub(crate) struct Proved {
    server_signature: SecretBytes,
}

impl Scram {
    /// Begins with the user's name; PostgreSQL knows it already and takes none.
    pub(crate) fn new(hash: LoginHash, user: &str, nonce: &[u8; NONCE_LEN]) -> Self {
        let nonce = base64(nonce);
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first_bare = format!("n={user},r={nonce}");
        Self { hash, nonce, first_bare }
    }

    /// The client's first message.
    pub(crate) fn first(&self) -> String {
        format!("{GS2}{}", self.first_bare)
    }

    /// The client's last message, in answer to the server's first.
    pub(crate) fn prove(
        &self,
        server_first: &[u8],
        password: &[u8],
    ) -> Result<(String, Proved), Trouble> {
        let server_first = garbled(std::str::from_utf8(server_first).ok())?;
        let mut parts = server_first.split(',');
        let mut part = |name: &str| garbled(parts.next().and_then(|part| part.strip_prefix(name)));
        let nonce = part("r=")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(Trouble::Garbled("SCRAM's nonce"));
        }
        let salt = garbled(unbase64(part("s=")?))?;
        let iterations: u32 = garbled(part("i=")?.parse().ok())?;
        let allowed = (MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations);
        let iterations = NonZeroU32::new(iterations).filter(|_| allowed);
        let iterations = iterations.ok_or(Trouble::Garbled("SCRAM's number of iterations"))?;
        let keys = Keys::new(self.hash, password, &salt, iterations);
        let without_proof = format!("c={GS2_BASE64},r={nonce}");
        let signed = format!("{},{server_first},{without_proof}", self.first_bare);
        let signature = self.hash.hmac(keys.stored.expose(), signed.as_bytes());
        let pairs = keys.client.expose().iter().zip(signature.expose());
        let proof = SecretBytes::new(pairs.map(|(a, b)| a ^ b).collect());
        let server_signature = self.hash.hmac(keys.server.expose(), signed.as_bytes());
        let last = format!("{without_proof},p={}", base64(proof.expose()));
        Ok((last, Proved { server_signature }))
    }
}

impl Proved {
    /// Whether the server has shown that it knows the password, too.
    pub(crate) fn check(&self, server_last: &[u8]) -> Result<(), Trouble> {
        if server_last.starts_with(b"e=") {
            return Err(Trouble::Refused);
        }
        let given = std::str::from_utf8(server_last).ok();
        let given = given.and_then(|text| text.split(',').next()?.strip_prefix("v="));
        let given = garbled(given.and_then(unbase64))?;
        match ct_eq(&given, self.server_signature.expose()) {
            true => Ok(()),
            false => Err(Trouble::Tls("it does not know the password's verifier".to_owned())),
        }
    }
}

struct Keys {
    client: SecretBytes,
    stored: SecretBytes,
    server: SecretBytes,
}

impl Keys {
    fn new(hash: LoginHash, password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Self {
        let salted = hash.salted(password, salt, iterations);
        let client = hash.hmac(salted.expose(), b"Client Key");
        let stored = hash.digest(&[client.expose()]);
        let server = hash.hmac(salted.expose(), b"Server Key");
        Self { client, stored, server }
    }
}

/// What PostgreSQL keeps of a password (its documentation, "pg_authid"). It can be sent in the
/// password's place, so that no log of the server's has the password.
pub(crate) fn postgresql_verifier(password: &[u8], salt: &[u8; SALT_LEN]) -> String {
    let keys = Keys::new(LoginHash::Sha256, password, salt, VERIFIER_ITERATIONS);
    let (salt, stored, server) =
        (base64(salt), base64(keys.stored.expose()), base64(keys.server.expose()));
    format!("SCRAM-SHA-256${VERIFIER_ITERATIONS}:{salt}${stored}:{server}")
}

fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    base64_simd::STANDARD.decode_to_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An exchange whose nonce is given as text.
    fn exchange(hash: LoginHash, nonce: &str) -> Scram {
        Scram { hash, nonce: nonce.to_owned(), first_bare: format!("n=user,r={nonce}") }
    }

    // RFC 5802, section 5, and RFC 7677, section 3.
    #[test]
    fn the_exchanges_of_the_standards() {
        for (hash, nonce, server_first, proof, server_last) in [
            (
                LoginHash::Sha1,
                "fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                LoginHash::Sha256,
                "rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ] {
            let scram = exchange(hash, nonce);
            assert_eq!(scram.first(), format!("n,,n=user,r={nonce}"));
            let (last, proved) = scram.prove(server_first.as_bytes(), b"pencil").unwrap();
            assert!(last.starts_with("c=biws,r=") && last.ends_with(proof), "{last}");
            proved.check(server_last.as_bytes()).unwrap();
            assert!(matches!(proved.check(b"v=AAAA"), Err(Trouble::Tls(_))));
            assert!(matches!(proved.check(b"e=invalid-proof"), Err(Trouble::Refused)));
            assert!(matches!(proved.check(b"nonsense"), Err(Trouble::Garbled(_))));
        }
    }

    #[test]
    fn an_impostor_gets_no_proof() {
        let scram = exchange(LoginHash::Sha256, "abc");
        for first in [
            "r=abc,s=QSXCR+Q6sek8bf92,i=4096",
            "r=xyzabc,s=QSXCR+Q6sek8bf92,i=4096",
            "r=abcdef,s=QSXCR+Q6sek8bf92,i=4095",
            "r=abcdef,s=QSXCR+Q6sek8bf92,i=4294967295",
            "r=abcdef,s=!,i=4096",
            "s=QSXCR+Q6sek8bf92,r=abcdef,i=4096",
            "",
        ] {
            assert!(scram.prove(first.as_bytes(), b"p").is_err(), "{first}");
        }
    }

    #[test]
    fn names_are_escaped_and_verifiers_have_postgresqls_form() {
        let first = Scram::new(LoginHash::Sha256, "a=b,c", &[0; NONCE_LEN]).first();
        assert!(first.starts_with("n,,n=a=3Db=2Cc,r=AAAA"), "{first}");
        let verifier = postgresql_verifier(b"pencil", &[7; SALT_LEN]);
        assert!(verifier.starts_with("SCRAM-SHA-256$4096:BwcHBwcHBwcHBwcHBwcHBw==$"), "{verifier}");
    }
}
