//! The operations on delegations.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, DelegationRow, Sight};
use super::rules::{self, DelegationAction, DelegationState};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageDelegations, ReadDelegations};
use crate::clock::Instant;
use crate::db::types::{DelegationId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Day, Prose};
use crate::page::{Page, Window};
use crate::policy::roles::{Role, has_left};
use crate::problem::{Code, Problem};
use crate::resources::{notifications, people};

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_delegations).service(grant_delegation).service(find_delegation).service(revoke_delegation);
}

/// That somebody of the leadership team acts for the headteacher, from the first day to the last (R-HT-5).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-000000000007", "state": "active", "allowed_actions": ["revoke"],
    "delegate_id": "0198a4b2-6f00-7000-8000-000000000003", "granted_by": "0198a4b2-6f00-7000-8000-000000000002",
    "starts_on": "2026-06-01", "ends_on": "2026-06-05", "reason": "The headteacher is at a conference.",
    "version": 1, "created_at": "2026-05-28T09:00:00Z", "updated_at": "2026-05-28T09:00:00Z"
}))]
pub struct Delegation {
    pub id: DelegationId,
    pub state: DelegationState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<DelegationAction>,
    pub delegate_id: PersonId,
    pub granted_by: PersonId,
    pub starts_on: Day,
    /// The last day on which it is in force.
    pub ends_on: Day,
    #[schema(max_length = 2000)]
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revoked_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type DelegationPage = Page<Delegation>;

impl Resource for Delegation {
    fn location(&self) -> String {
        format!("/v1/delegations/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
    fn variant(&self) -> Option<&'static str> {
        Some(self.state.into())
    }
}

/// A new delegation.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "delegate_id": "0198a4b2-6f00-7000-8000-000000000003", "starts_on": "2026-06-01", "ends_on": "2026-06-05",
    "reason": "The headteacher is at a conference."
}))]
pub struct NewDelegation {
    /// An active person of the leadership team.
    pub delegate_id: PersonId,
    pub starts_on: Day,
    /// The last day; not past, and at most 366 days with the first.
    pub ends_on: Day,
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which delegations to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DelegationQuery {
    /// To one of these people.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub delegate_id: Vec<PersonId>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if me.own_only() => Sight::Own(person),
        _ => Sight::Everything,
    }
}

fn state<P>(me: &Caller<P>, row: &DelegationRow) -> DelegationState {
    rules::state(row.starts_on, row.ends_on, row.revoked_at.is_some(), me.today())
}

fn view<P>(me: &Caller<P>, row: DelegationRow) -> Delegation {
    let state = state(me, &row);
    Delegation {
        id: row.id,
        state,
        allowed_actions: rules::allowed(state, me.may::<ManageDelegations>()),
        delegate_id: row.delegate_id,
        granted_by: row.granted_by,
        starts_on: Day(row.starts_on),
        ends_on: Day(row.ends_on),
        reason: row.reason,
        revoked_at: row.revoked_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// List delegations.
///
/// Oldest first. People of the leadership team see those whose delegate they are.
#[utoipa::path(tag = "delegations", security(("oauth2" = [ReadDelegations])), params(DelegationQuery),
    responses((status = 200, description = "One page.", body = DelegationPage)))]
#[get("/v1/delegations")]
async fn list_delegations(caller: Caller<ReadDelegations>, query: Query<DelegationQuery>) -> Result<Plain<Page<Delegation>>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("delegations", &query.0))?;
    let delegates = query.delegate_id.clone();
    let page = caller
        .read(move |conn, me| {
            let delegations = rows::list(conn, me.school(), sight(me), &delegates, &window)?;
            Ok(window.page(delegations, |row| row.id, |row| view(me, row)))
        })
        .await?;
    Plain::page(&page, "/v1/delegations", &query.0, query.limit)
}

/// Delegate the headteacher's duties (R-HT-5).
///
/// By the headteacher, or by the chair of governors when the headteacher cannot; to somebody else, of the
/// leadership team, for at most 366 days. The delegate then holds what passes with them (`x-delegable`).
#[utoipa::path(tag = "delegations", security(("oauth2" = [ManageDelegations])), request_body = NewDelegation,
    responses((status = 201, description = "Granted.", body = Delegation)))]
#[post("/v1/delegations")]
async fn grant_delegation(caller: Caller<ManageDelegations>, new: Valid<NewDelegation>) -> Result<Created<Delegation>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let granted_by = me.person().ok_or_else(|| Problem::new(Code::Forbidden))?;
            let delegate = people::rows::find(tx, me.school(), people::rows::Sight::Everyone, new.delegate_id).map_err(|problem| {
                if problem.code() == Code::NotFound {
                    Problem::invalid("/delegate_id", "unknown", "There is no such person for this caller.")
                } else {
                    problem
                }
            })?;
            let active = !has_left(delegate.row.left_on, me.today());
            rules::delegate(me.is(delegate.row.id), active, delegate.roles.contains(&Role::LeadershipTeam))?;
            let wrong = rules::wrong_days(new.starts_on.0, new.ends_on.0, me.today());
            if !wrong.is_empty() {
                return Err(Problem::new(Code::ValidationFailed).with_errors(wrong));
            }
            let row = DelegationRow {
                school_id: me.school(),
                id: DelegationId::new(),
                delegate_id: new.delegate_id,
                granted_by,
                starts_on: new.starts_on.0,
                ends_on: new.ends_on.0,
                reason: new.reason.into_inner(),
                revoked_at: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            let granted = Event::new(EventType::DelegationGranted, row.id.uuid()).state(state(me, &row));
            notifications::rows::notify(tx, me.school(), &[row.delegate_id], granted.kind, row.id.uuid(), me.now())?;
            events::record(tx, me, granted.related("delegate", row.delegate_id.uuid()))?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find a delegation.
#[utoipa::path(tag = "delegations", security(("oauth2" = [ReadDelegations])),
    responses((status = 200, description = "The delegation.", body = Delegation), Fails<404>))]
#[get("/v1/delegations/{id}")]
async fn find_delegation(caller: Caller<ReadDelegations>, id: Path<DelegationId>) -> Result<Versioned<Delegation>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::find(conn, me.school(), sight(me), *id)?;
            Versioned::new(&view(me, row))
        })
        .await
}

/// Revoke a delegation (R-HT-5).
///
/// At once: the delegate's next request is made without it.
#[utoipa::path(tag = "delegations", security(("oauth2" = [ManageDelegations])), params(IfMatchHeader),
    responses((status = 200, description = "Revoked.", body = Delegation), Fails<404, 409, 412, 428>))]
#[post("/v1/delegations/{id}/revoke")]
async fn revoke_delegation(
    caller: Caller<ManageDelegations>,
    id: Path<DelegationId>,
    seen: IfMatch,
    _: NoBody,
) -> Result<Versioned<Delegation>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), sight(me), *id)?;
            let allowed = rules::allowed(state(me, &row), true);
            if allowed.is_empty() {
                return Err(Problem::state_conflict(allowed));
            }
            seen.check(row.version)?;
            row.revoked_at = Some(me.now());
            rows::save(tx, &mut row, me.now())?;
            let revoked = Event::new(EventType::DelegationRevoked, row.id.uuid()).state(state(me, &row));
            events::record(tx, me, revoked.related("delegate", row.delegate_id.uuid()))?;
            Versioned::new(&view(me, row))
        })
        .await
}
