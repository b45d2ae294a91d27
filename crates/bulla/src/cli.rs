//! The command line. Every option can be set in the environment too, as `BULLA_…`.

pub(crate) mod audit;
pub(crate) mod cost;
pub(crate) mod functions;
pub(crate) mod journal;
pub(crate) mod message;
pub(crate) mod parameters;
mod place;
pub(crate) mod quota;
pub(crate) mod status;
#[cfg(feature = "traces")]
pub(crate) mod traces;
pub(crate) mod trail;
pub(crate) mod xks;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use audit::{ExportAuditOptions, SearchOptions};
use cost::{COST_HELP, CostOptions};
use functions::FunctionOptions;
use journal::JournalOptions;
use message::{
    BRANCH_KEY_HELP, BranchKeyCommand, DECRYPT_HELP, DecryptOptions, ENCRYPT_HELP, EncryptOptions,
    INSPECT_HELP, InspectOptions,
};
use parameters::{
    ENV_HELP, EXPORT_HELP, EnvOptions, ExportOptions, IMPORT_HELP, ImportOptions, RUN_HELP,
    RunOptions,
};
pub(crate) use place::Place;
use quota::{QUOTA_HELP, QuotaCommand, RateOptions};
use status::{STATUS_HELP, StatusOptions};
use trail::TrailOptions;
use xks::{KeyStoreOptions, XKS_HELP};
pub(crate) use xks::{Xks, XksServeOptions};

const EXAMPLES: &str = "\
Try it:
  bulla tour                    what it does, told in a few seconds
  bulla dev                     a server for tests on http://127.0.0.1:4566

Keep real keys:
  bulla init --data ./vault     makes ./vault and ./vault.key, and prints the root access key
  bulla serve --data ./vault    serves those who hold an access key

Encrypt files, under keys of this server or of AWS:
  bulla encrypt --key alias/app -i dump.sql -o dump.sql.encrypted

`bulla dev --help` shows how to call it. Every option is also a variable, such as BULLA_DATA.";

const DEV_EXAMPLES: &str = "\
In another shell, with the AWS CLI (SDKs read the same variables):
  export AWS_ENDPOINT_URL=http://127.0.0.1:4566
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-central-1
  aws kms create-key
  aws kms create-alias --alias-name alias/mine --target-key-id KEY-ID
  aws kms generate-data-key --key-id alias/mine --key-spec AES_256

An access key id of twelve digits is the root user of that account; any other, such as `test`, is
that of account 000000000000. Between test cases:
  curl -X POST http://127.0.0.1:4566/_bulla/reset
  curl -X POST http://127.0.0.1:4566/_bulla/clock -d '{\"advance\": \"P90D\"}'";

const INIT_EXAMPLES: &str = "\
Examples:
  bulla init --data ./vault                                  sealed by a key file, ./vault.key
  bulla init --data ./vault --json > root.json               for a program to read
  BULLA_PASSPHRASE=… bulla init --data ./vault --seal passphrase

Back up the directory and the key file, apart from each other: without the key file (or the
passphrase) nothing in the directory can be read again, by anyone.";

const SERVE_EXAMPLES: &str = "\
Examples:
  bulla serve --data ./vault                                 on loopback, without TLS
  bulla serve --data ./vault --listen 0.0.0.0:4566 --tls-cert cert.pem --tls-key key.pem

GET /_bulla/health answers 200 when it is ready; GET /_bulla/metrics is for Prometheus.";

const TAIL_EXAMPLES: &str = "\
Examples:
  bulla audit tail --data ./vault --count 5
  bulla audit tail --data ./vault --count 1000 | jq 'select(.errorCode) | .eventName'";

