//! Instance profiles, as far as the life of a role touches them.

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Stop};
use bulla_policy::Context;
use bulla_shapes::View;
use bulla_shapes::iam::{
    AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest, CreateInstanceProfileResponse,
    DeleteInstanceProfileRequest, GetInstanceProfileRequest, GetInstanceProfileResponse,
    InstanceProfile, ListInstanceProfileTagsRequest, ListInstanceProfileTagsResponse,
    ListInstanceProfilesForRoleRequest, ListInstanceProfilesForRoleResponse,
    ListInstanceProfilesRequest, ListInstanceProfilesResponse,
    RemoveRoleFromInstanceProfileRequest, TagInstanceProfileRequest, UntagInstanceProfileRequest,
};
use bulla_store::{Expected, SealedBatch, Version};

use super::census::{Census, Counted};
use super::gate::{On, Place, permit, permit_arn};
use super::page;
use super::roles::part;
use super::users::permit_list;
use super::{Answer, Iam, answer, fault, tags};
use crate::ids;
use crate::principals::entity_by_id;
use crate::records::{Kind, PROFILES, ProfileRecord, Stored, arn, bytes, load, row, version_of};

/// What unique ids of instance profiles begin with.
const ID_PREFIX: &str = "AIPA";
const WORD: &str = "instance-profile";
/// What refusals call it.
const SPOKEN: &str = "instance profile";

struct LiveProfile {
    record: ProfileRecord,
    version: Version,
}

impl Iam {
    async fn profile(
        &self,
        call: &Call,
        name: &str,
        action: &str,
        keys: &Context,
    ) -> Result<LiveProfile, Stop> {
        let view = self.principals.barrier.view().await?;
        let key = row(call.account(), name);
        let found: Option<Stored<ProfileRecord>> = load(&view, PROFILES, &key).await?;
        drop(view);
        let Some(Stored { record, version }) = found else {
            let arn = arn(WORD, call.account(), "/", name);
            permit(call, action, &arn, &format!("{SPOKEN} {name}"), keys)?;
            let text = format!("Instance Profile {name} cannot be found.");
            return Err(fault::not_found(text).into());
        };
        let arn = record.arn();
        let place = Place { arn: &arn, account: &record.account, tags: &record.tags };
        let named = format!("{SPOKEN} {}", record.name);
        Guarded::new(place).permit(call, action, keys, Named::As(&named))?;
        Ok(LiveProfile { record, version })
    }

    async fn save_profile(
        &self,
        live: &LiveProfile,
        record: &ProfileRecord,
        batch: SealedBatch,
    ) -> Result<(), Stop> {
        self.principals.commit(&record.account, with(live, record, batch)?).await
    }

    async fn shown_profile(
        &self,
        record: &ProfileRecord,
    ) -> Result<InstanceProfile<'static>, Stop> {
        let mut roles = Vec::new();
        if let Some(id) = &record.role {
            let view = self.principals.barrier.view().await?;
            let role = entity_by_id(&view, id).await?;
            drop(view);
            if let Some(role) = role {
                let trust = self.shown_trust(part(&role.record)?).await?;
                roles.push(answer::new_role(&role.record, &trust));
            }
        }
        Ok(InstanceProfile::new()
            .with_path(record.path.clone())
            .with_instance_profile_name(record.name.clone())
            .with_instance_profile_id(record.id.clone())
            .with_arn(record.arn())
            .with_create_date(record.created_ms)
            .with_roles(roles)
            .with_tags(answer::tags(&record.tags)))
    }

    /// The instance profiles that have a role, as answers show them.
    pub(crate) async fn profiles_of(
        &self,
        account: &str,
        names: &[String],
    ) -> Result<Vec<InstanceProfile<'static>>, Stop> {
        let mut shown = Vec::with_capacity(names.len());
        for name in names {
            let view = self.principals.barrier.view().await?;
            let found: Option<Stored<ProfileRecord>> =
                load(&view, PROFILES, &row(account, name)).await?;
            drop(view);
            if let Some(profile) = found {
                shown.push(self.shown_profile(&profile.record).await?);
            }
        }
        Ok(shown)
    }
}

