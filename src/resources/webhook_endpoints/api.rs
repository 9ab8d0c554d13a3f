//! The operations on webhook endpoints.

use std::collections::HashMap;

use actix_web::web::{Data, Path};
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::deliveries;
use super::rows::{self, EndpointRow};
use super::rules::{self, DeliveryError, DisabledReason, MOST, WebhookEndpointAction, WebhookEndpointState};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageWebhooks, ReadEvents, ReadWebhooks};
use crate::app::State;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{PersonId, ServiceAccountId, WebhookEndpointId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Line, Link, Patch, present};
use crate::page::{Page, PageQuery, Window};
use crate::problem::{Code, FieldError, Problem};
use crate::resources::credentials::unsealed;
use crate::resources::events::rows as log;
use crate::webhooks::target::Targets;
use crate::webhooks::{new_secret, nudge};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_webhook_endpoints)
        .service(create_webhook_endpoint)
        .service(find_webhook_endpoint)
        .service(edit_webhook_endpoint)
        .service(rotate_webhook_endpoint_secret)
        .service(disable_webhook_endpoint)
        .service(enable_webhook_endpoint)
        .service(replay_webhook_endpoint);
    deliveries::operations(config);
}

/// An address to which events are delivered: those that its owner may read, at each moment.
#[derive(Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f3", "state": "enabled", "allowed_actions": ["edit", "rotate_secret", "disable", "replay"],
    "url": "https://mis.school.example/hooks/weald", "description": "Management information system", "types": ["comment.logged"],
    "service_account_id": "0198a4b2-6f00-7000-8000-0000000000f1",
    "version": 1, "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z"
}))]
pub struct WebhookEndpoint {
    pub id: WebhookEndpointId,
    pub state: WebhookEndpointState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<WebhookEndpointAction>,
    #[schema(max_length = 1000, format = "uri")]
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub description: Option<String>,
    /// What has to happen to be delivered there; none: anything.
    #[schema(max_items = 200, value_type = Vec<Line<60>>, inline)]
    pub types: Vec<String>,
    /// Whose rights decide what is delivered: a person's,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub person_id: Option<PersonId>,
    /// or a service account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub service_account_id: Option<ServiceAccountId>,
    /// With which deliveries are signed (Standard Webhooks 1.0). Shown once: when it is made, and when it is rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub secret: Option<String>,
    /// Until when deliveries are signed with the secret before the last rotation too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub previous_secret_expires_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disabled_reason: Option<DisabledReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disabled_at: Option<Instant>,
    /// Since when no attempt has succeeded; with how the last one failed, for whoever may know that there was something
    /// to deliver.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub failing_since: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_error: Option<DeliveryError>,
    /// What the receiver answered then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 999, nullable = false)]
    pub last_status: Option<i32>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// How delivering goes, and the end of a secret, are no new versions, and yet another answer.
    #[serde(skip)]
    going: String,
}

type WebhookEndpointPage = Page<WebhookEndpoint>;

impl Resource for WebhookEndpoint {
    fn location(&self) -> String {
        format!("/v1/webhook-endpoints/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&str> {
        Some(&self.going)
    }
}

/// A new endpoint.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "url": "https://mis.school.example/hooks/weald", "types": ["comment.logged", "comment.closed"] }))]
pub struct NewWebhookEndpoint {
    /// Where to deliver: an https address, without user name and fragment, that leads to the internet.
    #[validate(nested)]
    #[schema(inline)]
    pub url: Link<1000>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub description: Option<Line<200>>,
    /// What has to happen to be delivered there; none: anything.
    #[serde(default)]
    #[validate(length(max = 200))]
    #[schema(max_items = 200, value_type = Vec<Line<60>>, inline)]
    pub types: Vec<String>,
}

/// Changes to an endpoint (a merge patch: absent keeps, null clears; a list is replaced as a whole).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "types": [] }))]
pub struct WebhookEndpointPatch {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub url: Option<Link<1000>>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub description: Patch<Line<200>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(length(max = 200))]
    #[schema(max_items = 200, value_type = Vec<Line<60>>, inline, nullable = false)]
    pub types: Option<Vec<String>>,
}

