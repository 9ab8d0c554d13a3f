//! Accidental images in the database, as far as their incidents may be known.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::accidental_images::{self, dsl};
use crate::db::schema::incidents;
use crate::db::types::{AccidentalImageId, IncidentId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::accidental_images::DELETE_WITHIN;
use crate::problem::Problem;
use crate::resources::incidents::rows::{self as incident_rows, IncidentRow, Viewer};

/// One row of `accidental_images`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = accidental_images, primary_key(school_id, id), treat_none_as_null = true)]
pub struct AccidentalImageRow {
    pub school_id: SchoolId,
    pub id: AccidentalImageId,
    pub incident_id: IncidentId,
    pub reporter_id: PersonId,
    pub taken_at: Instant,
    pub noticed_at: Instant,
    pub description: String,
    pub possibly_illegal: bool,
    /// JSON: a list of `HeldAt`.
    pub places: String,
    pub deleted_at: Option<Instant>,
    /// JSON: a list of `HeldAt`.
    pub deleted_places: Option<String>,
    pub witness_id: Option<PersonId>,
    pub overdue_recorded_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A record with its incident.
#[derive(Clone, Debug)]
pub struct AccidentalImage {
    pub row: AccidentalImageRow,
    /// The viewer deals with the incident.
    pub deals_with_it: bool,
}

/// The records whose incidents somebody may know of; whoever reported one is the reporter of its incident.
fn visible<'a>(school: SchoolId, viewer: &Viewer) -> accidental_images::BoxedQuery<'a, MultiBackend> {
    let Viewer { person, leads, safeguards, data, escalated } = viewer.clone();
    let seen = incident_rows::seen(school, person, leads, safeguards, data, escalated).select(incidents::id);
    dsl::accidental_images.filter(dsl::school_id.eq(school)).filter(dsl::incident_id.eq_any(seen)).into_boxed()
}

fn complete(conn: &mut Conn, school: SchoolId, viewer: &Viewer, rows: Vec<AccidentalImageRow>) -> QueryResult<Vec<AccidentalImage>> {
    let ids: Vec<IncidentId> = rows.iter().map(|row| row.incident_id).collect();
    let of: Vec<IncidentRow> = incidents::table
        .filter(incidents::school_id.eq(school))
        .filter(incidents::id.eq_any(ids))
        .select(IncidentRow::as_select())
        .load(conn)?;
    let full: HashMap<IncidentId, bool> = of.iter().map(|incident| (incident.id, viewer.full(incident).is_some())).collect();
    let whole = |row: AccidentalImageRow| AccidentalImage { deals_with_it: full.get(&row.incident_id) == Some(&true), row };
    Ok(rows.into_iter().map(whole).collect())
}

/// The record, or 404.
///
/// # Errors
/// 404 where there is none for this viewer.
pub fn find(conn: &mut Conn, school: SchoolId, viewer: &Viewer, id: AccidentalImageId) -> Result<AccidentalImage, Problem> {
    let row = visible(school, viewer).filter(dsl::id.eq(id)).select(AccidentalImageRow::as_select()).first(conn).optional()?;
    complete(conn, school, viewer, row.into_iter().collect())?.pop().ok_or_else(Problem::not_found)
}

/// One page, oldest first: all, those that are deleted, or those that are not.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    viewer: &Viewer,
    deleted: Option<bool>,
    window: &Window<AccidentalImageId>,
) -> QueryResult<Vec<AccidentalImage>> {
    let mut query = visible(school, viewer).order(dsl::id).limit(window.fetch());
    query = match deleted {
        Some(true) => query.filter(dsl::deleted_at.is_not_null()),
        Some(false) => query.filter(dsl::deleted_at.is_null()),
        None => query,
    };
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    let rows = query.select(AccidentalImageRow::as_select()).load(conn)?;
    complete(conn, school, viewer, rows)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &AccidentalImageRow) -> QueryResult<()> {
    diesel::insert_into(dsl::accidental_images).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed record under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut AccidentalImageRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::accidental_images.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}

/// Marks what should have been deleted by now, at most `most`, for the job: each once.
///
/// # Errors
/// Where the database gives none.
pub fn mark_overdue(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> QueryResult<Vec<(AccidentalImageId, IncidentId)>> {
    let overdue: Vec<(AccidentalImageId, IncidentId)> = dsl::accidental_images
        .filter(dsl::school_id.eq(school))
        .filter(dsl::noticed_at.lt(now + -DELETE_WITHIN))
        .filter(dsl::deleted_at.is_null())
        .filter(dsl::possibly_illegal.eq(false))
        .filter(dsl::overdue_recorded_at.is_null())
        .order((dsl::noticed_at, dsl::id))
        .limit(most)
        .select((dsl::id, dsl::incident_id))
        .load(tx)?;
    let ids: Vec<AccidentalImageId> = overdue.iter().map(|(id, _)| *id).collect();
    diesel::update(dsl::accidental_images.filter(dsl::school_id.eq(school)).filter(dsl::id.eq_any(ids)))
        .set(dsl::overdue_recorded_at.eq(Some(now)))
        .execute(tx)?;
    Ok(overdue)
}
