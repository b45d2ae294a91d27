//! GetRandomPassword.

use bulla_plane::Call;
use bulla_plane::gate::permit_account;
use bulla_policy::RequestKeys;
use bulla_shapes::View;
use bulla_shapes::secretsmanager::{GetRandomPasswordRequest, GetRandomPasswordResponse};

use super::Answer;
use crate::password::{Recipe, USUAL_LENGTH};
use crate::{Secrets, fault};

pub(crate) async fn get_random_password(
    service: &Secrets,
    call: &mut Call,
    input: &GetRandomPasswordRequest<'_>,
) -> Answer {
    permit_account(call, "secretsmanager:GetRandomPassword", "*", &RequestKeys::none())?;
    let length = input.password_length().map_or(Ok(USUAL_LENGTH), usize::try_from);
    let recipe = Recipe {
        length: length.map_err(|_| fault::internal())?,
        without: input.exclude_characters().unwrap_or_default(),
        numbers: input.exclude_numbers() != Some(true),
        punctuation: input.exclude_punctuation() != Some(true),
        uppercase: input.exclude_uppercase() != Some(true),
        lowercase: input.exclude_lowercase() != Some(true),
        space: input.include_space() == Some(true),
        each_kind: input.require_each_included_type() != Some(false),
    };
    let password = recipe.make(&service.crypto)?;
    let password = String::from_utf8(password.into_vec()).map_err(|_| fault::internal())?;
    let answer = GetRandomPasswordResponse::new().with_random_password(password);
    Ok(Some(answer.into_record()))
}