/// From when to deliver once more.
#[derive(Clone, Copy, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "since": "2026-01-05T09:00:00Z" }))]
pub struct WebhookReplay {
    pub since: Instant,
}

/// Whether a caller is the owner.
pub fn owns<P>(me: &Caller<P>, row: &EndpointRow) -> bool {
    match (row.person_id, row.service_account_id) {
        (Some(person), _) => me.is(person),
        (None, Some(service)) => me.service() == Some(service),
        (None, None) => false,
    }
}

fn view<P>(me: &Caller<P>, row: EndpointRow, expires: Option<Instant>, secret: Option<String>) -> WebhookEndpoint {
    let owned = owns(me, &row);
    // What a service may read is hidden from nobody who manages endpoints; that of a person may be.
    let shown = owned || row.service_account_id.is_some();
    let failing_since = row.failing_since.filter(|_| shown);
    let previous_secret_expires_at = expires.filter(|end| me.now() < *end);
    let going = format!(
        "{}-{}-{}-{}",
        failing_since.map_or(0, |at| at.timestamp_micros()),
        row.last_error.filter(|_| shown).map_or("", Into::into),
        row.last_status.filter(|_| shown).unwrap_or_default(),
        previous_secret_expires_at.is_some()
    );
    WebhookEndpoint {
        id: row.id,
        state: row.state,
        allowed_actions: rules::allowed(row.state, me.may::<ManageWebhooks>(), owned),
        types: row.types(),
        url: row.url,
        description: row.description,
        person_id: row.person_id,
        service_account_id: row.service_account_id,
        secret,
        previous_secret_expires_at,
        disabled_reason: row.disabled_reason,
        disabled_at: row.disabled_at,
        failing_since,
        last_error: row.last_error.filter(|_| failing_since.is_some()),
        last_status: row.last_status.filter(|_| failing_since.is_some()),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        going,
    }
}

fn seen<P>(conn: &mut Conn, me: &Caller<P>, row: EndpointRow, secret: Option<String>) -> Result<WebhookEndpoint, Problem> {
    let expires = rows::expiring(conn, me.school(), &[row.id])?.into_iter().map(|(_, end)| end).max();
    Ok(view(me, row, expires, secret))
}

/// Everything that is wrong with where and what is to be delivered; else the types as one column holds them.
fn checked(targets: &Targets, url: Option<&str>, types: &[String]) -> Result<String, Problem> {
    let mut errors = Vec::new();
    if let Some(refusal) = url.and_then(|url| targets.parse(url).err()) {
        errors.push(FieldError::new("/url", refusal.code(), &refusal.to_string()));
    }
    for (at, _) in types.iter().enumerate().filter(|(_, name)| EventType::named(name).is_none()) {
        errors.push(FieldError::new(format!("/types/{at}"), "unknown", "This is not a type of event."));
    }
    if !errors.is_empty() {
        return Err(Problem::new(Code::ValidationFailed).with_errors(errors));
    }
    let mut types = types.to_vec();
    types.sort_unstable();
    types.dedup();
    Ok(types.join(" "))
}

/// Room for one more that is enabled, for somebody who follows events.
fn admitted<P>(tx: &mut Conn, me: &Caller<P>) -> Result<(), Problem> {
    if !me.may::<ReadEvents>() {
        return Err(Problem::new(Code::Forbidden).detail("What the caller may not follow is not delivered either: it takes events:read."));
    }
    if rows::count_enabled(tx, me.school())? >= MOST {
        return Err(Problem::new(Code::InUse).detail("So many endpoints are enabled that there is room for no more; disable one."));
    }
    Ok(())
}

