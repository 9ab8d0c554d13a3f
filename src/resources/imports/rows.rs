//! Imports and their records in the database.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::dsl::{exists, min, not};
use diesel::prelude::*;

use super::rules::{ImportFormat, ImportMode, ImportState, RecordKind};
use crate::clock::Instant;
use crate::db::Conn;
use crate::db::bulk::insert_all;
use crate::db::schema::{import_rows, imports, people};
use crate::db::types::{ImportId, PersonId, SchoolId};
use crate::page::Window;
use crate::problem::Problem;
use crate::resources::people::Relationship;
use crate::resources::people::bulk::ItemOutcome;

/// One row of `imports`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = imports, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ImportRow {
    pub school_id: SchoolId,
    pub id: ImportId,
    pub source: String,
    pub format: ImportFormat,
    pub mode: ImportMode,
    pub dry_run: bool,
    pub state: ImportState,
    /// How many may leave by it, as whoever started it has counted.
    pub confirm_leaving: Option<i64>,
    /// How many leave by it.
    pub leaving: i64,
    pub total: i64,
    /// The number of the last record that was dealt with.
    pub position: i64,
    pub created: i64,
    pub updated: i64,
    pub unchanged: i64,
    pub departed: i64,
    pub refused: i64,
    pub started_by: Option<PersonId>,
    pub actor_role: String,
    pub client_id: String,
    /// Why it was given up.
    pub problem: Option<String>,
    /// When all of the file was laid down; before that, the import is none yet.
    pub received_at: Option<Instant>,
    pub started_at: Option<Instant>,
    pub finished_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl ImportRow {
    pub fn done(&self) -> i64 {
        self.created + self.updated + self.unchanged + self.departed + self.refused
    }
}

/// One row of `import_rows`: a record of a file, in the order in which they are dealt with.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = import_rows)]
pub struct RecordRow {
    pub school_id: SchoolId,
    pub import_id: ImportId,
    pub number: i64,
    pub kind: RecordKind,
    /// By which the source knows the person; of a link, the pupil.
    pub external_id: String,
    /// Of a link, the guardian.
    pub guardian_id: Option<String>,
    /// Of a link; of a person, what they are to children by their role there.
    pub relationship: Option<Relationship>,
    pub has_parental_responsibility: Option<bool>,
    /// That they leave, now or some day.
    pub leaves: bool,
    /// What is said of them, until it has been dealt with.
    pub payload: Option<String>,
    pub outcome: Option<ItemOutcome>,
    pub status: Option<i32>,
    /// Why it was refused: code, detail and errors as JSON.
    pub problem: Option<String>,
    /// Roles that a person has to grant.
    pub withheld: String,
    pub person_id: Option<PersonId>,
}

/// Where guardians begin: all people come first.
pub const GUARDIANS_FROM: i64 = 1 << 40;
/// Where those begin who are not in the file.
pub const ABSENT_FROM: i64 = 1 << 41;

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ImportRow) -> QueryResult<()> {
    diesel::insert_into(imports::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores it under its next version.
///
/// # Errors
/// Where the database gives none.
pub fn save(tx: &mut Conn, row: &mut ImportRow, now: Instant) -> QueryResult<()> {
    row.version += 1;
    row.updated_at = now;
    diesel::update(imports::table.find((row.school_id, row.id))).set(&*row).execute(tx)?;
    Ok(())
}

/// Everything of an import that came to nothing.
///
/// # Errors
/// Where the database gives none.
pub fn discard(tx: &mut Conn, school: SchoolId, id: ImportId) -> QueryResult<()> {
    diesel::delete(import_rows::table.filter(import_rows::school_id.eq(school)).filter(import_rows::import_id.eq(id))).execute(tx)?;
    diesel::delete(imports::table.find((school, id))).execute(tx)?;
    Ok(())
}

/// The import.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: ImportId) -> Result<ImportRow, Problem> {
    Ok(imports::table.find((school, id)).filter(imports::received_at.is_not_null()).select(ImportRow::as_select()).first(conn)?)
}

/// Whether an import was admitted.
///
/// # Errors
/// Where the database gives none.
pub fn is_admitted(conn: &mut Conn, school: SchoolId, id: ImportId) -> QueryResult<bool> {
    diesel::select(exists(imports::table.find((school, id)).filter(imports::received_at.is_not_null()))).get_result(conn)
}

/// One page of imports, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, states: &[ImportState], window: &Window<ImportId>) -> QueryResult<Vec<ImportRow>> {
    let mut query = imports::table
        .filter(imports::school_id.eq(school))
        .filter(imports::received_at.is_not_null())
        .order(imports::id)
        .limit(window.fetch())
        .into_boxed();
    if !states.is_empty() {
        query = query.filter(imports::state.eq_any(states.to_vec()));
    }
    if let Some(after) = window.after {
        query = query.filter(imports::id.gt(after));
    }
    query.select(ImportRow::as_select()).load(conn)
}

