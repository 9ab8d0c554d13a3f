//! The operations on service accounts.

use std::str::FromStr;

use actix_web::web::Path;
use actix_web::{get, patch, post};
use chrono::Duration;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rules::{self, GRACE, ServiceAccountAction, ServiceAccountState};
use crate::access::caller::Caller;
use crate::access::new_secret;
use crate::access::permissions::{self, ManageServiceAccounts, ReadServiceAccounts};
use crate::access::services::{self as rows, ServiceAccountRow};
use crate::clock::Instant;
use crate::db::types::ServiceAccountId;
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Line, present};
use crate::page::{Page, PageQuery, Window};
use crate::problem::{Code, FieldError, Problem};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_service_accounts)
        .service(create_service_account)
        .service(find_service_account)
        .service(edit_service_account)
        .service(rotate_service_account_secret)
        .service(revoke_service_account);
}

/// A program that calls the API for the school: a management information system, a front end's server.
#[derive(Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f1", "state": "active", "allowed_actions": ["edit", "rotate_secret", "revoke"],
    "name": "Management information system", "client_id": "0198a4b2-6f00-7000-8000-0000000000f1",
    "permissions": ["people:manage", "people:read"], "allowed_networks": ["203.0.113.0/24"],
    "version": 1, "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z"
}))]
pub struct ServiceAccount {
    pub id: ServiceAccountId,
    pub state: ServiceAccountState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<ServiceAccountAction>,
    #[schema(max_length = 100)]
    pub name: String,
    /// With the secret, what `POST /oauth/token` asks for (`client_credentials`).
    #[schema(max_length = 100)]
    pub client_id: String,
    /// Shown once: when it is made, and when it is rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100, nullable = false)]
    pub client_secret: Option<String>,
    #[schema(max_items = 100, value_type = Vec<Line<60>>, inline)]
    pub permissions: Vec<String>,
    /// From where it may call, as addresses and networks; none: from anywhere.
    #[schema(max_items = 20, value_type = Vec<Line<50>>, inline)]
    pub allowed_networks: Vec<String>,
    /// When its secret was last replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub secret_rotated_at: Option<Instant>,
    /// Until when the secret before the last rotation works.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub previous_secret_expires_at: Option<Instant>,
    /// When it last got a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_used_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revoked_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
    /// The use of an account and the end of a secret are no new versions, and yet another answer.
    #[serde(skip)]
    use_made: String,
}

type ServiceAccountPage = Page<ServiceAccount>;

impl Resource for ServiceAccount {
    fn location(&self) -> String {
        format!("/v1/service-accounts/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&str> {
        Some(&self.use_made)
    }
}

/// A new service account.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Management information system", "permissions": ["people:manage", "people:read"], "allowed_networks": ["203.0.113.0/24"] }))]
pub struct NewServiceAccount {
    #[validate(nested)]
    #[schema(inline)]
    pub name: Line<100>,
    /// What it may do: permissions that a service account can hold, and that the caller may hand out.
    #[serde(default)]
    #[validate(length(min = 1, max = 100, message = "Name at least one permission."))]
    #[schema(min_items = 1, max_items = 100, value_type = Vec<Line<60>>, inline)]
    pub permissions: Vec<String>,
    /// From where it may call, as addresses and networks; none: from anywhere.
    #[serde(default)]
    #[validate(length(max = 20))]
    #[schema(max_items = 20, value_type = Vec<Line<50>>, inline)]
    pub allowed_networks: Vec<String>,
}

/// Changes to a service account (a merge patch: absent keeps; a list is replaced as a whole).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "permissions": ["people:read"] }))]
pub struct ServiceAccountPatch {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub name: Option<Line<100>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(length(min = 1, max = 100, message = "Name at least one permission."))]
    #[schema(min_items = 1, max_items = 100, value_type = Vec<Line<60>>, inline, nullable = false)]
    pub permissions: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(length(max = 20))]
    #[schema(max_items = 20, value_type = Vec<Line<50>>, inline, nullable = false)]
    pub allowed_networks: Option<Vec<String>>,
}

/// How a secret is replaced.
#[derive(Clone, Copy, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "previous_secret_hours": 24 }))]
pub struct SecretRotation {
    /// For how many hours the secret that is replaced goes on working beside the new one; 0 where it has leaked. 24 if
    /// absent.
    #[serde(default, deserialize_with = "present")]
    #[validate(range(max = 168))]
    #[schema(maximum = 168, nullable = false)]
    pub previous_secret_hours: Option<u8>,
}

