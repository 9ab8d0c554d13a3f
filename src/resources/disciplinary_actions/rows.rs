//! Disciplinary actions in the database: append-only.

use diesel::prelude::*;

use super::DisciplinaryKind;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::incident_disciplinary_actions::{self as actions, dsl};
use crate::db::types::{DisciplinaryActionId, IncidentId, PersonId, SchoolId};
use crate::page::Window;

/// One row of `incident_disciplinary_actions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = actions)]
pub struct DisciplinaryRow {
    pub school_id: SchoolId,
    pub id: DisciplinaryActionId,
    pub incident_id: IncidentId,
    pub person_id: PersonId,
    pub kind: DisciplinaryKind,
    pub text: String,
    pub recorded_by: PersonId,
    pub created_at: Instant,
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &DisciplinaryRow) -> QueryResult<()> {
    diesel::insert_into(actions::table).values(row).execute(tx)?;
    Ok(())
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    incident: IncidentId,
    window: &Window<DisciplinaryActionId>,
) -> QueryResult<Vec<DisciplinaryRow>> {
    let mut query = actions::table
        .filter(dsl::school_id.eq(school))
        .filter(dsl::incident_id.eq(incident))
        .order(dsl::id)
        .limit(window.fetch())
        .into_boxed();
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query.select(DisciplinaryRow::as_select()).load(conn)
}