fn with(
    live: &LiveProfile,
    record: &ProfileRecord,
    batch: SealedBatch,
) -> Result<SealedBatch, Stop> {
    let row = row(&record.account, &record.name);
    Ok(batch.put(PROFILES, row, Expected::At(live.version), bytes(record)?))
}

pub(crate) async fn create_instance_profile(
    iam: &Iam,
    call: &mut Call,
    input: &CreateInstanceProfileRequest<'_>,
) -> Answer {
    let (name, path) = (input.instance_profile_name(), input.path().unwrap_or("/"));
    let tags = tags::given(input.tags());
    let arn = arn(WORD, call.account(), path, name);
    permit_arn(call, "iam:CreateInstanceProfile", &arn, &tags::keys(Context::new(), &tags))?;
    tags::check(&tags)?;
    let row = row(call.account(), name);
    let view = iam.principals.barrier.view().await?;
    if version_of(&view, PROFILES, &row).await?.is_some() {
        let text = format!("Instance Profile {name} already exists.");
        return Err(fault::already_exists(text).into());
    }
    drop(view);
    let record = ProfileRecord {
        account: call.account().to_owned(),
        path: path.to_owned(),
        name: name.to_owned(),
        id: ids::unique_id(&iam.principals.crypto, ID_PREFIX)?,
        created_ms: call.now_ms,
        tags,
        role: None,
    };
    let batch = SealedBatch::new().put(PROFILES, row, Expected::Absent, bytes(&record)?);
    let add = |census: &mut Census| census.add(Counted::Profiles);
    let batch = iam.recount(&record.account, batch, add).await?;
    iam.principals.commit(&record.account, batch).await?;
    let profile = iam.shown_profile(&record).await?;
    let answer = CreateInstanceProfileResponse::new().with_instance_profile(profile);
    call.responded(answer.record());
    Ok(Some(answer.into_record()))
}

pub(crate) async fn get_instance_profile(
    iam: &Iam,
    call: &mut Call,
    input: &GetInstanceProfileRequest<'_>,
) -> Answer {
    let (name, none) = (input.instance_profile_name(), Context::new());
    let live = iam.profile(call, name, "iam:GetInstanceProfile", &none).await?;
    let profile = iam.shown_profile(&live.record).await?;
    Ok(Some(GetInstanceProfileResponse::new().with_instance_profile(profile).into_record()))
}

pub(crate) async fn list_instance_profiles(
    iam: &Iam,
    call: &mut Call,
    input: &ListInstanceProfilesRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let prefix = input.path_prefix().unwrap_or("/").to_owned();
    permit_list(call, "iam:ListInstanceProfiles", WORD, &prefix)?;
    let rows = format!("{}/", call.account());
    let take = |profile: &ProfileRecord| profile.path.starts_with(&prefix);
    let page = iam.page(PROFILES, &rows, &wanted, take).await?;
    let mut shown = Vec::with_capacity(page.entries.len());
    for profile in &page.entries {
        shown.push(iam.shown_profile(profile).await?);
    }
    let answer = ListInstanceProfilesResponse::new()
        .with_instance_profiles(shown)
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListInstanceProfilesResponse::with_marker);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list_instance_profiles_for_role(
    iam: &Iam,
    call: &mut Call,
    input: &ListInstanceProfilesForRoleRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let on = On::role(input.role_name(), "iam:ListInstanceProfilesForRole");
    let role = iam.entity(call, on, Context::new()).await?.record;
    let mut names = part(&role)?.profiles.clone();
    names.sort_unstable();
    let page = page::cut(names, &wanted, String::clone);
    let shown = iam.profiles_of(&role.account, &page.entries).await?;
    let answer = ListInstanceProfilesForRoleResponse::new()
        .with_instance_profiles(shown)
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListInstanceProfilesForRoleResponse::with_marker);
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete_instance_profile(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteInstanceProfileRequest<'_>,
) -> Answer {
    let (name, none) = (input.instance_profile_name(), Context::new());
    let live = iam.profile(call, name, "iam:DeleteInstanceProfile", &none).await?;
    if live.record.role.is_some() {
        return Err(fault::delete_first("remove roles from instance profile").into());
    }
    let account = &live.record.account;
    let row = row(account, &live.record.name);
    let batch = SealedBatch::new().delete(PROFILES, row, Expected::At(live.version));
    let lose = |census: &mut Census| {
        census.remove(Counted::Profiles, 1);
        Ok(())
    };
    let batch = iam.recount(account, batch, lose).await?;
    iam.principals.commit(account, batch).await?;
    Ok(None)
}

