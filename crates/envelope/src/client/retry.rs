//! Repeating what may be repeated, as the `standard` mode of AWS's own clients does it: a few
//! attempts, waits that double and are drawn at random, and a quota that ends it in an outage.
//! Where a service says how long it wants to be left alone, no wait is shorter.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use super::ClientError;

/// How often a call is tried, the first time included, unless `AWS_MAX_ATTEMPTS` says otherwise.
pub const DEFAULT_ATTEMPTS: u32 = 3;

/// The quota at first; a repetition costs some of it, a success gives some back.
const QUOTA: i32 = 500;
const RETRY_COST: i32 = 5;
const NETWORK_RETRY_COST: i32 = 10;

/// Codes that ask for patience.
const PATIENCE: [&str; 14] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    "RequestTimeout",
    "RequestTimeoutException",
];

/// How often, and how patiently.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Attempts in all, at least one.
    pub attempts: u32,
    /// The longest wait before the second attempt; it doubles from there.
    pub base: Duration,
    /// The longest wait of all.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let (base, cap) = (Duration::from_secs(1), Duration::from_secs(20));
        Self { attempts: DEFAULT_ATTEMPTS, base, cap }
    }
}

/// A policy, and the quota that all calls of a client share.
pub(super) struct Retries {
    policy: RetryPolicy,
    quota: AtomicI32,
}

impl Retries {
    pub(super) fn new(policy: RetryPolicy) -> Self {
        Self { policy, quota: AtomicI32::new(QUOTA) }
    }

    /// The first good outcome of `attempt`, or the last bad one.
    pub(super) async fn run<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut paid = 0;
        let mut tried = 1;
        loop {
            let error = match attempt().await {
                Ok(value) => {
                    self.refund(paid.max(1));
                    return Ok(value);
                }
                Err(error) => error,
            };
            let Some(cost) = cost_of(&error) else { return Err(error) };
            if tried >= self.policy.attempts || !self.pay(cost) {
                return Err(error);
            }
            paid = cost;
            tokio::time::sleep(self.wait(tried, &error)).await;
            tried += 1;
        }
    }

    /// A wait before the next attempt: any part of what is longest, but no less than was asked for,
    /// and no more than the cap, whatever a service asks.
    fn wait(&self, tried: u32, error: &ClientError) -> Duration {
        let doubled = self.policy.base.saturating_mul(1_u32 << (tried - 1).min(16));
        let longest = doubled.min(self.policy.cap);
        // Without random bytes the whole of it; calls will say themselves what is wrong then.
        let random = bulla_crypto::Crypto::standard().random::<4>().unwrap_or([0xff; 4]);
        let drawn = longest.mul_f64(f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX));
        match error {
            ClientError::Refused { retry_after: Some(asked), .. } => {
                drawn.max(*asked).min(self.policy.cap)
            }
            _ => drawn,
        }
    }

    fn pay(&self, cost: i32) -> bool {
        let paid = self.quota.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |quota| {
            quota.checked_sub(cost).filter(|left| *left >= 0)
        });
        paid.is_ok()
    }

    fn refund(&self, amount: i32) {
        let more = |quota: i32| Some((quota + amount).min(QUOTA));
        let _always = self.quota.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

/// What another attempt after this error costs; nothing if it would be in vain.
fn cost_of(error: &ClientError) -> Option<i32> {
    match error {
        ClientError::Io(..) => Some(NETWORK_RETRY_COST),
        ClientError::Refused { status, code, .. } => {
            let again = matches!(status, 500 | 502 | 503 | 504) || PATIENCE.contains(&&**code);
            again.then_some(RETRY_COST)
        }
        ClientError::NoAnswer { status, .. } => {
            matches!(status, 500 | 502 | 503 | 504).then_some(RETRY_COST)
        }
        ClientError::Settings(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn refused(status: u16, code: &str) -> ClientError {
        let (operation, message) = (String::new(), String::new());
        let (code, retry_after) = (code.to_owned(), None);
        ClientError::Refused { operation, status, code, message, retry_after }
    }

    fn retries(attempts: u32) -> Retries {
        let (base, cap) = (Duration::from_secs(1), Duration::from_secs(20));
        Retries::new(RetryPolicy { attempts, base, cap })
    }

    async fn attempts_at(error: impl Fn() -> ClientError, retries: &Retries) -> u32 {
        let mut made = 0;
        let outcome: Result<(), _> = retries
            .run(|| {
                made += 1;
                std::future::ready(Err(error()))
            })
            .await;
        assert!(outcome.is_err());
        made
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_pass_is_repeated() {
        let lost = || ClientError::io("call", io::ErrorKind::ConnectionReset.into());
        assert_eq!(attempts_at(lost, &retries(3)).await, 3);
        for (status, code, attempts) in [
            (500, "KMSInternalException", 3),
            (503, "", 3),
            (400, "ThrottlingException", 3),
            (400, "AccessDeniedException", 1),
            (400, "DisabledException", 1),
        ] {
            assert_eq!(attempts_at(|| refused(status, code), &retries(3)).await, attempts);
            assert_eq!(attempts_at(|| refused(status, code), &retries(1)).await, 1);
        }
        let wrong = || ClientError::Settings(String::new());
        assert_eq!(attempts_at(wrong, &retries(3)).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_uses_the_quota_up_and_success_refills_it() {
        let retries = retries(3);
        let mut repeated = 0;
        for _ in 0..100 {
            repeated += attempts_at(|| refused(503, ""), &retries).await - 1;
        }
        assert_eq!(repeated, 100);
        for _ in 0..10 {
            retries.run(|| std::future::ready(Ok(()))).await.unwrap();
        }
        assert_eq!(attempts_at(|| refused(503, ""), &retries).await, 3);
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let retries = retries(9);
        for (tried, longest) in [(1, 1), (2, 2), (3, 4), (6, 20), (40, 20)] {
            for _ in 0..100 {
                let wait = retries.wait(tried, &refused(503, ""));
                assert!(wait <= Duration::from_secs(longest));
            }
        }
    }

    #[test]
    fn nobody_comes_back_sooner_than_asked() {
        let retries = retries(9);
        for (asked, least) in [(5_000, 5_000), (3_600_000, 20_000)] {
            let mut error = refused(400, "ThrottlingException");
            if let ClientError::Refused { retry_after, .. } = &mut error {
                *retry_after = Some(Duration::from_millis(asked));
            }
            let wait = retries.wait(1, &error);
            assert_eq!(wait, Duration::from_millis(least));
        }
    }
}
