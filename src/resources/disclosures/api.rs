//! The operations on disclosures.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, DisclosureRow};
use crate::access::caller::Caller;
use crate::access::permissions::{LeadIncident, ReadIncidents, RequestReporter};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{DisclosureId, IncidentId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::Prose;
use crate::page::{Page, PageQuery, Window};
use crate::policy::clauses::Clause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::Problem;
use crate::resources::incidents;
use crate::resources::incidents::rules::Capacity;
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_reporter_disclosures)
        .service(request_reporter_disclosure)
        .service(grant_reporter_disclosure)
        .service(refuse_reporter_disclosure);
}

words! {
    /// Where a request to learn who reported an incident stands.
    pub enum DisclosureState { Requested, Granted, Refused }

    /// What can be done with such a request.
    pub enum DisclosureAction { Grant, Refuse }
}

/// A request to learn who reported an incident, and the answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f4", "incident_id": "0198a4b2-6f00-7000-8000-0000000000f1", "state": "requested",
    "allowed_actions": ["grant", "refuse"], "requested_by": "0198a4b2-6f00-7000-8000-000000000009",
    "motivation": "The child may have to be asked by somebody whom they trust.", "version": 1,
    "created_at": "2026-01-15T12:00:00Z", "updated_at": "2026-01-15T12:00:00Z"
}))]
pub struct ReporterDisclosure {
    pub id: DisclosureId,
    pub incident_id: IncidentId,
    pub state: DisclosureState,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<DisclosureAction>,
    pub requested_by: PersonId,
    #[schema(max_length = 2000)]
    pub motivation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub decision_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub decided_at: Option<Instant>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type ReporterDisclosurePage = Page<ReporterDisclosure>;

impl Resource for ReporterDisclosure {
    fn location(&self) -> String {
        format!("/v1/incidents/{}/disclosures", self.incident_id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// Why somebody needs to know who reported an incident.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "motivation": "The child may have to be asked by somebody whom they trust." }))]
pub struct NewReporterDisclosure {
    #[validate(nested)]
    #[schema(inline)]
    pub motivation: Prose<2000>,
}

/// Why it is disclosed, or not.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The reporter agrees." }))]
pub struct DisclosureDecision {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

fn view(row: DisclosureRow, capacity: Capacity) -> ReporterDisclosure {
    let decides = capacity == Capacity::Lead && row.state == DisclosureState::Requested;
    ReporterDisclosure {
        id: row.id,
        incident_id: row.incident_id,
        state: row.state,
        allowed_actions: if decides { vec![DisclosureAction::Grant, DisclosureAction::Refuse] } else { Vec::new() },
        requested_by: row.requested_by,
        motivation: row.motivation,
        decided_by: row.decided_by,
        decision_reason: row.decision_reason,
        decided_at: row.decided_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// List the requests to learn who reported an incident (HND-3).
///
/// Oldest first: for whoever leads it all, for others their own.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])), params(PageQuery),
    responses((status = 200, description = "One page.", body = ReporterDisclosurePage), Fails<404>))]
#[get("/v1/incidents/{id}/disclosures")]
async fn list_reporter_disclosures(
    caller: Caller<ReadIncidents>,
    id: Path<IncidentId>,
    query: Query<PageQuery>,
) -> Result<Plain<ReporterDisclosurePage>, Problem> {
    let path = format!("/v1/incidents/{id}/disclosures");
    let window = Window::new(query.cursor.as_deref(), query.limit, &path)?;
    let page = caller
        .read(move |conn, me| {
            let (incident, capacity) = incidents::part(conn, me, *id)?;
            let by = me.person().filter(|_| capacity != Capacity::Lead);
            let rows = rows::list(conn, me.school(), incident.row.id, by, &window)?;
            Ok(window.page(rows, |row| row.id, |row| view(row, capacity)))
        })
        .await?;
    Plain::page(&page, &path, &query.0, query.limit)
}

/// Ask to learn who reported an incident (HND-3).
///
/// With a motivation; whoever leads the incident decides. For whoever protects a child or data in it (R-HT-3).
#[utoipa::path(tag = "incidents", security(("oauth2" = [RequestReporter])), request_body = NewReporterDisclosure,
    responses((status = 201, description = "Asked.", body = ReporterDisclosure), Fails<404>))]
#[post("/v1/incidents/{id}/disclosures")]
async fn request_reporter_disclosure(
    caller: Caller<RequestReporter>,
    id: Path<IncidentId>,
    new: Valid<NewReporterDisclosure>,
) -> Result<Created<ReporterDisclosure>, Problem> {
    caller
        .write_on(
            move |tx, me| incidents::part(tx, me, *id),
            move |tx, me, (incident, capacity)| {
                incidents::for_full(capacity)?;
                let row = DisclosureRow {
                    school_id: me.school(),
                    id: DisclosureId::new(),
                    incident_id: incident.row.id,
                    requested_by: me.person().ok_or_else(Problem::not_found)?,
                    motivation: new.into_inner().motivation.into_inner(),
                    state: DisclosureState::Requested,
                    decided_by: None,
                    decision_reason: None,
                    decided_at: None,
                    version: 1,
                    created_at: me.now(),
                    updated_at: me.now(),
                };
                rows::insert(tx, &row)?;
                events::record(tx, me, Event::new(EventType::IncidentReporterAskedFor, incident.row.id.uuid()))?;
                Created::new(&view(row, capacity))
            },
        )
        .await
}

/// Disclose to somebody who reported an incident (HND-3).
///
/// By whoever leads it, with a reason. Nobody grants their own request.
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = DisclosureDecision,
    responses((status = 200, description = "Disclosed.", body = ReporterDisclosure), Fails<404, 409, 412, 428>))]
#[post("/v1/disclosures/{id}/grant")]
async fn grant_reporter_disclosure(
    caller: Caller<LeadIncident>,
    id: Path<DisclosureId>,
    seen: IfMatch,
    decision: Valid<DisclosureDecision>,
) -> Result<Versioned<ReporterDisclosure>, Problem> {
    decide(caller, *id, seen, decision.into_inner(), DisclosureState::Granted, EventType::IncidentReporterDisclosed).await
}

/// Keep from somebody who reported an incident (HND-3).
///
/// By whoever leads it, with a reason.
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), params(IfMatchHeader), request_body = DisclosureDecision,
    responses((status = 200, description = "Refused.", body = ReporterDisclosure), Fails<404, 409, 412, 428>))]