pub(crate) async fn add_role_to_instance_profile(
    iam: &Iam,
    call: &mut Call,
    input: &AddRoleToInstanceProfileRequest<'_>,
) -> Answer {
    let (name, none) = (input.instance_profile_name(), Context::new());
    let live = iam.profile(call, name, "iam:AddRoleToInstanceProfile", &none).await?;
    let role = iam.own(call, Kind::Role, input.role_name()).await?;
    // Whoever may give a role to an instance must be allowed to pass that role.
    let passed = Context::new().with("iam:PassedToService", "ec2.amazonaws.com");
    permit_arn(call, "iam:PassRole", &role.arn, &passed)?;
    if live.record.role.is_some() {
        return Err(fault::limit("InstanceSessionsPerInstanceProfile", 1).into());
    }
    let mut profile = live.record.clone();
    profile.role = Some(role.record.id.clone());
    let mut record = role.record.clone();
    if let Some(part) = &mut record.role {
        part.profiles.push(profile.name.clone());
    }
    let batch = with(&live, &profile, SealedBatch::new())?;
    iam.save(&role, &record, batch).await?;
    Ok(None)
}

pub(crate) async fn remove_role_from_instance_profile(
    iam: &Iam,
    call: &mut Call,
    input: &RemoveRoleFromInstanceProfileRequest<'_>,
) -> Answer {
    let (name, none) = (input.instance_profile_name(), Context::new());
    let live = iam.profile(call, name, "iam:RemoveRoleFromInstanceProfile", &none).await?;
    let role = iam.own(call, Kind::Role, input.role_name()).await?;
    if live.record.role.as_deref() != Some(role.record.id.as_str()) {
        return Err(fault::no_such("role", input.role_name()).into());
    }
    let mut profile = live.record.clone();
    profile.role = None;
    let mut record = role.record.clone();
    if let Some(part) = &mut record.role {
        part.profiles.retain(|known| *known != profile.name);
    }
    let batch = with(&live, &profile, SealedBatch::new())?;
    iam.save(&role, &record, batch).await?;
    Ok(None)
}

pub(crate) async fn tag_instance_profile(
    iam: &Iam,
    call: &mut Call,
    input: &TagInstanceProfileRequest<'_>,
) -> Answer {
    let new = tags::given(input.tags());
    let keys = tags::keys(Context::new(), &new);
    let name = input.instance_profile_name();
    let live = iam.profile(call, name, "iam:TagInstanceProfile", &keys).await?;
    let mut record = live.record.clone();
    tags::set(&mut record.tags, new)?;
    iam.save_profile(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn untag_instance_profile(
    iam: &Iam,
    call: &mut Call,
    input: &UntagInstanceProfileRequest<'_>,
) -> Answer {
    let Some(tag_keys) = input.tag_keys() else { return Err(tags::no_keys().into()) };
    let keys = Context::new().with_many("aws:TagKeys", tag_keys.iter());
    let name = input.instance_profile_name();
    let live = iam.profile(call, name, "iam:UntagInstanceProfile", &keys).await?;
    let mut record = live.record.clone();
    tags::unset(&mut record.tags, tag_keys)?;
    iam.save_profile(&live, &record, SealedBatch::new()).await?;
    Ok(None)
}

pub(crate) async fn list_instance_profile_tags(
    iam: &Iam,
    call: &mut Call,
    input: &ListInstanceProfileTagsRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let (name, none) = (input.instance_profile_name(), Context::new());
    let live = iam.profile(call, name, "iam:ListInstanceProfileTags", &none).await?;
    let page = tags::page(live.record.tags, &wanted);
    let answer = ListInstanceProfileTagsResponse::new()
        .with_tags(answer::tags(&page.entries))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListInstanceProfileTagsResponse::with_marker);
    Ok(Some(answer.into_record()))
}
