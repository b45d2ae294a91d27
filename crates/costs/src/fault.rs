//! The service's errors, each made in one place. AWS's texts are not recorded; they are ours where
//! nothing else is said.

use bulla_plane::stop;
use bulla_shapes::{Fault, ce};

fn of(code: &'static str, text: impl Into<String>) -> Fault {
    Fault::of(&ce::SERVICE, code).with_message(text.into())
}

pub(crate) fn internal() -> Fault {
    stop::internal(&ce::SERVICE)
}

/// What the model does not name.
pub(crate) fn validation(text: impl Into<String>) -> Fault {
    Fault::new("ValidationException", 400).with_message(text.into())
}

pub(crate) fn token() -> Fault {
    of("InvalidNextTokenException", "The page token is none of this report.")
}

pub(crate) fn changed() -> Fault {
    let text = "Your request parameters changed between pages. Try again with the old parameters \
                or without a pagination token.";
    of("RequestChangedException", text)
}

/// AWS's text, as its users quote it.
pub(crate) fn too_early() -> Fault {
    validation("You haven't enabled historical data beyond 14 months.")
}

pub(crate) fn unavailable() -> Fault {
    of("DataUnavailableException", "The requested data is unavailable.")
}

pub(crate) fn too_many(most: usize) -> Fault {
    of("LimitExceededException", format!("The report has more than {most} groups."))
}
