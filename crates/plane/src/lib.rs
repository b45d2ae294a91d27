//! The plane: what every service of Bulla stands on, and the one way that every call takes.

pub mod bus;
pub mod cache;
pub mod call;
pub mod clock;
pub mod counts;
pub mod directory;
pub mod gate;
pub mod identity;
pub mod journal;
pub mod key_service;
pub mod marker;
pub mod outbox;
pub mod outgoing;
pub mod pipeline;
pub mod quotas;
pub mod region;
pub mod root;
pub mod scheduler;
mod scope;
mod secret_text;
pub mod service;
pub mod stages;
pub mod stop;
pub mod traces;
pub mod trail;
pub mod upkeep;
pub mod wire;

pub use call::{Call, Via};
pub use clock::Clock;
pub use directory::{Directory, Known};
pub use gate::{Guarded, Protected};
pub use identity::{
    Authenticator, Authority, ConditionValue, Credential, CredentialError, SessionContext,
    SessionIssuer, WebIdentity,
};
pub use outgoing::{Message, Outgoing, OutgoingError, Reply};
pub use pipeline::{IdStock, Neighbours, Plane};
pub use quotas::Quotas;
pub use secret_text::SecretText;
pub use service::{Access, Facts, Outcome, Row, Rows, Service};
pub use stop::Stop;

/// A boxed future, as every seam of the house answers it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
