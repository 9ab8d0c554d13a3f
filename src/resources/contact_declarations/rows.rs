//! Declarations on contact with pupils in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::schema::contact_declarations::{self, dsl};
use crate::db::schema::people;
use crate::db::types::{ContactDeclarationId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::page::Window;
use crate::policy::roles::PersonKind;
use crate::problem::Problem;

/// One row of `contact_declarations`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = contact_declarations)]
pub struct ContactDeclarationRow {
    pub school_id: SchoolId,
    pub id: ContactDeclarationId,
    pub person_id: PersonId,
    pub no_contact: bool,
    pub explanation: Option<String>,
    pub declared_on: NaiveDate,
    pub created_at: Instant,
}

/// What a caller may see of a school's declarations.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    Own(PersonId),
}

type Query<'a> = contact_declarations::BoxedQuery<'a, MultiBackend>;

fn visible<'a>(school: SchoolId, sight: Sight) -> Query<'a> {
    let all = dsl::contact_declarations.filter(dsl::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(dsl::person_id.eq(person)),
    }
}

/// The declaration, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: ContactDeclarationId) -> Result<ContactDeclarationRow, Problem> {
    let row = visible(school, sight).filter(dsl::id.eq(id)).select(ContactDeclarationRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// The query behind a page, oldest first.
pub fn listing<'a>(school: SchoolId, sight: Sight, window: &Window<ContactDeclarationId>) -> Query<'a> {
    let query = visible(school, sight).order(dsl::id).limit(window.fetch());
    match window.after {
        Some(after) => query.filter(dsl::id.gt(after)),
        None => query,
    }
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    window: &Window<ContactDeclarationId>,
) -> QueryResult<Vec<ContactDeclarationRow>> {
    listing(school, sight, window).select(ContactDeclarationRow::as_select()).load(conn)
}

/// One page of the members of staff at the school who have declared nothing since a day.
///
/// # Errors
/// Where the database gives none.
pub fn missing(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    since: NaiveDate,
    today: NaiveDate,
    window: &Window<PersonId>,
) -> QueryResult<Vec<PersonId>> {
    let declared = dsl::contact_declarations.filter(dsl::school_id.eq(school)).filter(dsl::declared_on.ge(since)).select(dsl::person_id);
    let mut query = people::table
        .filter(people::school_id.eq(school))
        .filter(people::kind.eq(PersonKind::Staff))
        .filter(people::left_on.is_null().or(people::left_on.gt(today)))
        .filter(people::id.ne_all(declared))
        .order(people::id)
        .limit(window.fetch())
        .select(people::id)
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
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ContactDeclarationRow) -> QueryResult<()> {
    diesel::insert_into(dsl::contact_declarations).values(row).execute(tx)?;
    Ok(())
}