/// AWS's encryption plane as one program: KMS and what leans on it, checked and recorded.
#[derive(Parser)]
#[command(name = "bulla", version, disable_help_subcommand = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a server for tests, with nothing to set up: anyone may sign.
    Dev(DevOptions),
    /// See the main jobs done, over the wire, by a server that is gone afterwards.
    Tour,
    /// Make a data directory, and print its root access key once.
    Init(InitOptions),
    /// Run the server on a data directory that `bulla init` made.
    Serve(ServeOptions),
    /// Read or check the record of all calls.
    #[command(subcommand)]
    Audit(Audit),
    /// Say why a principal may or may not do something, as the server that runs decides it.
    #[command(after_help = EXPLAIN_HELP)]
    Explain(ExplainOptions),
    /// List every principal that may do something, through which path and on which conditions.
    #[command(after_help = WHO_CAN_HELP)]
    WhoCan(WhoCanOptions),
    /// Make, list or close accounts of the server that runs.
    #[command(subcommand, after_help = ACCOUNT_HELP)]
    Account(Account),
    /// See and decide how much accounts may have, and how fast they may call.
    #[command(subcommand, after_help = QUOTA_HELP)]
    Quota(QuotaCommand),
    /// Say how the server is that runs on this machine.
    #[command(after_help = STATUS_HELP)]
    Status(StatusOptions),
    /// Say what the same use would cost in AWS.
    #[command(after_help = COST_HELP)]
    Cost(CostOptions),
    /// Let others use keys of a Bulla as their external keys.
    #[command(subcommand, after_help = XKS_HELP)]
    Xks(Xks),
    /// Encrypt a file, a folder or a pipe to messages of the AWS Encryption SDKs.
    #[command(after_help = ENCRYPT_HELP)]
    Encrypt(EncryptOptions),
    /// Decrypt such messages.
    #[command(after_help = DECRYPT_HELP)]
    Decrypt(DecryptOptions),
    /// Print what a message says of itself, without any key.
    #[command(after_help = INSPECT_HELP)]
    Inspect(InspectOptions),
    /// Make branch keys, for messages under one.
    #[command(subcommand, after_help = BRANCH_KEY_HELP)]
    BranchKey(BranchKeyCommand),
    /// Run a program with parameters and secrets as its environment.
    #[command(after_help = RUN_HELP)]
    Run(RunOptions),
    /// Print parameters and secrets as variables.
    #[command(after_help = ENV_HELP)]
    Env(EnvOptions),
    /// Take parameters or secrets out of a store, into an encrypted archive.
    #[command(after_help = EXPORT_HELP)]
    Export(ExportOptions),
    /// Put what is in an archive into a store.
    #[command(after_help = IMPORT_HELP)]
    Import(ImportOptions),
    /// List what can rotate secrets without a function of one's own.
    #[command(after_help = ROTATORS_HELP)]
    Rotators,
    /// Run the processes of a function, as the server says on standard input.
    #[command(name = bulla_lambda::HOST, hide = true)]
    FunctionHost,
    /// Become a function's program.
    #[command(name = bulla_lambda::CELL, hide = true)]
    FunctionCell,
    /// Print which operations are served, as Markdown.
    #[command(hide = true)]
    Coverage,
}

const ROTATORS_HELP: &str = "\
Example:
  aws secretsmanager rotate-secret --secret-id db/app --rotation-rules AutomaticallyAfterDays=30 \\
    --rotation-lambda-arn arn:aws:secretsmanager:::rotator/postgresql-single-user

The secret is the JSON that AWS documents: engine, host, port, username, password, dbname, ssl, and
masterarn for alternating users. docs/secrets.md says the rest.";

const EXPLAIN_HELP: &str = "\
Examples:
  bulla explain arn:aws:iam::111122223333:user/ana kms:Decrypt alias/app --context tenant=a
  bulla explain AKIA... kms:Encrypt 1234abcd-12ab-34cd-56ef-1234567890ab --with aws:SourceIp=10.0.0.7

The server is found by AWS_ENDPOINT_URL, the caller by AWS's usual variables and files. The caller
needs bulla:Explain on the resource.";

const WHO_CAN_HELP: &str = "\
Examples:
  bulla who-can kms:Decrypt alias/app
  bulla who-can kms:Decrypt alias/app --context tenant=a --json

What differs from request to request, and is not given, is left open: the list says on which
conditions a permission rests. The caller needs bulla:WhoCan on the resource.";

/// `bulla explain`.
#[derive(Args)]
pub(crate) struct ExplainOptions {
    /// An access key id, the ARN of a user, role or root, an account, or a service's name.
    pub(crate) principal: String,
    /// The action, such as kms:Decrypt.
    pub(crate) action: String,
    /// The resource as operations name it: a key's id, ARN or alias; * for none.
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) supposed: Supposed,
    /// Print the answer as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `bulla who-can`.
#[derive(Args)]
pub(crate) struct WhoCanOptions {
    /// The action, such as kms:Decrypt.
    pub(crate) action: String,
    /// The resource as operations name it: a key's id, ARN or alias; * for none.
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) supposed: Supposed,
    /// Print each principal as a line of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the request would hold.
#[derive(Args)]
pub(crate) struct Supposed {
    /// A pair of the encryption context; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) context: Vec<String>,
    /// A value of a condition key; may be repeated, also for one key.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) with: Vec<String>,
}

const ACCOUNT_HELP: &str = "\
Examples:
  bulla account create payments --email payments@example.com
  bulla account list
  bulla account close 111122223333

The server is found by AWS_ENDPOINT_URL, the caller by AWS's usual variables and files. The caller's
account manages all that it makes, by Organizations, and gets in by assuming the role that each has.";

/// `bulla account`.
#[derive(Subcommand)]
pub(crate) enum Account {
    /// Make an account and print its number. The caller's account becomes one that manages others.
    Create(CreateOptions),
    /// Print number, status, name and address of each account.
    List,
    /// Close an account for good: nobody gets in any more.
    Close(CloseOptions),
}

/// `bulla account create`.
#[derive(Args)]
pub(crate) struct CreateOptions {
    /// What the account is called.
    pub(crate) name: String,
    /// An address that no other account has.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: String,
    /// The role by which the caller's account gets in [default: OrganizationAccountAccessRole].
    #[arg(long, value_name = "NAME")]
    pub(crate) role: Option<String>,
}

/// `bulla account close`.
#[derive(Args)]
pub(crate) struct CloseOptions {
    /// The account's number.
    pub(crate) account: String,
}

