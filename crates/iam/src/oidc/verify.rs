//! Who the bearer of a token is: signature, issuer, audience and time, in this order.

use bulla_crypto::verify;
use bulla_plane::{Clock, Stop};
use bulla_shapes::Fault;

use super::Providers;
use super::jwt::{self, OutOfTime, Token};
use super::keys::FetchError;
use super::records::{Provider, provider};
use crate::sts::fault;
use crate::sts::session::{Provided, SessionTag};

/// What a token that holds tells of its bearer.
pub(crate) struct Bearer {
    pub(crate) provided: Provided,
    /// The audience that the token itself names, where it was issued to somebody else.
    pub(crate) original_audience: Option<String>,
    /// How the bearer was authenticated.
    pub(crate) methods: Vec<String>,
    pub(crate) tags: Vec<SessionTag>,
    pub(crate) source_identity: Option<String>,
}

/// The most session tags of a token, as of a request.
const MAX_TAGS: usize = 50;

impl Providers {
    /// The bearer of a token, if a provider of the account vouches for it.
    pub(crate) async fn bearer(&self, account: &str, token: &str) -> Result<Bearer, Stop> {
        let token = jwt::parse(token).ok_or_else(no_token)?;
        let issuer = &token.claims.iss;
        let unknown = || {
            let text = format!("No OpenIDConnect provider found in your account for {issuer}");
            fault::invalid_identity_token(text)
        };
        let address = issuer.split_once("://").map(|(_, address)| address).ok_or_else(unknown)?;
        let view = self.principals.barrier.view().await?;
        let found = provider(&view, account, address).await?.ok_or_else(unknown)?.record;
        drop(view);
        if found.issuer() != *issuer {
            return Err(unknown().into());
        }
        let audience = audience(&token, &found)?;
        // Tokens are judged by the clock that their issuers go by.
        let now = Clock::wall_ms().div_euclid(1000);
        token.claims.check_time(now).map_err(|out| out_of_time(out, now))?;
        self.check_signature(&token, &found).await?;
        Ok(Bearer {
            provided: Provided {
                provider: found.arn(),
                issuer: found.address,
                subject: token.claims.sub.clone(),
                audience,
            },
            original_audience: token.claims.original_audience().map(str::to_owned),
            methods: token.claims.methods().to_vec(),
            tags: tags(&token)?,
            source_identity: token.claims.source_identity.clone(),
        })
    }

    async fn check_signature(&self, token: &Token<'_>, from: &Provider) -> Result<(), Fault> {
        let key_id = token.key_id.as_deref();
        let (row, issuer) = (from.row(), from.issuer());
        let found =
            self.issuers.keys(&row, &issuer, &from.thumbprints, key_id, Clock::wall_ms()).await;
        let keys = found.map_err(|error| match error {
            FetchError::Thumbprint => fault::invalid_identity_token(
                "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            ),
            FetchError::Failed(_) => no_key(),
        })?;
        if keys.is_empty() {
            return Err(no_key());
        }
        let signed = token.signed.as_bytes();
        let holds = |key| verify(key, token.algorithm, signed, &token.signature);
        if keys.iter().any(holds) { Ok(()) } else { Err(no_token()) }
    }
}

/// The client that the token is for.
fn audience(token: &Token<'_>, provider: &Provider) -> Result<String, Fault> {
    let mut audiences = token.claims.audiences().iter();
    let known = audiences.find(|audience| provider.client_ids.contains(audience));
    known.cloned().ok_or_else(|| fault::invalid_identity_token("Incorrect token audience"))
}

fn tags(token: &Token<'_>) -> Result<Vec<SessionTag>, Fault> {
    let Some(claim) = &token.claims.tags else { return Ok(Vec::new()) };
    let transitive = |key: &str| claim.transitive_tag_keys.iter().any(|name| name == key);
    let tag = |(key, values): (&String, &Vec<String>)| match values.as_slice() {
        [value] => {
            Some(SessionTag { key: key.clone(), value: value.clone(), transitive: transitive(key) })
        }
        _ => None,
    };
    let tags: Option<Vec<SessionTag>> = claim.principal_tags.iter().map(tag).collect();
    // The text is ours.
    tags.filter(|tags| tags.len() <= MAX_TAGS)
        .ok_or_else(|| fault::invalid_identity_token("The token's principal_tags are not valid."))
}

fn out_of_time(out: OutOfTime, now: i64) -> Fault {
    match out {
        OutOfTime::Expired(end) => fault::expired_identity_token(now, end),
        // The text is ours.
        OutOfTime::Early => fault::invalid_identity_token("The token is not valid yet."),
    }
}

fn no_token() -> Fault {
    fault::invalid_identity_token(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access \
         Token)",
    )
}

fn no_key() -> Fault {
    fault::invalid_identity_token(
        "Couldn't retrieve verification key from your identity provider, please reference \
         AssumeRoleWithWebIdentity documentation for requirements",
    )
}
