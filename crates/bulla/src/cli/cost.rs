//! The options of `bulla cost`.

use clap::{Args, ValueEnum};

use super::place::Place;

pub(crate) const COST_HELP: &str = "\
Examples:
  bulla cost                                  this month, by service, asked of the server that runs
  bulla cost --month 2026-11 --by key         what each key came to in November
  bulla cost --by account --data ./vault      all accounts, while no server runs

It is an estimate by AWS's list prices of us-east-1, and no bill. Without --data it is asked of
Cost Explorer's operations of a running server, by the credentials that the AWS CLI would take, and
is of the caller's account.";

/// By what costs are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CostBy {
    /// Service and usage type.
    Service,
    /// The account that pays.
    Account,
    /// The key, secret, parameter or other resource.
    Key,
    /// Who called.
    Principal,
}

/// `bulla cost`.
#[derive(Args)]
pub(crate) struct CostOptions {
    /// The month, in UTC [default: the present one].
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Option<String>,
    /// By what costs are told apart.
    #[arg(long, value_enum, default_value_t = CostBy::Service)]
    pub(crate) by: CostBy,
    #[command(flatten)]
    pub(crate) place: Place,
}
