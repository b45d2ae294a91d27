//! The services' errors, each made in one place.

use bulla_plane::stop;
use bulla_shapes::{Fault, bullaquotas, servicequotas};

fn of(code: &'static str, text: impl Into<String>) -> Fault {
    Fault::of(&servicequotas::SERVICE, code).with_message(text.into())
}

pub(crate) fn internal() -> Fault {
    stop::internal(&servicequotas::SERVICE)
}

/// AWS's text (Terraform's documentation of `aws_servicequotas_service_quota` quotes it).
pub(crate) fn no_service() -> Fault {
    of(
        "NoSuchResourceException",
        "The request failed because the specified service does not exist.",
    )
}

/// Made after the text for services; AWS's is not recorded.
pub(crate) fn no_quota() -> Fault {
    of("NoSuchResourceException", "The request failed because the specified quota does not exist.")
}

/// The text is ours.
pub(crate) fn no_request() -> Fault {
    of("NoSuchResourceException", "There is no request with this id.")
}

pub(crate) fn illegal(text: impl Into<String>) -> Fault {
    of("IllegalArgumentException", text)
}

/// AWS's text, as users of Terraform report it.
pub(crate) fn already_open() -> Fault {
    of(
        "ResourceAlreadyExistsException",
        "Only one open service quota increase request is allowed per quota.",
    )
}

/// The text is ours.
pub(crate) fn too_many_requests(most: usize) -> Fault {
    of("QuotaExceededException", format!("There are {most} requests, the most that are kept."))
}

pub(crate) fn invalid_token() -> Fault {
    of("InvalidPaginationTokenException", "The pagination token is not one of this list.")
}

/// An error of the operator's service.
pub(crate) fn operator(code: &'static str, text: impl Into<String>) -> Fault {
    Fault::of(&bullaquotas::SERVICE, code).with_message(text.into())
}
