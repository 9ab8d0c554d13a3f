//! Consent notices in the database.

use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::consent_notices;
use crate::db::types::{ConsentNoticeId, PersonId, SchoolId};
use crate::page::Window;
use crate::policy::consent::Purpose;
use crate::problem::Problem;

/// One row of `consent_notices`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = consent_notices)]
pub struct NoticeRow {
    pub school_id: SchoolId,
    pub id: ConsentNoticeId,
    pub purpose: Purpose,
    /// From 1 on, for each purpose.
    pub number: i32,
    pub language: String,
    pub text: String,
    pub retention: String,
    pub content_hash: String,
    pub published_by: PersonId,
    pub created_at: Instant,
}

/// The notice, or 404.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: ConsentNoticeId) -> Result<NoticeRow, Problem> {
    let row = consent_notices::table.find((school, id)).select(NoticeRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// One page, oldest first.
///
/// # Errors
/// Where the database gives none.
pub fn list(conn: &mut Conn, school: SchoolId, purpose: Option<Purpose>, window: &Window<ConsentNoticeId>) -> QueryResult<Vec<NoticeRow>> {
    let mut query =
        consent_notices::table.filter(consent_notices::school_id.eq(school)).order(consent_notices::id).limit(window.fetch()).into_boxed();
    if let Some(purpose) = purpose {
        query = query.filter(consent_notices::purpose.eq(purpose));
    }
    if let Some(after) = window.after {
        query = query.filter(consent_notices::id.gt(after));
    }
    query.select(NoticeRow::as_select()).load(conn)
}

/// The number of the notice that is in force for a purpose; 0 where there is none.
///
/// # Errors
/// Where the database gives none.
pub fn in_force(conn: &mut Conn, school: SchoolId, purpose: Purpose) -> QueryResult<i32> {
    let newest = consent_notices::table
        .filter(consent_notices::school_id.eq(school))
        .filter(consent_notices::purpose.eq(purpose))
        .select(diesel::dsl::max(consent_notices::number));
    Ok(newest.first::<Option<i32>>(conn)?.unwrap_or(0))
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &NoticeRow) -> QueryResult<()> {
    diesel::insert_into(consent_notices::table).values(row).execute(tx)?;
    Ok(())
}
