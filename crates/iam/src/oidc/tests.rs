//! Tokens of an identity provider and their bearers; made once, with keys that are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_crypto::Crypto;
use bulla_plane::{BoxFuture, Clock, Stop};
use bulla_store::{Barrier, Expected, Memory, SealedBatch};

use super::records::{PROVIDERS, Provider};
use super::{FetchError, Fetcher, Providers};
use crate::principals::Principals;
use crate::records::bytes;

const ACCOUNT: &str = "111122223333";
const ISSUER: &str = "https://issuer.example/path";
const JWKS: &str = "{\"keys\": [{\"kty\": \"RSA\", \"kid\": \"r1\", \"use\": \"sig\", \"alg\": \"RS256\", \"n\": \"pq7gGRcu7L\
    h3DIRwdYZAu3ITXnU3gGrusX7yqIOdJmpZYn8nyMVOTI3sU1KCRdjJ0r6YFwHXgBd-iXsJ_HrdIpWKVy4mBd\
    qdZKZ3Ym0gugKuLX4uHUpQcI521n9KOn2EjEgvtQScNxu5ZBAqENba25t6Hghf_hUIibFae6FywBUOqGsP-d\
    gDzXi9jQB-j3D-OlLFeeD-mZntll7MBZtT9tIifWyqdYS1NORb9lX4JSyeqzMsnwSmUGf8eZuU2NQK4cB3s6\
    J0td_e29kz0dUfcs2kWGj2lIj7hf_RgHTAy6JCUwo4n4-Wd2fM8Jb4cxnxyiNJE_8af0w5dTSt1oSb1Q\", \"\
    e\": \"AQAB\"}, {\"kty\": \"EC\", \"kid\": \"e1\", \"crv\": \"P-256\", \"x\": \"rns9yul-k3dm6xrYKMduHk\
    rjbujk4J4MgTZGlUhZgvY\", \"y\": \"fvRa2zv5qWNoYuqzBuAxQ2eq8pcSe8uMPqmCm6eRp7k\"}, {\"kty\":\
     \"oct\", \"kid\": \"h1\", \"k\": \"AAAA\"}]}";
const RS: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
    eGFtcGxlL3BhdGgiLCJzdWIiOiJyZXBvOmEiLCJhdWQiOiJzdHMuYW1hem9uYXdzLmNvbSIsImV4cCI6NDEw\
    MjQ0NDgwMH0.RNaFfWRoUdQr5T7cTvnQvVaq45UEgJhYK0mpXTJJqoBML2ecgPqhDM2pdPZWj__8ctP9r-LJ\
    THpGY51zfBaUKn4Q8dQDRjA5DsVNFI8bZRVYfsPoIK9lEuhSes8ao0KD07QezgALI10p0jhpA7DvKEl3nz51\
    G6XL91nyXJNKS3sZ3wONdQy-WUNRJObUbUaPkiNnSf3N7GE3GA3-WoKjfrhTc7xLlFrl8XdW5XHAZGpnp-qY\
    mtASpSVmsowuWQDqpKOcRKsZat7dpW8BNwWFvfSPKXfufPKntbyesQ-8kZNfxdRdTq2_5B1u3cJYbvSR5tnJ\
    vMpEcFBgr-IJAqazmA";
const ES: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
    eGFtcGxlL3BhdGgiLCJzdWIiOiJyZXBvOmEiLCJhdWQiOiJzdHMuYW1hem9uYXdzLmNvbSIsImV4cCI6NDEw\
    MjQ0NDgwMH0.lzd-d3fnANMQ8ilhmEGxvNAokSDqHzp8Je-5X6Ki17quHheAvLYw0QfCBydkdZ0viNBa9032\
    1IyattpofJL3GQ";
