//! The do-not-publish list in the database.

use std::collections::HashSet;

use diesel::prelude::*;

use super::api::ReasonClass;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::do_not_publish;
use crate::db::types::{DoNotPublishId, PersonId, SchoolId};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `do_not_publish`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = do_not_publish, primary_key(school_id, id), treat_none_as_null = true)]
pub struct EntryRow {
    pub school_id: SchoolId,
    pub id: DoNotPublishId,
    pub person_id: PersonId,
    pub reason_class: ReasonClass,
    pub listed_by: PersonId,
    pub listed_at: Instant,
    pub removed_by: Option<PersonId>,
    pub removed_at: Option<Instant>,
    pub removal_reason: Option<String>,
    pub version: i64,
    pub updated_at: Instant,
}

/// The entry, or 404.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: DoNotPublishId) -> Result<EntryRow, Problem> {
    let row = do_not_publish::table.find((school, id)).select(EntryRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page, oldest first: who is on the list, or all who ever were.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, ever: bool, window: &Window<DoNotPublishId>) -> QueryResult<Vec<EntryRow>> {
    let mut query =
        do_not_publish::table.filter(do_not_publish::school_id.eq(school)).order(do_not_publish::id).limit(window.fetch()).into_boxed();
    if !ever {
        query = query.filter(do_not_publish::removed_at.is_null());
    }
    if let Some(after) = window.after {
        query = query.filter(do_not_publish::id.gt(after));
    }
    query.select(EntryRow::as_select()).load(conn)
}

/// Those of several people who are on the list.
///
/// # Errors
/// Where the database gives none.
pub fn among(conn: &mut Conn, school: SchoolId, people: &[PersonId]) -> QueryResult<HashSet<PersonId>> {
    let listed: Vec<PersonId> = do_not_publish::table
        .filter(do_not_publish::school_id.eq(school))
        .filter(do_not_publish::person_id.eq_any(people))
        .filter(do_not_publish::removed_at.is_null())
        .select(do_not_publish::person_id)
        .load(conn)?;
    Ok(listed.into_iter().collect())
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &EntryRow) -> QueryResult<()> {
    diesel::insert_into(do_not_publish::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed entry under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut EntryRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = do_not_publish::table.find((row.school_id, row.id)).filter(do_not_publish::version.eq(read));
    precondition::saved(diesel::update(stored).set(row).execute(tx)?)
}
