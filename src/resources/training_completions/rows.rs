//! Completions in the database.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{training_completions, training_sessions};
use crate::db::types::{CourseId, PersonId, SchoolId, TrainingCompletionId, TrainingSessionId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::training::Activity;
use crate::problem::Problem;
use crate::resources::courses;

/// One row of `training_completions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = training_completions, primary_key(school_id, id), treat_none_as_null = true)]
pub struct TrainingCompletionRow {
    pub school_id: SchoolId,
    pub id: TrainingCompletionId,
    pub person_id: PersonId,
    pub course_id: CourseId,
    pub session_id: Option<TrainingSessionId>,
    pub completed_on: NaiveDate,
    /// The last day on which it counts.
    pub expires_on: NaiveDate,
    pub evidence: String,
    /// Absent where a service recorded it.
    pub recorded_by: Option<PersonId>,
    pub revoked_at: Option<Instant>,
    pub revoked_by: Option<PersonId>,
    pub revoked_reason: Option<String>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What a caller may see of a school's completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    All,
    /// The person's own, and those of the sessions whose trainer they are.
    Own(PersonId),
}

/// Which completions a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub people: Vec<PersonId>,
    pub courses: Vec<CourseId>,
    /// Those that count on a day, or those that do not.
    pub current: Option<(bool, NaiveDate)>,
}

fn visible<'a>(school: SchoolId, sight: Sight) -> training_completions::BoxedQuery<'a, MultiBackend> {
    let all = training_completions::table.filter(training_completions::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(
            training_completions::person_id.eq(person).or(training_completions::session_id.eq_any(
                training_sessions::table
                    .filter(training_sessions::school_id.eq(school))
                    .filter(training_sessions::trainer_id.eq(person))
                    .select(training_sessions::id.nullable()),
            )),
        ),
    }
}

/// The completion, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: TrainingCompletionId) -> Result<TrainingCompletionRow, Problem> {
    let found = visible(school, sight).filter(training_completions::id.eq(id));
    found.select(TrainingCompletionRow::as_select()).first(conn).optional()?.ok_or_else(Problem::not_found)
}

/// One page of completions, in the order in which they were recorded.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    window: &Window<TrainingCompletionId>,
) -> QueryResult<Vec<TrainingCompletionRow>> {
    let mut query = visible(school, sight).order(training_completions::id).limit(window.fetch());
    if !filter.people.is_empty() {
        query = query.filter(training_completions::person_id.eq_any(filter.people.clone()));
    }
    if !filter.courses.is_empty() {
        query = query.filter(training_completions::course_id.eq_any(filter.courses.clone()));
    }
    query = match filter.current {
        Some((true, today)) => query.filter(training_completions::revoked_at.is_null()).filter(training_completions::expires_on.ge(today)),
        Some((false, today)) => query.filter(training_completions::revoked_at.is_not_null().or(training_completions::expires_on.lt(today))),
        None => query,
    };
    if let Some(since) = window.updated_since {
        query = query.filter(training_completions::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(training_completions::id.gt(after));
    }
    query.select(TrainingCompletionRow::as_select()).load(conn)
}

/// What is recorded, and not revoked, of these people and a course on a day, as far as this caller may see it.
///
/// # Errors
/// Where the database gives none.
pub fn recorded(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    (people, course, completed_on): (&[PersonId], CourseId, NaiveDate),
) -> QueryResult<Vec<TrainingCompletionRow>> {
    visible(school, sight)
        .filter(training_completions::person_id.eq_any(people.to_vec()))
        .filter(training_completions::course_id.eq(course))
        .filter(training_completions::completed_on.eq(completed_on))
        .filter(training_completions::revoked_at.is_null())
        .select(TrainingCompletionRow::as_select())
        .load(conn)
}

/// Until when people's completions of the courses that an activity requires count.
#[derive(Clone, Debug)]
pub struct Validity {
    /// The required courses, in the order in which they were set up.
    courses: Vec<CourseId>,
    until: HashMap<(PersonId, CourseId), NaiveDate>,
}

impl Validity {
    /// Each required course with the last day on which the person's latest completion of it counts, if there is one.
    pub fn of(&self, person: PersonId) -> impl Iterator<Item = (CourseId, Option<NaiveDate>)> {
        self.courses.iter().map(move |&course| (course, self.until.get(&(person, course)).copied()))
    }
}

/// The training of several people for an activity (ELIG-1), in two queries however many they are.
///
/// # Errors
/// Where the database gives none.
pub fn valid_until(conn: &mut Conn, school: SchoolId, activity: Activity, people: &[PersonId]) -> QueryResult<Validity> {
    let courses = courses::rows::required_for(conn, school, activity)?;
    let until: Vec<(PersonId, CourseId, Option<NaiveDate>)> = training_completions::table
        .filter(training_completions::school_id.eq(school))
        .filter(training_completions::person_id.eq_any(people))
        .filter(training_completions::course_id.eq_any(&courses))
        .filter(training_completions::revoked_at.is_null())
        .group_by((training_completions::person_id, training_completions::course_id))
        .select((training_completions::person_id, training_completions::course_id, diesel::dsl::max(training_completions::expires_on)))
        .load(conn)?;
    let until = until.into_iter().filter_map(|(person, course, until)| Some(((person, course), until?))).collect();
    Ok(Validity { courses, until })
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &TrainingCompletionRow) -> QueryResult<()> {
    diesel::insert_into(training_completions::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed completion under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut TrainingCompletionRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = training_completions::table.find((row.school_id, row.id)).filter(training_completions::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
