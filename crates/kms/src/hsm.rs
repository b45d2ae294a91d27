//! Hardware security modules: what CloudHSM key stores ask of a token. The program implements it.

use std::sync::Arc;

use bulla_crypto::SecretBytes;
use bulla_plane::BoxFuture;

use crate::outer::Outer;

/// Why a token did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It is not there, or does not work; the text is for the log.
    Gone(String),
    /// It does not take the password.
    Password,
    /// All sessions were in use for too long.
    Busy,
    /// It has no such key.
    NoKey,
    /// A ciphertext, its IV or its associated data are not what they were.
    Unauthentic,
}

/// What a token answers.
pub type TokenAnswer<'a, T> = BoxFuture<'a, Result<T, TokenError>>;

/// One token, whose keys never leave it. Keys are AES-256 and are named by the id of their KMS key.
pub trait Token: Send + Sync {
    /// The certificate that whoever makes a key store must know, if there is one.
    fn trust_anchor(&self) -> Option<&str>;
    /// Whether this is the password that the token is opened with.
    fn opens_with(&self, password: &[u8]) -> bool;
    /// Whether it is there, and lets this program in.
    fn ping(&self) -> TokenAnswer<'_, ()>;
    /// Makes a key.
    fn make<'a>(&'a self, key: &'a str) -> TokenAnswer<'a, ()>;
    /// Destroys a key; one that is not there is destroyed already.
    fn destroy<'a>(&'a self, key: &'a str) -> TokenAnswer<'a, ()>;
    /// Seals by AES-GCM under a key of the token.
    fn seal<'a>(
        &'a self,
        key: &'a str,
        associated: &'a [u8],
        plaintext: Vec<u8>,
    ) -> TokenAnswer<'a, Outer>;
    /// Opens what [`Self::seal`] made.
    fn open<'a>(
        &'a self,
        key: &'a str,
        associated: &'a [u8],
        sealed: Outer,
    ) -> TokenAnswer<'a, Vec<u8>>;
    /// Random bytes of the token's own.
    fn random(&self, length: usize) -> TokenAnswer<'_, SecretBytes>;
}

/// The tokens that the program's owner set up.
pub trait Tokens: Send + Sync {
    /// The token that stands for a CloudHSM cluster.
    fn find(&self, cluster: &str) -> Option<Arc<dyn Token>>;
}

/// No token at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTokens;

impl Tokens for NoTokens {
    fn find(&self, _cluster: &str) -> Option<Arc<dyn Token>> {
        None
    }
}
