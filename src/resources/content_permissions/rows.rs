//! Content permissions in the database.

use chrono::NaiveDate;
use diesel::prelude::*;

use crate::clock::Instant;
use crate::db::Conn;
use crate::db::schema::content_permissions::{self, dsl};
use crate::db::types::{ContentPermissionId, PersonId, SchoolId};
use crate::http::precondition;
use crate::page::Window;
use crate::policy::copyright::{ContentBasis, ContentRight, Licence};
use crate::problem::Problem;
use crate::words::split;

/// One row of `content_permissions`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = content_permissions, primary_key(school_id, id), treat_none_as_null = true)]
pub struct ContentPermissionRow {
    pub school_id: SchoolId,
    pub id: ContentPermissionId,
    pub work: String,
    pub rights_holder: String,
    pub basis: ContentBasis,
    pub licence: Option<Licence>,
    pub exception: Option<String>,
    pub evidence: Option<String>,
    pub granted_on: NaiveDate,
    pub expires_on: Option<NaiveDate>,
    /// Words: the platforms; empty for everywhere.
    pub scope: String,
    pub attribution_text: Option<String>,
    pub recorded_by: PersonId,
    pub withdrawn_at: Option<Instant>,
    pub withdrawn_by: Option<PersonId>,
    pub withdrawal_reason: Option<String>,
    pub version: i64,
    pub created_at: Instant,
    pub updated_at: Instant,
    pub expiry_recorded_at: Option<Instant>,
}

impl ContentPermissionRow {
    /// What the policy asks of it.
    pub fn right(&self) -> ContentRight {
        ContentRight {
            basis: self.basis,
            licence: self.licence,
            exception_named: self.exception.is_some(),
            evidenced: self.evidence.is_some(),
            attributed: self.attribution_text.is_some(),
            granted_on: self.granted_on,
            expires_on: self.expires_on,
            withdrawn: self.withdrawn_at.is_some(),
            scope: split(&self.scope),
        }
    }
}

/// A day, and the instant at which it ends.
pub type ValidOn = (NaiveDate, Instant);

/// The permission, or 404.
///
/// # Errors
/// 404 where there is none.
pub fn find(conn: &mut Conn, school: SchoolId, id: ContentPermissionId) -> Result<ContentPermissionRow, Problem> {
    let row = dsl::content_permissions.find((school, id)).select(ContentPermissionRow::as_select()).first(conn).optional()?;
    row.ok_or_else(Problem::not_found)
}

/// Those of several permissions that there are.
///
/// # Errors
/// Where the database gives none.
pub fn several(conn: &mut Conn, school: SchoolId, ids: &[ContentPermissionId]) -> QueryResult<Vec<ContentPermissionRow>> {
    dsl::content_permissions
        .filter(dsl::school_id.eq(school))
        .filter(dsl::id.eq_any(ids))
        .select(ContentPermissionRow::as_select())
        .load(conn)
}

/// Marks permissions of which the last day is over, once.
///
/// # Errors
/// Where the database gives none.
pub fn mark_expired(tx: &mut Conn, school: SchoolId, today: NaiveDate, now: Instant, most: i64) -> QueryResult<Vec<ContentPermissionId>> {
    let ids: Vec<ContentPermissionId> = dsl::content_permissions
        .filter(dsl::school_id.eq(school))
        .filter(dsl::expires_on.lt(Some(today)))
        .filter(dsl::expiry_recorded_at.is_null())
        .limit(most)
        .select(dsl::id)
        .load(tx)?;
    diesel::update(dsl::content_permissions.filter(dsl::school_id.eq(school)).filter(dsl::id.eq_any(&ids)))
        .set(dsl::expiry_recorded_at.eq(Some(now)))
        .execute(tx)?;
    Ok(ids)
}

/// One page of permissions, oldest first: all, or those that hold on a day.
///
/// # Errors
/// Where the database gives none.
pub fn list(
    conn: &mut Conn,
    school: SchoolId,
    valid_on: Option<ValidOn>,
    window: &Window<ContentPermissionId>,
) -> QueryResult<Vec<ContentPermissionRow>> {
    let mut query = dsl::content_permissions.filter(dsl::school_id.eq(school)).order(dsl::id).limit(window.fetch()).into_boxed();
    if let Some((day, end)) = valid_on {
        query = query
            .filter(dsl::granted_on.le(day))
            .filter(dsl::expires_on.is_null().or(dsl::expires_on.ge(day)))
            .filter(dsl::withdrawn_at.is_null().or(dsl::withdrawn_at.ge(end)));
    }
    if let Some(after) = window.after {
        query = query.filter(dsl::id.gt(after));
    }
    query.select(ContentPermissionRow::as_select()).load(conn)
}

/// # Errors
/// Where the database gives none.
pub fn insert(tx: &mut Conn, row: &ContentPermissionRow) -> QueryResult<()> {
    diesel::insert_into(dsl::content_permissions).values(row).execute(tx)?;
    Ok(())
}

/// Stores a changed permission under its next version.
///
/// # Errors
/// 412 where it has been changed meanwhile.
pub fn save(tx: &mut Conn, row: &mut ContentPermissionRow, now: Instant) -> Result<(), Problem> {
    let read = row.version;
    row.version += 1;
    row.updated_at = now;
    let row = &*row;
    let stored = dsl::content_permissions.find((row.school_id, row.id)).filter(dsl::version.eq(read));
    let saved = diesel::update(stored).set(row).execute(tx)?;
    precondition::saved(saved)
}
