//! Exit records in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::api::ExitMethod;
use crate::clock::Instant;
use crate::db::schema::{exit_records, people};
use crate::db::types::{ExitRecordId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::page::Window;
use crate::policy::roles::PersonKind;
use crate::problem::Problem;

/// One row of `exit_records`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = exit_records)]
pub struct ExitRecordRow {
    pub school_id: SchoolId,
    pub id: ExitRecordId,
    pub person_id: PersonId,
    pub acknowledged_on: NaiveDate,
    pub method: ExitMethod,
    pub note: Option<String>,
    pub recorded_by: PersonId,
    pub recorded_at: Instant,
    /// When the person was at the school after all.
    pub void_at: Option<Instant>,
}

/// What a caller may see of a school's exit records.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// The person's.
    Own(PersonId),
}

type Query<'a> = exit_records::BoxedQuery<'a, MultiBackend>;

fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let all = exit_records::table.filter(exit_records::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(exit_records::person_id.eq(person)),
    }
}

/// The exit record, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: ExitRecordId) -> Result<ExitRecordRow, Problem> {
    let row = visible(school, sight).filter(exit_records::id.eq(id)).select(ExitRecordRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page of exit records, oldest first; of one person, or of all.
pub fn listing<'a>(school: SchoolId, sight: Sight, person: Option<PersonId>, window: &Window<ExitRecordId>) -> Query<'a> {
    let mut query = visible(school, sight).order(exit_records::id).limit(window.fetch());
    if let Some(person) = person {
        query = query.filter(exit_records::person_id.eq(person));
    }
    if let Some(after) = window.after {
        query = query.filter(exit_records::id.gt(after));
    }
    query
}

/// One page of exit records.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    person: Option<PersonId>,
    window: &Window<ExitRecordId>,
) -> QueryResult<Vec<ExitRecordRow>> {
    listing(school, sight, person, window).select(ExitRecordRow::as_select()).load(conn)
}

/// One page of the people who leave, or have left, and of whom no exit record counts: those who worked for the school or
/// governed it.
///
/// # Errors
/// Where the database gives none.
pub fn outstanding(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    window: &Window<PersonId>,
) -> QueryResult<Vec<(PersonId, Option<NaiveDate>)>> {
    let made = exit_records::table
        .filter(exit_records::school_id.eq(school))
        .filter(exit_records::void_at.is_null())
        .select(exit_records::person_id);
    let mut query = people::table
        .filter(people::school_id.eq(school))
        .filter(people::left_on.is_not_null())
        .filter(people::kind.eq_any([PersonKind::Staff, PersonKind::Volunteer, PersonKind::Governor]))
        .filter(people::id.ne_all(made))
        .order(people::id)
        .limit(window.fetch())
        .select((people::id, people::left_on))
        .into_boxed();
    if let Sight::Own(person) = sight {
        query = query.filter(people::id.eq(person));
    }
    if let Some(after) = window.after {
        query = query.filter(people::id.gt(after));
    }
    query.load(conn)
}

/// # Errors
/// 409 where there is one of this leaving already.
pub fn insert(tx: &mut Conn, row: &ExitRecordRow) -> QueryResult<()> {
    diesel::insert_into(exit_records::table).values(row).execute(tx)?;
    Ok(())
}

/// Has the record of a leaving that is taken back count no more; says which it was.
///
/// # Errors
/// Where the database gives none.
pub fn void(tx: &mut Conn, school: SchoolId, person: PersonId, now: Instant) -> QueryResult<Option<ExitRecordId>> {
    let counts = visible(school, Sight::Own(person)).filter(exit_records::void_at.is_null());
    let Some(id) = counts.select(exit_records::id).first::<ExitRecordId>(tx).optional()? else { return Ok(None) };
    diesel::update(exit_records::table.find((school, id))).set(exit_records::void_at.eq(Some(now))).execute(tx)?;
    Ok(Some(id))
}
