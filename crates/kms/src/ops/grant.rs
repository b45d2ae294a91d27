//! CreateGrant.

use bulla_plane::{Call, Stop};
use bulla_shapes::kms::{CreateGrantRequest, CreateGrantResponse, GrantConstraints};
use bulla_shapes::{Fault, StringMap, View};

use super::{Answer, KEY_TYPE, stop_if_dry};
use crate::conditions::RequestKeys;
use crate::grant::{Constraints, GrantRecord, Pairs, Party};
use crate::grants;
use crate::live::LiveKey;
use crate::principals::{self, Principal, Unknown};
use crate::quotas::GRANTS_PER_KEY;
use crate::{Kms, fault};

/// The most pairs of an encryption context in a constraint (KMS guide, "Grants").
const MAX_PAIRS: usize = 8;
/// The most characters of a value in a constraint (KMS guide, "Grants").
const MAX_VALUE_CHARS: usize = 384;

/// Principals that a request names, and what is wrong with them, which is told to those only who
/// may create the grant.
struct Parties {
    grantee: Named,
    retiring: Option<Named>,
}

/// A principal as a request names it.
struct Named {
    /// What a condition key shows: the ARN, in whatever form the request has it.
    shown: String,
    party: Party,
    wrong: Option<Fault>,
}

pub(crate) async fn create_grant(
    kms: &Kms,
    call: &mut Call,
    input: &CreateGrantRequest<'_>,
) -> Answer {
    let constraints = input.constraints().map(|c| of_request(&c)).unwrap_or_default();
    let parties = parties(kms, call, input, &constraints).await?;
    let mut grant = GrantRecord {
        id: String::new(),
        name: input.name().map(str::to_owned),
        created_ms: call.now_ms,
        grantee: parties.grantee.party.clone(),
        retiring: parties.retiring.as_ref().map(|named| named.party.clone()),
        issuer: call.account().to_owned(),
        operations: operations(input),
        constraints,
        name_row: None,
        retiring_row: None,
    };
    let found = kms.find_to_grant(call, input.key_id(), grant.clone()).await?;
    kms.check_tokens(call, input.grant_tokens()).await?;
    let key = found.permit(call, "kms:CreateGrant", &conditions(call, &grant, &parties))?;
    call.touched(&key.arn, &key.record.account, KEY_TYPE);
    let wrong = [Some(parties.grantee), parties.retiring].into_iter().flatten();
    if let Some(fault) = wrong.filter_map(|named| named.wrong).next() {
        return Err(fault.into());
    }
    key.must_be_enabled()?;
    fits(&grant, &key)?;
    within_limits(&grant.constraints)?;
    if let Some(known) = named_alike(kms, &key, &mut grant).await? {
        stop_if_dry(input.dry_run())?;
        return answer(kms, call, &key, &known);
    }
    let most = GRANTS_PER_KEY.limit(call);
    if usize::try_from(key.record.grants).unwrap_or(usize::MAX) >= most {
        // AWS's text is not recorded; this one is ours.
        let text = format!("{} has {most} grants, the most possible.", key.arn);
        return Err(fault::limit_exceeded(text).into());
    }
    stop_if_dry(input.dry_run())?;
    grant.id = kms.new_grant_id(&key.path, &grant.grantee)?;
    if let Some(party) = &grant.retiring {
        let prefix = kms.retirable_prefix(&call.region, party)?;
        let KeyPlace { account, id } = KeyPlace::of(&key);
        grant.retiring_row = Some(format!("{prefix}{account}/{id}/{}", grant.id));
    }
    kms.add_grant(&key, &grant, call.now_ms).await?;
    answer(kms, call, &key, &grant.id)
}

/// Account and id of a key, as the index of retiring principals has them.
struct KeyPlace<'k> {
    account: &'k str,
    id: &'k str,
}

impl<'k> KeyPlace<'k> {
    fn of(key: &'k LiveKey) -> Self {
        Self { account: &key.record.account, id: &key.record.id }
    }
}

