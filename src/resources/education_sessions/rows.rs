//! Education sessions in the database.

use chrono::NaiveDate;
use diesel::dsl::{count, count_star, max};
use diesel::prelude::*;

use super::rules::YearGroup;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::education_sessions;
use crate::db::types::{EducationSessionId, PersonId, SchoolId};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `education_sessions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = education_sessions, primary_key(school_id, id), treat_none_as_null = true)]
pub struct EducationSessionRow {
    pub school_id: SchoolId,
    pub id: EducationSessionId,
    pub year_group: YearGroup,
    pub topic: String,
    pub held_on: NaiveDate,
    pub deliverer_id: PersonId,
    pub resource: Option<String>,
    pub recorded_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The session, or 404.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: EducationSessionId) -> Result<EducationSessionRow, Problem> {
    let row = education_sessions::table.find((school, id)).select(EducationSessionRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of sessions of any of these year groups, or of all; in the order in which they were recorded.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    year_groups: &[YearGroup],
    window: &Window<EducationSessionId>,
) -> QueryResult<Vec<EducationSessionRow>> {
    let mut query = education_sessions::table
        .filter(education_sessions::school_id.eq(school))
        .order(education_sessions::id)
        .limit(window.fetch())
        .into_boxed();
    if !year_groups.is_empty() {
        query = query.filter(education_sessions::year_group.eq_any(year_groups.to_vec()));
    }
    if let Some(after) = window.after {
        query = query.filter(education_sessions::id.gt(after));
    }
    query.select(EducationSessionRow::as_select()).load(conn)
}

/// How much a year group was taught.
#[derive(Clone, Copy, Debug, Queryable)]
pub struct Taught {
    pub year_group: YearGroup,
    pub sessions: i64,
    pub topics: i64,
    pub last_held_on: Option<NaiveDate>,
}

/// How much each year group was taught from one day to another; nothing where it does not stand in the list.
///
/// # Errors
/// Where the database gives none.
pub fn taught(conn: &mut Conn, school: SchoolId, first: NaiveDate, last: NaiveDate) -> QueryResult<Vec<Taught>> {
    education_sessions::table
        .filter(education_sessions::school_id.eq(school))
        .filter(education_sessions::held_on.ge(first))
        .filter(education_sessions::held_on.le(last))
        .group_by(education_sessions::year_group)
        .select((
            education_sessions::year_group,
            count_star(),
            count(education_sessions::topic).aggregate_distinct(),
            max(education_sessions::held_on),
        ))
        .load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &EducationSessionRow) -> QueryResult<()> {
    diesel::insert_into(education_sessions::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a corrected session under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut EducationSessionRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = education_sessions::table.find((row.school_id, row.id)).filter(education_sessions::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
