//! The operations on courses.

use actix_web::web::Path;
use actix_web::{get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::rows::{self, CourseRow};
use super::rules::{self, CourseAction};
use crate::access::caller::Caller;
use crate::access::permissions::{ManageCourses, ReadCourses};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::types::CourseId;
use crate::events::{self, Event, EventType};
use crate::http::body::{NoBody, Valid};
use crate::http::document::{Fails, IfMatchHeader};
use crate::http::listing::{Format, Listed, Table, listed};
use crate::http::precondition::IfMatch;
use crate::http::query::Query;
use crate::http::reply::{Created, Resource, Versioned};
use crate::http::text::{Line, present};
use crate::page::{Page, SinceQuery};
use crate::policy::training::Activity;
use crate::problem::Problem;
use crate::words::joined;

pub fn operations(config: &mut ServiceConfig) {
    config.service(list_courses).service(create_course).service(find_course).service(edit_course).service(retire_course);
}

/// A training course (R-HT-1).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198a4b2-6f00-7000-8000-0000000000d1", "title": "Social media safety", "required_for": ["account_manager"], "validity_months": 12,
    "allowed_actions": ["edit", "retire"], "version": 1, "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z"
}))]
pub struct Course {
    pub id: CourseId,
    #[schema(max_length = 200)]
    pub title: String,
    /// What nobody does without having completed it.
    #[schema(max_items = 10)]
    pub required_for: Vec<Activity>,
    /// How long a completion counts.
    #[schema(minimum = 1, maximum = 60)]
    pub validity_months: i32,
    /// Since when it is no longer offered, nor required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retired_at: Option<Instant>,
    /// What this caller can do with it now.
    #[schema(max_items = 10)]
    pub allowed_actions: Vec<CourseAction>,
    #[schema(minimum = 1)]
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type CoursePage = Page<Course>;

impl Resource for Course {
    fn location(&self) -> String {
        format!("/v1/courses/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// A new course.
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "title": "Writing for the web", "required_for": ["account_manager"], "validity_months": 24 }))]
pub struct NewCourse {
    #[validate(nested)]
    #[schema(inline)]
    pub title: Line<200>,
    /// What nobody does without having completed it.
    #[serde(default)]
    #[validate(length(max = 10))]
    #[schema(max_items = 10)]
    pub required_for: Vec<Activity>,
    #[validate(range(min = 1, max = 60))]
    #[schema(minimum = 1, maximum = 60)]
    pub validity_months: i32,
}

/// Changes to a course (a merge patch: absent keeps).
#[derive(Clone, Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "validity_months": 24 }))]
pub struct CoursePatch {
    #[serde(default, deserialize_with = "present")]
    #[validate(nested)]
    #[schema(inline, nullable = false)]
    pub title: Option<Line<200>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(length(max = 10))]
    #[schema(max_items = 10, nullable = false)]
    pub required_for: Option<Vec<Activity>>,
    #[serde(default, deserialize_with = "present")]
    #[validate(range(min = 1, max = 60))]
    #[schema(minimum = 1, maximum = 60, nullable = false)]
    pub validity_months: Option<i32>,
}

fn view<P>(me: &Caller<P>, row: CourseRow) -> Course {
    Course {
        id: row.id,
        required_for: row.required_for(),
        title: row.title,
        validity_months: row.validity_months,
        allowed_actions: rules::allowed(row.retired_at.is_some(), me.may::<ManageCourses>()),
        retired_at: row.retired_at,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// The way of every change: find, check against the version that was read, change, store, record.
fn change(
    tx: &mut Conn,
    me: &Caller<ManageCourses>,
    id: CourseId,
    seen: &IfMatch,
    apply: impl FnOnce(&mut CourseRow) -> Event,
) -> Result<Versioned<Course>, Problem> {
    let mut row = rows::look_up(tx, me.school(), id)?.ok_or_else(Problem::not_found)?;
    rules::check(row.retired_at.is_some())?;
    seen.check(row.version)?;
    let event = apply(&mut row);
    rows::save(tx, &mut row, me.now())?;
    events::record(tx, me, event)?;
    Versioned::new(&view(me, row))
}

/// List courses.
///
/// Oldest first, the retired ones too.
#[utoipa::path(tag = "training", security(("oauth2" = [ReadCourses])), params(SinceQuery),
    responses((status = 200, description = "One page, or all as CSV.", content((CoursePage = "application/json"), (Table = "text/csv")))))]
