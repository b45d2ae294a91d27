//! When a delivery that failed is tried again.

use bulla_crypto::{Crypto, CryptoError};

/// How long the first retry waits, in milliseconds. AWS's own times are not published.
const FIRST_MS: i64 = 1_000;
/// How long a retry waits at most: 185 of them take a day.
const MOST_MS: i64 = 600_000;

/// How many milliseconds to wait after so many failures: twice as long each time, less a random
/// part of up to a quarter, so that what failed together does not come back together. A target
/// that asked for more gets it.
pub(super) fn wait_ms(
    crypto: &Crypto,
    failures: u32,
    asked_ms: Option<i64>,
) -> Result<i64, CryptoError> {
    let doubled = FIRST_MS.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(MOST_MS);
    let wait = doubled.clamp(FIRST_MS, MOST_MS);
    let [random] = crypto.random::<1>()?;
    let wait = wait - wait / 4 * i64::from(random) / 255;
    Ok(wait.max(asked_ms.unwrap_or(0).min(MOST_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit() {
        let crypto = Crypto::standard();
        for (failures, least, most) in
            [(1, 750, 1_000), (2, 1_500, 2_000), (4, 6_000, 8_000), (200, 450_000, 600_000)]
        {
            for _ in 0..50 {
                let wait = wait_ms(&crypto, failures, None).unwrap();
                assert!((least..=most).contains(&wait), "{failures}: {wait}");
            }
        }
        assert_eq!(wait_ms(&crypto, 1, Some(90_000)).unwrap(), 90_000);
        assert_eq!(wait_ms(&crypto, 1, Some(i64::MAX)).unwrap(), MOST_MS);
    }
}
