//! The operations on completions, one at a time; `batch` records many.

use actix_web::web::Path;
use actix_web::{get, post};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::batch;
use super::rows::{self, Filter, Sight, TrainingCompletionRow};
use super::rules::{self, TrainingCompletionAction};
use crate::access::caller::Caller;
use crate::access::permissions::{ReadTraining, RecordTraining};
use crate::clock::Instant;
use crate::db::types::{CourseId, PersonId, TrainingCompletionId, TrainingSessionId};
use crate::events::{self, Event, EventType};
use crate::http::body::Valid;
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Day, Prose, present};
use crate::page::{Page, paged};
use crate::policy::training;
use crate::problem::{Code, Problem};
use crate::resources::courses::rows::CourseRow;
use crate::resources::{courses, people, training_sessions};

pub fn operations(config: &mut ServiceConfig) {
    config
        .service(list_training_completions)
        .service(record_training_completion)
        .service(find_training_completion)
        .service(revoke_training_completion)
        .service(batch::record_training_completions);
}

/// That a person has completed a course (R-ST-2). Never changed, only revoked.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d3", "person_id": "0198a4b2-6f00-7000-8000-000000000003",
    "course_id": "0198a4b2-6f00-7000-8000-0000000000d1", "session_id": "0198a4b2-6f00-7000-8000-0000000000d2",
    "completed_on": "2026-01-12", "expires_on": "2027-01-12", "current": true, "evidence": "Signed the register.",
    "recorded_by": "0198a4b2-6f00-7000-8000-000000000002", "allowed_actions": ["revoke"],
    "version": 1, "created_at": "2026-01-12T16:00:00Z", "updated_at": "2026-01-12T16:00:00Z"
}))]
pub struct TrainingCompletion {
    pub id: TrainingCompletionId,
    pub person_id: PersonId,
    pub course_id: CourseId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub session_id: Option<TrainingSessionId>,
    pub completed_on: Day,
    /// The last day on which it counts, by the school's clock.
    pub expires_on: Day,
    /// Whether it counts today: neither expired nor revoked.
    pub current: bool,
    /// Text or a link.
    #[schema(max_length = 2000)]
    pub evidence: String,
    /// Absent where a service recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recorded_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revoked_at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revoked_by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, nullable = false)]
    pub revoked_reason: Option<String>,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<TrainingCompletionAction>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type TrainingCompletionPage = Page<TrainingCompletion>;

impl Resource for TrainingCompletion {
    fn location(&self) -> String {
        format!("/v1/training-completions/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// That somebody has completed a course.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "person_id": "0198a4b2-6f00-7000-8000-000000000003", "course_id": "0198a4b2-6f00-7000-8000-0000000000d1",
    "session_id": "0198a4b2-6f00-7000-8000-0000000000d2", "completed_on": "2026-01-12", "evidence": "Signed the register."
}))]
pub struct NewTrainingCompletion {
    pub person_id: PersonId,
    pub course_id: CourseId,
    /// The session of the course, if it was one of the school's.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub session_id: Option<TrainingSessionId>,
    /// Not in the future, and not before the session.
    pub completed_on: Day,
    /// Text or a link.
    #[validate(nested)]
    #[schema(inline)]
    pub evidence: Prose<2000>,
}

/// Why a completion is revoked.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The certificate is somebody else's." }))]
pub struct TrainingCompletionReason {
    #[validate(nested)]
    #[schema(inline)]
    pub reason: Prose<2000>,
}

/// Which completions to list.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TrainingCompletionQuery {
    /// Of one of these people.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub person_id: Vec<PersonId>,
    /// Of one of these courses.
    #[serde(default)]
    #[validate(length(max = 50))]
    #[param(max_items = 50)]
    pub course_id: Vec<CourseId>,
    /// `true`: those that count today; `false`: those that do not.
    #[param(nullable = false)]
    pub current: Option<bool>,
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

paged!(TrainingCompletionQuery since);

