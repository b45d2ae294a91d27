//! What concerns a whole account: its alias, and its numbers.

use bulla_plane::{Call, Stop};
use bulla_policy::Context;
use bulla_shapes::iam::{
    CreateAccountAliasRequest, DeleteAccountAliasRequest, GetAccountSummaryResponse,
    ListAccountAliasesRequest, ListAccountAliasesResponse,
};
use bulla_shapes::{NoInput, Value, View};
use bulla_store::{Expected, SealedBatch};

use super::census::Counted;
use super::gate::permit;
use super::{Answer, Iam, attach, fault, groups, keys, versions};
use crate::records::{ACCOUNT_ALIASES, ALIASES, ROOTS, RootRecord, Stored, bytes, load};

/// The alias of an account, if it has one.
async fn alias_of(iam: &Iam, account: &str) -> Result<Option<Stored<String>>, Stop> {
    let view = iam.principals.barrier.view().await?;
    load::<String>(&view, ACCOUNT_ALIASES, account).await
}

/// An account has one alias: a new one takes the old one's place. Nobody else may have it.
pub(crate) async fn create_account_alias(
    iam: &Iam,
    call: &mut Call,
    input: &CreateAccountAliasRequest<'_>,
) -> Answer {
    permit(call, "iam:CreateAccountAlias", "*", "*", &Context::new())?;
    let alias = input.account_alias();
    let account = call.account().to_owned();
    let view = iam.principals.barrier.view().await?;
    if load::<String>(&view, ALIASES, alias).await?.is_some() {
        let text = format!("The account alias {alias} already exists.");
        return Err(fault::already_exists(text).into());
    }
    drop(view);
    let standing = alias_of(iam, &account).await?;
    let mut batch = SealedBatch::new().put(ALIASES, alias, Expected::Absent, bytes(&account)?).put(
        ACCOUNT_ALIASES,
        account.as_str(),
        Expected::from(standing.as_ref().map(|standing| standing.version)),
        bytes(&alias)?,
    );
    if let Some(old) = standing {
        let view = iam.principals.barrier.view().await?;
        if let Some(taken) = load::<String>(&view, ALIASES, &old.record).await? {
            batch = batch.delete(ALIASES, old.record.as_str(), Expected::At(taken.version));
        }
    }
    iam.principals.commit(&account, batch).await?;
    Ok(None)
}

pub(crate) async fn delete_account_alias(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteAccountAliasRequest<'_>,
) -> Answer {
    permit(call, "iam:DeleteAccountAlias", "*", "*", &Context::new())?;
    let alias = input.account_alias();
    let account = call.account().to_owned();
    let standing = alias_of(iam, &account).await?.filter(|standing| standing.record == alias);
    let view = iam.principals.barrier.view().await?;
    let taken = load::<String>(&view, ALIASES, alias).await?;
    drop(view);
    let (Some(standing), Some(taken)) = (standing, taken) else {
        let text = format!("The account alias {alias} cannot be found.");
        return Err(fault::not_found(text).into());
    };
    let batch = SealedBatch::new().delete(ALIASES, alias, Expected::At(taken.version)).delete(
        ACCOUNT_ALIASES,
        account.as_str(),
        Expected::At(standing.version),
    );
    iam.principals.commit(&account, batch).await?;
    Ok(None)
}

pub(crate) async fn list_account_aliases(
    iam: &Iam,
    call: &mut Call,
    _: &ListAccountAliasesRequest<'_>,
) -> Answer {
    permit(call, "iam:ListAccountAliases", "*", "*", &Context::new())?;
    let alias = alias_of(iam, call.account()).await?.map(|standing| standing.record);
    let answer =
        ListAccountAliasesResponse::new().with_account_aliases(alias).with_is_truncated(false);
    Ok(Some(answer.into_record()))
}

/// The numbers of an account and its quotas. What this server has none of (MFA devices, passwords,
/// certificates, providers of SAML) counts zero, as it does in an account that uses none.
pub(crate) async fn get_account_summary(iam: &Iam, call: &mut Call, _: &NoInput<'_>) -> Answer {
    permit(call, "iam:GetAccountSummary", "*", "*", &Context::new())?;
    let (census, _) = iam.census(call.account()).await?;
    let view = iam.principals.barrier.view().await?;
    let root = load::<RootRecord>(&view, ROOTS, call.account()).await?;
    drop(view);
    let root_keys = root.is_some_and(|root| !root.record.keys.is_empty());
    let numbers = [
        ("AccessKeysPerUserQuota", keys::MAX_KEYS),
        ("AccountAccessKeysPresent", usize::from(root_keys)),
        ("AccountMFAEnabled", 0),
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("AssumeRolePolicySizeQuota", 2048),
        ("AttachedPoliciesPerGroupQuota", attach::MAX_ATTACHED),
        ("AttachedPoliciesPerRoleQuota", attach::MAX_ATTACHED),
        ("AttachedPoliciesPerUserQuota", attach::MAX_ATTACHED),
        ("GroupPolicySizeQuota", 5120),
        ("Groups", census.groups),
        ("GroupsPerUserQuota", groups::MAX_GROUPS_A_USER),
        ("GroupsQuota", Counted::Groups.most()),
        ("InstanceProfiles", census.profiles),
        ("InstanceProfilesQuota", Counted::Profiles.most()),
        ("MFADevices", 0),
        ("MFADevicesInUse", 0),
        ("Policies", census.policies),
        ("PoliciesQuota", Counted::Policies.most()),
        ("PolicySizeQuota", 6144),
        ("PolicyVersionsInUse", census.versions),
        ("PolicyVersionsInUseQuota", Counted::Versions.most()),
        ("RolePolicySizeQuota", 10_240),
        ("Roles", census.roles),
        ("RolesQuota", Counted::Roles.most()),
        ("UserPolicySizeQuota", 2048),
        ("Users", census.users),
        ("UsersQuota", Counted::Users.most()),
        ("VersionsPerPolicyQuota", versions::MAX_VERSIONS),
    ];
    let number = |(name, number): (&'static str, usize)| {
        (name.into(), Value::Int(i64::try_from(number).unwrap_or(i64::MAX)))
    };
    let answer = GetAccountSummaryResponse::new()
        .with_summary_map(numbers.into_iter().map(number).collect());
    Ok(Some(answer.into_record()))
}
