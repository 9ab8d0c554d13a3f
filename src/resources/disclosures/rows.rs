//! Disclosures in the database.

use std::collections::HashSet;

use diesel::prelude::*;

use super::DisclosureState;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::incident_disclosures::{self as disclosures, dsl};
use crate::db::types::{DisclosureId, IncidentId, PersonId, SchoolId};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `incident_disclosures`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = disclosures, primary_key(school_id, id), treat_none_as_null = true)]
pub struct DisclosureRow {
    pub school_id: SchoolId,
    pub id: DisclosureId,
    pub incident_id: IncidentId,
    pub requested_by: PersonId,
    pub motivation: String,
    pub state: DisclosureState,
    pub decided_by: Option<PersonId>,
    pub decision_reason: Option<String>,
    pub decided_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The incidents whose reporter was disclosed to a person.
///
/// # Errors
/// Where the database gives none.
pub fn granted_to(conn: &mut Conn, school: SchoolId, person: PersonId) -> QueryResult<HashSet<IncidentId>> {
    let ids: Vec<IncidentId> = dsl::incident_disclosures
        .filter(dsl::school_id.eq(school))
        .filter(dsl::requested_by.eq(person))
        .filter(dsl::state.eq(DisclosureState::Granted))
        .select(dsl::incident_id)
        .load(conn)?;
    Ok(ids.into_iter().collect())
}

/// The request, or 404.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: DisclosureId) -> Result<DisclosureRow, Problem> {
    let row = dsl::incident_disclosures.find((school, id)).select(DisclosureRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page, oldest first; of one person's alone, where `by` says so.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    incident: IncidentId,
    by: Option<PersonId>,
    window: &Window<DisclosureId>,
) -> QueryResult<Vec<DisclosureRow>> {
    let mut query = dsl::incident_disclosures
        .filter(dsl::school_id.eq(school))
        .filter(dsl::incident_id.eq(incident))
        .order(dsl::id)
        .limit(window.fetch())
        .into_boxed();
    if let Some(person) = by {
        query = query.filter(dsl::requested_by.eq(person));
    }
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query.select(DisclosureRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &DisclosureRow) -> QueryResult<()> {
    diesel::insert_into(dsl::incident_disclosures).values(row).execute(tx)?;
    Ok(())
}

/// Stores a decided request under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut DisclosureRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::incident_disclosures.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
