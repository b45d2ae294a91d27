//! SigV4 as a client does it, made cheap: the signing key is derived once a day, the date written
//! once a second. The client shares two cores with the server it measures.

use std::time::{SystemTime, UNIX_EPOCH};

use bulla_crypto::{HmacKey, hex, hmac_sha256, sha256};

use crate::error::BenchError;

/// The region in every scope. AWS's default request rate for KMS's cryptographic operations is
/// highest here (100,000 a second), so that a server which applies it doesn't throttle the bench.
pub(crate) const REGION: &str = "us-east-1";

const SECONDS_A_DAY: u64 = 86_400;

/// An access key as `bulla init --json` prints it.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

/// Signs for one access key and one service.
pub(crate) struct Signer {
    credentials: Credentials,
    service: &'static str,
    second: u64,
    /// `YYYYMMDDTHHMMSSZ`; its first eight bytes are the day.
    amz_date: String,
    key: HmacKey,
    key_day: u64,
    /// What tells one run's invocation ids from another's, and one call's from the next.
    run: u64,
    calls: u64,
}

impl Signer {
    /// A signer that starts at the machine's present time.
    pub(crate) fn new(credentials: Credentials, service: &'static str) -> Result<Self, BenchError> {
        let second = now()?;
        let amz_date = amz_date(second);
        let key = signing_key(&credentials, &amz_date, service);
        let key_day = second / SECONDS_A_DAY;
        let run = second ^ (u64::from(std::process::id()) << 32);
        Ok(Self { credentials, service, second, amz_date, key, key_day, run, calls: 0 })
    }

    /// Moves on to the present second.
    pub(crate) fn tick(&mut self) -> Result<(), BenchError> {
        self.set_time(now()?);
        Ok(())
    }

    fn set_time(&mut self, second: u64) {
        if second == self.second {
            return;
        }
        self.second = second;
        self.amz_date = amz_date(second);
        if second / SECONDS_A_DAY != self.key_day {
            self.key_day = second / SECONDS_A_DAY;
            self.key = signing_key(&self.credentials, &self.amz_date, self.service);
        }
    }

    /// The `X-Amz-Date` of the present second.
    pub(crate) fn amz_date(&self) -> &str {
        &self.amz_date
    }

    /// `YYYYMMDD` of the present second.
    pub(crate) fn day(&self) -> &str {
        self.amz_date.get(..8).unwrap_or_default()
    }

    /// Appends an invocation id, as SDKs send one: 36 characters, never the same twice in a run.
    pub(crate) fn invocation_id(&mut self, out: &mut Vec<u8>) {
        self.calls += 1;
        push_hex(out, self.run >> 32, 8);
        for shift in [16, 0] {
            out.push(b'-');
            push_hex(out, self.run >> shift, 4);
        }
        out.push(b'-');
        push_hex(out, self.calls >> 48, 4);
        out.push(b'-');
        push_hex(out, self.calls, 12);
    }

    /// The signature, in hex, of a canonical request that carries the present `amz_date`.
    pub(crate) fn signature(&self, canonical: &[u8]) -> [u8; 64] {
        let digest = hex64(&sha256(canonical));
        let mac = self.key.sign(&[
            b"AWS4-HMAC-SHA256\n",
            self.amz_date.as_bytes(),
            b"\n",
            self.day().as_bytes(),
            b"/",
            REGION.as_bytes(),
            b"/",
            self.service.as_bytes(),
            b"/aws4_request\n",
            &digest,
        ]);
        hex64(&mac)
    }
}

fn now() -> Result<u64, BenchError> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| BenchError::Usage { what: "the machine's clock is before 1970".into() })?;
    Ok(since.as_secs())
}

fn signing_key(credentials: &Credentials, amz_date: &str, service: &str) -> HmacKey {
    let day = amz_date.get(..8).unwrap_or_default();
    let secret = format!("AWS4{}", credentials.secret_access_key);
    let mut key = hmac_sha256(secret.as_bytes(), &[day.as_bytes()]);
    for part in [REGION, service, "aws4_request"] {
        key = hmac_sha256(&key, &[part.as_bytes()]);
    }
    HmacKey::new(&key)
}

/// Seconds since 1970 as `YYYYMMDDTHHMMSSZ`, in the proleptic Gregorian calendar.
pub(crate) fn amz_date(second: u64) -> String {
    let (year, month, day) = civil(second / SECONDS_A_DAY);
    let of_day = second % SECONDS_A_DAY;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Year, month, day of a day number. Years are counted from March, so that the leap day is last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn push_hex(out: &mut Vec<u8>, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(digit((value >> (4 * place)) as u8 & 15));
    }
}

/// The hex of a digest without an allocation.
fn hex64(digest: &[u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    for (pair, byte) in out.chunks_exact_mut(2).zip(digest) {
        if let [high, low] = pair {
            (*high, *low) = (digit(byte >> 4), digit(byte & 15));
        }
    }
    out
}

/// The SHA-256 of a body in hex, as a canonical request ends with it.
pub(crate) fn payload_hash(body: &[u8]) -> String {
    hex::encode(&sha256(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-08-30T12:36:00Z, the moment of AWS's published test suite.
    const SUITE: u64 = 1_440_938_160;

    fn suite_signer() -> Signer {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
        };
        let mut signer = Signer::new(credentials, "service").unwrap();
        signer.set_time(SUITE);
        signer
    }

    #[test]
    fn signs_post_vanilla_of_the_test_suite() {
        let empty = payload_hash(b"");
        let canonical = format!(
            "POST\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n\
             host;x-amz-date\n{empty}"
        );
        let signature = suite_signer().signature(canonical.as_bytes());
        assert_eq!(
            std::str::from_utf8(&signature).unwrap(),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
    }

    #[test]
    fn the_key_follows_the_day_and_comes_back_with_it() {
        let mut signer = suite_signer();
        let first = signer.signature(b"x");
        signer.set_time(SUITE + SECONDS_A_DAY);
        assert_eq!(signer.day(), "20150831");
        assert_ne!(signer.signature(b"x"), first);
        signer.set_time(SUITE);
        assert_eq!(signer.signature(b"x"), first);
    }

    #[test]
    fn dates_at_the_calendar_s_edges() {
        for (second, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (1_709_251_200, "20240301T000000Z"),
            (4_107_542_400, "21000301T000000Z"),
            (1_798_761_599, "20261231T235959Z"),
        ] {
            assert_eq!(amz_date(second), text);
        }
    }

    #[test]
    fn invocation_ids_are_36_characters_and_differ() {
        let mut signer = suite_signer();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        signer.invocation_id(&mut a);
        signer.invocation_id(&mut b);
        assert_eq!((a.len(), b.len()), (36, 36));
        assert_ne!(a, b);
    }
}
