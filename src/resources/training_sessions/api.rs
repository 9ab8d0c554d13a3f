//! The operations on training sessions.

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, Sight, TrainingSessionRow};
use super::rules;
use crate::access::caller::Caller;
use crate::access::permissions::RecordTraining;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::{CourseId, PersonId, TrainingSessionId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Day, Line, Patch, Prose, present};
use crate::page::{Page, paged};
use crate::policy::roles::PersonKind;
use crate::policy::training;
use crate::problem::{Code, Problem};
use crate::resources::{courses, people};

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_training_sessions).service(record_training_session).service(find_training_session).service(edit_training_session);
}

/// A session of a course, planned or held (R-HT-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d2", "course_id": "0198a4b2-6f00-7000-8000-0000000000d1", "held_on": "2026-01-12",
    "trainer_id": "0198a4b2-6f00-7000-8000-000000000002", "place": "Hall", "recorded_by": "0198a4b2-6f00-7000-8000-000000000002",
    "version": 1, "created_at": "2026-01-12T16:00:00Z", "updated_at": "2026-01-12T16:00:00Z"
}))]
pub struct TrainingSession {
    pub id: TrainingSessionId,
    pub course_id: CourseId,
    /// The day on which it is or was held.
    pub held_on: Day,
    /// The trainer, if it is a person of the school.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub trainer_id: Option<PersonId>,
    /// The trainer, if from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub trainer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, nullable = false)]
    pub place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub note: Option<String>,
    /// Absent where a service recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recorded_by: Option<PersonId>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type TrainingSessionPage = Page<TrainingSession>;

impl Resource for TrainingSession {
    fn location(&self) -> String {
        format!("/v1/training-sessions/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A new training session, with one trainer.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "course_id": "0198a4b2-6f00-7000-8000-0000000000d1", "held_on": "2026-01-12",
    "trainer_id": "0198a4b2-6f00-7000-8000-000000000002", "place": "Hall"
}))]
pub struct NewTrainingSession {
    pub course_id: CourseId,
    /// May lie ahead: a session can be planned.
    pub held_on: Day,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub trainer_id: Option<PersonId>,
    /// Of a trainer from outside.
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub trainer_name: Option<Line<200>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub place: Option<Line<200>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub note: Option<Prose<2000>>,
}

/// Changes to a training session (a merge patch: absent keeps, null clears).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "place": "Library" }))]
pub struct TrainingSessionPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub held_on: Option<Day>,
    #[serde(default)]
    #[schema(inline)]
    pub trainer_id: Patch<PersonId>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub trainer_name: Patch<Line<200>>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub place: Patch<Line<200>>,
    #[serde(default)]
    #[validate(nested)]
    #[schema(inline)]
    pub note: Patch<Prose<2000>>,
}

/// Which training sessions to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TrainingSessionQuery {
    /// Of one of these courses.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub course_id: Vec<CourseId>,
    /// Changed at or after this instant.
    #[param(nullable = false)]
    pub updated_since: Option<Instant>,
    #[serde(skip_serializing)]
    #[validate(range(min = 1, max = 200))]
    pub limit: Option<u16>,
    #[serde(skip_serializing)]
    #[validate(length(max = 500))]
    pub cursor: Option<String>,
}

paged!(TrainingSessionQuery since);