fn answer(kms: &Kms, call: &mut Call, key: &LiveKey, id: &str) -> Answer {
    let told = serde_json::json!({ "grantId": id, "keyId": key.arn });
    call.trail.response = Some(told.to_string());
    let token = kms.new_token(&grants::row(&key.path, id))?;
    let answer = CreateGrantResponse::new().with_grant_id(id.to_owned()).with_grant_token(token);
    Ok(Some(answer.into_record()))
}

/// The operations of a request, each once, in its order.
fn operations(input: &CreateGrantRequest<'_>) -> Vec<String> {
    let mut operations: Vec<String> = Vec::new();
    for operation in input.operations().iter().flat_map(|all| all.iter()) {
        if !operations.iter().any(|known| known == operation) {
            operations.push(operation.to_owned());
        }
    }
    operations
}

fn of_request(constraints: &GrantConstraints<'_>) -> Constraints {
    let pairs = |map: Option<StringMap<'_>>| -> Option<Pairs> {
        map.map(|map| map.iter().map(|(key, value)| (key.into(), value.into())).collect())
    };
    Constraints {
        equals: pairs(constraints.encryption_context_equals()),
        subset: pairs(constraints.encryption_context_subset()),
        source_arn: constraints.source_arn().map(str::to_owned),
    }
}

/// Whom the grant names (KMS guide, "Grants"). The texts of the refusals are ours.
async fn parties(
    kms: &Kms,
    call: &Call,
    input: &CreateGrantRequest<'_>,
    constraints: &Constraints,
) -> Result<Parties, Stop> {
    let grantee = match (input.grantee_principal(), input.grantee_service_principal()) {
        (Some(text), None) => named(kms, call, text, "GranteePrincipal").await?,
        (None, Some(service)) => of_service(service),
        _ => {
            let text = "Specify exactly one of GranteePrincipal and GranteeServicePrincipal.";
            return Err(fault::validation(text).into());
        }
    };
    let retiring = match (input.retiring_principal(), input.retiring_service_principal()) {
        (Some(text), None) => Some(named(kms, call, text, "RetiringPrincipal").await?),
        (None, Some(service)) => Some(of_service(service)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            let text = "Specify at most one of RetiringPrincipal and RetiringServicePrincipal.";
            return Err(fault::validation(text).into());
        }
    };
    let to_service = matches!(grantee.party, Party::Service(_));
    if to_service && (constraints.source_arn.is_none() || retiring.is_none()) {
        return Err(fault::validation(
            "A grant to a service needs a SourceArn constraint, and a RetiringPrincipal or \
             RetiringServicePrincipal.",
        )
        .into());
    }
    Ok(Parties { grantee, retiring })
}

fn of_service(name: &str) -> Named {
    Named { shown: name.to_owned(), party: Party::Service(name.to_owned()), wrong: None }
}

async fn named(kms: &Kms, call: &Call, text: &str, member: &str) -> Result<Named, Stop> {
    let told = |why: Unknown| {
        why.of_arn(text).unwrap_or_else(|| {
            fault::invalid_arn(format!("{member} does not refer to a valid principal."))
        })
    };
    Ok(match principals::resolve(&*kms.directory, call.partition, text).await? {
        Ok(Principal { id, arn, .. }) => {
            Named { shown: arn, party: Party::Principal(id), wrong: None }
        }
        Err(why) => {
            let party = Party::Principal(text.to_owned());
            Named { shown: text.to_owned(), party, wrong: Some(told(why)) }
        }
    })
}

