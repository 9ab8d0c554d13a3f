//! Low-level concerns in the database.

use std::collections::HashMap;

use chrono::NaiveDate;
use diesel::dsl::{AsExprOf, count_star, not};
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::rules::{ConcernOutcome, LowLevelConcernState};
use crate::clock::Instant;
use crate::db::schema::low_level_concerns::{self, dsl};
use crate::db::schema::{people, person_roles};
use crate::db::types::{LowLevelConcernId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::concerns::{About, may_see};
use crate::policy::roles::Role;
use crate::problem::Problem;

/// One row of `low_level_concerns`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = low_level_concerns, primary_key(school_id, id), treat_none_as_null = true)]
pub struct LowLevelConcernRow {
    pub school_id: SchoolId,
    pub id: LowLevelConcernId,
    pub about_person_id: PersonId,
    pub recorded_by: PersonId,
    pub shared_by_id: Option<PersonId>,
    pub state: LowLevelConcernState,
    pub occurred_on: NaiveDate,
    pub what_happened: String,
    pub context: String,
    pub action_taken: Option<String>,
    pub outcome: Option<ConcernOutcome>,
    pub review_reason: Option<String>,
    pub reviewed_at: Option<Instant>,
    pub reviewed_by: Option<PersonId>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// Somebody who reads, and what `policy::concerns` keeps from their roles: whether it is about somebody who is neither
/// headteacher nor safeguarding lead, only the one, only the other, or both.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    person: PersonId,
    not_anybody: bool,
    not_dsl: bool,
    not_head: bool,
    not_both: bool,
}

impl Reader {
    pub fn new(person: PersonId, roles: &[Role]) -> Self {
        let [not_anybody, not_dsl, not_head, not_both] = About::ALL.map(|about| !may_see(roles, about));
        Self { person, not_anybody, not_dsl, not_head, not_both }
    }
}

/// Whether a concern is about somebody who holds a role.
#[diesel::dsl::auto_type]
fn held(school: SchoolId, role: Role) -> _ {
    let holders = person_roles::table.filter(person_roles::school_id.eq(school)).filter(person_roles::role.eq(role));
    low_level_concerns::about_person_id.eq_any(holders.select(person_roles::person_id))
}

/// Whether a concern is about somebody who does not.
#[diesel::dsl::auto_type]
fn unheld(school: SchoolId, role: Role) -> _ {
    let holders = person_roles::table.filter(person_roles::school_id.eq(school)).filter(person_roles::role.eq(role));
    low_level_concerns::about_person_id.ne_all(holders.select(person_roles::person_id))
}

/// What is kept from a reader: what is about themselves, and what is kept from their roles.
#[diesel::dsl::auto_type]
fn kept(school: SchoolId, reader: Reader) -> _ {
    let person: PersonId = reader.person;
    let both: AsExprOf<bool, Bool> = reader.not_both.into_sql::<Bool>();
    let only_head: AsExprOf<bool, Bool> = reader.not_head.into_sql::<Bool>();
    let only_dsl: AsExprOf<bool, Bool> = reader.not_dsl.into_sql::<Bool>();
    let neither: AsExprOf<bool, Bool> = reader.not_anybody.into_sql::<Bool>();
    let head: held = held(school, Role::Headteacher);
    let head_too: held = held(school, Role::Headteacher);
    let safeguards: held = held(school, Role::Dsl);
    let dsl_too: held = held(school, Role::Dsl);
    let no_head: unheld = unheld(school, Role::Headteacher);
    let no_head_either: unheld = unheld(school, Role::Headteacher);
    let not_a_dsl: unheld = unheld(school, Role::Dsl);
    let not_a_dsl_either: unheld = unheld(school, Role::Dsl);
    low_level_concerns::about_person_id
        .eq(person)
        .or(head.and(safeguards).and(both))
        .or(head_too.and(not_a_dsl).and(only_head))
        .or(no_head.and(dsl_too).and(only_dsl))
        .or(no_head_either.and(not_a_dsl_either).and(neither))
}

/// The ids of the concerns that a reader may not know of, for use inside of other queries.
#[diesel::dsl::auto_type(no_type_alias)]
pub fn hidden_from(school: SchoolId, reader: Reader) -> _ {
    let kept: kept = kept(school, reader);
    low_level_concerns::table.filter(low_level_concerns::school_id.eq(school)).filter(kept).select(low_level_concerns::id)
}

fn visible<'a>(school: SchoolId, reader: Reader) -> low_level_concerns::BoxedQuery<'a, MultiBackend> {
    low_level_concerns::table.filter(dsl::school_id.eq(school)).filter(not(kept(school, reader))).into_boxed()
}

/// The concern, or 404.
///
/// # Errors
/// 404 where there is none for this reader.
pub fn find(conn: &mut Conn, school: SchoolId, reader: Reader, id: LowLevelConcernId) -> Result<LowLevelConcernRow, Problem> {
    let row = visible(school, reader).filter(dsl::id.eq(id)).select(LowLevelConcernRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of concerns, oldest first: about these people, or about anybody where none is named.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    reader: Reader,
    about: &[PersonId],
    window: &Window<LowLevelConcernId>,
) -> QueryResult<Vec<LowLevelConcernRow>> {
    let mut query = visible(school, reader).order(dsl::id).limit(window.fetch());
    match about {
        [] => {}
        [person] => query = query.filter(dsl::about_person_id.eq(*person)),
        _ => query = query.filter(dsl::about_person_id.eq_any(about.to_vec())),
    }
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query.select(LowLevelConcernRow::as_select()).load(conn)
}

/// What is known of those whom concerns are about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject {
    /// How many concerns there are about them. Who sees one of them sees all.
    pub concerns: i64,
    pub left_on: Option<NaiveDate>,
}

/// # Errors
/// Where the database gives none.
pub fn subjects(conn: &mut Conn, school: SchoolId, ids: &[PersonId]) -> QueryResult<HashMap<PersonId, Subject>> {
    let counts: Vec<(PersonId, i64)> = low_level_concerns::table
        .filter(dsl::school_id.eq(school))
        .filter(dsl::about_person_id.eq_any(ids))
        .group_by(dsl::about_person_id)
        .select((dsl::about_person_id, count_star()))
        .load(conn)?;
    let left: Vec<(PersonId, Option<NaiveDate>)> = people::table
        .filter(people::school_id.eq(school))
        .filter(people::id.eq_any(ids))
        .select((people::id, people::left_on))
        .load(conn)?;
    let counts: HashMap<PersonId, i64> = counts.into_iter().collect();
    let subject = |(id, left_on)| (id, Subject { concerns: counts.get(&id).copied().unwrap_or(0), left_on });
    Ok(left.into_iter().map(subject).collect())
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &LowLevelConcernRow) -> QueryResult<()> {
    diesel::insert_into(dsl::low_level_concerns).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed concern under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut LowLevelConcernRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::low_level_concerns.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
