//! The keys that digests are signed with: a pair a region, for 30 days each.

use bulla_crypto::{
    Crypto, CryptoError, Hash, PairSpec, RsaBits, Scheme, SecretBytes, Signed, hex,
};
use bulla_plane::Stop;
use bulla_store::{Expected, Range, SealedBatch};

use crate::records::{KEYS, KeyRecord, SIGNERS, bytes, read};
use crate::{Trail, md5};

const SPEC: PairSpec = PairSpec::Rsa(RsaBits::B2048);
/// How long a pair signs (AWS's are valid for about as long).
const DAYS_MS: i64 = 30 * 86_400_000;
/// What stands before the RSA public key in an SPKI of 2,048 bits and the exponent 65,537: the
/// algorithm's name (RFC 8017, appendix A.1).
const SPKI_HEAD_BYTES: usize = 24;
const ROWS_A_LOOK: usize = 200;

impl Trail {
    /// The pair that signs in a region now, made if there is none.
    pub(crate) async fn signing_key(&self, region: &str, now_ms: i64) -> Result<KeyRecord, Stop> {
        let all = self.keys(region).await?;
        let valid = |key: &KeyRecord| (key.from_ms..key.to_ms).contains(&now_ms);
        if let Some(key) = all.into_iter().rev().find(valid) {
            return Ok(key);
        }
        let crypto = self.crypto.clone();
        let made = tokio::task::spawn_blocking(move || make(&crypto, now_ms)).await;
        let (key, private) = made.map_err(|error| {
            tracing::error!(%error, "making a key of CloudTrail's ended");
            Stop::Internal
        })??;
        let row = key.row(region);
        let batch = SealedBatch::new().put(KEYS, row.as_str(), Expected::Absent, bytes(&key)?).put(
            SIGNERS,
            row.as_str(),
            Expected::Absent,
            private,
        );
        self.barrier.commit(batch).await?;
        Ok(key)
    }

    /// What is published of all pairs of a region, oldest first.
    pub(crate) async fn keys(&self, region: &str) -> Result<Vec<KeyRecord>, Stop> {
        let prefix = format!("{region}/");
        let mut range = Range::prefix(prefix.as_str());
        let view = self.barrier.view().await?;
        let mut all = Vec::new();
        loop {
            let page = view.range(KEYS, &range, ROWS_A_LOOK).await?;
            for (_, opened) in &page.rows {
                all.push(read(opened)?);
            }
            let Some(next) = page.next else { return Ok(all) };
            range = range.resume(next);
        }
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 of a text, in hex.
    pub(crate) async fn sign(
        &self,
        region: &str,
        key: &KeyRecord,
        text: &str,
    ) -> Result<String, Stop> {
        let row = key.row(region);
        let private = self.barrier.get(SIGNERS, row.as_bytes()).await?.ok_or_else(|| {
            tracing::error!(region, "a key of CloudTrail's has no private half");
            Stop::Internal
        })?;
        let pair = self.crypto.pairs.open(SPEC, private.value.expose())?;
        let signing = pair.signing().ok_or(CryptoError::MalformedKey("a key that signs"))?;
        let scheme = Scheme::RsaPkcs1(Hash::Sha256);
        Ok(hex::encode(&signing.sign(scheme, Signed::Message(text.as_bytes()))?))
    }
}

impl KeyRecord {
    fn row(&self, region: &str) -> String {
        format!("{region}/{:020}", self.from_ms.max(0))
    }
}

fn make(crypto: &Crypto, now_ms: i64) -> Result<(KeyRecord, SecretBytes), CryptoError> {
    let private = crypto.pairs.generate(&*crypto.rng, SPEC)?;
    let pair = crypto.pairs.open(SPEC, private.expose())?;
    let public = pair.public_der().get(SPKI_HEAD_BYTES..);
    let public = public.ok_or(CryptoError::MalformedKey("an RSA key of 2,048 bits"))?.to_vec();
    let from_ms = now_ms.div_euclid(1000) * 1000;
    let key = KeyRecord {
        fingerprint: hex::encode(&md5::digest(&public)),
        public,
        from_ms,
        to_ms: from_ms.saturating_add(DAYS_MS),
    };
    Ok((key, private))
}
