//! Image objections in the database.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::{guardians, image_objections};
use crate::db::types::{ImageObjectionId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::problem::Problem;

/// One row of `image_objections`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = image_objections, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ObjectionRow {
    pub school_id: SchoolId,
    pub id: ImageObjectionId,
    pub person_id: Option<PersonId>,
    /// Of somebody whom the school has no record of.
    pub description: Option<String>,
    pub event_on: Option<NaiveDate>,
    pub event_name: Option<String>,
    pub reason: Option<String>,
    pub raised_by: PersonId,
    pub raised_at: Instant,
    pub lifted_by: Option<PersonId>,
    pub lifted_at: Option<Instant>,
    pub version: i64,
    pub updated_at: Instant,
}

/// What a caller may see of a school's objections.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// About oneself and one's children, and what one raised.
    Own(PersonId),
}

fn visible<'a>(school: SchoolId, sight: Sight) -> image_objections::BoxedQuery<'a, MultiBackend> {
    let all = image_objections::table.filter(image_objections::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => {
            let children = guardians::table
                .filter(guardians::school_id.eq(school))
                .filter(guardians::guardian_id.eq(person))
                // Who may not decide for a child does not read who asked for it to be kept out of sight.
                .filter(guardians::has_parental_responsibility.eq(true))
                .select(guardians::pupil_id);
            let of = image_objections::person_id.assume_not_null();
            all.filter(image_objections::raised_by.eq(person).or(of.eq(person)).or(of.eq_any(children)))
        }
    }
}

/// The objection, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: ImageObjectionId) -> Result<ObjectionRow, Problem> {
    let row = visible(school, sight).filter(image_objections::id.eq(id)).select(ObjectionRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    in_force: bool,
    window: &Window<ImageObjectionId>,
) -> QueryResult<Vec<ObjectionRow>> {
    let mut query = visible(school, sight).order(image_objections::id).limit(window.fetch());
    if in_force {
        query = query.filter(image_objections::lifted_at.is_null());
    }
    if let Some(after) = window.after {
        query = query.filter(image_objections::id.gt(after));
    }
    query.select(ObjectionRow::as_select()).load(conn)
}

/// Who of several people objects, and to what was taken on which day: everything, where there is none.
///
/// # Errors
/// Where the database gives none.
pub fn of(conn: &mut Conn, school: SchoolId, people: &[PersonId]) -> QueryResult<HashMap<PersonId, Vec<Option<NaiveDate>>>> {
    let people: Vec<Option<PersonId>> = people.iter().copied().map(Some).collect();
    let rows: Vec<(Option<PersonId>, Option<NaiveDate>)> = image_objections::table
        .filter(image_objections::school_id.eq(school))
        .filter(image_objections::person_id.eq_any(people))
        .filter(image_objections::lifted_at.is_null())
        .select((image_objections::person_id, image_objections::event_on))
        .load(conn)?;
    let mut all: HashMap<PersonId, Vec<Option<NaiveDate>>> = HashMap::new();
    for (person, day) in rows {
        if let Some(person) = person {
            all.entry(person).or_default().push(day);
        }
    }
    Ok(all)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ObjectionRow) -> QueryResult<()> {
    diesel::insert_into(image_objections::table).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed objection under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut ObjectionRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = image_objections::table.find((row.school_id, row.id)).filter(image_objections::version.eq(read));
    precondition::saved(diesel::update(stored).set(row).execute(tx)?)
}