const EXPIRED: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
    eGFtcGxlL3BhdGgiLCJzdWIiOiJyZXBvOmEiLCJhdWQiOiJzdHMuYW1hem9uYXdzLmNvbSIsImV4cCI6MTAw\
    MDAwMDAwMH0.UvMu-qfKayaATp8Fy_I8zo2CBECQkqaLO_baJeU3DFFzJLD2VN4TGbzcNZiY0aKQpAtRNzfM\
    2WwkafWNYKRQVzPXrWxiU1KHwPqhV5SBOmf5aLnJOhqfgDIr20ThunbrUe0G9iH2jeEptu_e7Rzbhe8fknGx\
    Dw8EU__Nj9Ql454GM-oU25xzv_ljA9Mg4cyilmWCFh2QskAMvpJvcS2DKbZx3H2uVzmWXLU21jJHz_SOuxE1\
    DoIh32JOFpGYhdRpa5EPlGJkaGFUPW6UqhuvvEKyLQsmCHsfLT5iU0ZHDxaDFjCauE9u4wXvjdvsV47t9DPR\
    Jp51mcR1R7ZDmwYmWQ";
const OTHER_AUD: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
    eGFtcGxlL3BhdGgiLCJzdWIiOiJyZXBvOmEiLCJhdWQiOiJlbHNlIiwiZXhwIjo0MTAyNDQ0ODAwfQ.QemBL\
    etOrvfAhwzuW_Xxa_GSW-exxG92-weD3L0irxz_VLvEbdYSfcztuYjcmgNlZ6Vl1KDX97By1TFOzv1uR7YKs\
    Fl6-4Jfg58AO-pIa9yrMz3f6nw8mfpmeFexNpFKqqJRaco7O6FcgHRufpIOmYndISCsbirC6rYwa5a2ee_-E\
    6_NL3QKl7aCwZG6HSYAZe5Muni6fg32bGQ_cDfcMqb63armOkh1S1Eb3D9HFOjmLajMTKQPFZWdR1hgm-D9S\
    Z4J6kmCQ7LS1v116vY_3AQxxRXtiM3XHR78pXD09B42TU9L44pL1u6eqGbmGECFrbPiDaOSKuhPVGIJmGAjR\
    g";
const OTHER_ISS: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
    eGFtcGxlIiwic3ViIjoicmVwbzphIiwiYXVkIjoic3RzLmFtYXpvbmF3cy5jb20iLCJleHAiOjQxMDI0NDQ4\
    MDB9.bD4EG8zxSORHKElmeqh6zxUN5QRh4KRu9FClKP0H7rFLWF821EKO8_OAcIn3-5lycDPKXR0utZPs9Zq\
    _SGarp8uNa3Q81TlrO729yflm1e8cmwq39515lxdkEVikIVDVudG980GYqd2jUA86T8YDJoxwG8RU_oXs1D4\
    sBvgcEQdk_pXR8RHe8amwyH_MG7I9FOjwkUO0ODYs9wx1WN8vVanVeJVKEOOGlQa8Ukea37IshIK68mb20dx\
    rgdbEhxUIDOEqrnRUJnzg3ne_9JZIr7KLJ76AAjNo6_hZ5lGP8TuGrED5yUjE2dFtkC0_DP1XFJjRujeBGjk\
    AM48a0KQK-Q";
const UNKNOWN_KEY: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIyIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
    eGFtcGxlL3BhdGgiLCJzdWIiOiJyZXBvOmEiLCJhdWQiOiJzdHMuYW1hem9uYXdzLmNvbSIsImV4cCI6NDEw\
    MjQ0NDgwMH0.BrR_I7YjyocuQKPofLOcJftHQTY3xl5fVshUVqfisaObPzAJ7QOXwTV3-jVkz_VK8E6u5L7C\
    C_C-jMdyOYUhJ9LxdlCI8j32n5YOpRMWTSRConvvfKOqIkkkoYwV7H7SmYgKM7cHQsSw0GCfCVLfzFXmQ4uY\
    5kuuw_i4oVaKTywFukqqAa8cSWyYKssUd5otSv8otk7j8E_J7n5X2H9sYw_lxt-_e3VVlC5oK5PPW4ASm5Zz\
    LVHlg2VtS3HVtlvTa5HG6xZIwKDa-HUQ2l0BtfmZXPpGCuo9t8HBB1GcQF_ep0ZUED7oLhc7i8svHPGGaW03\
    y3uwGRw7DUpV8-J1lw";
