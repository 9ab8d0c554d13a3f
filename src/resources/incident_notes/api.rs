//! The operations on notes of incidents.

use actix_web::web::Path;
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, NoteRow};
use crate::access::caller::Caller;
use crate::access::permissions::{NoteIncident, ReadIncidents};
use crate::clock::Instant;
use crate::db::types::{IncidentId, IncidentNoteId, PersonId};
use crate::events::{self, Actor, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::Fails;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource};
use crate::http::text::Prose;
use crate::page::{Page, PageQuery, Window};
use crate::policy::clauses::Clause;
use crate::policy::refusal::{Grounds, Refusal, Violation};
use crate::problem::Problem;
use crate::resources::incidents;
use crate::resources::incidents::rules::Capacity;
use crate::words::words;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_incident_notes).service(add_incident_note);
}

words! {
    /// Whom a note is for.
    pub enum NoteAudience {
        /// Whoever leads, and whoever protects a child or data.
        Internal,
        /// Everybody who takes part, too.
        Shared,
        /// The reporter and whoever leads.
        Reporter,
    }
}

/// A note on an incident; there is never another version of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000f2", "incident_id": "0198a4b2-6f00-7000-8000-0000000000f1", "audience": "internal",
    "author_id": "0198a4b2-6f00-7000-8000-000000000001", "text": "Talked to both.", "created_at": "2026-01-14T12:00:00Z"
}))]
pub struct IncidentNote {
    pub id: IncidentNoteId,
    pub incident_id: IncidentId,
    pub audience: NoteAudience,
    /// Absent where the reporter wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub author_id: Option<PersonId>,
    #[schema(max_length = 5000)]
    pub text: String,
    pub created_at: Instant,
}

type IncidentNotePage = Page<IncidentNote>;

impl Resource for IncidentNote {
    fn location(&self) -> String {
        format!("/v1/incidents/{}/notes", self.incident_id)
    }
    fn version(&self) -> i64 {
        1
    }
}

/// A note.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "audience": "internal", "text": "Talked to both." }))]
pub struct NewIncidentNote {
    pub audience: NoteAudience,
    #[validate(nested)]
    #[schema(inline)]
    pub text: Prose<5000>,
}

/// The audiences to which somebody belongs.
const fn audiences(capacity: Capacity) -> &'static [NoteAudience] {
    match capacity {
        Capacity::Lead => &[NoteAudience::Internal, NoteAudience::Shared, NoteAudience::Reporter],
        Capacity::Safeguarding | Capacity::DataProtection => &[NoteAudience::Internal, NoteAudience::Shared],
        Capacity::Involved => &[NoteAudience::Shared],
        Capacity::Reporter => &[NoteAudience::Reporter],
    }
}

fn view(row: NoteRow) -> IncidentNote {
    IncidentNote {
        id: row.id,
        incident_id: row.incident_id,
        audience: row.audience,
        author_id: row.author_id,
        text: row.text,
        created_at: row.created_at,
    }
}

/// List the notes on an incident (R-HT-4).
///
/// Oldest first; those that are for the caller.
#[utoipa::path(tag = "incidents", security(("oauth2" = [ReadIncidents])), params(PageQuery),
    responses((status = 200, description = "One page.", body = IncidentNotePage), Fails<404>))]
#[get("/v1/incidents/{id}/notes")]
async fn list_incident_notes(
    caller: Caller<ReadIncidents>,
    id: Path<IncidentId>,
    query: Query<PageQuery>,
) -> Result<Plain<IncidentNotePage>, Problem> {
    let path = format!("/v1/incidents/{id}/notes");
    let window = Window::new(query.cursor.as_deref(), query.limit, &path)?;
    let page = caller
        .read(move |conn, me| {
            let (incident, capacity) = incidents::part(conn, me, *id)?;
            let notes = rows::list(conn, me.school(), incident.row.id, audiences(capacity), &window)?;
            Ok(window.page(notes, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, &path, &query.0, query.limit)
}

/// Add a note to an incident (R-HT-4).
///
/// For an audience to which the caller belongs. Nothing is ever taken back.
#[utoipa::path(tag = "incidents", security(("oauth2" = [NoteIncident])), request_body = NewIncidentNote,
    responses((status = 201, description = "Added.", body = IncidentNote), Fails<404>))]
#[post("/v1/incidents/{id}/notes")]
async fn add_incident_note(
    caller: Caller<NoteIncident>,
    id: Path<IncidentId>,
    new: Valid<NewIncidentNote>,
) -> Result<Created<IncidentNote>, Problem> {
    caller
        .write_on(
            move |tx, me| incidents::part(tx, me, *id),
            move |tx, me, (incident, capacity)| {
                let NewIncidentNote { audience, text } = new.into_inner();
                if !audiences(capacity).contains(&audience) {
                    let cure = "Write for an audience to which you belong.";
                    let violation = Violation::new(Clause::RHt4, "This audience is not the caller's.", cure);
                    return Err(Refusal::new(Grounds::NotThisPerson, violation.at("/audience")).into());
                }
                // What the reporter writes does not name them, here and in the log.
                let author = me.person().filter(|_| capacity != Capacity::Reporter);
                let row = rows::insert(tx, me.school(), incident.row.id, audience, author, text.as_str(), me.now())?;
                let by = Actor::from(me);
                let by = if author.is_some() { by } else { by.as_a_reporter() };
                events::record(tx, by, Event::new(EventType::IncidentNoted, incident.row.id.uuid()))?;
                Created::new(&view(row))
            },
        )
        .await
}
