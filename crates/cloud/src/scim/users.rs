//! The user resource.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use protocol::CloudAnchor;
use protocol::scim::{EXTENSION_SCHEMA, LIST_SCHEMA, USER_SCHEMA, User};
use serde::Deserialize;
use serde_json::{Value, json};
use store::people::{Person, Written};

use crate::agent_api::Caller;
use crate::app::App;
use crate::scim::answer::{self, ScimError};
use crate::scim::filter::Filter;

/// The most users in one answer.
const PAGE_MAX: u32 = 1_000;
const PAGE_DEFAULT: u32 = 100;
/// The longest userName, in bytes: as long as the start page looks names up.
const USER_NAME_MAX: usize = 512;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    filter: Option<String>,
    start_index: Option<u32>,
    count: Option<u32>,
}

/// `GET /scim/v2/Users`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, ScimError> {
    let tenant = caller.agent.tenant;
    let start = asked.start_index.unwrap_or(1).max(1);
    let count = asked.count.unwrap_or(PAGE_DEFAULT).min(PAGE_MAX);
    let (people, total) = match asked.filter.as_deref().map(Filter::parse) {
        None => app.store.people(tenant, start - 1, count).await?,
        Some(None) => return Err(ScimError::FILTER),
        Some(Some(filter)) => {
            let found = match filter {
                Filter::UserName(name) => app.store.person_by_name(tenant, &name).await?,
                Filter::ExternalId(anchor) => match anchor.parse() {
                    Ok(anchor) => app.store.person_by_source_anchor(tenant, &anchor).await?,
                    Err(_) => None,
                },
            };
            let total = i64::from(found.is_some());
            (found.into_iter().collect(), total)
        }
    };
    let origin = app.settings.origin();
    let resources: Vec<Value> = people
        .iter()
        .map(|one| answer::resource(one, &format!("{origin}/scim/v2/Users/{}", one.id)))
        .collect();
    Ok(answer::scim(
        StatusCode::OK,
        &json!({
            "schemas": [LIST_SCHEMA],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": resources.len(),
            "Resources": resources,
        }),
    ))
}

/// `POST /scim/v2/Users`.
pub(super) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Bytes,
) -> Result<Response, ScimError> {
    let resource = read_user(&body)?;
    let id = CloudAnchor::random(app.randomness.as_ref());
    let person = Person { id, tenant: caller.agent.tenant, resource, version: 1 };
    match app.store.add_person(&person, app.now()).await? {
        Written::Done => Ok(answer::user(StatusCode::CREATED, &person, &app.settings.origin())),
        Written::Conflict | Written::NotFound => Err(ScimError::UNIQUENESS),
    }
}

/// `GET /scim/v2/Users/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ScimError> {
    let person = find(&app, &caller, &id).await?;
    Ok(answer::user(StatusCode::OK, &person, &app.settings.origin()))
}

/// `PUT /scim/v2/Users/{id}`.
pub(super) async fn replace(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ScimError> {
    let resource = read_user(&body)?;
    let person = find(&app, &caller, &id).await?;
    if person.resource.external_id != resource.external_id {
        return Err(ScimError::MUTABILITY);
    }
    let tenant = caller.agent.tenant;
    match app.store.replace_person(tenant, &person.id, &resource, app.now()).await? {
        Written::Done => {
            let person = find(&app, &caller, &id).await?;
            Ok(answer::user(StatusCode::OK, &person, &app.settings.origin()))
        }
        Written::Conflict => Err(ScimError::UNIQUENESS),
        Written::NotFound => Err(ScimError::NOT_FOUND),
    }
}

/// `DELETE /scim/v2/Users/{id}`.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ScimError> {
    let id: CloudAnchor = id.parse().map_err(|_| ScimError::NOT_FOUND)?;
    if app.store.remove_person(caller.agent.tenant, &id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ScimError::NOT_FOUND)
    }
}

/// `GET /scim/v2/ServiceProviderConfig` (RFC 7643, 5).
pub(super) async fn service_provider_config() -> Response {
    let no = json!({ "supported": false });
    answer::scim(
        StatusCode::OK,
        &json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": no,
            "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
            "filter": { "supported": true, "maxResults": PAGE_MAX },
            "changePassword": no,
            "sort": no,
            "etag": { "supported": true },
            "authenticationSchemes": [{
                "type": "oauthbearertoken",
                "name": "Agent token",
                "description": "A JWT (EdDSA) signed by the agent identity",
            }],
        }),
    )
}

async fn find(app: &App, caller: &Caller, id: &str) -> Result<Person, ScimError> {
    let id: CloudAnchor = id.parse().map_err(|_| ScimError::NOT_FOUND)?;
    app.store.person(caller.agent.tenant, &id).await?.ok_or(ScimError::NOT_FOUND)
}

fn read_user(body: &[u8]) -> Result<User, ScimError> {
    let user: User = serde_json::from_slice(body).map_err(|_| ScimError::SYNTAX)?;
    let has = |schema: &str| user.schemas.iter().any(|one| one == schema);
    let named = !user.user_name.is_empty() && user.user_name.len() <= USER_NAME_MAX;
    let one_anchor = user.external_id == user.passback.source_anchor;
    if has(USER_SCHEMA) && has(EXTENSION_SCHEMA) && named && one_anchor {
        Ok(user)
    } else {
        Err(ScimError::SYNTAX)
    }
}