const WRONG_KEY: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
    eGFtcGxlL3BhdGgiLCJzdWIiOiJyZXBvOmEiLCJhdWQiOiJzdHMuYW1hem9uYXdzLmNvbSIsImV4cCI6NDEw\
    MjQ0NDgwMH0.gjpxk6ef6fJJPH3xkPqIGtPT8UgG4vYCHiUZWpE5w8uDuZCDgYDbFCEtqJd7AlWZa3HFhESh\
    Ovk7AEwdcC1jrA";
const TAGGED: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5l\
    eGFtcGxlL3BhdGgiLCJzdWIiOiJyZXBvOmEiLCJhdWQiOiJzdHMuYW1hem9uYXdzLmNvbSIsImV4cCI6NDEw\
    MjQ0NDgwMCwiYW1yIjpbInB3ZCIsIm1mYSJdLCJodHRwczovL2F3cy5hbWF6b24uY29tL3RhZ3MiOnsicHJp\
    bmNpcGFsX3RhZ3MiOnsidGVhbSI6WyJyZWQiXSwiY29zdCI6WyIxIl19LCJ0cmFuc2l0aXZlX3RhZ19rZXlz\
    IjpbInRlYW0iXX0sImh0dHBzOi8vYXdzLmFtYXpvbi5jb20vc291cmNlX2lkZW50aXR5IjoiYW5uIn0.TDWU\
    0BNNiy0d3KINUWzV9bv4gnhGcqJMrK0h47Bq4jSQNodeHh2uKVqLt1o0kROXMhuCTRwoQI0XJFD4RQjhaw";

/// An issuer without a network, which counts how often it is asked.
struct Issuer {
    keys: Result<&'static str, FetchError>,
    asked: AtomicUsize,
}

impl Fetcher for Issuer {
    fn get<'a>(
        &'a self,
        url: &'a str,
        thumbprints: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert_eq!(thumbprints, ["00"]);
        Box::pin(async move {
            if url == "https://issuer.example/path/.well-known/openid-configuration" {
                let keys = "https://keys.example/jwks";
                return Ok(format!(r#"{{"issuer":"{ISSUER}","jwks_uri":"{keys}"}}"#).into_bytes());
            }
            assert_eq!(url, "https://keys.example/jwks");
            self.keys.clone().map(|keys| keys.as_bytes().to_vec())
        })
    }
}

async fn providers(keys: Result<&'static str, FetchError>) -> (Providers, Arc<Issuer>) {
    let crypto = Crypto::standard();
    let root = crypto.generate_key().unwrap();
    let barrier = Barrier::create(Arc::new(Memory::new()), crypto.clone(), root).await.unwrap();
    let barrier = Arc::new(barrier);
    let provider = Provider {
        account: ACCOUNT.into(),
        address: "issuer.example/path".into(),
        plain: false,
        client_ids: vec!["sts.amazonaws.com".into()],
        thumbprints: vec!["00".into()],
        tags: Vec::new(),
        created_ms: 0,
    };
    let row = bytes(&provider).unwrap();
    let batch = SealedBatch::new().put(PROVIDERS, provider.row(), Expected::Absent, row);
    barrier.commit(batch).await.unwrap();
    let principals = Principals::new(barrier, crypto, Arc::new(Clock::default()));
    let issuer = Arc::new(Issuer { keys, asked: AtomicUsize::new(0) });
    let fetcher = Arc::clone(&issuer) as Arc<dyn Fetcher>;
    (Providers::new(Arc::new(principals), fetcher, false), issuer)
}

async fn refusal(providers: &Providers, account: &str, token: &str) -> (String, String) {
    match providers.bearer(account, token).await {
        Err(Stop::Fault(fault)) => {
            (fault.code.into_owned(), fault.message.unwrap_or_default().into_owned())
        }
        Err(stop) => panic!("{stop:?}"),
        Ok(bearer) => panic!("{} was let in", bearer.provided.subject),
    }
}

#[tokio::test]
async fn a_token_names_its_bearer_and_keys_are_fetched_once() {
    let (providers, issuer) = providers(Ok(JWKS)).await;
    for token in [RS, ES, RS] {
        let bearer = providers.bearer(ACCOUNT, token).await.unwrap();
        assert_eq!(bearer.provided.subject, "repo:a");
        assert_eq!(bearer.provided.audience, "sts.amazonaws.com");
        assert_eq!(
            bearer.provided.provider,
            "arn:aws:iam::111122223333:oidc-provider/issuer.example/path"
        );
    }
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 2, "its description and its keys");
}