fn view<P>(me: &Caller<P>, row: ServiceAccountRow, client_secret: Option<String>) -> ServiceAccount {
    let may_hold_secret = row.permissions().all(|scope| rules::may_hand_out(me.roles(), scope));
    let previous_secret_expires_at = row.previous_secret_expires_at.filter(|end| me.now() < *end);
    let use_made = format!("{}-{}", row.last_used_at.map_or(0, |at| at.timestamp_micros()), previous_secret_expires_at.is_some());
    let allowed_actions = rules::allowed(row.revoked_at.is_some(), me.may::<ManageServiceAccounts>(), may_hold_secret);
    ServiceAccount {
        id: row.id,
        state: if row.revoked_at.is_some() { ServiceAccountState::Revoked } else { ServiceAccountState::Active },
        allowed_actions,
        permissions: row.permissions().map(str::to_owned).collect(),
        name: row.name,
        client_id: row.client_id,
        client_secret,
        allowed_networks: rows::networks(&row.allowed_networks).iter().map(ToString::to_string).collect(),
        secret_rotated_at: row.secret_rotated_at,
        previous_secret_expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        use_made,
    }
}

/// Everything that is wrong with what an account is to hold and from where it is to call; else the networks as one
/// column holds them. `kept` are permissions that it holds already.
fn checked<P>(me: &Caller<P>, wanted: &[String], kept: &[&str], networks: &[String]) -> Result<String, Problem> {
    let mut errors = Vec::new();
    for (at, scope) in wanted.iter().enumerate() {
        let pointer = format!("/permissions/{at}");
        if !permissions::row(scope).is_some_and(rules::grantable) {
            errors.push(FieldError::new(pointer, "unknown", "This is not a permission that a service account can hold."));
        } else if !kept.contains(&scope.as_str()) && !rules::may_hand_out(me.roles(), scope) {
            let detail =
                "The caller cannot hand this permission out: the headteacher can, and `events:head` only whoever runs the service.";
            errors.push(FieldError::new(pointer, "not_held", detail));
        }
    }
    let mut parsed = Vec::new();
    for (at, network) in networks.iter().enumerate() {
        if let Ok(network) = network.parse().or_else(|_| std::net::IpAddr::from_str(network).map(IpNet::from)) {
            parsed.push(network.trunc().to_string());
        } else {
            let detail = "Must be an address or a network like 203.0.113.0/24.";
            errors.push(FieldError::new(format!("/allowed_networks/{at}"), "not_a_network", detail));
        }
    }
    if errors.is_empty() { Ok(parsed.join(" ")) } else { Err(Problem::new(Code::ValidationFailed).with_errors(errors)) }
}

/// List service accounts.
///
/// Oldest first, revoked ones too.
#[utoipa::path(tag = "access", security(("oauth2" = [ReadServiceAccounts])), params(PageQuery),
    responses((status = 200, description = "One page.", body = ServiceAccountPage)))]
#[get("/v1/service-accounts")]
async fn list_service_accounts(
    caller: Caller<ReadServiceAccounts>,
    query: Query<PageQuery>,
) -> Result<Plain<Page<ServiceAccount>>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &"service-accounts")?;
    let page = caller
        .read(move |conn, me| {
            let accounts = rows::list(conn, me.school(), &window)?;
            Ok(window.page(accounts, |row| row.id, |row| view(me, row, None)))
        })
        .await?;
    Plain::page(&page, "/v1/service-accounts", &query.0, query.limit)
}

/// Create a service account.
///
/// The answer shows its secret, once. The headteacher hands out any permission that a service account can hold; others
/// those that they hold themselves for the whole school, since whoever has the secret has the permissions.
#[utoipa::path(tag = "access", security(("oauth2" = [ManageServiceAccounts])), request_body = NewServiceAccount,
    responses((status = 201, description = "Created.", body = ServiceAccount)))]
#[post("/v1/service-accounts")]
async fn create_service_account(
    caller: Caller<ManageServiceAccounts>,
    new: Valid<NewServiceAccount>,
) -> Result<Created<ServiceAccount>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let networks = checked(me, &new.permissions, &[], &new.allowed_networks)?;
            let secret = new_secret();
            let mut row = ServiceAccountRow::new(me.school(), new.name.into_inner(), &new.permissions, &secret, me.now());
            row.allowed_networks = networks;
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::ServiceAccountCreated, row.id.uuid()).state(ServiceAccountState::Active))?;
            Created::secret(&view(me, row, Some(secret)))
        })
        .await
}

/// Find a service account.
#[utoipa::path(tag = "access", security(("oauth2" = [ReadServiceAccounts])),
    responses((status = 200, description = "The service account.", body = ServiceAccount), Fails<404>))]
#[get("/v1/service-accounts/{id}")]
async fn find_service_account(
    caller: Caller<ReadServiceAccounts>,
    id: Path<ServiceAccountId>,
) -> Result<Versioned<ServiceAccount>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), *id)?;
            Versioned::new(&view(me, row, None))
        })
        .await
}

