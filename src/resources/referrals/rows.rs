//! Referrals in the database.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::incident_referrals::{self as referrals, dsl};
use crate::db::types::{IncidentId, PersonId, ReferralId, SchoolId};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::incidents::{Agency, ReferralState};
use crate::problem::Problem;

/// One row of `incident_referrals`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = referrals, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ReferralRow {
    pub school_id: SchoolId,
    pub id: ReferralId,
    pub incident_id: IncidentId,
    pub agency: Agency,
    pub state: ReferralState,
    pub due_at: Option<Instant>,
    pub reference: Option<String>,
    pub made_at: Option<Instant>,
    pub made_by: Option<PersonId>,
    pub acknowledged_at: Option<Instant>,
    pub outcome: Option<String>,
    pub outcome_at: Option<Instant>,
    pub overdue_recorded_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The referral, or 404.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: ReferralId) -> Result<ReferralRow, Problem> {
    let row = dsl::incident_referrals.find((school, id)).select(ReferralRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of an incident's, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, incident: IncidentId, window: &Window<ReferralId>) -> QueryResult<Vec<ReferralRow>> {
    let mut query = dsl::incident_referrals
        .filter(dsl::school_id.eq(school))
        .filter(dsl::incident_id.eq(incident))
        .order(dsl::id)
        .limit(window.fetch())
        .into_boxed();
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query.select(ReferralRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ReferralRow) -> QueryResult<()> {
    diesel::insert_into(dsl::incident_referrals).values(row).execute(tx)?;
    Ok(())
}

/// The agencies to which an incident was or is to be referred.
///
/// # Errors
/// Where the database gives none.
pub fn agencies(conn: &mut Conn, school: SchoolId, incident: IncidentId) -> QueryResult<Vec<Agency>> {
    let all = dsl::incident_referrals.filter(dsl::school_id.eq(school)).filter(dsl::incident_id.eq(incident));
    all.select(dsl::agency).load(conn)
}

/// Stores a changed referral under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut ReferralRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::incident_referrals.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}

/// Marks what should have been made by now, at most `most`, for the job; says of which incidents.
///
/// # Errors
/// Where the database gives none.
pub fn mark_overdue(tx: &mut Conn, school: SchoolId, now: Instant, most: i64) -> QueryResult<Vec<IncidentId>> {
    let due: Vec<(ReferralId, IncidentId)> = dsl::incident_referrals
        .filter(dsl::school_id.eq(school))
        .filter(dsl::state.eq(ReferralState::ToMake))
        .filter(dsl::due_at.lt(Some(now)))
        .filter(dsl::overdue_recorded_at.is_null())
        .order(dsl::id)
        .limit(most)
        .select((dsl::id, dsl::incident_id))
        .load(tx)?;
    let ids: Vec<ReferralId> = due.iter().map(|(id, _)| *id).collect();
    diesel::update(dsl::incident_referrals.filter(dsl::school_id.eq(school)).filter(dsl::id.eq_any(ids)))
        .set(dsl::overdue_recorded_at.eq(Some(now)))
        .execute(tx)?;
    Ok(due.into_iter().map(|(_, incident)| incident).collect())
}
