//! Commenting access in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::rules::NoticeChannel;
use crate::clock::Instant;
use crate::db::schema::commenting_access::{self, dsl};
use crate::db::types::{CommentingAccessId, PersonId, SchoolId};
use crate::db::{Conn, MultiBackend};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::platforms::Platform;
use crate::problem::Problem;

/// One row of `commenting_access`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = commenting_access, primary_key(school_id, id), treat_none_as_null = true)]
pub struct CommentingAccessRow {
    pub school_id: SchoolId,
    pub id: CommentingAccessId,
    pub person_id: PersonId,
    pub platform: Platform,
    pub platform_other_name: Option<String>,
    /// What makes the platform the same one.
    pub platform_key: String,
    pub since_on: NaiveDate,
    pub informed_on: Option<NaiveDate>,
    /// Absent where a service recorded it.
    pub informed_by: Option<PersonId>,
    pub channel: Option<NoticeChannel>,
    pub ended_on: Option<NaiveDate>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// What a caller may see of a school's commenting access.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    All,
    Own(PersonId),
}

/// Which access a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub people: Vec<PersonId>,
    /// Of those who were informed, or of those who still have to be.
    pub informed: Option<bool>,
}

fn visible<'a>(school: SchoolId, sight: Sight) -> commenting_access::BoxedQuery<'a, MultiBackend> {
    let all = dsl::commenting_access.filter(dsl::school_id.eq(school)).into_boxed();
    match sight {
        Sight::All => all,
        Sight::Own(person) => all.filter(dsl::person_id.eq(person)),
    }
}

/// The access, or 404.
///
/// # Errors
/// 404 where there is none for this caller.
pub fn find(conn: &mut Conn, school: SchoolId, sight: Sight, id: CommentingAccessId) -> Result<CommentingAccessRow, Problem> {
    let row = visible(school, sight).filter(dsl::id.eq(id)).select(CommentingAccessRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page of commenting access, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    sight: Sight,
    filter: &Filter,
    window: &Window<CommentingAccessId>,
) -> QueryResult<Vec<CommentingAccessRow>> {
    let mut query = visible(school, sight).order(dsl::id).limit(window.fetch());
    if !filter.people.is_empty() {
        query = query.filter(dsl::person_id.eq_any(filter.people.clone()));
    }
    query = match filter.informed {
        Some(true) => query.filter(dsl::informed_on.is_not_null()),
        Some(false) => query.filter(dsl::informed_on.is_null()).filter(dsl::ended_on.is_null()),
        None => query,
    };
    if let Some(since) = window.updated_since {
        query = query.filter(dsl::updated_at.ge(since));
    }
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query.select(CommentingAccessRow::as_select()).load(conn)
}

/// # Errors
/// 409 where the person's access to the platform is on file already.
pub fn insert(tx: &mut Conn, row: &CommentingAccessRow) -> QueryResult<()> {
    diesel::insert_into(dsl::commenting_access).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed access under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut CommentingAccessRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::commenting_access.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
