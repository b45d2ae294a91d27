//! Buckets of S3, or of what speaks like it, to which trails deliver: by AWS's own client.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, SharedCredentialsProvider,
};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use bulla_crypto::SecretBytes;
use bulla_plane::BoxFuture;

use crate::place::{Object, Place, PutError};

/// How often the client tries to put an object at once. What it could not put is planned, and put
/// with the next delivery.
const ATTEMPTS: u32 = 3;
/// How long it waits for an answer, all attempts together.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the buckets are, and who puts.
#[derive(Clone)]
pub struct Access {
    /// Where S3 is; AWS's own where this is not set.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret: std::sync::Arc<SecretBytes>,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
}

/// Buckets of S3. An object with a KMS key is encrypted by S3 itself (SSE-KMS).
pub struct Buckets(Client);

impl Buckets {
    /// The buckets; nothing is asked yet.
    #[must_use]
    pub fn new(access: &Access) -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
        // The client keeps credentials as texts: they are not ours any more.
        let secret = String::from_utf8_lossy(access.secret.expose()).into_owned();
        let token = access.session_token.clone();
        let credentials = Credentials::new(&access.access_key_id, secret, token, None, "settings");
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .region(Region::new(access.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build())
            // Not all that speaks like S3 knows its newer checksums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        if let Some(endpoint) = &access.endpoint {
            config = config.endpoint_url(endpoint).force_path_style(true);
        }
        Self(Client::from_conf(config.build()))
    }

    async fn put_now(&self, object: Object) -> Result<(), PutError> {
        let Object { bucket, key, metadata, kms_key, body } = object;
        let encryption = kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms);
        let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = self.0.put_object().bucket(&bucket).key(key).body(ByteStream::from(body));
        let put = put.content_type("application/json").content_encoding("gzip");
        let put = put.set_metadata(Some(metadata));
        let put = put.set_server_side_encryption(encryption).set_ssekms_key_id(kms_key);
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(PutError(match (error.code(), error.message()) {
                (Some(code), text) => format!("{bucket}: {code}: {}", text.unwrap_or_default()),
                _ => format!("{bucket}: {}", DisplayErrorContext(&error)),
            })),
        }
    }
}

impl Place for Buckets {
    fn put(&self, object: Object) -> BoxFuture<'_, Result<(), PutError>> {
        Box::pin(self.put_now(object))
    }

    fn encrypts(&self) -> bool {
        true
    }
}
