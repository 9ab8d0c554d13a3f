//! Exceptions for contact with pupils in the database.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::contact_exceptions::{self, dsl};
use crate::db::schema::person_roles;
use crate::db::types::{ContactExceptionId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::contact::{ContactExceptionState, ContactRelationship};
use crate::policy::roles::Role;
use crate::problem::Problem;

/// One row of `contact_exceptions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = contact_exceptions, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ContactExceptionRow {
    pub school_id: SchoolId,
    pub id: ContactExceptionId,
    /// Who asks for it.
    pub person_id: PersonId,
    pub state: ContactExceptionState,
    /// The pupil, who may have left; absent where they are described instead.
    pub pupil_id: Option<PersonId>,
    pub pupil_description: Option<String>,
    pub relationship: ContactRelationship,
    pub explanation: Option<String>,
    pub decided_by: Option<PersonId>,
    pub decided_at: Option<Instant>,
    pub decision_reason: Option<String>,
    pub ended_by: Option<PersonId>,
    pub ended_at: Option<Instant>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What a caller may see of a school's exceptions.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    /// The headteacher's, and the person's.
    Heads(PersonId),
    Own(PersonId),
}

type Query<'a> = contact_exceptions::BoxedQuery<'a, MultiBackend>;

fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let all = dsl::contact_exceptions.filter(dsl::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Heads(person) => {
            let heads = person_roles::table.filter(person_roles::school_id.eq(school)).filter(person_roles::role.eq(Role::Headteacher));
            all.filter(dsl::person_id.eq(person).or(dsl::person_id.eq_any(heads.select(person_roles::person_id))))
        }
        Sight::Own(person) => all.filter(dsl::person_id.eq(person)),
    }
}

/// The exception, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: ContactExceptionId) -> Result<ContactExceptionRow, Problem> {
    let row = visible(school, sight).filter(dsl::id.eq(id)).select(ContactExceptionRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page, oldest first; in one of these states, or in any where none is named.
pub fn listing<'a>(school: SchoolId, sight: Sight, states: &[ContactExceptionState], window: &Window<ContactExceptionId>) -> Query<'a> {
    let mut query = visible(school, sight).order(dsl::id).limit(window.fetch());
    if !states.is_empty() {
        query = query.filter(dsl::state.eq_any(states.to_vec()));
    }
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    states: &[ContactExceptionState],
    window: &Window<ContactExceptionId>,
) -> QueryResult<Vec<ContactExceptionRow>> {
    listing(school, sight, states, window).select(ContactExceptionRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ContactExceptionRow) -> QueryResult<()> {
    diesel::insert_into(dsl::contact_exceptions).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed exception under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut ContactExceptionRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::contact_exceptions.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
