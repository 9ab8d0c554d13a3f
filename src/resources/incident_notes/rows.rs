//! Notes in the database: append-only.

use diesel::prelude::*;

use super::NoteAudience;
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::incident_notes;
use crate::db::types::{IncidentId, IncidentNoteId, PersonId, SchoolId};
use crate::page::Window;

/// One row of `incident_notes`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = incident_notes)]
pub struct NoteRow {
    pub school_id: SchoolId,
    pub id: IncidentNoteId,
    pub incident_id: IncidentId,
    pub audience: NoteAudience,
    /// Absent: the reporter, who is not named.
    pub author_id: Option<PersonId>,
    pub text: String,
    pub created_at: Instant,
}

/// # Errors
/// Where the database gives none.
pub fn insert(
    tx: &mut Conn,
    school: SchoolId,
    incident: IncidentId,
    audience: NoteAudience,
    author: Option<PersonId>,
    text: &str,
    now: Instant,
) -> QueryResult<NoteRow> {
    let (id, text) = (IncidentNoteId::new(), text.to_owned());
    let row = NoteRow { school_id: school, id, incident_id: incident, audience, author_id: author, text, created_at: now };
    diesel::insert_into(incident_notes::table).values(&row).execute(tx)?;
    Ok(row)
}

/// One page of the notes for these audiences, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    incident: IncidentId,
    audiences: &[NoteAudience],
    window: &Window<IncidentNoteId>,
) -> QueryResult<Vec<NoteRow>> {
    let mut query = incident_notes::table
        .filter(incident_notes::school_id.eq(school))
        .filter(incident_notes::incident_id.eq(incident))
        .filter(incident_notes::audience.eq_any(audiences))
        .order(incident_notes::id)
        .limit(window.fetch())
        .into_boxed();
    if let Some(after) = window.after {
        query = query.filter(incident_notes::id.gt(after));
    }
    query.select(NoteRow::as_select()).load(conn)
}

/// The newest of what reporter and lead have said to each other, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn with_reporter(conn: &mut Conn, school: SchoolId, incident: IncidentId) -> QueryResult<Vec<NoteRow>> {
    let mut rows: Vec<NoteRow> = incident_notes::table
        .filter(incident_notes::school_id.eq(school))
        .filter(incident_notes::incident_id.eq(incident))
        .filter(incident_notes::audience.eq(NoteAudience::Reporter))
        .order(incident_notes::id.desc())
        .limit(100)
        .select(NoteRow::as_select())
        .load(conn)?;
    rows.reverse();
    Ok(rows)
}
