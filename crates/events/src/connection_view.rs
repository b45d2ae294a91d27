//! What is shown of a connection's parameters, and how a change of some goes with the rest.

use bulla_shapes::View;
use bulla_shapes::events::{
    ConnectionApiKeyAuthResponseParameters, ConnectionAuthResponseParameters,
    ConnectionBasicAuthResponseParameters, ConnectionBodyParameter, ConnectionHeaderParameter,
    ConnectionHttpParameters, ConnectionOAuthClientResponseParameters,
    ConnectionOAuthResponseParameters, ConnectionQueryStringParameter,
    CreateConnectionApiKeyAuthRequestParameters as ApiKey, CreateConnectionAuthRequestParameters,
    CreateConnectionBasicAuthRequestParameters as Basic,
    CreateConnectionOAuthClientRequestParameters as Client,
    CreateConnectionOAuthRequestParameters as OAuth, UpdateConnectionAuthRequestParameters,
    UpdateConnectionOAuthRequestParameters,
};

type Auth<'a> = CreateConnectionAuthRequestParameters<'a>;

/// What is shown: everything but passwords, keys, client secrets, and values that are marked as
/// secret.
pub(crate) fn shown(auth: &Auth<'_>) -> ConnectionAuthResponseParameters<'static> {
    let basic = auth.basic_auth_parameters().map(|basic| {
        ConnectionBasicAuthResponseParameters::new().with_username(basic.username().to_owned())
    });
    let key = auth.api_key_auth_parameters().map(|key| {
        let name = key.api_key_name().to_owned();
        ConnectionApiKeyAuthResponseParameters::new().with_api_key_name(name)
    });
    let oauth = auth.o_auth_parameters().map(|oauth| shown_oauth(&oauth));
    let http = auth.invocation_http_parameters().map(|http| shown_http(&http));
    ConnectionAuthResponseParameters::new()
        .with_some(basic, ConnectionAuthResponseParameters::with_basic_auth_parameters)
        .with_some(key, ConnectionAuthResponseParameters::with_api_key_auth_parameters)
        .with_some(oauth, ConnectionAuthResponseParameters::with_o_auth_parameters)
        .with_some(http, ConnectionAuthResponseParameters::with_invocation_http_parameters)
}

fn shown_oauth(oauth: &OAuth<'_>) -> ConnectionOAuthResponseParameters<'static> {
    let client = oauth.client_parameters().map(|client| {
        let id = client.client_id().to_owned();
        ConnectionOAuthClientResponseParameters::new().with_client_id(id)
    });
    let http = oauth.o_auth_http_parameters().map(|http| shown_http(&http));
    ConnectionOAuthResponseParameters::new()
        .with_authorization_endpoint(oauth.authorization_endpoint().to_owned())
        .with_http_method(oauth.http_method().to_owned())
        .with_some(client, ConnectionOAuthResponseParameters::with_client_parameters)
        .with_some(http, ConnectionOAuthResponseParameters::with_o_auth_http_parameters)
}

/// A parameter's key, its value unless that is secret, and whether it is.
fn open(
    key: Option<&str>,
    value: Option<&str>,
    secret: Option<bool>,
) -> (Option<String>, Option<String>, bool) {
    // As Terraform's provider relies on: what nobody marks is none.
    let secret = secret.unwrap_or(false);
    let value = value.filter(|_| !secret);
    (key.map(str::to_owned), value.map(str::to_owned), secret)
}

fn shown_http(http: &ConnectionHttpParameters<'_>) -> ConnectionHttpParameters<'static> {
    let headers = http.header_parameters().map(|all| {
        let all = all.iter().map(|one| {
            let (key, value, secret) = open(one.key(), one.value(), one.is_value_secret());
            ConnectionHeaderParameter::new()
                .with_is_value_secret(secret)
                .with_some(key, ConnectionHeaderParameter::with_key)
                .with_some(value, ConnectionHeaderParameter::with_value)
        });
        all.collect::<Vec<_>>()
    });
    let query = http.query_string_parameters().map(|all| {
        let all = all.iter().map(|one| {
            let (key, value, secret) = open(one.key(), one.value(), one.is_value_secret());
            ConnectionQueryStringParameter::new()
                .with_is_value_secret(secret)
                .with_some(key, ConnectionQueryStringParameter::with_key)
                .with_some(value, ConnectionQueryStringParameter::with_value)
        });
        all.collect::<Vec<_>>()
    });
    let body = http.body_parameters().map(|all| {
        let all = all.iter().map(|one| {
            let (key, value, secret) = open(one.key(), one.value(), one.is_value_secret());
            ConnectionBodyParameter::new()
                .with_is_value_secret(secret)
                .with_some(key, ConnectionBodyParameter::with_key)
                .with_some(value, ConnectionBodyParameter::with_value)
        });
        all.collect::<Vec<_>>()
    });
    ConnectionHttpParameters::new()
        .with_some(headers, ConnectionHttpParameters::with_header_parameters)
        .with_some(query, ConnectionHttpParameters::with_query_string_parameters)
        .with_some(body, ConnectionHttpParameters::with_body_parameters)
}

/// The parameters of a change, with those that it does not speak of as they were. A change to
/// another kind has nothing to go on with.
pub(crate) fn merged(
    given: &UpdateConnectionAuthRequestParameters<'_>,
    known: Option<&Auth<'_>>,
) -> Auth<'static> {
    let text =
        |given: Option<&str>, known: Option<&str>| given.or(known).unwrap_or_default().to_owned();
    let basic = given.basic_auth_parameters().map(|basic| {
        let before = known.and_then(Auth::basic_auth_parameters);
        let before = before.as_ref();
        Basic::new()
            .with_username(text(basic.username(), before.map(Basic::username)))
            .with_password(text(basic.password(), before.map(Basic::password)))
    });
    let key = given.api_key_auth_parameters().map(|key| {
        let before = known.and_then(Auth::api_key_auth_parameters);
        let before = before.as_ref();
        ApiKey::new()
            .with_api_key_name(text(key.api_key_name(), before.map(ApiKey::api_key_name)))
            .with_api_key_value(text(key.api_key_value(), before.map(ApiKey::api_key_value)))
    });
    let oauth = given
        .o_auth_parameters()
        .map(|oauth| merged_oauth(&oauth, known.and_then(Auth::o_auth_parameters).as_ref()));
    let nothing = basic.is_none() && key.is_none() && oauth.is_none();
    let kept = known.filter(|_| nothing);
    let copy = |http: ConnectionHttpParameters<'_>| {
        ConnectionHttpParameters::from_record(http.record().copy())
    };
    let http = given.invocation_http_parameters().map(copy);
    let http = http.or_else(|| known.and_then(Auth::invocation_http_parameters).map(copy));
    let start = match kept {
        Some(kept) => Auth::from_record(kept.record().copy()),
        None => Auth::new(),
    };
    start
        .with_some(basic, Auth::with_basic_auth_parameters)
        .with_some(key, Auth::with_api_key_auth_parameters)
        .with_some(oauth, Auth::with_o_auth_parameters)
        .with_some(http, Auth::with_invocation_http_parameters)
}

fn merged_oauth(
    given: &UpdateConnectionOAuthRequestParameters<'_>,
    known: Option<&OAuth<'_>>,
) -> OAuth<'static> {
    let text =
        |given: Option<&str>, known: Option<&str>| given.or(known).unwrap_or_default().to_owned();
    let (client, before) = (given.client_parameters(), known.and_then(OAuth::client_parameters));
    let before = before.as_ref();
    let id = client.as_ref().and_then(|client| client.client_id().map(str::to_owned));
    let secret = client.as_ref().and_then(|client| client.client_secret().map(str::to_owned));
    let client = Client::new()
        .with_client_id(text(id.as_deref(), before.map(Client::client_id)))
        .with_client_secret(text(secret.as_deref(), before.map(Client::client_secret)));
    let http = given.o_auth_http_parameters();
    let http = http.or_else(|| known.and_then(OAuth::o_auth_http_parameters));
    let http = http.map(|http| ConnectionHttpParameters::from_record(http.record().copy()));
    let endpoint = known.map(OAuth::authorization_endpoint);
    OAuth::new()
        .with_client_parameters(client)
        .with_authorization_endpoint(text(given.authorization_endpoint(), endpoint))
        .with_http_method(text(given.http_method(), known.map(OAuth::http_method)))
        .with_some(http, OAuth::with_o_auth_http_parameters)
}
