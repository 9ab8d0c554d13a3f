//! Records of monitoring in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::workplace_monitoring::{self, dsl};
use crate::db::types::{PersonId, SchoolId, WorkplaceMonitoringId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::workplace::{LawfulBasis, WorkplaceMonitoringState};
use crate::problem::Problem;

/// One row of `workplace_monitoring`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = workplace_monitoring, primary_key(school_id, id), treat_none_as_null = true)]
pub struct MonitoringRow {
    pub school_id: SchoolId,
    pub id: WorkplaceMonitoringId,
    pub state: WorkplaceMonitoringState,
    pub activity: String,
    pub lawful_basis: LawfulBasis,
    pub policy_reference: String,
    pub notice_given_on: NaiveDate,
    pub dpia_reference: Option<String>,
    pub starts_on: NaiveDate,
    /// The last day.
    pub ends_on: Option<NaiveDate>,
    pub recorded_by: PersonId,
    pub ended_by: Option<PersonId>,
    pub ended_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

type Query<'a> = workplace_monitoring::BoxedQuery<'a, MultiBackend>;

/// The record, or 404.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: WorkplaceMonitoringId) -> Result<MonitoringRow, Problem> {
    let row = dsl::workplace_monitoring.find((school, id)).select(MonitoringRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page, oldest first.
pub fn listing<'a>(school: SchoolId, window: &Window<WorkplaceMonitoringId>) -> Query<'a> {
    let query = dsl::workplace_monitoring.filter(dsl::school_id.eq(school)).order(dsl::id).limit(window.fetch()).into_boxed();
    match window.after {
        Some(after) => query.filter(dsl::id.gt(after)),
        None => query,
    }
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, window: &Window<WorkplaceMonitoringId>) -> QueryResult<Vec<MonitoringRow>> {
    listing(school, window).select(MonitoringRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &MonitoringRow) -> QueryResult<()> {
    diesel::insert_into(dsl::workplace_monitoring).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed record under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut MonitoringRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::workplace_monitoring.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
