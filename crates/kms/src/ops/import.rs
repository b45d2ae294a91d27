//! GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial.

use bulla_crypto::{CryptoError, SecretBytes};
use bulla_plane::{Call, Stop};
use bulla_shapes::kms::{
    DeleteImportedKeyMaterialRequest, DeleteImportedKeyMaterialResponse,
    GetParametersForImportRequest, GetParametersForImportResponse, ImportKeyMaterialRequest,
    ImportKeyMaterialResponse,
};
use bulla_shapes::{Fault, View};
use bulla_store::SealedBatch;

use super::Answer;
use super::own_key::own_key;
use crate::conditions::RequestKeys;
use crate::import_token::{Names, Ticket};
use crate::imports::{Place, reschedule};
use crate::key::{DAY_MS, Import, KeyRecord, Material};
use crate::kind::{Form, Kind};
use crate::live::LiveKey;
use crate::wrapping::Wrapping;
use crate::{Kms, fault};

/// How long the parameters of an import are good, in milliseconds.
const PARAMETERS_MS: i64 = DAY_MS;
/// How far ahead material may expire.
const MAX_VALID_MS: i64 = 365 * DAY_MS;

pub(crate) async fn get_parameters_for_import(
    kms: &Kms,
    call: &mut Call,
    input: &GetParametersForImportRequest<'_>,
) -> Answer {
    let (algorithm, spec) = (input.wrapping_algorithm(), input.wrapping_key_spec());
    let keys = RequestKeys::none()
        .with("kms:wrappingalgorithm", algorithm)
        .with("kms:wrappingkeyspec", spec);
    let key = own_key(kms, call, input.key_id(), "kms:GetParametersForImport", &keys).await?;
    key.must_be_imported()?;
    key.must_not_be_going()?;
    let wrapping = Wrapping::of(key.record.kind, algorithm, spec, call.partition)?;
    let pair = wrapping.pair();
    let private = kms.new_pair(pair).await?;
    let public = kms.open_pair(pair, private.expose()).await?.public_der().to_vec();
    let valid_to_ms = call.now_ms.saturating_add(PARAMETERS_MS);
    let names = Names { path: &key.path, algorithm, spec, valid_to_ms };
    let answer = GetParametersForImportResponse::new()
        .with_key_id(key.arn.clone())
        .with_import_token(kms.new_import_token(&names, &private)?)
        .with_public_key(public)
        .with_parameters_valid_to(valid_to_ms);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn import_key_material(
    kms: &Kms,
    call: &mut Call,
    input: &ImportKeyMaterialRequest<'_>,
) -> Answer {
    let expires = input.expiration_model() != Some(Import::FOREVER);
    let model = if expires { Import::EXPIRES } else { Import::FOREVER };
    let keys = RequestKeys::none()
        .with("kms:expirationmodel", model)
        .with_some("kms:validto", input.valid_to().and_then(date));
    let key = own_key(kms, call, input.key_id(), "kms:ImportKeyMaterial", &keys).await?;
    key.must_be_imported()?;
    let valid_to_ms = valid_to(expires, input.valid_to(), call.now_ms)?;
    let kind = key.record.kind;
    fits(kind, input)?;
    key.must_not_be_going()?;
    let ticket = kms.open_import_token(input.import_token())?;
    if ticket.path != key.path {
        return Err(fault::invalid_import_token().into());
    }
    if ticket.valid_to_ms <= call.now_ms {
        return Err(fault::expired_import_token().into());
    }
    let material = unwrapped(kms, kind, ticket, input.encrypted_key_material()).await?;
    let id = kms.material_id(&key.record, &material);
    let mut record = key.record.clone();
    let import = Import {
        held: true,
        valid_to_ms,
        description: input.key_material_description().map(str::to_owned),
    };
    if record.is_replica() {
        suits_replica(input)?;
    }
    let before = enter(&mut record, &key, &id, import, input)?;
    let batch = kms.put_material(SealedBatch::new(), &record, &id, material.expose()).await?;
    let batch = reschedule(batch, &key.path, &id, before, valid_to_ms);
    kms.change(&key, &record, batch, call.now_ms).await?;
    let shown = kind.is_symmetric_encryption().then_some(id);
    let answer = ImportKeyMaterialResponse::new()
        .with_key_id(key.arn.clone())
        .with_some(shown, ImportKeyMaterialResponse::with_key_material_id);
    Ok(Some(answer.into_record()))
}

/// A time as the value of a condition key.
fn date(at_ms: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(at_ms).ok().map(|at| at.to_string())
}

/// When the material expires, in whole seconds (recorded texts and rounding).
fn valid_to(expires: bool, asked: Option<i64>, now_ms: i64) -> Result<Option<i64>, Fault> {
    let refused = |text: &str| Err(fault::validation(text));
    match (expires, asked) {
        (false, None) => Ok(None),
        (false, Some(_)) => refused(
            "A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
        ),
        (true, None) => {
            refused("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
        }
        (true, Some(at_ms)) if at_ms <= now_ms => refused("ValidTo must be in the future"),
        (true, Some(at_ms)) if at_ms.saturating_sub(now_ms) > MAX_VALID_MS => {
            refused("ValidTo must be less than 365 days in the future")
        }
        (true, Some(at_ms)) => Ok(Some(at_ms.saturating_sub(at_ms.rem_euclid(1_000)))),
    }
}

/// Whether the parameters are such that a key of this kind takes. The last text is ours.
fn fits(kind: &Kind, input: &ImportKeyMaterialRequest<'_>) -> Result<(), Fault> {
    if input.import_type() == Some("NEW_KEY_MATERIAL") && input.key_material_id().is_some() {
        return Err(fault::validation(
            "Input parameter keyMaterialId cannot be used with NEW_KEY_MATERIAL importType.",
        ));
    }
    let particular = input.import_type().is_some()
        || input.key_material_id().is_some()
        || input.key_material_description().is_some();
    if particular && !kind.is_symmetric_encryption() {
        return Err(fault::validation(
            "ImportType, KeyMaterialDescription and KeyMaterialId can be used only with symmetric \
             encryption KMS keys.",
        ));
    }
    Ok(())
}

/// The material as its row has it. What does not unwrap, or is not material of this kind, is one
/// and the same error (recorded).
async fn unwrapped(
    kms: &Kms,
    kind: &Kind,
    ticket: Ticket,
    wrapped: &[u8],
) -> Result<SecretBytes, Stop> {
    let wrapping = ticket.wrapping;
    let pair = kms.open_pair(wrapping.pair(), ticket.private.expose()).await?;
    let wrapped = wrapped.to_vec();
    let (pairs, form) = (kms.crypto.pairs, kind.form);
    let work = move || {
        let material = wrapping.unwrap(&pair, &wrapped)?;
        match form {
            Form::Symmetric if material.len() == bulla_crypto::KEY_LEN => Ok(material),
            Form::Mac(hash) if material.len() == hash.output_len() => Ok(material),
            Form::Pair(spec) => pairs.open(spec, material.expose())?.private_der(),
            Form::Symmetric | Form::Mac(_) => Err(CryptoError::Unauthentic),
        }
    };
    match kms.workshop.run(work).await? {
        Err(CryptoError::Unauthentic | CryptoError::MalformedKey(_)) => {
            Err(fault::invalid_ciphertext().into())
        }
        material => Ok(material?),
    }
}

/// What only the primary of a multi-Region key takes (recorded texts).
fn suits_replica(input: &ImportKeyMaterialRequest<'_>) -> Result<(), Fault> {
    if input.key_material_description().is_some() {
        return Err(fault::validation(
            "Key material description can only be specified on primary Multi-Region keys",
        ));
    }
    if input.import_type() == Some("NEW_KEY_MATERIAL") {
        return Err(fault::validation(
            "Input parameter ImportType NEW_KEY_MATERIAL cannot be used on replica Multi-Region keys",
        ));
    }
    Ok(())
}

/// Enters the material into the record, and gives the time that it was to expire at before
/// (recorded rules and texts).
fn enter(
    record: &mut KeyRecord,
    key: &LiveKey,
    id: &str,
    import: Import,
    input: &ImportKeyMaterialRequest<'_>,
) -> Result<Option<i64>, Fault> {
    let is_first = record.materials.is_empty();
    let is_new = match input.import_type() {
        Some(kind) => kind == "NEW_KEY_MATERIAL",
        None => is_first,
    };
    let known = record.place_of(id);
    if is_new {
        enter_new(record, key, id, import)?;
        return Ok(None);
    }
    let current = record.materials.last().map(|material| material.id.as_str());
    let expected = input.key_material_id().or(current);
    let Some(place) = known.filter(|_| expected == Some(id)) else {
        // There is no recorded text for a key that never had any.
        let expected = expected.unwrap_or_default();
        return Err(fault::incorrect_material(format!(
            "Imported key material does not have the expected identifier ({expected})."
        )));
    };
    let material = record.material_at(place).ok_or_else(fault::internal)?;
    let old = material.import.take();
    let before = old.as_ref().and_then(|old| old.valid_to_ms);
    // Without a new description the old one stays (recorded).
    let description = import.description.or_else(|| old.and_then(|old| old.description));
    material.import = Some(Import { description, ..import });
    if place != Place::Pending {
        record.settle();
    }
    Ok(before)
}

fn enter_new(record: &mut KeyRecord, key: &LiveKey, id: &str, import: Import) -> Result<(), Fault> {
    let arn = &key.arn;
    if record.place_of(id).is_some() {
        return Err(fault::incorrect_material(format!(
            "Key material (id: {id}) being imported as NEW_KEY_MATERIAL is already associated with \
             KMS key {arn}."
        )));
    }
    if let Some(pending) = &record.pending {
        return Err(fault::invalid_state_text(format!(
            "New key material (id: {id}) cannot be imported into KMS key {arn}, because another \
             key material (id: {}) is pending rotation.",
            pending.id
        )));
    }
    let material = Material::brought_in(id.to_owned(), import);
    if record.materials.is_empty() {
        record.materials.push(material);
        record.settle();
    } else {
        record.pending = Some(material);
    }
    Ok(())
}

pub(crate) async fn delete_imported_key_material(
    kms: &Kms,
    call: &mut Call,
    input: &DeleteImportedKeyMaterialRequest<'_>,
) -> Answer {
    let none = RequestKeys::none();
    let key = own_key(kms, call, input.key_id(), "kms:DeleteImportedKeyMaterial", &none).await?;
    key.must_be_imported()?;
    let answer = DeleteImportedKeyMaterialResponse::new().with_key_id(key.arn.clone());
    let mut record = key.record.clone();
    let current = record.materials.last().map(|material| material.id.clone());
    let Some(id) = input.key_material_id().map(str::to_owned).or(current) else {
        return Ok(Some(answer.into_record()));
    };
    let Some(place) = record.place_of(&id) else {
        return Err(fault::validation(format!(
            "Key material (id: {id}) has never been imported into KMS key {}.",
            key.arn
        ))
        .into());
    };
    // A replica goes on waiting for what its primary has.
    let vanishes = place == Place::Pending && !record.is_replica();
    let is_held = record.material_at(place).is_some_and(|material| material.is_held());
    if is_held {
        let expiry = record.take_away(place);
        let batch = reschedule(SealedBatch::new(), &key.path, &id, expiry, None);
        let batch = if vanishes {
            kms.drop_material(batch, &record, &id).await?
        } else {
            kms.put_material(batch, &record, &id, &[]).await?
        };
        forget(&mut record, place);
        kms.change(&key, &record, batch, call.now_ms).await?;
    } else if vanishes {
        let batch = kms.drop_material(SealedBatch::new(), &record, &id).await?;
        forget(&mut record, place);
        kms.change(&key, &record, batch, call.now_ms).await?;
    }
    let shown = key.record.kind.is_symmetric_encryption().then_some(id);
    let answer = answer.with_some(shown, DeleteImportedKeyMaterialResponse::with_key_material_id);
    Ok(Some(answer.into_record()))
}

/// Pending material leaves no trace but in a replica; other material leaves the key waiting for it
/// (recorded).
fn forget(record: &mut KeyRecord, place: Place) {
    match place {
        Place::Pending if record.is_replica() => {}
        Place::Pending => record.pending = None,
        Place::Known(_) => record.settle(),
    }
}
