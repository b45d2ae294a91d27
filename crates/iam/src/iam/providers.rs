//! The operations on OpenID Connect providers.

use bulla_plane::gate::Named;
use bulla_plane::{Call, Guarded, Protected, Stop};
use bulla_policy::{Context, Policy, Values};
use bulla_shapes::iam::{
    AddClientIDToOpenIDConnectProviderRequest, CreateOpenIDConnectProviderRequest,
    CreateOpenIDConnectProviderResponse, DeleteOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse,
    ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProviderTagsResponse,
    ListOpenIDConnectProvidersResponse, OpenIDConnectProviderListEntry,
    RemoveClientIDFromOpenIDConnectProviderRequest, TagOpenIDConnectProviderRequest,
    UntagOpenIDConnectProviderRequest, UpdateOpenIDConnectProviderThumbprintRequest,
};
use bulla_shapes::{Fault, NoInput, Strings, View};
use bulla_store::{Expected, SealedBatch, Version};

use super::gate::{permit_arn, resource_tag};
use super::tags::{self, Tags};
use super::{Answer, Iam, answer, fault, page};
use crate::oidc::{PROVIDERS, Provider, provider, provider_arn};
use crate::records::bytes;

/// The most providers of an account ("IAM and AWS STS quotas", IAM User Guide).
const MAX_PROVIDERS: usize = 100;
/// The most audiences of a provider (same page).
const MAX_CLIENT_IDS: usize = 100;
/// The most thumbprints of a provider (same page).
const MAX_THUMBPRINTS: usize = 5;
/// The most tags of a provider.
const MAX_TAGS: usize = 50;

/// A provider as it stands in the store.
struct Live {
    record: Provider,
    arn: String,
    version: Version,
}

impl Protected for Live {
    fn arn(&self) -> &str {
        &self.arn
    }

    fn account(&self) -> &str {
        &self.record.account
    }

    fn policy(&self) -> Option<&Policy> {
        None
    }

    fn policy_is_mandatory(&self) -> bool {
        false
    }

    fn condition(&self, key: &str) -> Option<Values<'_>> {
        match key {
            "aws:resourceaccount" => Some(Values::One(&self.record.account)),
            _ => resource_tag(&self.record.tags, key),
        }
    }
}

impl Iam {
    /// Finds a provider of the caller's account, if the caller may do this to it.
    async fn provider(
        &self,
        call: &Call,
        arn: &str,
        action: &str,
        keys: Context,
    ) -> Result<Live, Stop> {
        let address = arn.split_once(":oidc-provider/").map(|(_, address)| address);
        let own = address.filter(|address| provider_arn(call.account(), address) == arn);
        let view = self.principals.barrier.view().await?;
        let found = match own {
            Some(address) => provider(&view, call.account(), address).await?,
            None => None,
        };
        drop(view);
        let Some(found) = found else {
            permit_arn(call, action, arn, &keys)?;
            let text = format!("OpenIDConnect Provider not found for arn {arn}");
            return Err(fault::not_found(text).into());
        };
        let live = Live { arn: found.record.arn(), record: found.record, version: found.version };
        Ok(Guarded::new(live).permit(call, action, &keys, Named::Arn)?)
    }

    async fn save_provider(&self, live: &Live, record: &Provider) -> Result<(), Stop> {
        let expected = Expected::At(live.version);
        let batch = SealedBatch::new().put(PROVIDERS, record.row(), expected, bytes(record)?);
        self.principals.commit(&record.account, batch).await?;
        self.providers.changed(record);
        Ok(())
    }
}

fn owned(texts: Option<Strings<'_>>) -> Vec<String> {
    texts.map(|texts| texts.iter().map(str::to_owned).collect()).unwrap_or_default()
}