/// What this caller may see: all, or their own and those of the sessions that they give.
fn sight<P>(me: &Caller<P>) -> Sight {
    match me.person() {
        Some(person) if me.own_only() && !me.may_all::<ReadTraining>() => Sight::Own(person),
        _ => Sight::All,
    }
}

fn view<P>(me: &Caller<P>, row: TrainingCompletionRow) -> TrainingCompletion {
    let revoked = row.revoked_at.is_some();
    // Whoever sees only their own sees of others what was completed in the sessions that they give.
    let vouches = me.may_all::<RecordTraining>() || me.may::<RecordTraining>() && sight(me) != Sight::All;
    TrainingCompletion {
        id: row.id,
        person_id: row.person_id,
        course_id: row.course_id,
        session_id: row.session_id,
        completed_on: Day(row.completed_on),
        expires_on: Day(row.expires_on),
        current: !revoked && training::in_date(row.expires_on, me.today()),
        evidence: row.evidence,
        recorded_by: row.recorded_by,
        revoked_at: row.revoked_at,
        revoked_by: row.revoked_by,
        revoked_reason: row.revoked_reason,
        allowed_actions: rules::allowed(revoked, vouches && !me.is(row.person_id)),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// A completion as this caller records it, and the event that says so.
pub(super) fn record(
    me: &Caller<RecordTraining>,
    (person_id, completed_on): (PersonId, NaiveDate),
    course: &CourseRow,
    session_id: Option<TrainingSessionId>,
    evidence: String,
) -> (TrainingCompletionRow, Event) {
    let row = TrainingCompletionRow {
        school_id: me.school(),
        id: TrainingCompletionId::new(),
        person_id,
        course_id: course.id,
        session_id,
        completed_on,
        expires_on: training::expires_on(completed_on, course.validity_months),
        evidence,
        recorded_by: me.person(),
        revoked_at: None,
        revoked_by: None,
        revoked_reason: None,
        version: 1,
        created_at: me.now(),
        updated_at: me.now(),
    };
    let event = happened(EventType::TrainingCompletionRecorded, &row);
    (row, event)
}

fn happened(kind: EventType, row: &TrainingCompletionRow) -> Event {
    Event::new(kind, row.id.uuid()).related("person_id", row.person_id.uuid()).related("course_id", row.course_id.uuid())
}

fn not_given() -> Problem {
    Problem::new(Code::Forbidden).detail("Only completions of a session that you give yourself.")
}

/// List completions.
///
/// In the order in which they were recorded (R-ST-2). Most people see their own, and those of the sessions that they
/// give.
#[utoipa::path(tag = "training", security(("oauth2" = [ReadTraining])), params(TrainingCompletionQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((TrainingCompletionPage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/training-completions")]
async fn list_training_completions(
    caller: Caller<ReadTraining>,
    query: Query<TrainingCompletionQuery>,
    format: Format,
) -> Result<Listed<TrainingCompletion>, Problem> {
    listed(caller, "/v1/training-completions", query, format, |conn, me, query, window| {
        let current = query.current.map(|current| (current, me.today()));
        let filter = Filter { people: query.person_id.clone(), courses: query.course_id.clone(), current };
        let rows = rows::list(conn, me.school(), sight(me), &filter, window)?;
        Ok(window.page(rows, |row| row.id, |row| view(me, row)))
    })
    .await
}

/// Record that somebody has completed a course (R-ST-2).
///
/// With evidence, and never for oneself. Staff record the completions of sessions that they give. It counts to the
/// end of the day `expires_on`, which the course's validity makes. The same person, course and day is the same
/// completion: 200, and nothing is written.
#[utoipa::path(tag = "training", security(("oauth2" = [RecordTraining])), request_body = NewTrainingCompletion,
    responses((status = 201, description = "Recorded.", body = TrainingCompletion), (status = 200, description = "Recorded before.", body = TrainingCompletion)))]
