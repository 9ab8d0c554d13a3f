//! Delegations in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::delegations;
use crate::db::types::{DelegationId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `delegations`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = delegations, primary_key(school_id, id), treat_none_as_null = true)]
pub struct DelegationRow {
    pub school_id: SchoolId,
    pub id: DelegationId,
    pub delegate_id: PersonId,
    pub granted_by: PersonId,
    pub starts_on: NaiveDate,
    /// The last day on which it is in force.
    pub ends_on: NaiveDate,
    pub reason: String,
    pub revoked_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What a caller may see of a school's delegations.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    Everything,
    /// Those whose delegate the person is.
    Own(PersonId),
}

type Query<'a> = delegations::BoxedQuery<'a, MultiBackend>;

fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let delegations = delegations::table.filter(delegations::school_id.eq(school)).into_boxed();
    match sight {
        Sight::Everything => delegations,
        Sight::Own(person) => delegations.filter(delegations::delegate_id.eq(person)),
    }
}

/// The delegation, as far as this caller may see it.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: DelegationId) -> Result<DelegationRow, Problem> {
    let row = visible(school, sight).filter(delegations::id.eq(id)).select(DelegationRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of delegations, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    delegates: &[PersonId],
    window: &Window<DelegationId>,
) -> QueryResult<Vec<DelegationRow>> {
    let mut query = visible(school, sight).order(delegations::id).limit(window.fetch());
    if !delegates.is_empty() {
        query = query.filter(delegations::delegate_id.eq_any(delegates.to_vec()));
    }
    if let Some(after) = window.after {
        query = query.filter(delegations::id.gt(after));
    }
    query.select(DelegationRow::as_select()).load(conn)
}

/// Stores a new delegation.
///
/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &DelegationRow) -> QueryResult<()> {
    diesel::insert_into(delegations::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed delegation under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut DelegationRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let saved =
        diesel::update(delegations::table.find((row.school_id, row.id)).filter(delegations::version.eq(read))).set(row).execute(tx)?;
    precondition::saved(saved)
}