/// Those that are waiting or under way.
macro_rules! underway {
    () => {
        imports::table.filter(imports::state.eq_any([ImportState::Queued, ImportState::Running])).filter(imports::received_at.is_not_null())
    };
}

/// The schools that have an import waiting or under way.
///
/// # Errors
/// Where the database gives none.
pub fn schools_that_import(conn: &mut Conn) -> QueryResult<Vec<SchoolId>> {
    underway!().select(imports::school_id).distinct().load(conn)
}

/// The import that is waiting or under way.
///
/// # Errors
/// Where the database gives none.
pub fn open(conn: &mut Conn, school: SchoolId) -> QueryResult<Option<ImportRow>> {
    underway!().filter(imports::school_id.eq(school)).order(imports::id).select(ImportRow::as_select()).first(conn).optional()
}

/// Imports that are to be forgotten: files that never came in whole, and what was finished long ago.
///
/// # Errors
/// Where the database gives none.
pub fn stale(conn: &mut Conn, school: SchoolId, begun: Instant, finished: Instant, most: i64) -> QueryResult<Vec<ImportId>> {
    let broken = imports::received_at.is_null().and(imports::created_at.lt(begun));
    imports::table
        .filter(imports::school_id.eq(school))
        .filter(broken.or(imports::finished_at.lt(finished).assume_not_null()))
        .select(imports::id)
        .limit(most)
        .load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert_records(tx: &mut Conn, records: &[RecordRow]) -> QueryResult<()> {
    insert_all!(tx, import_rows::table, records)
}

type Records<'a> = import_rows::BoxedQuery<'a, crate::db::MultiBackend>;

fn records<'a>(school: SchoolId, id: ImportId) -> Records<'a> {
    import_rows::table.filter(import_rows::school_id.eq(school)).filter(import_rows::import_id.eq(id)).into_boxed()
}

/// The next records after `position`, in order.
///
/// # Errors
/// Where the database gives none.
pub fn after(conn: &mut Conn, import: &ImportRow, most: i64) -> QueryResult<Vec<RecordRow>> {
    records(import.school_id, import.id)
        .filter(import_rows::number.gt(import.position))
        .order(import_rows::number)
        .limit(most)
        .select(RecordRow::as_select())
        .load(conn)
}

/// One page of records, in order, that came to one of these ends.
///
/// # Errors
/// Where the database gives none.
pub fn results(
    conn: &mut Conn,
    school: SchoolId,
    id: ImportId,
    outcomes: &[ItemOutcome],
    window: &Window<i64>,
) -> QueryResult<Vec<RecordRow>> {
    let mut query = records(school, id).order(import_rows::number).limit(window.fetch());
    if !outcomes.is_empty() {
        query = query.filter(import_rows::outcome.eq_any(outcomes.iter().copied().map(Some).collect::<Vec<_>>()));
    }
    if let Some(after) = window.after {
        query = query.filter(import_rows::number.gt(after));
    }
    query.select(RecordRow::as_select()).load(conn)
}

/// The people of the file who are known there by these ids; the first of each.
///
/// # Errors
/// Where the database gives none.
pub fn people_of(conn: &mut Conn, school: SchoolId, id: ImportId, external_ids: Vec<&str>) -> QueryResult<HashMap<String, RecordRow>> {
    let found: Vec<RecordRow> = records(school, id)
        .filter(import_rows::kind.eq(RecordKind::Person))
        .filter(import_rows::external_id.eq_any(external_ids))
        .order(import_rows::number.desc())
        .select(RecordRow::as_select())
        .load(conn)?;
    Ok(found.into_iter().map(|record| (record.external_id.clone(), record)).collect())
}

/// Where people of the file stand in it first.
///
/// # Errors
/// Where the database gives none.
pub fn first_of(conn: &mut Conn, school: SchoolId, id: ImportId, external_ids: Vec<&str>) -> QueryResult<HashMap<String, i64>> {
    let first: Vec<(String, Option<i64>)> = import_rows::table
        .filter(import_rows::school_id.eq(school))
        .filter(import_rows::import_id.eq(id))
        .filter(import_rows::kind.eq(RecordKind::Person))
        .filter(import_rows::external_id.eq_any(external_ids))
        .group_by(import_rows::external_id)
        .select((import_rows::external_id, min(import_rows::number)))
        .load(conn)?;
    Ok(first.into_iter().filter_map(|(id, number)| Some((id, number?))).collect())
}

/// Puts records in the place of those of the same numbers.
///
/// # Errors
/// Where the database gives none.
pub fn replace(tx: &mut Conn, school: SchoolId, id: ImportId, records: &[RecordRow]) -> QueryResult<()> {
    let numbers: Vec<i64> = records.iter().map(|record| record.number).collect();
    let old = import_rows::table.filter(import_rows::school_id.eq(school)).filter(import_rows::import_id.eq(id));
    diesel::delete(old.filter(import_rows::number.eq_any(numbers))).execute(tx)?;
    insert_records(tx, records)
}

/// Forgets what was said of people who will not be dealt with any more.
///
/// # Errors
/// Where the database gives none.
pub fn forget_payloads(tx: &mut Conn, school: SchoolId, id: ImportId) -> QueryResult<()> {
    let said = import_rows::table.filter(import_rows::school_id.eq(school)).filter(import_rows::import_id.eq(id));
    diesel::update(said.filter(import_rows::payload.is_not_null())).set(import_rows::payload.eq(None::<String>)).execute(tx)?;
    Ok(())
}

/// How many records there are.
///
/// # Errors
/// Where the database gives none.
pub fn count(conn: &mut Conn, school: SchoolId, id: ImportId) -> QueryResult<i64> {
    records(school, id).count().get_result(conn)
}

/// Whether one of these records does not say whom it is about.
///
/// # Errors
/// Where the database gives none.
pub fn has_nameless(conn: &mut Conn, school: SchoolId, id: ImportId) -> QueryResult<bool> {
    Ok(people_of(conn, school, id, vec![""])?.contains_key(""))
}

/// Who is at the school, of those whom the source knows.
macro_rules! present {
    ($import:expr, $today:expr) => {
        people::table
            .filter(people::school_id.eq($import.school_id))
            .filter(people::external_source.eq($import.source.clone()))
            .filter(people::left_on.is_null().or(people::left_on.gt($today)))
    };
}

/// Whom the file names. To be asked for with `not(… eq_any(…))` alone: that both engines answer out of a table of hashes
/// or an index made for it. What would be a join is one row against all others to a `PostgreSQL` that has no statistics of
/// a file that has just come in.
macro_rules! named {
    ($import:expr) => {
        import_rows::table
            .filter(import_rows::school_id.eq($import.school_id))
            .filter(import_rows::import_id.eq($import.id))
            .filter(import_rows::kind.eq(RecordKind::Person))
            .select(import_rows::external_id.nullable())
    };
}

/// How many are at the school of those whom the source knows, and how many of them the file says leave.
///
/// # Errors
/// Where the database gives none.
pub fn leaving(conn: &mut Conn, import: &ImportRow, today: NaiveDate) -> QueryResult<(i64, i64)> {
    let present = present!(import, today).count().get_result(conn)?;
    let there: i64 = present!(import, today).filter(people::left_on.is_null()).count().get_result(conn)?;
    let leaving = named!(import).filter(import_rows::leaves.eq(true));
    let staying = present!(import, today).filter(people::left_on.is_null()).filter(not(people::external_id.eq_any(leaving)));
    Ok((present, there - staying.count().get_result::<i64>(conn)?))
}

/// Those at the school whom the source knows and the file does not name.
///
/// # Errors
/// Where the database gives none.
pub fn absent(conn: &mut Conn, import: &ImportRow, today: NaiveDate) -> QueryResult<Vec<String>> {
    let absent: Vec<Option<String>> = present!(import, today)
        .filter(not(people::external_id.eq_any(named!(import))))
        .order(people::id)
        .select(people::external_id)
        .load(conn)?;
    Ok(absent.into_iter().flatten().collect())
}
