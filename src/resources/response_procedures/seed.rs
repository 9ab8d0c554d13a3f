//! The response procedure that every school begins with, in force from the first day (PRO-2).

use diesel::prelude::*;
use diesel::result::Error as QueryError;

use super::rows::{self, ResponseProcedureRow};
use super::rules::ResponseProcedureState;
use crate::db::Conn;
use crate::db::types::ResponseProcedureId;
use crate::events::{self, Actor, Event, EventType};
use crate::policy::procedures;

/// Gives a school that has never had a response procedure the one that every school begins with; whether it did.
///
/// # Errors
/// Where the database gives none.
pub fn seed(tx: &mut Conn, by: Actor) -> QueryResult<bool> {
    let (school, now) = (by.school, by.at);
    let number = rows::next_number(tx, school)?;
    if number > 1 {
        return Ok(false);
    }
    let unreadable = |error: serde_json::Error| QueryError::SerializationError(error.into());
    let tree = procedures::first().map_err(unreadable)?;
    let row = ResponseProcedureRow {
        school_id: school,
        id: ResponseProcedureId::new(),
        number,
        state: ResponseProcedureState::Published,
        tree: serde_json::to_string(&tree).map_err(unreadable)?,
        change_summary: None,
        drafted_by: None,
        published_at: Some(now),
        published_by: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    rows::insert(tx, &row)?;
    events::record(tx, by, Event::new(EventType::ResponseProcedurePublished, row.id.uuid()).state(row.state))?;
    Ok(true)
}