#[get("/v1/courses")]
async fn list_courses(caller: Caller<ReadCourses>, query: Query<SinceQuery>, format: Format) -> Result<Listed<Course>, Problem> {
    listed(caller, "/v1/courses", query, format, |conn, me, _, window| {
        let courses = rows::list(conn, me.school(), window)?;
        Ok(window.page(courses, |row| row.id, |row| view(me, row)))
    })
    .await
}

/// Set up a course (R-HT-1, SC-3).
///
/// What it is required for is not done without a completion that counts, from now on.
#[utoipa::path(tag = "training", security(("oauth2" = [ManageCourses])), request_body = NewCourse,
    responses((status = 201, description = "Set up.", body = Course)))]
#[post("/v1/courses")]
async fn create_course(caller: Caller<ManageCourses>, new: Valid<NewCourse>) -> Result<Created<Course>, Problem> {
    caller
        .write(move |tx, me| {
            let new = new.into_inner();
            let row = CourseRow {
                school_id: me.school(),
                id: CourseId::new(),
                title: new.title.into_inner(),
                required_for: joined(&new.required_for),
                validity_months: new.validity_months,
                retired_at: None,
                version: 1,
                created_at: me.now(),
                updated_at: me.now(),
            };
            rows::insert(tx, &row)?;
            events::record(tx, me, Event::new(EventType::CourseCreated, row.id.uuid()))?;
            Created::new(&view(me, row))
        })
        .await
}

/// Find a course.
#[utoipa::path(tag = "training", security(("oauth2" = [ReadCourses])),
    responses((status = 200, description = "The course.", body = Course), Fails<404>))]
#[get("/v1/courses/{id}")]
async fn find_course(caller: Caller<ReadCourses>, id: Path<CourseId>) -> Result<Versioned<Course>, Problem> {
    caller
        .read(move |conn, me| {
            let row = rows::look_up(conn, me.school(), *id)?.ok_or_else(Problem::not_found)?;
            Versioned::new(&view(me, row))
        })
        .await
}

/// Edit a course (R-HT-1).
///
/// Completions on file keep the day on which they expire.
#[utoipa::path(tag = "training", security(("oauth2" = [ManageCourses])), params(IfMatchHeader), request_body = CoursePatch,
    responses((status = 200, description = "Edited.", body = Course), Fails<404, 409, 412, 428>))]
#[patch("/v1/courses/{id}")]
async fn edit_course(
    caller: Caller<ManageCourses>,
    id: Path<CourseId>,
    seen: IfMatch,
    patch: Valid<CoursePatch>,
) -> Result<Versioned<Course>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, |row| {
                let (patch, old) = (patch.into_inner(), row.clone());
                if let Some(title) = patch.title {
                    row.title = title.into_inner();
                }
                if let Some(activities) = patch.required_for {
                    row.required_for = joined(&activities);
                }
                row.validity_months = patch.validity_months.unwrap_or(row.validity_months);
                Event::new(EventType::CourseChanged, row.id.uuid()).changed([
                    ("title", old.title != row.title),
                    ("required_for", old.required_for != row.required_for),
                    ("validity_months", old.validity_months != row.validity_months),
                ])
            })
        })
        .await
}

/// Retire a course (R-HT-1).
///
/// For good: it is no longer offered, and nothing asks for it any more. What was completed stays on file.
#[utoipa::path(tag = "training", security(("oauth2" = [ManageCourses])), params(IfMatchHeader),
    responses((status = 200, description = "Retired.", body = Course), Fails<404, 409, 412, 428>))]
#[post("/v1/courses/{id}/retire")]
async fn retire_course(caller: Caller<ManageCourses>, id: Path<CourseId>, seen: IfMatch, _: NoBody) -> Result<Versioned<Course>, Problem> {
    caller
        .write(move |tx, me| {
            change(tx, me, *id, &seen, |row| {
                row.retired_at = Some(me.now());
                Event::new(EventType::CourseRetired, row.id.uuid())
            })
        })
        .await
}
