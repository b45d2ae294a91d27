//! The command line of parameters and secrets: `bulla run`, `env`, `export` and `import`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::message::{Discovery, WrappingKeys};

pub(crate) const RUN_HELP: &str = "\
Examples:
  bulla run --path /app/production -- ./server --port 8080
  bulla run --path /shared --path /app -- env
  bulla run --secret production/db -- ./server

/app/db/password under --path /app becomes DB_PASSWORD: letters are made large, and what is neither
letter nor digit becomes _. A secret that is a JSON object becomes a variable for each member, behind
the last part of its own name: production/db with user and password gives DB_USER and DB_PASSWORD.
Members that are null are left out, and those that are no text are written as JSON. Any other secret
is one variable: production/api-key gives API_KEY.

Parameter Store and Secrets Manager are found by AWS_ENDPOINT_URL, or are AWS's own; credentials are
AWS's usual variables and files. The caller needs ssm:GetParametersByPath, and kms:Decrypt for
SecureStrings; for secrets secretsmanager:GetSecretValue, and kms:Decrypt.

The program takes the place of bulla, so that signals and its exit code are its own. Exit codes of
bulla: 1 parameters or secrets can't be read; 2 the command line or the settings are wrong, or two
of one path or secret give one variable; 126 the program can't be run; 127 there is no such program.";

pub(crate) const ENV_HELP: &str = "\
Examples:
  eval \"$(bulla env --path /app)\"
  bulla env --path /app --format dotenv > .env

Secrets are printed in clear. `bulla run` gives them to a program without writing them anywhere.";

pub(crate) const EXPORT_HELP: &str = "\
Examples:
  head -c 32 /dev/urandom > archive.key
  bulla export --path /app --raw-key archive.key --raw-name archives/one -o app.archive
  bulla export --path / --key alias/archives -o all.archive

  bulla export --secrets production/ --key alias/archives -o secrets.archive

Each parameter is taken with its value, description, type, tier, key, pattern, policies, tags, and
the labels of its present version. Older versions stay behind. The archive is encrypted and shows
on import whether it is whole. An export that was interrupted goes on where it stopped when the
same command runs again; until it is done, the archive is called FILE.partial.

Each secret is taken with its versions that have labels, these labels, its description, key, type,
tags and policy; how it is rotated and replicated stays behind.

They come from AWS_ENDPOINT_URL, or from AWS. The caller needs ssm:DescribeParameters,
ssm:GetParameterHistory, ssm:ListTagsForResource, and kms:Decrypt for SecureStrings; for secrets
secretsmanager:ListSecrets, DescribeSecret, GetResourcePolicy, GetSecretValue, and kms:Decrypt.";

pub(crate) const IMPORT_HELP: &str = "\
Examples:
  bulla import --raw-key archive.key --raw-name archives/one -i app.archive --dry-run
  bulla import --discovery -i all.archive --kms-key alias/app --on-conflict skip

The archive is checked to its end before anything changes. What is there already with the same type
and value is left as it is, but for tags and labels; so an import that was interrupted is ended by
running the same command again.

Secrets keep the ids of their versions. With --on-conflict overwrite a secret that differs gets the
archive's versions, and keeps its own description, key, tags and policy.

They go to AWS_ENDPOINT_URL, or to AWS. The caller needs ssm:GetParameters, ssm:PutParameter,
ssm:LabelParameterVersion, ssm:AddTagsToResource, and kms:Encrypt and kms:Decrypt for SecureStrings;
for secrets secretsmanager:DescribeSecret, GetSecretValue, CreateSecret, PutSecretValue, TagResource,
UpdateSecretVersionStage, PutResourcePolicy, and kms:GenerateDataKey and kms:Decrypt.";

/// What becomes variables.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Wanted {
    /// A path whose parameters become variables; may be repeated, and later ones win.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Vec<String>,
    /// A secret that becomes variables, by name or ARN; may be repeated, and later ones win, also
    /// over parameters.
    #[arg(long, value_name = "NAME")]
    pub(crate) secret: Vec<String>,
}

/// `bulla run`.
#[derive(Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Give the program these variables alone, and nothing of the present environment.
    #[arg(long)]
    pub(crate) pristine: bool,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// How `bulla env` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines that a POSIX shell can evaluate.
    Shell,
    /// Lines of a .env file.
    Dotenv,
    /// One JSON object.
    Json,
}

/// `bulla env`.
#[derive(Args)]
pub(crate) struct EnvOptions {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// How they are written.
    #[arg(long, value_enum, default_value_t = Format::Shell)]
    pub(crate) format: Format,
}

/// What an archive is made of.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Taken {
    /// The path whose parameters are taken, with all that lies under it; / takes everything.
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// What the names of secrets that are taken begin with; an empty text takes all.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) secrets: Option<String>,
}

/// `bulla export`.
#[derive(Args)]
pub(crate) struct ExportOptions {
    #[command(flatten)]
    pub(crate) taken: Taken,
    #[command(flatten)]
    pub(crate) keys: WrappingKeys,
    /// The archive.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Print the names of what would be taken, and take nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// What becomes of a parameter that is there already with another value or type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnConflict {
    /// Change nothing at all, and name it.
    Fail,
    /// Leave it as it is.
    Skip,
    /// Give it the archive's value as a new version.
    Overwrite,
}

/// `bulla import`.
#[derive(Args)]
pub(crate) struct ImportOptions {
    /// The archive.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) keys: WrappingKeys,
    #[command(flatten)]
    pub(crate) discovery: Discovery,
    /// What becomes of parameters and secrets that are there already and differ.
    #[arg(long, value_enum, default_value_t = OnConflict::Fail)]
    pub(crate) on_conflict: OnConflict,
    /// The KMS key of all SecureStrings and secrets, in place of those that the archive names.
    #[arg(long, value_name = "KEY")]
    pub(crate) kms_key: Option<String>,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