/// The account that is to be changed, still in force and as the caller has seen it.
fn in_force<P>(tx: &mut crate::db::Conn, me: &Caller<P>, id: ServiceAccountId, seen: &IfMatch) -> Result<ServiceAccountRow, Problem> {
    let row = rows::find(tx, me.school(), id)?;
    if row.revoked_at.is_some() {
        return Err(Problem::state_conflict(Vec::<ServiceAccountAction>::new()));
    }
    seen.check(row.version)?;
    Ok(row)
}

/// Edit a service account.
///
/// A permission that is taken away is gone with the account's next request.
#[utoipa::path(tag = "access", security(("oauth2" = [ManageServiceAccounts])), params(IfMatchHeader), request_body = ServiceAccountPatch,
    responses((status = 200, description = "Changed.", body = ServiceAccount), Fails<404, 409, 412, 428>))]
#[patch("/v1/service-accounts/{id}")]
async fn edit_service_account(
    caller: Caller<ManageServiceAccounts>,
    id: Path<ServiceAccountId>,
    seen: IfMatch,
    patch: Valid<ServiceAccountPatch>,
) -> Result<Versioned<ServiceAccount>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = in_force(tx, me, *id, &seen)?;
            let before = row.clone();
            let patch = patch.into_inner();
            let kept: Vec<&str> = before.permissions().collect();
            let networks = checked(
                me,
                patch.permissions.as_deref().unwrap_or_default(),
                &kept,
                patch.allowed_networks.as_deref().unwrap_or_default(),
            )?;
            if let Some(name) = patch.name {
                row.name = name.into_inner();
            }
            if let Some(mut permissions) = patch.permissions {
                permissions.sort_unstable();
                permissions.dedup();
                row.permissions = permissions.join(" ");
            }
            if patch.allowed_networks.is_some() {
                row.allowed_networks = networks;
            }
            let changed = [
                ("name", row.name != before.name),
                ("permissions", row.permissions != before.permissions),
                ("allowed_networks", row.allowed_networks != before.allowed_networks),
            ];
            if changed.iter().any(|(_, changed)| *changed) {
                rows::save(tx, &mut row, me.now())?;
                events::record(tx, me, Event::new(EventType::ServiceAccountChanged, row.id.uuid()).changed(changed))?;
            }
            Versioned::new(&view(me, row, None))
        })
        .await
}

/// Replace a service account's secret.
///
/// The answer shows the new one, once. The one before goes on working beside it for a while, and at most these two
/// work at a time. By whoever may hand out all that the account may do.
#[utoipa::path(tag = "access", security(("oauth2" = [ManageServiceAccounts])), params(IfMatchHeader), request_body = SecretRotation,
    responses((status = 200, description = "Replaced.", body = ServiceAccount), Fails<404, 409, 412, 428>))]
#[post("/v1/service-accounts/{id}/rotate-secret")]
async fn rotate_service_account_secret(
    caller: Caller<ManageServiceAccounts>,
    id: Path<ServiceAccountId>,
    seen: IfMatch,
    rotation: Valid<SecretRotation>,
) -> Result<Versioned<ServiceAccount>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = in_force(tx, me, *id, &seen)?;
            if !row.permissions().all(|scope| rules::may_hand_out(me.roles(), scope)) {
                let detail = "Whoever has the secret has the account's permissions, and the caller does not hold them all; the headteacher can do it.";
                return Err(Problem::new(Code::Forbidden).detail(detail));
            }
            let secret = new_secret();
            let grace = rotation.previous_secret_hours.map_or(GRACE, |hours| Duration::hours(hours.into()));
            row.rotate(&secret, grace, me.now());
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(EventType::ServiceAccountSecretRotated, row.id.uuid()))?;
            Versioned::secret(&view(me, row, Some(secret)))
        })
        .await
}

/// Revoke a service account.
///
/// For good: its secrets and its tokens are dead at once.
#[utoipa::path(tag = "access", security(("oauth2" = [ManageServiceAccounts])), params(IfMatchHeader),
    responses((status = 200, description = "Revoked.", body = ServiceAccount), Fails<404, 409, 412, 428>))]
#[post("/v1/service-accounts/{id}/revoke")]
async fn revoke_service_account(
    caller: Caller<ManageServiceAccounts>,
    id: Path<ServiceAccountId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<ServiceAccount>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = in_force(tx, me, *id, &seen)?;
            row.revoked_at = Some(me.now());
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, Event::new(EventType::ServiceAccountRevoked, row.id.uuid()).state(ServiceAccountState::Revoked))?;
            Versioned::new(&view(me, row, None))
        })
        .await
}
