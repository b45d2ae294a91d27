//! CreateSecret.

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{CreateSecretRequest, CreateSecretResponse, ReplicaRegionType};
use bulla_store::SealedBatch;

use super::{Answer, key_name, tags};
use crate::across::POLICY_NAME;
use crate::conditions;
use crate::identifier::{self, check_name};
use crate::live::{Held, LiveSecret};
use crate::record::{ForeignPrimary, SUFFIX_LEN, SecretRecord, Standing, Version};
use crate::replicas;
use crate::sealing::Value;
use crate::secrets::SECRET_TYPE;
use crate::stages::CURRENT;
use crate::{Secrets, fault};

/// What a suffix is made of: 32 signs, so that a byte gives one of them without preference.
const SUFFIX_SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefgh";

pub(crate) async fn create_secret(
    service: &Secrets,
    call: &mut Call,
    input: &CreateSecretRequest<'_>,
) -> Answer {
    let name = input.name();
    let tags = tags::pairs(input.tags());
    let record = blank(service, call, input, &tags)?;
    let arn = record.arn();
    permit(call, input, &arn, &tags)?;
    check_name(name)?;
    if let Some(primary) = input.cross_account_primary_arn() {
        check_foreign_replica(call, input, primary)?;
    }
    let token = input.client_request_token().ok_or_else(fault::no_token)?;
    let value = super::value(input.secret_string(), input.secret_binary())?;
    tags::check(&tags)?;
    for wanted in wanted(input) {
        replicas::check_region(call, wanted.region().unwrap_or_default())?;
    }
    if let Some(existing) = service.live(&record.path()).await? {
        return again(service, call, input, &existing, value.as_ref()).await;
    }
    service.must_have_room(call, (&record.account, &record.region)).await?;
    service.try_key(call, &record).await?;
    let mut record = SecretRecord { tags, ..record };
    let mut batch = SealedBatch::new();
    if let Some(value) = &value {
        let version = Version {
            id: token.to_owned(),
            created_ms: call.now_ms,
            stages: vec![],
            key: record.key.clone(),
            has_value: true,
            shows: None,
        };
        record.add_version(version, &[CURRENT])?;
        batch = service.seal_everywhere(call, &mut record, token, value, batch).await?;
    }
    call.touched(&arn, &record.account, SECRET_TYPE);
    service.commit_new(&record, batch).await?;
    let mut statuses = None;
    if input.add_replica_regions().is_some() {
        let force = input.force_overwrite_replica_secret() == Some(true);
        let wanted: Vec<_> = wanted(input).collect();
        statuses = Some(service.replicate(call, &record.path(), &wanted, force).await?);
    }
    let answer = answer(&record, value.is_some().then_some(token))
        .with_some(statuses, CreateSecretResponse::with_replication_status);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

fn wanted<'i>(input: &'i CreateSecretRequest<'_>) -> impl Iterator<Item = ReplicaRegionType<'i>> {
    input.add_replica_regions().into_iter().flat_map(|regions| regions.iter().collect::<Vec<_>>())
}

fn answer(record: &SecretRecord, version: Option<&str>) -> CreateSecretResponse<'static> {
    CreateSecretResponse::new()
        .with_arn(record.arn())
        .with_name(record.name.clone())
        .with_some(version.map(str::to_owned), CreateSecretResponse::with_version_id)
}