/// The sessions that this caller may record completions of: all, or those that they give.
pub fn sight(me: &Caller<RecordTraining>) -> Sight {
    match me.person() {
        Some(person) if me.own_only() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view(row: TrainingSessionRow) -> TrainingSession {
    TrainingSession {
        id: row.id,
        course_id: row.course_id,
        held_on: Day(row.held_on),
        trainer_id: row.trainer_id,
        trainer_name: row.trainer_name,
        place: row.place,
        note: row.note,
        recorded_by: row.recorded_by,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The trainer is one, known to the school, no pupil, and the caller where they record only their own sessions.
fn check_trainer(tx: &mut Conn, me: &Caller<RecordTraining>, row: &TrainingSessionRow) -> Result<(), Problem> {
    rules::own_session(me.own_only(), row.trainer_id, me.person())?;
    rules::one_trainer(row.trainer_id.is_some(), row.trainer_name.is_some())?;
    let Some(trainer) = row.trainer_id else { return Ok(()) };
    match people::rows::kinds(tx, me.school(), &[trainer])?.get(&trainer) {
        None => Err(Problem::invalid("/trainer_id", "unknown", "There is no such person for this caller.")),
        Some(PersonKind::Pupil) => Err(Problem::invalid("/trainer_id", "pupil", "A pupil does not give training.")),
        Some(_) => Ok(()),
    }
}

/// List training sessions.
///
/// Oldest first. Whoever records only their own sees the sessions that they give.
#[utoipa::path(tag = "training", security(("oauth2" = [RecordTraining])), params(TrainingSessionQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((TrainingSessionPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/training-sessions")]
async fn list_training_sessions(
    caller: Caller<RecordTraining>,
    query: Query<TrainingSessionQuery>,
    format: Format,
) -> Result<Listed<TrainingSession>, Problem> {
    listed(caller, "/v1/training-sessions", query, format, |conn, me, query, window| {
        let sessions = rows::list(conn, me.school(), sight(me), &query.course_id, window)?;
        Ok(window.page(sessions, |row| row.id, view))
    })
    .await
}

/// Plan or record a training session (R-HT-1, SC-3).
///
/// The trainer is a person of the school, or somebody from outside by name; staff record the sessions that they
/// give themselves. Who has completed it is recorded afterwards (R-ST-2).
#[utoipa::path(tag = "training", security(("oauth2" = [RecordTraining])), request_body = NewTrainingSession,
    responses((status = 201, description = "Recorded.", body = TrainingSession)))]
#[post("/v1/training-sessions")]
async fn record_training_session(
    caller: Caller<RecordTraining>,
    new: Valid<NewTrainingSession>,
) -> Result<Created<TrainingSession>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let row = TrainingSessionRow {
                school_id: me.school(),
                id: TrainingSessionId::new(),
                course_id: new.course_id,
                held_on: new.held_on.0,
                trainer_id: new.trainer_id,
                trainer_name: new.trainer_name.map(Line::into_inner),
                place: new.place.map(Line::into_inner),
                note: new.note.map(Prose::into_inner),
                recorded_by: me.person(),
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            check_trainer(tx, me, &row)?;
            let course = courses::rows::look_up(tx, me.school(), row.course_id)?
                .ok_or_else(|| Problem::invalid("/course_id", "unknown", "There is no such course for this caller."))?;
            training::is_offered(course.retired_at.is_some())?;
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::TrainingSessionRecorded, row.id.uuid()).related("course_id", course.id.uuid()))?;
            Created::new(&view(row))
        })
        .await
}

/// Find a training session.
#[utoipa::path(tag = "training", security(("oauth2" = [RecordTraining])),
    responses((status = 200, description = "The session.", body = TrainingSession), Fails<404>))]
#[get("/v1/training-sessions/{id}")]
async fn find_training_session(caller: Caller<RecordTraining>, id: Path<TrainingSessionId>) -> Result<Versioned<TrainingSession>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Edit a training session (R-HT-1).
///
/// Its day stays as it is once completions name the session.
#[utoipa::path(tag = "training", security(("oauth2" = [RecordTraining])), params(IfMatchHeader), request_body = TrainingSessionPatch,
    responses((status = 200, description = "Edited.", body = TrainingSession), Fails<404, 409, 412, 428>))]
#[patch("/v1/training-sessions/{id}")]
async fn edit_training_session(
    caller: Caller<RecordTraining>,
    id: Path<TrainingSessionId>,
    seen: IfMatch,
    patch: Valid<TrainingSessionPatch>,
) -> Result<Versioned<TrainingSession>, Problem> {
    caller
        .write(move |tx, me| {
            let patch = patch.into_inner();
            let old = rows::find(tx, me.school(), sight(me), *id)?;
            seen.check(old.version)?;
            let mut row = old.clone();
            row.held_on = patch.held_on.map_or(row.held_on, |day| day.0);
            row.trainer_id = patch.trainer_id.apply(row.trainer_id);
            row.trainer_name = patch.trainer_name.map(Line::into_inner).apply(row.trainer_name);
            row.place = patch.place.map(Line::into_inner).apply(row.place);
            row.note = patch.note.map(Prose::into_inner).apply(row.note);
            check_trainer(tx, me, &row)?;
            if row.held_on != old.held_on && rows::has_completions(tx, &old)? {
                return Err(Problem::new(Code::InUse).detail("Completions of this session name its day."));
            }
            rows::save(tx, &mut row, me.now())?;
            let changed = Event::new(EventType::TrainingSessionChanged, row.id.uuid()).changed([
                ("held_on", old.held_on != row.held_on),
                ("trainer_id", old.trainer_id != row.trainer_id),
                ("trainer_name", old.trainer_name != row.trainer_name),
                ("place", old.place != row.place),
                ("note", old.note != row.note),
            ]);
            events::record(tx, me, changed)?;
            Versioned::new(&view(row))
        })
        .await
}
