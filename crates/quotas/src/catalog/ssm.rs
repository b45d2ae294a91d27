//! Parameter Store's quotas (AWS General Reference, "Systems Manager endpoints and quotas").
//!
//! Request rates whose defaults AWS does not publish are left out.

use super::Quota;

#[rustfmt::skip]
pub(super) static SYSTEMS_MANAGER: &[Quota] = &[
    Quota::rate("L-E72257B6", "Rate of GetParameter requests", 40.0, &["GetParameter"]),
    Quota::rate("L-1F60EE8D", "Rate of GetParameters requests", 40.0, &["GetParameters"]),
    Quota::rate("L-2912F481", "Rate of GetParametersByPath requests", 40.0, &["GetParametersByPath"]),
    Quota::size("L-C3B871CB", "Standard parameters", 10_000.0, "standard-parameters"),
    Quota::size("L-527D1CD8", "Advanced parameters", 100_000.0, "advanced-parameters"),
    Quota::other("L-BCC99751", "Standard parameter value", 4_096.0).in_unit("Bytes"),
    Quota::other("L-CECCEB04", "Advanced parameter value", 8_192.0).in_unit("Bytes"),
    Quota::other("L-0BB2D2EE", "Parameter versions", 100.0),
    Quota::other("L-C84673D4", "Advanced parameter policies", 10.0),
];
