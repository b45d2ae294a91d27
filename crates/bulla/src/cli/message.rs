//! The command line of messages: `bulla encrypt`, `decrypt` and `inspect`.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use bulla_envelope::Suite;
use clap::{Args, Subcommand, ValueEnum};

pub(crate) const ENCRYPT_HELP: &str = "\
Examples:
  bulla encrypt --key alias/app --context purpose=backup -i dump.sql -o dump.sql.encrypted
  tar c photos | bulla encrypt --key alias/app > photos.encrypted
  bulla encrypt --key alias/app --cache max-age=60,max-messages=1000 -i folder -o sealed

KMS is found by AWS_ENDPOINT_URL, or is AWS's own; credentials are AWS's usual variables and files.
Messages are those of the AWS Encryption SDKs. With more than one --key, each decrypts.

Exit codes: those of bulla decrypt.";

pub(crate) const DECRYPT_HELP: &str = "\
Examples:
  bulla decrypt --key KEY-ARN --context purpose=backup -i dump.sql.encrypted -o dump.sql
  bulla decrypt --discovery --discovery-account 111122223333 < photos.encrypted | tar x
  bulla decrypt --key KEY-ARN -i sealed -o folder

A file appears only once all of its message was checked. On standard output a message without
signature comes frame by frame, each checked; a signed one comes once all was checked.

Exit codes: 0 all went well; 1 reading or writing failed; 2 the command line or the settings are
wrong; 4 a message is not authentic, not whole or not allowed; 5 no key could be used. In a folder
each file is tried; the code is that of the first failure.";

pub(crate) const BRANCH_KEY_HELP: &str = "\
Branch keys stand between a key of KMS and data keys, so that KMS is asked once a branch key and not
once a message. They are those of the AWS Encryption SDKs' hierarchical keyrings; their records lie
in a folder.

Examples:
  bulla branch-key create tenant-a --key KEY-ARN --branch-keys branches
  bulla encrypt --key KEY-ARN --branch-key tenant-a --branch-keys branches -i folder -o sealed

Exit codes: those of bulla decrypt.";

pub(crate) const INSPECT_HELP: &str = "\
Prints what a message says of itself, without any key. Nothing of it is authenticated.

Examples:
  bulla inspect dump.sql.encrypted
  bulla inspect --json < photos.encrypted | jq .encryptedDataKeys";

/// Which suites encrypt, and whether messages without commitment are decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Policy {
    /// Commit, and decrypt nothing that does not.
    #[value(name = "require-encrypt-require-decrypt")]
    Strict,
    /// Commit, but decrypt what does not, too.
    #[value(name = "require-encrypt-allow-decrypt")]
    Allowing,
    /// Do not commit, for readers that do not know commitment.
    #[value(name = "forbid-encrypt-allow-decrypt")]
    Forbidding,
}

/// How RSA pads data keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Padding {
    /// PKCS #1 v1.5, for old messages.
    Pkcs1,
    /// OAEP with SHA-1.
    OaepSha1,
    /// OAEP with SHA-256.
    OaepSha256,
    /// OAEP with SHA-384.
    OaepSha384,
    /// OAEP with SHA-512.
    OaepSha512,
}

/// The keys that wrap data keys.
#[derive(Args)]
pub(crate) struct WrappingKeys {
    /// A key of KMS; may be repeated.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Vec<String>,
    /// A key of one's own in place of KMS's: 16, 24 or 32 bytes for AES, PEM for RSA and ECDH.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) raw_key: Option<PathBuf>,
    /// What messages call that key; not for ECDH.
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "raw_key")]
    pub(crate) raw_name: Option<String>,
    /// How RSA pads.
    #[arg(long, value_enum, default_value_t = Padding::OaepSha256)]
    pub(crate) rsa_padding: Padding,
    /// The keys of KMS are RSA key pairs: encrypting wraps here with the public half, decrypting
    /// has KMS unwrap. Only with suites without signature, such as 0478.
    #[arg(long, requires = "key")]
    pub(crate) kms_rsa: bool,
    #[command(flatten)]
    pub(crate) agreement: Agreement,
    #[command(flatten)]
    pub(crate) branch: Branch,
    /// Replicas of a multi-Region key stand for each other.
    #[arg(long)]
    pub(crate) multi_region: bool,
}

