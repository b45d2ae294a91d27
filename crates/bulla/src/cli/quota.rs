//! The options of `bulla quota`, and those of servers that are about quotas.

use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;

/// Which request rates hold where no other was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rates {
    /// AWS's defaults.
    Aws,
    /// None.
    None,
}

/// Who grants what accounts ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Granting {
    /// It is granted at once.
    Granted,
    /// An operator, by `bulla quota approve`.
    Operator,
}

/// What a server does about quotas.
#[derive(Args)]
pub(crate) struct RateOptions {
    /// The request rates that hold where no other was set [default: aws in serve, none in dev].
    #[arg(long = "quotas", env = "BULLA_QUOTAS", value_name = "WHICH")]
    pub(crate) rates: Option<Rates>,
    /// Who grants what RequestServiceQuotaIncrease asks for [default: operator in serve, granted in
    /// dev].
    #[arg(long = "quota-requests", env = "BULLA_QUOTA_REQUESTS", value_name = "WHO")]
    pub(crate) requests: Option<Granting>,
}

pub(crate) const QUOTA_HELP: &str = "\
Examples:
  bulla quota list kms                       what holds, and AWS's default
  bulla quota set kms L-6E3AF000 50          50 symmetric operations a second, from now on
  bulla quota set kms L-6E3AF000 default     AWS's default again
  bulla quota requests                       what was asked for
  bulla quota approve REQUEST-ID             grants it; with --deny, refuses it

Server, credentials and region come from where the AWS CLI takes them, or http://127.0.0.1:4566.
Quotas are those of the caller's account in that region. Setting needs bulla:SetServiceQuota,
deciding bulla:DecideQuotaRequest.";

/// `bulla quota`.
#[derive(Subcommand)]
pub(crate) enum QuotaCommand {
    /// Print quotas: code, value, AWS's default, name.
    List {
        /// The service's code, such as kms; without one, the services.
        service: Option<String>,
    },
    /// Set a quota, higher or lower.
    Set {
        /// The service's code.
        service: String,
        /// The quota's code.
        code: String,
        /// The value, or `default`.
        value: String,
    },
    /// Print what was asked for: id, status, service, code, value.
    Requests,
    /// Grant or refuse a request.
    Approve {
        /// The request's id.
        request: String,
        /// Refuse it.
        #[arg(long)]
        deny: bool,
    },
}