pub(crate) async fn create(
    iam: &Iam,
    call: &mut Call,
    input: &CreateOpenIDConnectProviderRequest<'_>,
) -> Answer {
    let tags = tags::given(input.tags());
    let (address, plain) = iam
        .providers
        .address(input.url())
        .ok_or_else(|| fault::validation("Invalid Open ID Connect Provider URL"))?;
    let record = Provider {
        account: call.account().to_owned(),
        address: address.to_owned(),
        plain,
        client_ids: owned(input.client_id_list()),
        thumbprints: thumbprints(owned(input.thumbprint_list()))?,
        tags: Vec::new(),
        created_ms: call.now_ms,
    };
    let keys = tags::keys(Context::new(), &tags);
    permit_arn(call, "iam:CreateOpenIDConnectProvider", &record.arn(), &keys)?;
    let mut record = record;
    set_tags(&mut record.tags, tags.clone())?;
    if record.client_ids.len() > MAX_CLIENT_IDS {
        return Err(fault::limit("ClientIdsPerOpenIdConnectProvider", MAX_CLIENT_IDS).into());
    }
    let barrier = &iam.principals.barrier;
    if barrier.get(PROVIDERS, record.row().as_bytes()).await?.is_some() {
        let text = format!("Provider with url {} already exists.", record.issuer());
        return Err(fault::already_exists(text).into());
    }
    let prefix = format!("{}/", record.account);
    if iam.all::<Provider>(PROVIDERS, &prefix).await?.len() >= MAX_PROVIDERS {
        return Err(fault::limit("OpenIdConnectProvidersPerAccount", MAX_PROVIDERS).into());
    }
    let batch = SealedBatch::new().put(PROVIDERS, record.row(), Expected::Absent, bytes(&record)?);
    iam.principals.commit(&record.account, batch).await?;
    let answer = CreateOpenIDConnectProviderResponse::new()
        .with_open_id_connect_provider_arn(record.arn())
        .with_some((!tags.is_empty()).then(|| answer::tags(&tags)), |this, tags| {
            this.with_tags(tags)
        });
    Ok(Some(answer.into_record()))
}

/// Thumbprints are forty hexadecimal digits, in either letter case.
fn thumbprints(given: Vec<String>) -> Result<Vec<String>, Fault> {
    if given.len() > MAX_THUMBPRINTS {
        return Err(fault::invalid_input("Thumbprint list must contain fewer than 5 entries."));
    }
    if given.iter().any(|text| !text.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        // The text is ours.
        return Err(fault::invalid_input("A thumbprint has forty hexadecimal digits."));
    }
    Ok(given)
}

/// Sets tags. Unlike elsewhere, keys that differ in their letter case are different (recorded).
fn set_tags(standing: &mut Tags, new: Tags) -> Result<(), Fault> {
    for (key, value) in new {
        match standing.iter_mut().find(|(known, _)| *known == key) {
            Some(tag) => tag.1 = value,
            None => standing.push((key, value)),
        }
    }
    if standing.len() > MAX_TAGS {
        return Err(fault::limit("TagsPerResource", MAX_TAGS));
    }
    Ok(())
}

