//! Rotators: what gives databases new passwords, step by step, without a function of anybody's.
//!
//! A rotator carries out the four steps of a rotation as AWS's protocol has them. It reads and
//! writes the secret through a [`Desk`], and reaches databases through [`Reach`]; it knows neither
//! who keeps the secret nor on whose behalf it acts. Each step can be asked for again, and then
//! does what is left of it: after a crash, and after a failure.
//!
//! The databases' protocols are spoken here as far as a change of password needs them. Passwords
//! are not sent where a digest does, and no text of a database's is passed on, as it may repeat
//! what it was sent.

mod bson;
mod desk;
mod mongodb;
mod mysql;
mod mysql_grant;
mod postgresql;
mod reach;
mod rotator;
mod scram;
mod secret;
mod session;
mod steps;
mod trouble;

pub use desk::{Desk, DeskError, Held};
pub use reach::Reach;
pub use rotator::{Engine, Rotator, Strategy};
pub use steps::{Rotating, Step};
pub use trouble::Trouble;

/// A future as traits give it.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
