//! Statutory clocks in the database.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::statutory_clocks::{self as clocks, dsl};
use crate::db::types::{CommentId, PersonId, SchoolId, StatutoryClockId};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::statutory::StatutoryKind;
use crate::problem::Problem;

/// One row of `statutory_clocks`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = clocks, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ClockRow {
    pub school_id: SchoolId,
    pub id: StatutoryClockId,
    pub kind: StatutoryKind,
    pub comment_id: Option<CommentId>,
    pub description: String,
    pub started_at: Instant,
    pub due_at: Instant,
    pub met_at: Option<Instant>,
    pub reference: Option<String>,
    pub overdue_recorded_at: Option<Instant>,
    pub started_by: PersonId,
    pub met_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The sort key of the list: the nearest end first.
pub type Key = (Instant, StatutoryClockId);

/// The clock, or 404.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: StatutoryClockId) -> Result<ClockRow, Problem> {
    let row = dsl::statutory_clocks.find((school, id)).select(ClockRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page, the nearest end first; with `open`, those alone that are not met, or that are.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    kinds: &[StatutoryKind],
    open: Option<bool>,
    window: &Window<Key>,
) -> QueryResult<Vec<ClockRow>> {
    let mut query =
        dsl::statutory_clocks.filter(dsl::school_id.eq(school)).order((dsl::due_at, dsl::id)).limit(window.fetch()).into_boxed();
    if !kinds.is_empty() {
        query = query.filter(dsl::kind.eq_any(kinds.to_vec()));
    }
    query = match open {
        Some(true) => query.filter(dsl::met_at.is_null()),
        Some(false) => query.filter(dsl::met_at.is_not_null()),
        None => query,
    };
    if let Some((at, id)) = window.after {
        query = query.filter(dsl::due_at.ge(at)).filter(dsl::due_at.gt(at).or(dsl::id.gt(id)));
    }
    query.select(ClockRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ClockRow) -> QueryResult<()> {
    diesel::insert_into(dsl::statutory_clocks).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed clock under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut ClockRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::statutory_clocks.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}

/// Marks what should have been met by now, at most `most`, for the job: each once.
///
/// # Errors
/// Where the database gives none.
pub fn mark_overdue(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> QueryResult<Vec<StatutoryClockId>> {
    let ids: Vec<StatutoryClockId> = dsl::statutory_clocks
        .filter(dsl::school_id.eq(school))
        .filter(dsl::due_at.lt(now))
        .filter(dsl::met_at.is_null())
        .filter(dsl::overdue_recorded_at.is_null())
        .order((dsl::due_at, dsl::id))
        .limit(most)
        .select(dsl::id)
        .load(tx)?;
    diesel::update(dsl::statutory_clocks.filter(dsl::school_id.eq(school)).filter(dsl::id.eq_any(&ids)))
        .set(dsl::overdue_recorded_at.eq(Some(now)))
        .execute(tx)?;
    Ok(ids)
}