/// `bulla dev`.
#[derive(Args)]
#[command(after_help = DEV_EXAMPLES)]
pub(crate) struct DevOptions {
    /// The address to listen on [default: 127.0.0.1:4566].
    #[arg(long, env = "BULLA_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// The certificate that attestation documents of a Recipient must lead to, PEM.
    #[arg(long, env = "BULLA_ATTESTATION_ROOT", value_name = "FILE")]
    pub(crate) attestation_root: Option<PathBuf>,
    /// Another quota than AWS's, to see what happens when it is reached: keys, aliases-per-key,
    /// grants-per-key, policy-bytes, tags-per-key, custom-key-stores, secrets,
    /// standard-parameters, advanced-parameters, event-buses, rules-per-bus, targets-per-rule,
    /// event-pattern-bytes, connections, api-destinations, tags-per-event-resource,
    /// event-bus-policy-bytes. Can be given several times.
    #[arg(long = "quota", value_name = "NAME=NUMBER")]
    pub(crate) quotas: Vec<String>,
    #[command(flatten)]
    pub(crate) journal: JournalOptions,
    #[command(flatten)]
    pub(crate) trails: TrailOptions,
    #[cfg(feature = "traces")]
    #[command(flatten)]
    pub(crate) traces: traces::TraceOptions,
    #[command(flatten)]
    pub(crate) functions: FunctionOptions,
    #[command(flatten)]
    pub(crate) rates: RateOptions,
    #[command(flatten)]
    pub(crate) key_stores: KeyStoreOptions,
    /// Certificates that databases may have besides those that the system trusts, PEM.
    #[arg(long, env = "BULLA_DATABASE_CA", value_name = "FILE")]
    pub(crate) database_ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `bulla serve`.
#[derive(Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeOptions {
    /// The address to listen on; beyond loopback TLS is needed [default: 127.0.0.1:4566].
    #[arg(long, env = "BULLA_LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// The TLS certificate chain, PEM.
    #[arg(long, env = "BULLA_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The TLS certificate's private key, PEM.
    #[arg(long, env = "BULLA_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The certificate that attestation documents of a Recipient must lead to, PEM.
    #[arg(long, env = "BULLA_ATTESTATION_ROOT", value_name = "FILE")]
    pub(crate) attestation_root: Option<PathBuf>,
    /// Let functions be made and run: whoever may make them runs programs on this machine.
    #[arg(long, env = "BULLA_ALLOW_FUNCTIONS")]
    pub(crate) allow_functions: bool,
    #[command(flatten)]
    pub(crate) journal: JournalOptions,
    #[command(flatten)]
    pub(crate) functions: FunctionOptions,
    #[command(flatten)]
    pub(crate) trails: TrailOptions,
    #[cfg(feature = "traces")]
    #[command(flatten)]
    pub(crate) traces: traces::TraceOptions,
    #[command(flatten)]
    pub(crate) rates: RateOptions,
    #[command(flatten)]
    pub(crate) key_stores: KeyStoreOptions,
    /// Certificates that databases may have besides those that the system trusts, PEM.
    #[arg(long, env = "BULLA_DATABASE_CA", value_name = "FILE")]
    pub(crate) database_ca: Option<PathBuf>,
    /// Let rotators reach databases on this machine itself.
    #[arg(long, env = "BULLA_DATABASES_HERE")]
    pub(crate) databases_here: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `bulla init`.
#[derive(Args)]
#[command(after_help = INIT_EXAMPLES)]
pub(crate) struct InitOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How the root key is sealed. A passphrase comes from `BULLA_PASSPHRASE` or standard input.
    #[arg(long, env = "BULLA_SEAL", value_enum, default_value_t = SealOption::Keyfile)]
    pub(crate) seal: SealOption,
    /// The account of the root access key: twelve digits [default: drawn at random].
    #[arg(long, env = "BULLA_ACCOUNT", value_name = "DIGITS")]
    pub(crate) account: Option<String>,
    /// Print the root access key as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A way to seal the root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SealOption {
    /// A file of random digits, beside the data directory by default.
    Keyfile,
    /// A passphrase, stretched by Argon2id.
    Passphrase,
}

/// `bulla audit`.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Print the last calls, one line of CloudTrail's JSON each.
    Tail(TailOptions),
    /// Print the calls that fit, one line of CloudTrail's JSON each.
    Search(SearchOptions),
    /// Write calls to a file, as lines of JSON or as Parquet.
    Export(ExportAuditOptions),
    /// Check every record and the chain that joins them; and every row of the store, unless a
    /// server runs on it.
    Verify(VerifyOptions),
}

/// `bulla audit tail`.
#[derive(Args)]
#[command(after_help = TAIL_EXAMPLES)]
pub(crate) struct TailOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    /// How many calls.
    #[arg(long, default_value_t = 100)]
    pub(crate) count: u64,
}

/// `bulla audit verify`.
#[derive(Args)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    pub(crate) place: Place,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_name_only_options_that_there_are() {
        Cli::command().debug_assert();
    }
}