/// The endpoint reads with the rights that its owner shows now.
fn take_rights<P>(me: &Caller<P>, row: &mut EndpointRow) {
    row.roles = me.roles().iter().map(<&str>::from).collect::<Vec<_>>().join(" ");
    row.scopes = me.scopes().join(" ");
}

/// The endpoint, as the caller has seen it, in a state and with an owner that allow `action`.
pub fn open_to(
    tx: &mut Conn,
    me: &Caller<ManageWebhooks>,
    id: WebhookEndpointId,
    seen: Option<&IfMatch>,
    action: WebhookEndpointAction,
) -> Result<EndpointRow, Problem> {
    let row = rows::find(tx, me.school(), id)?;
    let owned = owns(me, &row);
    if !owned && action != WebhookEndpointAction::Disable {
        return Err(Problem::new(Code::Forbidden)
            .detail("What is delivered is what its owner may read: others stop it, and do nothing else with it."));
    }
    let allowed = rules::allowed(row.state, true, owned);
    if !allowed.contains(&action) {
        return Err(Problem::state_conflict(allowed));
    }
    if let Some(seen) = seen {
        seen.check(row.version)?;
    }
    Ok(row)
}

/// List webhook endpoints.
///
/// Oldest first, disabled ones too.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ReadWebhooks])), params(PageQuery),
    responses((status = 200, description = "One page.", body = WebhookEndpointPage)))]
#[get("/v1/webhook-endpoints")]
async fn list_webhook_endpoints(caller: Caller<ReadWebhooks>, query: Query<PageQuery>) -> Result<Plain<WebhookEndpointPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &"webhook-endpoints")?;
    let page = caller
        .read(move |conn, me| {
            let found = rows::list(conn, me.school(), &window)?;
            let ids: Vec<WebhookEndpointId> = found.iter().map(|row| row.id).collect();
            let mut expiring: HashMap<WebhookEndpointId, Instant> = rows::expiring(conn, me.school(), &ids)?.into_iter().collect();
            Ok(window.page(
                found,
                |row| row.id,
                |row| {
                    let expires = expiring.remove(&row.id);
                    view(me, row, expires, None)
                },
            ))
        })
        .await?;
    Plain::page(&page, "/v1/webhook-endpoints", &query.0, query.limit)
}

/// Create a webhook endpoint.
///
/// From now on, what happens is delivered there: of the types that were asked for, what the caller may read in
/// `GET /v1/events` at that time with the roles and scopes of this token, and nothing else. The answer shows the secret,
/// once. Each delivery is signed (Standard Webhooks 1.0); what is not answered with 2xx within 15 seconds is tried again,
/// at growing intervals over three days.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ManageWebhooks])), request_body = NewWebhookEndpoint,
    responses((status = 201, description = "Created.", body = WebhookEndpoint)))]
#[post("/v1/webhook-endpoints")]
async fn create_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    new: Valid<NewWebhookEndpoint>,
    state: Data<State>,
) -> Result<Created<WebhookEndpoint>, Problem> {
    let (new, targets) = (new.into_inner(), state.sender.targets.clone());
    let created = unsealed(caller, &state, move |tx, me, ring| {
        let new = new.clone();
        admitted(tx, me)?;
        let url = new.url.into_inner();
        let event_types = checked(&targets, Some(&url), &new.types)?;
        let mut row = EndpointRow {
            school_id: me.school(),
            id: WebhookEndpointId::new(),
            person_id: me.person(),
            service_account_id: me.service(),
            url,
            description: new.description.map(Line::into_inner),
            event_types,
            state: WebhookEndpointState::Enabled,
            disabled_reason: None,
            disabled_at: None,
            position: 0,
            failing_since: None,
            last_error: None,
            last_status: None,
            leased_by: None,
            leased_until: None,
            version: 1,
            created_at: me.now(),
            updated_at: me.now(),
            roles: String::new(),
            scopes: String::new(),
        };
        take_rights(me, &mut row);
        events::record(tx, me, Event::new(EventType::WebhookEndpointCreated, row.id.uuid()).state(row.state))?;
        let (position, _) = log::head(tx, me.school())?;
        let row = EndpointRow { position, ..row };
        rows::insert(tx, &row)?;
        let secret = new_secret();
        rows::add_secret(tx, &row, &secret, ring, me.now())?;
        Created::secret(&view(me, row, None, Some(secret.to_string())))
    })
    .await?;
    nudge(&state);
    Ok(created)
}

