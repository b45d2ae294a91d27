//! `EnablePolicyType` and `DisablePolicyType`.

use bulla_plane::Call;
use bulla_shapes::View;
use bulla_shapes::organizations::{
    DisablePolicyTypeRequest, DisablePolicyTypeResponse, EnablePolicyTypeRequest,
    EnablePolicyTypeResponse,
};
use bulla_store::SealedBatch;

use super::super::{Organizations, fault, view};
use super::{Answer, only_scps};

pub(crate) async fn enable(
    service: &Organizations,
    call: &mut Call,
    input: &EnablePolicyTypeRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:EnablePolicyType").await?;
    let organization = &mut found.record;
    if input.root_id() != organization.root {
        return Err(fault::root_not_found().into());
    }
    only_scps(input.policy_type())?;
    if !organization.all_features {
        return Err(fault::type_not_available().into());
    }
    if organization.scps {
        return Err(fault::type_already_enabled().into());
    }
    organization.enable_scps();
    service.save(&found, SealedBatch::new()).await?;
    let answer = EnablePolicyTypeResponse::new().with_root(view::root(&found.record));
    Ok(Some(answer.into_record()))
}

pub(crate) async fn disable(
    service: &Organizations,
    call: &mut Call,
    input: &DisablePolicyTypeRequest<'_>,
) -> Answer {
    let mut found = service.managed(call, "organizations:DisablePolicyType").await?;
    let organization = &mut found.record;
    if input.root_id() != organization.root {
        return Err(fault::root_not_found().into());
    }
    only_scps(input.policy_type())?;
    if !organization.scps {
        return Err(fault::type_not_enabled().into());
    }
    organization.disable_scps();
    service.save(&found, SealedBatch::new()).await?;
    let answer = DisablePolicyTypeResponse::new().with_root(view::root(&found.record));
    Ok(Some(answer.into_record()))
}