pub(crate) async fn get(
    iam: &Iam,
    call: &mut Call,
    input: &GetOpenIDConnectProviderRequest<'_>,
) -> Answer {
    let arn = input.open_id_connect_provider_arn();
    let live = iam.provider(call, arn, "iam:GetOpenIDConnectProvider", Context::new()).await?;
    let Provider { address, client_ids, thumbprints, tags, created_ms, .. } = live.record;
    let answer = GetOpenIDConnectProviderResponse::new()
        .with_url(address)
        .with_client_id_list(client_ids)
        .with_thumbprint_list(thumbprints)
        .with_create_date(created_ms)
        .with_tags(answer::tags(&tags));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn list(iam: &Iam, call: &mut Call, _: &NoInput<'_>) -> Answer {
    let all = provider_arn(call.account(), "*");
    permit_arn(call, "iam:ListOpenIDConnectProviders", &all, &Context::new())?;
    let providers = iam.all::<Provider>(PROVIDERS, &format!("{}/", call.account())).await?;
    let entry = |known: Provider| OpenIDConnectProviderListEntry::new().with_arn(known.arn());
    let answer = ListOpenIDConnectProvidersResponse::new()
        .with_open_id_connect_provider_list(providers.into_iter().map(entry));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn delete(
    iam: &Iam,
    call: &mut Call,
    input: &DeleteOpenIDConnectProviderRequest<'_>,
) -> Answer {
    let arn = input.open_id_connect_provider_arn();
    let action = "iam:DeleteOpenIDConnectProvider";
    let live = iam.provider(call, arn, action, Context::new()).await?;
    let expected = Expected::At(live.version);
    let batch = SealedBatch::new().delete(PROVIDERS, live.record.row(), expected);
    iam.principals.commit(&live.record.account, batch).await?;
    iam.providers.changed(&live.record);
    Ok(None)
}

pub(crate) async fn add_client_id(
    iam: &Iam,
    call: &mut Call,
    input: &AddClientIDToOpenIDConnectProviderRequest<'_>,
) -> Answer {
    let arn = input.open_id_connect_provider_arn();
    let action = "iam:AddClientIDToOpenIDConnectProvider";
    let live = iam.provider(call, arn, action, Context::new()).await?;
    let mut record = live.record.clone();
    let id = input.client_id();
    if record.client_ids.iter().any(|known| known == id) {
        return Ok(None);
    }
    if record.client_ids.len() >= MAX_CLIENT_IDS {
        return Err(fault::limit("ClientIdsPerOpenIdConnectProvider", MAX_CLIENT_IDS).into());
    }
    record.client_ids.push(id.to_owned());
    iam.save_provider(&live, &record).await?;
    Ok(None)
}

pub(crate) async fn remove_client_id(
    iam: &Iam,
    call: &mut Call,
    input: &RemoveClientIDFromOpenIDConnectProviderRequest<'_>,
) -> Answer {
    let arn = input.open_id_connect_provider_arn();
    let action = "iam:RemoveClientIDFromOpenIDConnectProvider";
    let live = iam.provider(call, arn, action, Context::new()).await?;
    let mut record = live.record.clone();
    record.client_ids.retain(|known| known != input.client_id());
    iam.save_provider(&live, &record).await?;
    Ok(None)
}

pub(crate) async fn update_thumbprint(
    iam: &Iam,
    call: &mut Call,
    input: &UpdateOpenIDConnectProviderThumbprintRequest<'_>,
) -> Answer {
    let arn = input.open_id_connect_provider_arn();
    let action = "iam:UpdateOpenIDConnectProviderThumbprint";
    let live = iam.provider(call, arn, action, Context::new()).await?;
    let mut record = live.record.clone();
    record.thumbprints = thumbprints(owned(input.thumbprint_list()))?;
    iam.save_provider(&live, &record).await?;
    Ok(None)
}

pub(crate) async fn tag(
    iam: &Iam,
    call: &mut Call,
    input: &TagOpenIDConnectProviderRequest<'_>,
) -> Answer {
    let given = tags::given(input.tags());
    let keys = tags::keys(Context::new(), &given);
    let arn = input.open_id_connect_provider_arn();
    let live = iam.provider(call, arn, "iam:TagOpenIDConnectProvider", keys).await?;
    if given.is_empty() {
        // Recorded without its text, which is ours.
        return Err(fault::invalid_input("The list of tags is empty.").into());
    }
    let mut record = live.record.clone();
    set_tags(&mut record.tags, given)?;
    iam.save_provider(&live, &record).await?;
    Ok(None)
}

pub(crate) async fn untag(
    iam: &Iam,
    call: &mut Call,
    input: &UntagOpenIDConnectProviderRequest<'_>,
) -> Answer {
    let Some(gone) = input.tag_keys().filter(|keys| !keys.is_empty()) else {
        return Err(tags::no_keys().into());
    };
    let keys = Context::new().with_many("aws:TagKeys", gone.iter());
    let arn = input.open_id_connect_provider_arn();
    let live = iam.provider(call, arn, "iam:UntagOpenIDConnectProvider", keys).await?;
    let mut record = live.record.clone();
    record.tags.retain(|(key, _)| !gone.contains(key));
    iam.save_provider(&live, &record).await?;
    Ok(None)
}

pub(crate) async fn list_tags(
    iam: &Iam,
    call: &mut Call,
    input: &ListOpenIDConnectProviderTagsRequest<'_>,
) -> Answer {
    let wanted = page::wanted(input.max_items(), input.marker())?;
    let arn = input.open_id_connect_provider_arn();
    let action = "iam:ListOpenIDConnectProviderTags";
    let live = iam.provider(call, arn, action, Context::new()).await?;
    let page = tags::page(live.record.tags, &wanted);
    let answer = ListOpenIDConnectProviderTagsResponse::new()
        .with_tags(answer::tags(&page.entries))
        .with_is_truncated(page.next.is_some())
        .with_some(page.marker(), ListOpenIDConnectProviderTagsResponse::with_marker);
    Ok(Some(answer.into_record()))
}
