//! Versions of the response procedure in the database.

use diesel::prelude::*;

use super::rules::ResponseProcedureState;
use crate::clock::Instant;
use crate::db::schema::response_procedures::{self, dsl};
use crate::db::types::{PersonId, ResponseProcedureId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `response_procedures`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = response_procedures, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ResponseProcedureRow {
    pub school_id: SchoolId,
    pub id: ResponseProcedureId,
    pub number: i32,
    pub state: ResponseProcedureState,
    /// `policy::procedures::Tree`, as JSON.
    pub tree: String,
    pub change_summary: Option<String>,
    /// Absent where the program did.
    pub drafted_by: Option<PersonId>,
    pub published_at: Option<Instant>,
    /// Absent where the program did.
    pub published_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What a caller may see of a school's versions.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Those that are or were in force.
    Published,
}

fn visible<'a>(school: SchoolId, sight: Sight) -> response_procedures::BoxedQuery<'a, MultiBackend> {
    let all = dsl::response_procedures.filter(dsl::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Published => all.filter(dsl::state.ne(ResponseProcedureState::Draft)),
    }
}

/// The version, as far as this caller may see it.
///
/// # Errors
/// Where the database gives none.
pub fn look_up(conn: &mut Conn, school: SchoolId, sight: Sight, id: ResponseProcedureId) -> QueryResult<Option<ResponseProcedureRow>> {
    visible(school, sight).filter(dsl::id.eq(id)).select(ResponseProcedureRow::as_select()).first(conn).optional()
}

/// One page of versions, the first one first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    states: &[ResponseProcedureState],
    window: &Window<i32>,
) -> QueryResult<Vec<ResponseProcedureRow>> {
    let mut query = visible(school, sight).order(dsl::number).limit(window.fetch());
    if !states.is_empty() {
        query = query.filter(dsl::state.eq_any(states.to_vec()));
    }
    if let Some(after) = window.after {
        query = query.filter(dsl::number.gt(after));
    }
    query.select(ResponseProcedureRow::as_select()).load(conn)
}

/// The version in force, if there is one.
///
/// # Errors
/// Where the database gives none.
pub fn in_force(conn: &mut Conn, school: SchoolId) -> QueryResult<Option<ResponseProcedureRow>> {
    let published = visible(school, Sight::Published).filter(dsl::state.eq(ResponseProcedureState::Published));
    published.select(ResponseProcedureRow::as_select()).first(conn).optional()
}

/// The number of the next version: 1 where there is none.
///
/// # Errors
/// Where the database gives none.
pub fn next_number(tx: &mut Conn, school: SchoolId) -> QueryResult<i32> {
    let last: Option<i32> = dsl::response_procedures.filter(dsl::school_id.eq(school)).select(diesel::dsl::max(dsl::number)).first(tx)?;
    Ok(last.unwrap_or(0) + 1)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ResponseProcedureRow) -> QueryResult<()> {
    diesel::insert_into(dsl::response_procedures).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed version under its next row version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut ResponseProcedureRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::response_procedures.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
