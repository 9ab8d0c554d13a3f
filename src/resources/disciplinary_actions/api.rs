//! The operations on disciplinary actions.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, DisciplinaryRow};
use crate::access::caller::Caller;
use crate::access::permissions::{LeadIncident, ReadIncidents};
use crate::clock::Instant;
use crate::db::types::{DisciplinaryActionId, IncidentId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource};
use crate::http::text::Prose;
use crate::page::{Page, PageQuery, Window};
use crate::problem::Problem;
use crate::resources::incidents::rules::{self, Capacity, IncidentAction};
use crate::resources::incidents::{self, SubjectPart};
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_disciplinary_actions).service(record_disciplinary_action);
}

words! {
    /// What was done about somebody's conduct.
    pub enum DisciplinaryKind { Advice, VerbalWarning, WrittenWarning, FinalWarning, Suspension, Dismissal, ReferredToDbs, ReferredToTra, Other }
}

/// What was done about somebody's conduct: for whoever leads the incident alone.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f3", "incident_id": "0198a4b2-6f00-7000-8000-0000000000f1",
    "person_id": "0198a4b2-6f00-7000-8000-000000000002", "kind": "verbal_warning", "text": "Talked through the policy.",
    "recorded_by": "0198a4b2-6f00-7000-8000-000000000001", "created_at": "2026-01-15T12:00:00Z"
}))]
pub struct DisciplinaryAction {
    pub id: DisciplinaryActionId,
    pub incident_id: IncidentId,
    pub person_id: PersonId,
    pub kind: DisciplinaryKind,
    #[schema(max_length = 5000)]
    pub text: String,
    pub recorded_by: PersonId,
    pub created_at: Instant,
}

type DisciplinaryActionPage = Page<DisciplinaryAction>;

impl Resource for DisciplinaryAction {
    fn location(&self) -> String {
        format!("/v1/incidents/{}/disciplinary-actions", self.incident_id)
    }
    /// There is never another one.
    fn version(&self) -> i64 {
        1
    }
}

/// What was done about the conduct of somebody whom the incident is about.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "person_id": "0198a4b2-6f00-7000-8000-000000000002", "kind": "verbal_warning", "text": "Talked through the policy."
}))]
pub struct NewDisciplinaryAction {
    pub person_id: PersonId,
    pub kind: DisciplinaryKind,
    #[validate(nested)]
    #[schema(inline)]
    pub text: Prose<5000>,
}

fn view(row: DisciplinaryRow) -> DisciplinaryAction {
    DisciplinaryAction {
        id: row.id,
        incident_id: row.incident_id,
        person_id: row.person_id,
        kind: row.kind,
        text: row.text,
        recorded_by: row.recorded_by,
        created_at: row.created_at,
    }
}

/// List the disciplinary actions out of an incident (BEH-7).
///
/// Oldest first. For whoever leads it; for everybody else there are none.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])), params(PageQuery),
    responses((status = 200, description = "One page.", body = DisciplinaryActionPage), Fails<404>))]
#[get("/v1/incidents/{id}/disciplinary-actions")]
async fn list_disciplinary_actions(
    caller: Caller<ReadIncidents>,
    id: Path<IncidentId>,
    query: Query<PageQuery>,
) -> Result<Plain<DisciplinaryActionPage>, Problem> {
    let path = format!("/v1/incidents/{id}/disciplinary-actions");
    let window = Window::new(query.cursor.as_deref(), query.limit, &path)?;
    let page = caller
        .read(move |conn, me| {
            let (incident, capacity) = incidents::part(conn, me, *id)?;
            if capacity != Capacity::Lead {
                return Err(Problem::not_found());
            }
            let rows = rows::list(conn, me.school(), incident.row.id, &window)?;
            Ok(window.page(rows, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, &path, &query.0, query.limit)
}

/// Record a disciplinary action out of an incident (BEH-7).
///
/// About somebody whom the incident is about, after its assessment (R-HT-4).
#[utoipa::path(tag = "incidents", security(("oauth2" = [LeadIncident])), request_body = NewDisciplinaryAction,
    responses((status = 201, description = "Recorded.", body = DisciplinaryAction), Fails<404, 409>))]
#[post("/v1/incidents/{id}/disciplinary-actions")]
async fn record_disciplinary_action(
    caller: Caller<LeadIncident>,
    id: Path<IncidentId>,
    new: Valid<NewDisciplinaryAction>,
) -> Result<Created<DisciplinaryAction>, Problem> {
    caller
        .write_on(
            move |tx, me| incidents::part(tx, me, *id),
            move |tx, me, (incident, capacity)| {
                rules::check(IncidentAction::Discipline, incidents::standing(me, &incident, capacity))?;
                let (new, recorded_by) = (new.into_inner(), me.person().ok_or_else(Problem::not_found)?);
                let about = incident.subjects.iter().any(|row| row.part == SubjectPart::Alleged && row.person_id == Some(new.person_id));
                if !about {
                    return Err(Problem::invalid("/person_id", "unknown", "The incident is not about such a person."));
                }
                let row = DisciplinaryRow {
                    school_id: me.school(),
                    id: DisciplinaryActionId::new(),
                    incident_id: incident.row.id,
                    person_id: new.person_id,
                    kind: new.kind,
                    text: new.text.into_inner(),
                    recorded_by,
                    created_at: me.now(),
                };
                rows::insert(tx, &row)?;
                events::record(tx, me, Event::new(EventType::IncidentDisciplined, incident.row.id.uuid()))?;
                Created::new(&view(row))
            },
        )
        .await
}