/// The record of a new secret, without a value yet.
fn blank(
    service: &Secrets,
    call: &Call,
    input: &CreateSecretRequest<'_>,
    tags: &[(String, String)],
) -> Result<SecretRecord, Stop> {
    let random = service.crypto.random::<SUFFIX_LEN>()?;
    let sign = |byte: u8| SUFFIX_SIGNS.get(usize::from(byte % 32)).copied().map(char::from);
    let owned = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(SecretRecord {
        account: call.account().to_owned(),
        region: call.region.clone(),
        partition: call.partition.to_owned(),
        name: input.name().to_owned(),
        suffix: random.into_iter().filter_map(sign).collect(),
        created_ms: call.now_ms,
        changed_ms: call.now_ms,
        rotated_ms: None,
        description: owned(input.description()),
        key: key_name(input.kms_key_id()),
        kind: owned(input.r#type()),
        token: input.client_request_token().map(str::to_owned),
        tags: tags.to_vec(),
        versions: vec![],
        deletion_ms: None,
        policy: None,
        rotation: None,
        primary_region: None,
        replicas: None,
        foreign_primary: input
            .cross_account_primary_arn()
            .map(|arn| ForeignPrimary { arn: arn.to_owned(), standing: Standing::Pending }),
        foreign_replica: None,
    })
}

/// Asks for permission on the secret that is to be; a refusal calls it by its name.
fn permit(
    call: &Call,
    input: &CreateSecretRequest<'_>,
    arn: &str,
    tags: &[(String, String)],
) -> Result<(), Stop> {
    let replicas: Vec<String> =
        wanted(input).filter_map(|one| one.region().map(str::to_owned)).collect();
    let keys = RequestKeys::none()
        .with("secretsmanager:name", input.name())
        .with_some("secretsmanager:description", input.description())
        .with_some("secretsmanager:type", input.r#type())
        .with_many(
            "secretsmanager:addreplicaregions",
            replicas.iter().map(String::as_str).collect(),
        )
        .with_flag(
            "secretsmanager:forceoverwritereplicasecret",
            input.force_overwrite_replica_secret(),
        )
        .tags(tags);
    let keys = conditions::with_kms_key(keys, input.kms_key_id());
    let ask = |action: &str, keys: &RequestKeys<'_>| {
        let account = call.account().to_owned();
        let coming = Guarded::new(Held { secret: None, arn: arn.to_owned(), account });
        coming.permit(call, action, keys, Named::As(input.name())).map(|_| ())
    };
    ask("secretsmanager:CreateSecret", &keys)?;
    // What goes along with it (API reference, CreateSecret).
    if !tags.is_empty() {
        ask("secretsmanager:TagResource", &keys)?;
    }
    if !replicas.is_empty() {
        ask("secretsmanager:ReplicateSecretToRegions", &keys)?;
    }
    if input.cross_account_primary_arn().is_some() {
        let keys = RequestKeys::none().with("secretsmanager:policyname", POLICY_NAME);
        ask("secretsmanager:PutResourcePolicy", &keys)?;
    }
    Ok(())
}

/// Refuses what can't be the replica of another account's secret (API reference, CreateSecret;
/// the texts are ours).
fn check_foreign_replica(
    call: &Call,
    input: &CreateSecretRequest<'_>,
    primary: &str,
) -> Result<(), Stop> {
    let named = identifier::parse(call, primary).filter(|_| primary.starts_with("arn:"));
    let fits = named.is_some_and(|named| named.suffix.is_some() && named.account != call.account());
    if !fits {
        let text = "The CrossAccountPrimaryARN must be the complete ARN of a secret in another \
                    account, in the Region and partition of the replica secret.";
        return Err(fault::invalid_parameter(text).into());
    }
    let barred = [
        ("SecretString", input.secret_string().is_some()),
        ("SecretBinary", input.secret_binary().is_some()),
        ("Description", input.description().is_some()),
        ("AddReplicaRegions", input.add_replica_regions().is_some()),
        ("Type", input.r#type().is_some()),
    ];
    if let Some((name, _)) = barred.into_iter().find(|(_, given)| *given) {
        let text = format!("You can't use {name} in conjunction with CrossAccountPrimaryARN.");
        return Err(fault::invalid_parameter(text).into());
    }
    match key_name(input.kms_key_id()) {
        Some(_) => Ok(()),
        None => Err(fault::needs_own_key().into()),
    }
}

/// The answer where the name is taken: the same once more if this is the same request again.
async fn again(
    service: &Secrets,
    call: &mut Call,
    input: &CreateSecretRequest<'_>,
    existing: &LiveSecret,
    value: Option<&Value>,
) -> Answer {
    let record = &existing.record;
    if record.deletion_ms.is_some() {
        return Err(fault::name_scheduled().into());
    }
    let token = input.client_request_token().unwrap_or_default();
    if record.token.as_deref() != Some(token) {
        return Err(fault::name_taken(&record.name).into());
    }
    let same = match (value, record.version(token)) {
        (Some(value), Some(version)) => service.holds(call, existing, version, value).await?,
        (value, version) => value.is_none() && version.is_none(),
    };
    let primary = record.foreign_primary.as_ref().map(|link| link.arn.as_str());
    if !same || primary != input.cross_account_primary_arn() {
        return Err(fault::token_in_use(token, &existing.arn).into());
    }
    call.touched(&existing.arn, &record.account, SECRET_TYPE);
    let answer = answer(record, value.is_some().then_some(token));
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}