#[post("/v1/disclosures/{id}/refuse")]
async fn refuse_reporter_disclosure(
    caller: Caller<LeadIncident>,
    id: Path<DisclosureId>,
    seen: IfMatch,
    decision: Valid<DisclosureDecision>,
) -> Result<Versioned<ReporterDisclosure>, Problem> {
    decide(caller, *id, seen, decision.into_inner(), DisclosureState::Refused, EventType::IncidentReporterWithheld).await
}

/// The request, and the caller's part in its incident; one that the caller may not know of does not exist.
fn asked<P>(tx: &mut Conn, me: &Caller<P>, id: DisclosureId) -> Result<(DisclosureRow, Capacity), Problem> {
    let row = rows::find(tx, me.school(), id)?;
    let (_, capacity) = incidents::part(tx, me, row.incident_id)?;
    if capacity == Capacity::Lead || me.is(row.requested_by) { Ok((row, capacity)) } else { Err(Problem::not_found()) }
}

async fn decide(
    caller: Caller<LeadIncident>,
    id: DisclosureId,
    seen: IfMatch,
    decision: DisclosureDecision,
    state: DisclosureState,
    kind: EventType,
) -> Result<Versioned<ReporterDisclosure>, Problem> {
    caller
        .write_on(
            move |tx, me| asked(tx, me, id),
            move |tx, me, (mut row, capacity)| {
                if capacity != Capacity::Lead || me.is(row.requested_by) {
                    let violation = Violation::new(Clause::RHt3, "This is for whoever leads the incident.", "Leave it to the lead.");
                    return Err(Refusal::new(Grounds::NotThisPerson, violation).into());
                }
                if row.state != DisclosureState::Requested {
                    return Err(Problem::state_conflict(Vec::<DisclosureAction>::new()));
                }
                seen.check(row.version)?;
                row.state = state;
                (row.decided_by, row.decided_at, row.decision_reason) = (me.person(), Some(me.now()), Some(decision.reason.into_inner()));
                rows::save(tx, &mut row, me.now())?;
                events::record(tx, me, Event::new(kind, row.incident_id.uuid()))?;
                Versioned::new(&view(row, capacity))
            },
        )
        .await
}
