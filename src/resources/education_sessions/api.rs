//! The operations on education sessions.

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::coverage;
use super::rows::{self, EducationSessionRow};
use super::rules::YearGroup;
use crate::access::caller::Caller;
use crate::access::permissions::{ReadEducation, RecordEducation};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{EducationSessionId, PersonId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Plain, Resource, Versioned};
use crate::http::text::{Day, Line, Patch, present};
use crate::page::{Page, Window};
use crate::policy::roles::PersonKind;
use crate::problem::Problem;
use crate::resources::people;

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_education_sessions)
        .service(record_education_session)
        .service(find_education_session)
        .service(edit_education_session)
        .service(coverage::find_education_coverage);
}

/// A session in which pupils were taught safe and responsible use (PU-PU-2).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d4", "year_group": "year_3", "topic": "Kind words online", "held_on": "2026-01-12",
    "deliverer_id": "0198a4b2-6f00-7000-8000-000000000002", "resource": "https://example.org/kind-words",
    "recorded_by": "0198a4b2-6f00-7000-8000-000000000002", "version": 1,
    "created_at": "2026-01-12T16:00:00Z", "updated_at": "2026-01-12T16:00:00Z"
}))]
pub struct EducationSession {
    pub id: EducationSessionId,
    pub year_group: YearGroup,
    #[schema(max_length = 200)]
    pub topic: String,
    pub held_on: Day,
    pub deliverer_id: PersonId,
    /// What was used: text or a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, nullable = false)]
    pub resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recorded_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type EducationSessionPage = Page<EducationSession>;

impl Resource for EducationSession {
    fn location(&self) -> String {
        format!("/v1/education-sessions/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A new education session.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "year_group": "year_3", "topic": "Kind words online", "held_on": "2026-01-12",
    "deliverer_id": "0198a4b2-6f00-7000-8000-000000000002", "resource": "https://example.org/kind-words"
}))]
pub struct NewEducationSession {
    pub year_group: YearGroup,
    #[validate(nested)]
    #[schema(inline)]
    pub topic: Line<200>,
    /// Not in the future.
    pub held_on: Day,
    /// Whoever taught it.
    pub deliverer_id: PersonId,
    /// What was used: text or a link.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub resource: Option<Line<500>>,
}

/// Corrections to an education session (a merge patch: absent keeps, null clears).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "year_group": "year_4" }))]
pub struct EducationSessionPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub year_group: Option<YearGroup>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub topic: Option<Line<200>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub held_on: Option<Day>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub deliverer_id: Option<PersonId>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub resource: Patch<Line<500>>,
}

/// Which education sessions to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EducationSessionQuery {
    /// Of one of these year groups.
    #[serde(default)]
    #[validate(length(max = 8))]
    #[param(max_items = 8)]
    pub year_group: Vec<YearGroup>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

fn view(row: EducationSessionRow) -> EducationSession {
    EducationSession {
        id: row.id,
        year_group: row.year_group,
        topic: row.topic,
        held_on: Day(row.held_on),
        deliverer_id: row.deliverer_id,
        resource: row.resource,
        recorded_by: row.recorded_by,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// It has been held, by a person of the school who is no pupil.
fn check(tx: &mut Conn, me: &Caller<RecordEducation>, row: &EducationSessionRow) -> Result<(), Problem> {
    Day(row.held_on).not_after(me.today(), "/held_on")?;
    match people::rows::kinds(tx, me.school(), &[row.deliverer_id])?.get(&row.deliverer_id) {
        None => Err(Problem::invalid("/deliverer_id", "unknown", "There is no such person for this caller.")),
        Some(PersonKind::Pupil) => Err(Problem::invalid("/deliverer_id", "pupil", "A pupil does not deliver the programme.")),
        Some(_) => Ok(()),
    }
}

/// List education sessions (PU-PU-2).
///
/// In the order in which they were recorded.
#[utoipa::path(tag = "education", security(("oauth2" = [ReadEducation])), params(EducationSessionQuery),
    responses((status = 200, description = "One page.", body = EducationSessionPage)))]