#[post("/v1/training-completions")]
async fn record_training_completion(
    caller: Caller<RecordTraining>,
    new: Valid<NewTrainingCompletion>,
) -> Result<Created<TrainingCompletion>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            training::may_vouch(me.is(new.person_id))?;
            let session = match new.session_id {
                Some(id) => Some(
                    training_sessions::rows::look_up(tx, me.school(), training_sessions::sight(me), id)?
                        .ok_or_else(|| Problem::invalid("/session_id", "unknown", "There is no such session for this caller."))?,
                ),
                None if me.own_only() => return Err(not_given()),
                None => None,
            };
            let kinds = people::rows::kinds(tx, me.school(), &[new.person_id])?;
            let kind = kinds.get(&new.person_id);
            training::is_trained(
                *kind.ok_or_else(|| Problem::invalid("/person_id", "unknown", "There is no such person for this caller."))?,
            )?;
            let course = courses::rows::look_up(tx, me.school(), new.course_id)?
                .ok_or_else(|| Problem::invalid("/course_id", "unknown", "There is no such course for this caller."))?;
            if session.as_ref().is_some_and(|session| session.course_id != course.id) {
                return Err(Problem::invalid("/course_id", "another_course", "The session was one of another course."));
            }
            let wrong = rules::wrong_day(new.completed_on.0, session.map(|session| session.held_on), me.today());
            if !wrong.is_empty() {
                return Err(Problem::new(Code::ValidationFailed).with_errors(wrong));
            }
            let same = (&[new.person_id][..], course.id, new.completed_on.0);
            if let Some(row) = rows::recorded(tx, me.school(), sight(me), same)?.pop() {
                return Ok(Created::new(&view(me, row))?.already_there());
            }
            training::is_offered(course.retired_at.is_some())?;
            let (row, event) = record(me, (new.person_id, new.completed_on.0), &course, new.session_id, new.evidence.into_inner());
            rows::insert(tx, &row)?;
            events::record(tx, me, event)?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find a completion.
#[utoipa::path(tag = "training", security(("oauth2" = [ReadTraining])),
    responses((status = 200, description = "The completion.", body = TrainingCompletion), Fails<404>))]
#[get("/v1/training-completions/{id}")]
async fn find_training_completion(
    caller: Caller<ReadTraining>,
    id: Path<TrainingCompletionId>,
) -> Result<Versioned<TrainingCompletion>, Problem> {
    caller.read(move |conn, me| Versioned::new(&view(me, rows::find(conn, me.school(), sight(me), *id)?))).await
}

/// Revoke a completion that should not have been recorded, with a reason (R-ST-2).
///
/// At once and for good; it stays on file as revoked. Nobody revokes their own.
#[utoipa::path(tag = "training", security(("oauth2" = [RecordTraining])), params(IfMatchHeader), request_body = TrainingCompletionReason,
    responses((status = 200, description = "Revoked.", body = TrainingCompletion), Fails<404, 409, 412, 428>))]
#[post("/v1/training-completions/{id}/revoke")]
async fn revoke_training_completion(
    caller: Caller<RecordTraining>,
    id: Path<TrainingCompletionId>,
    seen: IfMatch,
    why: Valid<TrainingCompletionReason>,
) -> Result<Versioned<TrainingCompletion>, Problem> {
    caller
        .write(move |tx, me| {
            let mut row = rows::find(tx, me.school(), sight(me), *id)?;
            training::may_vouch(me.is(row.person_id))?;
            if me.own_only() {
                let given = row.session_id.ok_or_else(not_given)?;
                training_sessions::rows::look_up(tx, me.school(), training_sessions::sight(me), given)?.ok_or_else(not_given)?;
            }
            if row.revoked_at.is_some() {
                return Err(Problem::state_conflict(rules::allowed(true, true)));
            }
            seen.check(row.version)?;
            row.revoked_at = Some(me.now());
            row.revoked_by = me.person();
            row.revoked_reason = Some(why.into_inner().reason.into_inner());
            rows::save(tx, &mut row, me.now())?;
            events::record(tx, me, happened(EventType::TrainingCompletionRevoked, &row))?;
            Versioned::new(&view(me, row))
        })
        .await
}