/// The condition keys of CreateGrant (KMS guide).
fn conditions<'a>(call: &Call, grant: &'a GrantRecord, parties: &'a Parties) -> RequestKeys<'a> {
    let of = |party: &'a Named| match party.party {
        Party::Principal(_) => (Some(party.shown.as_str()), None),
        Party::Service(_) => (None, Some(party.shown.as_str())),
    };
    let (grantee, grantee_service) = of(&parties.grantee);
    let (retiring, retiring_service) = parties.retiring.as_ref().map_or((None, None), of);
    let operations = grant.operations.iter().map(String::as_str).collect();
    RequestKeys::none()
        .of_grant(&grant.constraints)
        .with_flag("kms:grantisforawsresource", call.via.is_some())
        .with_many("kms:grantoperations", operations)
        .with_some("kms:granteeprincipal", grantee)
        .with_some("kms:granteeserviceprincipal", grantee_service)
        .with_some("kms:retiringprincipal", retiring)
        .with_some("kms:retiringserviceprincipal", retiring_service)
}

/// Whether the operations and constraints can be of such a key (recorded texts).
fn fits(grant: &GrantRecord, key: &LiveKey) -> Result<(), Fault> {
    let record_kind = key.record.kind;
    let usage = record_kind.usage.name();
    let valid: Vec<_> = record_kind.grant_operations().collect();
    let of = |operation: &&String| !valid.contains(&operation.as_str());
    let others: Vec<&str> = grant.operations.iter().filter(of).map(String::as_str).collect();
    if !others.is_empty() {
        let kind = if record_kind.is_symmetric() { "a symmetric" } else { "an asymmetric" };
        return Err(fault::validation(format!(
            "Operations [{}] are not supported when creating a grant for {kind} KMS key with key \
             usage {usage}. Valid operations are [{}]",
            others.join(", "),
            valid.join(", ")
        )));
    }
    let constraints = &grant.constraints;
    let context = constraints.equals.is_some() || constraints.subset.is_some();
    if context && !record_kind.is_symmetric_encryption() {
        return Err(fault::validation(
            "EncryptionContext is supported only when creating a grant for a symmetric encryption \
             KMS key.",
        ));
    }
    Ok(())
}

/// The texts are ours.
fn within_limits(constraints: &Constraints) -> Result<(), Fault> {
    for pairs in [&constraints.equals, &constraints.subset].into_iter().flatten() {
        if pairs.len() > MAX_PAIRS {
            return Err(fault::validation(format!(
                "A grant constraint has at most {MAX_PAIRS} encryption context pairs."
            )));
        }
        if pairs.iter().any(|(_, value)| value.chars().count() > MAX_VALUE_CHARS) {
            return Err(fault::validation(format!(
                "An encryption context value in a grant constraint has at most {MAX_VALUE_CHARS} \
                 characters."
            )));
        }
    }
    Ok(())
}

/// The grant of this name and these parameters that there is already; and where a new one goes
/// into the index of names. Neither the order of operations nor of pairs is a difference.
async fn named_alike(
    kms: &Kms,
    key: &LiveKey,
    grant: &mut GrantRecord,
) -> Result<Option<String>, Stop> {
    if grant.name.is_none() {
        return Ok(None);
    }
    let sorted = |pairs: &Option<Pairs>| {
        pairs.clone().map(|mut pairs| {
            pairs.sort_unstable();
            pairs
        })
    };
    let mut operations = grant.operations.clone();
    operations.sort_unstable();
    let GrantRecord { name, grantee, retiring, issuer, constraints, .. } = &*grant;
    let (equals, subset) = (sorted(&constraints.equals), sorted(&constraints.subset));
    let constraints = (equals, subset, &constraints.source_arn);
    let parameters = (name, grantee, retiring, issuer, operations, constraints);
    let bytes = serde_json::to_vec(&parameters).map_err(|_| fault::internal())?;
    let row = kms.name_row(&key.path, &bytes)?;
    let known = kms.barrier.get(grants::GRANT_NAMES, row.as_bytes()).await?;
    grant.name_row = Some(row);
    let text = |id: &[u8]| String::from_utf8(id.to_vec()).map_err(|_| fault::internal());
    Ok(known.map(|opened| text(opened.value.expose())).transpose()?)
}