#[get("/v1/education-sessions")]
async fn list_education_sessions(
    caller: Caller<ReadEducation>,
    query: Query<EducationSessionQuery>,
) -> Result<Plain<EducationSessionPage>, Problem> {
    let window = Window::new(query.cursor.as_deref(), query.limit, &("education-sessions", &query.0))?;
    let year_groups = query.year_group.clone();
    let page = caller
        .read(move |conn, me| {
            let sessions = rows::list(conn, me.school(), &year_groups, &window)?;
            Ok(window.page(sessions, |row| row.id, view))
        })
        .await?;
    Plain::page(&page, "/v1/education-sessions", &query.0, query.limit)
}

/// Record what pupils were taught of safe and responsible use (PU-PU-2, SC-3).
///
/// Names a year group and a topic, never a pupil.
#[utoipa::path(tag = "education", security(("oauth2" = [RecordEducation])), request_body = NewEducationSession,
    responses((status = 201, description = "Recorded.", body = EducationSession)))]
#[post("/v1/education-sessions")]
async fn record_education_session(
    caller: Caller<RecordEducation>,
    new: Valid<NewEducationSession>,
) -> Result<Created<EducationSession>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let row = EducationSessionRow {
                school_id: me.school(),
                id: EducationSessionId::new(),
                year_group: new.year_group,
                topic: new.topic.into_inner(),
                held_on: new.held_on.0,
                deliverer_id: new.deliverer_id,
                resource: new.resource.map(Line::into_inner),
                recorded_by: me.person(),
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            check(tx, me, &row)?;
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::EducationSessionRecorded, row.id.uuid()))?;
            Created::new(&view(row))
        })
        .await
}

/// Find an education session.
#[utoipa::path(tag = "education", security(("oauth2" = [ReadEducation])),
    responses((status = 200, description = "The session.", body = EducationSession), Fails<404>))]
#[get("/v1/education-sessions/{id}")]
async fn find_education_session(
    caller: Caller<ReadEducation>,
    id: Path<EducationSessionId>,
) -> Result<Versioned<EducationSession>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(rows::find(conn, me.school(), *id)?))).await
}

/// Correct the record of an education session (PU-PU-2).
#[utoipa::path(tag = "education", security(("oauth2" = [RecordEducation])), params(IfMatchHeader), request_body = EducationSessionPatch,
    responses((status = 200, description = "Corrected.", body = EducationSession), Fails<404, 412, 428>))]
#[patch("/v1/education-sessions/{id}")]
async fn edit_education_session(
    caller: Caller<RecordEducation>,
    id: Path<EducationSessionId>,
    seen: IfMatch,
    patch: Valid<EducationSessionPatch>,
) -> Result<Versioned<EducationSession>, Problem> {
    caller
        .write(move |tx, me| {
            let patch = patch.into_inner();
            let old = rows::find(tx, me.school(), *id)?;
            seen.check(old.version)?;
            let mut row = old.clone();
            row.year_group = patch.year_group.unwrap_or(row.year_group);
            row.topic = patch.topic.map_or(row.topic, Line::into_inner);
            row.held_on = patch.held_on.map_or(row.held_on, |day| day.0);
            row.deliverer_id = patch.deliverer_id.unwrap_or(row.deliverer_id);
            row.resource = patch.resource.map(Line::into_inner).apply(row.resource);
            check(tx, me, &row)?;
            rows::save(tx, &mut row, me.now())?;
            let changed = Event::new(EventType::EducationSessionChanged, row.id.uuid()).changed([
                ("year_group", old.year_group != row.year_group),
                ("topic", old.topic != row.topic),
                ("held_on", old.held_on != row.held_on),
                ("deliverer_id", old.deliverer_id != row.deliverer_id),
                ("resource", old.resource != row.resource),
            ]);
            events::record(tx, me, changed)?;
            Versioned::new(&view(row))
        })
        .await
}