/// Find a webhook endpoint.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ReadWebhooks])),
    responses((status = 200, description = "The endpoint.", body = WebhookEndpoint), Fails<404>))]
#[get("/v1/webhook-endpoints/{id}")]
async fn find_webhook_endpoint(caller: Caller<ReadWebhooks>, id: Path<WebhookEndpointId>) -> Result<Versioned<WebhookEndpoint>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), *id)?;
            Versioned::new(&seen(conn, me, row, None)?)
        })
        .await
}

/// Edit a webhook endpoint.
///
/// By its owner; it reads with the roles and scopes of this token from now on. What is still to be delivered goes to a new
/// address at once; other types hold for what is not on its way yet.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ManageWebhooks])), params(IfMatchHeader), request_body = WebhookEndpointPatch,
    responses((status = 200, description = "Changed.", body = WebhookEndpoint), Fails<404, 409, 412, 428>))]
#[patch("/v1/webhook-endpoints/{id}")]
async fn edit_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    id: Path<WebhookEndpointId>,
    if_match: IfMatch,
    patch: Valid<WebhookEndpointPatch>,
    state: Data<State>,
) -> Result<Versioned<WebhookEndpoint>, Problem> {
    let targets = state.sender.targets.clone();
    let edited = caller
        .write(move |tx, me| {
            let mut row = open_to(tx, me, *id, Some(&if_match), WebhookEndpointAction::Edit)?;
            let (before, patch) = (row.clone(), patch.into_inner());
            take_rights(me, &mut row);
            let url = patch.url.map(Link::into_inner);
            let event_types = checked(&targets, url.as_deref(), patch.types.as_deref().unwrap_or_default())?;
            row.url = url.unwrap_or(row.url);
            row.description = patch.description.map(Line::into_inner).apply(row.description.take());
            if patch.types.is_some() {
                row.event_types = event_types;
            }
            let changed = [
                ("url", row.url != before.url),
                ("description", row.description != before.description),
                ("types", row.event_types != before.event_types),
            ];
            if changed.iter().any(|(_, changed)| *changed) {
                rows::save(tx, &mut row, me.now())?;
                events::record(tx, me, Event::new(EventType::WebhookEndpointChanged, row.id.uuid()).changed(changed))?;
            } else {
                rows::note(tx, &row)?;
            }
            if row.url != before.url && row.state == WebhookEndpointState::Enabled {
                rows::begin_anew(tx, &row, me.now())?;
            }
            Versioned::new(&seen(tx, me, row, None)?)
        })
        .await?;
    nudge(&state);
    Ok(edited)
}

/// Replace a webhook endpoint's secret.
///
/// By its owner. The answer shows the new one, once. For 24 hours deliveries are signed with the one before too, and with
/// at most these two.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ManageWebhooks])), params(IfMatchHeader),
    responses((status = 200, description = "Replaced.", body = WebhookEndpoint), Fails<404, 409, 412, 428>))]
#[post("/v1/webhook-endpoints/{id}/rotate-secret")]
async fn rotate_webhook_endpoint_secret(
    caller: Caller<ManageWebhooks>,
    id: Path<WebhookEndpointId>,
    if_match: IfMatch,
    _: NoBody,
    state: Data<State>,
) -> Result<Versioned<WebhookEndpoint>, Problem> {
    let id = *id;
    unsealed(caller, &state, move |tx, me, ring| {
        let mut row = open_to(tx, me, id, Some(&if_match), WebhookEndpointAction::RotateSecret)?;
        let secret = new_secret();
        rows::add_secret(tx, &row, &secret, ring, me.now())?;
        rows::save(tx, &mut row, me.now())?;
        events::record(tx, me, Event::new(EventType::WebhookEndpointSecretRotated, row.id.uuid()))?;
        Versioned::secret(&seen(tx, me, row, Some(secret.to_string()))?)
    })
    .await
}