#[tokio::test]
async fn tags_and_source_identity_come_from_the_token() {
    let (providers, _) = providers(Ok(JWKS)).await;
    let bearer = providers.bearer(ACCOUNT, TAGGED).await.unwrap();
    let tags: Vec<_> =
        bearer.tags.iter().map(|tag| (&*tag.key, &*tag.value, tag.transitive)).collect();
    assert_eq!(tags, [("cost", "1", false), ("team", "red", true)]);
    assert_eq!(bearer.source_identity.as_deref(), Some("ann"));
    assert_eq!(bearer.methods, ["pwd", "mfa"]);
}

#[tokio::test]
async fn every_part_of_a_token_must_hold() {
    let (providers, issuer) = providers(Ok(JWKS)).await;
    let no_provider =
        |issuer: &str| format!("No OpenIDConnect provider found in your account for {issuer}");
    let unknown_key = "Couldn't retrieve verification key from your identity provider, please \
                       reference AssumeRoleWithWebIdentity documentation for requirements";
    let no_token = "The ID Token provided is not a valid JWT. (You may see this error if you sent \
                    an Access Token)";
    for (account, token, text) in [
        ("444455556666", RS, no_provider(ISSUER)),
        (ACCOUNT, OTHER_ISS, no_provider("https://issuer.example")),
        (ACCOUNT, OTHER_AUD, "Incorrect token audience".to_owned()),
        (ACCOUNT, UNKNOWN_KEY, unknown_key.to_owned()),
        (ACCOUNT, WRONG_KEY, no_token.to_owned()),
        (ACCOUNT, "no.token.here", no_token.to_owned()),
    ] {
        let refused = refusal(&providers, account, token).await;
        assert_eq!(refused, ("InvalidIdentityToken".to_owned(), text));
    }
    let (code, text) = refusal(&providers, ACCOUNT, EXPIRED).await;
    assert_eq!(code, "ExpiredTokenException");
    assert!(text.ends_with("must be before the expiration date/time 1000000000"), "{text}");
    // Another's signature under this token's claims.
    let (claims, _) = RS.rsplit_once('.').unwrap();
    let (_, signature) = TAGGED.rsplit_once('.').unwrap();
    let (code, _) = refusal(&providers, ACCOUNT, &format!("{claims}.{signature}")).await;
    assert_eq!(code, "InvalidIdentityToken");
    // An unknown key makes nobody ask again at once.
    let asked = issuer.asked.load(Ordering::Relaxed);
    refusal(&providers, ACCOUNT, UNKNOWN_KEY).await;
    assert_eq!(issuer.asked.load(Ordering::Relaxed), asked);
}

#[tokio::test]
async fn an_issuer_that_fails_is_told_and_not_asked_again_at_once() {
    let (providers, issuer) = providers(Err(FetchError::Thumbprint)).await;
    for _ in 0..3 {
        let (code, text) = refusal(&providers, ACCOUNT, RS).await;
        assert_eq!(code, "InvalidIdentityToken");
        assert!(text.contains("thumbprint"), "{text}");
    }
    assert_eq!(issuer.asked.load(Ordering::Relaxed), 2);
}
