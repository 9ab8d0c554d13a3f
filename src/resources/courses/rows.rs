//! Courses in the database.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::courses;
use crate::db::types::{CourseId, SchoolId};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::training::{Activity, FIRST_COURSES, FIRST_VALIDITY};
use crate::problem::Problem;
use crate::words::{joined, split};

/// One row of `courses`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = courses, primary_key(school_id, id), treat_none_as_null = true)]
pub struct CourseRow {
    pub school_id: SchoolId,
    pub id: CourseId,
    pub title: String,
    /// Words, separated by spaces.
    pub required_for: String,
    pub validity_months: i32,
    pub retired_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl CourseRow {
    pub fn required_for(&self) -> Vec<Activity> {
        split(&self.required_for)
    }
}

/// The course, if there is one.
///
/// # Errors
/// Where the database gives none.
pub fn look_up(conn: &mut Conn, school: SchoolId, id: CourseId) -> QueryResult<Option<CourseRow>> {
    courses::table.find((school, id)).select(CourseRow::as_select()).first(conn).optional()
}

/// What each course of the school is called.
///
/// # Errors
/// Where the database gives none.
pub fn titles(conn: &mut Conn, school: SchoolId) -> QueryResult<HashMap<CourseId, String>> {
    Ok(courses::table.filter(courses::school_id.eq(school)).select((courses::id, courses::title)).load(conn)?.into_iter().collect())
}

/// One page of courses, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, window: &Window<CourseId>) -> QueryResult<Vec<CourseRow>> {
    let mut query = courses::table.filter(courses::school_id.eq(school)).order(courses::id).limit(window.fetch()).into_boxed();
    if let Some(since) = window.updated_since {
        query = query.filter(courses::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(courses::id.gt(after));
    }
    query.select(CourseRow::as_select()).load(conn)
}

/// The courses that an activity asks for: those that are retired no longer count.
///
/// # Errors
/// Where the database gives none.
pub fn required_for(conn: &mut Conn, school: SchoolId, activity: Activity) -> QueryResult<Vec<CourseId>> {
    let offered: Vec<(CourseId, String)> = courses::table
        .filter(courses::school_id.eq(school))
        .filter(courses::retired_at.is_null())
        .order(courses::id)
        .select((courses::id, courses::required_for))
        .load(conn)?;
    Ok(offered.into_iter().filter(|(_, words)| split::<Activity>(words).contains(&activity)).map(|(id, _)| id).collect())
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &CourseRow) -> QueryResult<()> {
    diesel::insert_into(courses::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed course under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut CourseRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let saved = diesel::update(courses::table.find((row.school_id, row.id)).filter(courses::version.eq(read))).set(&*row).execute(tx)?;
    precondition::saved(saved)
}

/// Gives a school that has never had a course the ones that every school begins with (A15): which those are now.
///
/// # Errors
/// Where the database gives none.
pub fn seed(tx: &mut Conn, school: SchoolId, now: Instant) -> QueryResult<Vec<CourseId>> {
    let has_some = courses::table.filter(courses::school_id.eq(school));
    if diesel::select(diesel::dsl::exists(has_some)).get_result(tx)? {
        return Ok(Vec::new());
    }
    let rows = FIRST_COURSES.map(|title| CourseRow {
        school_id: school,
        id: CourseId::new(),
        title: title.to_owned(),
        required_for: joined(&[Activity::AccountManager]),
        validity_months: FIRST_VALIDITY,
        retired_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    });
    rows.iter().try_for_each(|row| insert(tx, row))?;
    Ok(rows.iter().map(|row| row.id).collect())
}