/// Disable a webhook endpoint.
///
/// Nothing is delivered there any more. Where it stood is kept, for when its owner enables it again.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ManageWebhooks])), params(IfMatchHeader),
    responses((status = 200, description = "Disabled.", body = WebhookEndpoint), Fails<404, 409, 412, 428>))]
#[post("/v1/webhook-endpoints/{id}/disable")]
async fn disable_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    id: Path<WebhookEndpointId>,
    if_match: IfMatch,
    _: NoBody,
) -> Result<Versioned<WebhookEndpoint>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = open_to(tx, me, *id, Some(&if_match), WebhookEndpointAction::Disable)?;
            row.state = WebhookEndpointState::Disabled;
            row.disabled_reason = Some(DisabledReason::Requested);
            row.disabled_at = Some(me.now());
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(EventType::WebhookEndpointDisabled, row.id.uuid()).state(row.state))?;
            Versioned::new(&seen(tx, me, row, None)?)
        })
        .await
}

/// Enable a webhook endpoint.
///
/// By its owner; it reads with the roles and scopes of this token from now on. It goes on where it stood: what failed or
/// was to be delivered is tried anew, in order, and then what has happened since.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ManageWebhooks])), params(IfMatchHeader),
    responses((status = 200, description = "Enabled.", body = WebhookEndpoint), Fails<404, 409, 412, 428>))]
#[post("/v1/webhook-endpoints/{id}/enable")]
async fn enable_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    id: Path<WebhookEndpointId>,
    if_match: IfMatch,
    _: NoBody,
    state: Data<State>,
) -> Result<Versioned<WebhookEndpoint>, Problem> {
    let enabled = caller
        .write(move |tx, me| {
            let mut row = open_to(tx, me, *id, Some(&if_match), WebhookEndpointAction::Enable)?;
            admitted(tx, me)?;
            take_rights(me, &mut row);
            row.state = WebhookEndpointState::Enabled;
            (row.disabled_reason, row.disabled_at, row.failing_since) = (None, None, None);
            rows::save(tx, &mut row, me.now())?;
            rows::begin_anew(tx, &row, me.now())?;
            events::record(tx, me, Event::new(EventType::WebhookEndpointEnabled, row.id.uuid()).state(row.state))?;
            Versioned::new(&seen(tx, me, row, None)?)
        })
        .await?;
    nudge(&state);
    Ok(enabled)
}

/// Deliver once more what has happened since a time.
///
/// By its owner: for a receiver that has lost something. All of it that the owner may read now, in order, whatever was
/// delivered before; also what happened before the endpoint was created.
#[utoipa::path(tag = "webhooks", security(("oauth2" = [ManageWebhooks])), request_body = WebhookReplay,
    responses((status = 200, description = "It will be.", body = WebhookEndpoint), Fails<404, 409>))]
#[post("/v1/webhook-endpoints/{id}/replay")]
async fn replay_webhook_endpoint(
    caller: Caller<ManageWebhooks>,
    id: Path<WebhookEndpointId>,
    replay: Valid<WebhookReplay>,
    state: Data<State>,
) -> Result<Versioned<WebhookEndpoint>, Problem> {
    let replayed = caller
        .write(move |tx, me| {
            let mut row = open_to(tx, me, *id, None, WebhookEndpointAction::Replay)?;
            if let Some(first) = log::first_since(tx, me.school(), replay.since)? {
                rows::rewind(tx, &mut row, first, me.now())?;
                events::record(tx, me, Event::new(EventType::WebhookEndpointReplayed, row.id.uuid()))?;
            }
            Versioned::new(&seen(tx, me, row, None)?)
        })
        .await?;
    nudge(&state);
    Ok(replayed)
}
