//! Takedowns in the database.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::takedowns;
use crate::db::types::{AccountId, PersonId, PublicationId, SchoolId, TakedownId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::publication::{TakedownCause, TakedownState};
use crate::problem::Problem;
use crate::resources::accounts::rows::run_by;

/// One row of `takedowns`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = takedowns, primary_key(school_id, id), treat_none_as_null = true)]
pub struct TakedownRow {
    pub school_id: SchoolId,
    pub id: TakedownId,
    pub publication_id: PublicationId,
    pub account_id: AccountId,
    pub author_id: PersonId,
    pub state: TakedownState,
    pub cause: TakedownCause,
    /// For whose sake.
    pub person_id: Option<PersonId>,
    pub opened_at: Instant,
    pub due_at: Instant,
    pub overdue_recorded_at: Option<Instant>,
    pub evidence: Option<String>,
    pub removed_at: Option<Instant>,
    pub exempt_reason: Option<String>,
    pub done_by: Option<PersonId>,
    pub version: i64,
    pub updated_at: Instant,
}

/// What a caller may see of a school's takedowns.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// Of what the person wrote, and what is on the accounts that they run.
    Own(PersonId),
}

fn visible<'a>(school: SchoolId, sight: Sight) -> takedowns::BoxedQuery<'a, MultiBackend> {
    let all = takedowns::table.filter(takedowns::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(takedowns::author_id.eq(person).or(takedowns::account_id.eq_any(run_by(school, person)))),
    }
}

/// The takedown, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: TakedownId) -> Result<TakedownRow, Problem> {
    let row = visible(school, sight).filter(takedowns::id.eq(id)).select(TakedownRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page, oldest first.
pub fn listing<'a>(
    school: SchoolId,
    sight: Sight,
    states: &[TakedownState],
    overdue_at: Option<Instant>,
    window: &Window<TakedownId>,
) -> takedowns::BoxedQuery<'a, MultiBackend> {
    let mut query = visible(school, sight).order(takedowns::id).limit(window.fetch());
    if !states.is_empty() {
        query = query.filter(takedowns::state.eq_any(states.to_vec()));
    }
    if let Some(now) = overdue_at {
        query = query.filter(takedowns::state.eq(TakedownState::Open)).filter(takedowns::due_at.lt(now));
    }
    if let Some(after) = window.after {
        query = query.filter(takedowns::id.gt(after));
    }
    query
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    states: &[TakedownState],
    overdue_at: Option<Instant>,
    window: &Window<TakedownId>,
) -> QueryResult<Vec<TakedownRow>> {
    listing(school, sight, states, overdue_at, window).select(TakedownRow::as_select()).load(conn)
}

/// Those of several publications that have to go already.
///
/// # Errors
/// Where the database gives none.
pub fn pending(conn: &mut Conn, school: SchoolId, publications: &[PublicationId]) -> QueryResult<Vec<PublicationId>> {
    takedowns::table
        .filter(takedowns::school_id.eq(school))
        .filter(takedowns::publication_id.eq_any(publications))
        .filter(takedowns::state.eq(TakedownState::Open))
        .select(takedowns::publication_id)
        .load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &TakedownRow) -> QueryResult<()> {
    diesel::insert_into(takedowns::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed takedown under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut TakedownRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = takedowns::table.find((row.school_id, row.id)).filter(takedowns::version.eq(read));
    precondition::saved(diesel::update(stored).set(row).execute(tx)?)
}

/// Marks what had to go and did not go in time, once.
///
/// # Errors
/// Where the database gives none.
pub fn mark_overdue(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> QueryResult<Vec<TakedownId>> {
    let ids: Vec<TakedownId> = takedowns::table
        .filter(takedowns::school_id.eq(school))
        .filter(takedowns::state.eq(TakedownState::Open))
        .filter(takedowns::due_at.lt(now))
        .filter(takedowns::overdue_recorded_at.is_null())
        .order(takedowns::due_at)
        .limit(most)
        .select(takedowns::id)
        .load(tx)?;
    diesel::update(takedowns::table.filter(takedowns::school_id.eq(school)).filter(takedowns::id.eq_any(&ids)))
        .set(takedowns::overdue_recorded_at.eq(Some(now)))
        .execute(tx)?;
    Ok(ids)
}
