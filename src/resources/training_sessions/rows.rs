//! Training sessions in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{training_completions, training_sessions};
use crate::db::types::{CourseId, PersonId, SchoolId, TrainingSessionId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `training_sessions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = training_sessions, primary_key(school_id, id), treat_none_as_null = true)]
pub struct TrainingSessionRow {
    pub school_id: SchoolId,
    pub id: TrainingSessionId,
    pub course_id: CourseId,
    pub held_on: NaiveDate,
    pub trainer_id: Option<PersonId>,
    /// Of a trainer from outside.
    pub trainer_name: Option<String>,
    pub place: Option<String>,
    pub note: Option<String>,
    /// Absent where a service recorded it.
    pub recorded_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What a caller may see of a school's training sessions.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Those whose trainer the person is.
    Own(PersonId),
}

fn visible<'a>(school: SchoolId, sight: Sight) -> training_sessions::BoxedQuery<'a, MultiBackend> {
    let all = training_sessions::table.filter(training_sessions::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(training_sessions::trainer_id.eq(person)),
    }
}

/// The session, as far as this caller may see it.
///
/// # Errors
/// Where the database gives none.
pub fn look_up(conn: &mut Conn, school: SchoolId, sight: Sight, id: TrainingSessionId) -> QueryResult<Option<TrainingSessionRow>> {
    visible(school, sight).filter(training_sessions::id.eq(id)).select(TrainingSessionRow::as_select()).first(conn).optional()
}

/// The session, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: TrainingSessionId) -> Result<TrainingSessionRow, Problem> {
    look_up(conn, school, sight, id)?.ok_or_else(Problem::not_found)
}

/// One page of sessions of any of these courses, or of all; oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    courses: &[CourseId],
    window: &Window<TrainingSessionId>,
) -> QueryResult<Vec<TrainingSessionRow>> {
    let mut query = visible(school, sight).order(training_sessions::id).limit(window.fetch());
    if !courses.is_empty() {
        query = query.filter(training_sessions::course_id.eq_any(courses.to_vec()));
    }
    if let Some(since) = window.updated_since {
        query = query.filter(training_sessions::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(training_sessions::id.gt(after));
    }
    query.select(TrainingSessionRow::as_select()).load(conn)
}

/// Whether completions name the session.
///
/// # Errors
/// Where the database gives none.
pub fn has_completions(conn: &mut Conn, session: &TrainingSessionRow) -> QueryResult<bool> {
    let naming = training_completions::table
        .filter(training_completions::school_id.eq(session.school_id))
        .filter(training_completions::session_id.eq(session.id));
    diesel::select(diesel::dsl::exists(naming)).get_result(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &TrainingSessionRow) -> QueryResult<()> {
    diesel::insert_into(training_sessions::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed session under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut TrainingSessionRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = training_sessions::table.find((row.school_id, row.id)).filter(training_sessions::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
