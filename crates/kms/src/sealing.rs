//! Sealing under a KMS key, wherever its keys are: under its own material here, and once more in
//! the custom key store that it is in, if it is in one.
//!
//! Both layers are always there. So neither this server nor the key store can decrypt alone, and a
//! key store that repeats an IV shows nothing, as what it seals is a ciphertext that is never the
//! same twice.

use std::sync::Arc;

use bulla_crypto::SecretBytes;
use bulla_plane::{Call, Stop};
use bulla_shapes::{Fault, StringMap};

use crate::blob::{self, Blob, Made};
use crate::fault;
use crate::hsm::{Token, TokenError};
use crate::key::Custom;
use crate::live::{LiveKey, LiveMaterial};
use crate::outer::{self, Outer, Wrapped};
use crate::stores::{Behind, Cluster, StoreRecord, must_be_connected};
use crate::xks::{Asked, Trouble};
use crate::{Kms, stores};

/// A blob of any version; nothing of it is authenticated yet.
pub(crate) enum Parsed<'a> {
    /// Of a key of this server's own.
    Own(Blob<'a>),
    /// Of a key in a custom key store.
    Wrapped(Box<Wrapped>),
}

/// Takes a blob apart; nothing when it has the form of none.
pub(crate) fn parse(bytes: &[u8]) -> Option<Parsed<'_>> {
    let wrapped = || outer::parse(bytes).map(|wrapped| Parsed::Wrapped(Box::new(wrapped)));
    blob::parse(bytes).map(Parsed::Own).or_else(wrapped)
}

impl Parsed<'_> {
    /// The id of the material it names.
    pub(crate) fn material(&self) -> &[u8; 32] {
        match self {
            Self::Own(blob) => &blob.material,
            Self::Wrapped(wrapped) => &wrapped.material,
        }
    }
}

/// What a key is used for, as others are told of it.
#[derive(Clone, Copy)]
pub(crate) struct Purpose<'a> {
    pub(crate) call: &'a Call,
    pub(crate) key: &'a LiveKey,
    /// The operation of KMS.
    pub(crate) operation: &'a str,
    pub(crate) context: Option<StringMap<'a>>,
}

/// The outer key of a KMS key, ready for use.
enum OuterKey<'s> {
    External(&'s stores::Proxy, &'s str),
    Token(Arc<dyn Token>),
}

impl Kms {
    /// The ciphertext blob of a plaintext under a symmetric key.
    pub(crate) async fn seal(
        &self,
        purpose: Purpose<'_>,
        made: Made,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let inner =
            blob::seal(&self.crypto, purpose.key.current()?, made, plaintext, purpose.context)?;
        match &purpose.key.record.custom {
            None => Ok(inner),
            Some(custom) => self.wrap(purpose, custom, inner).await,
        }
    }

    /// Opens a blob with one of the key's materials.
    pub(crate) async fn open(
        &self,
        purpose: Purpose<'_>,
        material: &LiveMaterial,
        parsed: Parsed<'_>,
    ) -> Result<SecretBytes, Stop> {
        match (parsed, &purpose.key.record.custom) {
            (Parsed::Own(blob), None) => blob.open(&self.crypto, material, purpose.context),
            (Parsed::Wrapped(wrapped), Some(custom)) => {
                let (inner, wrong) = self.unwrap(purpose, custom, *wrapped).await?;
                let parsed = blob::parse(&inner).filter(|blob| blob.material == material.id);
                let opened = parsed.map(|blob| blob.open(&self.crypto, material, purpose.context));
                match opened {
                    Some(Err(Stop::Fault(_))) | None => Err(wrong.into()),
                    Some(opened) => opened,
                }
            }
            _ => Err(fault::invalid_ciphertext().into()),
        }
    }

    async fn wrap(
        &self,
        purpose: Purpose<'_>,
        custom: &Custom,
        inner: Vec<u8>,
    ) -> Result<Vec<u8>, Stop> {
        let store = self.connected_store(purpose.key).await?;
        let header = outer::header(&inner).ok_or_else(fault::internal)?;
        let associated = outer::associated(&header, purpose.context)?;
        let outer: Outer = match self.outer_key(&store, custom)? {
            OuterKey::External(proxy, external) => self
                .proxy_encrypt(&asked(purpose, proxy, external), &associated, inner)
                .await
                .map_err(|trouble| trouble.using())?,
            OuterKey::Token(token) => {
                let sealed = token.seal(&purpose.key.record.id, &associated, inner).await;
                sealed.map_err(|error| token_failed(&error))?
            }
        };
        Ok(outer::write(&header, &outer))
    }

    /// The blob of version 1 within, and the refusal if it does not open.
    async fn unwrap(
        &self,
        purpose: Purpose<'_>,
        custom: &Custom,
        wrapped: Wrapped,
    ) -> Result<(Vec<u8>, Fault), Stop> {
        let store = self.connected_store(purpose.key).await?;
        let associated = wrapped.associated(purpose.context)?;
        match self.outer_key(&store, custom)? {
            OuterKey::External(proxy, external) => {
                let asked = asked(purpose, proxy, external);
                let opened = self.proxy_decrypt(&asked, &associated, wrapped.outer).await;
                Ok((opened.map_err(|trouble| trouble.using())?, Trouble::WrongPlaintext.using()))
            }
            OuterKey::Token(token) => {
                let opened = token.open(&purpose.key.record.id, &associated, wrapped.outer).await;
                Ok((opened.map_err(|error| token_failed(&error))?, fault::invalid_ciphertext()))
            }
        }
    }

    async fn connected_store(&self, key: &LiveKey) -> Result<StoreRecord, Stop> {
        let store = self.store_of(&key.record).await?.ok_or_else(fault::internal)?;
        must_be_connected(key, &store)?;
        Ok(store)
    }

    fn outer_key<'s>(
        &self,
        store: &'s StoreRecord,
        custom: &'s Custom,
    ) -> Result<OuterKey<'s>, Fault> {
        match (&store.behind, &custom.external) {
            (Behind::Proxy(proxy), Some(external)) => Ok(OuterKey::External(proxy, external)),
            (Behind::Cluster(cluster), None) => Ok(OuterKey::Token(self.token_of(cluster)?)),
            _ => Err(fault::internal()),
        }
    }

    /// The token of a cluster that was there when its store was made.
    pub(crate) fn token_of(&self, cluster: &Cluster) -> Result<Arc<dyn Token>, Fault> {
        self.tokens.find(&cluster.id).ok_or_else(|| {
            tracing::error!(cluster = cluster.id, "the settings no longer name this token");
            fault::key_unavailable()
        })
    }
}

fn asked<'a>(purpose: Purpose<'a>, proxy: &'a stores::Proxy, external: &'a str) -> Asked<'a> {
    let Purpose { call, key, operation, .. } = purpose;
    Asked { call, proxy, external, arn: &key.arn, operation }
}

/// What whoever uses a key hears of its token. That it may be tried again is AWS's own word for
/// `KeyUnavailableException`; that a token's failures become it is our choice.
fn token_failed(error: &TokenError) -> Fault {
    if *error == TokenError::Unauthentic {
        return fault::invalid_ciphertext();
    }
    tracing::error!(?error, "a token failed");
    fault::key_unavailable()
}