/// What both directions share.
#[derive(Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) keys: WrappingKeys,
    /// A pair of the encryption context; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) context: Vec<String>,
    /// A key of a pair that messages do not store, but that must be known; may be repeated.
    #[arg(long, value_name = "KEY")]
    pub(crate) required: Vec<String>,
    /// Key commitment.
    #[arg(long, value_enum, default_value_t = Policy::Strict)]
    pub(crate) commitment_policy: Policy,
    /// The most encrypted data keys that a message may have.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_encrypted_data_keys: Option<NonZeroU16>,
    /// Use a data key several times: max-age=SECONDS, and as one likes max-messages=NUMBER,
    /// max-bytes=NUMBER, capacity=NUMBER, parted by commas.
    #[arg(long, value_name = "SETTINGS")]
    pub(crate) cache: Option<String>,
    /// A file or folder [default: standard input].
    #[arg(short, long, value_name = "PATH")]
    pub(crate) input: Option<PathBuf>,
    /// A file, or a folder if the input is one [default: standard output].
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Append a line of JSON for each message to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// Show no progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Data keys by key agreement (ECDH).
#[derive(Args)]
pub(crate) struct Agreement {
    /// Agree with the holder of this public key (PEM): --key names a key pair for agreement, or
    /// --raw-key one's own private key. With neither, encrypt with a key pair of one message.
    #[arg(long, value_name = "FILE", conflicts_with = "kms_rsa")]
    pub(crate) agree_with: Option<PathBuf>,
    /// Decrypt whatever anybody wrapped by agreement for the key pair: that says nothing of who.
    #[arg(long, conflicts_with_all = ["agree_with", "kms_rsa"])]
    pub(crate) agree_with_any: bool,
}

/// Data keys under a branch key, as the hierarchical keyring wraps them.
#[derive(Args)]
pub(crate) struct Branch {
    /// A branch key under the key of KMS that --key names: KMS is asked once a command.
    #[arg(long, value_name = "ID", requires_all = ["key", "branch_keys"])]
    #[arg(conflicts_with_all = ["kms_rsa", "agree_with", "agree_with_any"])]
    pub(crate) branch_key: Option<String>,
    /// The folder with branch keys' records; `bulla branch-key` makes them.
    #[arg(long, value_name = "FOLDER", requires = "branch_key")]
    pub(crate) branch_keys: Option<PathBuf>,
    /// The logical name of that store, which all its branch keys are bound to.
    #[arg(long, value_name = "NAME", default_value = BRANCH_STORE)]
    pub(crate) branch_store: String,
}

/// What a store of branch keys is called unless it is said.
const BRANCH_STORE: &str = "branch-keys";

/// `bulla branch-key`.
#[derive(Subcommand)]
pub(crate) enum BranchKeyCommand {
    /// Make a branch key.
    Create(BranchKeyOptions),
    /// Make a new version of one, which wraps from then on; older ones still unwrap.
    Rotate(BranchKeyOptions),
}

/// Which branch key, and where.
#[derive(Args)]
pub(crate) struct BranchKeyOptions {
    /// The branch key's id.
    pub(crate) id: String,
    /// The key of KMS that wraps it: its ARN, id or alias.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: String,
    /// The folder with branch keys' records, which must be there.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) branch_keys: PathBuf,
    /// The logical name of that store.
    #[arg(long, value_name = "NAME", default_value = BRANCH_STORE)]
    pub(crate) branch_store: String,
}

/// `bulla encrypt`.
#[derive(Args)]
pub(crate) struct EncryptOptions {
    #[command(flatten)]
    pub(crate) common: Common,
    /// The algorithm suite, by name or id, such as 0478 [default: the policy's, signed].
    #[arg(long, value_name = "NAME", value_parser = suite)]
    pub(crate) suite: Option<Suite>,
    /// Bytes of plaintext a frame.
    #[arg(long, value_name = "BYTES")]
    pub(crate) frame_length: Option<NonZeroU32>,
}

/// Keys that a message names itself.
#[derive(Args)]
pub(crate) struct Discovery {
    /// Decrypt with whichever keys a message names.
    #[arg(long, conflicts_with_all = ["key", "raw_key", "agree_with", "agree_with_any"])]
    pub(crate) discovery: bool,
    /// Of these accounts only; may be repeated.
    #[arg(long, value_name = "ACCOUNT", requires = "discovery")]
    pub(crate) discovery_account: Vec<String>,
    /// Of this partition.
    #[arg(long, value_name = "PARTITION", requires = "discovery", default_value = "aws")]
    pub(crate) discovery_partition: String,
}

/// `bulla decrypt`.
#[derive(Args)]
pub(crate) struct DecryptOptions {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) discovery: Discovery,
}

/// `bulla inspect`.
#[derive(Args)]
pub(crate) struct InspectOptions {
    /// The message [default: standard input].
    pub(crate) file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A suite by its name or its id in hexadecimal.
fn suite(text: &str) -> Result<Suite, String> {
    let by_id = u16::from_str_radix(text, 16).ok().and_then(Suite::from_id);
    by_id.or_else(|| Suite::from_name(text)).ok_or_else(|| {
        let all: Vec<String> =
            Suite::ALL.iter().map(|suite| format!("{:04x} {}", suite.id(), suite.name())).collect();
        format!("there are:\n  {}", all.join("\n  "))
    })
}
